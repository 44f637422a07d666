//! The border itself: structs of other versions, panics, listeners, and arrays that are
//! input and output.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use super::{Arrays, iterations, said, solve, zeroed};
use crate::abi::{Code, Error, Options, Outcome, Problem, Progress, Status, Stop, Versioned};
use crate::fault::Fault;
use crate::{guarded, idealloc_solve};

/// A struct as a newer version would have it.
#[repr(C)]
struct Newer<T> {
    known: T,
    more: [u64; 3],
}

fn newer<T: Versioned>(more: u64) -> Newer<T> {
    let mut newer = Newer {
        known: zeroed::<T>(),
        more: [0, 0, more],
    };
    // SAFETY: it starts with its size.
    unsafe {
        ptr::from_mut(&mut newer)
            .cast::<usize>()
            .write(size_of::<Newer<T>>());
    }
    newer
}

/// So many jobs, of which many live at once: a thousand are too many to reach the lower
/// bound in a few thousand steps.
fn many_live(count: u64) -> Arrays {
    let mut state = 0u64;
    // splitmix64.
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let job = |_| {
        let lower = random() % count;
        (lower, lower + 1 + random() % 300, 1 + random() % 100_000)
    };
    Arrays::of(&(0..count).map(job).collect::<Vec<_>>())
}

#[test]
fn what_an_older_program_lacks_has_its_default() {
    let mut arrays = many_live(120);
    // Behind what an older program has lies what must not be read.
    (arrays.has_pin, arrays.pin) = (vec![1; 120], vec![0; 120]);
    let mut problem = arrays.problem();
    problem.struct_size = offset_of!(Problem, has_pin);
    let mut options = iterations(1);
    options.start = u64::MAX;
    options.struct_size = size_of::<usize>();
    let mut result: Outcome = zeroed();
    result.struct_size = offset_of!(Outcome, load);
    result.load = 77;
    let mut offsets = vec![0; 120];
    let (mut error, to): (Error, _) = (zeroed(), offsets.as_mut_ptr());
    // Few, as an older program asks for no number of iterations here.
    problem.count = 5;
    // SAFETY: all is the test's.
    let code = unsafe { idealloc_solve(&problem, &options, to, &mut result, &mut error) };
    assert_eq!(code, Code::Ok, "{:?}", said(code, &error));
    assert!(result.makespan > 0);
    assert_eq!(
        (result.load, result.struct_size),
        (77, offset_of!(Outcome, load))
    );
}

#[test]
fn a_newer_program_gets_zeros_and_is_refused_what_is_not_known() {
    let arrays = many_live(120);
    let mut problem = newer::<Problem>(0);
    problem.known = Problem {
        struct_size: problem.known.struct_size,
        ..arrays.problem()
    };
    let mut options = newer::<Options>(0);
    options.known = Options {
        struct_size: options.known.struct_size,
        ..iterations(1)
    };
    let (mut result, mut error) = (newer::<Outcome>(9), newer::<Error>(9));
    let mut offsets = vec![0; 120];
    let mut call = |problem: &Newer<Problem>, options: &Newer<Options>| {
        // SAFETY: all is the test's, and as large as it says.
        let code = unsafe {
            idealloc_solve(
                ptr::from_ref(problem).cast(),
                ptr::from_ref(options).cast(),
                offsets.as_mut_ptr(),
                ptr::from_mut(&mut result).cast(),
                ptr::from_mut(&mut error).cast(),
            )
        };
        assert_eq!(error.more, [0; 3]);
        (said(code, &error.known), result.more)
    };
    let (went, more) = call(&problem, &options);
    assert_eq!((went.code, more), (Code::Ok, [0; 3]));
    options.more[2] = 1;
    let (went, _) = call(&problem, &options);
    assert_eq!(went.code, Code::StructSize);
    assert!(
        went.message.starts_with("options: a field is set"),
        "{went:?}"
    );
    (options.more[2], problem.more[0]) = (0, 1 << 63);
    assert_eq!(call(&problem, &options).0.code, Code::StructSize);
}

