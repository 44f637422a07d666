//! Orders in which items are placed one after another.
//!
//! Every order is total: ties go to the item that comes first in the problem,
//! so an order is a function of the problem and the seed alone. O(n log n)
//! each.

use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Fit;
use crate::instance::Items;
use crate::priority::{Elite, Features, Priority, any_reach};

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

/// One way of packing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Method {
    pub(crate) order: Order,
    pub(crate) fit: Fit,
    pub(crate) name: &'static str,
}

/// Every order with each fit, then ever new weights.
pub(crate) struct Plan {
    next: usize,
}

const NAMED: [(Order, &str, &str); 6] = [
    (Order::Area, "area, first fit", "area, best fit"),
    (Order::Lifetime, "lifetime, first fit", "lifetime, best fit"),
    (
        Order::SizeThenLifetime,
        "size then lifetime, first fit",
        "size then lifetime, best fit",
    ),
    (Order::Size, "size, first fit", "size, best fit"),
    (
        Order::Conflicts,
        "conflict-heavy sections, first fit",
        "conflict-heavy sections, best fit",
    ),
    (Order::Birth, "birth, first fit", "birth, best fit"),
];

/// The orders that [`Near`] begins with: where few items are live, they do best.
const BY_SIZE: [Method; NEAR] = [
    Method {
        order: NAMED[3].0,
        fit: Fit::First,
        name: NAMED[3].1,
    },
    Method {
        order: NAMED[2].0,
        fit: Fit::First,
        name: NAMED[2].1,
    },
];

/// The orders that need no weights.
#[cfg(test)]
pub(crate) const SINGLE: [Order; 6] = [
    NAMED[0].0, NAMED[1].0, NAMED[2].0, NAMED[3].0, NAMED[4].0, NAMED[5].0,
];

/// Methods a generation.
const GENERATION: usize = 4;

impl Plan {
    pub(crate) fn new() -> Plan {
        Plan { next: 0 }
    }

    /// The next few methods.
    pub(crate) fn next(&mut self, random: &mut impl Rng) -> Vec<Method> {
        (0..GENERATION)
            .map(|_| {
                let index = self.next;
                self.next += 1;
                let best = index % 2 == 1;
                let fit = if best { Fit::Best } else { Fit::First };
                if let Some(&(order, first, tightest)) = NAMED.get(index / 2) {
                    return Method {
                        order,
                        fit,
                        name: if best { tightest } else { first },
                    };
                }
                let (size, length) = (random.random_range(0.0..1.0), random.random_range(0.0..1.0));
                let weights = Priority {
                    job_noise: random.random_range(-5.0..0.5f32).exp(),
                    ..Priority::of(size, length)
                };
                let order = Order::Weighted(weights, random.random());
                let name = if best {
                    "weighted order, best fit"
                } else {
                    "weighted order, first fit"
                };
                Method { order, fit, name }
            })
            .collect()
    }
}

/// Orders near those by size that did best, to be tried beside other techniques.
pub(crate) struct Near {
    turns: u64,
    /// Weights, by what came of them.
    elite: Elite<u64, Priority>,
    seed: u64,
}

/// Weights that [`Near`] remembers.
const ELITE: usize = 4;

/// Methods that [`Near`] gives at a time.
pub(crate) const NEAR: usize = 2;

impl Near {
    pub(crate) fn new(seed: u64) -> Near {
        let mut elite = Elite::new(ELITE);
        elite.push(u64::MAX, Priority::of(1.0, 0.0));
        Near {
            turns: 0,
            elite,
            seed,
        }
    }

    /// The next few methods, all of them first fit: by size, then by size and
    /// little else.
    pub(crate) fn next(&mut self) -> [Method; NEAR] {
        self.turns += 1;
        if self.turns == 1 {
            return BY_SIZE;
        }
        let salt = self.turns.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ salt);
        [(); NEAR].map(|()| {
            let known = self.elite.draw(&mut random);
            let reach = any_reach(&mut random);
            let mut weights = known.near(reach, &mut random);
            weights.job_noise = random.random_range(-6.0..-1.0f32).exp();
            Method {
                order: Order::Weighted(weights, random.random()),
                fit: Fit::First,
                name: "weighted order, first fit",
            }
        })
    }

    /// Learns what came of an order.
    pub(crate) fn learn(&mut self, method: &Method, makespan: u64) {
        let weights = match method.order {
            Order::Weighted(weights, _) => weights,
            _ => Priority::of(1.0, 0.0),
        };
        self.elite.push(makespan, weights);
    }
}

impl Order {
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
