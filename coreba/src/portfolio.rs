//! Which method when.
//!
//! Plain problems (every item one rectangle, none fixed) are peeled to their
//! hard core, the core is split into components, and dives search each towards
//! the lower bound; the peeled go back by first fit. Other problems are packed
//! by first fit and best fit in many orders, and squeezed.

use std::time::Instant;

use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::batch::{self, Control};
use crate::cut::Cut;
use crate::descend::Component;
use crate::fit::{Fit, Taken};
use crate::item::Items;
use crate::options::{Improvement, Options, Progress};
use crate::orders::{self, Order};
use crate::pack::{self, Packing};
use crate::peel;
use crate::solution::Stop;

/// What came out.
pub(crate) struct Outcome {
    pub(crate) packing: Packing,
    pub(crate) method: &'static str,
    pub(crate) evaluations: u64,
    pub(crate) stop: Stop,
}

/// Runs the portfolio. `items` must not be empty.
pub(crate) fn run(
    items: &Items,
    lower_bound: u64,
    load: u64,
    options: &Options,
    deadline: Option<Instant>,
    progress: &mut dyn Progress,
) -> Outcome {
    let control = Control::new(progress, deadline);
    let mut search = Search {
        items,
        lower_bound,
        load,
        options,
        control,
        taken: Taken::new(items.sections(), items.grid().start),
        evaluations: 0,
        best: None,
    };
    let capacity = lower_bound;
    let peeled = peel::peel(items, capacity);
    let stop = match Cut::new(items, &peeled.core) {
        Some(cut) => search.by_dives(&peeled, &cut),
        None => search.by_orders(),
    };
    let Search {
        best, evaluations, ..
    } = search;
    let (packing, method) = best.expect("both ways leave a packing");
    Outcome {
        packing,
        method,
        evaluations,
        stop,
    }
}

struct Search<'a> {
    items: &'a Items,
    lower_bound: u64,
    load: u64,
    options: &'a Options,
    control: Control<'a>,
    taken: Taken,
    evaluations: u64,
    best: Option<(Packing, &'static str)>,
}

