//! Hints: preferred offsets, taken where they cost nothing.
//!
//! The search knows nothing of them, so they change neither makespan nor status.
//! What it found is then moved towards them without ever passing its makespan,
//! in four passes, each of which only adds to the jobs at their hints:
//!
//! - [`around`]: all jobs that can lie at their hints together do, and the
//!   others are packed around them by first fit. If all hints together make a
//!   placement, it is that one.
//! - [`alone`]: one job after the other moves to its hint while nothing is in its
//!   way there, until no job can. At any number of jobs.
//! - [`aside`]: a job moves to its hint, and what is in its way finds other room.
//! - [`most`]: for few items, which of the sets of hints that a placement within
//!   the makespan can keep is the largest, by the complete search in
//!   [`crate::exact`]. With up to eight jobs its budget is never reached.
//!
//! All is on a grid that holds the hints too. A hint that the item's alignment
//! forbids, or from where it would pass the makespan, is none; nor is that of a
//! fixed job. Of different hints in one group the most frequent counts, the
//! lowest of several; where it cannot be had, [`most`] tries the others.

mod alone;
mod around;
mod aside;
mod most;

use std::collections::HashMap;

use common::problem::Problem;

use crate::fit::Packing;
use crate::heuristics::Heuristic;
use crate::instance::{Items, NoCommonAlignment};
use crate::options::Options;

/// Most items that are packed anew around the hints: first fit takes some
/// microseconds an item.
const MOST_PACKED: usize = 100_000;

/// Most items of which one pushes others aside: that pass lists all pairs.
const MOST_PUSHED: usize = 4096;

/// Where items would like to lie.
struct Wishes {
    /// By item, in units.
    at: Vec<Option<u64>>,
    /// How many jobs of the item wish that.
    jobs: Vec<u32>,
    /// Items, what else some of their jobs wish, and how many; sorted.
    others: Vec<(u32, u64, u32)>,
}

impl Wishes {
    /// Those that can be granted at all within `limit` bytes.
    fn new(problem: &Problem, items: &Items, limit: u64) -> Wishes {
        let mut wishes = Wishes {
            at: vec![None; items.len()],
            jobs: vec![0; items.len()],
            others: Vec::new(),
        };
        let mut votes: HashMap<(u32, u64), u32> = HashMap::new();
        for (&item, job) in items.of_each_job().iter().zip(problem.jobs()) {
            if let Some(hint) = job.hint()
                && let Some(at) = usable(items, item, hint, limit)
            {
                let (index, votes) = (item as usize, votes.entry((item, at)).or_default());
                *votes += 1;
                let known = wishes.at[index].is_none_or(|known| {
                    (*votes, std::cmp::Reverse(at)) > (wishes.jobs[index], std::cmp::Reverse(known))
                });
                if known {
                    (wishes.at[index], wishes.jobs[index]) = (Some(at), *votes);
                }
            }
        }
        let votes = votes.into_iter().map(|((item, at), jobs)| (item, at, jobs));
        wishes.others = votes
            .filter(|&(item, at, _)| !wishes.is_at(item as usize, at))
            .collect();
        wishes.others.sort_unstable();
        wishes
    }

    fn is_at(&self, item: usize, at: u64) -> bool {
        self.at[item] == Some(at)
    }

    /// What else an item's jobs wish.
    fn others(&self, item: u32) -> &[(u32, u64, u32)] {
        let from = self.others.partition_point(|other| other.0 < item);
        let to = self.others.partition_point(|other| other.0 <= item);
        &self.others[from..to]
    }

    /// Jobs at their hints.
    fn kept(&self, positions: &[u64]) -> u64 {
        let at_hint = (0..positions.len()).filter(|&item| self.is_at(item, positions[item]));
        let kept: u64 = at_hint.map(|item| u64::from(self.jobs[item])).sum();
        let others = self.others.iter();
        let at_others = others.filter(|&&(item, at, _)| positions[item as usize] == at);
        kept + at_others.map(|&(_, _, jobs)| u64::from(jobs)).sum::<u64>()
    }
}

/// A hint in units of the grid, where the item may lie there.
fn usable(items: &Items, index: u32, hint: u64, limit: u64) -> Option<u64> {
    let (grid, item) = (items.grid(), items.item(index));
    let above = hint.checked_sub(grid.lowest)?;
    let at = above / grid.unit;
    let is_free = item.pin.is_none();
    let is_aligned = above.is_multiple_of(grid.unit)
        && (grid.start.checked_add(at)?).is_multiple_of(item.alignment);
    let is_within = hint.checked_add(item.bytes)? <= limit;
    (is_free && is_aligned && is_within).then_some(at)
}

/// Where jobs lie in the end.
pub(crate) struct Settled {
    pub(crate) offsets: Vec<u64>,
    /// How many jobs have a hint, and how many of those lie at it.
    pub(crate) hinted: usize,
    pub(crate) kept: usize,
}

impl Settled {
    fn new(problem: &Problem, offsets: Vec<u64>) -> Settled {
        let jobs = problem.jobs().iter().zip(&offsets);
        let hinted = jobs.filter_map(|(job, &offset)| Some(job.hint()? == offset));
        let (mut count, mut kept) = (0, 0);
        for is_kept in hinted {
            count += 1;
            kept += usize::from(is_kept);
        }
        Settled {
            offsets,
            hinted: count,
            kept,
        }
    }
}

/// Moves jobs of a valid placement to their hints within `makespan` bytes. The
/// costly passes end where `stop` says so, with what they have. O(n log n) and,
/// for up to 100 000 jobs, a few packings by first fit; for up to 4096 quadratic.
///
/// # Errors
/// As [`Items::new`]: not where that worked on the same problem.
pub(crate) fn settle(
    problem: &Problem,
    options: &Options,
    offsets: Vec<u64>,
    makespan: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Settled, NoCommonAlignment> {
    if around::is_placement(problem, options.start, makespan) {
        let hints = problem.jobs().iter().zip(problem.pins());
        let at_hints = hints.filter_map(|(job, pin)| pin.or(job.hint()));
        return Ok(Settled::new(problem, at_hints.collect()));
    }
    let items = Items::with_hints(problem, options.start)?;
    let wishes = Wishes::new(problem, &items, makespan);
    let mut packing = Packing {
        positions: items.positions(&offsets),
        makespan,
    };
    let keeps = |heuristic| options.without.keeps(heuristic);
    if items.len() <= MOST_PACKED && keeps(Heuristic::HintsAround) {
        around::pack(&items, &wishes, &mut packing, stop);
    }
    alone::move_all(&items, &wishes, &mut packing.positions, stop);
    if items.len() <= MOST_PUSHED && keeps(Heuristic::HintsAside) {
        aside::push(&items, &wishes, &mut packing, stop);
        // What went aside may have made room.
        alone::move_all(&items, &wishes, &mut packing.positions, stop);
    }
    if keeps(Heuristic::HintsMost) {
        most::keep(&items, &wishes, &mut packing, stop);
        alone::move_all(&items, &wishes, &mut packing.positions, stop);
    }
    Ok(Settled::new(problem, items.offsets(&packing.positions)))
}
