//! Ejection search as a search method: two searches side by side, one from the
//! best that is known, the other from the best that was packed in an order.

use std::sync::{Mutex, PoisonError};

use super::EjectionSearch;
use crate::fit::Packing;
use crate::instance::Items;
use crate::portfolio::batch::Crew;
use crate::portfolio::incumbent::Incumbent;
use crate::portfolio::searcher::Searcher;
use crate::portfolio::turn::{Found, Turn};
use crate::solution::FoundBy;

/// Searches side by side.
const SEARCHES: usize = 2;

/// How many times as far above the bound as the best a packing may be to go on
/// from.
const BEHIND: f64 = 1.1;

/// Turns without progress after which a search goes on from the best.
const IDLE: u32 = 6;

/// The least work of a search in a turn, in jobs placed by a dive.
const LEAST_WORK: u64 = 1 << 13;

/// One of the searches.
struct Side<'a> {
    search: Mutex<EjectionSearch<'a>>,
    /// Turns in a row in which it made no progress.
    idle: u32,
    before: u64,
}

impl<'a> Side<'a> {
    fn search(&mut self) -> &mut EjectionSearch<'a> {
        self.search
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn restart(&mut self, packing: &Packing) {
        self.search().restart(packing);
        self.idle = 0;
    }
}

/// Searches, and where they are.
pub(crate) struct Ejection<'a> {
    items: &'a Items,
    sides: Vec<Side<'a>>,
    seed: u64,
    /// The makespan of the packing in an order that was last gone on from.
    in_order: u64,
    target: u64,
}

impl<'a> Ejection<'a> {
    /// Of plain items.
    pub(crate) fn new(items: &'a Items, seed: u64) -> Self {
        Ejection {
            items,
            sides: Vec::new(),
            seed,
            in_order: u64::MAX,
            target: 0,
        }
    }

    /// What a turn costs, in jobs placed by a dive.
    pub(crate) fn cost(items: &Items) -> u64 {
        SEARCHES as u64 * (items.len() as u64).max(LEAST_WORK)
    }
}

/// Whether a packing is not much further above the bound than the best.
fn is_near(packing: &Packing, incumbent: &Incumbent<'_>) -> bool {
    let above = |makespan: u64| incumbent.above(makespan) as f64;
    above(packing.makespan) <= BEHIND * above(incumbent.makespan())
}

impl Searcher for Ejection<'_> {
    /// Which side.
    type Task = usize;
    /// The makespan of its best.
    type Found = u64;

    fn plan(&mut self, incumbent: &Incumbent<'_>, _: &mut Crew<'_>) -> Vec<usize> {
        let Some((best, by)) = incumbent.best() else {
            return Vec::new();
        };
        self.target = incumbent.target();
        let in_order = incumbent.best_in_order();
        let in_order = in_order.filter(|packing| is_near(packing, incumbent));
        if self.sides.is_empty() {
            let starts = [best, in_order.unwrap_or(best)].into_iter().zip(1..);
            let sides = starts.map(|(start, salt)| Side {
                search: Mutex::new(EjectionSearch::new(
                    self.items,
                    start,
                    self.seed ^ salt << 48,
                )),
                idle: 0,
                before: u64::MAX,
            });
            self.sides = sides.collect();
        } else if let Some(packing) = in_order
            && packing.makespan < self.in_order
            && let Some(last) = self.sides.last_mut()
        {
            last.restart(packing);
        }
        self.in_order = in_order.map_or(self.in_order, |packing| packing.makespan);
        for (index, side) in self.sides.iter_mut().enumerate() {
            let overtaken = index == 0 && by != FoundBy::Ejection
                || side.idle >= IDLE
                || !is_near(side.search().best(), incumbent);
            if overtaken && best.makespan < side.search().best().makespan {
                side.restart(best);
            }
            side.before = side.search().best().makespan;
        }
        (0..self.sides.len()).collect()
    }

    fn perform(&self, &side: &usize, stop: &mut dyn FnMut() -> bool) -> Option<u64> {
        let mut search = self.sides[side]
            .search
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let work = (self.items.len() as u64).max(LEAST_WORK);
        search.run(self.target, work, stop);
        Some(search.best().makespan)
    }

    fn ends(&self, &makespan: &u64) -> bool {
        makespan <= self.target
    }

    fn merge(&mut self, _: Vec<usize>, _: Vec<Option<u64>>, incumbent: &Incumbent<'_>) -> Turn {
        let mut turn = Turn {
            work: Ejection::cost(self.items),
            evaluations: SEARCHES as u64,
            ..Turn::default()
        };
        let mut least = incumbent.makespan();
        for side in &mut self.sides {
            let best = side.search().best();
            let makespan = best.makespan;
            if makespan < least {
                least = makespan;
                turn.found
                    .push((Found::Whole(best.clone()), FoundBy::Ejection));
            }
            side.idle = if makespan < side.before {
                0
            } else {
                side.idle + 1
            };
            if makespan <= self.target {
                // What comes behind was begun or not, as threads were free.
                break;
            }
        }
        turn
    }
}
