//! Which method when.
//!
//! Plain problems (every item one rectangle, none fixed) are peeled to their
//! hard core, the core is split into components, and dives search each towards
//! the lower bound, in turn with the exact search on those that are small
//! enough; the peeled go back by first fit. Other problems are packed by first
//! fit and best fit in many orders, and squeezed; few items in turn with an
//! exact search.
//!
//! Where an exact search proves that nothing is within a capacity, the lower
//! bound rises, and with it what all aim at.

mod boxing;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::batch::{self, Control};
use crate::cut::Cut;
use crate::descend::Component;
use crate::exact::{Few, Prover};
use crate::fit::{Finder, Fit, Taken};
use crate::item::Items;
use crate::online;
use crate::options::{Improvement, Method, Options, Progress};
use crate::orders::{self, Order};
use crate::pack::{self, Packing};
use crate::peel;
use crate::solution::Stop;
use crate::upside::{Skyline, Upside};
use boxing::Member;

/// What came out.
pub(crate) struct Outcome {
    pub(crate) packing: Packing,
    /// The best proved bound in bytes: at least the one given.
    pub(crate) lower_bound: u64,
    pub(crate) method: &'static str,
    pub(crate) evaluations: u64,
    /// Decisions of the exact search.
    pub(crate) nodes: u64,
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
        aim: options.capacity.unwrap_or(0).max(lower_bound),
        load,
        options,
        control,
        taken: Taken::new(items),
        evaluations: 0,
        nodes: 0,
        best: None,
        fell_back: false,
    };
    let stop = search.run();
    let Search {
        best,
        evaluations,
        nodes,
        lower_bound,
        ..
    } = search;
    let (packing, method) = best.expect("both ways leave a packing");
    Outcome {
        packing,
        lower_bound,
        method,
        evaluations,
        nodes,
        stop,
    }
}

/// Dives before the exact search begins.
const FIRST_DIVES: u64 = 6;

/// Jobs of the largest core in which components for the exact search are looked
/// for.
const LARGEST_CORE: usize = 50_000;

/// Dives that take as long as one node a job.
const NODE_DIVES: u64 = 2;

struct Search<'a> {
    items: &'a Items,
    lower_bound: u64,
    /// What the first goal was: the bound, or the capacity asked for.
    aim: u64,
    load: u64,
    options: &'a Options,
    control: Control<'a>,
    taken: Taken,
    evaluations: u64,
    /// Decisions of the exact search.
    nodes: u64,
    best: Option<(Packing, &'static str)>,
    /// Whether the placement of [`Search::fall_back`] was made.
    fell_back: bool,
}

