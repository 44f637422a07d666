//! Moving jobs to their hints one by one, while nothing is in the way there.
//!
//! Each item takes its slabs at its position, or at its hint: all these boxes
//! are known beforehand, so they lie in a static hierarchy of bounding boxes (a
//! kd-tree over their centres), and moving switches boxes off and on. An item
//! that something blocks waits for that one item to move, which happens once at
//! most: when all is quiet no item could move alone, and none was asked about
//! more often than it has blockers.

use super::Wishes;
use crate::instance::Items;

/// Boxes of a leaf.
const LEAF: usize = 8;

/// No item.
const NONE: u32 = u32::MAX;

/// A slab of an item at one of its two places.
#[derive(Clone, Copy, Debug)]
struct Entry {
    bounds: Bounds,
    item: u32,
    at_hint: bool,
}

/// A rectangle of sections (inclusive) and addresses (half-open).
#[derive(Clone, Copy, Debug)]
struct Bounds {
    first: u32,
    last: u32,
    low: u64,
    high: u64,
}

impl Bounds {
    fn meets(&self, other: &Bounds) -> bool {
        self.first <= other.last
            && other.first <= self.last
            && self.low < other.high
            && other.low < self.high
    }

    fn unite(&self, other: &Bounds) -> Bounds {
        Bounds {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }

    /// Twice the centre, as coordinates of section and address.
    fn centre(&self) -> (u64, u64) {
        (
            u64::from(self.first) + u64::from(self.last),
            self.low / 2 + self.high / 2,
        )
    }
}

/// All boxes; node k of the tree has the children 2k and 2k + 1, and halves of
/// its range.
struct Boxes {
    entries: Vec<Entry>,
    nodes: Vec<Option<Bounds>>,
    /// Whether an item has moved to its hint.
    moved: Vec<bool>,
}

impl Boxes {
    /// O(n log n).
    fn new(items: &Items, wishes: &Wishes, positions: &[u64]) -> Boxes {
        let mut entries = Vec::new();
        let mut push = |item: u32, at: u64, at_hint: bool| {
            entries.extend(boxes(items, item, at).map(|bounds| Entry {
                bounds,
                item,
                at_hint,
            }));
        };
        for (item, &at) in (0u32..).zip(positions) {
            push(item, at, false);
            if let Some(hint) = wishes.at[item as usize].filter(|&hint| hint != at) {
                push(item, hint, true);
            }
        }
        let leaves = entries.len().div_ceil(LEAF).next_power_of_two();
        let mut boxes = Boxes {
            nodes: vec![None; 2 * leaves],
            moved: vec![false; items.len()],
            entries,
        };
        let Boxes { entries, nodes, .. } = &mut boxes;
        build(entries, nodes, 1);
        boxes
    }

    /// An item in the way of another at its hint.
    fn blocker(&self, items: &Items, item: u32, hint: u64) -> Option<u32> {
        boxes(items, item, hint).find_map(|wanted| self.first_met(&wanted, item))
    }

    fn first_met(&self, wanted: &Bounds, except: u32) -> Option<u32> {
        let mut stack = [(0, 0, 0); 64];
        let mut depth = 1;
        stack[0] = (1, 0, self.entries.len());
        while depth > 0 {
            depth -= 1;
            let (node, from, to) = stack[depth];
            if self.nodes[node].is_none_or(|bounds| !bounds.meets(wanted)) {
                continue;
            }
            if 2 * node >= self.nodes.len() {
                let met = self.entries[from..to].iter().find(|entry| {
                    entry.item != except
                        && entry.at_hint == self.moved[entry.item as usize]
                        && entry.bounds.meets(wanted)
                });
                if let Some(entry) = met {
                    return Some(entry.item);
                }
                continue;
            }
            let middle = from.midpoint(to);
            stack[depth] = (2 * node, from, middle);
            stack[depth + 1] = (2 * node + 1, middle, to);
            depth += 2;
        }
        None
    }
}

/// Halves a range of boxes by its wider side, and so on.
fn build(entries: &mut [Entry], nodes: &mut [Option<Bounds>], node: usize) {
    let bounds = entries.iter().map(|entry| entry.bounds);
    nodes[node] = bounds.reduce(|a, b| a.unite(&b));
    if 2 * node >= nodes.len() {
        return;
    }
    let middle = entries.len() / 2;
    if entries.len() > 1 {
        let centres = || entries.iter().map(|entry| entry.bounds.centre());
        let spread = |values: &mut dyn Iterator<Item = u64>| {
            let (low, high) = values.fold((u64::MAX, 0), |(low, high), value| {
                (value.min(low), value.max(high))
            });
            (high - low) as f64
        };
        let (sections, addresses) = (
            spread(&mut centres().map(|centre| centre.0)),
            spread(&mut centres().map(|centre| centre.1)),
        );
        // Against the extent of all, so that units do not matter.
        let whole = nodes[1].map_or((1.0, 1.0), |whole| {
            let sections = f64::from(whole.last - whole.first) + 1.0;
            (sections, (whole.high - whole.low) as f64)
        });
        let by_section = sections * whole.1 > addresses * whole.0;
        let key = |entry: &Entry| {
            let (section, address) = entry.bounds.centre();
            if by_section { section } else { address }
        };
        entries.select_nth_unstable_by_key(middle, key);
    }
    let (left, right) = entries.split_at_mut(middle);
    build(left, nodes, 2 * node);
    build(right, nodes, 2 * node + 1);
}

fn boxes(items: &Items, item: u32, at: u64) -> impl Iterator<Item = Bounds> + '_ {
    items.slabs(item).iter().map(move |slab| Bounds {
        first: slab.first,
        last: slab.last,
        low: at + slab.low,
        high: at + slab.high,
    })
}

/// Items from one look at the clock to the next.
const POLLED: usize = 256;

/// Moves items to their hints until none can move alone, or `stop` says so.
pub(super) fn move_all(
    items: &Items,
    wishes: &Wishes,
    positions: &mut [u64],
    stop: &mut dyn FnMut() -> bool,
) {
    let wants = |item: usize, at: u64| wishes.at[item].is_some_and(|hint| hint != at);
    let mut asking: Vec<u32> = (0..items.len() as u32)
        .filter(|&item| wants(item as usize, positions[item as usize]))
        .collect();
    if asking.is_empty() || stop() {
        return;
    }
    asking.reverse();
    let mut boxes = Boxes::new(items, wishes, positions);
    // Who waits for an item, as linked lists.
    let mut waiting = vec![NONE; items.len()];
    let mut next = vec![NONE; items.len()];
    let mut asked = 0;
    while let Some(item) = asking.pop() {
        asked += 1;
        if asked % POLLED == 0 && stop() {
            return;
        }
        let index = item as usize;
        let Some(hint) = wishes.at[index] else {
            continue;
        };
        match boxes.blocker(items, item, hint) {
            Some(blocker) => {
                next[index] = waiting[blocker as usize];
                waiting[blocker as usize] = item;
            }
            None => {
                boxes.moved[index] = true;
                positions[index] = hint;
                let mut woken = std::mem::replace(&mut waiting[index], NONE);
                while woken != NONE {
                    asking.push(woken);
                    woken = next[woken as usize];
                }
            }
        }
    }
}
