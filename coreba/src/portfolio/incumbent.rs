//! The incumbent: the best that is known, what is proved, and what is aimed at.
//!
//! *Capacity* is what the caller asks for, *bound* what is proved, *target* what
//! the searchers aim at: the larger of the two. All in bytes.

use super::assemble::Assembler;
use super::batch::Crew;
use super::turn::{Found, Turn};
use crate::fit::Packing;
use crate::instance::Items;
use crate::instance::peel::Peeled;
use crate::options::{Improvement, Options};
use crate::solution::{FoundBy, Stop};

/// The best placement of one component of the core.
struct Component {
    placed: Vec<(u32, u64)>,
    /// In bytes.
    makespan: u64,
    by: FoundBy,
}

/// What is known so far.
pub(crate) struct Incumbent<'a> {
    items: &'a Items,
    options: &'a Options,
    load: u64,
    bound: u64,
    best: Option<(Packing, FoundBy)>,
    /// The best that was packed in an order.
    in_order: Option<Packing>,
    /// The best of each component of the core.
    components: Vec<Option<Component>>,
    assembler: Assembler<'a>,
    evaluations: u64,
    nodes: u64,
    /// What an allocator would need in bytes, once that is known.
    pub(super) baseline: Option<u64>,
}

impl<'a> Incumbent<'a> {
    /// Nothing is known but the bound.
    pub(crate) fn new(items: &'a Items, bound: u64, load: u64, options: &'a Options) -> Self {
        Incumbent {
            items,
            options,
            load,
            bound,
            best: None,
            in_order: None,
            components: Vec::new(),
            assembler: Assembler::new(items),
            evaluations: 0,
            nodes: 0,
            baseline: None,
        }
    }

    /// From here on components of the core that peeling left may be found.
    pub(crate) fn expect_components(&mut self, count: usize, peeled: &'a Peeled, capacity: u64) {
        self.components = (0..count).map(|_| None).collect();
        self.assembler.expect(peeled, capacity);
    }

    pub(crate) fn items(&self) -> &'a Items {
        self.items
    }

    pub(crate) fn options(&self) -> &'a Options {
        self.options
    }

    /// The best makespan; `u64::MAX` without any.
    pub(crate) fn makespan(&self) -> u64 {
        let best = self.best.as_ref();
        best.map_or(u64::MAX, |(packing, _)| packing.makespan)
    }

    pub(crate) fn bound(&self) -> u64 {
        self.bound
    }

    /// The makespan that is enough.
    pub(crate) fn target(&self) -> u64 {
        self.options.capacity.unwrap_or(0).max(self.bound)
    }

    pub(crate) fn best(&self) -> Option<(&Packing, FoundBy)> {
        self.best.as_ref().map(|(packing, by)| (packing, *by))
    }

    /// The best that was packed in an order, if any.
    pub(crate) fn best_in_order(&self) -> Option<&Packing> {
        self.in_order.as_ref()
    }

    /// How far a makespan is above the bound.
    pub(crate) fn above(&self, makespan: u64) -> u64 {
        makespan.saturating_sub(self.bound)
    }

    /// The makespan of a component's best; `u64::MAX` without any.
    pub(crate) fn makespan_of(&self, component: usize) -> u64 {
        let best = self.components.get(component).and_then(Option::as_ref);
        best.map_or(u64::MAX, |best| best.makespan)
    }

    /// Gives out the best, the bound, and the evaluations and nodes it took.
    pub(crate) fn into_parts(self) -> (Option<(Packing, FoundBy)>, u64, u64, u64) {
        (self.best, self.bound, self.evaluations, self.nodes)
    }

    /// Takes in what a turn gave.
    pub(crate) fn take(&mut self, turn: Turn, crew: &mut Crew<'_>) {
        self.evaluations += turn.evaluations;
        self.nodes += turn.nodes;
        self.bound = self.bound.max(turn.bound);
        for (found, by) in turn.found {
            self.keep(found, by, crew);
        }
    }

    /// Keeps what was found where it is better than what is known.
    pub(crate) fn keep(&mut self, found: Found, by: FoundBy, crew: &mut Crew<'_>) {
        match found {
            Found::Whole(packing) => self.keep_whole(packing, by, crew),
            Found::Core(placed) => self.keep_core(placed, by, crew),
            Found::Component(index, placed) => {
                let makespan = self.end(&placed);
                if makespan < self.makespan_of(index) {
                    self.components[index] = Some(Component {
                        placed,
                        makespan,
                        by,
                    });
                    self.join_components(crew);
                }
            }
        }
    }

    fn keep_whole(&mut self, packing: Packing, by: FoundBy, crew: &mut Crew<'_>) {
        let in_order = self.in_order.as_ref();
        if matches!(by, FoundBy::Order(..))
            && in_order.is_none_or(|best| packing.makespan < best.makespan)
        {
            self.in_order = Some(packing.clone());
        }
        if packing.makespan >= self.makespan() {
            return;
        }
        let improvement = Improvement {
            makespan: packing.makespan,
            lower_bound: self.bound,
            load: self.load,
            found_by: by,
            evaluations: self.evaluations,
        };
        self.best = Some((packing, by));
        crew.progress().improved(&improvement);
    }

    /// Puts the components' best together, once each has one.
    fn join_components(&mut self, crew: &mut Crew<'_>) {
        let makespans = (0..self.components.len()).map(|index| self.makespan_of(index));
        if makespans.max().unwrap_or(u64::MAX) >= self.makespan() {
            return;
        }
        let all = self.components.iter().flatten();
        let is_exact = all.clone().any(|best| best.by == FoundBy::Exact);
        let by = if is_exact {
            FoundBy::Exact
        } else {
            FoundBy::Dive
        };
        let placed = all.flat_map(|best| best.placed.iter().copied()).collect();
        self.keep_core(placed, by, crew);
    }

    fn keep_core(&mut self, placed: Vec<(u32, u64)>, by: FoundBy, crew: &mut Crew<'_>) {
        if self.end(&placed) < self.makespan() {
            let packing = self.assembler.assemble(placed, crew.threads());
            self.keep_whole(packing, by, crew);
        }
    }

    /// The highest end in bytes of some placed items.
    fn end(&self, placed: &[(u32, u64)]) -> u64 {
        let grid = self.items.grid();
        let ends = placed
            .iter()
            .map(|&(item, at)| grid.end(at, self.items.item(item)));
        ends.max().unwrap_or(0)
    }

    /// Why the search ends here, if it does.
    pub(crate) fn ending(&mut self, crew: &mut Crew<'_>) -> Option<Stop> {
        crew.progress().evaluated(self.evaluations);
        let (makespan, options) = (self.makespan(), self.options);
        let is_good_enough = |fraction| makespan as f64 <= self.load as f64 * (1.0 + fraction);
        if makespan <= self.bound {
            return Some(Stop::LowerBound);
        }
        if let Some(capacity) = options.capacity {
            if makespan <= capacity {
                return Some(Stop::CapacityMet);
            }
            if self.bound > capacity {
                return Some(Stop::Infeasible);
            }
        }
        if self.best.is_some() && options.max_fragmentation.is_some_and(is_good_enough) {
            return Some(Stop::GoodEnough);
        }
        let is_spent = |iterations| self.evaluations >= iterations;
        if options.iterations.is_some_and(is_spent) {
            return Some(Stop::Iterations);
        }
        match crew.should_stop() {
            true if crew.interrupted() => Some(Stop::Interrupted),
            true => Some(Stop::Timeout),
            false => None,
        }
    }
}
