//! What a solve gives back.

use std::fmt;
use std::time::Duration;

use common::load::{Bounds, Load};
use common::placement::Placement;
use common::units::human_bytes;

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

/// Who found a placement. It displays as a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundBy {
    /// Nobody: there is nothing to place.
    Nobody,
    /// First fit in the order of an earlier placement.
    WarmStart,
    /// Best fit as an allocator would do it.
    OnlineBestFit,
    /// First fit or best fit in an order.
    Order(OrderBy, Fit),
    /// Dives.
    Dive,
    /// Rectangles put together to larger ones.
    Tiling,
    /// An exact search.
    Exact,
    /// Ejection search.
    Ejection,
    /// Boxing, and how its boxes were squeezed.
    Boxing(Squeeze),
}

impl fmt::Display for FoundBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FoundBy::Nobody => f.write_str("none needed"),
            FoundBy::WarmStart => f.write_str("warm start"),
            FoundBy::OnlineBestFit => f.write_str("birth, online best fit"),
            FoundBy::Order(order, fit) => write!(f, "{order}, {fit}"),
            FoundBy::Dive => f.write_str("dive"),
            FoundBy::Tiling => f.write_str("tiling"),
            FoundBy::Exact => f.write_str("exact"),
            FoundBy::Ejection => f.write_str("ejection"),
            FoundBy::Boxing(squeeze) => write!(f, "boxing, {squeeze}"),
        }
    }
}

/// Which job comes first in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderBy {
    /// The largest.
    Size,
    /// The largest; of equal ones the longest-lived.
    SizeThenLifetime,
    /// The largest product of size and lifetime.
    Area,
    /// The longest-lived.
    Lifetime,
    /// The earliest born.
    Birth,
    /// The one that is live in the most loaded section.
    Conflicts,
    /// By drawn weights of size and lifetime.
    Weights,
}

impl fmt::Display for OrderBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OrderBy::Size => "size",
            OrderBy::SizeThenLifetime => "size then lifetime",
            OrderBy::Area => "area",
            OrderBy::Lifetime => "lifetime",
            OrderBy::Birth => "birth",
            OrderBy::Conflicts => "conflict-heavy sections",
            OrderBy::Weights => "weighted order",
        })
    }
}

/// How to choose among the holes that are large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fit {
    /// The lowest.
    First,
    /// The tightest; of several the lowest.
    Best,
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fit::First => "first fit",
            Fit::Best => "best fit",
        })
    }
}

/// How boxes are squeezed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Squeeze {
    /// In the order of loose offsets, each falls on those before.
    Drop,
    /// In the order of loose offsets, by first fit.
    Offset,
    /// The highest rows of boxes first, rows of one height by loose offset.
    Class(Fit),
    /// By the row of the outermost box, in each the largest first, by first fit.
    Level,
}

impl fmt::Display for Squeeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Squeeze::Drop => f.write_str("dropped"),
            Squeeze::Offset => f.write_str("loose offset, first fit"),
            Squeeze::Class(fit) => write!(f, "class, {fit}"),
            Squeeze::Level => f.write_str("level, first fit"),
        }
    }
}

/// What the exact search did not search, though [`Method::Exact`](crate::Method::Exact)
/// asked for it. It displays as a clause that says what the limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TooLarge {
    /// A part of the core, which other jobs do not join to the rest.
    Core {
        /// Its jobs.
        jobs: usize,
        /// What each run would take, in bytes.
        bytes: u64,
        /// What a run may take, in bytes.
        most_bytes: u64,
    },
    /// All jobs, where some have gaps, groups or fixed offsets.
    Pairs {
        /// How many, those of a group counted as one.
        items: usize,
        /// The rectangles that they are.
        pieces: usize,
        /// How many may be.
        most_items: usize,
        /// How many rectangles they may be.
        most_pieces: usize,
    },
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            TooLarge::Core {
                jobs,
                bytes,
                most_bytes,
            } => write!(
                f,
                "a core of {jobs} jobs is too large: a run of its search would take {} of \
                 memory, and may take {}",
                human_bytes(bytes),
                human_bytes(most_bytes)
            ),
            TooLarge::Pairs {
                items,
                pieces,
                most_items,
                most_pieces,
            } => write!(
                f,
                "{items} jobs and groups in {pieces} pieces are too many: where some have gaps, groups or \
                 fixed offsets it takes up to {most_items} in {most_pieces} pieces"
            ),
        }
    }
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
    /// The part of `lower_bound` that LOAD, alignment, groups and fixed offsets alone
    /// prove, in bytes: where `lower_bound` is larger, a search proved it.
    pub static_bound: u64,
    /// Whether the makespan is proved to be optimal.
    pub status: Status,
    /// What ended the search.
    pub stop: Stop,
    /// Who found the placement.
    pub found_by: FoundBy,
    /// Placements that were tried.
    pub evaluations: u64,
    /// Jobs that have a hint, and how many of them lie at it.
    pub hinted: usize,
    /// See [`Solution::hinted`].
    pub hints_kept: usize,
    /// Decisions of the exact search.
    pub nodes: u64,
    /// Where [`Method::Exact`](crate::Method::Exact) was asked for and the makespan is above the
    /// lower bound: the largest part that was too large for it, if any was.
    pub too_large: Option<TooLarge>,
    /// Wall time.
    pub elapsed: Duration,
}

impl Solution {
    /// Of a problem without jobs.
    pub(crate) fn of_nothing(bounds: &Bounds) -> Solution {
        Solution {
            placement: Placement::default(),
            makespan: 0,
            load: bounds.load,
            lower_bound: bounds.lower_bound,
            static_bound: bounds.lower_bound,
            status: Status::Optimal,
            stop: Stop::LowerBound,
            found_by: FoundBy::Nobody,
            evaluations: 0,
            hinted: 0,
            hints_kept: 0,
            nodes: 0,
            too_large: None,
            elapsed: Duration::ZERO,
        }
    }

    /// `(makespan - LOAD) / LOAD`; 0 without load.
    pub fn fragmentation(&self) -> f64 {
        if self.load.peak == 0 {
            return 0.0;
        }
        (self.makespan - self.load.peak) as f64 / self.load.peak as f64
    }
}
