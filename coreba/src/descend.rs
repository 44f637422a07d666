//! Searching one component of the core: dives by many recipes, tails of the
//! best dive done again, in several *views*.
//!
//! A view is the component itself, or the component glued into chains (see
//! [`Chains`]) in one of many ways. Whole dives explore; a *tail* keeps the
//! first jobs of the best dive and does the rest again, for a fraction of the
//! cost, and may glue what is left within the slack that is left. Equal
//! makespans are accepted where they pass the target in fewer sections, or by
//! less, so the search drifts over plateaus. A dive *in stages* places long jobs
//! as they are and glues anew what each stage leaves.
//!
//! What pays differs from instance to instance and is learned: recipes near
//! those that did best are drawn more often, views with the better makespans
//! get more of the work, and the worst view gives way to a new one. Tasks are
//! planned a generation at a time from what the generations before found, and
//! every task's randomness is its own, so the sequence of work depends on the
//! seed alone.

mod view;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::cut::Cut;
use crate::dive::{Chains, Descent, Diver, Gluing, Rules};
use crate::recipe::Recipe;
use view::{Stage, View, Work};

/// Tasks a generation, from the second on.
const GENERATION: usize = 4;

/// Views at a time.
const VIEWS: usize = 5;

/// Generations between one new view and the next.
const VIEW_AGE: u64 = 16;

/// How often a dive may be taken back.
const REWINDS: usize = 200;

