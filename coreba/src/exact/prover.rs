//! The exact search as a search method: what to run next on which component of
//! the core, and what follows from what it found.
//!
//! Runs have fixed limits, each its own randomness, and are taken in the order
//! of planning, so the sequence of work depends on the seed alone.

use std::cmp::Reverse;
use std::sync::Arc;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::goal::{Descent, Goals};
use super::memory;
use super::model::Model;
use super::order::{self, luby};
use super::valley::Search;
use super::verdict::{Run, Verdict};
use crate::heuristics::{Heuristic, Without};
use crate::instance::{Component, Core, Items, Subproblem};
use crate::options::{Method, Options};
use crate::portfolio::batch::Crew;
use crate::portfolio::incumbent::Incumbent;
use crate::portfolio::searcher::Searcher;
use crate::portfolio::turn::{Found, Turn};
use crate::priority::{Elite, Priority};
use crate::solution::{FoundBy, TooLarge};

/// Most jobs of a component that is searched beside other methods: larger ones are not
/// proved in the time that their share gives.
const MOST_JOBS: usize = 1500;

/// Most bytes that a run of a larger component may take where nothing but the exact search
/// is asked for. A turn has [`RUNS`] of them.
const MOST_BYTES: u64 = 512 << 20;

/// Runs a turn.
const RUNS: u64 = 4;

/// Nodes of the shortest run, times the number of jobs.
const RUN: u64 = 4;

/// Nodes at the bound before the goal moves.
const BUDGET: u64 = 1 << 19;

/// Nodes at the bound before goals are tried that descend from the incumbent, and how
/// many there are at the bound for each of theirs.
const BEFORE_DESCENT: u64 = 1 << 15;
const PER_DESCENT: u64 = 2;

/// Weights that a component remembers.
const ELITE: usize = 4;

/// What a node costs, in jobs placed by a dive.
const NODE: u64 = 2;

/// A component: its items, and its rectangles where there are few enough.
struct Part {
    subproblem: Option<Arc<Subproblem>>,
    items: Vec<u32>,
    seed: u64,
    /// Towards the bound, and descending from the incumbent.
    lines: [Line; 2],
}

/// The runs towards one goal after the other.
struct Line {
    /// The model at the capacity it was last searched at.
    model: Option<(u64, Model)>,
    runs: u64,
    /// Weights of the runs that placed the most jobs.
    elite: Elite<Reverse<usize>, Priority>,
}

const BOUND: usize = 0;
const DESCENT: usize = 1;

/// One run of one component.
pub(crate) struct Task {
    weights: Priority,
    seed: u64,
    limit: u64,
}

/// All components, and the capacity that is tried.
pub(crate) struct Prover<'a> {
    items: &'a Items,
    parts: Vec<Part>,
    goals: Goals,
    descent: Descent,
    /// Nodes of each line.
    nodes: [u64; 2],
    /// The component of this turn, the line, and the capacity.
    part: usize,
    line: usize,
    goal: u64,
    without: Without,
}

impl<'a> Prover<'a> {
    pub(crate) fn new(items: &'a Items, core: &Core, bound: u64, options: &Options) -> Self {
        let alone = options.method == Method::Exact;
        let learns = options.without.keeps(Heuristic::Elite);
        let parts = core.components.iter().zip(0u64..);
        let part = |(component, index): (&Component, u64)| {
            let subproblem = Arc::clone(&component.subproblem);
            Part {
                subproblem: refusal(component, alone).is_none().then_some(subproblem),
                items: component.items.clone(),
                seed: options.seed ^ index << 32,
                lines: [(); 2].map(|()| Line {
                    model: None,
                    runs: 0,
                    elite: Elite::new(if learns { ELITE } else { 0 }),
                }),
            }
        };
        Prover {
            items,
            parts: parts.map(part).collect(),
            goals: Goals::new(bound, options.capacity, BUDGET),
            descent: Descent::default(),
            nodes: [0; 2],
            part: 0,
            line: BOUND,
            goal: bound,
            without: options.without,
        }
    }
}

/// Why a component is not searched, if it is not; `alone` where the exact search is all
/// that is asked for.
fn refusal(component: &Component, alone: bool) -> Option<TooLarge> {
    let jobs = component.items.len();
    if jobs <= MOST_JOBS {
        return None;
    }
    let bytes = match alone {
        true => memory::needed(&component.subproblem),
        false => u64::MAX,
    };
    (bytes > MOST_BYTES).then_some(TooLarge::Core {
        jobs,
        bytes,
        most_bytes: MOST_BYTES,
    })
}

/// The largest component that the exact search leaves out where it alone is asked for.
pub(crate) fn too_large(core: &Core) -> Option<TooLarge> {
    let largest_first = |component: &&Component| Reverse(component.items.len());
    let mut components: Vec<&Component> = core.components.iter().collect();
    components.sort_by_key(largest_first);
    let mut refusals = components
        .into_iter()
        .map(|component| refusal(component, true));
    refusals.find_map(|refusal| refusal)
}

