//! The whole policy: who searches what kind of problem, who works next, and for
//! how long.
//!
//! | problem | method | leads | beside it |
//! |---|---|---|---|
//! | plain rectangles | auto | dives | orders near size, ejection, exact; disjunctive where alignments differ |
//! | | dive | dives | |
//! | | exact | exact | disjunctive where alignments differ |
//! | | fit | packing in orders | ejection |
//! | others (gaps, groups, fixed) | auto, dive, exact | packing in orders | disjunctive |
//! | | fit | packing in orders | |
//! | all | boxing | boxing | |
//!
//! In order: an earlier placement, if there is one; peeling; then turns. The lead
//! works until it has packed everything once. If that meets the target, as on
//! most problems, nobody else is asked. If not, an allocator's best fit gives the
//! first answer, and from then on each of the others works a *share* of what the
//! lead does: whoever has the credit for a turn takes it, in the order of the
//! table, else the lead does. Tiny problems go the same way: their dives and runs
//! are short. Huge ones, too: a first dive is all that their time allows, and
//! where the time is up before it ends, the allocator's answer stands.
//!
//! The only currency is work: jobs placed by a dive, as each [`Turn`] says. So the
//! sequence of work depends on no clock and on no number of threads.

use super::batch::Crew;
use super::incumbent::Incumbent;
use super::searcher::Turns;
use super::turn::{Found, Turn};
use crate::boxing::Boxings;
use crate::dive::Dives;
use crate::eject::Ejection;
use crate::exact::{Few, Prover};
use crate::fit::orders::Order;
use crate::fit::{Fit, NearSize, Packer, online, packing};
use crate::heuristics::Heuristic;
use crate::instance::Core;
use crate::instance::peel::Peeled;
use crate::options::Method;
use crate::solution::{FoundBy, OrderBy, Stop};

/// How much a searcher works beside the lead, and what it learns from its turns.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// Work for a unit of the lead's, at first.
    first: f64,
    /// The least and the most that it may become; equal where nothing is learned.
    range: (f64, f64),
    /// The least while the best placement is its own.
    holder: f64,
    /// By what a turn multiplies it that improves the best, and one that does not.
    factors: (f64, f64),
    /// Whole dives of the lead that come before.
    after: f64,
}

/// Learned: what pays differs from instance to instance by orders of magnitude.
/// A turn that improves doubles the share; three that do not take it to a third.
/// Found by hand on flat loads and on few live blocks, seeds 1 to 10:
/// `cargo run --release -p benches -- compare`.
const LEARNED: Share = Share {
    first: 1.0,
    range: (1.0 / 64.0, 16.0),
    holder: 1.0,
    factors: (2.0, 0.7),
    after: 0.0,
};

/// Orders near size begin with what the first dives promise, see [`promise`].
const ORDERS: Share = LEARNED;

/// Ejection begins with the same, and no less than a quarter: flat loads, where
/// dives promise much, are where it wins in the end.
const LEAST_EJECTION: f64 = 0.25;

/// Three times as much as dives, always: a proof is worth waiting for. With 1, the
/// optima of G and I take twice as long. The first turn of dives comes first: it
/// solves most problems before a model is made.
const EXACT: Share = Share {
    first: 3.0,
    range: (3.0, 3.0),
    holder: 1.0,
    factors: (1.0, 1.0),
    after: 5.0,
};

/// The disjunctive search is for few items, of which the lead soon finds nothing
/// new: nearly all of the work is its own, as it was when the two took turns.
const DISJUNCTIVE: Share = Share {
    first: 32.0,
    range: (32.0, 32.0),
    after: 0.0,
    ..EXACT
};

/// How the excess of the first dives over the bound, as a share of an allocator's,
/// becomes the share of orders: their power. Where dives are far below the
/// allocator, orders, which are not much better than it, have little to win.
const PROMISE: f64 = 1.5;

/// The share of a searcher as it goes.
#[derive(Clone, Copy, Debug)]
struct Account {
    share: Share,
    now: f64,
    /// Work that it has not done yet.
    credit: f64,
    /// What its next turn will cost, where that is known.
    expected: u64,
}

impl Account {
    /// `dive` is the work of a whole dive.
    fn new(share: Share, expected: u64, dive: u64) -> Account {
        Account {
            share,
            now: share.first,
            credit: -share.after * dive as f64 * share.first,
            expected,
        }
    }

    /// Half of a turn is advanced.
    fn is_due(&self) -> bool {
        self.now > 0.0 && self.credit >= self.expected as f64 / 2.0
    }

    fn earn(&mut self, work: u64) {
        self.credit += self.now * work as f64;
    }

    fn pay(&mut self, work: u64, improved: bool, holds_best: bool) {
        let Share {
            range,
            holder,
            factors,
            ..
        } = self.share;
        self.credit -= work as f64;
        if range.0 < range.1 {
            self.now *= if improved { factors.0 } else { factors.1 };
            let least = if holds_best { holder } else { range.0 };
            self.now = self.now.clamp(least, range.1);
            if !improved && !holds_best {
                self.credit = self.credit.min(0.0);
            }
        }
        if self.expected > 0 {
            self.expected = work;
        }
    }
}

