//! What must not be given is refused by a code and a line that say where it is.

use std::ptr;

use super::{Arrays, Said, iterations, solve, verify, zeroed};
use crate::abi::{Code, Error, Gap, Options, Outcome, Problem};
use crate::{idealloc_solve, idealloc_verify};

fn two() -> Arrays {
    Arrays::of(&[(0, 3, 64), (2, 5, 64)])
}

fn refused(problem: &Problem) -> Said {
    solve(problem, &iterations(1)).expect_err("it is to be refused")
}

#[test]
fn a_pointer_that_must_not_be_null_is_named() {
    let arrays = two();
    type Spoil = fn(&mut Problem);
    let cases: [(&str, Spoil); 6] = [
        ("lower", |problem| problem.lower = ptr::null()),
        ("upper", |problem| problem.upper = ptr::null()),
        ("size", |problem| problem.size = ptr::null()),
        ("gaps", |problem| problem.gap_count = 1),
        ("has_pin", |problem| problem.pin = problem.size),
        ("group", |problem| problem.has_group = [1, 1].as_ptr()),
    ];
    for (name, spoil) in cases {
        let mut problem = arrays.problem();
        spoil(&mut problem);
        let said = refused(&problem);
        assert_eq!(said.code, Code::Pointer, "{said:?}");
        assert!(
            said.message.starts_with(&format!("{name} is NULL")),
            "{said:?}"
        );
    }
    let (problem, mut error): (_, Error) = (arrays.problem(), zeroed());
    // SAFETY: pointers that are not NULL point to what they should.
    unsafe {
        let (no_options, no_result) = (ptr::null(), ptr::null_mut());
        let code = idealloc_solve(&problem, no_options, ptr::null_mut(), no_result, &mut error);
        assert_eq!(super::said(code, &error).code, Code::Pointer);
        let code = idealloc_verify(&problem, 0, ptr::null(), &mut error);
        assert_eq!(super::said(code, &error).code, Code::Pointer);
        let code = idealloc_verify(ptr::null(), 0, ptr::null(), ptr::null_mut());
        assert_eq!(code, Code::Pointer);
    }
}

#[test]
fn an_array_that_is_not_aligned_is_refused() {
    let arrays = two();
    let mut problem = arrays.problem();
    problem.lower = problem.lower.wrapping_byte_add(1);
    assert_eq!(refused(&problem).code, Code::Pointer);
    let offsets = [0u64; 3];
    let mut error: Error = zeroed();
    // SAFETY: the library must not read through it.
    let code = unsafe {
        let odd = offsets.as_ptr().wrapping_byte_add(1);
        idealloc_verify(&arrays.problem(), 0, odd, &mut error)
    };
    assert_eq!(code, Code::Pointer);
}

#[test]
fn more_jobs_than_can_be_are_refused_before_any_is_read() {
    let arrays = two();
    for count in [1 << 32, usize::MAX / 8, usize::MAX] {
        let mut problem = arrays.problem();
        problem.count = count;
        let said = refused(&problem);
        assert_eq!(said.code, Code::TooLarge);
        assert!(said.message.contains(&count.to_string()), "{said:?}");
    }
    let gap: Gap = Gap {
        job: 0,
        lower: 1,
        upper: 2,
        window_low: 0,
        window_high: 0,
    };
    let mut problem = arrays.problem();
    problem.gaps = &gap;
    problem.gap_count = usize::MAX;
    assert_eq!(refused(&problem).code, Code::TooLarge);
}

#[test]
fn an_unsound_job_is_named_by_its_index_and_field() {
    let with = |lower: u64, upper: u64, size: u64| {
        let mut arrays = two();
        // Before it is one of size 0, so that positions and indices differ.
        for job in [(7, 7, 0), (lower, upper, size)] {
            arrays.lower.push(job.0);
            arrays.upper.push(job.1);
            arrays.size.push(job.2);
        }
        refused(&arrays.problem())
    };
    for (said, code, message) in [
        (
            with(5, 5, 1),
            Code::Job,
            "job 3: upper 5 is not after lower 5",
        ),
        (
            with(0, -1i64 as u64, 1),
            Code::Job,
            "job 3: upper 18446744073709551615 is beyond 2^63 - 1",
        ),
        (
            with(0, 1, -8i64 as u64),
            Code::Job,
            "job 3: size 18446744073709551608 is beyond 2^63 - 1",
        ),
        (
            with(0, 1, i64::MAX as u64),
            Code::TooLarge,
            "job 3: the sum of all sizes (with room for alignment) passes 2^63 - 1 here",
        ),
    ] {
        assert_eq!(
            (said.code, &*said.jobs, &*said.message),
            (code, &[3][..], message)
        );
    }
}

