//! Finding room: first fit and best fit over any order, without ever listing
//! the pairs of jobs that conflict.
//!
//! Neighbouring sections form *blocks*, such that few slabs begin or end inside
//! one. A segment tree over blocks keeps, at each node, two sorted vectors of
//! disjoint address ranges: `own`, of the slabs whose canonical node it is, and
//! `all`, of all slabs that touch its subtree. Touching ranges merge, so the
//! vectors stay short where packing is dense. What of a slab covers a block only
//! in part is an entry of the block, sorted by address.
//!
//! An item may lie at a position when nothing is in the way in the `all` of the
//! canonical nodes of its slabs, in the `own` of the nodes above, and in the
//! entries of the one or two blocks that it covers in part: some 2 log n vectors,
//! through which the lowest hole is found by leapfrogging. A section in which
//! many slabs begin is a block of its own, which nothing covers in part.
//!
//! Memory is O(n log n) at worst, in practice a few ranges a job.

mod blocks;
mod finder;
pub(crate) mod online;
pub(crate) mod orders;
pub(crate) mod packing;
mod room;
mod searchers;

use crate::instance::Items;
pub(crate) use crate::solution::Fit;

pub(crate) use finder::Finder;
pub(crate) use packing::Packing;
pub(crate) use room::Room;
pub(crate) use searchers::{NearSize, Packer};

/// Room, and a finder in it.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    room: Room,
    finder: Finder,
    /// Looks at what is in the way after which nothing is found any more.
    most_looks: u64,
}

/// Ranges whose move costs as much as a look.
const MOVED: u64 = 256;

impl Taken {
    /// Nothing taken yet. O(n).
    pub(crate) fn new(items: &Items) -> Taken {
        Taken {
            room: Room::new(items),
            finder: Finder::default(),
            most_looks: u64::MAX,
        }
    }

    /// The same, but finds nothing after about so many looks at what is in the
    /// way: for who counts the work instead of the time.
    pub(crate) fn with_most_looks(items: &Items, most_looks: u64) -> Taken {
        Taken {
            most_looks,
            ..Taken::new(items)
        }
    }

    /// Looks so far at what is in the way: the cost of all searches.
    pub(crate) fn looks(&self) -> u64 {
        self.finder.looks()
    }

    /// What is taken so far, for other finders.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// Forgets everything that is taken, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.room.clear();
    }

    /// See [`Finder::find`].
    pub(crate) fn find(&mut self, items: &Items, item: u32, fit: Fit, limit: u64) -> Option<u64> {
        if self.finder.looks() + self.room.moved / MOVED > self.most_looks {
            return None;
        }
        self.finder.find(&self.room, items, item, fit, limit)
    }

    /// See [`Finder::find_from`].
    pub(crate) fn find_from(
        &mut self,
        items: &Items,
        item: u32,
        from: u64,
        limit: u64,
    ) -> Option<u64> {
        self.finder.find_from(&self.room, items, item, from, limit)
    }

    /// See [`Finder::is_free`].
    pub(crate) fn is_free(&mut self, items: &Items, item: u32, at: u64) -> bool {
        self.finder.is_free(&self.room, items, item, at)
    }

    /// Takes the addresses of an item at a position.
    pub(crate) fn take(&mut self, items: &Items, item: u32, at: u64) {
        for slab in items.slabs(item) {
            self.room.take_slab(slab, at + slab.low, at + slab.high);
        }
    }
}
