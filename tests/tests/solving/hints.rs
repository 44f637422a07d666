//! Hints: taken where they cost nothing, never at the cost of anything.

use std::fs;

use benches::generate::{self, Cutting};
use common::job::Job;
use common::problem::Problem;
use coreba::{Method, Options, Solution, Status};
use proptest::prelude::*;
use tests::oracle::{self, ALL, Constraints};
use tests::{run_in, solving};

const METHODS: [Method; 4] = [Method::Auto, Method::Dive, Method::Exact, Method::Fit];

fn solved(problem: &Problem, options: &Options) -> Solution {
    let solution = solving::solved(problem, options);
    let kept = kept(problem, &solution.placement.offsets);
    assert_eq!(solution.hints_kept, kept);
    solution
}

fn options(method: Method, iterations: u64) -> Options {
    let mut options = solving::options(iterations, 0);
    options.method = method;
    options
}

/// Jobs at their hints.
fn kept(problem: &Problem, offsets: &[u64]) -> usize {
    let jobs = problem.jobs().iter().zip(offsets);
    jobs.filter(|(job, offset)| job.hint() == Some(**offset))
        .count()
}

fn with_hints(problem: &Problem, hints: &[Option<u64>]) -> Problem {
    let jobs = problem.jobs().iter().zip(hints).map(|(job, &hint)| {
        let mut job = job.clone();
        if hint.is_some() {
            job.extras_mut().hint = hint;
        }
        job
    });
    Problem::new(jobs.collect()).expect("hints make nothing unsound")
}

/// Small problems, with the hints apart.
fn hinted_problems(
    most: usize,
    constraints: Constraints,
) -> impl Strategy<Value = (Problem, Vec<Option<u64>>)> {
    let hints = proptest::collection::vec(proptest::option::weighted(0.7, 0u64..14), most);
    (oracle::small_problems(most, constraints), hints)
}

/// The most jobs that any placement within a makespan has at their hints: by
/// trying all sets of jobs, each fixed at its hint.
fn most_kept(problem: &Problem, start: u64, makespan: u64) -> usize {
    let hinted: Vec<usize> = (0..problem.len())
        .filter(|&job| problem[job].hint().is_some())
        .collect();
    let highest: Vec<u64> = problem
        .jobs()
        .iter()
        .map(|job| makespan - job.size)
        .collect();
    let mut sets: Vec<u32> = (0..1 << hinted.len()).collect();
    sets.sort_by_key(|set| std::cmp::Reverse(set.count_ones()));
    let can_be_kept = |set: &u32| {
        let mut jobs = problem.jobs().to_vec();
        for (bit, &job) in hinted.iter().enumerate() {
            if set >> bit & 1 == 1 {
                let hint = jobs[job].hint();
                if jobs[job].pin().is_some_and(|pin| Some(pin) != hint) {
                    return false;
                }
                jobs[job].extras_mut().pin = hint;
            }
        }
        let fixed = Problem::new(jobs);
        fixed.is_ok_and(|fixed| oracle::is_placeable(&fixed, start, &highest))
    };
    let most = sets.iter().find(|set| can_be_kept(set));
    most.expect("without hints there is a placement")
        .count_ones() as usize
}

