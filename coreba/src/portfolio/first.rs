//! First answers: from an earlier placement, and what an allocator would do.

use super::batch::Crew;
use super::incumbent::Incumbent;
use super::turn::Found;
use crate::fit::orders::Order;
use crate::fit::{Fit, online, packing};
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

/// A placement that nothing interrupts, so that any budget gives one: an
/// allocator's, or first fit by size where items are more than rectangles.
/// Returns what an allocator would need.
pub(super) fn baseline(incumbent: &mut Incumbent<'_>, crew: &mut Crew<'_>) -> u64 {
    if let Some(known) = incumbent.baseline {
        return known;
    }
    let items = incumbent.items();
    let is_online = incumbent.options().without.keeps(Heuristic::Baseline);
    let online = is_online.then(|| online::best_fit(items)).flatten();
    let (packing, by) = match online {
        Some(packing) => (packing, FoundBy::OnlineBestFit),
        None => (packing::first_fit(items, &Order::Size.of(items)), BY_SIZE),
    };
    let makespan = packing.makespan;
    incumbent.baseline = Some(makespan);
    incumbent.keep(Found::Whole(packing), by, crew);
    makespan
}
