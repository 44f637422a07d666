//! Items and slabs.
//!
//! An item is one job, or all jobs of one group: they share one offset. It
//! occupies *slabs*: rectangles over sections and addresses, more than one where
//! it has gaps or members.

/// A rectangle of sections and address, relative to the item's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slab {
    /// First section, and last, inclusive.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Address range `[low, high)` in units.
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// One thing to place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Units from the offset to the end of its largest member.
    pub(crate) size: u64,
    /// The same in bytes, without rounding.
    pub(crate) bytes: u64,
    /// Least common multiple of its members' alignments, in units.
    pub(crate) alignment: u64,
    /// Earliest birth and latest death, in clock ticks.
    pub(crate) birth: u64,
    pub(crate) death: u64,
    /// A fixed position, in units.
    pub(crate) pin: Option<u64>,
    /// Its slabs are `Items::slabs[slabs.0..slabs.1]`.
    pub(super) slabs: (u32, u32),
}

impl Item {
    /// Ticks between birth and death.
    pub(crate) fn lifetime(&self) -> u64 {
        self.death - self.birth
    }
}
