//! Guided ejection search: lowering the makespan of a placement bit by bit.
//!
//! A limit below the makespan is set, and what lies above it is taken *out*.
//! Then, step by step, one of the heavier items that are out goes into the
//! lowest hole below the limit. Where there is none it takes the place at which
//! what is in the way weighs least, and puts that out. An item weighs by its area,
//! and the more the oftener no hole was found for it, so that what is hard to
//! place stays where it found one. When nothing is out, the limit is met and the
//! next is set.
//!
//! The search is Nagata and Bräysy's for routes ("A powerful route minimization
//! heuristic for the vehicle routing problem with time windows", Operations
//! Research Letters 37, 2009). Where many items are live, a step looks at the
//! l that are live in one section, which bound from below what is in the way
//! elsewhere, and at the k that meet the one placed only where that leaves a
//! doubt: between O(l) and O(k log k), whatever n is.

mod rows;
mod searcher;
mod sweep;
#[cfg(test)]
mod tests;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::fit::Packing;
use crate::instance::Items;
use rows::Rows;
pub(crate) use searcher::Ejection;
use sweep::{Place, Sweep, Wanted};

/// By how much of its area an item weighs more where no hole is found for it.
const GAIN: f64 = 0.1;

/// Of how many that are out the heaviest is placed next.
const PICKS: usize = 3;

/// Steps within which a limit is to be met.
const PATIENCE: u64 = 8000;

/// The part of what the makespan is above the bound by which the limit is lower:
/// at first, and the least and the most.
const DROP: f64 = 0.1;
const DROPS: (f64, f64) = (0.002, 0.3);

/// Items looked at that cost as much as the placement of one in a dive.
const SEEN: u64 = 512;

/// Items looked at between one question whether to stop and the next.
const ASK: u64 = 1 << 16;

/// The part of all items that is cheaper to put back at once than one by one.
const MANY: usize = 64;

/// What a step costs beside what is looked at, in items looked at.
const STEP: usize = 64;

/// What it costs to take an item out of one row, in items looked at.
const MOVE: usize = 64;

/// A search from one placement on.
pub(crate) struct EjectionSearch<'a> {
    items: &'a Items,
    rows: Rows,
    /// Positions in units; of items that are out, where they were.
    at: Vec<u64>,
    out: Vec<u32>,
    is_out: Vec<bool>,
    weights: Vec<f64>,
    sweep: Sweep,
    /// No item may reach above this, in bytes.
    limit: u64,
    /// Whether that limit is to be met; else all lies as in the best placement.
    seeks: bool,
    drop: f64,
    /// Steps left to meet the limit.
    patience: u64,
    best: Packing,
    random: Xoshiro256PlusPlus,
}

impl<'a> EjectionSearch<'a> {
    /// From a placement of plain items. O(n log n).
    pub(crate) fn new(items: &'a Items, packing: &Packing, seed: u64) -> Self {
        let rows = Rows::new(items);
        let weights = (0..)
            .zip(items.iter())
            .map(|(index, item)| item.size as f64 * f64::from(rows.length(index)))
            .collect();
        let mut search = EjectionSearch {
            items,
            rows,
            at: packing.positions.clone(),
            out: Vec::new(),
            is_out: vec![false; items.len()],
            weights,
            sweep: Sweep::default(),
            limit: u64::MAX,
            seeks: false,
            drop: DROP,
            patience: 0,
            best: packing.clone(),
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
        };
        search.refill();
        search
    }

    /// The lowest placement so far.
    pub(crate) fn best(&self) -> &Packing {
        &self.best
    }

    /// Goes on from another placement. What was learned stays.
    pub(crate) fn restart(&mut self, packing: &Packing) {
        self.best.clone_from(packing);
        self.restore();
        self.drop = DROP;
    }

    /// Searches on, until about this work is done (in placements of a dive), the
    /// makespan is at the bound, or `stop` says so.
    pub(crate) fn run(&mut self, bound: u64, work: u64, stop: &mut dyn FnMut() -> bool) {
        let items = self.items.len() as u64;
        let mut left = SEEN.saturating_mul(work);
        let mut asked = left;
        loop {
            if self.seeks && self.out.is_empty() {
                self.keep();
                self.drop = (self.drop * 1.2).min(DROPS.1);
                left = left.saturating_sub(items);
            }
            if left == 0 || self.best.makespan <= bound {
                return;
            }
            if asked - left >= ASK {
                asked = left;
                if stop() {
                    return;
                }
            }
            if self.seeks && self.patience == 0 {
                self.drop = if self.drop < DROPS.0 {
                    DROP
                } else {
                    self.drop / 2.0
                };
                self.restore();
                left = left.saturating_sub(items);
            }
            if !self.seeks {
                self.lower(bound);
                left = left.saturating_sub(items);
            }
            if let Some(item) = self.pick() {
                left = left.saturating_sub(self.step(item) as u64);
                self.patience = self.patience.saturating_sub(1);
            }
        }
    }

