//! Best fit as an allocator would do it: in order of birth, knowing nothing of
//! the future. A placement within milliseconds, when there is time for nothing
//! else.
//!
//! A sweep over births and deaths with the free ranges ordered by size and by
//! address: O(n log n), no search. Of the free ranges that are large enough the
//! smallest is taken, at its low end; where none is, memory grows. An item that is
//! more than one rectangle is taken for the one around it, and all lie above the
//! fixed ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::fit::Packing;
use crate::instance::Items;

/// Free ranges below the end of memory, in units.
#[derive(Default)]
struct Free {
    by_size: BTreeSet<(u64, u64)>,
    by_address: BTreeMap<u64, u64>,
    /// Where memory ends.
    top: u64,
}

/// How many ranges are tried for a job whose alignment a range may not allow,
/// before memory grows.
const TRIES: usize = 16;

impl Free {
    fn insert(&mut self, at: u64, size: u64) {
        if size > 0 {
            self.by_size.insert((size, at));
            self.by_address.insert(at, size);
        }
    }

    fn remove(&mut self, at: u64, size: u64) {
        self.by_size.remove(&(size, at));
        self.by_address.remove(&at);
    }

    fn take(&mut self, size: u64, align: impl Fn(u64) -> u64) -> u64 {
        let fitting = self
            .by_size
            .range((size, 0)..)
            .take(TRIES)
            .find(|&&(room, at)| align(at) + size <= at + room)
            .copied();
        let (at, end) = match fitting {
            Some((room, at)) => {
                self.remove(at, room);
                (at, at + room)
            }
            None => {
                // Memory grows, from the free range at its end if there is one.
                let last = self
                    .by_address
                    .last_key_value()
                    .map(|(&at, &room)| (at, room));
                let from = match last {
                    Some((at, room)) if at + room == self.top => {
                        self.remove(at, room);
                        at
                    }
                    _ => self.top,
                };
                self.top = align(from) + size;
                (from, self.top)
            }
        };
        let placed = align(at);
        self.insert(at, placed - at);
        self.insert(placed + size, end - (placed + size));
        placed
    }

    fn give_back(&mut self, at: u64, size: u64) {
        let (mut low, mut high) = (at, at + size);
        let below = self
            .by_address
            .range(..at)
            .next_back()
            .map(|(&at, &room)| (at, room));
        if let Some((at, room)) = below
            && at + room == low
        {
            self.remove(at, room);
            low = at;
        }
        if let Some(&room) = self.by_address.get(&high) {
            self.remove(high, room);
            high += room;
        }
        self.insert(low, high - low);
    }
}

/// Places all items.
pub(crate) fn best_fit(items: &Items) -> Packing {
    let mut packing = Packing {
        positions: vec![0; items.len()],
        makespan: 0,
    };
    let mut free = Free::default();
    let grid = items.grid();
    let aligned = |at: u64, alignment| (grid.start + at).next_multiple_of(alignment) - grid.start;
    let mut births: Vec<(u32, u64, u32)> = Vec::with_capacity(items.len());
    let mut deaths: Vec<(u32, u32)> = Vec::with_capacity(items.len());
    for (index, item) in (0u32..).zip(items.iter()) {
        if let Some(pin) = item.pin {
            packing.put(items, index, pin);
            free.top = free.top.max(pin + item.size);
            continue;
        }
        let slabs = items.slabs(index).iter();
        let Some(first) = slabs.clone().map(|slab| slab.first).min() else {
            // It never holds memory.
            packing.put(items, index, aligned(0, item.alignment));
            continue;
        };
        // Of those born together the largest first.
        births.push((first, u64::MAX - item.size, index));
        deaths.extend(slabs.map(|slab| slab.last).max().map(|last| (last, index)));
    }
    births.sort_unstable();
    deaths.sort_unstable();
    let mut dead = 0;
    for (section, _, index) in births {
        while let Some(&(last, gone)) = deaths.get(dead)
            && last < section
        {
            free.give_back(packing.positions[gone as usize], items.item(gone).size);
            dead += 1;
        }
        let item = items.item(index);
        let at = free.take(item.size, |at| aligned(at, item.alignment));
        packing.put(items, index, at);
    }
    packing
}

#[cfg(test)]
mod tests {
    use ::tests::oracle::{ALL, small_problems};
    use common::check;
    use common::placement::Placement;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_it_places_is_valid_whatever_the_items_are(
            problem in small_problems(12, ALL),
            start in 0u64..64,
        ) {
            // The solver refuses a fixed job that contradicts the start address.
            let mut pinned = problem.pins().zip(problem.jobs());
            let is_aligned = pinned
                .all(|(pin, job)| pin.is_none_or(|pin| (start + pin) % job.alignment == 0));
            prop_assume!(is_aligned);
            let items = Items::new(&problem, start).expect("small alignments");
            let packing = best_fit(&items);
            let offsets = items.offsets(&packing.positions);
            let placement = Placement { offsets };
            prop_assert_eq!(check::verify(&problem, &placement, start), Ok(()));
            prop_assert_eq!(placement.makespan(&problem), packing.makespan);
        }
    }
}
