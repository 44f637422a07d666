//! Boxing as a method of its own.

use std::num::NonZeroUsize;

use benches::generate::{self, Cutting};
use common::format::Format;
use common::input::{self, Offsets};
use common::problem::Problem;
use coreba::{Method, Options};
use proptest::prelude::*;
use tests::oracle::{self, ALL};
use tests::solving::{self, solved};

fn options(iterations: u64, seed: u64) -> Options {
    let mut options = solving::options(iterations, seed);
    options.method = Method::Boxing;
    options
}

fn generated() -> Vec<(&'static str, Problem)> {
    let kinds = [
        ("random", generate::random(3000, 1)),
        (
            "guillotine",
            generate::guillotine(1000, 1 << 20, 1 << 20, Cutting::Even, 2),
        ),
        ("training", generate::training(3000, 3)),
        ("malloc-like", generate::malloc_like(8, 3000, 4)),
        ("adversary", generate::first_fit_adversary(3000, 5)),
    ];
    kinds
        .map(|(name, jobs)| (name, Problem::new(jobs).expect(name)))
        .into()
}

#[test]
fn the_same_seed_gives_the_same_bytes_at_any_number_of_threads() {
    for (name, problem) in generated() {
        let with = |threads: usize| {
            let mut options = options(60, 9);
            options.threads = NonZeroUsize::new(threads).expect("not 0");
            solved(&problem, &options)
        };
        let one = with(1);
        for threads in [2, 5] {
            let many = with(threads);
            assert_eq!(one.placement, many.placement, "{name}, {threads} threads");
            assert_eq!(one.evaluations, many.evaluations, "{name}");
        }
    }
}

#[test]
fn more_restarts_never_worsen_the_answer() {
    for (name, problem) in generated() {
        let mut before = u64::MAX;
        for iterations in [0, 1, 5, 20, 80, 160] {
            let makespan = solved(&problem, &options(iterations, 2)).makespan;
            assert!(
                makespan <= before,
                "{name}, {iterations}: {makespan} after {before}"
            );
            before = makespan;
        }
    }
}

#[test]
fn real_instances_are_placed_validly() {
    let Some(folder) = oracle::data() else { return };
    for name in ["pangu_2.6B.csv", "S_1.csv", "iopddl_D.csv", "iopddl_Q.csv"] {
        let Ok(file) = std::fs::File::open(folder.join(name)) else {
            eprintln!("SKIPPED: {name} is not there");
            continue;
        };
        let input = input::load(file, Format::Csv, Offsets::Pins).expect(name);
        let solution = solved(&input.problem, &options(10, 0));
        assert!(
            solution.fragmentation() < 0.1,
            "{name}: {}",
            solution.fragmentation()
        );
    }
}

#[test]
fn a_hundred_thousand_jobs_are_boxed() {
    for jobs in [
        generate::random(100_000, 1),
        generate::guillotine(100_000, 1 << 30, 1 << 30, Cutting::Even, 1),
    ] {
        let problem = Problem::new(jobs).expect("sound");
        let mut options = options(1, 0);
        // A quick answer is enough: dropping gives one.
        options.max_fragmentation = Some(10.0);
        solved(&problem, &options);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn alignment_start_gaps_groups_and_pins_are_honoured(
        problem in oracle::small_problems(8, ALL),
    ) {
        solved(&problem, &options(30, 1));
    }

    #[test]
    fn any_start_address_is_honoured(
        problem in oracle::small_problems(8, oracle::Constraints {
            alignments: true,
            ..oracle::Constraints::default()
        }),
        start in 0u64..40,
    ) {
        let mut options = options(20, 1);
        options.start = start;
        solved(&problem, &options);
    }

    #[test]
    fn the_order_of_the_rows_changes_nothing(
        (problem, order) in oracle::small_problems(8, ALL).prop_flat_map(|problem| {
            let order: Vec<usize> = (0..problem.len()).collect();
            (Just(problem), Just(order).prop_shuffle())
        }),
    ) {
        let first = solved(&problem, &options(20, 7));
        let jobs = order.iter().map(|&index| problem[index].clone()).collect();
        let permuted = solved(&Problem::new(jobs).expect("the same jobs"), &options(20, 7));
        let back: Vec<u64> = order.iter().map(|&index| first.placement.offsets[index]).collect();
        prop_assert_eq!(permuted.placement.offsets, back);
    }
}
