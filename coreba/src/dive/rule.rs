//! Recipes: the keys by which a dive prefers jobs, and how it decides.
//!
//! A job's key is a weighted sum of the logarithms of its size and lifetime and
//! of the pressure on it, and noise, on single jobs or on classes of equal
//! size. No recipe wins everywhere, so all weights are drawn anew from run to
//! run, and those that paid are drawn more often.

use rand::{Rng, RngExt as _};

use crate::cut::Cut;
use crate::dive::{Rank, rank};

/// One way to order jobs and to dive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Recipe {
    pub(crate) size: f32,
    pub(crate) length: f32,
    pub(crate) pressure: f32,
    /// Amplitude of the noise on all jobs of one size.
    pub(crate) class_noise: f32,
    /// Amplitude of the noise on each job.
    pub(crate) job_noise: f32,
    /// Share of the target below which slack counts as small.
    pub(crate) threshold: f32,
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

impl Recipe {
    /// The recipes that are tried before any chance comes in.
    pub(crate) fn plain(index: usize) -> Recipe {
        let (size, length, pressure) = WEIGHTS[index % WEIGHTS.len()];
        let threshold = THRESHOLDS[index / WEIGHTS.len() % THRESHOLDS.len()];
        Recipe {
            size,
            length,
            pressure,
            class_noise: 0.0,
            job_noise: 0.0,
            threshold,
            lookahead: 4,
        }
    }

    /// How many plain recipes there are.
    pub(crate) const PLAIN: usize = WEIGHTS.len() * THRESHOLDS.len();

    /// A recipe near this one.
    pub(crate) fn varied(&self, random: &mut impl Rng) -> Recipe {
        let mut varied = *self;
        // Near and far: some instances ask for very little of one weight.
        let reach = 0.25 * random.random_range(-4.0..0.0f32).exp();
        varied.size += random.random_range(-reach..reach);
        varied.length += random.random_range(-reach..reach);
        if random.random_bool(0.25) {
            varied.pressure = random.random_range(0.0..12.0f32);
        }
        varied.threshold *= random.random_range(-1.0..1.0f32).exp();
        varied.class_noise = if random.random_bool(0.4) {
            random.random_range(0.0..1.0)
        } else {
            0.0
        };
        varied.job_noise = if random.random_bool(0.6) {
            random.random_range(-4.0..0.5f32).exp()
        } else {
            0.0
        };
        varied.lookahead = [1, 2, 4, 4, 8][random.random_range(0..5)];
        varied
    }

    /// Ranks of a cut's jobs by this recipe. O(n).
    pub(crate) fn ranks(&self, cut: &Cut, random: &mut impl Rng) -> Vec<Rank> {
        let salt: u64 = random.random();
        (0..cut.len())
            .map(|job| {
                let mut key = self.size * cut.log_size[job] + self.length * cut.log_length[job];
                if self.pressure != 0.0 {
                    key += self.pressure * cut.pressure[job];
                }
                if self.class_noise > 0.0 {
                    key += self.class_noise * unit_noise(cut.size[job] as u64 ^ salt);
                }
                if self.job_noise > 0.0 {
                    key += self.job_noise * random.random_range(-1.0..1.0f32);
                }
                rank(key, job as u32)
            })
            .collect()
    }
}

/// A number from -1 to 1 that a value decides (the mixing of SplitMix64).
fn unit_noise(value: u64) -> f32 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}
