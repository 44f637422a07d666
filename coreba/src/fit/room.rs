//! What is taken: a segment tree over blocks, with disjoint ranges of addresses
//! at its nodes, and entries of blocks that are covered in part.

use super::blocks::Blocks;
use crate::instance::{Items, Slab};

pub(super) type Range = (u64, u64);

#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) own: Vec<Range>,
    pub(super) all: Vec<Range>,
}

/// The part of a slab inside a block that it does not cover.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) low: u64,
    pub(super) high: u64,
    pub(super) first: u32,
    pub(super) last: u32,
}

impl Entry {
    pub(super) fn meets(&self, first: u32, last: u32) -> bool {
        self.first <= last && first <= self.last
    }
}

/// Adds what a slab takes to entries that are sorted by their starts.
pub(super) fn insert(entries: &mut Vec<Entry>, slab: &Slab, low: u64, high: u64) {
    let index = entries.partition_point(|entry| entry.low < low);
    let (first, last) = (slab.first, slab.last);
    entries.insert(
        index,
        Entry {
            low,
            high,
            first,
            last,
        },
    );
}

/// Adds a range to sorted, disjoint ranges, and merges what it touches. Says
/// whether that changed anything.
fn add(ranges: &mut Vec<Range>, low: u64, high: u64) -> bool {
    // The ranges that touch are consecutive: those that end at `low` or later
    // and start at `high` or earlier.
    let from = ranges.partition_point(|range| range.1 < low);
    let mut to = from;
    while to < ranges.len() && ranges[to].0 <= high {
        to += 1;
    }
    if from == to {
        ranges.insert(from, (low, high));
        return true;
    }
    if to == from + 1 && ranges[from].0 <= low && high <= ranges[from].1 {
        return false;
    }
    ranges[from] = (low.min(ranges[from].0), high.max(ranges[to - 1].1));
    ranges.drain(from + 1..to);
    true
}

/// The addresses that are taken, by section.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub(super) blocks: Blocks,
    pub(super) entries: Vec<Vec<Entry>>,
    /// Root at 1, leaves from `width` on: one a block.
    pub(super) nodes: Vec<Node>,
    pub(super) width: usize,
    /// Nodes that hold a range, for clearing.
    dirty: Vec<u32>,
    /// Ranges that were moved to make room for others, or into theirs.
    pub(super) moved: u64,
    pub(super) start: u64,
}

impl Room {
    /// Nothing taken yet. O(n).
    pub(super) fn new(items: &Items) -> Room {
        let blocks = Blocks::new(items);
        let width = blocks.len().next_power_of_two().max(1);
        Room {
            entries: vec![Vec::new(); blocks.len()],
            blocks,
            nodes: vec![Node::default(); 2 * width],
            width,
            dirty: Vec::new(),
            moved: 0,
            start: items.grid().start,
        }
    }

    pub(super) fn clear(&mut self) {
        for index in self.dirty.drain(..) {
            let index = index as usize;
            self.nodes[index].own.clear();
            self.nodes[index].all.clear();
            if let Some(entries) = index
                .checked_sub(self.width)
                .and_then(|block| self.entries.get_mut(block))
            {
                entries.clear();
            }
        }
    }

    pub(super) fn take_slab(&mut self, slab: &Slab, low: u64, high: u64) {
        let cover = self.blocks.cover(slab);
        for block in cover.parts() {
            insert(&mut self.entries[block as usize], slab, low, high);
        }
        let (whole_from, whole_to) = (
            cover.whole_from as usize + self.width,
            cover.whole_to as usize + self.width,
        );
        let (mut left, mut right) = (whole_from, whole_to);
        while left < right {
            if left & 1 == 1 {
                self.touch(left, true, low, high);
                left += 1;
            }
            if right & 1 == 1 {
                right -= 1;
                self.touch(right, true, low, high);
            }
            left >>= 1;
            right >>= 1;
        }
        // The nodes that the slab touches without covering them are those above
        // the two end leaves (and these) that reach beyond the whole blocks. A
        // node whose `all` has the range already needs no more, nor do those
        // above it.
        let (mut left, mut right) = (
            cover.from as usize + self.width,
            cover.to as usize + self.width,
        );
        let (mut left_done, mut right_done, mut height) = (false, false, 0);
        while left > 0 {
            let beyond = |node: usize| {
                let from = node << height;
                from < whole_from || from + (1 << height) > whole_to
            };
            if left == right && (left_done || right_done) {
                return;
            }
            if !left_done && beyond(left) {
                left_done = !self.touch(left, false, low, high);
            }
            if right != left && !right_done && beyond(right) {
                right_done = !self.touch(right, false, low, high);
            }
            left >>= 1;
            right >>= 1;
            height += 1;
        }
    }

    /// Adds a range to a node; says whether its `all` became larger.
    fn touch(&mut self, index: usize, own: bool, low: u64, high: u64) -> bool {
        let node = &mut self.nodes[index];
        if node.all.is_empty() {
            self.dirty.push(index as u32);
        }
        let lengths = [node.own.len(), node.all.len()];
        if own {
            add(&mut node.own, low, high);
        }
        let grown = add(&mut node.all, low, high);
        let after = [node.own.len(), node.all.len()];
        for (before, after) in lengths.into_iter().zip(after) {
            self.moved += if before == after { 0 } else { after as u64 };
        }
        grown
    }

    pub(super) fn align(&self, at: u64, alignment: u64) -> Option<u64> {
        if alignment == 1 {
            return Some(at);
        }
        let address = self
            .start
            .checked_add(at)?
            .checked_next_multiple_of(alignment)?;
        Some(address - self.start)
    }
}
