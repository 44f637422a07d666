//! The portfolio's exact search for few items of any kind: at the goal, and
//! half of the way from there to the incumbent.

use super::{Disjunctive, Goals, Run, Verdict};
use crate::instance::Items;
use crate::options::Options;

/// Most items that are searched.
const MOST_ITEMS: usize = 60;

/// Choices of the first run.
const FIRST_LIMIT: u64 = 2000;

/// What to run next.
pub(crate) struct Few<'a> {
    items: &'a Items,
    goals: Goals,
    limit: u64,
    head_bound: bool,
}

/// All pairs at one capacity.
pub(crate) struct Attempt {
    capacity: u64,
    pairs: Option<Disjunctive>,
    limit: u64,
}

impl Attempt {
    pub(crate) fn perform(&self, stop: &mut dyn FnMut() -> bool) -> Run {
        match &self.pairs {
            Some(pairs) => pairs.run(self.limit, stop),
            None => Run {
                verdict: Verdict::Infeasible,
                nodes: 0,
                deepest: 0,
            },
        }
    }
}

impl<'a> Few<'a> {
    /// `None` for too many items.
    pub(crate) fn new(items: &'a Items, lower: u64, options: &Options) -> Option<Few<'a>> {
        (items.len() <= MOST_ITEMS).then(|| Few {
            items,
            goals: Goals::new(lower, options.capacity, 16 * FIRST_LIMIT),
            limit: FIRST_LIMIT,
            head_bound: options.exact.head_bound,
        })
    }

    /// Takes a bound from elsewhere.
    pub(crate) fn raise(&mut self, lower: u64) {
        self.goals.raise(lower);
    }

    /// No makespan is below, in bytes.
    pub(crate) fn lower_bound(&self) -> u64 {
        self.goals.lower
    }

    /// What to try next, towards a makespan below that of the incumbent.
    pub(crate) fn plan(&mut self, incumbent: u64) -> Vec<Attempt> {
        let goal = self.goals.goal(incumbent);
        let mut capacities = vec![goal];
        let middle = goal + incumbent.saturating_sub(1).saturating_sub(goal) / 2;
        if middle > goal && !self.goals.is_decision() {
            capacities.push(middle);
        }
        let attempt = |capacity| {
            let mut pairs = Disjunctive::new(self.items, capacity).ok()?;
            if let Some(pairs) = &mut pairs {
                pairs.head_bound = self.head_bound;
            }
            Some(Attempt {
                capacity,
                pairs,
                limit: self.limit,
            })
        };
        capacities.into_iter().filter_map(attempt).collect()
    }

    /// Takes what the attempts found; returns the best positions.
    pub(crate) fn merge(
        &mut self,
        attempts: &[Attempt],
        runs: Vec<Option<Run>>,
        incumbent: u64,
    ) -> Vec<Vec<u64>> {
        self.limit = self.limit.saturating_mul(5) / 4;
        let mut placed = Vec::new();
        for (attempt, run) in attempts.iter().zip(runs) {
            let Some(run) = run else { continue };
            match run.verdict {
                Verdict::Placed(positions) => {
                    placed.push(positions.into_iter().map(|at| at as u64).collect());
                }
                Verdict::Infeasible => self.goals.refute(self.items, attempt.capacity, incumbent),
                Verdict::Open => {}
            }
            if attempt.capacity == attempts[0].capacity {
                self.goals.spend(run.nodes, incumbent);
            }
        }
        placed
    }
}
