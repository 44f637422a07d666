//! Finding room: first fit and best fit over any order, without ever listing
//! the pairs of jobs that conflict.
//!
//! A segment tree over sections. Each node keeps two sorted vectors of
//! disjoint address ranges: `own`, of the slabs whose canonical node it is,
//! and `all`, of all slabs that touch its subtree. A slab over a span of
//! sections may lie at an address when no range of the span's canonical nodes'
//! `all`, nor of their ancestors' `own`, is in the way: about 4 log n vectors,
//! through which the lowest hole is found by leapfrogging.
//!
//! Touching ranges merge, so the vectors stay short where packing is dense.
//! Memory is O(n log n) at worst, in practice a few ranges a job.

use crate::item::{Items, Slab};

/// How to choose among the holes that are large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The lowest.
    First,
    /// The tightest; of several the lowest.
    Best,
}

type Range = (u64, u64);

#[derive(Clone, Debug, Default)]
struct Node {
    own: Vec<Range>,
    all: Vec<Range>,
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

/// A vector of ranges that a slab of the item must keep clear of.
#[derive(Clone, Copy, Debug)]
struct Obstacle {
    node: u32,
    /// Whether it is the node's `all`, else its `own`.
    all: bool,
    /// The first range that may still be in the way: moves forward only.
    cursor: u32,
    low: u64,
    high: u64,
}

/// The addresses that are taken, by section.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    nodes: Vec<Node>,
    /// Leaves: a power of two, at least the number of sections.
    width: usize,
    /// Nodes that hold a range, for clearing.
    dirty: Vec<u32>,
    obstacles: Vec<Obstacle>,
    start: u64,
}

impl Taken {
    /// Nothing taken yet. Alignment applies to `start + offset`, in units.
    pub(crate) fn new(sections: usize, start: u64) -> Taken {
        let width = sections.next_power_of_two().max(1);
        Taken {
            nodes: vec![Node::default(); 2 * width],
            width,
            dirty: Vec::new(),
            obstacles: Vec::new(),
            start,
        }
    }

