//! Searching one component of the core: dives by many rules, tails of the
//! best dive done again, in several *views*.
//!
//! A view is the component itself, or the component glued into chains (see
//! [`Chains`]) in one of many ways. Whole dives explore; a *tail* keeps the
//! first jobs of the best dive and does the rest again, for a fraction of the
//! cost, and may glue what is left within the slack that is left. Equal
//! makespans are accepted where they pass the target in fewer sections, or by
//! less, so the search drifts over plateaus. A *beam* carries several dives on
//! side by side and drops those that begin badly.
//!
//! What pays differs from instance to instance and is learned: rules and
//! gluings near those that did best are drawn more often, views with the better
//! makespans get more of the work, and the worst view gives way to a new one
//! that does better. Tasks are planned a generation at a time from what the generations before found, and
//! every task's randomness is its own, so the sequence of work depends on the
//! seed alone.

mod beam;
mod gluings;
mod plan;
mod view;

use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::chains::{Chains, Gluing};
use super::diver::{Diver, Settings};
use super::partial::PartialPacking;
use crate::dive::rule::DiveRule;
use crate::heuristics::{Heuristic, Without};
use crate::instance;
use crate::options::Options;
use view::{View, Work};

/// Views at a time.
const VIEWS: usize = 5;

/// How often a dive may be taken back.
const REWINDS: usize = 200;

/// What to do next, and in which view.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    view: usize,
    seed: u64,
    work: Work,
}

/// What a task found.
pub(crate) struct Found {
    view: usize,
    partial: PartialPacking,
    rule: DiveRule,
    dives: u64,
    /// The view, where it is new.
    fresh: Option<View>,
}

/// What some rules came to: the best partial, its rule, and how many dives.
type Tried = Option<(PartialPacking, DiveRule, u64)>;

impl Found {
    /// Dives that the task took.
    pub(crate) fn dives(&self) -> u64 {
        self.dives
    }

    pub(crate) fn top(&self) -> i64 {
        self.partial.top
    }
}

/// A component of the core, and the best that is known of it.
pub(crate) struct Component {
    /// The first is the component itself.
    views: Vec<View>,
    /// Which item each job is.
    pub(crate) members: Vec<u32>,
    /// The makespan in units to be met.
    pub(crate) target: i64,
    best: Option<PartialPacking>,
    generation: u64,
    seed: u64,
    without: Without,
}

impl Component {
    /// The component of this number.
    pub(crate) fn new(
        component: instance::Component,
        target: i64,
        options: &Options,
        number: u64,
    ) -> Component {
        Component {
            views: vec![View::new(component.subproblem, None, options.without)],
            members: component.items,
            target,
            best: None,
            generation: 0,
            seed: options.seed ^ number << 32,
            without: options.without,
        }
    }

    /// The best dive, by the component's own jobs.
    pub(crate) fn best(&self) -> Option<&PartialPacking> {
        self.best.as_ref()
    }

    /// The makespan in units of the best dive.
    pub(crate) fn top(&self) -> i64 {
        self.best.as_ref().map_or(i64::MAX, |best| best.top)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.top() <= self.target
    }

    /// Views by their makespans, the best first.
    fn ranking(&self) -> Vec<usize> {
        let mut ranking: Vec<usize> = (0..self.views.len()).collect();
        // Of equal ones the one with fewer jobs costs less.
        ranking.sort_by_key(|&view| {
            (
                self.views[view].top(),
                self.views[view].subproblem.len(),
                view,
            )
        });
        ranking
    }

    /// About what a task costs, in jobs placed.
    pub(crate) fn cost(&self, task: &Task) -> u64 {
        let jobs = self.views[task.view].subproblem.len();
        let cost = match &task.work {
            Work::Dives(rules) => rules.len() * jobs,
            Work::Fresh { rules, .. } => (1 + rules.len()) * jobs,
            Work::Beam { width, .. } => width * width * jobs,
            Work::Tail { from, rules, .. } => jobs / 4 + rules.len() * (jobs - from),
        };
        cost as u64
    }

    /// Does one task.
    pub(crate) fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<Found> {
        let view = &self.views[task.view];
        let mut random = Xoshiro256PlusPlus::seed_from_u64(task.seed);
        let mut fresh = None;
        let (partial, rule, dives) = match &task.work {
            Work::Dives(rules) => self.dive(view, rules, view.top(), &mut random, stop)?,
            Work::Fresh { gluing, rules } => {
                let (subproblem, chains) =
                    Chains::new(&view.subproblem, gluing, self.target, &mut random);
                if subproblem.len() * 50 > view.subproblem.len() * 49 {
                    return None;
                }
                let glued = fresh.insert(View::new(
                    Arc::new(subproblem),
                    Some((chains, *gluing)),
                    self.without,
                ));
                self.dive(glued, rules, self.enough(), &mut random, stop)?
            }
            Work::Beam { rules, width } => self.beam(view, rules, *width, &mut random, stop)?,
            Work::Tail {
                from,
                rules,
                gluing,
            } => self.redo_tail(view, *from, rules, *gluing, &mut random, stop)?,
        };
        Some(Found {
            view: task.view,
            partial,
            rule,
            dives,
            fresh,
        })
    }

    /// The makespan in units up to which a new view is worth keeping.
    fn enough(&self) -> i64 {
        if self.views.len() < VIEWS {
            return i64::MAX;
        }
        self.views.iter().map(View::top).max().unwrap_or(i64::MAX)
    }

