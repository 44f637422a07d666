//! Turns of other members beside dives: packing in orders, and ejection search
//! from the best that is known.
//!
//! How much of the work a member gets is learned. Its *share* is what it may do
//! for what dives do, counted in jobs placed, so the sequence of work depends on
//! no clock. It begins with what the first dives say: where they are far below
//! what an allocator would do, packing in orders, which is not much better than
//! an allocator, has little to win; ejection search begins with no less than a
//! quarter. From then on a turn that improves the best doubles the share, and one
//! that does not makes it smaller.

use std::sync::Mutex;

use super::Search;
use crate::eject::EjectionSearch;
use crate::fit::Taken;
use crate::fit::orders::{self, NEAR, Near};
use crate::fit::packing::{self, Packing};
use crate::options::Method;
use crate::portfolio::batch;

/// Walkers of the ejection search.
const WALKERS: usize = 2;

/// How many times as far above the bound as the best a packing may be to go on
/// from.
const BEHIND: f64 = 1.1;

/// Turns without progress after which a walker goes on from the best.
const IDLE: u32 = 6;

/// What the placement of an item by first fit costs on average where few items
/// are live, in jobs placed by a dive. Elsewhere it is 20 and more.
pub(super) const FIRST_FIT: u64 = 2;

/// How much more it may cost.
const MORE: u64 = 3;

/// Looks at what is in the way that cost as much as a job placed by a dive.
const LOOKS: u64 = 128;

/// The share of the ejection search at first: the least.
const EJECTION_SHARE: f64 = 0.25;

/// The least work of a walker in a turn, in jobs placed by a dive.
const TURN: u64 = 1 << 13;

/// The least and the largest share.
const SHARES: (f64, f64) = (1.0 / 64.0, 16.0);

/// The least share of the member that found the best.
const LEADER: f64 = 1.0;

/// What a member may do.
#[derive(Clone, Copy, Debug)]
struct Share {
    share: f64,
    /// Work that it has not done yet.
    credit: f64,
}

impl Share {
    /// Whether a turn is due: half of it is advanced.
    fn is_due(&self, work: u64) -> bool {
        self.credit >= work as f64 / 2.0
    }

    /// Dives have done some work.
    fn earn(&mut self, work: u64) {
        self.credit += self.share * work as f64;
    }

    /// A turn was taken.
    fn pay(&mut self, work: u64, improved: bool, leads: bool) {
        self.credit -= work as f64;
        self.share *= if improved { 2.0 } else { 0.7 };
        let least = if leads { LEADER } else { SHARES.0 };
        self.share = self.share.clamp(least, SHARES.1);
        if !improved && !leads {
            self.credit = self.credit.min(0.0);
        }
    }
}

/// The members that take turns.
pub(super) struct Turns<'a> {
    orders: Share,
    ejection: Share,
    near: Near,
    /// What a turn of orders costs, by the one before.
    order_cost: u64,
    /// The best that was packed in an order.
    ordered: Option<Packing>,
    walkers: Vec<Mutex<EjectionSearch<'a>>>,
    /// Turns in a row in which each walker made no progress.
    idle: Vec<u32>,
}

impl Turns<'_> {
    fn new(search: &Search<'_>, orders: f64, ejection: f64) -> Self {
        let credit = 0.0;
        Turns {
            orders: Share {
                share: orders,
                credit,
            },
            ejection: Share {
                share: ejection,
                credit,
            },
            near: Near::new(search.options.seed),
            order_cost: NEAR as u64 * FIRST_FIT * search.items.len() as u64,
            ordered: None,
            walkers: Vec::new(),
            idle: Vec::new(),
        }
    }

    /// Dives have done some work, in jobs placed.
    pub(super) fn earn(&mut self, work: u64) {
        self.orders.earn(work);
        self.ejection.earn(work);
    }
}

/// What the ejection search is called.
const EJECTION: &str = "ejection";

