//! What lies where, by time: sections in a row form *blocks*, in each of which so
//! many items are born that a few blocks' births are as many as live in one. So
//! the items that share a section with another are among those of a few blocks,
//! each sorted by address.
//!
//! Memory is O(n): a block keeps at most four times as many items of earlier
//! blocks as were born in the one before.

use crate::instance::Items;

/// An item at its place, in units and sections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) low: u64,
    pub(super) high: u64,
    /// What it costs to take it out.
    pub(super) weight: f64,
    first: u32,
    last: u32,
    pub(super) item: u32,
}

impl Placed {
    /// In this order they lie in a row: no two are equal.
    pub(super) fn key(&self) -> (u64, u32) {
        (self.low, self.item)
    }
}

/// The items of a block, from the lowest up.
#[derive(Clone, Debug, Default)]
struct Row {
    /// Those whose first section is in the block.
    born: Vec<Placed>,
    /// Those of earlier blocks that live on into it.
    kept: Vec<Placed>,
    /// Units of the largest item that may be among them.
    tallest: u64,
}

impl Row {
    /// Those of its items that may lie between two addresses, and few below.
    fn between<'a>(
        &self,
        placed: &'a [Placed],
        low: u64,
        high: u64,
    ) -> impl Iterator<Item = &'a Placed> + use<'a> {
        let low = (low + 1).saturating_sub(self.tallest);
        let from = placed.partition_point(|placed| placed.low < low);
        placed[from..]
            .iter()
            .take_while(move |placed| placed.low < high)
    }
}

/// Fewest items that are born in a block, but for the last.
const FEWEST: i64 = 96;

/// How many blocks' births are as many as live in one: the least and the most.
const PARTS: (i64, i64) = (2, 4);

/// Items that all blocks together keep: more only where they are the fewest
/// parts.
const MOST_KEPT: usize = 1 << 20;

/// All items that are placed, each one rectangle.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    block_of_section: Vec<u32>,
    /// First section of each block.
    begins: Vec<u32>,
    rows: Vec<Row>,
    /// First and last section of each item.
    spans: Vec<(u32, u32)>,
}

impl Rows {
    /// Nothing is placed yet. O(n).
    pub(super) fn new(items: &Items) -> Rows {
        Rows::of(items, FEWEST)
    }

    /// The same; so many items at least are born in a block, but for the last.
    pub(super) fn of(items: &Items, fewest: i64) -> Rows {
        let mut births = vec![0i64; items.sections()];
        let mut deaths = vec![0i64; items.sections() + 1];
        let slabs = (0..items.len() as u32).map(|item| items.slabs(item)[0]);
        let spans: Vec<(u32, u32)> = slabs.map(|slab| (slab.first, slab.last)).collect();
        for &(first, last) in &spans {
            births[first as usize] += 1;
            deaths[last as usize + 1] += 1;
        }
        let parts = (MOST_KEPT / items.len().max(1)) as i64;
        let parts = parts.clamp(PARTS.0, PARTS.1);
        let (mut block, mut born, mut live) = (0, 0, 0);
        let mut block_of_section = Vec::with_capacity(items.sections());
        let mut begins = vec![0];
        for (section, (births, deaths)) in (0..).zip(births.into_iter().zip(deaths)) {
            live += births - deaths;
            if born > fewest.max(live / parts) {
                block += 1;
                born = 0;
                begins.push(section);
            }
            born += births;
            block_of_section.push(block);
        }
        let mut rows = Rows {
            block_of_section,
            begins,
            rows: vec![Row::default(); block as usize + 1],
            spans,
        };
        for (index, item) in (0..).zip(items.iter()) {
            let (from, to) = rows.blocks(index);
            for row in &mut rows.rows[from..=to] {
                row.tallest = row.tallest.max(item.size);
            }
        }
        rows
    }

    /// The first block in which an item lives, and the last.
    fn blocks(&self, item: u32) -> (usize, usize) {
        let (first, last) = self.spans[item as usize];
        let block = |section: u32| self.block_of_section[section as usize] as usize;
        (block(first), block(last))
    }

    /// Sections in which an item lives.
    pub(super) fn length(&self, item: u32) -> u32 {
        let (first, last) = self.spans[item as usize];
        last - first + 1
    }

    /// Inserts an item that is not placed, at addresses from `low` to `high`.
    pub(super) fn insert(&mut self, item: u32, addresses: (u64, u64), weight: f64) {
        self.add(item, addresses, weight, |row, placed| {
            let index = row.partition_point(|other| other.key() < placed.key());
            row.insert(index, placed);
        });
    }

    /// Takes everything out and inserts all items anew, each with its addresses
    /// and its weight: O(n log n), where one by one each shifts what is above it.
    pub(super) fn refill(&mut self, place: impl Fn(u32) -> ((u64, u64), f64)) {
        for Row { born, kept, .. } in &mut self.rows {
            born.clear();
            kept.clear();
        }
        let mut order: Vec<(u64, u32)> = (0..self.spans.len() as u32)
            .map(|item| (place(item).0.0, item))
            .collect();
        order.sort_unstable();
        for (_, item) in order {
            let (addresses, weight) = place(item);
            self.add(item, addresses, weight, |row, placed| row.push(placed));
        }
    }

