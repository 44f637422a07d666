//! Which method when.
//!
//! Plain problems (every item one rectangle, none fixed) are peeled to their
//! hard core, the core is split into components, and dives search each towards
//! the lower bound, in turn with the exact search on those that are small
//! enough; the peeled go back by next fit. Packing in orders and ejection
//! search take turns beside them, the oftener the more they improve (see
//! [`turns`]). Other problems are packed by first fit and best fit in many
//! orders, and squeezed; few items in turn with an exact search.
//!
//! Where an exact search proves that nothing is within a capacity, the lower
//! bound rises, and with it what all aim at.

mod assemble;
pub(crate) mod batch;
mod boxing;
mod by_orders;
mod turns;

use std::time::Instant;

use crate::dive::Component;
use crate::exact::{Few, Prover};
use crate::fit::Packing;
use crate::fit::Taken;
use crate::instance::Items;
use crate::instance::Orientation;
use crate::instance::Subproblem;
use crate::instance::peel;
use crate::options::{Improvement, Method, Options, Progress};
use crate::solution::Stop;
use batch::Control;

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
    let mut search = Search::new(items, lower_bound, load, options, control);
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
    /// The makespan that an allocator would need, once it is known.
    allocator: u64,
}

impl<'a> Search<'a> {
    fn new(
        items: &'a Items,
        lower_bound: u64,
        load: u64,
        options: &'a Options,
        control: Control<'a>,
    ) -> Self {
        Search {
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
            allocator: u64::MAX,
        }
    }

    fn run(&mut self) -> Stop {
        self.warm_start();
        if let Some(stop) = self.ending() {
            // Nothing is within the capacity, or there is no time.
            self.fall_back();
            return stop;
        }
        let peeled = peel::peel(self.items, self.aim, self.options.threads.get());
        let stop = match Subproblem::new(self.items, &peeled.core) {
            _ if self.options.method == Method::Boxing => self.by_boxing(&peeled),
            Some(subproblem) if self.options.method != Method::Fit => {
                self.by_dives(&peeled, subproblem)
            }
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
    fn by_dives(&mut self, peeled: &peel::Peeled, subproblem: Subproblem) -> Stop {
        let mut target = self.units(self.aim);
        let mut prover = self.prover(&peeled.core, &subproblem);
        let orientation = Orientation::new(self.items, &peeled.core, subproblem, self.aim, target);
        let is_upright = orientation.ceiling.is_none();
        let mut components = self.components(&orientation, target);
        let (mut dives, mut proofs) = (0, 0);
        let (mut turns, mut work) = (None, 0);
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
                self.assemble_dives(peeled, &components, &orientation);
            }
            if prover.makespan() < self.makespan() {
                self.assemble_parts(peeled, &prover);
            }
            if let Some(stop) = self.ending() {
                return stop;
            }
            if placed_all && self.options.method == Method::Auto {
                let turns = turns.get_or_insert_with(|| self.turns());
                turns.earn(std::mem::take(&mut work));
                if self.take_turn(turns) {
                    continue;
                }
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
            let (done, cost) = self.dive(component);
            dives += done;
            work += cost;
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

    fn components(&self, orientation: &Orientation, target: i64) -> Vec<Component> {
        let parts = orientation.subproblem.components().into_iter().enumerate();
        parts
            .map(|(index, (subproblem, members))| {
                let members = members
                    .iter()
                    .map(|&job| orientation.members[job as usize])
                    .collect();
                let seed = self.options.seed ^ (index as u64) << 32;
                Component::new(subproblem, members, target, seed)
            })
            .collect()
    }

    fn prover(&self, core: &[u32], upright: &Subproblem) -> Prover<'a> {
        let components = if upright.len() <= LARGEST_CORE {
            upright.components()
        } else {
            Vec::new()
        };
        let components = components.into_iter().map(|(subproblem, members)| {
            let items = members.iter().map(|&job| core[job as usize]).collect();
            (subproblem, items)
        });
        Prover::new(self.items, components, self.lower_bound, self.options)
    }

    /// A generation of dives into a component; returns how many, and their work
    /// in jobs placed.
    fn dive(&mut self, component: &mut Component) -> (u64, u64) {
        let tasks = component.plan();
        let work = tasks.iter().map(|task| component.cost(task)).sum();
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
        (dives, work)
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
}
