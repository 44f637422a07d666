//! Placing items in an order, and squeezing what came out.

use crate::fit::{Fit, Taken};
use crate::item::Items;

/// A placement of items, and its makespan.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    pub(crate) offsets: Vec<u64>,
    pub(crate) makespan: u64,
}

/// Places the items one by one, the pinned ones first where they are pinned.
/// Returns `None` as soon as the makespan would pass `limit`, or `stop` says
/// so.
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
        offsets: vec![0; items.len()],
        makespan: 0,
    };
    for (index, item) in items.iter().enumerate() {
        if let Some(pin) = item.pin {
            taken.take(items, index as u32, pin);
            packing.offsets[index] = pin;
            packing.makespan = packing.makespan.max(pin + item.size);
        }
    }
    if packing.makespan > limit {
        return None;
    }
    for (placed, &index) in order.iter().enumerate() {
        let item = items.item(index);
        if item.pin.is_some() {
            continue;
        }
        if placed % 256 == 255 && stop() {
            return None;
        }
        let offset = taken.find(items, index, fit, limit)?;
        taken.take(items, index, offset);
        packing.offsets[index as usize] = offset;
        packing.makespan = packing.makespan.max(offset + item.size);
    }
    Some(packing)
}

/// First fit in the order of offsets, again and again until nothing moves.
///
/// Without gap windows no item ever moves up: what lay below an item before
/// lies no higher now, so its old offset is still free. With windows an item
/// may, so a round counts only where the sum of the offsets falls.
pub(crate) fn squeeze(
    items: &Items,
    packing: &mut Packing,
    taken: &mut Taken,
    stop: &mut dyn FnMut() -> bool,
) {
    let mut order: Vec<u32> = (0..items.len() as u32).collect();
    loop {
        order.sort_by_key(|&item| packing.offsets[item as usize]);
        let limit = packing.makespan;
        let Some(lower) = in_order(items, &order, Fit::First, taken, limit, stop) else {
            return;
        };
        let sum = |packing: &Packing| packing.offsets.iter().map(|&o| u128::from(o)).sum::<u128>();
        if sum(&lower) >= sum(packing) {
            return;
        }
        *packing = lower;
    }
}
