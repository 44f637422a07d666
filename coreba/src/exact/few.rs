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
use crate::solution::FoundBy;

/// Most items that are searched.
const MOST_ITEMS: usize = 60;

/// Choices of the first run; each turn has a quarter more than the one before.
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
    /// `None` for too many items.
    pub(crate) fn new(items: &'a Items, bound: u64, options: &Options) -> Option<Few<'a>> {
        (items.len() <= MOST_ITEMS).then(|| Few {
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
        for (attempt, run) in attempts.iter().zip(found) {
            let Some(run) = run else { continue };
            let pairs = attempt.pairs.as_ref().map_or(0, Disjunctive::len) as u64;
            turn.nodes += run.nodes;
            turn.work += (run.nodes + 1) * (1 + pairs / PAIRS);
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
                self.goals.spend(run.nodes, makespan);
            }
        }
        turn.bound = self.goals.lower;
        turn.evaluations = attempts.len() as u64 + turn.nodes / FIRST_LIMIT;
        self.limit = self.limit.saturating_mul(5) / 4;
        turn
    }
}
