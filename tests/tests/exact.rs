//! What the exact search claims, seen from outside: optimality, bounds above
//! LOAD, and whether a capacity can be met.

use std::num::NonZeroUsize;

use benches::generate::{self, Cutting};
use common::check;
use common::job::Job;
use common::load::{load, lower_bound};
use common::problem::Problem;
use coreba::{Method, Options, Solution, Status, Stop, Switches, solve};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;
use tests::oracle::{self, ALL, Constraints};

fn solved(problem: &Problem, options: &Options) -> Solution {
    let solution = solve(problem, options, &mut ()).expect("the problem is sound");
    let verified = check::verify(problem, &solution.placement, options.start);
    assert_eq!(verified, Ok(()));
    solution
}

fn options(iterations: u64) -> Options {
    let mut options = Options::default();
    options.iterations = Some(iterations);
    options
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

/// Jobs that fill a constant load, with births and deaths that no guillotine
/// would cut: most need more than LOAD.
fn flat(jobs: usize, seed: u64) -> Vec<Job> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut below = |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let mut live: Vec<(u64, u64)> = vec![(0, 7), (0, 9), (0, 11), (0, 13), (0, 20)];
    let mut done: Vec<Job> = Vec::new();
    let mut time = 0;
    let end = |(birth, size), time, done: &mut Vec<Job>| {
        done.push(Job::new(done.len() as u64, birth, time, size));
    };
    while done.len() + live.len() < jobs {
        time += 1;
        let mut freed = 0;
        for _ in 0..1 + below(2).min(live.len() as u64 - 1) {
            let gone = live.remove(below(live.len() as u64) as usize);
            freed += gone.1;
            end(gone, time, &mut done);
        }
        let part = 1 + below(freed);
        live.push((time, part));
        if part < freed {
            live.push((time, freed - part));
        }
    }
    for job in live {
        end(job, time + 1, &mut done);
    }
    done
}

#[test]
fn bounds_above_load_are_proved() {
    let mut above = 0;
    for seed in 0..10 {
        let jobs = flat(22, seed);
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
        (flat(40, 1), 500),
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

/// Jobs of alignments that differ.
fn mixed(jobs: u64, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..jobs)
        .map(|id| {
            let birth = random.random_range(0..jobs);
            let death = birth + random.random_range(1..jobs);
            let size = 2f64.powf(random.random_range(3.0..12.0)) as u64;
            let alignment = [1, 16, 64, 256, 1024][random.random_range(0..5)];
            Job::new(id, birth, death, size).aligned(alignment)
        })
        .collect()
}

/// Each job twice.
fn twins(jobs: &[Job]) -> Vec<Job> {
    let both = jobs.iter().flat_map(|job| [job, job]).enumerate();
    both.map(|(id, job)| Job::new(id as u64, job.birth, job.death, job.size))
        .collect()
}

#[test]
fn each_technique_changes_the_work_and_no_verdict() {
    type Off = fn(&mut Switches);
    let techniques: [(&str, Off); 5] = [
        ("head bound", |switches| switches.head_bound = false),
        ("stack bound", |switches| switches.stack_bound = false),
        ("backjumping", |switches| switches.backjumping = false),
        ("twins", |switches| switches.twins = false),
        ("restarts", |switches| switches.restarts = false),
    ];
    let instances: Vec<Vec<Job>> = (0..5)
        .flat_map(|seed| [flat(20, seed), mixed(9, seed), twins(&flat(13, seed))])
        .collect();
    for (name, turn_off) in techniques {
        let mut differ = 0;
        for (index, jobs) in instances.iter().enumerate() {
            let problem = Problem::new(jobs.clone()).expect("sound");
            let mut options = options(1_000_000);
            options.method = Method::Exact;
            let with = solved(&problem, &options);
            turn_off(&mut options.exact);
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
