//! Dives into the components of the core, as a search method: the component that
//! is farthest from the target is searched next.

use std::cmp::Reverse;
use std::sync::Arc;

use super::local_search::{Component, Found as Dived, Task};
use crate::heuristics::Heuristic;
use crate::instance::{Core, Items, UpsideDown, components};
use crate::options::Options;
use crate::portfolio::batch::Crew;
use crate::portfolio::incumbent::Incumbent;
use crate::portfolio::searcher::Searcher;
use crate::portfolio::turn::{Found, Turn};
use crate::solution::FoundBy;

/// Dives, and where they are.
pub(crate) struct Dives<'a> {
    items: &'a Items,
    /// Where the core is packed upside down: how, and items at the ceiling.
    upside_down: Option<(UpsideDown, Vec<u32>)>,
    components: Vec<Component>,
    /// The component of this turn.
    worst: usize,
}

impl<'a> Dives<'a> {
    /// Into the components of a core, towards a target in bytes.
    pub(crate) fn new(items: &'a Items, core: &Core, target: u64, options: &Options) -> Self {
        let (grid, ceiling) = (items.grid(), units(items, target));
        // Bytes of the last unit that lie above the target.
        let beyond = grid.offset(ceiling as u64) - target;
        let slack = |job: usize| {
            let item = items.item(core.items[job]);
            item.size * grid.unit - item.bytes
        };
        let flips = options.without.keeps(Heuristic::UpsideDown);
        let flipped = || UpsideDown::new(&core.whole, beyond, ceiling, slack);
        let mut upside_down = flips.then(flipped).flatten();
        let parts = match &mut upside_down {
            None => core.components.clone(),
            Some(flipped) => {
                let whole = Arc::new(std::mem::take(&mut flipped.subproblem));
                let item = |job: u32| core.items[flipped.members[job as usize] as usize];
                components(&whole, item)
            }
        };
        let parts = parts.into_iter().zip(0u64..);
        let touching = |flipped: UpsideDown| {
            let touching = flipped.touching.iter();
            let touching = touching.map(|&job| core.items[job as usize]).collect();
            (flipped, touching)
        };
        Dives {
            items,
            components: parts
                .map(|(part, index)| Component::new(part, ceiling, options, index))
                .collect(),
            upside_down: upside_down.map(touching),
            worst: 0,
        }
    }

    /// Whether each component was packed once.
    pub(crate) fn placed_all(&self) -> bool {
        let mut components = self.components.iter();
        components.all(|component| component.best().is_some())
    }

    /// Items and positions of a component's best, below others first.
    fn placed(component: &Component) -> impl Iterator<Item = (u32, i64)> {
        component.best().into_iter().flat_map(|best| {
            let placed = best.order.iter();
            placed.map(|&job| {
                let item = component.members[job as usize];
                (item, best.positions[job as usize])
            })
        })
    }

    /// The whole core the right way up, from components that are not.
    fn upright(&self, upside_down: &UpsideDown, touching: &[u32]) -> Found {
        let top = self.components.iter().map(Component::top).max();
        let at_ceiling = touching.iter().map(|&item| (item, 0));
        let placed = at_ceiling.chain(self.components.iter().flat_map(Self::placed));
        let upright = placed.map(|(item, at)| {
            let size = self.items.item(item).size as i64;
            let at = upside_down.upright(at, size, top.unwrap_or(0));
            (item, at as u64)
        });
        Found::Core(upright.collect())
    }
}

/// A makespan in units, rounded up.
fn units(items: &Items, makespan: u64) -> i64 {
    let grid = items.grid();
    (makespan - grid.lowest).div_ceil(grid.unit) as i64
}

impl Searcher for Dives<'_> {
    type Task = Task;
    type Found = Dived;

    fn plan(&mut self, incumbent: &Incumbent<'_>, _: &mut Crew<'_>) -> Vec<Task> {
        if self.upside_down.is_none() {
            let target = units(self.items, incumbent.target());
            for component in &mut self.components {
                component.target = target;
            }
        }
        // Of equally bad ones the first.
        let open = (0..self.components.len()).filter(|&index| !self.components[index].is_done());
        let worst = open.max_by_key(|&index| (self.components[index].top(), Reverse(index)));
        let Some(worst) = worst else {
            return Vec::new();
        };
        self.worst = worst;
        self.components[worst].plan()
    }

    fn perform(&self, task: &Task, stop: &mut dyn FnMut() -> bool) -> Option<Dived> {
        self.components[self.worst].perform(task, stop)
    }

    fn ends(&self, found: &Dived) -> bool {
        found.top() <= self.components[self.worst].target
    }

    fn merge(&mut self, tasks: Vec<Task>, found: Vec<Option<Dived>>, _: &Incumbent<'_>) -> Turn {
        let component = &mut self.components[self.worst];
        let work = tasks.iter().map(|task| component.cost(task)).sum();
        let dives = found
            .iter()
            .map(|found| found.as_ref().map_or(1, Dived::dives));
        let evaluations = dives.sum();
        let before = component.top();
        component.merge(found);
        let improved = component.top() < before;
        let component = &self.components[self.worst];
        let found = match &self.upside_down {
            _ if !improved => None,
            None => {
                let placed = Self::placed(component).map(|(item, at)| (item, at as u64));
                Some(Found::Component(self.worst, placed.collect()))
            }
            Some((upside_down, touching)) => self
                .placed_all()
                .then(|| self.upright(upside_down, touching)),
        };
        Turn {
            found: found
                .into_iter()
                .map(|found| (found, FoundBy::Dive))
                .collect(),
            work,
            evaluations,
            ..Turn::default()
        }
    }
}
