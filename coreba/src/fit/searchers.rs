//! Packing in orders, as two search methods: alone in many orders, each new best
//! squeezed ([`Packer`]); and beside dives, in orders near those by size
//! ([`NearSize`]), where few items are live.

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::orders::{NAMED, Order};
use super::packing::{self, Packing};
use super::{Fit, Taken};
use crate::heuristics::Heuristic;
use crate::instance::Items;
use crate::options::Options;
use crate::portfolio::batch::Crew;
use crate::portfolio::incumbent::Incumbent;
use crate::portfolio::searcher::Searcher;
use crate::portfolio::turn::{Found, Turn};
use crate::priority::{Elite, Priority, any_reach};
use crate::solution::FoundBy;

/// What the placement of an item by first fit costs on average where few items
/// are live, in jobs placed by a dive. Elsewhere it is 20 and more.
const FIRST_FIT: u64 = 2;

/// Looks at what is in the way that cost as much as a job placed by a dive.
const LOOKS: u64 = 128;

/// Tasks of a turn of [`Packer`].
const TURN: usize = 4;

/// Every order with each fit, then ever new weights.
pub(crate) struct Packer<'a> {
    items: &'a Items,
    random: Xoshiro256PlusPlus,
    next: usize,
    squeezes: bool,
    /// In bytes: what passes the limit is given up, and what meets the target is
    /// good enough.
    limit: u64,
    target: u64,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(items: &'a Items, options: &Options) -> Self {
        Packer {
            items,
            random: Xoshiro256PlusPlus::seed_from_u64(options.seed),
            next: 0,
            squeezes: options.without.keeps(Heuristic::Squeeze),
            limit: u64::MAX,
            target: 0,
        }
    }

    fn draw(&mut self) -> (Order, Fit) {
        let index = self.next;
        self.next += 1;
        let fit = if index % 2 == 1 {
            Fit::Best
        } else {
            Fit::First
        };
        if let Some(&order) = NAMED.get(index / 2) {
            return (order, fit);
        }
        let random = &mut self.random;
        let (size, length) = (random.random_range(0.0..1.0), random.random_range(0.0..1.0));
        let weights = Priority {
            job_noise: random.random_range(-5.0..0.5f32).exp(),
            ..Priority::of(size, length)
        };
        (Order::Weighted(weights, random.random()), fit)
    }
}

impl Searcher for Packer<'_> {
    type Task = (Order, Fit);
    type Found = Packing;

    fn plan(&mut self, incumbent: &Incumbent<'_>, _: &mut Crew<'_>) -> Vec<(Order, Fit)> {
        (self.limit, self.target) = (incumbent.makespan(), incumbent.target());
        (0..TURN).map(|_| self.draw()).collect()
    }

    fn perform(
        &self,
        &(order, fit): &(Order, Fit),
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<Packing> {
        let mut taken = Taken::new(self.items);
        let order = order.of(self.items);
        let mut packing = packing::in_order(self.items, &order, fit, &mut taken, self.limit, stop)?;
        if packing.makespan > self.target && self.squeezes {
            packing::squeeze(self.items, &mut packing, &mut taken, stop);
        }
        Some(packing)
    }

    fn ends(&self, packing: &Packing) -> bool {
        packing.makespan <= self.target
    }

    fn merge(
        &mut self,
        tasks: Vec<(Order, Fit)>,
        found: Vec<Option<Packing>>,
        _: &Incumbent<'_>,
    ) -> Turn {
        let evaluations = tasks.len() as u64;
        let packed = tasks.into_iter().zip(found);
        let found = packed.filter_map(|((order, fit), packing)| {
            Some((Found::Whole(packing?), FoundBy::Order(order.by(), fit)))
        });
        Turn {
            found: found.collect(),
            work: evaluations * FIRST_FIT * self.items.len() as u64,
            evaluations,
            ..Turn::default()
        }
    }
}

/// Tasks of a turn of [`NearSize`].
const NEAR: usize = 2;

/// How much more than [`FIRST_FIT`] an item may cost before an order is given up.
const MORE: u64 = 3;

/// Weights that [`NearSize`] remembers.
const ELITE: usize = 4;

/// First fit by size, then by size and little else: orders near those that did
/// best, up to what an allocator would make of it, as what is not the best may
/// still be the best to go on from.
pub(crate) struct NearSize<'a> {
    items: &'a Items,
    turns: u64,
    elite: Elite<u64, Priority>,
    learns: bool,
    seed: u64,
    /// What an allocator would need, in bytes.
    allocator: u64,
    limit: u64,
    target: u64,
}

impl<'a> NearSize<'a> {
    pub(crate) fn new(items: &'a Items, options: &Options, allocator: u64) -> Self {
        let mut elite = Elite::new(ELITE);
        elite.push(u64::MAX, Priority::of(1.0, 0.0));
        NearSize {
            items,
            turns: 0,
            elite,
            learns: options.without.keeps(Heuristic::Elite),
            seed: options.seed,
            allocator,
            limit: allocator,
            target: 0,
        }
    }

    /// About what the first turn costs, in jobs placed by a dive.
    pub(crate) fn first_cost(items: &Items) -> u64 {
        NEAR as u64 * FIRST_FIT * items.len() as u64
    }
}

impl Searcher for NearSize<'_> {
    type Task = Order;
    /// What was packed, if anything, and the looks that it took.
    type Found = (Option<Packing>, u64);

    fn plan(&mut self, incumbent: &Incumbent<'_>, _: &mut Crew<'_>) -> Vec<Order> {
        let best = incumbent.best_in_order();
        self.limit = best.map_or(self.allocator, |packing| packing.makespan - 1);
        self.target = incumbent.target();
        self.turns += 1;
        if self.turns == 1 {
            return vec![Order::Size, Order::SizeThenLifetime];
        }
        let salt = self.turns.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ salt);
        let draw = |_| {
            let known = self.elite.draw(&mut random);
            let reach = any_reach(&mut random);
            let mut weights = known.near(reach, &mut random);
            weights.job_noise = random.random_range(-6.0..-1.0f32).exp();
            Order::Weighted(weights, random.random())
        };
        (0..NEAR).map(draw).collect()
    }

    fn perform(&self, order: &Order, stop: &mut dyn FnMut() -> bool) -> Option<Self::Found> {
        let most_looks = MORE * FIRST_FIT * LOOKS * self.items.len() as u64;
        let order = order.of(self.items);
        let mut taken = Taken::with_most_looks(self.items, most_looks);
        let packing =
            packing::in_order(self.items, &order, Fit::First, &mut taken, self.limit, stop);
        Some((packing, taken.looks()))
    }

    fn ends(&self, (packing, _): &Self::Found) -> bool {
        let packing = packing.as_ref();
        packing.is_some_and(|packing| packing.makespan <= self.target)
    }

    fn merge(
        &mut self,
        tasks: Vec<Order>,
        found: Vec<Option<Self::Found>>,
        _: &Incumbent<'_>,
    ) -> Turn {
        let mut turn = Turn {
            // An order costs something, too, before the first look.
            work: self.items.len() as u64 * NEAR as u64 / 2,
            evaluations: tasks.len() as u64,
            ..Turn::default()
        };
        for (order, found) in tasks.into_iter().zip(found) {
            let Some((packing, looks)) = found else {
                continue;
            };
            turn.work += looks / LOOKS;
            let Some(packing) = packing else { continue };
            if self.learns {
                self.elite.push(packing.makespan, order.weights());
            }
            let by = FoundBy::Order(order.by(), Fit::First);
            turn.found.push((Found::Whole(packing), by));
        }
        turn
    }
}
