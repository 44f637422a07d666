//! The portfolio: all search methods on one problem.
//!
//! In: [`Items`] and a bound. Out: the best packing that was found, and what is
//! proved. [`schedule`] decides who works when; a method is a
//! [`Searcher`](searcher::Searcher); the [`Incumbent`] is what is known; [`batch`]
//! keeps answers the same at any number of threads. Where a search proves that
//! nothing is within a capacity, the bound rises, and with it what all aim at.

mod assemble;
pub(crate) mod batch;
mod first;
pub(crate) mod incumbent;
mod schedule;
pub(crate) mod searcher;
mod share;
pub(crate) mod turn;

use crate::exact::{self, Few};
use crate::fit::Packing;
use crate::heuristics::Heuristic;
use crate::instance::peel::{self, Peeled};
use crate::instance::{Core, Items};
use crate::options::{Method, Options};
use crate::solution::{FoundBy, Stop, TooLarge};
use batch::Crew;
use incumbent::Incumbent;

/// What came out.
pub(crate) struct Outcome {
    pub(crate) packing: Packing,
    /// The best proved bound in bytes: at least the one given.
    pub(crate) bound: u64,
    pub(crate) found_by: FoundBy,
    pub(crate) evaluations: u64,
    /// Decisions of the exact searches.
    pub(crate) nodes: u64,
    /// See [`Solution::too_large`](crate::Solution::too_large).
    pub(crate) too_large: Option<TooLarge>,
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
    let mut too_large = None;
    let mut incumbent = Incumbent::new(items, bound, load, options);
    first::warm_start(&mut incumbent, crew);
    if incumbent.ending(crew).is_none() {
        first::tiling(&mut incumbent, crew);
    }
    let stop = match incumbent.ending(crew) {
        // Nothing is within the capacity, or there is no time.
        Some(stop) => {
            first::baseline(&mut incumbent, crew);
            stop
        }
        None => {
            peeled = if options.without.keeps(Heuristic::Peeling) {
                peel::peel(items, incumbent.target(), crew.threads())
            } else {
                Peeled::nothing(items)
            };
            let core = Core::new(items, &peeled.core);
            if options.method == Method::Exact {
                too_large = match &core {
                    Some(core) => exact::too_large(core),
                    None => Few::refusal(items),
                };
            }
            schedule::run(&mut incumbent, &peeled, core.as_ref(), crew)
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
        too_large,
        stop,
    }
}
