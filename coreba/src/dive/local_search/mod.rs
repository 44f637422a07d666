//! Searching one component of the core: dives by many recipes, tails of the
//! best dive done again, in several *views*.
//!
//! A view is the component itself, or the component glued into chains (see
//! [`Chains`]) in one of many ways. Whole dives explore; a *tail* keeps the
//! first jobs of the best dive and does the rest again, for a fraction of the
//! cost, and may glue what is left within the slack that is left. Equal
//! makespans are accepted where they pass the target in fewer sections, or by
//! less, so the search drifts over plateaus. A *beam* carries several dives on
//! side by side and drops those that begin badly. A dive *in stages* places long
//! jobs as they are and glues anew what each stage leaves.
//!
//! What pays differs from instance to instance and is learned: recipes and
//! gluings near those that did best are drawn more often, views with the better
//! makespans get more of the work, and the worst view gives way to a new one
//! that does better. Tasks are planned a generation at a time from what the generations before found, and
//! every task's randomness is its own, so the sequence of work depends on the
//! seed alone.

mod beam;
mod gluings;
mod plan;
mod view;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::cut::Cut;
use crate::dive::{Chains, Descent, Diver, Gluing, Rules};
use crate::recipe::Recipe;
use view::{Stage, View, Work};

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
    descent: Descent,
    recipe: Recipe,
    dives: u64,
    /// The view, where it is new.
    fresh: Option<View>,
}

/// What some recipes came to: the best descent, its recipe, and how many dives.
type Tried = Option<(Descent, Recipe, u64)>;

impl Found {
    /// Dives that the task took.
    pub(crate) fn dives(&self) -> u64 {
        self.dives
    }

    pub(crate) fn top(&self) -> i64 {
        self.descent.top
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
    best: Option<Descent>,
    generation: u64,
    seed: u64,
}

impl Component {
    pub(crate) fn new(cut: Cut, members: Vec<u32>, target: i64, seed: u64) -> Component {
        let views = vec![View::new(cut, None)];
        Component {
            views,
            members,
            target,
            best: None,
            generation: 0,
            seed,
        }
    }

    /// The best dive, by the component's own jobs.
    pub(crate) fn best(&self) -> Option<&Descent> {
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
        ranking.sort_by_key(|&view| (self.views[view].top(), self.views[view].cut.len(), view));
        ranking
    }

    /// About what a task costs, in jobs placed.
    pub(crate) fn cost(&self, task: &Task) -> u64 {
        let jobs = self.views[task.view].cut.len();
        let cost = match &task.work {
            Work::Dives(recipes) => recipes.len() * jobs,
            Work::Fresh { recipes, .. } => (1 + recipes.len()) * jobs,
            Work::Staged(stages) => (1 + stages.len()) * jobs,
            Work::Beam { width, .. } => width * width * jobs,
            Work::Tail { from, recipes, .. } => jobs / 4 + recipes.len() * (jobs - from),
        };
        cost as u64
    }

