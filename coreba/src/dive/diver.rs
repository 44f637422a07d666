//! The slack-driven lowest-valley dive: one greedy packing from the bottom up.
//!
//! The state is a skyline over sections. `need` of a section is its load plus
//! the waste below its skyline; the makespan will be the largest need, so a
//! dive ends as soon as that passes the incumbent.
//!
//! A step takes the lowest valley [a, b). Let m be the neediest section in it.
//! Where the slack `target - need(m)` is small, the best job inside the valley
//! that is live in m is placed on the floor, or the best job inside if none is;
//! elsewhere simply the best job inside. If no job fits, the valley is raised to
//! its lower neighbour, and the raise is waste. The rule about m is what makes
//! the dive: it spends waste only where there is slack for it.
//!
//! With *lookahead*, a few candidates are tried in turn: one that would leave a
//! part of the valley whose neediest section no job can reach any more, and
//! whose forced waste would pass the target, is passed over.
//!
//! Jobs whose alignment allows the floor as it is come before others.
//!
//! O(log n) a step in practice, about three steps a job.

mod rewind;

use super::classes::Classes;
use super::index::{NONE, Rank, Span, job_of};
use super::needs::Needs;
use super::partial::PartialPacking;
use super::skyline::{Skyline, Valley, WALL};
use crate::instance::Subproblem;

/// How a dive decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Slack in units below which the neediest section decides.
    pub(crate) threshold: i64,
    /// How many candidates are looked at.
    pub(crate) lookahead: usize,
    /// The makespan in units to be met.
    pub(crate) target: i64,
    /// The makespan in units above which to give up.
    pub(crate) limit: i64,
    /// How many jobs to place; all of them where there are fewer.
    pub(crate) jobs: usize,
}

/// What to do to a valley.
struct Choice {
    /// The job to place on its floor; `None` raises it.
    job: Option<u32>,
    /// What some section will need at least, through waste that can be foreseen.
    need: i64,
}

/// Dives into one subproblem; keeps its memory from dive to dive.
#[derive(Clone, Debug)]
pub(crate) struct Diver {
    index: Classes,
    needs: Needs,
    skyline: Skyline,
}

impl Diver {
    /// O(n log n).
    pub(crate) fn new(subproblem: &Subproblem) -> Diver {
        Diver {
            index: Classes::new(subproblem),
            needs: Needs::default(),
            skyline: Skyline::default(),
        }
    }

