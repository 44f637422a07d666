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
//! In order: an earlier placement, if there is one; a tiling put together (auto), if the
//! items are one; peeling; then turns. The lead
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
use super::first::baseline;
use super::incumbent::Incumbent;
use super::searcher::Turns;
use super::share::{Account, Share};
use super::turn::{Found, Turn};
use crate::boxing::Boxings;
use crate::dive::Dives;
use crate::eject::Ejection;
use crate::exact::{Few, Prover};
use crate::fit::{NearSize, Packer};
use crate::heuristics::Heuristic;
use crate::instance::Core;
use crate::instance::peel::Peeled;
use crate::options::Method;
use crate::solution::{FoundBy, Stop};

/// Learned: what pays differs from instance to instance by orders of magnitude.
/// A turn that improves doubles the share; three that do not take it to a third.
/// Found by hand on flat loads and on few live blocks, seeds 1 to 10:
/// `cargo run --release -p benches -- compare`.
const LEARNED: Share = Share {
    first: 1.0,
    range: (1.0 / 64.0, 16.0),
    holder: 1.0,
    factors: (2.0, 0.7),
};

/// The least that ejection begins with. (Orders begin with what the first dives
/// promise, see [`promise`]; ejection with that or a quarter.) Flat loads, where
/// dives promise much, are where it wins in the end.
const LEAST_EJECTION: f64 = 0.25;

/// Three times as much as dives, always: a proof is worth waiting for. Found by hand
/// on minimalloc's files, seeds 0 to 9, so that none takes longer than it did when
/// tails counted as whole dives. What the first dives did counts: exact search has
/// its turns before the second generation of dives.
const EXACT: Share = Share {
    first: 3.0,
    range: (3.0, 3.0),
    holder: 1.0,
    factors: (1.0, 1.0),
};

/// The disjunctive search is for few items, of which the lead soon finds nothing
/// new: nearly all of the work is its own, as it was when the two took turns.
const DISJUNCTIVE: Share = Share {
    first: 32.0,
    range: (32.0, 32.0),
    ..EXACT
};

/// How the excess of the first dives over the bound, as a share of an allocator's,
/// becomes the share of orders: their power. Where dives are far below the
/// allocator, orders, which are not much better than it, have little to win.
const PROMISE: f64 = 1.5;

/// Searches until something ends it.
pub(super) fn run<'a>(
    incumbent: &mut Incumbent<'a>,
    peeled: &'a Peeled,
    core: Option<&Core>,
    crew: &mut Crew<'_>,
) -> Stop {
    if let Some(core) = core {
        let (count, target) = (core.components.len(), incumbent.target());
        incumbent.expect_components(count, peeled, target);
        if count == 0 {
            incumbent.keep(Found::Core(Vec::new()), FoundBy::Dive, crew);
        }
    }
    let mut lead = Lead::new(incumbent, peeled, core);
    let mut members: Option<Vec<Member<'a>>> = None;
    // What the lead did that the others have no credit for yet.
    let (mut is_first, mut work) = (true, 0);
    let stop = loop {
        if let Some(stop) = incumbent.ending(crew) {
            break stop;
        }
        if !is_first && lead.has_packed_all() {
            let members = members.get_or_insert_with(|| cast(incumbent, &lead, core, crew));
            let earned = std::mem::take(&mut work);
            for member in &mut *members {
                member.account.earn(earned);
            }
            let due = members.iter_mut().find(|member| member.account.is_due());
            if due.is_some_and(|member| member.take_turn(incumbent, crew)) {
                continue;
            }
        }
        if let Some(turn) = lead.turn(incumbent, crew) {
            work += turn.work;
            incumbent.take(turn, crew);
            if std::mem::take(&mut is_first) && incumbent.makespan() > incumbent.target() {
                // Hard: what an allocator would do is soon known, and at times
                // better than many dives.
                baseline(incumbent, crew);
            }
            continue;
        }
        // The lead has nothing left to try. Who ends by itself goes on.
        is_first = false;
        let members = members.get_or_insert_with(|| cast(incumbent, &lead, core, crew));
        members.sort_by(|a, b| b.account.credit().total_cmp(&a.account.credit()));
        let mut ending = members.iter_mut().filter(|member| member.ends);
        if !ending.any(|member| member.take_turn(incumbent, crew)) {
            break incumbent.ending(crew).unwrap_or(Stop::Exhausted);
        }
    };
    if incumbent.makespan() > incumbent.bound() {
        // More work is never to end worse than less did.
        baseline(incumbent, crew);
    }
    stop
}

