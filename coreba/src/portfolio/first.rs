//! First answers: from an earlier placement, of a tiling, and what an allocator would do.

use super::batch::Crew;
use super::incumbent::Incumbent;
use super::turn::{Found, Turn};
use crate::fit::orders::Order;
use crate::fit::{Fit, Taken, online, packing};
use crate::heuristics::Heuristic;
use crate::options::Method;
use crate::solution::{FoundBy, OrderBy};
use crate::tile;

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

/// Puts a tiling together, where the items are one.
pub(super) fn tiling(incumbent: &mut Incumbent<'_>, crew: &mut Crew<'_>) {
    let options = incumbent.options();
    if options.method == Method::Auto && options.without.keeps(Heuristic::Tiling) {
        let stop = &mut || crew.should_stop();
        if let Some(packing) = tile::pack(incumbent.items(), options.seed, stop) {
            let turn = Turn {
                found: vec![(Found::Whole(packing), FoundBy::Tiling)],
                evaluations: 1,
                ..Turn::default()
            };
            incumbent.take(turn, crew);
        }
    }
}

/// Looks at what is in the way that first fit may take: some 50 ms. An item takes a
/// dozen and more, so for so many items there is no use in beginning.
const MOST_LOOKS: u64 = 1 << 22;
const MOST_ITEMS: usize = 1 << 18;

/// A placement that nothing interrupts, so that any budget gives one: an
/// allocator's, or first fit by size where items are more than rectangles and that is
/// no more than so much work. Returns what that needs.
pub(super) fn baseline(incumbent: &mut Incumbent<'_>, crew: &mut Crew<'_>) -> u64 {
    if let Some(known) = incumbent.baseline {
        return known;
    }
    let items = incumbent.items();
    let is_online = incumbent.options().without.keeps(Heuristic::Baseline);
    let most_looks = match is_online {
        true if items.is_plain() || items.len() > MOST_ITEMS => None,
        true => Some(MOST_LOOKS),
        false => Some(u64::MAX),
    };
    let first_fit = most_looks.and_then(|most_looks| {
        let (order, limit) = (Order::Size.of(items), u64::MAX);
        let mut taken = Taken::with_most_looks(items, most_looks);
        packing::in_order(items, &order, Fit::First, &mut taken, limit, &mut || false)
    });
    let (packing, by) = match first_fit {
        Some(packing) => (packing, BY_SIZE),
        None => (online::best_fit(items), FoundBy::OnlineBestFit),
    };
    let makespan = packing.makespan;
    incumbent.baseline = Some(makespan);
    incumbent.keep(Found::Whole(packing), by, crew);
    makespan
}
