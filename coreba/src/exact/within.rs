//! A few runs of the exact search on one subproblem, for who has made it small.

use std::cmp::Reverse;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::model::Model;
use super::order::{self, luby};
use super::valley::Search;
use super::verdict::Verdict;
use crate::heuristics::Without;
use crate::instance::Subproblem;
use crate::priority::{Elite, Priority};

/// Runs, and nodes of the shortest run, times the number of jobs.
const RUNS: u64 = 31;
const RUN: u64 = 4;

/// Positions of all jobs that end at `top` units or below; `None` where there are none,
/// or the runs do not find them. The subproblem must have a flat floor at 0. O(n^2).
pub(crate) fn within(
    subproblem: &Subproblem,
    top: i64,
    seed: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Vec<i64>> {
    let model = Model::new(subproblem, |job| top.checked_sub(subproblem.size[job]))?;
    let mut search = Search::new(&model, Without::default());
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut elite: Elite<Reverse<usize>, Priority> = Elite::new(1);
    for run in 0..RUNS {
        let weights = order::draw(run, &elite, &mut random);
        let mut ties = Xoshiro256PlusPlus::seed_from_u64(random.random());
        let ranks = order::ranks(&weights, &model, &mut ties);
        let limit = luby(run + 1) * RUN * model.len() as u64;
        let run = search.run(ranks, limit, stop);
        match run.verdict {
            Verdict::Placed(positions) => return Some(positions),
            Verdict::Infeasible => return None,
            Verdict::Open if stop() => return None,
            Verdict::Open => elite.push(Reverse(run.deepest), weights),
        }
    }
    None
}