impl<'a> Search<'a> {
    fn run(&mut self) -> Stop {
        self.warm_start();
        if let Some(stop) = self.ending() {
            // Nothing is within the capacity, or there is no time.
            self.fall_back();
            return stop;
        }
        let peeled = peel::peel(self.items, self.aim);
        let stop = match Cut::new(self.items, &peeled.core) {
            _ if self.options.method == Method::Boxing => self.by_boxing(&peeled),
            Some(cut) if self.options.method != Method::Fit => self.by_dives(&peeled, cut),
            _ => self.by_orders(&peeled),
        };
        if self.makespan() > self.lower_bound {
            // More work is never to end worse than less did.
            self.fall_back();
        }
        stop
    }

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
            evaluations: self.evaluations,
        };
        self.best = Some((packing, method));
        self.control.progress().improved(&improvement);
    }

    /// Why the search ends here, if it does.
    fn ending(&mut self) -> Option<Stop> {
        let evaluations = self.evaluations;
        self.control.progress().evaluated(evaluations);
        let good_enough = |makespan: u64| {
            self.options
                .max_fragmentation
                .is_some_and(|fraction| makespan as f64 <= self.load as f64 * (1.0 + fraction))
        };
        if self.makespan() <= self.lower_bound {
            return Some(Stop::LowerBound);
        }
        if let Some(capacity) = self.options.capacity {
            if self.makespan() <= capacity {
                return Some(Stop::CapacityMet);
            }
            if self.lower_bound > capacity {
                return Some(Stop::Infeasible);
            }
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

    /// Dives into the components of the core and the exact search, by turns,
    /// until all meet the bound.
    fn by_dives(&mut self, peeled: &peel::Peeled, cut: Cut) -> Stop {
        let mut target = self.units(self.aim);
        let mut prover = self.prover(&peeled.core, &cut);
        let upside = Upside::new(self.items, &peeled.core, cut, self.aim, target);
        let is_upright = upside.ceiling.is_none();
        let mut components = self.components(&upside, target);
        let (mut dives, mut proofs) = (0, 0);
        // Where alignments differ, the orders of pairs say more than valleys.
        let mut few = (self.options.method != Method::Dive && self.items.is_mixed())
            .then(|| Few::new(self.items, self.lower_bound, self.options))
            .flatten();
        loop {
            // The worst first; of equal ones the first. Without any left the
            // core meets the bound.
            let worst = (0..components.len())
                .filter(|&index| !components[index].is_done())
                .max_by_key(|&index| (components[index].top(), std::cmp::Reverse(index)));
            let placed_all = components
                .iter()
                .all(|component| component.best().is_some());
            if placed_all && (worst.is_none() || self.improves(&components)) {
                self.assemble_dives(peeled, &components, &upside);
            }
            if prover.height() < self.makespan() {
                self.assemble_parts(peeled, &prover);
            }
            if let Some(stop) = self.ending() {
                return stop;
            }
            let is_turn = match self.options.method {
                Method::Dive => worst.is_none(),
                Method::Exact => true,
                _ => worst.is_none() || placed_all && dives >= FIRST_DIVES && proofs <= dives,
            };
            if is_turn {
                let mut work = self.prove(&mut prover);
                if let Some(few) = &mut few
                    && self.makespan() > self.lower_bound
                {
                    self.order_pairs(few);
                    work = work.or(Some(0));
                }
                if self.lower_bound > self.aim && is_upright && self.options.capacity.is_none() {
                    target = target.max(self.units(self.lower_bound));
                    for component in &mut components {
                        component.target = target;
                    }
                }
                if let Some(work) = work {
                    proofs += NODE_DIVES * work;
                    continue;
                }
            }
            let Some(worst) = worst.filter(|_| self.options.method != Method::Exact) else {
                return Stop::Exhausted;
            };
            let component = &mut components[worst];
            let done = self.dive(component);
            dives += done;
            if dives == done && !component.is_done() {
                // Hard: what an allocator would do is soon known, and at times
                // better than many dives.
                self.fall_back();
            }
            if is_upright && let Some(best) = component.best() {
                let placed = best.order.iter();
                let placed = placed.map(|&job| (job, best.positions[job as usize]));
                prover.offer(worst, placed.collect());
            }
        }
    }

    /// A capacity in units, rounded up.
    fn units(&self, capacity: u64) -> i64 {
        let grid = self.items.grid();
        (capacity - grid.lowest).div_ceil(grid.unit) as i64
    }

    fn components(&self, upside: &Upside, target: i64) -> Vec<Component> {
        let parts = upside.cut.components().into_iter().enumerate();
        parts
            .map(|(index, (cut, members))| {
                let members = members
                    .iter()
                    .map(|&job| upside.members[job as usize])
                    .collect();
                let seed = self.options.seed ^ (index as u64) << 32;
                Component::new(cut, members, target, seed)
            })
            .collect()
    }

    fn prover(&self, core: &[u32], upright: &Cut) -> Prover<'a> {
        let components = if upright.len() <= LARGEST_CORE {
            upright.components()
        } else {
            Vec::new()
        };
        let components = components.into_iter().map(|(cut, members)| {
            let items = members.iter().map(|&job| core[job as usize]).collect();
            (cut, items)
        });
        Prover::new(self.items, components, self.lower_bound, self.options)
    }

    /// A generation of dives into a component; returns how many.
    fn dive(&mut self, component: &mut Component) -> u64 {
        let tasks = component.plan();
        let shared = &*component;
        let found = batch::run(
            &tasks,
            self.options.threads.get(),
            &mut self.control,
            |task, stop| shared.perform(task, stop),
            |found| found.top() <= shared.target,
        );
        let dives: u64 = found
            .iter()
            .map(|found| found.as_ref().map_or(1, |found| found.dives()))
            .sum();
        self.evaluations += dives;
        component.merge(found);
        dives
    }

    /// A round of the exact search; returns its nodes over the jobs, `None`
    /// where there is nothing for it to do.
    fn prove(&mut self, prover: &mut Prover<'_>) -> Option<u64> {
        prover.raise(self.lower_bound);
        let tasks = prover.plan(self.makespan());
        if prover.lower_bound() > self.lower_bound {
            // A job alone is above the goal.
            self.lower_bound = prover.lower_bound();
            return Some(0);
        }
        if tasks.is_empty() {
            return None;
        }
        let shared = &*prover;
        let found = batch::run(
            &tasks,
            self.options.threads.get(),
            &mut self.control,
            |task, stop| shared.perform(task, stop),
            |found| found.is_verdict(),
        );
        let runs = found.iter().flatten();
        self.nodes += runs.map(|found| found.nodes()).sum::<u64>();
        let work = prover.merge(&tasks, found, self.makespan()) + 1;
        self.evaluations += work;
        self.lower_bound = self.lower_bound.max(prover.lower_bound());
        Some(work)
    }

    /// Whether the components' best would make a better makespan than is held.
    fn improves(&self, components: &[Component]) -> bool {
        let top = components.iter().map(Component::top).max().unwrap_or(0);
        self.items.grid().offset(top.max(0) as u64) < self.makespan()
    }

    /// Puts the dives' best and the peeled together.
    fn assemble_dives(&mut self, peeled: &peel::Peeled, components: &[Component], upside: &Upside) {
        let items = self.items;
        let top = components.iter().map(Component::top).max().unwrap_or(0);
        let touching = upside.touching.iter().map(|&item| (item, 0));
        let placed = components.iter().flat_map(|component| {
            let best = component.best().into_iter();
            best.flat_map(|best| best.order.iter().map(move |&job| (job, best)))
                .map(|(job, best)| {
                    let item = component.members[job as usize];
                    (item, best.positions[job as usize])
                })
        });
        let upright = touching.chain(placed).map(|(item, at)| {
            let at = upside.upright(at, items.item(item).size as i64, top);
            (item, at)
        });
        self.assemble(peeled, upright, "dive");
    }

    /// Puts the best of the exact search and of the dives, component by
    /// component, and the peeled together.
    fn assemble_parts(&mut self, peeled: &peel::Peeled, prover: &Prover<'_>) {
        let method = if prover.is_exact() { "exact" } else { "dive" };
        self.assemble(peeled, prover.placed(), method);
    }

    /// Puts the core, where it lies, and the peeled together.
    fn assemble(
        &mut self,
        peeled: &peel::Peeled,
        placed: impl Iterator<Item = (u32, i64)>,
        method: &'static str,
    ) {
        let items = self.items;
        self.taken.clear();
        let mut packing = Packing {
            positions: vec![0; items.len()],
            makespan: 0,
        };
        let mut placed: Vec<(u64, u32)> = placed.map(|(item, at)| (at as u64, item)).collect();
        for &(at, item) in &placed {
            packing.positions[item as usize] = at;
            packing.makespan = packing
                .makespan
                .max(items.grid().height(at, items.item(item)));
        }
        if peeled.is_empty() {
            self.keep(packing, method);
            return;
        }
        // From the bottom up, every range is the last of its vector.
        placed.sort_unstable();
        for &(at, item) in &placed {
            self.taken.take(items, item, at);
        }
        // A peeled item fits somewhere below the capacity, whatever the others
        // do. Above the core's skyline there is most room, and least to search.
        let skyline = Skyline::new(items, &peeled.core, &packing.positions);
        let capacity = self.aim;
        let mut settle = |item: u32, at: u64| {
            packing.positions[item as usize] = at;
            packing.makespan = packing
                .makespan
                .max(items.grid().height(at, items.item(item)));
        };
        for &item in peeled.peeled.iter().rev() {
            let above = skyline.above(items, item);
            let at = self.taken.find_from(items, item, above, capacity);
            let at = at.expect("the claim of peeling: an item that was peeled fits");
            self.taken.take(items, item, at);
            settle(item, at);
        }
        let room = self.taken.room();
        let next = AtomicUsize::new(0);
        let fill_zones = || {
            let (mut finder, mut placed) = (Finder::default(), Vec::new());
            while let Some(zone) = peeled.zones.get(next.fetch_add(1, Ordering::Relaxed)) {
                finder.clear();
                for &item in zone.iter().rev() {
                    let above = skyline.above(items, item);
                    let at = finder.find_from(room, items, item, above, capacity);
                    let at = at.expect("the claim of peeling: an item that was peeled fits");
                    finder.take_locally(items, item, at);
                    placed.push((item, at));
                }
            }
            placed
        };
        let threads = self.options.threads.get().min(1 + peeled.zones.len() / 16);
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(fill_zones)).collect();
            for (item, at) in fill_zones() {
                settle(item, at);
            }
            for other in others {
                let placed = other
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                for (item, at) in placed {
                    settle(item, at);
                }
            }
        });
        self.keep(packing, method);
    }

    /// Packs in the order of an earlier placement, new items last, the largest
    /// first; and, for comparison, as if there were none.
    fn warm_start(&mut self) {
        let Some(offsets) = &self.options.warm_start else {
            return;
        };
        let items = self.items;
        let earlier = items.of_jobs(offsets);
        let mut order = Order::Size.of(items);
        let fresh = order.clone();
        order.sort_by_key(|&item| earlier[item as usize].unwrap_or(u64::MAX));
        for (order, method) in [(order, "warm start"), (fresh, "size, first fit")] {
            let packing = pack::in_order(
                items,
                &order,
                Fit::First,
                &mut self.taken,
                u64::MAX,
                &mut || false,
            );
            let packing = packing.expect("the gate leaves room for every job below 2^64");
            self.keep(packing, method);
            if self.makespan() <= self.lower_bound {
                return;
            }
        }
    }

    /// A placement that nothing interrupts: any budget gives one.
    fn fall_back(&mut self) {
        if self.fell_back {
            return;
        }
        self.fell_back = true;
        if let Some(packing) = online::best_fit(self.items) {
            return self.keep(packing, "birth, online best fit");
        }
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

    /// First fit and best fit in many orders, each new best squeezed, and boxing
    /// now and then.
    fn by_orders(&mut self, peeled: &peel::Peeled) -> Stop {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.options.seed);
        let mut plan = orders::Plan::new();
        let mut few = Few::new(self.items, self.lower_bound, self.options);
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
    fn order_pairs(&mut self, few: &mut Few<'_>) {
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
            let makespan = heights.map(|(item, &at)| items.grid().height(at, item));
            let makespan = makespan.max().unwrap_or(0);
            let packing = Packing {
                positions,
                makespan,
            };
            self.keep(packing, "exact");
        }
    }
}
