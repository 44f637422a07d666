//! Looking for the place of one item among those that share a section with it:
//! the lowest hole, or else where what is in the way weighs least.

use super::rows::{Around, Placed};

/// What is looked for: positions up to `highest` for an item of `size` units.
#[derive(Clone, Copy)]
pub(super) struct Wanted<A: Fn(u64) -> u64> {
    pub(super) size: u64,
    pub(super) highest: u64,
    /// The lowest position from another on that the item's alignment allows.
    pub(super) align: A,
}

/// Where an item may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// The lowest position at which nothing is in the way.
    Hole(u64),
    /// Without any, the position at which what is in the way weighs least.
    Over(u64),
    /// No position is allowed.
    Nowhere,
}

/// Positions in a row.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// What is in the way at each of them weighs at least this.
    bound: f64,
    from: u64,
    /// One past the last.
    to: u64,
    /// Which of the live items is the first that may be in the way.
    live: usize,
}

/// Keeps its memory from search to search.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    /// So many live items are few: all positions are looked at at once.
    few: usize,
    /// The items in the way at the place that was found last.
    pub(super) met: Vec<u32>,
    stretches: Vec<Stretch>,
    near: Vec<Placed>,
    window: Window,
}

/// By how much more what is in the way may weigh where nothing is found, at first
/// no more than the item.
const MORE: f64 = 16.0;

/// What it costs to sort an item in, and to meet it, in items looked at.
const SORTED: usize = 3;

/// By what part a bound, a sum to which weights are added and from which they are
/// taken again, may be wrong.
const ROUNDING: f64 = 1e-9;

/// How many times as many items as there are in the blocks may be looked at
/// before all positions are looked at at once.
const REGRET: usize = 16;

/// Live items up to which bounds save less than they cost.
const FEW: usize = 1000;

impl Default for Sweep {
    fn default() -> Self {
        Sweep::new(FEW)
    }
}

impl Sweep {
    pub(super) fn new(few: usize) -> Sweep {
        Sweep {
            few,
            met: Vec::new(),
            stretches: Vec::new(),
            near: Vec::new(),
            window: Window::default(),
        }
    }

    /// The place for an item of some weight, and how many items were looked at.
    /// Of places of equal weight `choose` says whether the k-th found takes the
    /// place of those before.
    ///
    /// What is live in one section bounds the weight at every position from
    /// below. Only where that bound is no more than the best so far the others
    /// are looked at, the least bound first: O(l) for l live items, and some more
    /// at a few places. Where few are live, or bounds save nothing, all positions
    /// are looked at: O(k log k) for k items in the blocks.
    pub(super) fn find(
        &mut self,
        around: Around<'_>,
        wanted: &Wanted<impl Fn(u64) -> u64>,
        weight: f64,
        choose: impl FnMut(u32) -> bool,
    ) -> (Place, usize) {
        let mut search = Search {
            around,
            at: 0,
            end: 0,
            wanted,
            window: &mut self.window,
            stretches: &mut self.stretches,
            near: &mut self.near,
            least: f64::INFINITY,
            place: Place::Nowhere,
            ties: 0,
            met: &mut self.met,
            choose,
            seen: 0,
        };
        if around.count() <= self.few {
            search.look_at_all();
        } else {
            search.run(weight);
        }
        (search.place, search.seen)
    }
}

/// What is in the way at a position, the lowest ends first.
#[derive(Clone, Debug, Default)]
struct Window {
    /// Upper ends, weights and numbers.
    ends: Vec<(u64, f64, u32)>,
    /// Those before this one are dropped.
    front: usize,
    weight: f64,
}

impl Window {
    #[inline]
    fn clear(&mut self) {
        self.ends.clear();
        self.front = 0;
        self.weight = 0.0;
    }

    /// All in the window.
    #[inline]
    fn ends(&self) -> &[(u64, f64, u32)] {
        &self.ends[self.front..]
    }

    #[inline]
    fn add(&mut self, placed: &Placed, number: u32) {
        let end = (placed.high, placed.weight, number);
        match self.ends().last() {
            Some(last) if last.0 > end.0 => {
                let behind = self.ends().iter().rev();
                let behind = behind.take_while(|other| other.0 > end.0).count();
                self.ends.insert(self.ends.len() - behind, end);
            }
            _ => self.ends.push(end),
        }
        self.weight += placed.weight;
    }

    /// Drops what ends at `at` or below.
    #[inline]
    fn drop_below(&mut self, at: u64) {
        while let Some(&(high, weight, _)) = self.ends().first()
            && high <= at
        {
            self.front += 1;
            self.weight = (self.weight - weight).max(0.0);
        }
        if self.ends().is_empty() {
            // No rounding is to be left of what was.
            self.clear();
        }
    }
}

struct Search<'s, A: Fn(u64) -> u64, C> {
    around: Around<'s>,
    /// All positions of the stretch below are settled.
    at: u64,
    /// One past its last position.
    end: u64,
    wanted: &'s Wanted<A>,
    /// What was met so far that is in the way at `at`.
    window: &'s mut Window,
    stretches: &'s mut Vec<Stretch>,
    near: &'s mut Vec<Placed>,
    least: f64,
    place: Place,
    /// Places of equal weight so far.
    ties: u32,
    met: &'s mut Vec<u32>,
    choose: C,
    /// Items looked at.
    seen: usize,
}