/// A searcher beside the lead.
struct Member<'a> {
    searcher: Box<dyn Turns + 'a>,
    /// Whether a placement is its own.
    found: fn(FoundBy) -> bool,
    /// Whether it ends by itself, with a proof or with nothing left to try.
    ends: bool,
    account: Account,
}

/// Who works all the time.
enum Lead<'a> {
    Dives(Box<Dives<'a>>),
    Other(Box<dyn Turns + 'a>),
}

impl Lead<'_> {
    /// Whether there is a packing of everything to compare others with.
    fn has_packed_all(&self) -> bool {
        match self {
            Lead::Dives(dives) => dives.placed_all(),
            Lead::Other(_) => true,
        }
    }

    fn turn(&mut self, incumbent: &Incumbent<'_>, crew: &mut Crew<'_>) -> Option<Turn> {
        match self {
            Lead::Dives(dives) => dives.turn(incumbent, crew),
            Lead::Other(lead) => lead.turn(incumbent, crew),
        }
    }
}

/// A search of one problem.
pub(super) struct Schedule<'s, 'a, 'c> {
    pub(super) incumbent: &'s mut Incumbent<'a>,
    pub(super) crew: &'s mut Crew<'c>,
}

impl<'a> Schedule<'_, 'a, '_> {
    /// Searches until something ends it.
    pub(super) fn run(&mut self, peeled: &'a Peeled, core: Option<Core>) -> Stop {
        if let Some(core) = &core {
            let count = core.components.len();
            self.incumbent
                .expect_components(count, peeled, self.incumbent.target());
            if count == 0 {
                self.keep(Found::Core(Vec::new()), FoundBy::Dive);
            }
        }
        let (mut lead, has_dives) = self.lead(peeled, core.as_ref());
        let mut members: Option<Vec<Member<'a>>> = None;
        // What the lead did that the others have no credit for yet.
        let (mut first, mut work) = (true, 0);
        let stop = loop {
            if let Some(stop) = self.incumbent.ending(self.crew) {
                break stop;
            }
            if !first && lead.has_packed_all() {
                let members = members.get_or_insert_with(|| self.members(core.as_ref(), has_dives));
                let earned = std::mem::take(&mut work);
                let accounts = members.iter_mut().map(|member| &mut member.account);
                accounts.for_each(|account| account.earn(earned));
                let due = members.iter_mut().find(|member| member.account.is_due());
                if let Some(member) = due
                    && self.give_turn(member)
                {
                    continue;
                }
            }
            if let Some(turn) = lead.turn(self.incumbent, self.crew) {
                work += turn.work;
                self.incumbent.take(turn, self.crew);
                if std::mem::take(&mut first) && self.incumbent.makespan() > self.incumbent.target()
                {
                    // Hard: what an allocator would do is soon known, and at times
                    // better than many dives.
                    self.baseline();
                }
                continue;
            }
            first = false;
            // The lead has nothing left to try. Who ends by itself goes on.
            let members = members.get_or_insert_with(|| self.members(core.as_ref(), has_dives));
            members.sort_by(|a, b| b.account.credit.total_cmp(&a.account.credit));
            let mut ending = members.iter_mut().filter(|member| member.ends);
            if !ending.any(|member| self.give_turn(member)) {
                break self.incumbent.ending(self.crew).unwrap_or(Stop::Exhausted);
            }
        };
        if self.incumbent.makespan() > self.incumbent.bound() {
            // More work is never to end worse than less did.
            self.baseline();
        }
        stop
    }

    /// False where the member has nothing left to try.
    fn give_turn(&mut self, member: &mut Member<'_>) -> bool {
        let before = self.incumbent.makespan();
        let Some(turn) = member.searcher.turn(self.incumbent, self.crew) else {
            member.account.now = 0.0;
            return false;
        };
        let work = turn.work;
        self.incumbent.take(turn, self.crew);
        let best = self.incumbent.best();
        let holds_best = best.is_some_and(|(_, by)| (member.found)(by));
        let improved = self.incumbent.makespan() < before;
        member.account.pay(work, improved, holds_best);
        true
    }

    /// Who leads, and whether it dives.
    fn lead(&self, peeled: &Peeled, core: Option<&Core>) -> (Lead<'a>, bool) {
        let (items, options) = (self.incumbent.items(), self.incumbent.options());
        let (bound, target) = (self.incumbent.bound(), self.incumbent.target());
        let lead = match (options.method, core) {
            (Method::Boxing, _) => Lead::Other(Box::new(Boxings::new(items, peeled, options.seed))),
            (Method::Auto | Method::Dive, Some(core)) => {
                let dives = Dives::new(items, core, target, options);
                return (Lead::Dives(Box::new(dives)), true);
            }
            (Method::Exact, Some(core)) => {
                Lead::Other(Box::new(Prover::new(items, core, bound, options)))
            }
            (Method::Fit, _) | (_, None) => Lead::Other(Box::new(Packer::new(items, options))),
        };
        (lead, false)
    }

