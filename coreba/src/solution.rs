//! What a solve gives back.

use std::time::Duration;

use common::load::Load;
use common::placement::Placement;

/// What is known about a solution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The makespan meets the lower bound: no placement is smaller.
    Optimal,
    /// A valid placement (within the capacity, where one is asked for); a
    /// smaller one may exist.
    Feasible,
    /// No placement is within the capacity asked for: the lower bound passes it.
    /// The placement given is valid, and too large.
    Infeasible,
    /// Whether a placement is within the capacity is not known: the search was
    /// ended before. The placement given is valid, and too large.
    Unknown,
}

/// What ended a solve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// The makespan met the lower bound.
    LowerBound,
    /// No method has anything left to try.
    Exhausted,
    /// The makespan is within [`Options::capacity`](crate::Options::capacity).
    CapacityMet,
    /// It is proved that no placement is within
    /// [`Options::capacity`](crate::Options::capacity).
    Infeasible,
    /// [`Options::deadline`](crate::Options::deadline) passed.
    Timeout,
    /// [`Options::iterations`](crate::Options::iterations) were done.
    Iterations,
    /// [`Options::max_fragmentation`](crate::Options::max_fragmentation) was met.
    GoodEnough,
    /// [`Progress::should_stop`](crate::Progress::should_stop) said so.
    Interrupted,
}

/// A valid placement, and what is known about it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solution {
    /// One offset a job.
    pub placement: Placement,
    /// Its makespan in bytes.
    pub makespan: u64,
    /// LOAD, and when it is reached.
    pub load: Load,
    /// The best proved bound on any makespan, in bytes.
    pub lower_bound: u64,
    /// The part of `lower_bound` that LOAD, alignment and fixed offsets alone
    /// prove, in bytes: where `lower_bound` is larger, a search proved it.
    pub static_bound: u64,
    /// Whether the makespan is proved to be optimal.
    pub status: Status,
    /// What ended the search.
    pub stop: Stop,
    /// The method that found the placement.
    pub method: &'static str,
    /// Placements that were tried.
    pub evaluations: u64,
    /// Jobs that have a hint, and how many of them lie at it.
    pub hinted: usize,
    /// See [`Solution::hinted`].
    pub hints_kept: usize,
    /// Decisions of the exact search.
    pub nodes: u64,
    /// Wall time.
    pub elapsed: Duration,
}

impl Solution {
    /// `(makespan - LOAD) / LOAD`; 0 without load.
    pub fn fragmentation(&self) -> f64 {
        if self.load.peak == 0 {
            return 0.0;
        }
        (self.makespan - self.load.peak) as f64 / self.load.peak as f64
    }
}
