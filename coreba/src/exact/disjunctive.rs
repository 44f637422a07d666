//! Complete search for items of any kind, for a few dozen of them: which of two
//! slabs that share a section lies above the other, for each such pair.
//!
//! **Complete and sound.** In a placement each pair of slabs of two items that
//! share a section has one below the other, so branching on that loses nothing.
//! Bounds on positions follow from the orders chosen; a position only ever
//! moves to the next that its alignment allows. An order that the bounds rule
//! out leaves the other one; with neither the node fails. Once every pair is
//! ordered (or kept apart by the bounds themselves), the least positions obey
//! all orders, alignments and highest positions: they are a placement. A fixed
//! item's bounds are equal. Nodes where the slabs of a section have no room
//! from some level on fail early.

use std::collections::HashSet;

use crate::instance::Items;

use super::verdict::{Run, Verdict};

/// Two slabs of two items: `below + distance <= above` is one order, by how far
/// apart the items' positions must then be.
#[derive(Clone, Copy, Debug)]
struct Pair {
    a: u32,
    b: u32,
    /// `p_a + a_below <= p_b`.
    a_below: i64,
    /// `p_b + b_below <= p_a`.
    b_below: i64,
}

impl Pair {
    /// The item below, the one above, and how far apart, once that is known.
    fn ordered(&self, order: Order) -> Option<(usize, usize, i64)> {
        let (a, b) = (self.a as usize, self.b as usize);
        match order {
            Order::ABelow => Some((a, b, self.a_below)),
            Order::BBelow => Some((b, a, self.b_below)),
            Order::Unknown | Order::Apart => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Unknown,
    ABelow,
    BBelow,
    /// The bounds keep the slabs apart.
    Apart,
}

/// An item's share of a section.
#[derive(Clone, Copy, Debug)]
struct Share {
    item: u32,
    low: i64,
    high: i64,
}

/// All pairs at a fixed capacity.
#[derive(Clone, Debug)]
pub(crate) struct Disjunctive {
    pairs: Vec<Pair>,
    shares: Vec<Vec<Share>>,
    /// Alignment and residue of each item.
    alignment: Vec<(i64, i64)>,
    least: Vec<i64>,
    most: Vec<i64>,
    /// See [`Heuristic::HeadBound`](crate::Heuristic); on at first.
    pub(super) head_bound: bool,
}

/// A choice that may still be turned.
struct Frame {
    pair: u32,
    other: Order,
    orders: usize,
    bounds: usize,
}

/// What changes as the search goes on, with logs to take it back.
struct State {
    orders: Vec<Order>,
    least: Vec<i64>,
    most: Vec<i64>,
    order_log: Vec<u32>,
    /// (item, least before, most before)
    bound_log: Vec<(u32, i64, i64)>,
    /// The pair that last raised each item, while causes are watched.
    causes: Vec<Option<u32>>,
    /// Passes over the pairs that may yet be made.
    passes: u64,
}

/// What becomes of a node.
enum Outcome {
    Sound,
    Dead,
    /// No pass is left, or the search is to stop.
    Spent,
}

/// Passes of one propagation from which on causes are watched. Most take fewer: as
/// many cost as much as a choice.
const WATCHED: u64 = 4;

/// Passes for each choice that a run may make, over all of them. Only bounds
/// that creep, a step of some alignment at a time, take that many.
const PASSES: u64 = 64;

/// Passes from one look at the clock to the next.
const POLLED: u64 = 64;

impl Disjunctive {
    /// The pairs of all items at a capacity in bytes; `None` where an item alone
    /// does not fit. O(slabs^2). `Err` where numbers are too large.
    pub(crate) fn new(items: &Items, capacity: u64) -> Result<Option<Disjunctive>, TooLarge> {
        let count = items.len() as u32;
        let number = |value: u64| {
            i64::try_from(value)
                .ok()
                .filter(|&value| value < 1 << 60)
                .ok_or(TooLarge)
        };
        let start = number(items.grid().start)?;
        let mut pairs = Disjunctive {
            pairs: Vec::new(),
            shares: vec![Vec::new(); items.sections()],
            alignment: Vec::new(),
            least: Vec::new(),
            most: Vec::new(),
            head_bound: true,
        };
        for index in 0..count {
            let item = items.item(index);
            let alignment = number(item.alignment)?;
            let residue = (-start).rem_euclid(alignment);
            pairs.alignment.push((alignment, residue));
            let Some(highest) = items.grid().highest(capacity, item) else {
                return Ok(None);
            };
            let mut most = number(highest)?;
            let mut least = residue;
            if let Some(pin) = item.pin {
                least = least.max(number(pin)?);
                most = most.min(least);
                if least != number(pin)? {
                    return Ok(None);
                }
            }
            most -= (most - residue).rem_euclid(alignment);
            if least > most {
                return Ok(None);
            }
            pairs.least.push(least);
            pairs.most.push(most);
            pairs.add_item(items, index)?;
        }
        Ok(Some(pairs))
    }

    fn add_item(&mut self, items: &Items, index: u32) -> Result<(), TooLarge> {
        let number = |value: u64| {
            i64::try_from(value)
                .ok()
                .filter(|&value| value < 1 << 60)
                .ok_or(TooLarge)
        };
        for slab in items.slabs(index) {
            let (low, high) = (number(slab.low)?, number(slab.high)?);
            for section in slab.first..=slab.last {
                let shares = &mut self.shares[section as usize];
                // Slabs of one item in one section lie within each other; the
                // tallest does for the bound.
                match shares.last_mut() {
                    Some(share) if share.item == index => {
                        if high - low > share.high - share.low {
                            (share.low, share.high) = (low, high);
                        }
                    }
                    _ => shares.push(Share {
                        item: index,
                        low,
                        high,
                    }),
                }
            }
        }
        for other in 0..index {
            let mut known = HashSet::new();
            for a in items.slabs(other) {
                for b in items.slabs(index) {
                    if a.first > b.last || b.first > a.last {
                        continue;
                    }
                    let pair = Pair {
                        a: other,
                        b: index,
                        a_below: number(a.high)? - number(b.low)?,
                        b_below: number(b.high)? - number(a.low)?,
                    };
                    if known.insert((pair.a_below, pair.b_below)) {
                        self.pairs.push(pair);
                    }
                }
            }
        }
        Ok(())
    }

    /// How many pairs there are: what a choice costs.
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Fixes an item at a position that its alignment allows.
    pub(crate) fn fix(&mut self, item: u32, at: i64) {
        let item = item as usize;
        self.least[item] = self.least[item].max(at);
        self.most[item] = self.most[item].min(at);
    }

    fn up(&self, item: usize, at: i64) -> i64 {
        let (alignment, residue) = self.alignment[item];
        at + (residue - at).rem_euclid(alignment)
    }

    fn down(&self, item: usize, at: i64) -> i64 {
        let (alignment, residue) = self.alignment[item];
        at - (at - residue).rem_euclid(alignment)
    }

    /// Nothing is ordered yet.
    fn begin(&self, limit: u64) -> State {
        State {
            orders: vec![Order::Unknown; self.pairs.len()],
            least: self.least.clone(),
            most: self.most.clone(),
            order_log: Vec::new(),
            bound_log: Vec::new(),
            causes: vec![None; self.alignment.len()],
            passes: limit.saturating_mul(PASSES),
        }
    }

    /// Searches with up to `limit` choices.
    pub(crate) fn run(&self, limit: u64, stop: &mut dyn FnMut() -> bool) -> Run {
        let mut state = self.begin(limit);
        let mut frames: Vec<Frame> = Vec::new();
        let mut run = Run {
            verdict: Verdict::Open,
            nodes: 0,
            extra: 0,
            deepest: 0,
        };
        let passes = state.passes;
        let mut outcome = self.propagate(&mut state, stop);
        loop {
            run.extra = ((passes - state.passes) / WATCHED).saturating_sub(run.nodes);
            if let Outcome::Spent = outcome {
                return run;
            }
            if let Outcome::Sound = outcome {
                run.deepest = run.deepest.max(state.order_log.len());
                let Some((pair, first)) = self.choose(&state) else {
                    run.verdict = Verdict::Placed(state.least);
                    return run;
                };
                if run.nodes >= limit {
                    return run;
                }
                let other = match first {
                    Order::ABelow => Order::BBelow,
                    _ => Order::ABelow,
                };
                frames.push(Frame {
                    pair,
                    other,
                    orders: state.order_log.len(),
                    bounds: state.bound_log.len(),
                });
                state.set_order(pair, first);
            } else {
                let Some(frame) = frames.pop() else {
                    run.verdict = Verdict::Infeasible;
                    return run;
                };
                state.take_back(frame.orders, frame.bounds);
                state.set_order(frame.pair, frame.other);
            }
            run.nodes += 1;
            outcome = self.propagate(&mut state, stop);
        }
    }

    /// The pair with the least freedom, and the order that leaves more of it.
    fn choose(&self, state: &State) -> Option<(u32, Order)> {
        let mut best: Option<(i64, u32, Order)> = None;
        for (index, pair) in self.pairs.iter().enumerate() {
            if state.orders[index] != Order::Unknown {
                continue;
            }
            let (a, b) = (pair.a as usize, pair.b as usize);
            let a_slack = state.most[b] - state.least[a] - pair.a_below;
            let b_slack = state.most[a] - state.least[b] - pair.b_below;
            let freedom = a_slack.min(b_slack);
            let first = if a_slack >= b_slack {
                Order::ABelow
            } else {
                Order::BBelow
            };
            if best.is_none_or(|(least, ..)| freedom < least) {
                best = Some((freedom, index as u32, first));
            }
        }
        best.map(|(_, pair, first)| (pair, first))
    }

    /// Tightens bounds until nothing changes, or there is no room.
    ///
    /// Orders that form a cycle (a below b, b below c, c below a) leave no room,
    /// but the bounds alone show it a lap at a time: 2^40 laps for jobs of one
    /// byte in a terabyte. So cycles are looked for, see [`Disjunctive::closes_cycle`].
    fn propagate(&self, state: &mut State, stop: &mut dyn FnMut() -> bool) -> Outcome {
        for pass in 0u64.. {
            let Some(passes) = state.passes.checked_sub(1) else {
                return Outcome::Spent;
            };
            state.passes = passes;
            if passes.is_multiple_of(POLLED) && stop() {
                return Outcome::Spent;
            }
            if pass == WATCHED {
                state.causes.fill(None);
            }
            match self.tighten(state, pass >= WATCHED) {
                None => return Outcome::Dead,
                Some(true) => {}
                Some(false) => break,
            }
        }
        if !self.head_bound || self.has_room(state) {
            Outcome::Sound
        } else {
            Outcome::Dead
        }
    }

    /// A pass over all pairs: whether bounds changed, or `None` where there is
    /// no room.
    fn tighten(&self, state: &mut State, watched: bool) -> Option<bool> {
        let mut changed = false;
        for (index, pair) in self.pairs.iter().enumerate() {
            let (a, b) = (pair.a as usize, pair.b as usize);
            if state.orders[index] == Order::Unknown {
                let a_can = state.least[a] + pair.a_below <= state.most[b];
                let b_can = state.least[b] + pair.b_below <= state.most[a];
                let order = match (a_can, b_can) {
                    (false, false) => return None,
                    (true, false) => Order::ABelow,
                    (false, true) => Order::BBelow,
                    (true, true) => {
                        if state.most[a] + pair.a_below <= state.least[b]
                            || state.most[b] + pair.b_below <= state.least[a]
                        {
                            state.set_order(index as u32, Order::Apart);
                        }
                        continue;
                    }
                };
                state.set_order(index as u32, order);
            }
            let Some((below, above, distance)) = pair.ordered(state.orders[index]) else {
                continue;
            };
            let least = self.up(above, state.least[below] + distance);
            if least > state.least[above] {
                if watched {
                    state.causes[above] = Some(index as u32);
                    if self.closes_cycle(state, above) {
                        return None;
                    }
                }
                state.set_bounds(above, least, state.most[above]);
                changed = true;
            }
            let most = self.down(below, state.most[above] - distance);
            if most < state.most[below] {
                state.set_bounds(below, state.least[below], most);
                changed = true;
            }
            if state.least[above] > state.most[above] || state.least[below] > state.most[below] {
                return None;
            }
        }
        Some(changed)
    }

    /// Whether an item lies, by the causes of its bound, above itself: a cycle of
    /// orders whose distances sum to more than 0, which no positions obey. (What
    /// alignments add does not count: cycles that creep by that alone end with
    /// the passes.) O(items).
    fn closes_cycle(&self, state: &State, item: usize) -> bool {
        let mut at = item;
        let mut sum = 0i128;
        for _ in 0..state.causes.len() {
            let Some(index) = state.causes[at] else {
                return false;
            };
            let order = state.orders[index as usize];
            let Some((below, _, distance)) = self.pairs[index as usize].ordered(order) else {
                return false;
            };
            sum += i128::from(distance);
            at = below;
            if at == item {
                return sum > 0;
            }
        }
        false
    }

    /// Whether in each section what lies from any level on may fit above it.
    fn has_room(&self, state: &State) -> bool {
        let mut shares: Vec<(i64, i64)> = Vec::new();
        self.shares.iter().all(|section| {
            shares.clear();
            let mut ceiling = 0;
            for share in section {
                let item = share.item as usize;
                shares.push((state.least[item] + share.low, share.high - share.low));
                ceiling = ceiling.max(state.most[item] + share.high);
            }
            shares.sort_unstable_by_key(|&(low, _)| std::cmp::Reverse(low));
            let mut sum = 0;
            shares.iter().all(|&(low, height)| {
                sum += height;
                low + sum <= ceiling
            })
        })
    }
}

impl State {
    fn set_order(&mut self, pair: u32, order: Order) {
        self.orders[pair as usize] = order;
        self.order_log.push(pair);
    }

    fn set_bounds(&mut self, item: usize, least: i64, most: i64) {
        self.bound_log
            .push((item as u32, self.least[item], self.most[item]));
        self.least[item] = least;
        self.most[item] = most;
    }

    fn take_back(&mut self, orders: usize, bounds: usize) {
        for pair in self.order_log.drain(orders..) {
            self.orders[pair as usize] = Order::Unknown;
        }
        for (item, least, most) in self.bound_log.drain(bounds..).rev() {
            self.least[item as usize] = least;
            self.most[item as usize] = most;
        }
    }
}

/// Sizes or positions are beyond 2^60 units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

#[cfg(test)]
mod tests {
    use common::job::Job;
    use common::problem::Problem;

    use super::*;

    /// Three jobs of a byte in a terabyte, each above the next, and the first
    /// above the last.
    #[test]
    fn orders_in_a_ring_leave_no_room_at_once() {
        let jobs = (0..3).map(|id| Job::new(id, 0, 1, 1)).collect();
        let problem = Problem::new(jobs).expect("sound");
        let items = Items::new(&problem, 0).expect("small numbers");
        let pairs = Disjunctive::new(&items, 1 << 40).expect("small numbers");
        let pairs = pairs.expect("each has room");
        let mut state = pairs.begin(1000);
        let passes = state.passes;
        for (index, pair) in pairs.pairs.iter().enumerate() {
            let first = (pair.a, pair.b) == (0, 2);
            let order = if first { Order::BBelow } else { Order::ABelow };
            state.set_order(index as u32, order);
        }
        assert!(matches!(
            pairs.propagate(&mut state, &mut || false),
            Outcome::Dead
        ));
        assert!(passes - state.passes <= WATCHED + 3);
    }
}