    /// See [`Work::Dives`].
    fn dive(
        &self,
        view: &View,
        rules: &[DiveRule],
        limit: i64,
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Tried {
        let lock = || {
            view.divers
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let pooled = lock().pop();
        let mut diver = pooled.unwrap_or_else(|| Diver::new(&view.subproblem));
        let may_rewind =
            self.without.keeps(Heuristic::Rewind) && Diver::may_rewind(&view.subproblem);
        let tried = self.try_each(rules, limit, stop, |rule, limit, stop| {
            let ranks = rule.ranks(&view.subproblem, random);
            let mut settings = self.settings(rule, limit);
            if may_rewind && limit < i64::MAX && random.random_bool(0.5) {
                // A goal well below the best tells early where to go back.
                let share = random.random_range(0.5..1.0f64);
                settings.limit = self.target + ((limit - self.target) as f64 * share) as i64;
                diver.dive_back(&view.subproblem, &ranks, &settings, REWINDS, stop)
            } else {
                diver.dive(&view.subproblem, &ranks, &settings, stop)
            }
        });
        lock().push(diver);
        tried
    }

    /// Dives by some rules, each to end below those before.
    fn try_each(
        &self,
        rules: &[DiveRule],
        mut limit: i64,
        stop: &mut dyn FnMut() -> bool,
        mut dive: impl FnMut(&DiveRule, i64, &mut dyn FnMut() -> bool) -> Option<PartialPacking>,
    ) -> Tried {
        let mut found: Option<(PartialPacking, DiveRule)> = None;
        let mut dives = 0;
        for rule in rules {
            dives += 1;
            if let Some(partial) = dive(rule, limit, stop) {
                limit = partial.top - 1;
                let done = partial.top <= self.target;
                found = Some((partial, *rule));
                if done {
                    break;
                }
            }
            if stop() {
                break;
            }
        }
        found.map(|(partial, rule)| (partial, rule, dives))
    }

    /// See [`Work::Tail`].
    fn redo_tail(
        &self,
        view: &View,
        from: usize,
        rules: &[DiveRule],
        gluing: Option<Gluing>,
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Tried {
        let best = view.best.as_ref()?;
        let (subproblem, members) = best.tail(&view.subproblem, from);
        if subproblem.ground >= best.top {
            // What stays is as high as the whole: nothing to win.
            return None;
        }
        let left = subproblem.len();
        let (subproblem, chains) = match gluing {
            Some(gluing) => {
                let (subproblem, chains) = Chains::new(&subproblem, &gluing, self.target, random);
                (subproblem, Some(chains))
            }
            None => (subproblem, None),
        };
        let mut diver = Diver::new(&subproblem);
        let tried = self.try_each(rules, best.top, stop, |rule, limit, stop| {
            let ranks = rule.ranks(&subproblem, random);
            diver.dive(&subproblem, &ranks, &self.settings(rule, limit), stop)
        });
        let (tail, rule, dives) = tried?;
        let tail = match chains {
            Some(chains) => chains.apart(&tail, left),
            None => tail,
        };
        let mut partial = best.clone();
        partial.order.truncate(from);
        partial.top = tail.top;
        partial.extend(&tail, &members);
        Some((partial, rule, dives))
    }

    fn settings(&self, rule: &DiveRule, limit: i64) -> Settings {
        let keeps = |heuristic| self.without.keeps(heuristic);
        let threshold = (rule.threshold * self.target as f32) as i64;
        Settings {
            // No slack is below the least number.
            threshold: if keeps(Heuristic::SlackRule) {
                threshold
            } else {
                i64::MIN
            },
            lookahead: if keeps(Heuristic::Lookahead) {
                usize::from(rule.lookahead)
            } else {
                1
            },
            target: self.target,
            limit,
            jobs: usize::MAX,
        }
    }

    /// Takes what a generation found, in the order of its tasks.
    pub(crate) fn merge(&mut self, found: Vec<Option<Found>>) {
        // New views come last: they may take the places of others.
        let (fresh, known): (Vec<Found>, Vec<Found>) = found
            .into_iter()
            .flatten()
            .partition(|found| found.fresh.is_some());
        for Found {
            view,
            partial,
            rule,
            fresh,
            ..
        } in known.into_iter().chain(fresh)
        {
            let place = match fresh {
                None => Some(view),
                Some(view) => self.take_in(view, partial.top),
            };
            let Some(place) = place else { continue };
            self.views[place].keep(partial, rule, self.target);
        }
        let Some(&best) = self.ranking().first() else {
            return;
        };
        if self.views[best].top() < self.top() {
            let jobs = self.views[0].subproblem.len();
            let view = &self.views[best];
            self.best = match (&view.chains, &view.best) {
                (Some(chains), Some(partial)) => Some(chains.apart(partial, jobs)),
                (_, partial) => partial.clone(),
            };
            if best > 0 {
                // Apart again, the jobs can use what the chains' gaps waste.
                self.views[0].best.clone_from(&self.best);
                self.views[0].excess = i128::MAX;
            }
        }
    }

    /// Takes in a new view, whose best dive is `top` units high; where there are
    /// many, in the place of the worst glued one, if it does better. Returns
    /// which it is.
    fn take_in(&mut self, view: View, top: i64) -> Option<usize> {
        if self.views.len() >= VIEWS {
            let worst = self.ranking().into_iter().rev().find(|&view| view > 0)?;
            if self.views[worst].top() <= top {
                return None;
            }
            self.views.remove(worst);
        }
        self.views.push(view);
        Some(self.views.len() - 1)
    }
}
