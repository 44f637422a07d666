//! What the exact search claims, seen from outside: optimality, bounds above
//! LOAD, and whether a capacity can be met.

use std::num::NonZeroUsize;

use benches::generate::{self, Cutting};
use common::job::Job;
use common::load::{load, lower_bound};
use common::problem::Problem;
use coreba::{Heuristic, Method, Options, Status, Stop};
use proptest::prelude::*;
use tests::oracle::{self, ALL, Constraints};
use tests::solving::{self, solved};

fn options(iterations: u64) -> Options {
    solving::options(iterations, 0)
}

/// Proved at the optimum, placed within it, and refuted just below.
fn is_decided(problem: &Problem, start: u64) -> Result<(), TestCaseError> {
    let mut options = options(3_000_000);
    options.start = start;
    let solution = solved(problem, &options);
    let best = oracle::optimum(problem, start, solution.makespan);
    prop_assert_eq!(best, Some(solution.makespan));
    prop_assert_eq!(solution.status, Status::Optimal);
    prop_assert_eq!(solution.lower_bound, solution.makespan);

    options.capacity = Some(solution.makespan);
    let met = solved(problem, &options);
    prop_assert!(matches!(met.status, Status::Optimal | Status::Feasible));
    prop_assert!(met.makespan <= solution.makespan);

    options.capacity = Some(solution.makespan - 1);
    let refuted = solved(problem, &options);
    prop_assert_eq!(refuted.status, Status::Infeasible);
    prop_assert_eq!(refuted.stop, Stop::Infeasible);
    prop_assert!(refuted.lower_bound <= solution.makespan);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn small_plain_problems_are_decided(
        problem in oracle::small_problems(8, Constraints::default()),
    ) {
        is_decided(&problem, 0)?;
    }

    #[test]
    fn small_aligned_problems_are_decided(
        problem in oracle::small_problems(8, Constraints { alignments: true, ..Constraints::default() }),
        start in 0u64..9,
    ) {
        is_decided(&problem, start)?;
    }

    #[test]
    fn small_constrained_problems_are_decided(problem in oracle::small_problems(8, ALL)) {
        is_decided(&problem, 0)?;
    }
}

#[test]
fn bounds_above_load_are_proved() {
    let mut above = 0;
    for seed in 0..10 {
        let jobs = generate::flat(22, seed);
        let least = lower_bound(&jobs, 0);
        let problem = Problem::new(jobs).expect("sound");
        let solution = solved(&problem, &options(200_000));
        assert_eq!(solution.status, Status::Optimal, "seed {seed}");
        above += u64::from(solution.lower_bound > least);
    }
    assert!(above > 0);
}

#[test]
fn a_capacity_below_load_is_refuted_at_once() {
    let jobs = generate::random(1000, 3);
    let mut options = Options::default();
    options.capacity = Some(load(&jobs).peak - 1);
    let problem = Problem::new(jobs).expect("sound");
    let solution = solved(&problem, &options);
    assert_eq!(solution.status, Status::Infeasible);
}

#[test]
fn the_exact_search_gives_the_same_bytes_at_any_number_of_threads() {
    for (jobs, iterations) in [
        (generate::flat(40, 1), 500),
        (
            generate::guillotine(200, 1 << 20, 1 << 20, Cutting::Uneven, 4),
            300,
        ),
    ] {
        let problem = Problem::new(jobs).expect("sound");
        let with = |threads: usize| {
            let mut options = options(iterations);
            options.threads = NonZeroUsize::new(threads).expect("not 0");
            solved(&problem, &options)
        };
        let one = with(1);
        for threads in [2, 5] {
            let many = with(threads);
            assert_eq!(one.placement, many.placement);
            assert_eq!(one.lower_bound, many.lower_bound);
            assert_eq!(one.evaluations, many.evaluations);
        }
    }
}

#[test]
fn asked_for_alone_the_exact_search_takes_large_cores() {
    let jobs = generate::guillotine(2000, 1 << 30, 1 << 20, Cutting::Even, 0);
    let problem = Problem::new(jobs).expect("sound");
    let mut options = options(3000);
    options.method = Method::Exact;
    let solution = solved(&problem, &options);
    assert_eq!(solution.status, Status::Optimal);
    assert!(solution.nodes >= 2000);
    assert_eq!(solution.too_large, None);
}

#[test]
fn what_is_too_large_for_the_exact_search_is_told() {
    let mut options = options(1);
    options.method = Method::Exact;
    let jobs = generate::malloc_like(8, 10_000, 0);
    let problem = Problem::new(jobs.clone()).expect("sound");
    let solution = solved(&problem, &options);
    assert_eq!((solution.status, solution.nodes), (Status::Feasible, 0));
    let told = solution.too_large.expect("it is").to_string();
    assert!(told.starts_with("a core of 9"), "{told}");
    assert!(told.ends_with("and may take 512 MiB"), "{told}");

    let problem = Problem::new(generate::constrained(jobs, 0)).expect("sound");
    let told = solved(&problem, &options)
        .too_large
        .expect("it is")
        .to_string();
    assert!(told.contains("it takes up to 60 in 2048 pieces"), "{told}");

    // Who does not ask for it need not know.
    options.method = Method::Auto;
    assert_eq!(solved(&problem, &options).too_large, None);
}

/// Each job twice.
fn twins(jobs: &[Job]) -> Vec<Job> {
    let both = jobs.iter().flat_map(|job| [job, job]).enumerate();
    both.map(|(id, job)| Job::new(id as u64, job.birth, job.death, job.size))
        .collect()
}

#[test]
fn each_technique_changes_the_work_and_no_verdict() {
    let techniques = [
        Heuristic::HeadBound,
        Heuristic::StackBound,
        Heuristic::Backjumping,
        Heuristic::Twins,
        Heuristic::Restarts,
    ];
    let instances: Vec<Vec<Job>> = (0..8)
        .flat_map(|seed| {
            [
                generate::flat(20, seed),
                generate::mixed_alignments(9, seed),
                twins(&generate::flat(14, seed)),
            ]
        })
        .collect();
    for name in techniques {
        let mut differ = 0;
        for (index, jobs) in instances.iter().enumerate() {
            let problem = Problem::new(jobs.clone()).expect("sound");
            let mut options = options(1_000_000);
            options.method = Method::Exact;
            let with = solved(&problem, &options);
            options.without.insert(name);
            let without = solved(&problem, &options);
            assert_eq!(with.status, Status::Optimal, "{name}, instance {index}");
            assert_eq!(without.status, Status::Optimal, "{name}, instance {index}");
            assert_eq!(with.makespan, without.makespan, "{name}, instance {index}");
            differ += u32::from(with.nodes != without.nodes);

            options.capacity = Some(with.makespan - 1);
            let refuted = solved(&problem, &options);
            assert_eq!(
                refuted.status,
                Status::Infeasible,
                "{name}, instance {index}"
            );
        }
        assert!(differ > 0, "{name} changes nothing");
    }
}
