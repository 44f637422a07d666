//! Theorem 16: jobs of any heights, boxed again and again until all lie in boxes
//! of one height.
//!
//! **Statement.** With r = h_max / h_min, every set of jobs of load L can be
//! placed within (1 + O((h_max / L)^(1/7))) * L.
//!
//! **Construction.** A *round* with parameter e sets
//!
//! ```text
//! mu = e / lg^2 r        H = ceil(mu^5 * h_max / lg^2 r)
//! ```
//!
//! boxes the small jobs, those of height at most the *target size*
//! floor(mu * H), by Corollary 15 with parameter mu into boxes of height H, and
//! merges the boxes with the large jobs. What is smallest has grown, so r is
//! smaller. Rounds go on as long as the invariants hold:
//!
//! - mu < (sqrt 5 - 1)/2: then (1 + mu) mu H < H, so that a small job, rounded up
//!   to a power of 1 + mu, still fits into a box;
//! - the target size is at least h_min: there is a small job.
//!
//! The second asks for mu^6 >= lg^2 r / r, so e runs from (lg^14 r / r)^(1/6) to
//! lg^2 r (sqrt 5 - 1)/2. That range is empty for r below some 2216.53: then a
//! *dummy* job of height ceil(2216.54 * h_min) makes room.
//!
//! At last Corollary 15 boxes all that is left, into boxes of height
//! ceil(h_max / mu).
//!
//! **The practical variant.** The paper chooses e by the load. Here that e is
//! searched, from the small end of its range upward by a hundredth of what is
//! left of it, after whose rounds r is smallest; three steps without an
//! improvement end the search. Heights after a round are known without boxing,
//! so the search costs O(log n) a round. The dummy job counts in h_max and lies
//! nowhere. At the end mu is at most 0.99 of its limit, for roundings.

use super::corollary15::{self, Parameters};
use super::jobs::Jobs;
use crate::portfolio::batch::Crew;

/// mu stays below (sqrt 5 - 1)/2.
pub(crate) const MU_LIMIT: f64 = 0.618_033_988_749_894_9;

/// The ratio r below which no e fits.
const LEAST_RATIO: f64 = 2216.53;

/// The dummy job's height over h_min.
const DUMMY_RATIO: f64 = 2216.54;

/// Steps of the search for e without improvement.
const PATIENCE: u32 = 3;

/// Share of what is left of the range of e, that a step takes.
const STEP: f64 = 0.01;

/// One round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Round {
    pub(crate) mu: f64,
    /// H: the boxes' height.
    pub(crate) height: u64,
    /// The target size: jobs up to it are small.
    pub(crate) target: u64,
}

/// lg^2 of a ratio.
fn squared_log(ratio: f64) -> f64 {
    ratio.log2().powi(2)
}

impl Round {
    /// The next round; `None` where an invariant fails.
    pub(crate) fn new(e: f64, h_min: u64, h_max: u64) -> Option<Round> {
        let log = squared_log(h_max as f64 / h_min as f64);
        let mu = e / log;
        // Not a number where all heights are equal.
        if mu.is_nan() || mu >= MU_LIMIT {
            return None;
        }
        let height = (mu.powi(5) * h_max as f64 / log).ceil();
        let target = (mu * height).floor() as u64;
        (target >= h_min).then_some(Round {
            mu,
            height: height as u64,
            target,
        })
    }
}

/// The heights that are left after some rounds.
#[derive(Clone, Debug)]
struct Heights<'a> {
    /// Distinct heights of the items in order, those that are not boxed yet.
    items: &'a [u64],
    /// Heights of boxes that are not boxed yet.
    boxes: Vec<u64>,
    h_max: u64,
}

