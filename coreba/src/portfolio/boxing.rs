//! Boxing, as a method of its own and as a member of the portfolio.

use super::Search;
use crate::batch;
use crate::boxing::Boxer;
use crate::peel::Peeled;
use crate::solution::Stop;

impl Search<'_> {
    /// Boxing with restarts, until something ends the search.
    pub(super) fn by_boxing(&mut self, peeled: &Peeled) -> Stop {
        let mut boxer = Boxer::new(self.items, peeled, self.options.seed);
        loop {
            if let Some(stop) = self.ending() {
                return stop;
            }
            self.box_once(&mut boxer);
            if self.makespan() > self.lower_bound {
                // What an allocator would do is soon known, and a limit for
                // first fit, which takes long where it is no better.
                self.fall_back();
            }
        }
    }

    /// A boxing, squeezed in several orders, each new best squeezed on; says
    /// whether there was one.
    pub(super) fn box_once(&mut self, boxer: &mut Boxer<'_>) -> bool {
        let threads = self.options.threads.get();
        let Some(boxing) = boxer.next(threads, &mut self.control) else {
            return false;
        };
        let (limit, bound) = (self.makespan(), self.aim.max(self.lower_bound));
        let squeezes = boxer.squeezes(&boxing);
        let packings = batch::run(
            squeezes,
            threads,
            &mut self.control,
            |&squeeze, stop| boxer.squeeze(&boxing, squeeze, (limit, bound), stop),
            |packing| packing.makespan <= bound,
        );
        self.evaluations += squeezes.len() as u64;
        let before = self.makespan();
        for (squeeze, packing) in squeezes.iter().zip(packings) {
            if let Some(packing) = packing {
                self.keep(packing, squeeze.name());
            }
        }
        let is_better = self.makespan() < before;
        if is_better {
            boxer.learn(&boxing);
        }
        is_better
    }
}
