//! First answers: from an earlier placement, and what an allocator would do.

use super::batch::Crew;
use super::incumbent::Incumbent;
use super::turn::Found;
use crate::fit::orders::Order;
use crate::fit::{Fit, Taken, online, packing};
use crate::heuristics::Heuristic;
use crate::solution::{FoundBy, OrderBy};

const BY_SIZE: FoundBy = FoundBy::Order(OrderBy::Size, Fit::First);

/// Packs in the order of an earlier placement, new items last, the largest
/// first; and, for comparison, as if there were none.
pub(super) fn warm_start(incumbent: &mut Incumbent<'_>, crew: &mut Crew<'_>) {
    let Some(offsets) = &incumbent.options().warm_start else {
        return;
    };
    let items = incumbent.items();
    let earlier = items.of_jobs(offsets);
    let fresh = Order::Size.of(items);
    let mut order = fresh.clone();
    order.sort_by_key(|&item| earlier[item as usize].unwrap_or(u64::MAX));
    for (order, by) in [(order, FoundBy::WarmStart), (fresh, BY_SIZE)] {
        let packing = packing::first_fit(items, &order);
        incumbent.keep(Found::Whole(packing), by, crew);
        if incumbent.makespan() <= incumbent.bound() {
            return;
        }
    }
}

/// Slabs that are packed by first fit, each among all others, in no time to speak of.
const QUICK: usize = 4096;

/// A placement that nothing interrupts, so that any budget gives one: an
/// allocator's, or first fit by size where items are more than rectangles. Many such
/// items may take long, and have the allocator's first. Returns the first makespan.
pub(super) fn baseline(incumbent: &mut Incumbent<'_>, crew: &mut Crew<'_>) -> u64 {
    if let Some(known) = incumbent.baseline {
        return known;
    }
    let items = incumbent.items();
    let (is_plain, is_quick) = (items.is_plain(), items.all_slabs().len() <= QUICK);
    let is_online = incumbent.options().without.keeps(Heuristic::Baseline);
    let online = (is_online && (is_plain || !is_quick)).then(|| online::best_fit(items));
    let mut makespan = online.as_ref().map(|packing| packing.makespan);
    if let Some(packing) = online {
        incumbent.keep(Found::Whole(packing), FoundBy::OnlineBestFit, crew);
    }
    if makespan.is_none() || !is_plain {
        let (order, mut taken) = (Order::Size.of(items), Taken::new(items));
        let limit = makespan.unwrap_or(u64::MAX);
        let mut stop = || makespan.is_some() && crew.should_stop();
        let first_fit = packing::in_order(items, &order, Fit::First, &mut taken, limit, &mut stop);
        if let Some(packing) = first_fit {
            makespan.get_or_insert(packing.makespan);
            incumbent.keep(Found::Whole(packing), BY_SIZE, crew);
        }
    }
    let makespan = makespan.expect("nothing ends first fit where there is no other answer");
    incumbent.baseline = Some(makespan);
    makespan
}
