//! The core, the right way up or upside down, and its height over sections.

use crate::cut::Cut;
use crate::item::Items;
use crate::sections::{Maxima, Paint};

/// Which way up the core is packed.
///
/// Where the bound ends inside a unit of the grid, only jobs with enough
/// rounding slack may reach into the last unit. Upside down that is a rule
/// about the floor, which is easy to keep: sections that the load fills begin
/// with such a job, all others one unit higher.
pub(crate) struct Upside {
    pub(crate) cut: Cut,
    /// Which item each job of the cut is.
    pub(crate) members: Vec<u32>,
    /// Items that touch the ceiling, left out of the cut.
    pub(crate) touching: Vec<u32>,
    /// The ceiling and the step by which it may rise; `None` for upright.
    pub(crate) ceiling: Option<(i64, i64)>,
}

impl Upside {
    pub(crate) fn new(items: &Items, core: &[u32], cut: Cut, bound: u64, target: i64) -> Upside {
        let grid = items.grid();
        // Bytes of the last unit that lie above the bound.
        let beyond = grid.offset(target as u64) - bound;
        let slack = |job: usize| {
            let item = items.item(core[job]);
            item.size * grid.unit - item.bytes
        };
        if beyond > 0
            && let Some(step) = cut.common_alignment()
            && let Some((flipped, members, touching)) =
                cut.upside_down(target, |job| slack(job) >= beyond)
        {
            let items_of = |jobs: Vec<u32>| jobs.iter().map(|&job| core[job as usize]).collect();
            return Upside {
                cut: flipped,
                members: items_of(members),
                touching: items_of(touching),
                ceiling: Some((target, step)),
            };
        }
        Upside {
            cut,
            members: core.to_vec(),
            touching: Vec::new(),
            ceiling: None,
        }
    }

    /// The true position of what lies at `at`, where the packing is `top` high.
    pub(crate) fn upright(&self, at: i64, size: i64, top: i64) -> i64 {
        match self.ceiling {
            None => at,
            Some((ceiling, step)) => {
                // Raised by whole steps, which keep every alignment.
                let raised = ceiling + ((top - ceiling).max(0) + step - 1) / step * step;
                raised - at - size
            }
        }
    }
}

/// The height of a packing of the core over sections.
pub(crate) struct Skyline {
    tops: Maxima<u64>,
}

impl Skyline {
    pub(crate) fn new(items: &Items, core: &[u32], positions: &[u64]) -> Skyline {
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
        Skyline {
            tops: Maxima::new(tops),
        }
    }

    /// The lowest position at which an item is above all of the core.
    pub(crate) fn above(&self, items: &Items, item: u32) -> u64 {
        let tops = items
            .slabs(item)
            .iter()
            .map(|slab| self.tops.largest(slab.first, slab.last));
        tops.max().unwrap_or(0)
    }
}