    /// One of those that are out: the heaviest of a few.
    fn pick(&mut self) -> Option<u32> {
        if self.out.is_empty() {
            return None;
        }
        let weight = |at: usize| self.weights[self.out[at] as usize];
        let mut picked = self.random.random_range(0..self.out.len());
        for _ in 1..PICKS {
            let other = self.random.random_range(0..self.out.len());
            if weight(other) > weight(picked) {
                picked = other;
            }
        }
        Some(self.out.swap_remove(picked))
    }

    /// Places an item that is out; returns how many items were looked at.
    fn step(&mut self, index: u32) -> usize {
        let items = self.items;
        let item = items.item(index);
        let grid = items.grid();
        let Some(highest) = grid.highest(self.limit, item) else {
            return self.give_up(index, 0);
        };
        let wanted = Wanted {
            size: item.size,
            highest,
            align: |at: u64| match item.alignment {
                1 => at,
                alignment => (grid.start + at).next_multiple_of(alignment) - grid.start,
            },
        };
        let EjectionSearch {
            sweep,
            rows,
            weights,
            random,
            ..
        } = self;
        let choose = |ties| random.random_range(0..ties) == 0;
        let weight = weights[index as usize];
        let (place, seen) = sweep.find(rows.around(index), &wanted, weight, choose);
        let mut cost = STEP + seen;
        match place {
            Place::Hole(at) => self.place(index, at),
            Place::Nowhere => return self.give_up(index, cost),
            Place::Over(at) => {
                let area = item.size as f64 * f64::from(self.rows.length(index));
                self.weights[index as usize] += GAIN * area;
                for met in 0..self.sweep.met.len() {
                    cost += self.take_out(self.sweep.met[met]);
                }
                self.place(index, at);
            }
        }
        cost
    }

    /// An item fits nowhere below the limit, which is too low.
    fn give_up(&mut self, item: u32, seen: usize) -> usize {
        self.out.push(item);
        self.patience = 1;
        seen
    }

    fn place(&mut self, item: u32, at: u64) {
        self.at[item as usize] = at;
        self.is_out[item as usize] = false;
        let high = at + self.items.item(item).size;
        let weight = self.weights[item as usize];
        self.rows.insert(item, (at, high), weight);
    }

    /// Returns what that costs, in items looked at.
    fn take_out(&mut self, item: u32) -> usize {
        self.is_out[item as usize] = true;
        self.out.push(item);
        MOVE * self.rows.remove(item, self.at[item as usize])
    }

    /// Back to the best placement, and to no limit. O(n), and what differs.
    fn restore(&mut self) {
        self.seeks = false;
        self.out.clear();
        let items = 0..self.items.len() as u32;
        let best = &self.best.positions;
        let moved: Vec<u32> = items
            .filter(|&item| {
                let item = item as usize;
                self.is_out[item] || self.at[item] != best[item]
            })
            .collect();
        if moved.len() > self.items.len() / MANY {
            self.at.copy_from_slice(&self.best.positions);
            self.is_out.fill(false);
            self.refill();
            return;
        }
        for item in moved {
            if !self.is_out[item as usize] {
                self.rows.remove(item, self.at[item as usize]);
            }
            self.place(item, self.best.positions[item as usize]);
        }
    }

    /// Puts all items into the rows, each where it is. O(n log n).
    fn refill(&mut self) {
        let (items, at, weights) = (self.items, &self.at, &self.weights);
        self.rows.refill(|index| {
            let low = at[index as usize];
            let high = low + items.item(index).size;
            ((low, high), weights[index as usize])
        });
    }

    /// Keeps a placement in which nothing is out. O(n).
    fn keep(&mut self) {
        self.seeks = false;
        self.best.positions.copy_from_slice(&self.at);
        let grid = self.items.grid();
        let placed = self.items.iter().zip(&self.at);
        let heights = placed.map(|(item, &at)| grid.end(at, item));
        self.best.makespan = heights.max().unwrap_or(0);
    }

    /// Sets a limit below the best makespan, and takes out what is above. O(n).
    fn lower(&mut self, bound: u64) {
        let above = self.best.makespan - bound;
        let drop = ((above as f64 * self.drop) as u64).clamp(1, above.max(1));
        self.limit = self.best.makespan - drop;
        self.seeks = true;
        self.patience = PATIENCE;
        let grid = self.items.grid();
        for (index, item) in (0..).zip(self.items.iter()) {
            if grid.end(self.at[index as usize], item) > self.limit {
                self.take_out(index);
            }
        }
    }
}