/// Generations between one dive in stages and the next.
const STAGED_AGE: u64 = 6;

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
}

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

    /// The next generation's tasks.
    pub(crate) fn plan(&mut self) -> Vec<Task> {
        let salt = self.generation.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ salt);
        self.generation += 1;
        self.renew_views(&mut random);
        let count = if self.generation == 1 { 2 } else { GENERATION };
        let ranking = self.ranking();
        let jobs = self.views[0].cut.len();
        (0..count)
            .map(|index| {
                let seed = random.random();
                let early = self.generation <= 3;
                let place = if early {
                    index % self.views.len()
                } else {
                    // The best view gets half of the work, the next a quarter.
                    let place = (random.random::<u64>() | 1 << 40).trailing_zeros() as usize;
                    ranking[place % ranking.len()]
                };
                let staged = !early && index == 0 && self.generation.is_multiple_of(STAGED_AGE);
                if staged {
                    let work = self.views[0].draw_stages(&mut random);
                    return Task {
                        view: 0,
                        seed,
                        work,
                    };
                }
                let view = &mut self.views[place];
                // A view of no jobs, all glued to the bottom, has no tail.
                let has_tail = view.best.is_some() && view.cut.len() > 0;
                let tail = !early && has_tail && index % 4 != 0;
                let work = if tail {
                    view.draw_tail(self.target, &mut random)
                } else {
                    let recipes = (0..view.dives(jobs)).map(|_| {
                        let plain = if early || random.random_bool(0.5) {
                            view.next_plain()
                        } else {
                            None
                        };
                        plain.unwrap_or_else(|| view.draw(&mut random))
                    });
                    Work::Dives(recipes.collect())
                };
                Task {
                    view: place,
                    seed,
                    work,
                }
            })
            .collect()
    }

    /// Views by their makespans, the best first.
    fn ranking(&self) -> Vec<usize> {
        let mut ranking: Vec<usize> = (0..self.views.len()).collect();
        // Of equal ones the one with fewer jobs costs less.
        ranking.sort_by_key(|&view| (self.views[view].top(), self.views[view].cut.len(), view));
        ranking
    }

    /// Makes a new glued view now and then; the worst glued one gives way.
    fn renew_views(&mut self, random: &mut Xoshiro256PlusPlus) {
        let jobs = self.views[0].cut.len();
        let plain = |gap, reserve, slack| Gluing {
            gap,
            reserve,
            size: 0.5,
            noise: 0.0,
            slack,
        };
        let gluing = match self.generation {
            // Slack alone limits the gaps.
            1 => plain(u32::MAX, 0, 0.003),
            2 => plain(u32::MAX, self.target / 2048, 0.0),
            4 => plain(256, 0, 0.0),
            generation if generation.is_multiple_of(VIEW_AGE) => Gluing {
                gap: if random.random_bool(0.5) {
                    u32::MAX
                } else {
                    random.random_range(0.0..12.0f64).exp() as u32
                },
                reserve: (self.slack() as f64 * random.random_range(0.0..0.5f64).powi(2)) as i64,
                size: random.random_range(0.0..1.0),
                noise: random.random_range(0.0..1.0f32).powi(2),
                slack: if random.random_bool(0.3) {
                    0.0
                } else {
                    random.random_range(-10.0..-2.0f64).exp()
                },
            },
            _ => return,
        };
        let (cut, chains) = Chains::new(&self.views[0].cut, &gluing, self.target, random);
        if cut.len() * 50 > jobs * 49 {
            return;
        }
        if self.views.len() >= VIEWS {
            let worst = self.ranking().into_iter().rev().find(|&view| view > 0);
            if let Some(worst) = worst {
                self.views.remove(worst);
            }
        }
        self.views.push(View::new(cut, Some(chains)));
    }

    /// The mean slack of the sections, in units.
    fn slack(&self) -> i64 {
        let needs = self.views[0].cut.needs();
        let sum: i128 = needs
            .iter()
            .map(|&need| i128::from(self.target - need))
            .sum();
        (sum / needs.len().max(1) as i128) as i64
    }

    /// Does one task.
    pub(crate) fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<Found> {
        let view = &self.views[task.view];
        let mut random = Xoshiro256PlusPlus::seed_from_u64(task.seed);
        let (descent, recipe, dives) = match &task.work {
            Work::Dives(recipes) => self.dive(view, recipes, &mut random, stop)?,
            Work::Staged(stages) => {
                let descent = self.dive_in_stages(view, stages, &mut random, stop)?;
                (descent, stages[0].recipe, stages.len() as u64)
            }
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
        })
    }

    /// See [`Work::Dives`].
    fn dive(
        &self,
        view: &View,
        recipes: &[Recipe],
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<(Descent, Recipe, u64)> {
        let lock = || {
            view.divers
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        let pooled = lock().pop();
        let mut diver = pooled.unwrap_or_else(|| Diver::new(&view.cut));
        let mut found: Option<(Descent, Recipe)> = None;
        let (mut limit, mut dives) = (view.top(), 0);
        let may_rewind = Diver::may_rewind(&view.cut);
        for recipe in recipes {
            let ranks = recipe.ranks(&view.cut, random);
            dives += 1;
            let mut rules = self.rules(recipe, limit);
            let descent = if may_rewind && limit < i64::MAX && random.random_bool(0.5) {
                // A goal well below the best tells early where to go back.
                let share = random.random_range(0.5..1.0f64);
                rules.limit = self.target + ((limit - self.target) as f64 * share) as i64;
                diver.dive_back(&view.cut, &ranks, &rules, REWINDS, stop)
            } else {
                diver.dive(&view.cut, &ranks, &rules, stop)
            };
            if let Some(descent) = descent {
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
        lock().push(diver);
        let (descent, recipe) = found?;
        Some((descent, recipe, dives))
    }

    /// See [`Work::Staged`].
    fn dive_in_stages(
        &self,
        view: &View,
        stages: &[Stage],
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<Descent> {
        let jobs = view.cut.len();
        let mut whole = Descent {
            order: Vec::with_capacity(jobs),
            positions: vec![0; jobs],
            top: 0,
        };
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
            for &job in &descent.order {
                let at = members[job as usize];
                whole.order.push(at);
                whole.positions[at as usize] = descent.positions[job as usize];
            }
            whole.top = descent.top;
        }
        Some(whole)
    }

    fn redo_tail(
        &self,
        view: &View,
        from: usize,
        recipes: &[Recipe],
        gluing: Option<Gluing>,
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<(Descent, Recipe, u64)> {
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
        let mut found: Option<(Descent, Recipe)> = None;
        let (mut limit, mut dives) = (best.top, 0);
        for recipe in recipes {
            let ranks = recipe.ranks(&cut, random);
            dives += 1;
            if let Some(descent) = diver.dive(&cut, &ranks, &self.rules(recipe, limit), stop) {
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
        let (tail, recipe) = found?;
        let tail = chains.map_or_else(|| tail.clone(), |chains| chains.apart(&tail, left));
        let mut descent = best.clone();
        descent.order.truncate(from);
        descent.top = tail.top;
        for &job in &tail.order {
            let whole = members[job as usize];
            descent.order.push(whole);
            descent.positions[whole as usize] = tail.positions[job as usize];
        }
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
        for Found {
            view,
            descent,
            recipe,
            ..
        } in found.into_iter().flatten()
        {
            self.views[view].keep(descent, recipe, self.target);
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
}
