//! Boxing with restarts, as a search method: a turn is one boxing, squeezed in
//! several orders.

use super::search::{Boxer, Boxing};
use crate::fit::Packing;
use crate::instance::Items;
use crate::instance::peel::Peeled;
use crate::portfolio::batch::Crew;
use crate::portfolio::incumbent::Incumbent;
use crate::portfolio::searcher::Searcher;
use crate::portfolio::turn::{Found, Turn};
use crate::solution::{FoundBy, Squeeze};

/// What boxing and squeezing an item once cost, in jobs placed by a dive.
const ITEM: u64 = 4;

/// Boxings, one after the other.
pub(crate) struct Boxings<'a> {
    items: usize,
    boxer: Boxer<'a>,
    /// The boxing of this turn.
    boxing: Option<Boxing>,
    limit: u64,
    target: u64,
}

impl<'a> Boxings<'a> {
    pub(crate) fn new(items: &'a Items, peeled: &Peeled, seed: u64) -> Self {
        Boxings {
            items: items.len(),
            boxer: Boxer::new(items, peeled, seed),
            boxing: None,
            limit: u64::MAX,
            target: 0,
        }
    }
}

impl Searcher for Boxings<'_> {
    type Task = Squeeze;
    type Found = Packing;

    fn plan(&mut self, incumbent: &Incumbent<'_>, crew: &mut Crew<'_>) -> Vec<Squeeze> {
        (self.limit, self.target) = (incumbent.makespan(), incumbent.target());
        // None where the crew stopped: then nothing is squeezed.
        self.boxing = self.boxer.next(crew);
        let boxing = self.boxing.as_ref();
        boxing.map_or_else(Vec::new, |boxing| self.boxer.squeezes(boxing).to_vec())
    }

    fn perform(&self, &squeeze: &Squeeze, stop: &mut dyn FnMut() -> bool) -> Option<Packing> {
        let bounds = (self.limit, self.target);
        self.boxer
            .squeeze(self.boxing.as_ref()?, squeeze, bounds, stop)
    }

    fn ends(&self, packing: &Packing) -> bool {
        packing.makespan <= self.target
    }

    fn merge(
        &mut self,
        tasks: Vec<Squeeze>,
        found: Vec<Option<Packing>>,
        incumbent: &Incumbent<'_>,
    ) -> Turn {
        let evaluations = tasks.len() as u64;
        let packed = tasks.into_iter().zip(found);
        let packed: Vec<(Squeeze, Packing)> = packed
            .filter_map(|(squeeze, packing)| Some((squeeze, packing?)))
            .collect();
        let least = packed.iter().map(|(_, packing)| packing.makespan).min();
        if let Some(boxing) = self.boxing.take()
            && least.is_some_and(|least| least < incumbent.makespan())
        {
            self.boxer.learn(&boxing);
        }
        let found = packed
            .into_iter()
            .map(|(squeeze, packing)| (Found::Whole(packing), FoundBy::Boxing(squeeze)));
        Turn {
            found: found.collect(),
            work: evaluations * ITEM * self.items as u64,
            evaluations,
            ..Turn::default()
        }
    }
}
