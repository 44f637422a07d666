//! Boxing, as a method of its own and as a member of the portfolio.

use super::Search;
use crate::boxing::Boxer;
use crate::instance::Items;
use crate::instance::peel::Peeled;
use crate::options::{Method, Options};
use crate::portfolio::batch;
use crate::solution::Stop;

/// Rounds of orders before the first boxing: the named orders come first.
const FIRST_WAIT: u64 = 3;

/// The most rounds from one boxing to the next.
const LONGEST_WAIT: u64 = 16;

/// Boxing as one of several that search by turns. Where it improves the best its
/// turn comes twice as often, where it does not half as often.
pub(super) struct Member<'a> {
    boxer: Boxer<'a>,
    wait: u64,
    /// Rounds until the next turn.
    left: u64,
}

impl<'a> Member<'a> {
    /// `None` where another technique is forced.
    pub(super) fn new(items: &'a Items, peeled: &Peeled, options: &Options) -> Option<Self> {
        (options.method == Method::Auto).then(|| Member {
            boxer: Boxer::new(items, peeled, options.seed).without_drop(),
            wait: FIRST_WAIT,
            left: FIRST_WAIT,
        })
    }
}

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

    /// A round of the portfolio: boxing, if it is its turn.
    pub(super) fn box_in_turn(&mut self, member: &mut Member<'_>) {
        member.left -= 1;
        if member.left == 0 {
            let paid = self.box_once(&mut member.boxer);
            member.wait = if paid {
                (member.wait / 2).max(1)
            } else {
                (member.wait * 2).min(LONGEST_WAIT)
            };
            member.left = member.wait;
        }
    }

    /// A boxing, squeezed in several orders, each new best squeezed on; says
    /// whether there was one.
    fn box_once(&mut self, boxer: &mut Boxer<'_>) -> bool {
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