#[test]
fn a_gap_names_its_job() {
    let gap = |job, lower, upper| {
        let mut arrays = two();
        let (window_low, window_high) = (0, 0);
        arrays.gaps.push(Gap {
            job,
            lower,
            upper,
            window_low,
            window_high,
        });
        refused(&arrays.problem())
    };
    let said = gap(2, 0, 1);
    assert_eq!(
        (said.code, &*said.message),
        (Code::Job, "gap 0: there is no job 2: there are 2")
    );
    assert_eq!(gap(usize::MAX, 0, 1).code, Code::Job);
    let said = gap(1, 0, 3);
    assert_eq!((said.code, said.jobs), (Code::Job, vec![1]));
}

#[test]
fn fixed_offsets_that_contradict_each_other_name_both_jobs() {
    let mut arrays = two();
    (arrays.has_pin, arrays.pin) = (vec![1, 1], vec![0, 63]);
    let said = refused(&arrays.problem());
    assert_eq!((said.code, said.jobs), (Code::Conflict, vec![0, 1]));
    assert!(
        said.message
            .starts_with("fixed offsets conflict: jobs 0 and 1 overlap")
    );
    (arrays.has_group, arrays.group) = (vec![1, 1], vec![u64::MAX, u64::MAX]);
    let said = refused(&arrays.problem());
    assert_eq!((said.code, said.jobs), (Code::Conflict, vec![0, 1]));
    let group = "jobs 0 and 1 of group 18446744073709551615 are fixed at different offsets";
    assert_eq!(said.message, group);
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let problem = two();
    for seconds in [-1.0, -f64::INFINITY, f64::NAN] {
        let mut options: Options = zeroed();
        options.timeout_seconds = seconds;
        assert!(
            solve(&problem.problem(), &options).is_ok(),
            "it does not count"
        );
        options.has_timeout = 1;
        let said = solve(&problem.problem(), &options).expect_err("no time");
        assert_eq!(said.code, Code::Option);
        assert!(said.message.starts_with("timeout_seconds is "), "{said:?}");
    }
    for seconds in [0.0, 1e300, f64::INFINITY, f64::MIN_POSITIVE] {
        let mut options = iterations(1);
        (options.has_timeout, options.timeout_seconds) = (1, seconds);
        assert!(solve(&problem.problem(), &options).is_ok(), "{seconds}");
    }
    let mut options = iterations(1);
    options.start = 1 << 63;
    let said = solve(&problem.problem(), &options).expect_err("no address");
    assert_eq!(said.code, Code::Option);
}

#[test]
fn every_violation_has_its_code() {
    let mut arrays = Arrays::of(&[(0, 3, 8), (2, 5, 8), (9, 9, 0), (7, 9, 8)]);
    let all = |arrays: &Arrays, offsets: [u64; 4]| {
        let said = verify(&arrays.problem(), 0, &offsets);
        (said.code, said.jobs)
    };
    let anywhere = u64::MAX;
    assert_eq!(all(&arrays, [0, 8, anywhere, 0]), (Code::Ok, vec![]));
    assert_eq!(
        all(&arrays, [0, 7, anywhere, 0]),
        (Code::Overlap, vec![0, 1])
    );
    assert_eq!(all(&arrays, [0, 8, 0, u64::MAX]), (Code::Beyond, vec![3]));
    arrays.alignment = vec![1, 1, 1, 16];
    assert_eq!(all(&arrays, [0, 8, 0, 8]), (Code::Misaligned, vec![3]));
    (arrays.has_pin, arrays.pin) = (vec![0, 1, 0, 0], vec![0, 8, 0, 0]);
    assert_eq!(all(&arrays, [0, 9, 0, 0]), (Code::Moved, vec![1]));
    (arrays.has_group, arrays.group) = (vec![1, 0, 1, 1], vec![0; 4]);
    assert_eq!(all(&arrays, [0, 8, 0, 16]), (Code::Split, vec![0, 3]));
}

#[test]
fn no_jobs_need_no_memory() {
    let problem: Problem = zeroed();
    let mut result: Outcome = zeroed();
    result.makespan = 1;
    // SAFETY: without jobs nothing is written but the result.
    unsafe {
        let (no_options, no_error) = (ptr::null(), ptr::null_mut());
        let code = idealloc_solve(&problem, no_options, ptr::null_mut(), &mut result, no_error);
        assert_eq!((code, result.makespan), (Code::Ok, 0));
        let code = idealloc_verify(&problem, 0, ptr::null(), no_error);
        assert_eq!(code, Code::Ok);
    }
    let nothing = Arrays::of(&[(5, 5, 0), (9, 3, 0)]);
    let (offsets, _) = solve(&nothing.problem(), &zeroed()).expect("nothing is to be placed");
    assert_eq!(offsets, [0, 0]);
}