    /// Forgets everything that is taken, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        for node in self.dirty.drain(..) {
            let node = &mut self.nodes[node as usize];
            node.own.clear();
            node.all.clear();
        }
    }

    /// The position for an item by `fit`, or `None` where its height in bytes
    /// would pass `limit`. O(log n) vectors, each searched by bisection at
    /// every step of the leapfrog.
    pub(crate) fn find(&mut self, items: &Items, item: u32, fit: Fit, limit: u64) -> Option<u64> {
        let alignment = items.item(item).alignment;
        let highest = items.grid().highest(limit, items.item(item))?;
        self.gather(items.slabs(item));
        match fit {
            Fit::First => self.next_hole(0, alignment, highest),
            Fit::Best => {
                let mut best: Option<Range> = None;
                let mut from = 0;
                while let Some(offset) = self.next_hole(from, alignment, highest) {
                    let room = self.room_above(offset);
                    if best.is_none_or(|(_, tightest)| room < tightest) {
                        best = Some((offset, room));
                    }
                    match offset.checked_add(room) {
                        Some(next) if room > 0 && room < u64::MAX => from = next.max(offset + 1),
                        _ => break,
                    }
                }
                best.map(|(offset, _)| offset)
            }
        }
    }

    /// Takes the addresses of an item at a position.
    pub(crate) fn take(&mut self, items: &Items, item: u32, at: u64) {
        for slab in items.slabs(item) {
            self.take_slab(slab, at + slab.low, at + slab.high);
        }
    }

    fn take_slab(&mut self, slab: &Slab, low: u64, high: u64) {
        let (mut left, mut right) = (
            slab.first as usize + self.width,
            slab.last as usize + self.width,
        );
        let (first, last) = (left, right);
        while left <= right {
            if left & 1 == 1 {
                self.touch(left, true, low, high);
                left += 1;
            }
            if right & 1 == 0 {
                self.touch(right, true, low, high);
                right -= 1;
            }
            left >>= 1;
            right >>= 1;
        }
        // The ancestors of the canonical nodes are the nodes above the two end
        // leaves that reach beyond the span. A node whose `all` has the range
        // already needs no more, nor do those above it.
        let (mut left, mut right, mut height) = (first >> 1, last >> 1, 1);
        let (mut left_done, mut right_done) = (false, false);
        while left > 0 {
            let beyond = |node: usize| {
                let from = node << height;
                from < first || from + (1 << height) - 1 > last
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
        if own {
            add(&mut node.own, low, high);
        }
        add(&mut node.all, low, high)
    }

    /// Collects the vectors that slabs must keep clear of.
    fn gather(&mut self, slabs: &[Slab]) {
        self.obstacles.clear();
        for slab in slabs {
            let (first, last) = (
                slab.first as usize + self.width,
                slab.last as usize + self.width,
            );
            let (mut left, mut right) = (first, last);
            while left <= right {
                if left & 1 == 1 {
                    self.add_obstacle(left, true, slab);
                    left += 1;
                }
                if right & 1 == 0 {
                    self.add_obstacle(right, true, slab);
                    right -= 1;
                }
                left >>= 1;
                right >>= 1;
            }
            // Every node above an end leaf: where it lies inside the span its
            // `own` is in the `all` of a canonical node, which does no harm.
            let (mut left, mut right) = (first >> 1, last >> 1);
            while left > 0 {
                self.add_obstacle(left, false, slab);
                if right != left {
                    self.add_obstacle(right, false, slab);
                }
                left >>= 1;
                right >>= 1;
            }
        }
    }

    fn add_obstacle(&mut self, node: usize, all: bool, slab: &Slab) {
        let Node { own, all: every } = &self.nodes[node];
        if if all {
            every.is_empty()
        } else {
            own.is_empty()
        } {
            return;
        }
        let (low, high) = (slab.low, slab.high);
        self.obstacles.push(Obstacle {
            node: node as u32,
            all,
            cursor: 0,
            low,
            high,
        });
    }

    fn ranges<'a>(nodes: &'a [Node], obstacle: &Obstacle) -> &'a [Range] {
        let node = &nodes[obstacle.node as usize];
        if obstacle.all { &node.all } else { &node.own }
    }

    /// The lowest offset from `from` to `highest` at which nothing is in the
    /// way. Successive calls must not go down.
    fn next_hole(&mut self, from: u64, alignment: u64, highest: u64) -> Option<u64> {
        let mut offset = self.align(from, alignment)?;
        let count = self.obstacles.len();
        let (mut clear, mut index) = (0, 0);
        while clear < count {
            if offset > highest {
                return None;
            }
            let obstacle = &mut self.obstacles[index];
            let ranges = Self::ranges(&self.nodes, obstacle);
            let low = offset + obstacle.low;
            let cursor = seek(ranges, obstacle.cursor as usize, low);
            obstacle.cursor = cursor as u32;
            match ranges.get(cursor) {
                Some(range) if range.0 < offset + obstacle.high => {
                    let above = range.1 - obstacle.low;
                    offset = self.align(above, alignment)?;
                    clear = 0;
                }
                _ => clear += 1,
            }
            index += 1;
            if index == count {
                index = 0;
            }
        }
        (offset <= highest).then_some(offset)
    }

    /// How far the item at `offset`, a hole just found, could still move up
    /// before it meets something; `u64::MAX` where nothing is above.
    fn room_above(&self, offset: u64) -> u64 {
        self.obstacles
            .iter()
            .filter_map(|obstacle| {
                let range = Self::ranges(&self.nodes, obstacle).get(obstacle.cursor as usize)?;
                Some(range.0 - (offset + obstacle.high))
            })
            .min()
            .unwrap_or(u64::MAX)
    }

    fn align(&self, offset: u64, alignment: u64) -> Option<u64> {
        if alignment == 1 {
            return Some(offset);
        }
        let address = self
            .start
            .checked_add(offset)?
            .checked_next_multiple_of(alignment)?;
        Some(address - self.start)
    }
}

/// The first range from `cursor` on that ends above `low`, by galloping.
#[inline]
fn seek(ranges: &[Range], cursor: usize, low: u64) -> usize {
    let rest = &ranges[cursor..];
    if rest.first().is_none_or(|range| range.1 > low) {
        return cursor;
    }
    let mut step = 1;
    while step < rest.len() && rest[step].1 <= low {
        step *= 2;
    }
    let from = step / 2;
    let to = step.min(rest.len());
    cursor + from + rest[from..to].partition_point(|range| range.1 <= low)
}