    /// One dive. `ranks` orders the jobs, the lowest first. `None` where the limit or `stop` ended it.
    pub(crate) fn dive(
        &mut self,
        subproblem: &Subproblem,
        ranks: &[Rank],
        settings: &Settings,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<PartialPacking> {
        let jobs = subproblem.len();
        self.begin(subproblem, ranks);
        let mut partial = PartialPacking::of(subproblem);
        let mut steps = 0u32;
        while partial.order.len() < jobs.min(settings.jobs) {
            if self.needs.top() > settings.limit {
                return None;
            }
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(128) && stop() {
                return None;
            }
            let valley = self.skyline.lowest()?;
            let choice = self.choose(subproblem, ranks, &valley, settings);
            if choice.need > settings.limit {
                return None;
            }
            match choice.job {
                Some(job) => self.place(subproblem, &valley, job, &mut partial),
                None => self.raise(&valley)?,
            }
        }
        (self.needs.top() <= settings.limit).then_some(partial)
    }

    fn begin(&mut self, subproblem: &Subproblem, ranks: &[Rank]) {
        self.index.reset(ranks);
        self.skyline.reset(&subproblem.floor);
        self.needs.reset(subproblem.needs.iter().copied());
    }

    fn raise(&mut self, valley: &Valley) -> Option<()> {
        let (left, right) = self.skyline.walls(valley);
        let height = left.min(right);
        if height == WALL {
            // One valley is left and nothing fits in: there is no job left.
            return None;
        }
        self.needs
            .add(valley.from, valley.to, height - valley.height);
        self.skyline.raise(valley, valley.from, valley.to, height);
        Some(())
    }

    fn place(
        &mut self,
        subproblem: &Subproblem,
        valley: &Valley,
        job: u32,
        partial: &mut PartialPacking,
    ) {
        let at = self.put(subproblem, valley, job);
        self.index.set(job, NONE);
        partial.order.push(job);
        partial.positions[job as usize] = at;
        partial.top = partial.top.max(at + subproblem.size[job as usize]);
    }

    /// Puts a job on a valley's floor; returns its position.
    fn put(&mut self, subproblem: &Subproblem, valley: &Valley, job: u32) -> i64 {
        let index = job as usize;
        let at = subproblem.align(index, valley.height);
        let (from, to) = (subproblem.first[index], subproblem.last[index] + 1);
        if at > valley.height {
            self.needs.add(from, to, at - valley.height);
        }
        self.skyline
            .raise(valley, from, to, at + subproblem.size[index]);
        at
    }

    /// What to do to a valley.
    fn choose(
        &mut self,
        subproblem: &Subproblem,
        ranks: &[Rank],
        valley: &Valley,
        settings: &Settings,
    ) -> Choice {
        let (need, neediest) = self.needs.largest(valley.from, valley.to);
        let inside = Span::inside(valley.from, valley.to);
        let mut span = inside;
        if settings.target - need < settings.threshold {
            span = Span::covering(valley.from, valley.to, neediest);
        }
        let height = valley.height;
        let walls = self.skyline.walls(valley);
        let mut rank = self.index.best(span, height);
        let mut forced = 0;
        if rank == NONE {
            // The neediest section waits for its lower wall.
            let wall = walls.0.min(walls.1);
            if wall < WALL {
                forced = need + (wall - height);
            }
            span = inside;
            rank = self.index.best(span, height);
        }
        if rank == NONE || settings.lookahead <= 1 {
            return Choice {
                job: (rank != NONE).then(|| job_of(rank)),
                need: forced,
            };
        }
        let allowed = settings.target.max(self.needs.top());
        let mut least: Option<(i64, u32)> = None;
        let mut passed = [0u32; 16];
        let mut count = 0;
        while rank != NONE {
            let job = job_of(rank);
            let harm = self.harm(subproblem, valley, walls, job, allowed);
            if least.is_none_or(|(least, _)| harm < least) {
                least = Some((harm, job));
            }
            if harm <= 0 || count + 1 >= settings.lookahead.min(passed.len()) {
                break;
            }
            self.index.set(job, NONE);
            passed[count] = job;
            count += 1;
            rank = self.index.best(span, height);
        }
        for &job in &passed[..count] {
            self.index.set(job, ranks[job as usize]);
        }
        let harm = least.map_or(0, |(harm, _)| harm.max(0));
        Choice {
            job: least.map(|(_, job)| job),
            need: forced.max(allowed + harm),
        }
    }

    /// By how much placing a job would, through waste that can be foreseen,
    /// pass what is allowed.
    fn harm(
        &self,
        subproblem: &Subproblem,
        valley: &Valley,
        walls: (i64, i64),
        job: u32,
        allowed: i64,
    ) -> i64 {
        let index = job as usize;
        let (from, to) = (subproblem.first[index], subproblem.last[index] + 1);
        let at = subproblem.align(index, valley.height);
        let top = at + subproblem.size[index];
        let below = match at - valley.height {
            0 => 0,
            waste => self.needs.largest(from, to).0 + waste - allowed,
        };
        let left = self.harm_beside(valley.height, valley.from, from, walls.0.min(top), allowed);
        let right = self.harm_beside(valley.height, to, valley.to, walls.1.min(top), allowed);
        left.max(right).max(below)
    }

    /// The same for the part `[from, to)` that is left of a valley between
    /// walls of which the lower is `wall` high.
    fn harm_beside(&self, height: i64, from: u32, to: u32, wall: i64, allowed: i64) -> i64 {
        if from >= to {
            return 0;
        }
        let (need, neediest) = self.needs.largest(from, to);
        let harm = need + (wall - height) - allowed;
        if harm <= 0 || self.index.any(Span::covering(from, to, neediest)) {
            return 0;
        }
        harm
    }
}
