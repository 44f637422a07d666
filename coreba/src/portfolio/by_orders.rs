//! Packing in many orders: what every budget gives, what a warm start gives,
//! and the search where items are more than rectangles.

use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Search;
use super::boxing::Member;
use super::turns;
use crate::exact::Few;
use crate::fit::online;
use crate::fit::orders::{self, Order};
use crate::fit::packing::{self, Packing};
use crate::fit::{Fit, Taken};
use crate::instance::peel;
use crate::portfolio::batch;
use crate::solution::Stop;

impl<'a> Search<'a> {
    /// Packs in the order of an earlier placement, new items last, the largest
    /// first; and, for comparison, as if there were none.
    pub(super) fn warm_start(&mut self) {
        let Some(offsets) = &self.options.warm_start else {
            return;
        };
        let items = self.items;
        let earlier = items.of_jobs(offsets);
        let mut order = Order::Size.of(items);
        let fresh = order.clone();
        order.sort_by_key(|&item| earlier[item as usize].unwrap_or(u64::MAX));
        for (order, method) in [(order, "warm start"), (fresh, "size, first fit")] {
            let packing = self.first_fit(&order);
            self.keep(packing, method);
            if self.makespan() <= self.lower_bound {
                return;
            }
        }
    }

    /// A placement that nothing interrupts: any budget gives one.
    pub(super) fn fall_back(&mut self) {
        if self.fell_back {
            return;
        }
        self.fell_back = true;
        if let Some(packing) = online::best_fit(self.items) {
            self.allocator = packing.makespan;
            return self.keep(packing, "birth, online best fit");
        }
        let packing = self.first_fit(&Order::Size.of(self.items));
        self.keep(packing, "size, first fit");
    }

    /// First fit in an order, to the end.
    fn first_fit(&mut self, order: &[u32]) -> Packing {
        let (taken, limit) = (&mut self.taken, u64::MAX);
        packing::in_order(self.items, order, Fit::First, taken, limit, &mut || false)
            .expect("the gate leaves room for every job below 2^64")
    }

    /// First fit and best fit in many orders, each new best squeezed, with
    /// ejection search in turn where it was forced, and boxing
    /// now and then.
    pub(super) fn by_orders(&mut self, peeled: &peel::Peeled) -> Stop {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.options.seed);
        let mut plan = orders::Plan::new();
        let mut few = Few::new(self.items, self.lower_bound, self.options);
        let mut turns = self.turns_beside_orders();
        let mut boxing = Member::new(self.items, peeled, self.options);
        loop {
            if let Some(stop) = self.ending() {
                return stop;
            }
            let tasks = plan.next(&mut random);
            let (items, limit) = (self.items, self.makespan());
            let bound = self.aim.max(self.lower_bound);
            let packings = batch::run(
                &tasks,
                self.options.threads.get(),
                &mut self.control,
                |task, stop| {
                    let mut taken = Taken::new(items);
                    let order = task.order.of(items);
                    let mut packing =
                        packing::in_order(items, &order, task.fit, &mut taken, limit, stop)?;
                    if packing.makespan > bound {
                        packing::squeeze(items, &mut packing, &mut taken, stop);
                    }
                    Some(packing)
                },
                |packing| packing.makespan <= bound,
            );
            self.evaluations += tasks.len() as u64;
            for (task, packing) in tasks.iter().zip(packings) {
                if let Some(packing) = packing {
                    self.keep(packing, task.name);
                }
            }
            if let Some(turns) = &mut turns {
                turns.earn(tasks.len() as u64 * turns::FIRST_FIT * self.items.len() as u64);
                while self.ending().is_none() && self.take_turn(turns) {}
            }
            if let Some(boxing) = &mut boxing
                && self.makespan() > self.lower_bound
            {
                self.box_in_turn(boxing);
            }
            if let Some(few) = &mut few
                && self.makespan() > self.lower_bound
            {
                self.order_pairs(few);
            }
        }
    }

    /// A round of the exact search for few items.
    pub(super) fn order_pairs(&mut self, few: &mut Few<'_>) {
        few.raise(self.lower_bound);
        let attempts = few.plan(self.makespan());
        let runs = batch::run(
            &attempts,
            self.options.threads.get(),
            &mut self.control,
            |attempt, stop| Some(attempt.perform(stop)),
            |_| false,
        );
        self.evaluations += attempts.len() as u64;
        self.nodes += runs.iter().flatten().map(|run| run.nodes).sum::<u64>();
        let found = few.merge(&attempts, runs, self.makespan());
        self.lower_bound = self.lower_bound.max(few.lower_bound());
        for positions in found {
            let items = self.items;
            let heights = items.iter().zip(&positions);
            let makespan = heights.map(|(item, &at)| items.grid().end(at, item));
            let makespan = makespan.max().unwrap_or(0);
            let packing = Packing {
                positions,
                makespan,
            };
            self.keep(packing, "exact");
        }
    }
}
