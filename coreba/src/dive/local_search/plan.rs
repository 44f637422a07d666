//! What a component's next generation of tasks does, by what those before found.

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::view::Work;
use super::{Component, Task, gluings};
use crate::dive::chains::Gluing;
use crate::dive::rule::DiveRule;
use crate::heuristics::Heuristic;

/// Fewest and most tasks a generation, from the second on. As tasks last from one
/// millisecond to a hundred, few leave threads without work; of long tasks, many
/// keep what is found from those that come after.
const GENERATION: (usize, usize) = (4, 16);

/// Jobs that the tasks of a generation may have together.
const GENERATION_JOBS: usize = 1 << 21;

/// Generations between one try to glue what could not be glued and the next.
const GLUING_AGE: u64 = 4;

/// Generations that try what is fixed, before chance comes in.
const EARLY: u64 = 3;

impl Component {
    /// The next generation's tasks.
    pub(crate) fn plan(&mut self) -> Vec<Task> {
        let salt = self.generation.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ salt);
        self.generation += 1;
        let jobs = self.views[0].subproblem.len().max(1);
        let count = match self.generation {
            1 => 2,
            _ => (GENERATION_JOBS / jobs).clamp(GENERATION.0, GENERATION.1),
        };
        let ranking = self.ranking();
        (0..count)
            .map(|index| {
                let seed = random.random();
                let (view, work) = if self.generation <= EARLY {
                    self.plan_early(index, &mut random)
                } else if index.is_multiple_of(4) {
                    self.plan_afresh(index / 4, &ranking, &mut random)
                } else {
                    self.plan_tail(&ranking, &mut random)
                };
                Task { view, seed, work }
            })
            .collect()
    }

    /// Plain dives into the component, and into views that are glued in plain ways.
    fn plan_early(&mut self, index: usize, random: &mut Xoshiro256PlusPlus) -> (usize, Work) {
        let gluing = match (self.generation, index) {
            (1, 1) if self.keeps(Heuristic::Gluing) => gluings::plain(0, self.slack()),
            (2, 1..=4) if self.keeps(Heuristic::Gluing) => gluings::plain(index, self.slack()),
            _ => {
                let place = index.saturating_sub(1) % self.views.len();
                let view = &mut self.views[place];
                let rule = view.next_plain().unwrap_or_else(|| view.draw(random));
                return (place, Work::Dives(vec![rule]));
            }
        };
        let rules = (0..3).map(DiveRule::plain).collect();
        (0, self.fresh(gluing, rules))
    }

    fn keeps(&self, heuristic: Heuristic) -> bool {
        self.without.keeps(heuristic)
    }

    /// A new view.
    fn fresh(&self, mut gluing: Gluing, rules: Vec<DiveRule>) -> Work {
        if !self.keeps(Heuristic::Fillers) {
            gluing.fill = 0.0;
        }
        Work::Fresh { gluing, rules }
    }

    /// By turns new views, dives side by side and whole dives into a view.
    fn plan_afresh(
        &mut self,
        index: usize,
        ranking: &[usize],
        random: &mut Xoshiro256PlusPlus,
    ) -> (usize, Work) {
        let best_glued = ranking.iter().copied().find(|&view| view > 0);
        let try_again = self.generation.is_multiple_of(GLUING_AGE);
        let place = ranking[rank(random) % ranking.len()];
        match (4 * self.generation + index as u64) % 12 {
            turn if turn % 4 == 0
                && self.keeps(Heuristic::Gluing)
                && (best_glued.is_some() || try_again) =>
            {
                let parent = &self.views[best_glued.unwrap_or(0)];
                let rules = (0..4).map(|_| parent.draw(random)).collect();
                let gluing = self.draw_gluing(ranking, random);
                (0, self.fresh(gluing, rules))
            }
            10 => (place, self.plan_dives(place, random)),
            _ => {
                let beam = self.keeps(Heuristic::Beam);
                let beam = beam.then(|| self.views[place].draw_beam(random)).flatten();
                (
                    place,
                    beam.unwrap_or_else(|| self.plan_dives(place, random)),
                )
            }
        }
    }

    /// Whole dives into a view.
    fn plan_dives(&mut self, place: usize, random: &mut Xoshiro256PlusPlus) -> Work {
        let jobs = self.views[0].subproblem.len();
        let view = &mut self.views[place];
        let rules = (0..view.dives(jobs)).map(|_| {
            let plain = if random.random_bool(0.5) {
                view.next_plain()
            } else {
                None
            };
            plain.unwrap_or_else(|| view.draw(random))
        });
        Work::Dives(rules.collect())
    }

    /// A tail of a view's best dive, or whole dives where it has none.
    fn plan_tail(&mut self, ranking: &[usize], random: &mut Xoshiro256PlusPlus) -> (usize, Work) {
        let place = ranking[rank(random) % ranking.len()];
        let view = &self.views[place];
        // A view of no jobs, all glued to the bottom, has no tail.
        let tails = self.keeps(Heuristic::Tails);
        if tails && view.best.is_some() && view.subproblem.len() > 0 {
            let may_glue = self.keeps(Heuristic::Gluing);
            (place, view.draw_tail(self.target, may_glue, random))
        } else {
            (place, self.plan_dives(place, random))
        }
    }

    /// A gluing near that of one of the best views, or any.
    fn draw_gluing(&self, ranking: &[usize], random: &mut Xoshiro256PlusPlus) -> Gluing {
        let mut glued = ranking.iter().filter_map(|&view| self.views[view].gluing);
        match glued.nth(rank(random)) {
            Some(gluing) if self.keeps(Heuristic::Elite) && random.random_bool(0.7) => {
                gluings::near(gluing, random)
            }
            _ => gluings::any(self.slack(), random),
        }
    }

    /// The mean slack of the sections, in units.
    fn slack(&self) -> i64 {
        let needs = &self.views[0].subproblem.needs;
        let sum: i128 = needs
            .iter()
            .map(|&need| i128::from(self.target - need))
            .sum();
        (sum / needs.len().max(1) as i128) as i64
    }
}

/// A place in a ranking: the first for half of the draws, the next for a quarter.
fn rank(random: &mut Xoshiro256PlusPlus) -> usize {
    (random.random::<u64>() | 1 << 40).trailing_zeros() as usize
}
