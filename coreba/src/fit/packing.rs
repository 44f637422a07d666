//! Placing items in an order, and squeezing what came out.

use crate::fit::{Fit, Taken};
use crate::instance::Items;

/// Positions of items, and their makespan.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    /// In units of the grid.
    pub(crate) positions: Vec<u64>,
    /// In bytes.
    pub(crate) makespan: u64,
}

/// Places the items one by one, the pinned ones first where they are pinned.
/// Returns `None` as soon as the makespan would pass `limit` bytes, or `stop`
/// says so.
pub(crate) fn in_order(
    items: &Items,
    order: &[u32],
    fit: Fit,
    taken: &mut Taken,
    limit: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Packing> {
    taken.clear();
    let mut packing = Packing {
        positions: vec![0; items.len()],
        makespan: 0,
    };
    for (index, item) in items.iter().enumerate() {
        if let Some(pin) = item.pin {
            taken.take(items, index as u32, pin);
            packing.positions[index] = pin;
            packing.makespan = packing.makespan.max(items.grid().end(pin, item));
        }
    }
    if packing.makespan > limit {
        return None;
    }
    extend(items, order, fit, taken, limit, &mut packing, stop).then_some(packing)
}

/// Places more items around those that are taken; false where `limit` or
/// `stop` ended it.
pub(crate) fn extend(
    items: &Items,
    order: &[u32],
    fit: Fit,
    taken: &mut Taken,
    limit: u64,
    packing: &mut Packing,
    stop: &mut dyn FnMut() -> bool,
) -> bool {
    for (placed, &index) in order.iter().enumerate() {
        let item = items.item(index);
        if item.pin.is_some() {
            continue;
        }
        if placed % 256 == 255 && stop() {
            return false;
        }
        let Some(at) = taken.find(items, index, fit, limit) else {
            return false;
        };
        taken.take(items, index, at);
        packing.positions[index as usize] = at;
        packing.makespan = packing.makespan.max(items.grid().end(at, item));
    }
    true
}

/// First fit in the order of positions, again and again until nothing moves.
///
/// Without gap windows no item ever moves up: what lay below an item before
/// lies no higher now, so its old position is still free. With windows an item
/// may, so a round counts only where the sum of the positions falls and the
/// makespan does not grow.
pub(crate) fn squeeze(
    items: &Items,
    packing: &mut Packing,
    taken: &mut Taken,
    stop: &mut dyn FnMut() -> bool,
) {
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    let sum = |packing: &Packing| {
        packing
            .positions
            .iter()
            .map(|&at| u128::from(at))
            .sum::<u128>()
    };
    loop {
        order.sort_by_key(|&item| packing.positions[item as usize]);
        let limit = packing.makespan;
        let Some(lower) = in_order(items, &order, Fit::First, taken, limit, stop) else {
            return;
        };
        if sum(&lower) >= sum(packing) {
            return;
        }
        *packing = lower;
    }
}