impl<A: Fn(u64) -> u64, C: FnMut(u32) -> bool> Search<'_, A, C> {
    /// Looks where the bounds are no more than the best so far, the least first:
    /// up to a weight, and where the best is more than that, up to more.
    fn run(&mut self, weight: f64) {
        if (self.wanted.align)(0) > self.wanted.highest {
            return;
        }
        let (mut done, mut most) = (f64::NEG_INFINITY, weight);
        let most_seen = REGRET * self.around.all();
        loop {
            self.bound(most * (1.0 + ROUNDING));
            self.stretches.retain(|stretch| stretch.bound > done);
            let order =
                |a: &Stretch, b: &Stretch| a.bound.total_cmp(&b.bound).then(a.from.cmp(&b.from));
            self.stretches.sort_unstable_by(order);
            for index in 0..self.stretches.len() {
                let stretch = self.stretches[index];
                if stretch.bound > self.least {
                    break;
                }
                if self.seen > most_seen {
                    return self.look_at_all();
                }
                self.look_at(stretch);
            }
            if self.least <= most || most == f64::INFINITY {
                return;
            }
            done = most;
            most = self.least.min(MORE * most);
        }
    }

    /// Looks at all positions.
    fn look_at_all(&mut self) {
        self.look_at(Stretch {
            bound: 0.0,
            from: (self.wanted.align)(0),
            to: self.wanted.highest + 1,
            live: 0,
        });
    }

    /// Collects the stretches with bounds up to `most`.
    fn bound(&mut self, most: f64) {
        let Wanted { size, highest, .. } = *self.wanted;
        self.stretches.clear();
        self.window.clear();
        self.seen += self.around.count();
        self.at = 0;
        for (index, placed) in self.around.live(0) {
            while self.at + size <= placed.low {
                self.add(placed.low - size + 1, index);
            }
            if placed.weight > most {
                self.at = self.at.max(placed.high);
                self.window.clear();
                continue;
            }
            self.window.add(placed, index as u32);
            while self.window.weight > most
                && let Some(&(high, ..)) = self.window.ends().first()
            {
                self.at = self.at.max(high);
                self.window.drop_below(self.at);
            }
        }
        while self.at <= highest {
            self.add(highest + 1, self.around.count());
        }
    }

    /// Adds the stretch that begins at `at`, ends at `to` at most, and has what is
    /// in the window in the way, or else nothing below the item `next`. Goes on
    /// behind it.
    fn add(&mut self, to: u64, next: usize) {
        let front = self.window.ends().first();
        let end = front.map_or(to, |&(high, ..)| to.min(high));
        let stretch = Stretch {
            bound: self.window.weight,
            from: (self.wanted.align)(self.at),
            to: end.min(self.wanted.highest + 1),
            live: front.map_or(next, |&(_, _, index)| index as usize),
        };
        if stretch.from < stretch.to {
            self.stretches.push(stretch);
        }
        self.at = end;
        self.window.drop_below(end);
    }

    /// Looks at the positions of a stretch.
    fn look_at(&mut self, stretch: Stretch) {
        self.at = stretch.from;
        if self.at >= stretch.to {
            return;
        }
        self.end = stretch.to;
        let (size, end) = (self.wanted.size, stretch.to - 1 + self.wanted.size);
        let addresses = (self.at, end);
        if !self
            .around
            .may_hold(size, addresses, self.least, &mut self.seen)
        {
            return;
        }
        self.near.clear();
        let live = self.around.live(stretch.live);
        let live = live.map(|(_, placed)| *placed);
        self.near.extend(live.take_while(|placed| placed.low < end));
        self.seen += self.around.others(addresses, self.near) + SORTED * self.near.len();
        // Of a few parts in order, as the sort finds.
        self.near.sort_by_key(Placed::key);
        self.window.clear();
        for index in 0..self.near.len() {
            if self.meet(index) {
                return;
            }
        }
        while !self.settle() {}
    }

    /// Goes on to the next item from below; says whether the stretch is over.
    #[inline]
    fn meet(&mut self, index: usize) -> bool {
        let placed = self.near[index];
        while self.at + self.wanted.size <= placed.low {
            if self.settle() {
                return true;
            }
        }
        if placed.high <= self.at {
            return false;
        }
        if placed.weight > self.least {
            return self.go_on(placed.high);
        }
        self.window.add(&placed, placed.item);
        while self.window.weight > self.least
            && let Some(&(high, ..)) = self.window.ends().first()
        {
            if self.go_on(high) {
                return true;
            }
        }
        false
    }

    /// All that is in the way at `at` is known. Goes on to the next position;
    /// says whether the stretch is over.
    fn settle(&mut self) -> bool {
        let Some(&(high, ..)) = self.window.ends().first() else {
            (self.least, self.place) = (f64::NEG_INFINITY, Place::Hole(self.at));
            return true;
        };
        let weight = self.window.weight;
        if weight <= self.least {
            self.ties = if weight < self.least {
                1
            } else {
                self.ties + 1
            };
            if weight < self.least || (self.choose)(self.ties) {
                self.least = weight;
                self.place = Place::Over(self.at);
                self.met.clear();
                self.met.extend(self.window.ends().iter().map(|end| end.2));
            }
        }
        // Lower than at one of the ends there can only be more in the way.
        self.go_on(high)
    }

    /// Goes on to the first position from `from` on; says whether that is behind the stretch.
    #[inline]
    fn go_on(&mut self, from: u64) -> bool {
        self.at = (self.wanted.align)(from);
        self.window.drop_below(self.at);
        self.at >= self.end
    }
}