impl Search<'_> {
    fn makespan(&self) -> u64 {
        self.best
            .as_ref()
            .map_or(u64::MAX, |(packing, _)| packing.makespan)
    }

    fn keep(&mut self, packing: Packing, method: &'static str) {
        if packing.makespan >= self.makespan() {
            return;
        }
        let improvement = Improvement {
            makespan: packing.makespan,
            lower_bound: self.lower_bound,
            load: self.load,
            method,
        };
        self.best = Some((packing, method));
        self.control.progress().improved(&improvement);
    }

    /// Why the search ends here, if it does.
    fn ending(&mut self) -> Option<Stop> {
        let good_enough = |makespan: u64| {
            self.options
                .max_fragmentation
                .is_some_and(|fraction| makespan as f64 <= self.load as f64 * (1.0 + fraction))
        };
        if self.makespan() <= self.lower_bound {
            return Some(Stop::LowerBound);
        }
        if self.best.is_some() && good_enough(self.makespan()) {
            return Some(Stop::GoodEnough);
        }
        if self
            .options
            .iterations
            .is_some_and(|iterations| self.evaluations >= iterations)
        {
            return Some(Stop::Iterations);
        }
        if self.control.should_stop() {
            return Some(if self.control.interrupted() {
                Stop::Interrupted
            } else {
                Stop::Timeout
            });
        }
        None
    }

    /// Dives into the components of the core until all meet the bound.
    fn by_dives(&mut self, peeled: &peel::Peeled, cut: &Cut) -> Stop {
        let grid = self.items.grid();
        let target = (self.lower_bound - grid.lowest).div_ceil(grid.unit) as i64;
        let mut components: Vec<Component> = cut
            .components()
            .into_iter()
            .enumerate()
            .map(|(index, (cut, members))| {
                let members = members
                    .iter()
                    .map(|&job| peeled.core[job as usize])
                    .collect();
                let seed = self.options.seed ^ (index as u64) << 32;
                Component::new(cut, members, target, seed)
            })
            .collect();
        loop {
            // The worst first; of equal ones the first. Without any left the
            // core meets the bound.
            let worst = (0..components.len())
                .filter(|&index| !components[index].is_done())
                .max_by_key(|&index| (components[index].top(), std::cmp::Reverse(index)));
            let placed_all = components.iter().all(|component| component.best.is_some());
            if placed_all && (worst.is_none() || self.improves(&components)) {
                self.assemble(peeled, &components);
            }
            if let Some(stop) = self.ending() {
                if self.best.is_none() {
                    self.fall_back();
                }
                return stop;
            }
            let Some(worst) = worst else {
                return Stop::Exhausted;
            };
            let component = &mut components[worst];
            let tasks = component.plan();
            let shared = &*component;
            let found = batch::run(
                &tasks,
                self.options.threads.get(),
                &mut self.control,
                |task, stop| shared.perform(task, stop),
                |found| found.top() <= shared.target,
            );
            self.evaluations += found
                .iter()
                .map(|found| found.as_ref().map_or(1, |found| found.dives()))
                .sum::<u64>();
            component.merge(found);
        }
    }

    /// Whether the components' best would make a better makespan than is held.
    fn improves(&self, components: &[Component]) -> bool {
        let top = components.iter().map(Component::top).max().unwrap_or(0);
        self.items.grid().offset(top.max(0) as u64) < self.makespan()
    }

    /// Puts the components' best and the peeled together.
    fn assemble(&mut self, peeled: &peel::Peeled, components: &[Component]) {
        let items = self.items;
        self.taken.clear();
        let mut packing = Packing {
            positions: vec![0; items.len()],
            makespan: 0,
        };
        for component in components {
            let Some(best) = &component.best else {
                continue;
            };
            // From the bottom up ranges mostly touch, and merge at once.
            for &job in &best.order {
                let (item, at) = (
                    component.members[job as usize],
                    best.positions[job as usize] as u64,
                );
                packing.positions[item as usize] = at;
                packing.makespan = packing
                    .makespan
                    .max(items.grid().height(at, items.item(item)));
                self.taken.take(items, item, at);
            }
        }
        let order: Vec<u32> = peeled.peeled.iter().rev().copied().collect();
        let whole = pack::extend(
            items,
            &order,
            Fit::First,
            &mut self.taken,
            u64::MAX,
            &mut packing,
            &mut || false,
        );
        debug_assert!(whole, "without a limit every item fits");
        self.keep(packing, "dive");
    }

    /// One first fit that nothing interrupts: any budget gives a placement.
    fn fall_back(&mut self) {
        let order = Order::Size.of(self.items);
        let packing = pack::in_order(
            self.items,
            &order,
            Fit::First,
            &mut self.taken,
            u64::MAX,
            &mut || false,
        );
        let packing = packing.expect("the gate leaves room for every job below 2^64");
        self.keep(packing, "size, first fit");
    }

    /// First fit and best fit in many orders, each new best squeezed.
    fn by_orders(&mut self) -> Stop {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.options.seed);
        let mut plan = orders::Plan::new();
        loop {
            if let Some(stop) = self.ending() {
                if self.best.is_none() {
                    self.fall_back();
                }
                return stop;
            }
            let tasks = plan.next(&mut random);
            let (items, limit) = (self.items, self.makespan());
            let bound = self.lower_bound;
            let packings = batch::run(
                &tasks,
                self.options.threads.get(),
                &mut self.control,
                |task, stop| {
                    let mut taken = Taken::new(items.sections(), items.grid().start);
                    let order = task.order.of(items);
                    let mut packing =
                        pack::in_order(items, &order, task.fit, &mut taken, limit, stop)?;
                    if packing.makespan > bound {
                        pack::squeeze(items, &mut packing, &mut taken, stop);
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
        }
    }
}
