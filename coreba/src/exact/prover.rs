//! The exact search's part of the portfolio: what to run next on which
//! component of the core, and what follows from what it found.
//!
//! Runs have fixed limits, each its own randomness, and are taken in the order
//! of planning, so the sequence of work depends on the seed alone.

use std::cmp::Reverse;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::{Goals, Model, Run, Search, Switches, Verdict, luby, order};
use crate::instance::Items;
use crate::instance::Subproblem;
use crate::options::Options;
use crate::priority::{Elite, Priority};

/// Most jobs of a component that is searched.
const MOST_JOBS: usize = 1500;

/// Runs a round.
const ROUND: u64 = 4;

/// Nodes of the shortest run, times the number of jobs.
const RUN: u64 = 4;

/// Nodes at the bound before the goal moves.
const BUDGET: u64 = 1 << 19;

/// Weights that a component remembers.
const ELITE: usize = 4;

/// A placement of a component.
#[derive(Clone, Debug)]
pub(crate) struct Best {
    /// In the order of placing: job and position in units.
    pub(crate) placed: Vec<(u32, i64)>,
    /// In bytes.
    makespan: u64,
    is_exact: bool,
}

/// A component: its items, and its subproblem where it is small enough.
struct Part {
    subproblem: Option<Subproblem>,
    members: Vec<u32>,
    best: Option<Best>,
    /// The model at the capacity it was last searched at.
    model: Option<(u64, Model)>,
    runs: u64,
    seed: u64,
    /// Weights of the runs that placed the most jobs.
    elite: Elite<Reverse<usize>, Priority>,
}

impl Part {
    fn makespan(&self) -> u64 {
        self.best.as_ref().map_or(u64::MAX, |best| best.makespan)
    }
}

/// One run of one component.
pub(crate) struct Task {
    part: usize,
    weights: Priority,
    seed: u64,
    limit: u64,
}

/// What a run found.
pub(crate) struct Found {
    run: Run,
    weights: Priority,
}

impl Found {
    /// Decisions that were tried.
    pub(crate) fn nodes(&self) -> u64 {
        self.run.nodes
    }

    /// Whether nothing is left to do for the others of the round.
    pub(crate) fn is_verdict(&self) -> bool {
        self.run.verdict != Verdict::Open
    }
}

/// All components, and the capacity that is tried.
pub(crate) struct Prover<'a> {
    items: &'a Items,
    parts: Vec<Part>,
    goals: Goals,
    goal: u64,
    switches: Switches,
}

