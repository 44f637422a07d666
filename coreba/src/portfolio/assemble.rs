//! Putting the core, where a searcher placed it, and the peeled items together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::batch::Threads;
use crate::fit::{Finder, Packing, Taken};
use crate::instance::peel::Peeled;
use crate::instance::{Items, Maxima, Paint};

/// Puts packings together; keeps its memory from one to the next.
pub(crate) struct Assembler<'a> {
    items: &'a Items,
    /// Made when there is something to put back.
    taken: Option<Taken>,
    peeled: Option<&'a Peeled>,
    /// Within which the peeled fit, in bytes.
    capacity: u64,
}

impl<'a> Assembler<'a> {
    /// Nothing was peeled yet.
    pub(crate) fn new(items: &'a Items) -> Self {
        Assembler {
            items,
            taken: None,
            peeled: None,
            capacity: u64::MAX,
        }
    }

    /// This was peeled, at a capacity in bytes.
    pub(crate) fn expect(&mut self, peeled: &'a Peeled, capacity: u64) {
        self.peeled = Some(peeled);
        self.capacity = capacity;
    }

    /// The packing of a placed core, by item and position, and the peeled.
    /// O(n log n) in practice; the same at any number of threads.
    pub(crate) fn assemble(&mut self, placed: Vec<(u32, u64)>, threads: &Threads) -> Packing {
        let items = self.items;
        let mut packing = Packing {
            positions: vec![0; items.len()],
            makespan: 0,
        };
        for &(item, at) in &placed {
            packing.put(items, item, at);
        }
        let Some(peeled) = self.peeled.filter(|peeled| !peeled.is_empty()) else {
            return packing;
        };
        // From the bottom up, every range is the last of its vector.
        let mut placed: Vec<(u64, u32)> = placed.into_iter().map(|(item, at)| (at, item)).collect();
        placed.sort_unstable();
        let taken = self.taken.get_or_insert_with(|| Taken::new(items));
        taken.clear();
        for &(at, item) in &placed {
            taken.take(items, item, at);
        }
        // A peeled item fits somewhere below the capacity, whatever the others
        // do. Above the core's skyline there is most room, and above the item
        // before, which is mostly near in time, there is least to search.
        let skyline = CoreSkyline::new(items, &peeled.core, &packing.positions);
        let capacity = self.capacity;
        let mut from = 0;
        for &item in peeled.peeled.iter().rev() {
            let above = skyline.above(items, item).max(from);
            let at = taken.find_from(items, item, above, capacity);
            let at = at.expect("the claim of peeling: an item that was peeled fits");
            taken.take(items, item, at);
            packing.put(items, item, at);
            from = at;
        }
        let room = taken.room();
        let next = AtomicUsize::new(0);
        let fill_zones = || {
            let (mut finder, mut placed) = (Finder::default(), Vec::new());
            while let Some(zone) = peeled.zones.get(next.fetch_add(1, Ordering::Relaxed)) {
                finder.clear();
                let mut from = 0;
                for &item in zone.iter().rev() {
                    let above = skyline.above(items, item).max(from);
                    let at = finder.find_from(room, items, item, above, capacity);
                    let at = at.expect("the claim of peeling: an item that was peeled fits");
                    finder.take_locally(items, item, at);
                    from = at;
                    placed.push((item, at));
                }
            }
            placed
        };
        for placed in threads.each(1 + peeled.zones.len() / ZONES, fill_zones) {
            for (item, at) in placed {
                packing.put(items, item, at);
            }
        }
        packing
    }
}

/// Zones for which one more thread pays.
const ZONES: usize = 16;

/// The top of the packed core over each section.
struct CoreSkyline {
    tops: Maxima<u64>,
}

impl CoreSkyline {
    fn new(items: &Items, core: &[u32], positions: &[u64]) -> CoreSkyline {
        let mut order: Vec<(u64, u32)> = core
            .iter()
            .map(|&item| (positions[item as usize] + items.item(item).size, item))
            .collect();
        order.sort_unstable();
        let mut paint = Paint::new(items.sections());
        let mut tops = vec![0; items.sections()];
        // The highest paints first.
        for &(top, item) in order.iter().rev() {
            for slab in items.slabs(item) {
                paint.each(slab.first, slab.last, |section| {
                    tops[section as usize] = top
                });
            }
        }
        CoreSkyline {
            tops: Maxima::new(tops),
        }
    }

    /// The lowest position at which an item is above all of the core.
    fn above(&self, items: &Items, item: u32) -> u64 {
        let tops = items
            .slabs(item)
            .iter()
            .map(|slab| self.tops.largest(slab.first, slab.last));
        tops.max().unwrap_or(0)
    }
}
