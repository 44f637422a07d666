//! Tilings: optima at LOAD by construction, which are put together again.

use benches::generate::{self, Cutting};
use common::job::Job;
use common::problem::Problem;
use coreba::{FoundBy, Status};
use proptest::prelude::*;
use tests::solving::{options, solved};

/// Solves a tiling at the first try.
fn is_put_together(jobs: Vec<Job>, load: u64, seed: u64) {
    let problem = Problem::new(jobs).expect("sound");
    let solution = solved(&problem, &options(1, seed));
    assert_eq!(
        (solution.makespan, solution.status),
        (load, Status::Optimal)
    );
    assert_eq!(solution.found_by, FoundBy::Tiling);
}

#[test]
fn straight_cuts_are_taken_back() {
    for seed in 0..6 {
        let jobs = [5, 300, 20_000][seed as usize % 3];
        let tiling = generate::guillotine(jobs, 1 << 30, 1 << 30, Cutting::Even, seed);
        is_put_together(tiling, 1 << 30, seed);
    }
}

#[test]
fn pinwheels_are_taken_back() {
    for seed in 0..6 {
        let jobs = [5, 300, 20_000][seed as usize % 3];
        is_put_together(
            generate::pinwheel(jobs, 1 << 30, 1 << 30, seed),
            1 << 30,
            seed,
        );
    }
}

/// A pinwheel of tilings by straight cuts, some of whose pieces are pinwheels.
#[test]
fn cuts_of_all_kinds_are_taken_back() {
    let mut jobs = Vec::new();
    for (index, outer) in generate::pinwheel(9, 1 << 30, 1 << 30, 7)
        .iter()
        .enumerate()
    {
        let (load, horizon) = (outer.size, outer.death - outer.birth);
        let seed = index as u64;
        let inner = if index % 2 == 0 {
            generate::guillotine(200, load, horizon, Cutting::Even, seed)
        } else {
            generate::pinwheel(200, load, horizon, seed)
        };
        for piece in inner {
            let span = (piece.birth + outer.birth, piece.death + outer.birth);
            jobs.push(Job::new(jobs.len() as u64, span.0, span.1, piece.size));
        }
    }
    is_put_together(jobs, 1 << 30, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// On a coarse grid pieces fit together by chance in many ways, and guesses go wrong:
    /// what is found is valid, and other methods find what this one does not.
    #[test]
    fn coarse_tilings_are_packed_by_someone(
        jobs in 5usize..120,
        load in 12u64..60,
        horizon in 50u64..200,
        seed: u64,
    ) {
        let jobs = jobs.min((load * horizon / 64) as usize);
        let tilings = [
            generate::guillotine(jobs, load, horizon, Cutting::Uneven, seed),
            generate::pinwheel(jobs, load, horizon, seed),
        ];
        for tiling in tilings {
            let problem = Problem::new(tiling).expect("sound");
            let solution = solved(&problem, &options(300, seed));
            prop_assert!(solution.makespan <= load + load / 4);
        }
    }

    /// Turned in time, and in another order of rows, it is as good.
    #[test]
    fn tilings_turned_in_time_are_put_together(seed: u64) {
        let horizon = 1 << 30;
        let turn = |job: &Job| Job {
            birth: horizon - job.death,
            death: horizon - job.birth,
            ..job.clone()
        };
        let jobs = generate::pinwheel(500, 1 << 30, horizon, seed);
        let problem = Problem::new(jobs.iter().rev().map(turn).collect()).expect("sound");
        let solution = solved(&problem, &options(1, seed));
        prop_assert_eq!(solution.makespan, 1 << 30);
    }
}
