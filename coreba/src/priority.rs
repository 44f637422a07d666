//! The priority rule: in which order jobs are tried, for whoever needs an order.
//!
//! A job's key is a weighted sum of the logarithms of its size and its lifetime
//! and of the pressure on it, and noise, on single jobs or on classes of equal
//! size; the largest key comes first. No weights win everywhere, so they are
//! drawn anew from run to run, more often near those that did best ([`Elite`]).
//! Dives, first fit in orders and the exact search use the same rule, each with
//! weights of its own.

use rand::{Rng, RngExt as _};

/// What a key sees of a job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Features {
    /// Logarithm of the size in units.
    pub(crate) log_size: f32,
    /// Logarithm of the lifetime, in sections or ticks.
    pub(crate) log_length: f32,
    /// The largest load during its life, over LOAD: 0 to 1.
    pub(crate) pressure: f32,
    /// Jobs of one class share their class noise.
    pub(crate) class: u64,
}

/// Weights of the key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Priority {
    pub(crate) size: f32,
    pub(crate) length: f32,
    pub(crate) pressure: f32,
    /// Amplitude of the noise on all jobs of one class.
    pub(crate) class_noise: f32,
    /// Amplitude of the noise on each job.
    pub(crate) job_noise: f32,
}

impl Priority {
    /// Weights of size and lifetime alone.
    pub(crate) const fn of(size: f32, length: f32) -> Priority {
        Priority {
            size,
            length,
            pressure: 0.0,
            class_noise: 0.0,
            job_noise: 0.0,
        }
    }

    /// Weights of size and lifetime within `reach` of these.
    pub(crate) fn near(mut self, reach: f32, random: &mut impl Rng) -> Priority {
        self.size += random.random_range(-reach..reach);
        self.length += random.random_range(-reach..reach);
        self
    }

    /// A job's key. `salt` tells one draw of class noise from another.
    pub(crate) fn key(&self, job: &Features, salt: u64, random: &mut impl Rng) -> f32 {
        let mut key = self.size * job.log_size + self.length * job.log_length;
        if self.pressure != 0.0 {
            key += self.pressure * job.pressure;
        }
        if self.class_noise > 0.0 {
            key += self.class_noise * unit_noise(job.class ^ salt);
        }
        if self.job_noise > 0.0 {
            key += self.job_noise * random.random_range(-1.0..1.0f32);
        }
        key
    }
}

/// How far from weights that did well new ones are drawn: mostly near, at times
/// far, as some instances ask for very little of one weight. Up to a quarter.
pub(crate) fn any_reach(random: &mut impl Rng) -> f32 {
    0.25 * random.random_range(-4.0..0.0f32).exp()
}

/// A number from -1 to 1 that a value decides (the mixing of SplitMix64).
fn unit_noise(value: u64) -> f32 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    (z >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

/// The few best of what was tried, by a score of which the least is best; of
/// equal ones the earliest.
#[derive(Clone, Debug)]
pub(crate) struct Elite<S, T> {
    kept: Vec<(S, T)>,
    most: usize,
}

impl<S: Ord, T: Copy> Elite<S, T> {
    /// Remembers up to `most`.
    pub(crate) fn new(most: usize) -> Elite<S, T> {
        Elite {
            kept: Vec::with_capacity(most + 1),
            most,
        }
    }

    /// Takes one in, if it is among the best.
    pub(crate) fn push(&mut self, score: S, tried: T) {
        self.kept.push((score, tried));
        self.kept.sort_by(|a, b| a.0.cmp(&b.0));
        self.kept.truncate(self.most);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(_, tried)| tried)
    }

    /// Any of them, each as likely. There must be one.
    pub(crate) fn draw(&self, random: &mut impl Rng) -> T {
        self.kept[random.random_range(0..self.kept.len())].1
    }
}