    /// Does one task.
    pub(crate) fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<Found> {
        let view = &self.views[task.view];
        let mut random = Xoshiro256PlusPlus::seed_from_u64(task.seed);
        let mut fresh = None;
        let (descent, recipe, dives) = match &task.work {
            Work::Dives(recipes) => self.dive(view, recipes, view.top(), &mut random, stop)?,
            Work::Fresh { gluing, recipes } => {
                let (cut, chains) = Chains::new(&view.cut, gluing, self.target, &mut random);
                if cut.len() * 50 > view.cut.len() * 49 {
                    return None;
                }
                let glued = fresh.insert(View::new(cut, Some((chains, *gluing))));
                self.dive(glued, recipes, self.enough(), &mut random, stop)?
            }
            Work::Staged(stages) => {
                let descent = self.dive_in_stages(view, stages, &mut random, stop)?;
                (descent, stages[0].recipe, stages.len() as u64)
            }
            Work::Beam { recipes, width } => self.beam(view, recipes, *width, &mut random, stop)?,
            Work::Tail {
                from,
                recipes,
                gluing,
            } => self.redo_tail(view, *from, recipes, *gluing, &mut random, stop)?,
        };
        Some(Found {
            view: task.view,
            descent,
            recipe,
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
        recipes: &[Recipe],
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
        let mut diver = pooled.unwrap_or_else(|| Diver::new(&view.cut));
        let may_rewind = Diver::may_rewind(&view.cut);
        let tried = self.try_each(recipes, limit, stop, |recipe, limit, stop| {
            let ranks = recipe.ranks(&view.cut, random);
            let mut rules = self.rules(recipe, limit);
            if may_rewind && limit < i64::MAX && random.random_bool(0.5) {
                // A goal well below the best tells early where to go back.
                let share = random.random_range(0.5..1.0f64);
                rules.limit = self.target + ((limit - self.target) as f64 * share) as i64;
                diver.dive_back(&view.cut, &ranks, &rules, REWINDS, stop)
            } else {
                diver.dive(&view.cut, &ranks, &rules, stop)
            }
        });
        lock().push(diver);
        tried
    }

    /// Dives by some recipes, each to end below those before.
    fn try_each(
        &self,
        recipes: &[Recipe],
        mut limit: i64,
        stop: &mut dyn FnMut() -> bool,
        mut dive: impl FnMut(&Recipe, i64, &mut dyn FnMut() -> bool) -> Option<Descent>,
    ) -> Tried {
        let mut found: Option<(Descent, Recipe)> = None;
        let mut dives = 0;
        for recipe in recipes {
            dives += 1;
            if let Some(descent) = dive(recipe, limit, stop) {
                limit = descent.top - 1;
                let done = descent.top <= self.target;
                found = Some((descent, *recipe));
                if done {
                    break;
                }
            }
            if stop() {
                break;
            }
        }
        found.map(|(descent, recipe)| (descent, recipe, dives))
    }

    /// See [`Work::Staged`].
    fn dive_in_stages(
        &self,
        view: &View,
        stages: &[Stage],
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<Descent> {
        let mut whole = Descent::of(&view.cut);
        for (index, stage) in stages.iter().enumerate() {
            let (left, members) = view.cut.tail(&whole, whole.order.len());
            if members.is_empty() {
                break;
            }
            let glued = stage
                .gluing
                .map(|gluing| Chains::new(&left, &gluing, self.target, random));
            let cut = glued.as_ref().map_or(&left, |(cut, _)| cut);
            let last = index + 1 == stages.len();
            let share = if last { 1.0 } else { stage.share };
            let mut rules = self.rules(&stage.recipe, view.top());
            rules.jobs = ((cut.len() as f64 * share).ceil() as usize).max(1);
            let ranks = stage.recipe.ranks(cut, random);
            let descent = Diver::new(cut).dive(cut, &ranks, &rules, stop)?;
            let descent = match &glued {
                Some((_, chains)) => chains.apart(&descent, left.len()),
                None => descent,
            };
            whole.extend(&descent, &members);
        }
        Some(whole)
    }

    /// See [`Work::Tail`].
    fn redo_tail(
        &self,
        view: &View,
        from: usize,
        recipes: &[Recipe],
        gluing: Option<Gluing>,
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Tried {
        let best = view.best.as_ref()?;
        let (cut, members) = view.cut.tail(best, from);
        if cut.ground >= best.top {
            // What stays is as high as the whole: nothing to win.
            return None;
        }
        let left = cut.len();
        let (cut, chains) = match gluing {
            Some(gluing) => {
                let (cut, chains) = Chains::new(&cut, &gluing, self.target, random);
                (cut, Some(chains))
            }
            None => (cut, None),
        };
        let mut diver = Diver::new(&cut);
        let tried = self.try_each(recipes, best.top, stop, |recipe, limit, stop| {
            let ranks = recipe.ranks(&cut, random);
            diver.dive(&cut, &ranks, &self.rules(recipe, limit), stop)
        });
        let (tail, recipe, dives) = tried?;
        let tail = match chains {
            Some(chains) => chains.apart(&tail, left),
            None => tail,
        };
        let mut descent = best.clone();
        descent.order.truncate(from);
        descent.top = tail.top;
        descent.extend(&tail, &members);
        Some((descent, recipe, dives))
    }

    fn rules(&self, recipe: &Recipe, limit: i64) -> Rules {
        Rules {
            threshold: (recipe.threshold * self.target as f32) as i64,
            lookahead: usize::from(recipe.lookahead),
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
            descent,
            recipe,
            fresh,
            ..
        } in known.into_iter().chain(fresh)
        {
            let place = match fresh {
                None => Some(view),
                Some(view) => self.take_in(view, descent.top),
            };
            let Some(place) = place else { continue };
            self.views[place].keep(descent, recipe, self.target);
        }
        let Some(&best) = self.ranking().first() else {
            return;
        };
        if self.views[best].top() < self.top() {
            let jobs = self.views[0].cut.len();
            let view = &self.views[best];
            self.best = match (&view.chains, &view.best) {
                (Some(chains), Some(descent)) => Some(chains.apart(descent, jobs)),
                (_, descent) => descent.clone(),
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
