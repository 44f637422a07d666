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

use crate::item::{Items, Slab};

/// How to choose among the holes that are large enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The lowest.
    First,
    /// The tightest; of several the lowest.
    Best,
}

/// Ends of slabs that a block of several sections may have.
const BLOCK_ENDS: u32 = 48;

type Range = (u64, u64);

#[derive(Clone, Debug, Default)]
struct Node {
    own: Vec<Range>,
    all: Vec<Range>,
}

/// The part of a slab inside a block that it does not cover.
#[derive(Clone, Copy, Debug)]
struct Entry {
    low: u64,
    high: u64,
    first: u32,
    last: u32,
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

/// The blocks of sections.
#[derive(Clone, Debug)]
struct Blocks {
    of_section: Vec<u32>,
    /// First section of each block, and the number of sections.
    begin: Vec<u32>,
}

impl Blocks {
    /// Blocks with few ends of slabs in each. O(n).
    fn new(items: &Items) -> Blocks {
        let sections = items.sections();
        let mut ends = vec![0u32; sections];
        for slab in items.all_slabs() {
            ends[slab.first as usize] += 1;
            ends[slab.last as usize] += 1;
        }
        let mut blocks = Blocks {
            of_section: Vec::with_capacity(sections),
            begin: Vec::new(),
        };
        let mut sum = 0;
        for (section, &ends) in ends.iter().enumerate() {
            sum += ends;
            if section == 0 || sum > BLOCK_ENDS {
                blocks.begin.push(section as u32);
                sum = ends;
            }
            blocks.of_section.push(blocks.begin.len() as u32 - 1);
        }
        blocks.begin.push(sections as u32);
        blocks
    }

    fn len(&self) -> usize {
        self.begin.len() - 1
    }

    /// Where a slab's sections lie.
    fn cover(&self, slab: &Slab) -> Cover {
        let (first, last) = (slab.first, slab.last);
        let (from, to) = (
            self.of_section[first as usize],
            self.of_section[last as usize],
        );
        let starts = self.begin[from as usize] == first;
        let ends = self.begin[to as usize + 1] == last + 1;
        Cover {
            from,
            to,
            // One past the other where no block is whole.
            whole_from: from + u32::from(!starts),
            whole_to: (to + 1).saturating_sub(u32::from(!ends)),
        }
    }
}

/// The blocks that a slab touches, `from` to `to` inclusive, and those that it
/// covers whole, `whole_from` to `whole_to` exclusive.
#[derive(Clone, Copy, Debug)]
struct Cover {
    from: u32,
    to: u32,
    whole_from: u32,
    whole_to: u32,
}

impl Cover {
    /// The blocks covered in part: at most two.
    fn parts(&self) -> impl Iterator<Item = u32> {
        let part = |block: u32| block < self.whole_from || block >= self.whole_to;
        let left = part(self.from).then_some(self.from);
        let right = (self.to != self.from && part(self.to)).then_some(self.to);
        left.into_iter().chain(right)
    }
}

/// What an item's slab must keep clear of, at addresses from `low` to `high`
/// relative to the item's position.
#[derive(Clone, Copy, Debug)]
struct Obstacle {
    source: Source,
    /// What is before it is below the position: moves forward only.
    cursor: u32,
    low: u64,
    high: u64,
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// A node's `own`.
    Own(u32),
    /// A node's `all`.
    All(u32),
    /// A block's entries that meet these sections.
    Block { block: u32, first: u32, last: u32 },
    /// The finder's own entries that meet these sections.
    Local { first: u32, last: u32 },
}

/// The addresses that are taken, by section.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    blocks: Blocks,
    entries: Vec<Vec<Entry>>,
    /// Root at 1, leaves from `width` on: one a block.
    nodes: Vec<Node>,
    width: usize,
    /// Nodes that hold a range, for clearing.
    dirty: Vec<u32>,
    start: u64,
}

impl Room {
    /// Nothing taken yet. O(n).
    fn new(items: &Items) -> Room {
        let blocks = Blocks::new(items);
        let width = blocks.len().next_power_of_two().max(1);
        Room {
            entries: vec![Vec::new(); blocks.len()],
            blocks,
            nodes: vec![Node::default(); 2 * width],
            width,
            dirty: Vec::new(),
            start: items.grid().start,
        }
    }

