//! The solver against brute force, against optima known by construction, and
//! against itself.

use std::num::NonZeroUsize;

use benches::generate::{self, Cutting, Keeping};
use common::job::Job;
use common::load::{load, lower_bound};
use common::problem::Problem;
use coreba::{Options, Status};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use tests::oracle::{self, ALL, Constraints};
use tests::solving::{options, solved};

/// Never below the optimum, and at it where that is claimed.
fn agrees_with_brute_force(problem: &Problem, start: u64) -> Result<(), TestCaseError> {
    let mut options = options(60, 1);
    options.start = start;
    let solution = solved(problem, &options);
    let best = oracle::optimum(problem, start, solution.makespan);
    prop_assert!(best.is_some(), "brute force finds what the solver found");
    let best = best.unwrap_or(0);
    prop_assert!(
        solution.lower_bound <= best,
        "the bound {} passes {best}",
        solution.lower_bound
    );
    if solution.status == Status::Optimal {
        prop_assert_eq!(solution.makespan, best);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn plain_problems_agree_with_brute_force(
        problem in oracle::small_problems(7, Constraints::default()),
    ) {
        agrees_with_brute_force(&problem, 0)?;
    }

    #[test]
    fn aligned_problems_agree_with_brute_force(
        problem in oracle::small_problems(6, Constraints { alignments: true, ..Constraints::default() }),
        start in 0u64..9,
    ) {
        agrees_with_brute_force(&problem, start)?;
    }

    #[test]
    fn constrained_problems_agree_with_brute_force(problem in oracle::small_problems(6, ALL)) {
        agrees_with_brute_force(&problem, 0)?;
    }

    #[test]
    fn the_order_of_the_rows_changes_nothing(
        (problem, order) in oracle::small_problems(8, ALL)
            .prop_flat_map(|problem| {
                let order: Vec<usize> = (0..problem.len()).collect();
                (Just(problem), Just(order).prop_shuffle())
            }),
    ) {
        let first = solved(&problem, &options(30, 7));
        let jobs: Vec<Job> = order.iter().map(|&index| problem[index].clone()).collect();
        let permuted = solved(&Problem::new(jobs).expect("the same jobs"), &options(30, 7));
        let back: Vec<u64> = order.iter().map(|&index| first.placement.offsets[index]).collect();
        prop_assert_eq!(permuted.placement.offsets, back);
    }
}

#[test]
fn the_same_seed_and_work_give_the_same_bytes_at_any_number_of_threads() {
    let instances = [
        generate::random(3000, 1),
        generate::guillotine(300, 1 << 20, 1 << 20, Cutting::Even, 2),
        generate::malloc_like(8, 3000, 3),
        generate::few_live(Keeping::default(), 4000, 4),
    ];
    for jobs in instances {
        let problem = Problem::new(jobs).expect("sound");
        let with = |threads: usize| {
            let mut options = options(200, 5);
            options.threads = NonZeroUsize::new(threads).expect("not 0");
            solved(&problem, &options)
        };
        let one = with(1);
        for threads in [2, 3, 7] {
            let many = with(threads);
            assert_eq!(one.placement, many.placement, "{threads} threads");
            assert_eq!(one.evaluations, many.evaluations);
        }
    }
}

#[test]
fn a_capacity_is_met_by_the_same_bytes_at_any_number_of_threads() {
    for seed in 0..6 {
        let jobs = generate::few_live(Keeping::default(), 1500, seed);
        let problem = Problem::new(jobs).expect("sound");
        let with = |threads: usize, capacity: Option<u64>| {
            let mut options = options(400, seed);
            options.method = coreba::Method::Fit;
            options.threads = NonZeroUsize::new(threads).expect("not 0");
            options.capacity = capacity;
            solved(&problem, &options)
        };
        let free = with(1, None);
        let above = free.makespan - free.lower_bound;
        for share in [2, 4, 8] {
            let capacity = Some(free.makespan + above / share);
            let one = with(1, capacity);
            for threads in [2, 3] {
                let many = with(threads, capacity);
                assert_eq!(one.placement, many.placement, "{threads} threads");
            }
        }
    }
}

/// Checks that more evaluations never end higher.
fn never_worsens(jobs: Vec<Job>, evaluations: &[u64]) {
    let problem = Problem::new(jobs).expect("sound");
    let mut before = u64::MAX;
    for &iterations in evaluations {
        let makespan = solved(&problem, &options(iterations, 3)).makespan;
        assert!(
            makespan <= before,
            "{iterations} evaluations: {makespan} after {before}"
        );
        before = makespan;
    }
}

#[test]
fn more_work_never_worsens_the_answer() {
    let jobs = generate::guillotine(400, 1 << 20, 1 << 20, Cutting::Even, 9);
    never_worsens(jobs, &[0, 1, 2, 10, 50, 250, 1000]);
}

#[test]
fn more_work_never_worsens_the_answer_where_members_take_turns() {
    let jobs = generate::few_live(Keeping::default(), 4000, 5);
    never_worsens(jobs, &[0, 1, 8, 40, 80, 160]);
}

#[test]
fn where_few_blocks_are_live_dives_alone_are_beaten() {
    use coreba::Method;
    let (mut by_dives, mut by_all) = (0, 0);
    for seed in 0..3 {
        let jobs = generate::few_live(Keeping::default(), 8000, seed);
        let problem = Problem::new(jobs).expect("sound");
        let above = |method: Method| {
            let mut options = options(250, seed);
            options.method = method;
            let solution = solved(&problem, &options);
            solution.makespan - solution.lower_bound
        };
        let (dives, all) = (above(Method::Dive), above(Method::Auto));
        assert!(
            all <= dives,
            "seed {seed}: {all} above the bound, {dives} by dives"
        );
        by_dives += dives;
        by_all += all;
    }
    assert!(
        10 * by_all < 9 * by_dives,
        "{by_all} above the bounds, {by_dives} by dives"
    );
}

#[test]
fn small_guillotine_instances_are_solved_at_their_known_optimum() {
    for seed in 0..5 {
        let jobs = generate::guillotine(40, 1 << 16, 1 << 16, Cutting::Even, seed);
        let problem = Problem::new(jobs).expect("sound");
        assert_eq!(load(problem.jobs()).peak, 1 << 16);
        let solution = solved(&problem, &options(20_000, seed));
        assert_eq!(
            (solution.makespan, solution.status),
            (1 << 16, Status::Optimal),
            "seed {seed}"
        );
    }
}

#[test]
fn every_generator_gives_sound_instances_that_are_placed() {
    let kinds: [(&str, Vec<Job>); 7] = [
        ("random", generate::random(2000, 1)),
        (
            "guillotine",
            generate::guillotine(2000, 1 << 24, 1 << 24, Cutting::Even, 1),
        ),
        (
            "uneven guillotine",
            generate::guillotine(2000, 1 << 24, 1 << 24, Cutting::Uneven, 1),
        ),
        ("training", generate::training(2000, 1)),
        ("malloc-like", generate::malloc_like(8, 2000, 1)),
        ("few live", generate::few_live(Keeping::default(), 2000, 1)),
        ("adversary", generate::first_fit_adversary(2000, 1)),
    ];
    for (kind, jobs) in kinds {
        assert!(
            (1990..=2000).contains(&jobs.len()),
            "{kind}: {} jobs",
            jobs.len()
        );
        let problem = Problem::new(jobs).expect(kind);
        solved(&problem, &options(20, 1));
    }
}

#[test]
fn a_passed_deadline_still_yields_a_valid_placement() {
    let problem = Problem::new(generate::random(5000, 4)).expect("sound");
    let mut options = Options::default();
    options.deadline = Some(std::time::Instant::now());
    solved(&problem, &options);
}

#[test]
fn every_method_honours_every_constraint() {
    use coreba::Method;
    let strategy = oracle::small_problems(8, ALL);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..200 {
        let problem = strategy.new_tree(&mut runner).expect("a problem").current();
        for method in [Method::Auto, Method::Dive, Method::Exact, Method::Fit] {
            let mut options = options(20, 1);
            options.method = method;
            solved(&problem, &options);
        }
    }
}

#[test]
fn every_method_places_plain_jobs_of_any_number() {
    use coreba::Method;
    for jobs in [1, 2, 30, 3000] {
        let problem = Problem::new(generate::random(jobs, 8)).expect("sound");
        for method in [Method::Dive, Method::Exact, Method::Fit] {
            let mut options = options(8, 1);
            options.method = method;
            solved(&problem, &options);
        }
    }
}

#[test]
fn good_enough_is_enough() {
    let jobs = generate::few_live(Keeping::default(), 2000, 1);
    let problem = Problem::new(jobs).expect("sound");
    let mut options = options(1_000_000, 0);
    options.max_fragmentation = Some(0.5);
    let solution = solved(&problem, &options);
    assert_eq!(solution.stop, coreba::Stop::GoodEnough);
    assert!(solution.evaluations < 1000);
}

#[test]
fn alignment_counts_in_the_lower_bound() {
    // 17 and 31 bytes at 16: one of them is topmost and needs no rounding.
    let jobs = vec![
        Job::new(0, 0, 2, 17).aligned(16),
        Job::new(1, 0, 2, 31).aligned(16),
    ];
    assert_eq!(lower_bound(&jobs, 0), 49);
    let problem = Problem::new(jobs).expect("sound");
    let solution = solved(&problem, &options(1000, 0));
    assert_eq!((solution.makespan, solution.status), (49, Status::Optimal));
}

#[test]
fn coarse_alignments_count_in_the_lower_bound_beside_fine_ones() {
    // 40 coarse jobs live at once, too many for a search of their orders, among others
    // that share no alignment with them.
    let step = 1 << 40;
    let mut jobs: Vec<Job> = (0..40)
        .map(|id| Job::new(id, id, 100 + id, 1 + id).aligned(step))
        .collect();
    jobs.extend((40..5000).map(|id| Job::new(id, id % 150, id % 150 + 3, 1 + id % 9)));
    assert_eq!(lower_bound(&jobs, 0), 39 * step + 1);
    assert_eq!(lower_bound(&jobs, 1), step - 1 + 39 * step + 1);
    let problem = Problem::new(jobs).expect("sound");
    let solution = solved(&problem, &options(1000, 0));
    assert_eq!(solution.makespan, 39 * step + 1);
    assert_eq!(solution.status, Status::Optimal);
}

/// Groups of which each two are live at once, at an instant of their own, and no three.
#[test]
fn groups_that_conflict_pairwise_are_kept_apart_and_that_is_proved() {
    let count = 24;
    let names: Vec<String> = (0..count).map(|group| format!("group {group}")).collect();
    let mut jobs = Vec::new();
    for upper in 0..count {
        for lower in 0..upper {
            let at = jobs.len() as u64;
            for group in [lower, upper] {
                let job = Job::new(jobs.len() as u64, at, at + 1, 64 + group as u64);
                jobs.push(job.grouped(&names[group]));
            }
        }
    }
    let sum = (0..count as u64).map(|group| 64 + group).sum();
    let problem = Problem::new(jobs).expect("sound");
    assert!(load(problem.jobs()).peak < 200);
    let solution = solved(&problem, &options(1000, 0));
    assert_eq!((solution.makespan, solution.status), (sum, Status::Optimal));
}

#[test]
fn the_start_address_shifts_what_is_aligned() {
    let jobs = vec![
        Job::new(0, 0, 2, 16).aligned(64),
        Job::new(1, 0, 2, 64).aligned(64),
    ];
    let problem = Problem::new(jobs).expect("sound");
    let mut options = options(1000, 0);
    options.start = 72;
    let solution = solved(&problem, &options);
    // The first aligned offset is 56; then 64 bytes and 16 on top.
    assert_eq!(solution.makespan, 56 + 64 + 16);
    assert_eq!(solution.status, Status::Optimal);
}

#[test]
fn no_jobs_are_solved() {
    let solution = solved(&Problem::default(), &Options::default());
    assert_eq!((solution.makespan, solution.status), (0, Status::Optimal));
}
