//! The disjunctive search as a search method, for few items of any kind: at the
//! goal, and half of the way from there to the incumbent.

use super::disjunctive::Disjunctive;
use super::goal::Goals;
use super::verdict::{Run, Verdict};
use crate::fit::Packing;
use crate::heuristics::Heuristic;
use crate::instance::Items;
use crate::options::Options;
use crate::portfolio::batch::Crew;
use crate::portfolio::incumbent::Incumbent;
use crate::portfolio::searcher::Searcher;
use crate::portfolio::turn::{Found, Turn};
use crate::solution::{FoundBy, TooLarge};

/// Most items that are searched, and most slabs that they have: each pair of slabs is
/// looked at for every capacity that is tried.
const MOST_ITEMS: usize = 60;
const MOST_SLABS: usize = 2048;

/// Choices of the first run; after a turn that was not enough for an answer, the next
/// has a quarter more.
const FIRST_LIMIT: u64 = 2000;

/// Choices before the goal moves.
const BUDGET: u64 = 16 * FIRST_LIMIT;

/// Pairs of one choice that cost as much as a job placed by a dive.
const PAIRS: u64 = 64;

/// What to run next.
pub(crate) struct Few<'a> {
    items: &'a Items,
    goals: Goals,
    limit: u64,
    head_bound: bool,
}

/// All pairs at one capacity; `None` where an item alone is above it.
pub(crate) struct Attempt {
    capacity: u64,
    pairs: Option<Disjunctive>,
}

impl<'a> Few<'a> {
    /// Why there are too many items, if there are.
    pub(crate) fn refusal(items: &Items) -> Option<TooLarge> {
        let (count, pieces) = (items.len(), items.all_slabs().len());
        (count > MOST_ITEMS || pieces > MOST_SLABS).then_some(TooLarge::Pairs {
            items: count,
            pieces,
            most_items: MOST_ITEMS,
            most_pieces: MOST_SLABS,
        })
    }

    /// `None` for too many items.
    pub(crate) fn new(items: &'a Items, bound: u64, options: &Options) -> Option<Few<'a>> {
        Few::refusal(items).is_none().then(|| Few {
            items,
            goals: Goals::new(bound, options.capacity, BUDGET),
            limit: FIRST_LIMIT,
            head_bound: options.without.keeps(Heuristic::HeadBound),
        })
    }
}

impl Searcher for Few<'_> {
    type Task = Attempt;
    type Found = Run;

    fn plan(&mut self, incumbent: &Incumbent<'_>, _: &mut Crew<'_>) -> Vec<Attempt> {
        self.goals.raise(incumbent.bound());
        let makespan = incumbent.makespan();
        let goal = self.goals.goal(makespan);
        let mut capacities = vec![goal];
        let middle = goal + makespan.saturating_sub(1).saturating_sub(goal) / 2;
        if middle > goal && !self.goals.is_decision() {
            capacities.push(middle);
        }
        let attempt = |capacity| {
            // Numbers too large for it leave nothing to try.
            let mut pairs = Disjunctive::new(self.items, capacity).ok()?;
            if let Some(pairs) = &mut pairs {
                pairs.head_bound = self.head_bound;
            }
            Some(Attempt { capacity, pairs })
        };
        capacities.into_iter().filter_map(attempt).collect()
    }

    fn perform(&self, attempt: &Attempt, stop: &mut dyn FnMut() -> bool) -> Option<Run> {
        let run = attempt.pairs.as_ref();
        Some(run.map_or_else(Run::refuted, |pairs| pairs.run(self.limit, stop)))
    }

    /// What one capacity says is worth knowing beside what another does.
    fn ends(&self, _: &Run) -> bool {
        false
    }

    fn merge(
        &mut self,
        attempts: Vec<Attempt>,
        found: Vec<Option<Run>>,
        incumbent: &Incumbent<'_>,
    ) -> Turn {
        let makespan = incumbent.makespan();
        let mut turn = Turn::default();
        let (mut cost, mut is_open) = (0, false);
        for (attempt, run) in attempts.iter().zip(found) {
            let Some(run) = run else { continue };
            let spent = run.cost();
            let pairs = attempt.pairs.as_ref().map_or(0, Disjunctive::len) as u64;
            turn.nodes += run.nodes;
            turn.work += (spent + 1) * (1 + pairs / PAIRS);
            cost += spent;
            // Only what was done makes more to do: the work of a turn is in proportion
            // to that before.
            is_open |= run.verdict == Verdict::Open;
            match run.verdict {
                Verdict::Placed(positions) => {
                    let positions = positions.into_iter().map(|at| at as u64).collect();
                    let found = Found::Whole(Packing::at(self.items, positions));
                    turn.found.push((found, FoundBy::Exact));
                }
                Verdict::Infeasible => self.goals.refute(self.items, attempt.capacity, makespan),
                Verdict::Open => {}
            }
            if attempt.capacity == attempts[0].capacity {
                self.goals.spend(spent, makespan);
            }
        }
        turn.bound = self.goals.lower;
        turn.evaluations = attempts.len() as u64 + cost / FIRST_LIMIT;
        if is_open {
            self.limit = self.limit.saturating_mul(5) / 4;
        }
        turn
    }
}

#[cfg(test)]
mod tests {
    use common::job::Job;
    use common::problem::Problem;

    use super::*;

    fn after(verdict: &Verdict, turns: usize) -> u64 {
        let problem = Problem::new(vec![Job::new(0, 0, 1, 1)]).expect("sound");
        let items = Items::new(&problem, 0).expect("small numbers");
        let options = Options::default();
        let incumbent = Incumbent::new(&items, 1, 1, &options);
        let mut few = Few::new(&items, 1, &options).expect("few");
        for _ in 0..turns {
            let attempt = Attempt {
                capacity: 1,
                pairs: None,
            };
            let run = Run {
                verdict: verdict.clone(),
                ..Run::refuted()
            };
            few.merge(vec![attempt], vec![Some(run)], &incumbent);
        }
        few.limit
    }

    #[test]
    fn answers_that_cost_nothing_make_no_run_longer() {
        assert_eq!(after(&Verdict::Infeasible, 100), FIRST_LIMIT);
        assert_eq!(after(&Verdict::Open, 2), FIRST_LIMIT * 25 / 16);
    }
}