    fn clear(&mut self) {
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

    fn take_slab(&mut self, slab: &Slab, low: u64, high: u64) {
        let cover = self.blocks.cover(slab);
        for block in cover.parts() {
            let entries = &mut self.entries[block as usize];
            let index = entries.partition_point(|entry| entry.low < low);
            entries.insert(
                index,
                Entry {
                    low,
                    high,
                    first: slab.first,
                    last: slab.last,
                },
            );
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
        if own {
            add(&mut node.own, low, high);
        }
        add(&mut node.all, low, high)
    }

    fn align(&self, at: u64, alignment: u64) -> Option<u64> {
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

/// Looks for room; keeps its memory from search to search.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finder {
    obstacles: Vec<Obstacle>,
    /// What this finder alone knows to be taken, sorted by address.
    local: Vec<Entry>,
}

impl Finder {
    /// The position for an item by `fit`, or `None` where its height in bytes
    /// would pass `limit`. O(log n) vectors, each searched by galloping at
    /// every step of the leapfrog.
    pub(crate) fn find(
        &mut self,
        room: &Room,
        items: &Items,
        item: u32,
        fit: Fit,
        limit: u64,
    ) -> Option<u64> {
        let alignment = items.item(item).alignment;
        let highest = items.grid().highest(limit, items.item(item))?;
        self.gather(room, items.slabs(item));
        match fit {
            Fit::First => self.next_hole(room, 0, alignment, highest),
            Fit::Best => {
                let mut best: Option<Range> = None;
                let mut from = 0;
                while let Some(at) = self.next_hole(room, from, alignment, highest) {
                    let room = self.room_above(room, at);
                    if best.is_none_or(|(_, tightest)| room < tightest) {
                        best = Some((at, room));
                    }
                    match at.checked_add(room) {
                        Some(next) if room > 0 && room < u64::MAX => from = next.max(at + 1),
                        _ => break,
                    }
                }
                best.map(|(at, _)| at)
            }
        }
    }

    /// The lowest position from `from` on for an item, or the lowest of all
    /// where there is none up to `limit`.
    pub(crate) fn find_from(
        &mut self,
        room: &Room,
        items: &Items,
        item: u32,
        from: u64,
        limit: u64,
    ) -> Option<u64> {
        let alignment = items.item(item).alignment;
        let highest = items.grid().highest(limit, items.item(item))?;
        if from > 0 && from <= highest {
            self.gather(room, items.slabs(item));
            if let Some(at) = self.next_hole(room, from, alignment, highest) {
                return Some(at);
            }
        }
        self.find(room, items, item, Fit::First, limit)
    }

    /// Whether nothing is in an item's way at a position that its alignment
    /// allows.
    pub(crate) fn is_free(&mut self, room: &Room, items: &Items, item: u32, at: u64) -> bool {
        self.gather(room, items.slabs(item));
        self.next_hole(room, at, 1, at) == Some(at)
    }

    /// Takes the addresses of an item at a position, for this finder alone.
    pub(crate) fn take_locally(&mut self, items: &Items, item: u32, at: u64) {
        for slab in items.slabs(item) {
            let (low, high) = (at + slab.low, at + slab.high);
            let index = self.local.partition_point(|entry| entry.low < low);
            self.local.insert(
                index,
                Entry {
                    low,
                    high,
                    first: slab.first,
                    last: slab.last,
                },
            );
        }
    }

    /// Forgets what it took for itself alone.
    pub(crate) fn clear(&mut self) {
        self.local.clear();
    }

    /// Collects what slabs must keep clear of.
    fn gather(&mut self, room: &Room, slabs: &[Slab]) {
        self.obstacles.clear();
        for slab in slabs {
            let cover = room.blocks.cover(slab);
            let (first, last) = (slab.first, slab.last);
            if !self.local.is_empty() {
                self.obstacle(Source::Local { first, last }, slab);
            }
            for block in cover.parts() {
                if !room.entries[block as usize].is_empty() {
                    self.obstacle(Source::Block { block, first, last }, slab);
                }
            }
            let mut left = cover.whole_from as usize + room.width;
            let mut right = cover.whole_to as usize + room.width;
            while left < right {
                if left & 1 == 1 {
                    self.obstacle_all(room, left, slab);
                    left += 1;
                }
                if right & 1 == 1 {
                    right -= 1;
                    self.obstacle_all(room, right, slab);
                }
                left >>= 1;
                right >>= 1;
            }
            // Where a node above lies inside the whole blocks its `own` is in
            // the `all` of a canonical node, which does no harm.
            let (mut left, mut right) = (
                cover.from as usize + room.width,
                cover.to as usize + room.width,
            );
            while left > 0 {
                self.obstacle_own(room, left, slab);
                if right != left {
                    self.obstacle_own(room, right, slab);
                }
                left >>= 1;
                right >>= 1;
            }
        }
    }

    fn obstacle_all(&mut self, room: &Room, node: usize, slab: &Slab) {
        if !room.nodes[node].all.is_empty() {
            self.obstacle(Source::All(node as u32), slab);
        }
    }

    fn obstacle_own(&mut self, room: &Room, node: usize, slab: &Slab) {
        if !room.nodes[node].own.is_empty() {
            self.obstacle(Source::Own(node as u32), slab);
        }
    }

    fn obstacle(&mut self, source: Source, slab: &Slab) {
        self.obstacles.push(Obstacle {
            source,
            cursor: 0,
            low: slab.low,
            high: slab.high,
        });
    }

    /// The lowest position from `from` to `highest` at which nothing is in the
    /// way. Successive calls for one item must not go down.
    fn next_hole(&mut self, room: &Room, from: u64, alignment: u64, highest: u64) -> Option<u64> {
        let mut at = room.align(from, alignment)?;
        let count = self.obstacles.len();
        let (mut clear, mut index) = (0, 0);
        while clear < count {
            if at > highest {
                return None;
            }
            let obstacle = &mut self.obstacles[index];
            match obstacle.above(room, &self.local, at) {
                Some(above) => {
                    at = room.align(above, alignment)?;
                    clear = 0;
                }
                None => clear += 1,
            }
            index += 1;
            if index == count {
                index = 0;
            }
        }
        (at <= highest).then_some(at)
    }

    /// How far the item at `at`, a hole just found, could still move up before
    /// it meets something; `u64::MAX` where nothing is above.
    fn room_above(&self, room: &Room, at: u64) -> u64 {
        self.obstacles
            .iter()
            .filter_map(|obstacle| {
                let cursor = obstacle.cursor as usize;
                let next = match obstacle.source {
                    Source::Own(node) => room.nodes[node as usize].own.get(cursor)?.0,
                    Source::All(node) => room.nodes[node as usize].all.get(cursor)?.0,
                    Source::Block { block, first, last } => {
                        let rest = &room.entries[block as usize][cursor..];
                        rest.iter().find(|entry| entry.meets(first, last))?.low
                    }
                    Source::Local { first, last } => {
                        self.local[cursor..]
                            .iter()
                            .find(|entry| entry.meets(first, last))?
                            .low
                    }
                };
                Some(next - (at + obstacle.high))
            })
            .min()
            .unwrap_or(u64::MAX)
    }
}

/// Room, and a finder in it.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    room: Room,
    finder: Finder,
}

impl Taken {
    /// Nothing taken yet. O(n).
    pub(crate) fn new(items: &Items) -> Taken {
        Taken {
            room: Room::new(items),
            finder: Finder::default(),
        }
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

impl Obstacle {
    /// The position that clears what is in the way at `at`; `None` where
    /// nothing is.
    #[inline]
    fn above(&mut self, room: &Room, local: &[Entry], at: u64) -> Option<u64> {
        let (low, high) = (at + self.low, at + self.high);
        let ranges = match self.source {
            Source::Own(node) => &room.nodes[node as usize].own,
            Source::All(node) => &room.nodes[node as usize].all,
            Source::Block { block, first, last } => {
                return self.above_entries(&room.entries[block as usize], first, last, low, high);
            }
            Source::Local { first, last } => {
                return self.above_entries(local, first, last, low, high);
            }
        };
        let cursor = seek(ranges, self.cursor as usize, low);
        self.cursor = cursor as u32;
        let range = ranges.get(cursor)?;
        (range.0 < high).then(|| range.1 - self.low)
    }

    /// The same among entries: they are sorted by start, so what has been
    /// passed ends at `low` or below, or meets none of the sections.
    fn above_entries(
        &mut self,
        entries: &[Entry],
        first: u32,
        last: u32,
        low: u64,
        high: u64,
    ) -> Option<u64> {
        let mut cursor = self.cursor as usize;
        let mut top = None;
        while let Some(entry) = entries.get(cursor)
            && entry.low < high
        {
            if entry.high > low && entry.meets(first, last) {
                top = Some(entry.high - self.low);
                break;
            }
            cursor += 1;
        }
        self.cursor = cursor as u32;
        top
    }
}

impl Entry {
    fn meets(&self, first: u32, last: u32) -> bool {
        self.first <= last && first <= self.last
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
