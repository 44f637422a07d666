//! What lies where, by time: sections in a row form *blocks*, in each of which
//! about half as many items are born as live in it. So the items that share a
//! section with another are those of a few blocks, each read from end to end.
//!
//! Memory is O(n): a block keeps at most twice as many items of earlier blocks as
//! were born in the one before.

use crate::item::Items;

/// An item at its place, in units and sections.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed {
    pub(super) low: u64,
    pub(super) high: u64,
    first: u32,
    last: u32,
    pub(super) item: u32,
}

/// The items of a block, in no order.
#[derive(Clone, Debug, Default)]
struct Row {
    /// Those whose first section is in the block.
    born: Vec<Placed>,
    /// Those of earlier blocks that live on into it.
    kept: Vec<Placed>,
}

/// Fewest items that are born in a block, but for the last.
const FEWEST: i64 = 32;

/// All items that are placed, each one rectangle.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    block_of_section: Vec<u32>,
    rows: Vec<Row>,
    /// First and last section of each item.
    spans: Vec<(u32, u32)>,
}

impl Rows {
    /// Nothing is placed yet. O(n).
    pub(super) fn new(items: &Items) -> Rows {
        let mut births = vec![0i64; items.sections()];
        let mut deaths = vec![0i64; items.sections() + 1];
        let slabs = (0..items.len() as u32).map(|item| items.slabs(item)[0]);
        let spans: Vec<(u32, u32)> = slabs.map(|slab| (slab.first, slab.last)).collect();
        for &(first, last) in &spans {
            births[first as usize] += 1;
            deaths[last as usize + 1] += 1;
        }
        let (mut block, mut born, mut live) = (0, 0, 0);
        let mut block_of_section = Vec::with_capacity(items.sections());
        for (births, deaths) in births.into_iter().zip(deaths) {
            live += births - deaths;
            born += births;
            block_of_section.push(block);
            if born > FEWEST.max(live / 2) {
                block += 1;
                born = 0;
            }
        }
        Rows {
            block_of_section,
            rows: vec![Row::default(); block as usize + 1],
            spans,
        }
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

    pub(super) fn insert(&mut self, item: u32, low: u64, high: u64) {
        let ((first, last), (from, to)) = (self.spans[item as usize], self.blocks(item));
        let placed = Placed {
            low,
            high,
            first,
            last,
            item,
        };
        self.rows[from].born.push(placed);
        for row in &mut self.rows[from + 1..=to] {
            row.kept.push(placed);
        }
    }

    /// Removes an item that is placed; returns how many were looked at.
    pub(super) fn remove(&mut self, item: u32) -> usize {
        let (from, to) = self.blocks(item);
        let mut seen = 0;
        let mut drop = |row: &mut Vec<Placed>| {
            if let Some(index) = row.iter().position(|placed| placed.item == item) {
                row.swap_remove(index);
                seen += index;
            }
        };
        drop(&mut self.rows[from].born);
        for row in &mut self.rows[from + 1..=to] {
            drop(&mut row.kept);
        }
        seen
    }

    /// Collects what shares a section with an item that is not placed; returns
    /// how many had to be looked at.
    pub(super) fn gather(&self, item: u32, found: &mut Vec<Placed>) -> usize {
        let ((first, last), (from, to)) = (self.spans[item as usize], self.blocks(item));
        let meets = |placed: &&Placed| placed.first <= last && first <= placed.last;
        found.clear();
        let Row { born, kept } = &self.rows[from];
        found.extend(kept.iter().filter(|placed| first <= placed.last));
        found.extend(born.iter().filter(meets));
        let mut seen = kept.len() + born.len();
        for row in &self.rows[from + 1..=to] {
            found.extend(row.born.iter().filter(meets));
            seen += row.born.len();
        }
        seen
    }
}
