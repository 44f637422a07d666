//! Searching one component of the core: dives by many recipes, and tails of
//! the best dive done again.
//!
//! Whole dives explore; a *tail* keeps the first jobs of the best dive and does
//! the rest again, for a fraction of the cost. Equal makespans are accepted, so
//! the search drifts over plateaus. Tasks are planned a generation at a time
//! from what the generations before found, and every task's randomness is its
//! own, so the sequence of work depends on the seed alone.

use std::sync::Mutex;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::cut::Cut;
use crate::dive::{Descent, Diver, Rules};
use crate::recipe::Recipe;

/// Good recipes that are remembered.
const ELITE: usize = 6;

/// Tasks a generation, from the second on.
pub(crate) const GENERATION: usize = 4;

/// What to do next.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// A whole dive.
    Dive { recipe: Recipe, seed: u64 },
    /// The tail of the best dive from this many jobs on.
    Tail {
        from: usize,
        recipes: Vec<Recipe>,
        seed: u64,
    },
}

/// What a task found: never worse than the best it started from.
pub(crate) struct Found {
    descent: Descent,
    recipe: Recipe,
    dives: u64,
}

/// A component of the core, and the best that is known of it.
pub(crate) struct Component {
    pub(crate) cut: Cut,
    /// Which item each job is.
    pub(crate) members: Vec<u32>,
    /// The makespan in units to be met.
    pub(crate) target: i64,
    pub(crate) best: Option<Descent>,
    elite: Vec<(i64, Recipe)>,
    generation: u64,
    plain: usize,
    seed: u64,
    divers: Mutex<Vec<Diver>>,
}

impl Component {
    pub(crate) fn new(cut: Cut, members: Vec<u32>, target: i64, seed: u64) -> Component {
        Component {
            cut,
            members,
            target,
            best: None,
            elite: Vec::new(),
            generation: 0,
            plain: 0,
            seed,
            divers: Mutex::new(Vec::new()),
        }
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
        let mut random = Xoshiro256PlusPlus::seed_from_u64(
            self.seed ^ self.generation.wrapping_mul(0x9e37_79b9),
        );
        self.generation += 1;
        let count = if self.generation == 1 { 2 } else { GENERATION };
        (0..count)
            .map(|index| {
                let seed = random.random();
                let tails = self.best.is_some() && self.generation > 3;
                if tails && index % 4 != 0 {
                    return self.plan_tail(seed, &mut random);
                }
                let recipe = if self.plain < Recipe::PLAIN && (index < 2 || !tails) {
                    self.plain += 1;
                    Recipe::plain(self.plain - 1)
                } else {
                    self.draw(&mut random)
                };
                Task::Dive { recipe, seed }
            })
            .collect()
    }

    fn plan_tail(&self, seed: u64, random: &mut Xoshiro256PlusPlus) -> Task {
        let jobs = self.cut.len();
        // Tails of a half, a quarter, ... down to some ten jobs.
        let halvings = jobs.ilog2().saturating_sub(3).max(1);
        let halving = random.random_range(1..=halvings);
        let left = ((jobs >> halving) as f64 * random.random_range(0.7..1.4)) as usize;
        let left = left.clamp(1, jobs);
        let count = (jobs / left).clamp(2, 24);
        let recipes = (0..count).map(|_| self.draw(random)).collect();
        Task::Tail {
            from: jobs - left,
            recipes,
            seed,
        }
    }

    /// A recipe near one of the best, or near any.
    fn draw(&self, random: &mut Xoshiro256PlusPlus) -> Recipe {
        if !self.elite.is_empty() && random.random_bool(0.6) {
            let rank = random.random_range(0..self.elite.len());
            return self.elite[rank].1.varied(random);
        }
        Recipe::plain(random.random_range(0..Recipe::PLAIN)).varied(random)
    }

    /// Does one task.
    pub(crate) fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<Found> {
        match task {
            Task::Dive { recipe, seed } => {
                let lock = || {
                    self.divers
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                };
                let pooled = lock().pop();
                let mut diver = pooled.unwrap_or_else(|| Diver::new(&self.cut));
                let mut random = Xoshiro256PlusPlus::seed_from_u64(*seed);
                let ranks = recipe.ranks(&self.cut, &mut random);
                let rules = self.rules(recipe, self.top());
                let descent = diver.dive(&self.cut, &ranks, &rules, stop);
                lock().push(diver);
                Some(Found {
                    descent: descent?,
                    recipe: *recipe,
                    dives: 1,
                })
            }
            Task::Tail {
                from,
                recipes,
                seed,
            } => self.redo_tail(*from, recipes, *seed, stop),
        }
    }

    fn redo_tail(
        &self,
        from: usize,
        recipes: &[Recipe],
        seed: u64,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<Found> {
        let best = self.best.as_ref()?;
        let (cut, members) = self.cut.tail(best, from);
        if cut.ground >= best.top {
            // What stays is as high as the whole: nothing to win.
            return None;
        }
        let mut diver = Diver::new(&cut);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut found: Option<(Descent, Recipe)> = None;
        let (mut limit, mut dives) = (best.top, 0);
        for recipe in recipes {
            let ranks = recipe.ranks(&cut, &mut random);
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
        let mut descent = best.clone();
        descent.order.truncate(from);
        descent.top = tail.top;
        for &job in &tail.order {
            let whole = members[job as usize];
            descent.order.push(whole);
            descent.positions[whole as usize] = tail.positions[job as usize];
        }
        Some(Found {
            descent,
            recipe,
            dives,
        })
    }

    fn rules(&self, recipe: &Recipe, limit: i64) -> Rules {
        Rules {
            threshold: (recipe.threshold * self.target as f32) as i64,
            lookahead: usize::from(recipe.lookahead),
            target: self.target,
            limit,
        }
    }

    /// Takes what a generation found, in the order of its tasks. Says whether
    /// the best became better.
    pub(crate) fn merge(&mut self, found: Vec<Option<Found>>) -> bool {
        let before = self.top();
        for Found {
            descent, recipe, ..
        } in found.into_iter().flatten()
        {
            let top = descent.top;
            if top < self.top() || !self.elite.iter().any(|&(_, held)| held == recipe) {
                self.elite.push((top, recipe));
                self.elite.sort_by_key(|&(top, _)| top);
                self.elite.truncate(ELITE);
            }
            if top <= self.top() {
                self.best = Some(descent);
            }
        }
        self.top() < before
    }
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