/// The same makespan and status as without hints, and as many of them kept as
/// any placement of that makespan can.
fn are_kept_where_free(
    (problem, hints): &(Problem, Vec<Option<u64>>),
    start: u64,
) -> Result<(), TestCaseError> {
    let hinted = with_hints(problem, hints);
    for method in METHODS {
        for iterations in [0, 25] {
            let mut options = options(method, iterations);
            options.start = start;
            let without = solved(problem, &options);
            let with = solved(&hinted, &options);
            prop_assert!(with.makespan <= without.makespan, "{:?}", method);
            if without.status == Status::Optimal {
                prop_assert_eq!(with.status, Status::Optimal);
                prop_assert_eq!(with.makespan, without.makespan);
            }
            prop_assert_eq!(with.lower_bound, without.lower_bound);
            let most = most_kept(&hinted, start, with.makespan);
            prop_assert_eq!(
                with.hints_kept,
                most,
                "{:?}, makespan {}",
                method,
                with.makespan
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn plain_jobs_keep_as_many_hints_as_any_placement(
        case in hinted_problems(8, Constraints::default()),
    ) {
        are_kept_where_free(&case, 0)?;
    }

    #[test]
    fn aligned_jobs_keep_as_many_hints_as_any_placement(
        case in hinted_problems(8, Constraints { alignments: true, ..Constraints::default() }),
        start in 0u64..9,
    ) {
        are_kept_where_free(&case, start)?;
    }

    #[test]
    fn constrained_jobs_keep_as_many_hints_as_any_placement(case in hinted_problems(7, ALL)) {
        are_kept_where_free(&case, 0)?;
    }

    #[test]
    fn a_capacity_is_met_or_refuted_as_without_hints(
        (problem, hints) in hinted_problems(7, ALL),
        less in 0u64..3,
    ) {
        let mut options = options(Method::Auto, 200);
        let reached = solved(&problem, &options).makespan;
        options.capacity = Some(reached.saturating_sub(less).max(1));
        let without = solved(&problem, &options);
        let with = solved(&with_hints(&problem, &hints), &options);
        prop_assert!(with.status == without.status || with.status == Status::Optimal);
        prop_assert!(with.makespan <= without.makespan);
    }
}

/// Whether no job that is off its hint could move there alone.
fn none_could_move_alone(problem: &Problem, solution: &Solution) -> bool {
    let offsets = &solution.placement.offsets;
    (0..problem.len()).all(|job| {
        let Some(hint) = problem[job].hint() else {
            return true;
        };
        let is_usable = hint.is_multiple_of(problem[job].alignment)
            && hint + problem[job].size <= solution.makespan;
        offsets[job] == hint
            || !is_usable
            || (0..problem.len()).any(|other| {
                other != job
                    && oracle::collide((&problem[job], hint), (&problem[other], offsets[other]))
            })
    })
}

fn hint_all(jobs: &mut [Job], hint: impl Fn(usize) -> Option<u64>) {
    for (index, job) in jobs.iter_mut().enumerate() {
        if let Some(hint) = hint(index) {
            job.extras_mut().hint = Some(hint);
        }
    }
}

#[test]
fn in_any_method_no_job_is_left_off_a_hint_to_which_it_could_move_alone() {
    let instances = [
        generate::random(600, 1),
        generate::guillotine(300, 1 << 20, 1 << 20, Cutting::Even, 2),
        generate::malloc_like(8, 600, 3),
        generate::training(500, 4),
    ];
    for jobs in instances {
        let plain = Problem::new(jobs.clone()).expect("sound");
        for method in METHODS {
            let without = solved(&plain, &options(method, 40));
            let mut jobs = jobs.clone();
            // Where they lay, or somewhere else.
            let grid = jobs[0].alignment;
            let elsewhere = |index: usize| index as u64 * 7919 % without.makespan / grid * grid;
            hint_all(&mut jobs, |index| match index % 3 {
                0 => None,
                1 => Some(without.placement.offsets[index]),
                _ => Some(elsewhere(index)),
            });
            let hinted = Problem::new(jobs).expect("sound");
            let with = solved(&hinted, &options(method, 40));
            assert_eq!(with.makespan, without.makespan, "{method:?}");
            assert!(none_could_move_alone(&hinted, &with), "{method:?}");
            assert_eq!(with.hinted, 2 * plain.len() / 3);
        }
    }
}

#[test]
fn an_earlier_placement_as_hints_comes_back_unchanged() {
    for jobs in [generate::random(3000, 5), generate::malloc_like(8, 2000, 6)] {
        let plain = Problem::new(jobs.clone()).expect("sound");
        let mut earlier = options(Method::Auto, 200);
        earlier.seed = 1;
        let earlier = solved(&plain, &earlier);
        let mut jobs = jobs;
        hint_all(&mut jobs, |index| Some(earlier.placement.offsets[index]));
        let hinted = Problem::new(jobs).expect("sound");
        let mut later = options(Method::Fit, 4);
        later.seed = 2;
        let later = solved(&hinted, &later);
        if later.makespan >= earlier.makespan {
            assert_eq!(later.placement, earlier.placement);
            assert_eq!(later.hints_kept, hinted.len());
        }
    }
}

#[test]
fn new_jobs_are_packed_around_those_with_hints() {
    let jobs = generate::random(2000, 9);
    let plain = Problem::new(jobs.clone()).expect("sound");
    let earlier = solved(&plain, &options(Method::Auto, 200));
    let mut jobs = jobs;
    hint_all(&mut jobs, |index| {
        (index % 20 > 0).then(|| earlier.placement.offsets[index])
    });
    let hinted = Problem::new(jobs).expect("sound");
    let mut options = options(Method::Auto, 200);
    options.seed = 3;
    let later = solved(&hinted, &options);
    assert_eq!(later.makespan, earlier.makespan);
    assert_eq!(later.hints_kept, later.hinted);
}

#[test]
fn hints_off_the_grid_of_sizes_are_kept_too() {
    let mut jobs = vec![
        Job::new(0, 0, 4, 64),
        Job::new(1, 2, 6, 16),
        Job::new(2, 5, 9, 32),
    ];
    hint_all(&mut jobs, |index| [None, None, Some(17)][index]);
    let problem = Problem::new(jobs).expect("sound");
    for method in METHODS {
        let solution = solved(&problem, &options(method, 20));
        assert_eq!(solution.makespan, 80);
        assert_eq!(solution.hints_kept, 1, "{method:?}");
    }
}

#[test]
fn hints_that_cannot_be_used_do_no_harm() {
    let mut jobs = vec![
        Job::new(0, 0, 4, 8).aligned(8),
        Job::new(1, 0, 4, 8).aligned(8),
        Job::new(2, 0, 4, 8),
    ];
    hint_all(&mut jobs, |index| {
        [Some(3), Some(u64::MAX), Some(u64::MAX / 2)][index]
    });
    let problem = Problem::new(jobs).expect("sound");
    for method in METHODS {
        let solution = solved(&problem, &options(method, 20));
        assert_eq!(
            (solution.makespan, solution.hints_kept),
            (24, 0),
            "{method:?}"
        );
    }
}

#[test]
fn the_same_seed_and_work_give_the_same_bytes_with_hints() {
    let mut jobs = generate::random(1500, 11);
    hint_all(&mut jobs, |index| {
        (index % 2 == 0).then_some(index as u64 * 64)
    });
    let problem = Problem::new(jobs).expect("sound");
    let with = |threads| {
        let mut options = options(Method::Auto, 100);
        options.threads = std::num::NonZeroUsize::new(threads).expect("not 0");
        solved(&problem, &options).placement
    };
    assert_eq!(with(1), with(2));
    assert_eq!(with(1), with(5));
}

#[test]
fn the_summary_says_how_many_hints_were_kept() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let csv = "id,lower,upper,size,hint\na,0,3,4,6\nb,1,4,6,0\nc,3,5,4,\n";
    fs::write(folder.path().join("jobs.csv"), csv).expect("a file");
    let arguments = ["jobs.csv", "-o", "p.csv", "--format", "json"];
    let ran = run_in(folder.path(), "idealloc", &arguments, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let summary: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(summary["hinted"], 2);
    assert_eq!(summary["hints_kept"], 2);
    let placed = fs::read_to_string(folder.path().join("p.csv")).expect("written");
    assert!(
        placed.contains("a,0,3,4,6,6") && placed.contains("b,1,4,6,0,0"),
        "{placed}"
    );
}
