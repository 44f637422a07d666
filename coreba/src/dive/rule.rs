//! By which priority a dive prefers jobs, and how it decides.

use rand::{Rng, RngExt as _};

use super::index::{Rank, rank};
use crate::instance::Subproblem;
use crate::priority::{Features, Priority, any_reach};

/// One way to dive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct DiveRule {
    pub(crate) priority: Priority,
    /// Share of the target below which slack counts as small.
    pub(crate) threshold: f32,
    /// How many candidates are looked at.
    pub(crate) lookahead: u8,
}

/// Families of weights: (size, length, pressure).
const WEIGHTS: [(f32, f32, f32); 6] = [
    (0.0, 1.0, 0.0),
    (1.0, 1.0, 0.0),
    (0.3, 1.0, 0.0),
    (1.0, 0.0, 0.0),
    (0.0, 1.0, 12.0),
    (1.0, 0.3, 0.0),
];

const THRESHOLDS: [f32; 4] = [0.03, 0.01, 0.1, 0.003];

impl DiveRule {
    /// The rules that are tried before any chance comes in.
    pub(crate) fn plain(index: usize) -> DiveRule {
        let (size, length, pressure) = WEIGHTS[index % WEIGHTS.len()];
        DiveRule {
            priority: Priority {
                pressure,
                ..Priority::of(size, length)
            },
            threshold: THRESHOLDS[index / WEIGHTS.len() % THRESHOLDS.len()],
            lookahead: 4,
        }
    }

    /// How many plain rules there are.
    pub(crate) const PLAIN: usize = WEIGHTS.len() * THRESHOLDS.len();

    /// A rule near this one.
    pub(crate) fn varied(&self, random: &mut impl Rng) -> DiveRule {
        let mut varied = *self;
        let reach = any_reach(random);
        varied.priority = varied.priority.near(reach, random);
        if random.random_bool(0.25) {
            varied.priority.pressure = random.random_range(0.0..12.0f32);
        }
        varied.threshold *= random.random_range(-1.0..1.0f32).exp();
        varied.priority.class_noise = if random.random_bool(0.4) {
            random.random_range(0.0..1.0)
        } else {
            0.0
        };
        varied.priority.job_noise = if random.random_bool(0.6) {
            random.random_range(-4.0..0.5f32).exp()
        } else {
            0.0
        };
        varied.lookahead = [1, 2, 4, 4, 8][random.random_range(0..5)];
        varied
    }

    /// Ranks of a subproblem's jobs by this rule. O(n).
    pub(crate) fn ranks(&self, subproblem: &Subproblem, random: &mut impl Rng) -> Vec<Rank> {
        let salt: u64 = random.random();
        (0..subproblem.len())
            .map(|job| {
                let features = Features {
                    log_size: subproblem.log_size[job],
                    log_length: subproblem.log_length[job],
                    pressure: subproblem.pressure[job],
                    class: subproblem.size[job] as u64,
                };
                rank(self.priority.key(&features, salt, random), job as u32)
            })
            .collect()
    }
}