impl<'a> Search<'a> {
    /// Members beside dives, which placed all for the first time.
    pub(super) fn turns(&mut self) -> Turns<'a> {
        self.fall_back();
        let above = |makespan: u64| makespan.saturating_sub(self.lower_bound).max(1) as f64;
        let promise = above(self.makespan()) / above(self.allocator);
        let share = promise.min(1.0).powf(1.5);
        // A walker takes items for whole rectangles. Where the core is plain, what
        // was peeled may be less than that.
        let ejection = if self.items.is_plain() {
            share.max(EJECTION_SHARE)
        } else {
            0.0
        };
        Turns::new(self, share, ejection)
    }

    /// Ejection search beside packing in orders, where items are plain.
    pub(super) fn turns_beside_orders(&mut self) -> Option<Turns<'a>> {
        let is_theirs = self.options.method == Method::Fit && self.items.is_plain();
        is_theirs.then(|| Turns::new(self, 0.0, EJECTION_SHARE))
    }

    /// Gives a turn to a member to which one is due; says whether there was one.
    pub(super) fn take_turn(&mut self, turns: &mut Turns<'a>) -> bool {
        let items = self.items.len() as u64;
        if turns.orders.share > 0.0 && turns.orders.is_due(turns.order_cost) {
            let before = self.makespan();
            turns.order_cost = self.pack_near(turns);
            let improved = self.makespan() < before;
            turns.orders.pay(turns.order_cost, improved, improved);
            return true;
        }
        let work =
            WALKERS as u64 * (items.max(TURN) + items / 2 * u64::from(turns.walkers.is_empty()));
        if turns.ejection.share > 0.0 && turns.ejection.is_due(work) {
            let before = self.makespan();
            self.eject(turns);
            let improved = self.makespan() < before;
            let leads = self.leader() == EJECTION;
            turns.ejection.pay(work, improved, leads);
            return true;
        }
        false
    }

    fn leader(&self) -> &'static str {
        self.best.as_ref().map_or("", |&(_, method)| method)
    }

    /// Whether a packing is not much further above the bound than the best.
    fn is_near(&self, packing: &Packing) -> bool {
        let above = |makespan: u64| makespan.saturating_sub(self.lower_bound) as f64;
        above(packing.makespan) <= BEHIND * above(self.makespan())
    }

    /// What is enough for all members.
    fn goal(&self) -> u64 {
        self.aim.max(self.lower_bound)
    }

    /// Packs in a few orders, up to what an allocator would make of it: what is
    /// not the best may still be the best to go on from. Returns the work.
    fn pack_near(&mut self, turns: &mut Turns<'a>) -> u64 {
        let methods = turns.near.next();
        let (items, bound) = (self.items, self.goal());
        let best = turns.ordered.as_ref().map(|packing| packing.makespan - 1);
        let limit = best.unwrap_or(self.allocator);
        let most_looks = MORE * FIRST_FIT * LOOKS * items.len() as u64;
        let packed = batch::run(
            &methods,
            self.options.threads.get(),
            &mut self.control,
            |method: &orders::Method, stop| {
                let order = method.order.of(items);
                let mut taken = Taken::with_most_looks(items, most_looks);
                let packing = packing::in_order(items, &order, method.fit, &mut taken, limit, stop);
                Some((packing, taken.looks()))
            },
            |(packing, _)| {
                packing
                    .as_ref()
                    .is_some_and(|packing| packing.makespan <= bound)
            },
        );
        self.evaluations += methods.len() as u64;
        // An order costs something, too, before the first look.
        let mut work = items.len() as u64 * NEAR as u64 / 2;
        for (method, packed) in methods.iter().zip(packed) {
            let Some((packing, looks)) = packed else {
                continue;
            };
            work += looks / LOOKS;
            let Some(packing) = packing else { continue };
            turns.near.learn(method, packing.makespan);
            if turns
                .ordered
                .as_ref()
                .is_none_or(|best| packing.makespan < best.makespan)
            {
                turns.ordered = Some(packing.clone());
                // The last walker is the one that goes on from orders.
                if self.is_near(&packing)
                    && let Some(last) = turns.walkers.last_mut()
                {
                    walker(last).restart(&packing);
                    turns.idle[WALKERS - 1] = 0;
                }
            }
            self.keep(packing, method.name);
        }
        work
    }

    /// A turn of the ejection search.
    fn eject(&mut self, turns: &mut Turns<'a>) {
        let (items, bound) = (self.items, self.goal());
        let Some((best, method)) = &self.best else {
            return;
        };
        if turns.walkers.is_empty() {
            let seed = self.options.seed;
            let ordered = turns.ordered.as_ref();
            let last = ordered.filter(|packing| self.is_near(packing));
            let last = last.unwrap_or(best);
            turns.walkers = [best, last]
                .into_iter()
                .zip(1..)
                .map(|(start, salt)| {
                    Mutex::new(EjectionSearch::new(items, start, seed ^ salt << 48))
                })
                .collect();
            turns.idle = vec![0; WALKERS];
        }
        for (index, (slot, idle)) in turns.walkers.iter_mut().zip(&mut turns.idle).enumerate() {
            let walker = walker(slot);
            let overtaken =
                index == 0 && *method != EJECTION || *idle >= IDLE || !self.is_near(walker.best());
            if overtaken && best.makespan < walker.best().makespan {
                walker.restart(best);
                *idle = 0;
            }
        }
        let before: Vec<u64> = makespans(&mut turns.walkers);
        let work = (items.len() as u64).max(TURN);
        batch::run(
            &turns.walkers,
            self.options.threads.get(),
            &mut self.control,
            |walker, stop| {
                let mut walker = walker
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                walker.run(bound, work, stop);
                Some(walker.best().makespan)
            },
            |&makespan| makespan <= bound,
        );
        self.evaluations += WALKERS as u64;
        let after = makespans(&mut turns.walkers);
        for (index, slot) in turns.walkers.iter_mut().enumerate() {
            turns.idle[index] = if after[index] < before[index] {
                0
            } else {
                turns.idle[index] + 1
            };
            if after[index] < self.makespan() {
                self.keep(walker(slot).best().clone(), EJECTION);
            }
            if after[index] <= bound {
                // What comes behind was begun or not, as threads were free.
                break;
            }
        }
    }
}