impl Part {
    /// A model at a capacity in bytes; `None` where a job alone is above it.
    fn model(&self, items: &Items, capacity: u64) -> Option<Model> {
        let highest = |job: usize| {
            let item = items.item(self.items[job]);
            i64::try_from(items.grid().highest(capacity, item)?).ok()
        };
        Model::new(self.subproblem.as_ref()?, highest)
    }
}

impl Searcher for Prover<'_> {
    type Task = Task;
    type Found = (Run, Priority);

    /// The next runs, towards a makespan below the incumbent's; none where the
    /// components that are not within the goal are too large.
    fn plan(&mut self, incumbent: &Incumbent<'_>, _: &mut Crew<'_>) -> Vec<Task> {
        self.goals.raise(incumbent.bound());
        let bound = self.goals.goal(incumbent.makespan());
        let descent = self.descent.goal(bound, incumbent.makespan());
        let [at_bound, descending] = self.nodes;
        let is_due = at_bound > BEFORE_DESCENT.max(descending * PER_DESCENT);
        let descent = descent.filter(|_| is_due && !self.goals.is_decision());
        self.line = if descent.is_some() { DESCENT } else { BOUND };
        let goal = descent.unwrap_or(bound);
        self.goal = goal;
        let is_open = |&index: &usize| {
            self.parts[index].subproblem.is_some() && incumbent.makespan_of(index) > goal
        };
        let open = (0..self.parts.len()).filter(is_open);
        let worst = open.max_by_key(|&index| (incumbent.makespan_of(index), Reverse(index)));
        let Some(worst) = worst else {
            return Vec::new();
        };
        self.part = worst;
        let part = &mut self.parts[worst];
        let model = &part.lines[self.line].model;
        if model.as_ref().is_none_or(|&(at, _)| at != goal) {
            let model = part.model(self.items, goal).map(|model| (goal, model));
            let line = &mut part.lines[self.line];
            (line.model, line.runs) = (model, 0);
        }
        let (seed, jobs) = (part.seed, part.items.len() as u64);
        let line = &mut part.lines[self.line];
        let restarts = self.without.keeps(Heuristic::Restarts);
        (0..if restarts { RUNS } else { 1 })
            .map(|_| {
                let salt = line.runs.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ goal.rotate_left(20);
                let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ salt);
                let weights = order::draw(line.runs, &line.elite, &mut random);
                line.runs += 1;
                Task {
                    weights,
                    seed: random.random(),
                    limit: if restarts {
                        luby(line.runs) * RUN * jobs
                    } else {
                        u64::MAX
                    },
                }
            })
            .collect()
    }

    fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<(Run, Priority)> {
        let Some((_, model)) = &self.parts[self.part].lines[self.line].model else {
            return Some((Run::refuted(), task.weights));
        };
        let mut random = Xoshiro256PlusPlus::seed_from_u64(task.seed);
        let ranks = order::ranks(&task.weights, model, &mut random);
        let run = Search::new(model, self.without).run(ranks, task.limit, stop);
        Some((run, task.weights))
    }

    fn ends(&self, (run, _): &(Run, Priority)) -> bool {
        run.verdict != Verdict::Open
    }

    fn merge(
        &mut self,
        _: Vec<Task>,
        found: Vec<Option<(Run, Priority)>>,
        incumbent: &Incumbent<'_>,
    ) -> Turn {
        let part = &mut self.parts[self.part];
        let jobs = part.items.len().max(1) as u64;
        let mut turn = Turn::default();
        for (run, weights) in found.into_iter().flatten() {
            turn.nodes += run.nodes;
            let elite = &mut part.lines[self.line].elite;
            elite.push(Reverse(run.deepest), weights);
            match run.verdict {
                Verdict::Placed(positions) => {
                    let placed = part.items.iter().zip(positions);
                    let mut placed: Vec<(u32, u64)> =
                        placed.map(|(&item, at)| (item, at as u64)).collect();
                    placed.sort_by_key(|&(item, at)| (at, item));
                    let found = Found::Component(self.part, placed);
                    turn.found.push((found, FoundBy::Exact));
                }
                Verdict::Infeasible => {
                    self.goals
                        .refute(self.items, self.goal, incumbent.makespan());
                }
                Verdict::Open => {}
            }
        }
        self.nodes[self.line] += turn.nodes;
        if self.line == BOUND {
            self.goals.spend(turn.nodes, incumbent.makespan());
        } else {
            self.descent.spend(turn.nodes, !turn.found.is_empty());
        }
        turn.bound = self.goals.lower;
        turn.work = NODE * (turn.nodes + jobs);
        turn.evaluations = turn.nodes / jobs + 1;
        turn
    }
}