/// Who works all the time.
enum Lead<'a> {
    Dives(Box<Dives<'a>>),
    Other(Box<dyn Turns + 'a>),
}

impl<'a> Lead<'a> {
    fn new(incumbent: &Incumbent<'a>, peeled: &Peeled, core: Option<&Core>) -> Lead<'a> {
        let (items, options) = (incumbent.items(), incumbent.options());
        let (bound, target) = (incumbent.bound(), incumbent.target());
        match (options.method, core) {
            (Method::Boxing, _) => Lead::Other(Box::new(Boxings::new(items, peeled, options.seed))),
            (Method::Auto | Method::Dive, Some(core)) => {
                Lead::Dives(Box::new(Dives::new(items, core, target, options)))
            }
            (Method::Exact, Some(core)) => {
                Lead::Other(Box::new(Prover::new(items, core, bound, options)))
            }
            (Method::Fit, _) | (_, None) => Lead::Other(Box::new(Packer::new(items, options))),
        }
    }

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

/// A searcher beside the lead.
struct Member<'a> {
    searcher: Box<dyn Turns + 'a>,
    /// Whether a placement is its own.
    found: fn(FoundBy) -> bool,
    /// Whether it ends by itself, with a proof or with nothing left to try.
    ends: bool,
    account: Account,
}

impl Member<'_> {
    /// False where it has nothing left to try.
    fn take_turn(&mut self, incumbent: &mut Incumbent<'_>, crew: &mut Crew<'_>) -> bool {
        let before = incumbent.makespan();
        let Some(turn) = self.searcher.turn(incumbent, crew) else {
            self.account.close();
            return false;
        };
        let work = turn.work;
        incumbent.take(turn, crew);
        let holds_best = incumbent.best().is_some_and(|(_, by)| (self.found)(by));
        let improved = incumbent.makespan() < before;
        self.account.pay(work, improved, holds_best);
        true
    }
}

/// Who works beside the lead, once that has packed everything.
fn cast<'a>(
    incumbent: &mut Incumbent<'a>,
    lead: &Lead<'a>,
    core: Option<&Core>,
    crew: &mut Crew<'_>,
) -> Vec<Member<'a>> {
    let (items, options) = (incumbent.items(), incumbent.options());
    let (method, bound) = (options.method, incumbent.bound());
    let keeps = |heuristic| options.without.keeps(heuristic);
    let is_auto = method == Method::Auto && matches!(lead, Lead::Dives(_));
    let mut members = Vec::new();
    let mut ejection = LEAST_EJECTION;
    if is_auto {
        let allocator = baseline(incumbent, crew);
        let promise = promise(incumbent, allocator);
        ejection = promise.max(LEAST_EJECTION);
        if keeps(Heuristic::Orders) {
            let share = LEARNED.starting_at(promise);
            members.push(Member {
                searcher: Box::new(NearSize::new(items, options, allocator)),
                found: |by| matches!(by, FoundBy::Order(..)),
                ends: false,
                account: Account::new(share, NearSize::first_cost(items)),
            });
        }
    }
    // Ejection takes items for whole rectangles. Where the core is plain, what was
    // peeled may be less than that.
    if (is_auto || method == Method::Fit) && items.is_plain() && keeps(Heuristic::Ejection) {
        let share = LEARNED.starting_at(ejection);
        members.push(Member {
            searcher: Box::new(Ejection::new(items, options.seed)),
            found: |by| by == FoundBy::Ejection,
            ends: false,
            account: Account::new(share, Ejection::cost(items)),
        });
    }
    if let Some(core) = core.filter(|_| is_auto && keeps(Heuristic::Exact)) {
        members.push(Member {
            searcher: Box::new(Prover::new(items, core, bound, options)),
            found: |by| by == FoundBy::Exact,
            ends: true,
            account: Account::new(EXACT, 0),
        });
    }
    // Of plain rectangles, the orders of pairs say more than valleys only where
    // alignments differ.
    let is_for_pairs = match core {
        Some(_) => matches!(method, Method::Auto | Method::Exact) && items.is_mixed(),
        None => !matches!(method, Method::Boxing | Method::Fit),
    };
    let few = (is_for_pairs && keeps(Heuristic::Disjunctive))
        .then(|| Few::new(items, bound, options))
        .flatten();
    members.extend(few.map(|few| Member {
        searcher: Box::new(few),
        found: |by| by == FoundBy::Exact,
        ends: true,
        account: Account::new(DISJUNCTIVE, 0),
    }));
    members
}

/// What packing in orders may win, from how far the best is above the bound beside
/// an allocator: at most 1.
fn promise(incumbent: &Incumbent<'_>, allocator: u64) -> f64 {
    let above = |makespan: u64| incumbent.above(makespan).max(1) as f64;
    let left = above(incumbent.makespan()) / above(allocator);
    left.min(1.0).powf(PROMISE)
}
