//! Which capacity to try next.
//!
//! The bound first: it succeeds on most real instances and is its own proof.
//! Where the work set aside for it runs out, half of the way to the incumbent,
//! and so on; then the bound again with more work. A proof that nothing is
//! within a capacity raises the bound to the next makespan that the grid and
//! the sizes allow.

use crate::instance::Items;

/// The smallest makespan above `capacity` that any item may have: the height of
/// one of them at an aligned position.
pub(crate) fn next_makespan(items: &Items, capacity: u64) -> u64 {
    let grid = items.grid();
    let next = items.iter().map(|item| {
        let from = grid.highest(capacity, item).map_or(0, |at| at + 1);
        let beyond = (grid.start + from) % item.alignment;
        let at = match item.pin {
            Some(pin) if pin >= from => pin,
            Some(_) => return u64::MAX,
            None if beyond == 0 => from,
            None => from + (item.alignment - beyond),
        };
        grid.end(at, item)
    });
    next.min().unwrap_or(u64::MAX).max(capacity + 1)
}

/// The capacity in bytes to work at.
#[derive(Clone, Debug)]
pub(crate) struct Goals {
    /// No makespan is below.
    pub(crate) lower: u64,
    goal: u64,
    /// Work left before the goal moves up, and how much there was.
    left: u64,
    budget: u64,
    /// A decision: the only capacity of interest.
    only: Option<u64>,
}

impl Goals {
    pub(crate) fn new(lower: u64, only: Option<u64>, budget: u64) -> Goals {
        Goals {
            lower,
            goal: only.map_or(lower, |only| only.max(lower)),
            left: budget,
            budget,
            only,
        }
    }

    /// Whether one capacity alone is of interest.
    pub(crate) fn is_decision(&self) -> bool {
        self.only.is_some()
    }

    /// It is known that no makespan is below.
    pub(crate) fn raise(&mut self, lower: u64) {
        self.lower = self.lower.max(lower);
        if self.only.is_none() {
            self.goal = self.goal.max(lower);
        }
    }

    /// The capacity to work at now, below a makespan that is known.
    pub(crate) fn goal(&mut self, incumbent: u64) -> u64 {
        if self.only.is_none() && self.goal >= incumbent {
            self.goal = self.lower + (incumbent - 1).saturating_sub(self.lower) / 2;
        }
        self.goal
    }

    /// Work was done at the goal without an answer.
    pub(crate) fn spend(&mut self, work: u64, incumbent: u64) {
        self.left = self.left.saturating_sub(work);
        if self.left > 0 || self.only.is_some() {
            return;
        }
        let step = incumbent.saturating_sub(1).saturating_sub(self.goal);
        // Steps of less than half a per mille bring little.
        if incumbent == u64::MAX || step <= self.lower / 2048 {
            self.budget = self.budget.saturating_mul(2);
            self.goal = self.lower;
            self.left = self.budget;
        } else {
            // Less work for a step on the way: the bound is the prize.
            self.goal += step.div_ceil(2);
            self.left = self.budget / 4;
        }
    }

    /// It is proved that no placement is within a capacity.
    pub(crate) fn refute(&mut self, items: &Items, capacity: u64, incumbent: u64) {
        self.lower = self.lower.max(next_makespan(items, capacity));
        self.left = self.budget;
        if self.only.is_none() {
            // Halving proves a bound far above LOAD in few steps.
            let last = (incumbent.saturating_sub(1)).max(self.lower);
            self.goal = if incumbent == u64::MAX {
                self.lower
            } else {
                self.lower + (last - self.lower) / 2
            };
        }
    }
}

/// Work at a goal of a descent, at first.
const STEP: u64 = 1 << 13;

/// Where between the bound and the incumbent a descent aims, at first.
const FIRST_AIM: f64 = 0.75;

/// Below what share of what is between the two a step is not worth its work.
const LAST_AIM: f64 = 0.97;

/// Capacities that descend from the incumbent: where the bound is out of reach, what is a
/// little better than the best is often near.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descent {
    /// The goal, as a share of what is between the bound and the incumbent.
    aim: f64,
    left: u64,
    budget: u64,
    goal: u64,
}

impl Default for Descent {
    fn default() -> Self {
        Descent {
            aim: FIRST_AIM,
            left: STEP,
            budget: STEP,
            goal: 0,
        }
    }
}

impl Descent {
    /// The capacity to work at now: above the bound and below the incumbent, where there
    /// is one between the two.
    pub(crate) fn goal(&mut self, bound: u64, incumbent: u64) -> Option<u64> {
        if incumbent == u64::MAX || incumbent <= bound + 2 {
            return None;
        }
        if self.goal <= bound || self.goal >= incumbent {
            let between = ((incumbent - bound) as f64 * self.aim) as u64;
            self.goal = (bound + between).clamp(bound + 1, incumbent - 1);
            self.left = self.budget;
        }
        Some(self.goal)
    }

    /// Work was done at the goal, which was met or not.
    pub(crate) fn spend(&mut self, work: u64, is_met: bool) {
        self.left = self.left.saturating_sub(work);
        if is_met || self.left > 0 {
            return;
        }
        // Nearer to the incumbent; from the farthest again with more work.
        self.aim = (1.0 + self.aim) / 2.0;
        if self.aim > LAST_AIM {
            self.aim = 0.5;
            self.budget = self.budget.saturating_mul(2);
        }
        self.goal = 0;
    }
}
