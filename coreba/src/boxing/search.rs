//! Restarts of the boxing: other critical times, other parameters, and of each
//! boxing a few orders to squeeze.
//!
//! The first boxing, of all items, is dropped, for a first answer. The next are
//! of the hard core alone ([`crate::instance::peel`]; the peeled then go back in the
//! reverse order of peeling) and of all items again, all with the e that the
//! search of Theorem 16 finds. From then on every other boxing is drawn at
//! random, and the others lie near one that improved the best: what pays differs
//! from instance to instance, the width of the classes above all.

use std::cmp::Reverse;

use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::drop::dropped;
use super::jobs::Jobs;
use super::theorem16::{self, Choice, MU_LIMIT};
use super::unbox::{self, Loose, Stacking};
use crate::fit::packing::{self, Packing};
use crate::fit::{Fit, Taken};
use crate::instance::Items;
use crate::instance::peel::Peeled;
use crate::portfolio::batch::Crew;
use crate::priority::Elite;
use crate::solution::Squeeze;

/// Attempts that improved the best, the latest of which are varied.
const ELITE: usize = 4;

/// Attempts with the e of Theorem 16's search.
const PLAIN: u64 = 3;

/// A set of items to box, and what Theorem 16 needs to know of it.
#[derive(Debug)]
struct Part {
    boxed: Vec<u32>,
    /// What is placed after the boxed, in order.
    after: Vec<u32>,
    /// Distinct heights of the boxed in order.
    heights: Vec<u64>,
    /// The e that the search finds, and the range that it is from.
    best_e: f64,
    range: (f64, f64),
}

/// Boxes the items of a problem again and again.
#[derive(Debug)]
pub(crate) struct Boxer<'a> {
    items: &'a Items,
    hulls: Jobs,
    whole: Part,
    /// Where peeling leaves a core that is not all.
    core: Option<Part>,
    attempts: u64,
    /// The latest first.
    elite: Elite<Reverse<u64>, Attempt>,
    seed: u64,
}

/// What a boxing depends on.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    is_core: bool,
    choice: Choice,
    stacking: Stacking,
    /// Whether it is the first of all.
    is_first: bool,
}

/// A boxing, unboxed.
#[derive(Debug)]
pub(crate) struct Boxing {
    attempt: Attempt,
    loose: Loose,
}

/// Ways to squeeze for a good answer.
const SQUEEZES: [Squeeze; 4] = [
    Squeeze::Class(Fit::First),
    Squeeze::Level,
    Squeeze::Offset,
    Squeeze::Class(Fit::Best),
];

impl Part {
    fn new(hulls: &Jobs, boxed: Vec<u32>, after: Vec<u32>) -> Part {
        let mut heights: Vec<u64> = boxed.iter().map(|&item| hulls.job(item).height).collect();
        heights.sort_unstable();
        heights.dedup();
        let (best_e, range) = theorem16::search(&heights);
        Part {
            boxed,
            after,
            heights,
            best_e,
            range,
        }
    }
}

impl<'a> Boxer<'a> {
    /// Items of fixed position are not boxed: the squeeze keeps them. O(n log n).
    pub(crate) fn new(items: &'a Items, peeled: &Peeled, seed: u64) -> Boxer<'a> {
        let hulls = Jobs::of_items(items);
        let is_free = |&item: &u32| items.item(item).pin.is_none();
        let all = 0..items.len() as u32;
        let whole = Part::new(&hulls, all.filter(is_free).collect(), Vec::new());
        let core: Vec<u32> = peeled.core.iter().copied().filter(is_free).collect();
        let core = (!core.is_empty() && core.len() < whole.boxed.len()).then(|| {
            let zones = peeled.zones.iter().flat_map(|zone| zone.iter().rev());
            let after = peeled.peeled.iter().rev().chain(zones).copied();
            Part::new(&hulls, core, after.collect())
        });
        Boxer {
            items,
            hulls,
            whole,
            core,
            attempts: 0,
            elite: Elite::new(ELITE),
            seed,
        }
    }

    fn part(&self, attempt: &Attempt) -> &Part {
        match &self.core {
            Some(core) if attempt.is_core => core,
            _ => &self.whole,
        }
    }

    /// The next boxing. `None` where `crew` ends the search.
    pub(crate) fn next(&mut self, crew: &mut Crew<'_>) -> Option<Boxing> {
        let attempt = self.choose();
        self.attempts += 1;
        let part = self.part(&attempt);
        let mut jobs = self.hulls.clone();
        let boxes = theorem16::boxes(
            &mut jobs,
            part.boxed.clone(),
            &part.heights,
            &attempt.choice,
            crew,
        )?;
        let loose = unbox::unbox(&jobs, boxes, attempt.stacking);
        Some(Boxing { attempt, loose })
    }

    fn choose(&self) -> Attempt {
        let salt = self.attempts.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(self.seed ^ salt);
        let mut attempt = Attempt {
            is_core: self.attempts == 1,
            choice: Choice {
                e: None,
                last_mu: None,
                shift: 0.0,
                seed: random.random(),
            },
            stacking: Stacking::Fullest,
            is_first: self.attempts == 0,
        };
        if self.attempts < PLAIN {
            attempt.choice.e = Some(self.part(&attempt).best_e);
        } else if self.attempts % 2 == 1 && !self.elite.is_empty() {
            let near = self.elite.draw(&mut random);
            attempt.vary(&near, &mut random);
        } else {
            attempt.is_core = random.random_bool(0.5);
            attempt.draw(self.part(&attempt).range, &mut random);
        }
        attempt
    }

    /// Remembers what improved the best.
    pub(crate) fn learn(&mut self, boxing: &Boxing) {
        self.elite.push(Reverse(self.attempts), boxing.attempt);
    }

    /// The ways to squeeze a boxing.
    pub(crate) fn squeezes(&self, boxing: &Boxing) -> &'static [Squeeze] {
        if boxing.attempt.is_first {
            &[Squeeze::Drop]
        } else {
            &SQUEEZES
        }
    }