impl<'a> Heights<'a> {
    /// Of distinct heights in order, which must not be none, and the dummy job
    /// where it is needed.
    fn new(items: &'a [u64]) -> Heights<'a> {
        let (h_min, h_max) = (items[0], items[items.len() - 1]);
        let dummy = if (h_max as f64 / h_min as f64) < LEAST_RATIO {
            (DUMMY_RATIO * h_min as f64).ceil() as u64
        } else {
            0
        };
        Heights {
            items,
            boxes: Vec::new(),
            h_max: h_max.max(dummy),
        }
    }

    fn h_min(&self) -> u64 {
        let boxes = self.boxes.iter().min().copied().unwrap_or(u64::MAX);
        self.items.first().map_or(boxes, |&item| item.min(boxes))
    }

    fn ratio(&self) -> f64 {
        self.h_max as f64 / self.h_min() as f64
    }

    fn next_round(&self, e: f64) -> Option<Round> {
        Round::new(e, self.h_min(), self.h_max)
    }

    fn perform(&mut self, round: &Round) {
        let small = self.items.partition_point(|&item| item <= round.target);
        self.items = &self.items[small..];
        self.boxes.retain(|&height| height > round.target);
        self.boxes.push(round.height);
        self.h_max = self.h_max.max(round.height);
    }

    /// All rounds with a parameter.
    fn perform_all(&mut self, e: f64) {
        while let Some(round) = self.next_round(e) {
            let before = self.h_min();
            self.perform(&round);
            debug_assert!(
                self.h_min() > before,
                "Theorem 16: r falls from round to round"
            );
        }
    }
}

/// The range of e: from the least that gives a target size of h_min to the
/// greatest that keeps mu below its limit.
pub(crate) fn range_of_e(ratio: f64) -> (f64, f64) {
    let log = squared_log(ratio);
    let least = (log.powi(7) / ratio).powf(1.0 / 6.0);
    (least, log * MU_LIMIT)
}

/// The e after whose rounds r is smallest, and the range that it is from.
/// `heights` must be distinct and in order.
pub(crate) fn search(heights: &[u64]) -> (f64, (f64, f64)) {
    if heights.is_empty() {
        return (0.0, (0.0, 0.0));
    }
    let start = Heights::new(heights);
    let (least, limit) = range_of_e(start.ratio());
    let (mut best, mut smallest) = (least, f64::INFINITY);
    let (mut e, mut failures) = (least, 0);
    while e < limit && failures < PATIENCE {
        let mut left = start.clone();
        left.perform_all(e);
        if left.ratio() < smallest {
            (best, smallest, failures) = (e, left.ratio(), 0);
        } else {
            failures += 1;
        }
        e += STEP * (limit - e);
    }
    (best, (least, limit))
}

/// What a boxing depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    /// e of the rounds; `None` for no rounds at all.
    pub(crate) e: Option<f64>,
    /// mu of the last boxing; `None` for what the rounds leave.
    pub(crate) last_mu: Option<f64>,
    /// See [`Parameters::shift`].
    pub(crate) shift: f64,
    pub(crate) seed: u64,
}

/// Boxes a set into boxes of one height; gives their numbers. `None` where
/// `crew` ends the search. Every item comes out in one box.
pub(crate) fn boxes(
    jobs: &mut Jobs,
    mut set: Vec<u32>,
    heights: &[u64],
    choice: &Choice,
    crew: &mut Crew<'_>,
) -> Option<Vec<u32>> {
    if set.is_empty() {
        return Some(Vec::new());
    }
    let mut left = Heights::new(heights);
    let mut parameters = Parameters {
        height: 0,
        e: 0.0,
        shift: choice.shift,
        seed: choice.seed,
    };
    while let Some(round) = choice.e.and_then(|e| left.next_round(e)) {
        let (small, large): (Vec<u32>, Vec<u32>) = set
            .iter()
            .partition(|&&job| jobs.job(job).height <= round.target);
        parameters.height = round.height;
        parameters.e = round.mu;
        parameters.seed = parameters.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        set = corollary15::boxes(jobs, small, parameters, crew)?;
        set.extend(large);
        left.perform(&round);
        debug_assert_eq!(
            set.iter().map(|&job| jobs.job(job).height).min(),
            Some(left.h_min()),
            "Theorem 16: h_min after a round"
        );
    }
    let most = 0.99 * MU_LIMIT;
    let mu = choice.last_mu.or_else(|| {
        let mu = choice.e? / squared_log(left.ratio());
        (!mu.is_nan()).then_some(mu)
    });
    let h_max = set.iter().map(|&job| jobs.job(job).height).max()?;
    parameters.e = mu.unwrap_or(most).min(most);
    parameters.height = (h_max as f64 / parameters.e).ceil() as u64;
    parameters.seed = !parameters.seed;
    corollary15::boxes(jobs, set, parameters, crew)
}