fn walker<'w, 'a>(slot: &'w mut Mutex<EjectionSearch<'a>>) -> &'w mut EjectionSearch<'a> {
    slot.get_mut()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn makespans(walkers: &mut [Mutex<EjectionSearch<'_>>]) -> Vec<u64> {
    walkers
        .iter_mut()
        .map(|slot| walker(slot).best().makespan)
        .collect()
}

#[cfg(test)]
mod tests {
    use common::job::{Gap, Job};
    use common::problem::Problem;

    use super::super::Search;
    use crate::instance::Items;
    use crate::options::Options;
    use crate::portfolio::batch::Control;

    /// The share of the ejection search beside dives.
    fn ejection_share(job: Job) -> f64 {
        let jobs = vec![Job::new(0, 0, 10, 100), job];
        let problem = Problem::new(jobs).expect("they are sound");
        let items = Items::new(&problem, 0).expect("no alignments");
        let options = Options::default();
        let mut progress = ();
        let control = Control::new(&mut progress, None);
        let mut search = Search::new(&items, 100, 100, &options, control);
        search.turns().ejection.share
    }

    #[test]
    fn ejection_search_gets_no_turn_where_an_item_is_less_than_its_rectangle() {
        let plain = Job::new(1, 5, 15, 100);
        assert!(ejection_share(plain.clone()) > 0.0);
        let gap = Gap {
            lower: 5,
            upper: 15,
            window: Some((40, 60)),
        };
        assert_eq!(ejection_share(plain.with_gap(gap)), 0.0);
    }
}