    /// Squeezes a boxing, and what first fit gives once more where it is above
    /// `bound`. `None` where the makespan would pass `limit` (both in bytes), or
    /// `stop` says so.
    pub(crate) fn squeeze(
        &self,
        boxing: &Boxing,
        squeeze: Squeeze,
        (limit, bound): (u64, u64),
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<Packing> {
        let order = self.order(boxing, squeeze);
        let fit = match squeeze {
            Squeeze::Drop => {
                return dropped(self.items, &order).filter(|packing| packing.makespan <= limit);
            }
            Squeeze::Class(fit) => fit,
            Squeeze::Offset | Squeeze::Level => Fit::First,
        };
        let mut taken = Taken::new(self.items);
        let mut packing = packing::in_order(self.items, &order, fit, &mut taken, limit, stop)?;
        if packing.makespan > bound {
            packing::squeeze(self.items, &mut packing, &mut taken, stop);
        }
        Some(packing)
    }

    /// All items but those of fixed position, in the order of a squeeze.
    fn order(&self, boxing: &Boxing, squeeze: Squeeze) -> Vec<u32> {
        let part = self.part(&boxing.attempt);
        let mut order = part.boxed.clone();
        let place = |item: u32| &boxing.loose.places[item as usize];
        let size = |item: u32| self.items.item(item).size;
        match squeeze {
            Squeeze::Drop | Squeeze::Offset => {
                order.sort_by_key(|&item| (place(item).offset, Reverse(size(item))));
            }
            Squeeze::Class(_) => {
                order.sort_by_key(|&item| (Reverse(place(item).row_height), place(item).offset));
            }
            Squeeze::Level => order.sort_by_key(|&item| (place(item).level, Reverse(size(item)))),
        }
        order.extend(&part.after);
        order
    }
}

impl Attempt {
    /// Draws parameters at random.
    fn draw(&mut self, (least, limit): (f64, f64), random: &mut Xoshiro256PlusPlus) {
        let choice = &mut self.choice;
        choice.e =
            (least < limit && random.random_bool(0.5)).then(|| random.random_range(least..limit));
        choice.last_mu = random
            .random_bool(0.75)
            .then(|| MU_LIMIT * random.random_range(-4.0..0.0f64).exp());
        choice.shift = random.random_range(0.0..1.0);
        if random.random_bool(0.5) {
            self.stacking = Stacking::Coloured;
        }
    }

    /// Takes parameters near another's.
    fn vary(&mut self, near: &Attempt, random: &mut Xoshiro256PlusPlus) {
        let seed = self.choice.seed;
        *self = *near;
        self.is_first = false;
        self.choice.seed = seed;
        let mut vary = |value: f64| value * random.random_range(-0.1..0.1f64).exp();
        self.choice.e = self.choice.e.map(&mut vary);
        self.choice.last_mu = self.choice.last_mu.map(&mut vary);
        self.choice.shift = (self.choice.shift + random.random_range(-0.1..0.1f64)).rem_euclid(1.0);
    }
}
