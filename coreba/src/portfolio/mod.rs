//! The portfolio: all search methods on one problem.
//!
//! In: [`Items`] and a bound. Out: the best packing that was found, and what is
//! proved. [`schedule`] decides who works when; a method is a
//! [`Searcher`](searcher::Searcher); the [`Incumbent`] is what is known; [`batch`]
//! keeps answers the same at any number of threads. Where a search proves that
//! nothing is within a capacity, the bound rises, and with it what all aim at.

mod assemble;
pub(crate) mod batch;
pub(crate) mod incumbent;
mod schedule;
pub(crate) mod searcher;
pub(crate) mod turn;

use crate::fit::Packing;
use crate::heuristics::Heuristic;
use crate::instance::peel::{self, Peeled};
use crate::instance::{Core, Items};
use crate::options::Options;
use crate::solution::{FoundBy, Stop};
use batch::Crew;
use incumbent::Incumbent;
use schedule::Schedule;

/// What came out.
pub(crate) struct Outcome {
    pub(crate) packing: Packing,
    /// The best proved bound in bytes: at least the one given.
    pub(crate) bound: u64,
    pub(crate) found_by: FoundBy,
    pub(crate) evaluations: u64,
    /// Decisions of the exact searches.
    pub(crate) nodes: u64,
    pub(crate) stop: Stop,
}

/// Runs the portfolio. `items` must not be empty.
pub(crate) fn run(
    items: &Items,
    bound: u64,
    load: u64,
    options: &Options,
    crew: &mut Crew<'_>,
) -> Outcome {
    let peeled;
    let mut incumbent = Incumbent::new(items, bound, load, options);
    let mut schedule = Schedule {
        incumbent: &mut incumbent,
        crew,
    };
    schedule.warm_start();
    let stop = match schedule.incumbent.ending(schedule.crew) {
        // Nothing is within the capacity, or there is no time.
        Some(stop) => {
            schedule.baseline();
            stop
        }
        None => {
            let target = schedule.incumbent.target();
            peeled = if options.without.keeps(Heuristic::Peeling) {
                peel::peel(items, target, schedule.crew.threads())
            } else {
                Peeled::nothing(items)
            };
            let core = Core::new(items, &peeled.core);
            schedule.run(&peeled, core)
        }
    };
    let (best, bound, evaluations, nodes) = incumbent.into_parts();
    let (packing, found_by) = best.expect("the baseline is a packing");
    Outcome {
        packing,
        bound,
        found_by,
        evaluations,
        nodes,
        stop,
    }
}
