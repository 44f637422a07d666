//! Orders in which items are placed one after another.
//!
//! Every order is total: ties go to the item that comes first in the problem,
//! so an order is a function of the problem and the seed alone. O(n log n)
//! each.

use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::instance::Items;
use crate::priority::{Features, Priority};
use crate::solution::OrderBy;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// The largest.
    Size,
    /// The largest; of equal ones the longest-lived.
    SizeThenLifetime,
    /// The largest product of size and lifetime.
    Area,
    /// The longest-lived; of equal ones the largest.
    Lifetime,
    /// The earliest born; of equal ones the largest.
    Birth,
    /// The one that is live in the most loaded section; of equal ones the largest.
    Conflicts,
    /// By a priority rule whose lengths are lifetimes in ticks; with the seed of its noise.
    Weighted(Priority, u64),
}

/// Orders that need no weights, those that do best first.
pub(crate) const NAMED: [Order; 6] = [
    Order::Area,
    Order::Lifetime,
    Order::SizeThenLifetime,
    Order::Size,
    Order::Conflicts,
    Order::Birth,
];

impl Order {
    /// What a placement in this order is said to be found by.
    pub(crate) fn by(self) -> OrderBy {
        match self {
            Order::Size => OrderBy::Size,
            Order::SizeThenLifetime => OrderBy::SizeThenLifetime,
            Order::Area => OrderBy::Area,
            Order::Lifetime => OrderBy::Lifetime,
            Order::Birth => OrderBy::Birth,
            Order::Conflicts => OrderBy::Conflicts,
            Order::Weighted(..) => OrderBy::Weights,
        }
    }

    /// The weights that come nearest.
    pub(crate) fn weights(self) -> Priority {
        match self {
            Order::Weighted(weights, _) => weights,
            _ => Priority::of(1.0, 0.0),
        }
    }

    /// The items in this order.
    pub(crate) fn of(self, items: &Items) -> Vec<u32> {
        let mut order: Vec<u32> = (0..items.len() as u32).collect();
        let largest = |&item: &u32| !items.item(item).size;
        match self {
            Order::Size => order.sort_by_key(largest),
            Order::SizeThenLifetime => {
                order.sort_by_key(|item| (largest(item), !items.item(*item).lifetime()));
            }
            Order::Area => order.sort_by_cached_key(|&item| {
                let item = items.item(item);
                !(u128::from(item.size) * u128::from(item.lifetime()))
            }),
            Order::Lifetime => {
                order.sort_by_key(|item| (!items.item(*item).lifetime(), largest(item)));
            }
            Order::Birth => {
                order.sort_by_key(|item| (items.item(*item).birth, largest(item)));
            }
            Order::Conflicts => {
                let loads = SectionLoads::new(items);
                order.sort_by_cached_key(|item| (!loads.largest(items, *item), largest(item)));
            }
            Order::Weighted(weights, seed) => {
                let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
                let keys: Vec<f32> = items
                    .iter()
                    .map(|item| {
                        let features = Features {
                            log_size: (item.size as f32).ln(),
                            log_length: (item.lifetime() as f32).ln(),
                            ..Features::default()
                        };
                        weights.key(&features, 0, &mut random)
                    })
                    .collect();
                order.sort_by(|&a, &b| keys[b as usize].total_cmp(&keys[a as usize]));
            }
        }
        order
    }
}

/// The load of each section, with the maximum over a span in O(log n).
struct SectionLoads {
    /// A segment tree, root at 1, leaves from `width` on.
    tree: Vec<u64>,
    width: usize,
}

impl SectionLoads {
    fn new(items: &Items) -> SectionLoads {
        let width = items.sections().next_power_of_two().max(1);
        let mut change = vec![0i128; items.sections() + 1];
        for item in 0..items.len() as u32 {
            for slab in items.slabs(item) {
                let height = i128::from(slab.high - slab.low);
                change[slab.first as usize] += height;
                change[slab.last as usize + 1] -= height;
            }
        }
        let mut tree = vec![0; 2 * width];
        let mut load = 0i128;
        for (leaf, change) in tree[width..].iter_mut().zip(&change) {
            load += change;
            *leaf = load as u64;
        }
        for node in (1..width).rev() {
            tree[node] = tree[2 * node].max(tree[2 * node + 1]);
        }
        SectionLoads { tree, width }
    }

    fn largest(&self, items: &Items, item: u32) -> u64 {
        let mut largest = 0;
        for slab in items.slabs(item) {
            let mut left = slab.first as usize + self.width;
            let mut right = slab.last as usize + self.width + 1;
            while left < right {
                if left & 1 == 1 {
                    largest = largest.max(self.tree[left]);
                    left += 1;
                }
                if right & 1 == 1 {
                    right -= 1;
                    largest = largest.max(self.tree[right]);
                }
                left >>= 1;
                right >>= 1;
            }
        }
        largest
    }
}
