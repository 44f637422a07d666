//! The same problem by the Rust library: the same offsets, or a refusal by both.

use coreba::{Job, Options, Placement, check};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use super::{Arrays, iterations, solve, verify};
use crate::abi::{Code, Gap, Status};

/// A job as a test draws it; its size may be 0, and it may be unsound.
#[derive(Clone, Debug)]
struct Drawn {
    lower: u64,
    length: u64,
    size: u64,
    alignment: u64,
    group: Option<u64>,
    pin: Option<u64>,
    hint: Option<u64>,
    gap: Option<(u64, u64, u64)>,
}

prop_compose! {
    fn drawn()(
        lower in 0..20u64,
        length in prop_oneof![30 => 1..12u64, 1 => Just(0u64)],
        size in prop_oneof![6 => 1..100u64, 1 => Just(0u64), 1 => Just(1 << 40)],
        alignment in prop_oneof![60 => (0..5u32).prop_map(|bit| 1 << bit), 1 => Just(0), 2 => Just(3)],
        group in weighted(0.2, 0..4u64),
        pin in weighted(0.04, 0..40u64),
        hint in weighted(0.2, 0..200u64),
        gap in weighted(0.1, (0..6u64, 1..4u64, 0..30u64)),
    ) -> Drawn {
        Drawn { lower, length, size, alignment, group, pin, hint, gap }
    }
}

fn arrays(drawn: &[Drawn]) -> Arrays {
    let mut arrays = Arrays::default();
    for (index, job) in drawn.iter().enumerate() {
        let flag = |value: Option<u64>| (u8::from(value.is_some()) * 7, value.unwrap_or(99));
        arrays.lower.push(job.lower);
        arrays.upper.push(job.lower + job.length);
        arrays.size.push(job.size);
        arrays.alignment.push(job.alignment);
        for (value, has, values) in [
            (job.group, &mut arrays.has_group, &mut arrays.group),
            (job.pin, &mut arrays.has_pin, &mut arrays.pin),
            (job.hint, &mut arrays.has_hint, &mut arrays.hint),
        ] {
            let (is_there, number) = flag(value);
            has.push(is_there);
            values.push(number);
        }
        if let Some((after, length, high)) = job.gap {
            let lower = job.lower + after;
            // Any order will do.
            arrays.gaps.insert(
                0,
                Gap {
                    job: index,
                    lower,
                    upper: lower + length,
                    window_low: high / 2,
                    window_high: high,
                },
            );
        }
    }
    arrays
}

/// The same in Rust, without jobs of size 0; each is named by its index.
fn jobs(drawn: &[Drawn]) -> Vec<Job> {
    let indexed = drawn.iter().enumerate().filter(|(_, job)| job.size > 0);
    let job = |(index, drawn): (usize, &Drawn)| {
        let upper = drawn.lower + drawn.length;
        let mut job = Job::new(index as u64, drawn.lower, upper, drawn.size);
        job = job.aligned(drawn.alignment);
        if let Some(group) = drawn.group {
            job = job.grouped(&group.to_string());
        }
        if let Some(pin) = drawn.pin {
            job = job.pinned(pin);
        }
        if let Some(hint) = drawn.hint {
            job = job.hinted(hint);
        }
        if let Some((after, length, high)) = drawn.gap {
            let lower = drawn.lower + after;
            job = job.with_gap(coreba::Gap {
                lower,
                upper: lower + length,
                window: (high > 0).then_some((high / 2, high)),
            });
        }
        job
    };
    indexed.map(job).collect()
}

proptest! {
    #[test]
    fn c_and_rust_place_and_refuse_alike(
        drawn in vec(drawn(), 0..24),
        seed in any::<u64>(),
        start in prop_oneof![Just(0u64), 0..64u64],
        capacity in weighted(0.2, 0..1000u64),
    ) {
        let (arrays, jobs) = (arrays(&drawn), jobs(&drawn));
        let mut asked = iterations(20);
        asked.seed = seed;
        asked.start = start;
        asked.has_capacity = u32::from(capacity.is_some());
        asked.capacity = capacity.unwrap_or(5);
        let by_c = solve(&arrays.problem(), &asked);

        let mut options = Options::default();
        options.iterations = Some(20);
        options.seed = seed;
        options.start = start;
        options.capacity = capacity;
        let problem = match coreba::Problem::new(jobs) {
            Ok(problem) => problem,
            Err(error) => {
                let refused = by_c.expect_err(&error.to_string());
                prop_assert!(!refused.jobs.is_empty(), "{refused:?}");
                return Ok(());
            }
        };
        let solution = match coreba::solve(&problem, &options, &mut ()) {
            Ok(solution) => solution,
            Err(error) => {
                let refused = by_c.expect_err(&error.to_string());
                prop_assert_eq!(refused.message, error.to_string());
                return Ok(());
            }
        };
        let (offsets, result) = by_c.expect("Rust solves it");
        let placed = |offsets: &[u64]| -> Vec<u64> {
            let sized = drawn.iter().zip(offsets).filter(|(job, _)| job.size > 0);
            sized.map(|(_, &offset)| offset).collect()
        };
        prop_assert_eq!(placed(&offsets), solution.placement.offsets);
        let others = drawn.iter().zip(&offsets).filter(|(job, _)| job.size == 0);
        prop_assert!(others.map(|(_, &offset)| offset).all(|offset| offset == 0));
        prop_assert_eq!(result.makespan, solution.makespan);
        prop_assert_eq!(result.load, solution.load.peak);
        prop_assert_eq!(result.lower_bound, solution.lower_bound);
        prop_assert_eq!(result.evaluations, solution.evaluations);
        prop_assert_eq!(result.status == Status::Optimal, solution.status == coreba::Status::Optimal);
        prop_assert_eq!(verify(&arrays.problem(), start, &offsets).code, Code::Ok);
    }

    #[test]
    fn c_and_rust_verify_alike(
        drawn in vec(drawn(), 1..8),
        offsets in vec(prop_oneof![9 => 0..300u64, 1 => any::<u64>()], 8),
        start in 0..64u64,
    ) {
        let Ok(problem) = coreba::Problem::new(jobs(&drawn)) else { return Ok(()) };
        let offsets = &offsets[..drawn.len()];
        let sized = drawn.iter().zip(offsets).filter(|(job, _)| job.size > 0);
        let placement = Placement { offsets: sized.map(|(_, &offset)| offset).collect() };
        let said = verify(&arrays(&drawn).problem(), start, offsets);
        match check::verify(&problem, &placement, start) {
            Ok(()) => prop_assert_eq!(said.code, Code::Ok),
            Err(violation) => {
                prop_assert_eq!(said.message, violation.to_string());
                prop_assert!(said.code != Code::Ok && said.code != Code::Defect);
                prop_assert!(!said.jobs.is_empty());
            }
        }
    }
}