    /// Who works beside the lead, which has packed everything.
    fn members(&mut self, core: Option<&Core>, has_dives: bool) -> Vec<Member<'a>> {
        let (items, options) = (self.incumbent.items(), self.incumbent.options());
        let keeps = |heuristic| options.without.keeps(heuristic);
        let bound = self.incumbent.bound();
        let dive = core.map_or(items.len(), |core| core.items.len()) as u64;
        let mut members: Vec<Member<'a>> = Vec::new();
        let mut add =
            |searcher: Box<dyn Turns + 'a>, found: fn(FoundBy) -> bool, ends, share, expected| {
                members.push(Member {
                    searcher,
                    found,
                    ends,
                    account: Account::new(share, expected, dive),
                });
            };
        let (method, is_auto) = (options.method, options.method == Method::Auto);
        // A walker takes items for whole rectangles. Where the core is plain, what
        // was peeled may be less than that.
        let ejects = items.is_plain() && keeps(Heuristic::Ejection);
        if is_auto && has_dives {
            let allocator = self.baseline();
            let promise = promise(self.incumbent, allocator);
            if keeps(Heuristic::Orders) {
                let orders = NearSize::new(items, options, allocator);
                let share = Share {
                    first: promise,
                    ..ORDERS
                };
                let cost = NearSize::first_cost(items);
                let by = |by| matches!(by, FoundBy::Order(..));
                add(Box::new(orders), by, false, share, cost);
            }
            if ejects {
                let share = Share {
                    first: promise.max(LEAST_EJECTION),
                    ..LEARNED
                };
                let ejection = Box::new(Ejection::new(items, options.seed));
                let by = |by| by == FoundBy::Ejection;
                add(ejection, by, false, share, Ejection::cost(items));
            }
        }
        if method == Method::Fit && ejects {
            let share = Share {
                first: LEAST_EJECTION,
                ..LEARNED
            };
            let ejection = Box::new(Ejection::new(items, options.seed));
            let by = |by| by == FoundBy::Ejection;
            add(ejection, by, false, share, Ejection::cost(items));
        }
        let by_proof: fn(FoundBy) -> bool = |by| by == FoundBy::Exact;
        if let Some(core) = core
            && is_auto
            && keeps(Heuristic::Exact)
        {
            let prover = Prover::new(items, core, bound, options);
            add(Box::new(prover), by_proof, true, EXACT, 0);
        }
        // Of plain rectangles, the orders of pairs say more than valleys only where
        // alignments differ.
        let is_for_pairs = match core {
            Some(_) => matches!(method, Method::Auto | Method::Exact) && items.is_mixed(),
            None => !matches!(method, Method::Boxing | Method::Fit),
        };
        if is_for_pairs
            && keeps(Heuristic::Disjunctive)
            && let Some(few) = Few::new(items, bound, options)
        {
            add(Box::new(few), by_proof, true, DISJUNCTIVE, 0);
        }
        members
    }

    fn keep(&mut self, found: Found, by: FoundBy) {
        self.incumbent.keep(found, by, self.crew);
    }

    /// Packs in the order of an earlier placement, new items last, the largest
    /// first; and, for comparison, as if there were none.
    pub(super) fn warm_start(&mut self) {
        let Some(offsets) = &self.incumbent.options().warm_start else {
            return;
        };
        let items = self.incumbent.items();
        let earlier = items.of_jobs(offsets);
        let fresh = Order::Size.of(items);
        let mut order = fresh.clone();
        order.sort_by_key(|&item| earlier[item as usize].unwrap_or(u64::MAX));
        let by_size = FoundBy::Order(OrderBy::Size, Fit::First);
        for (order, by) in [(order, FoundBy::WarmStart), (fresh, by_size)] {
            self.keep(Found::Whole(packing::first_fit(items, &order)), by);
            if self.incumbent.makespan() <= self.incumbent.bound() {
                return;
            }
        }
    }

    /// A placement that nothing interrupts, so that any budget gives one: an
    /// allocator's, or first fit by size where items are more than rectangles.
    /// Returns what an allocator would need.
    pub(super) fn baseline(&mut self) -> u64 {
        if let Some(known) = self.incumbent.baseline {
            return known;
        }
        let items = self.incumbent.items();
        let online = self.incumbent.options().without.keeps(Heuristic::Baseline);
        let found = online.then(|| online::best_fit(items)).flatten();
        let (packing, by) = match found {
            Some(packing) => (packing, FoundBy::OnlineBestFit),
            None => {
                let packing = packing::first_fit(items, &Order::Size.of(items));
                (packing, FoundBy::Order(OrderBy::Size, Fit::First))
            }
        };
        let makespan = packing.makespan;
        self.incumbent.baseline = Some(makespan);
        self.keep(Found::Whole(packing), by);
        makespan
    }
}

/// What packing in orders may win, from how far the best is above the bound beside
/// an allocator: at most 1.
fn promise(incumbent: &Incumbent<'_>, allocator: u64) -> f64 {
    let above = |makespan: u64| incumbent.above(makespan).max(1) as f64;
    let left = above(incumbent.makespan()) / above(allocator);
    left.min(1.0).powf(PROMISE)
}
