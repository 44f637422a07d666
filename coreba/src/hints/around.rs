//! All hints that agree with one another, and the rest packed around them.

use common::check;
use common::placement::Placement;
use common::problem::Problem;

use super::Wishes;
use crate::fit::orders::Order;
use crate::fit::packing::{self, Packing};
use crate::fit::{Fit, Taken};
use crate::instance::Items;

/// Items of all attempts together, each of which packs them once.
const MOST_WORK: usize = 200_000;

/// Wishes from one look at the clock to the next.
const POLLED: usize = 256;

/// Whether all hints, and fixed offsets elsewhere, make a placement within
/// `limit` bytes. O(n log n).
pub(super) fn is_placement(problem: &Problem, start: u64, limit: u64) -> bool {
    let mut offsets = Vec::with_capacity(problem.len());
    for (job, pin) in problem.jobs().iter().zip(problem.pins()) {
        let Some(offset) = pin.or(job.hint()) else {
            return false;
        };
        let end = offset.checked_add(job.size);
        if end.is_none_or(|end| end > limit) {
            return false;
        }
        offsets.push(offset);
    }
    check::verify(problem, &Placement { offsets }, start).is_ok()
}

/// Grants the wishes one by one, where those before leave room, and packs all
/// others around: in several orders, while there is work left. Keeps what has
/// more jobs at their hints than `packing`, and is no higher.
pub(super) fn pack(
    items: &Items,
    wishes: &Wishes,
    packing: &mut Packing,
    stop: &mut dyn FnMut() -> bool,
) {
    let mut taken = Taken::new(items);
    let mut left = MOST_WORK;
    let grantings = [true, false].map(|smallest_first| granting(items, wishes, smallest_first));
    let mut by_position: Vec<u32> = (0..items.len() as u32).collect();
    by_position.sort_by_key(|&item| packing.positions[item as usize]);
    for rest in [by_position, Order::Size.of(items)] {
        for granted in &grantings {
            if left < items.len() || stop() {
                return;
            }
            left -= items.len();
            let limit = packing.makespan;
            let tried = around(items, wishes, granted, &rest, limit, &mut taken, stop);
            if let Some(tried) = tried
                && wishes.kept(&tried.positions) > wishes.kept(&packing.positions)
            {
                *packing = tried;
            }
        }
    }
}

/// The items that wish something, by area.
fn granting(items: &Items, wishes: &Wishes, smallest_first: bool) -> Vec<u32> {
    let hinted = (0..items.len() as u32).filter(|&item| wishes.at[item as usize].is_some());
    let mut order: Vec<u32> = hinted.collect();
    let area = |&item: &u32| {
        let item = items.item(item);
        u128::from(item.size) * u128::from(item.lifetime())
    };
    order.sort_by_key(area);
    if !smallest_first {
        order.reverse();
    }
    order
}

fn around(
    items: &Items,
    wishes: &Wishes,
    granted: &[u32],
    rest: &[u32],
    limit: u64,
    taken: &mut Taken,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Packing> {
    let mut fixed = packing::in_order(items, &[], Fit::First, taken, limit, stop)?;
    let mut is_left = vec![true; items.len()];
    for (index, &item) in granted.iter().enumerate() {
        if index % POLLED == POLLED - 1 && stop() {
            return None;
        }
        if let Some(at) = wishes.at[item as usize]
            && taken.is_free(items, item, at)
        {
            taken.take(items, item, at);
            fixed.positions[item as usize] = at;
            fixed.makespan = fixed.makespan.max(items.grid().end(at, items.item(item)));
            is_left[item as usize] = false;
        }
    }
    let rest: Vec<u32> = rest
        .iter()
        .copied()
        .filter(|&item| is_left[item as usize])
        .collect();
    let whole = packing::extend(items, &rest, Fit::First, taken, limit, &mut fixed, stop);
    whole.then_some(fixed)
}
