//! What a searcher's turn gave, and what it cost.

use crate::fit::Packing;
use crate::solution::FoundBy;

/// What a turn gave.
#[derive(Default)]
pub(crate) struct Turn {
    pub(crate) found: Vec<(Found, FoundBy)>,
    /// No makespan is below, in bytes; 0 where nothing was proved.
    pub(crate) bound: u64,
    /// What it cost, in jobs placed by a dive: some two microseconds each. The
    /// only currency of the schedule.
    pub(crate) work: u64,
    /// What counts towards [`Options::iterations`](crate::Options::iterations).
    pub(crate) evaluations: u64,
    /// Decisions of an exact search.
    pub(crate) nodes: u64,
}

/// A placement, or a part of one. Positions are in units.
pub(crate) enum Found {
    /// Of all items.
    Whole(Packing),
    /// Of the core: items and positions.
    Core(Vec<(u32, u64)>),
    /// Of one component of the core, by its number.
    Component(usize, Vec<(u32, u64)>),
}