    fn add(
        &mut self,
        item: u32,
        (low, high): (u64, u64),
        weight: f64,
        into: impl Fn(&mut Vec<Placed>, Placed),
    ) {
        let ((first, last), (from, to)) = (self.spans[item as usize], self.blocks(item));
        let placed = Placed {
            low,
            high,
            weight,
            first,
            last,
            item,
        };
        into(&mut self.rows[from].born, placed);
        for row in &mut self.rows[from + 1..=to] {
            into(&mut row.kept, placed);
        }
    }

    /// Removes an item that lies at `low`; returns in how many rows it was.
    pub(super) fn remove(&mut self, item: u32, low: u64) -> usize {
        let (from, to) = self.blocks(item);
        let drop = |row: &mut Vec<Placed>| {
            let index = row.partition_point(|other| other.key() < (low, item));
            if row.get(index).is_some_and(|other| other.item == item) {
                row.remove(index);
            }
        };
        drop(&mut self.rows[from].born);
        for row in &mut self.rows[from + 1..=to] {
            drop(&mut row.kept);
        }
        1 + to - from
    }

    /// What shares a section with an item that is not placed.
    pub(super) fn around(&self, item: u32) -> Around<'_> {
        let ((first, last), (from, to)) = (self.spans[item as usize], self.blocks(item));
        let middle = from + (to - from).div_ceil(2);
        Around {
            rows: &self.rows[from..=to],
            middle: middle - from,
            begin: if middle > from {
                self.begins[middle]
            } else {
                0
            },
            first,
            last,
        }
    }
}

/// What shares a section with an item: what is live where a block in the middle
/// of its life begins, and others.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    rows: &'a [Row],
    middle: usize,
    /// First section of the middle block, where that is not the item's first.
    begin: u32,
    first: u32,
    last: u32,
}

/// Blocks at the begin of which [`Around::may_hold`] looks.
const PROBES: usize = 2;

/// What a search in a row costs, in items looked at.
const SEARCH: usize = 8;

impl<'a> Around<'a> {
    /// What is live where the middle block begins: no two share addresses. The
    /// lowest come first, from a place among them on.
    pub(super) fn live(self, from: usize) -> impl Iterator<Item = (usize, &'a Placed)> {
        let kept = &self.rows[self.middle].kept;
        let kept = (from..).zip(kept.get(from..).unwrap_or_default());
        kept.filter(move |(_, placed)| self.first <= placed.last)
    }

    /// How many [`Around::live`] looks at.
    pub(super) fn count(self) -> usize {
        self.rows[self.middle].kept.len()
    }

    /// How many there are in all blocks, of these and of others.
    pub(super) fn all(self) -> usize {
        let born = self.rows.iter().map(|row| row.born.len());
        let kept = if self.middle > 0 { self.count() } else { 0 };
        self.rows[0].kept.len() + kept + born.sum::<usize>()
    }

    /// Whether so many units in a row between two addresses may hold nothing that
    /// alone weighs more than a limit.
    pub(super) fn may_hold(
        self,
        size: u64,
        (low, high): (u64, u64),
        limit: f64,
        seen: &mut usize,
    ) -> bool {
        // All that a later block keeps is live where it begins.
        let step = self.rows.len().div_ceil(PROBES);
        let mut probes = (1..self.rows.len())
            .step_by(step)
            .filter(|&row| row != self.middle);
        probes.all(|row| {
            let mut free = low;
            *seen += SEARCH;
            for placed in self.rows[row].between(&self.rows[row].kept, low, high) {
                *seen += 1;
                if placed.weight > limit {
                    if free + size <= placed.low {
                        return true;
                    }
                    free = free.max(placed.high);
                }
            }
            free + size <= high
        })
    }

    /// Collects others between two addresses, in no order; returns how many were
    /// looked at.
    pub(super) fn others(self, (low, high): (u64, u64), found: &mut Vec<Placed>) -> usize {
        let mut seen = 0;
        let mut collect = |row: &'a Row, placed: &'a [Placed], until: u32| {
            for placed in row.between(placed, low, high) {
                seen += 1;
                let meets = placed.first <= self.last && self.first <= placed.last;
                if meets && placed.last < until && low < placed.high {
                    found.push(*placed);
                }
            }
            seen += SEARCH;
        };
        if self.middle > 0 {
            collect(&self.rows[0], &self.rows[0].kept, self.begin);
        }
        for (index, row) in self.rows.iter().enumerate() {
            // The middle block keeps what lives on.
            let until = if index < self.middle {
                self.begin
            } else {
                u32::MAX
            };
            collect(row, &row.born, until);
        }
        seen
    }
}