#[test]
fn a_size_that_no_struct_has_is_refused() {
    let arrays = many_live(120);
    for size in [0, 1, 7, 9, 4096 + 8, usize::MAX] {
        let mut problem = arrays.problem();
        problem.struct_size = size;
        let went = solve(&problem, &iterations(1)).expect_err("no size");
        assert_eq!(went.code, Code::StructSize);
        assert!(
            went.message.contains("sizeof(idealloc_problem)"),
            "{went:?}"
        );
        let mut options = iterations(1);
        options.struct_size = size;
        let went = solve(&arrays.problem(), &options).expect_err("no size");
        assert_eq!(went.code, Code::StructSize);
        let (mut result, mut error): (Outcome, Error) = (zeroed(), zeroed());
        let (mut offsets, none) = ([5u64; 120], ptr::null());
        let (problem, to) = (arrays.problem(), offsets.as_mut_ptr());
        result.struct_size = size;
        // SAFETY: all is the test's.
        let code = unsafe { idealloc_solve(&problem, none, to, &mut result, &mut error) };
        assert_eq!(said(code, &error).code, Code::StructSize);
        error.struct_size = size;
        // SAFETY: as above.
        let code = unsafe { idealloc_solve(&problem, none, to, ptr::null_mut(), &mut error) };
        assert_eq!((code, offsets), (Code::StructSize, [5; 120]));
    }
}

#[test]
fn a_panic_is_a_code() {
    let mut error: Error = zeroed();
    // SAFETY: the error is the test's.
    let code = unsafe { guarded(&mut error, || panic!("as a defect would")) };
    let said = said(code, &error);
    assert_eq!((said.code, said.jobs), (Code::Defect, vec![]));
}

#[test]
fn a_message_ends_within_its_array() {
    let error = Fault::new(Code::Job, "x".repeat(1000)).to_c();
    let end = error.message.iter().position(|&byte| byte == 0);
    assert_eq!(end, Some(error.message.len() - 1));
}

#[test]
fn one_array_may_be_input_and_output() {
    let mut arrays = many_live(120);
    let (expected, _) = solve(&arrays.problem(), &iterations(5)).expect("a placement");
    let problem = arrays.problem();
    let (none, to) = (ptr::null_mut(), arrays.size.as_mut_ptr());
    // SAFETY: all is the test's.
    let code = unsafe { idealloc_solve(&problem, &iterations(5), to, none, ptr::null_mut()) };
    assert_eq!((code, arrays.size), (Code::Ok, expected));
}

/// What a listener heard, and when it has heard enough.
struct Heard {
    calls: usize,
    most: usize,
    last: Option<Progress>,
}

unsafe extern "C" fn hear(progress: *const Progress, data: *mut c_void) -> c_int {
    // SAFETY: the library gives both, and nobody else has them meanwhile.
    let (progress, heard) = unsafe { (*progress, &mut *data.cast::<Heard>()) };
    if let Some(last) = heard.last.filter(|last| last.has_makespan != 0) {
        assert!(progress.makespan <= last.makespan && progress.has_makespan != 0);
        assert!(progress.evaluations >= last.evaluations);
    }
    assert_eq!(progress.struct_size, size_of::<Progress>());
    heard.last = Some(progress);
    heard.calls += 1;
    // Any number but 0.
    if heard.calls >= heard.most { -1 } else { 0 }
}

#[test]
fn a_listener_hears_of_placements_and_ends_the_search() {
    let arrays = many_live(1000);
    for most in [1, 2, 50] {
        let mut heard = Heard {
            calls: 0,
            most,
            last: None,
        };
        let mut options: Options = zeroed();
        (options.has_timeout, options.timeout_seconds) = (1, f64::INFINITY);
        options.progress = Some(hear);
        options.progress_data = ptr::from_mut(&mut heard).cast();
        let (_, result) = solve(&arrays.problem(), &options).expect("a placement");
        assert_eq!(result.stop, Stop::Interrupted);
        assert_eq!(result.status, Status::Feasible);
        assert_eq!(heard.calls, most, "it is not called again");
        let last = heard.last.expect("it was called");
        if last.has_makespan != 0 {
            assert!(last.makespan >= result.makespan && last.lower_bound <= result.lower_bound);
        }
    }
}
