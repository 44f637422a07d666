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

impl Packing {
    /// All items at these positions. O(n).
    pub(crate) fn at(items: &Items, positions: Vec<u64>) -> Packing {
        let ends = items.iter().zip(&positions);
        let ends = ends.map(|(item, &at)| items.grid().end(at, item));
        Packing {
            makespan: ends.max().unwrap_or(0),
            positions,
        }
    }

    /// Puts an item at a position.
    pub(crate) fn put(&mut self, items: &Items, item: u32, at: u64) {
        self.positions[item as usize] = at;
        self.makespan = self.makespan.max(items.grid().end(at, items.item(item)));
    }
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
            packing.put(items, index as u32, pin);
        }
    }
    if packing.makespan > limit {
        return None;
    }
    extend(items, order, fit, taken, limit, &mut packing, stop).then_some(packing)
}

/// First fit in an order, to the end.
pub(crate) fn first_fit(items: &Items, order: &[u32]) -> Packing {
    let (mut taken, limit) = (Taken::new(items), u64::MAX);
    in_order(items, order, Fit::First, &mut taken, limit, &mut || false)
        .expect("the gate leaves room for every job below 2^64")
}

/// Looks at what is in the way from one look at the clock to the next: about a
/// millisecond.
const POLLED: u64 = 1 << 15;

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
    let mut polled = taken.looks();
    for (placed, &index) in order.iter().enumerate() {
        if items.item(index).pin.is_some() {
            continue;
        }
        if placed % 256 == 255 || taken.looks() - polled > POLLED {
            polled = taken.looks();
            if stop() {
                return false;
            }
        }
        let Some(at) = taken.find(items, index, fit, limit) else {
            return false;
        };
        taken.take(items, index, at);
        packing.put(items, index, at);
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
