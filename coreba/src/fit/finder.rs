//! Looking for the lowest or the tightest hole, by leapfrogging through what is
//! in the way.

use super::Fit;
use super::room::{self, Entry, Range, Room};
use crate::instance::{Items, Slab};

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
    /// Nothing any more: all of it is below the position.
    Passed,
}

/// Entries sorted by address, to be looked at from any address on.
#[derive(Clone, Debug, Default)]
struct Local {
    entries: Vec<Entry>,
    /// The highest end of each entry and those before it.
    reach: Vec<u64>,
}

impl Local {
    /// Adds what a slab takes. What lies on a slab of the same sections goes with it,
    /// so that a batch of equal jobs is one entry.
    fn insert(&mut self, slab: &Slab, low: u64, high: u64) {
        let index = self.entries.partition_point(|entry| entry.low < low);
        let sections = (slab.first, slab.last);
        let below = self.entries[..index].last_mut();
        if let Some(below) = below
            && (below.high, below.first, below.last) == (low, sections.0, sections.1)
        {
            below.high = high;
            self.raise(index - 1, high);
            return;
        }
        let reach = index.checked_sub(1).map_or(0, |below| self.reach[below]);
        room::insert(&mut self.entries, slab, low, high);
        self.reach.insert(index, reach);
        self.raise(index, high);
    }

    /// From an entry on, all reach up to an address.
    fn raise(&mut self, index: usize, high: u64) {
        let above = self.reach[index..].iter_mut();
        above
            .take_while(|reach| **reach < high)
            .for_each(|reach| *reach = high);
    }

    /// All entries before end at an address or below it. O(log n).
    fn passed(&self, low: u64) -> u32 {
        self.reach.partition_point(|&reach| reach <= low) as u32
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.reach.clear();
    }
}

/// Looks for room; keeps its memory from search to search.
#[derive(Clone, Debug, Default)]
pub(crate) struct Finder {
    obstacles: Vec<Obstacle>,
    /// What this finder alone knows to be taken.
    local: Local,
    /// Looks at obstacles so far: what searching costs.
    looks: u64,
}

impl Finder {
    /// Looks at obstacles so far.
    pub(super) fn looks(&self) -> u64 {
        self.looks
    }

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
            self.local.insert(slab, at + slab.low, at + slab.high);
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
            if !self.local.entries.is_empty() {
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
        // Obstacles that are not passed, and how many of those in a row are clear.
        let mut left = self.forget_passed();
        let (mut clear, mut index) = (0, 0);
        while clear < left {
            if at > highest {
                return None;
            }
            if index >= self.obstacles.len() {
                // Once a round, and not one by one: items with many gaps have many.
                left = self.forget_passed();
                index = 0;
            }
            if matches!(self.obstacles[index].source, Source::Passed) {
                index += 1;
                continue;
            }
            self.looks += 1;
            match self.obstacles[index].look(room, &self.local, at) {
                Look::Blocked(above) => {
                    at = room.align(above, alignment)?;
                    clear = 0;
                }
                Look::Clear => clear += 1,
                Look::Passed => {
                    self.obstacles[index].source = Source::Passed;
                    left -= 1;
                }
            }
            index += 1;
        }
        (at <= highest).then_some(at)
    }

    /// Drops the obstacles that were passed; says how many are left.
    fn forget_passed(&mut self) -> usize {
        self.obstacles
            .retain(|obstacle| !matches!(obstacle.source, Source::Passed));
        self.obstacles.len()
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
                        self.local.entries[cursor..]
                            .iter()
                            .find(|entry| entry.meets(first, last))?
                            .low
                    }
                    Source::Passed => return None,
                };
                Some(next - (at + obstacle.high))
            })
            .min()
            .unwrap_or(u64::MAX)
    }
}

/// What an obstacle says of a position.
enum Look {
    /// It is in the way up to this position.
    Blocked(u64),
    /// It is not.
    Clear,
    /// All of it is below.
    Passed,
}

impl Obstacle {
    #[inline]
    fn look(&mut self, room: &Room, local: &Local, at: u64) -> Look {
        let (low, high) = (at + self.low, at + self.high);
        let ranges = match self.source {
            Source::Own(node) => &room.nodes[node as usize].own,
            Source::All(node) => &room.nodes[node as usize].all,
            Source::Block { block, first, last } => {
                let entries = &room.entries[block as usize];
                return self.look_at_entries(entries, first, last, low, high);
            }
            Source::Local { first, last } => {
                self.cursor = self.cursor.max(local.passed(low));
                return self.look_at_entries(&local.entries, first, last, low, high);
            }
            Source::Passed => return Look::Passed,
        };
        let cursor = seek(ranges, self.cursor as usize, low);
        self.cursor = cursor as u32;
        match ranges.get(cursor) {
            None => Look::Passed,
            Some(range) if range.0 < high => Look::Blocked(range.1 - self.low),
            Some(_) => Look::Clear,
        }
    }

    /// The same among entries: they are sorted by start, so what has been
    /// passed ends at `low` or below, or meets none of the sections.
    fn look_at_entries(
        &mut self,
        entries: &[Entry],
        first: u32,
        last: u32,
        low: u64,
        high: u64,
    ) -> Look {
        let rest = entries[self.cursor as usize..].iter();
        for (cursor, entry) in (self.cursor..).zip(rest) {
            if entry.low >= high {
                self.cursor = cursor;
                return Look::Clear;
            }
            if entry.high > low && entry.meets(first, last) {
                self.cursor = cursor;
                return Look::Blocked(entry.high - self.low);
            }
        }
        Look::Passed
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