impl<'a> Prover<'a> {
    pub(crate) fn new(
        items: &'a Items,
        components: impl IntoIterator<Item = (Subproblem, Vec<u32>)>,
        lower: u64,
        options: &Options,
    ) -> Prover<'a> {
        let parts: Vec<Part> = components
            .into_iter()
            .enumerate()
            .map(|(index, (subproblem, members))| Part {
                subproblem: (members.len() <= MOST_JOBS).then_some(subproblem),
                members,
                best: None,
                model: None,
                runs: 0,
                seed: options.seed ^ (index as u64) << 32,
                elite: Elite::new(ELITE),
            })
            .collect();
        Prover {
            items,
            parts,
            goals: Goals::new(lower, options.capacity, BUDGET),
            goal: lower,
            switches: options.exact,
        }
    }

    /// Takes a bound from elsewhere.
    pub(crate) fn raise(&mut self, lower: u64) {
        self.goals.raise(lower);
    }

    /// No makespan is below, in bytes.
    pub(crate) fn lower_bound(&self) -> u64 {
        self.goals.lower
    }

    /// The makespan of the components' best in bytes.
    pub(crate) fn makespan(&self) -> u64 {
        let makespans = self.parts.iter().map(Part::makespan);
        makespans.max().unwrap_or(u64::MAX)
    }

    /// Whether the exact search made any of the components' best.
    pub(crate) fn is_exact(&self) -> bool {
        let exact = |part: &Part| part.best.as_ref().is_some_and(|best| best.is_exact);
        self.parts.iter().any(exact)
    }

    /// Items and positions in units, below others first.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (u32, i64)> {
        self.parts.iter().flat_map(|part| {
            let placed = part.best.iter().flat_map(|best| &best.placed);
            placed.map(|&(job, at)| (part.members[job as usize], at))
        })
    }

    /// Takes a placement of a component from elsewhere, if it is lower.
    pub(crate) fn offer(&mut self, part: usize, placed: Vec<(u32, i64)>) {
        if part < self.parts.len() {
            self.keep(part, placed, false);
        }
    }

    fn keep(&mut self, part: usize, placed: Vec<(u32, i64)>, is_exact: bool) {
        let grid = self.items.grid();
        let part = &mut self.parts[part];
        let ends = placed.iter().map(|&(job, at)| {
            let item = self.items.item(part.members[job as usize]);
            grid.end(at as u64, item)
        });
        let makespan = ends.max().unwrap_or(0);
        if makespan < part.makespan() {
            part.best = Some(Best {
                placed,
                makespan,
                is_exact,
            });
        }
    }

    /// The next round, towards a makespan below that of the incumbent; none
    /// where the components that are not within the goal are too large, or
    /// where a job alone is not within it, which raises the bound.
    pub(crate) fn plan(&mut self, incumbent: u64) -> Vec<Task> {
        let goal = self.goals.goal(incumbent);
        self.goal = goal;
        let open = |part: &Part| part.subproblem.is_some() && part.makespan() > goal;
        let worst = (0..self.parts.len())
            .filter(|&index| open(&self.parts[index]))
            .max_by_key(|&index| (self.parts[index].makespan(), Reverse(index)));
        let Some(index) = worst else {
            return Vec::new();
        };
        let items = self.items;
        let part = &mut self.parts[index];
        if part.model.as_ref().is_none_or(|&(at, _)| at != goal) {
            let (Some(subproblem), members) = (&part.subproblem, &part.members) else {
                return Vec::new();
            };
            let highest = |job: usize| {
                let highest = items.grid().highest(goal, items.item(members[job]))?;
                i64::try_from(highest).ok()
            };
            part.runs = 0;
            part.model = Model::new(subproblem, highest).map(|model| (goal, model));
            if part.model.is_none() {
                self.goals.refute(items, goal, incumbent);
                return Vec::new();
            }
        }
        let restarts = self.switches.restarts;
        let runs = if restarts { ROUND } else { 1 };
        (0..runs)
            .map(|_| {
                let salt = part.runs.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ goal.rotate_left(20);
                let mut random = Xoshiro256PlusPlus::seed_from_u64(part.seed ^ salt);
                let weights = order::draw(part.runs, &part.elite, &mut random);
                part.runs += 1;
                Task {
                    part: index,
                    weights,
                    seed: random.random(),
                    limit: if restarts {
                        luby(part.runs) * RUN * part.members.len() as u64
                    } else {
                        u64::MAX
                    },
                }
            })
            .collect()
    }

    /// Does one run.
    pub(crate) fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<Found> {
        let (_, model) = self.parts[task.part].model.as_ref()?;
        let mut random = Xoshiro256PlusPlus::seed_from_u64(task.seed);
        let ranks = order::ranks(&task.weights, model, &mut random);
        let run = Search::new(model, self.switches).run(ranks, task.limit, stop);
        Some(Found {
            run,
            weights: task.weights,
        })
    }

    /// Takes what a round found, in the order of its tasks. Returns the nodes
    /// of the round for each job of the component.
    pub(crate) fn merge(
        &mut self,
        tasks: &[Task],
        found: Vec<Option<Found>>,
        incumbent: u64,
    ) -> u64 {
        let Some(part) = tasks.first().map(|task| task.part) else {
            return 0;
        };
        let mut nodes = 0;
        for Found { run, weights } in found.into_iter().flatten() {
            nodes += run.nodes;
            self.parts[part].elite.push(Reverse(run.deepest), weights);
            match run.verdict {
                Verdict::Placed(positions) => {
                    let mut placed: Vec<(u32, i64)> = (0..).zip(positions).collect();
                    placed.sort_by_key(|&(job, at)| (at, job));
                    self.keep(part, placed, true);
                }
                Verdict::Infeasible => {
                    let goal = self.goal;
                    self.goals.refute(self.items, goal, incumbent);
                }
                Verdict::Open => {}
            }
        }
        self.goals.spend(nodes, incumbent);
        nodes / self.parts[part].members.len().max(1) as u64
    }
}
