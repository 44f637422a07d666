//! Putting the core, where dives or the exact search placed it, and the peeled
//! items together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Search;
use crate::dive::Component;
use crate::exact::Prover;
use crate::fit::Finder;
use crate::fit::Packing;
use crate::instance::peel;
use crate::instance::{Items, Maxima, Orientation, Paint};

impl Search<'_> {
    /// Whether the components' best would make a better makespan than is held.
    pub(super) fn improves(&self, components: &[Component]) -> bool {
        let top = components.iter().map(Component::top).max().unwrap_or(0);
        self.items.grid().offset(top.max(0) as u64) < self.makespan()
    }

    /// Puts the dives' best and the peeled together.
    pub(super) fn assemble_dives(
        &mut self,
        peeled: &peel::Peeled,
        components: &[Component],
        orientation: &Orientation,
    ) {
        let items = self.items;
        let top = components.iter().map(Component::top).max().unwrap_or(0);
        let touching = orientation.touching.iter().map(|&item| (item, 0));
        let placed = components.iter().flat_map(|component| {
            let best = component.best().into_iter();
            best.flat_map(|best| best.order.iter().map(move |&job| (job, best)))
                .map(|(job, best)| {
                    let item = component.members[job as usize];
                    (item, best.positions[job as usize])
                })
        });
        let upright = touching.chain(placed).map(|(item, at)| {
            let at = orientation.upright(at, items.item(item).size as i64, top);
            (item, at)
        });
        self.assemble(peeled, upright, "dive");
    }

    /// Puts the best of the exact search and of the dives, component by
    /// component, and the peeled together.
    pub(super) fn assemble_parts(&mut self, peeled: &peel::Peeled, prover: &Prover<'_>) {
        let method = if prover.is_exact() { "exact" } else { "dive" };
        self.assemble(peeled, prover.placed(), method);
    }

    /// Puts the core, where it lies, and the peeled together.
    pub(super) fn assemble(
        &mut self,
        peeled: &peel::Peeled,
        placed: impl Iterator<Item = (u32, i64)>,
        method: &'static str,
    ) {
        let items = self.items;
        self.taken.clear();
        let mut packing = Packing {
            positions: vec![0; items.len()],
            makespan: 0,
        };
        let mut placed: Vec<(u64, u32)> = placed.map(|(item, at)| (at as u64, item)).collect();
        for &(at, item) in &placed {
            packing.positions[item as usize] = at;
            packing.makespan = packing.makespan.max(items.grid().end(at, items.item(item)));
        }
        if peeled.is_empty() {
            self.keep(packing, method);
            return;
        }
        // From the bottom up, every range is the last of its vector.
        placed.sort_unstable();
        for &(at, item) in &placed {
            self.taken.take(items, item, at);
        }
        // A peeled item fits somewhere below the capacity, whatever the others
        // do. Above the core's skyline there is most room, and above the item
        // before, which is mostly near in time, there is least to search.
        let skyline = CoreSkyline::new(items, &peeled.core, &packing.positions);
        let capacity = self.aim;
        let mut settle = |item: u32, at: u64| {
            packing.positions[item as usize] = at;
            packing.makespan = packing.makespan.max(items.grid().end(at, items.item(item)));
        };
        let mut from = 0;
        for &item in peeled.peeled.iter().rev() {
            let above = skyline.above(items, item).max(from);
            let at = self.taken.find_from(items, item, above, capacity);
            let at = at.expect("the claim of peeling: an item that was peeled fits");
            self.taken.take(items, item, at);
            settle(item, at);
            from = at;
        }
        let room = self.taken.room();
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
        let threads = self.options.threads.get().min(1 + peeled.zones.len() / 16);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(fill_zones)).collect();
            for (item, at) in fill_zones() {
                settle(item, at);
            }
            for other in others {
                let placed = other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                for (item, at) in placed {
                    settle(item, at);
                }
            }
        });
        self.keep(packing, method);
    }
}

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
