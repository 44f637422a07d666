//! In which order a run tries candidates, and how long runs are.
//!
//! No weights win everywhere, so each run draws its own: around a few fixed
//! ones, or around those of a run that came far.

use std::cmp::Reverse;

use rand::{Rng, RngExt as _};

use super::model::Model;
use crate::priority::{Elite, Features, Priority};

/// Weights (size, lifetime) of the first runs.
const FAMILIES: [(f32, f32); 5] = [(0.5, 1.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.3)];

/// Noise on the first runs, which breaks ties.
const LEAST_NOISE: f32 = 0.02;

/// How far from known weights new ones are drawn.
const REACH: f32 = 0.2;

/// The weights of a run: the first few are fixed.
pub(crate) fn draw(
    run: u64,
    elite: &Elite<Reverse<usize>, Priority>,
    random: &mut impl Rng,
) -> Priority {
    let fixed = |index: usize, job_noise: f32| Priority {
        job_noise,
        ..Priority::of(FAMILIES[index].0, FAMILIES[index].1)
    };
    if run < FAMILIES.len() as u64 {
        return fixed(run as usize, LEAST_NOISE);
    }
    let job_noise = random.random_range(-4.0..0.3f32).exp();
    let mut weights = if !elite.is_empty() && random.random_bool(0.4) {
        Priority {
            job_noise,
            ..elite.draw(random)
        }
    } else {
        fixed(random.random_range(0..FAMILIES.len()), job_noise)
    };
    weights.length += random.random_range(-REACH..REACH);
    weights.size += random.random_range(-REACH..REACH);
    weights
}

/// Ranks of the jobs: 0 is tried first. O(n log n).
pub(crate) fn ranks(weights: &Priority, model: &Model, random: &mut impl Rng) -> Vec<u32> {
    let mut keys: Vec<(f32, u32)> = (0..model.len())
        .map(|job| {
            let features = Features {
                log_size: model.log_size[job],
                log_length: model.log_length[job],
                ..Features::default()
            };
            (weights.key(&features, 0, random), job as u32)
        })
        .collect();
    keys.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut ranks = vec![0; keys.len()];
    for (rank, &(_, job)) in keys.iter().enumerate() {
        ranks[job as usize] = rank as u32;
    }
    ranks
}

/// The sequence 1 1 2 1 1 2 4 ... of Luby, Sinclair and Zuckerman (1993), from
/// index 1 on. Unbounded, so some run is long enough for any tree.
pub(crate) fn luby(mut index: u64) -> u64 {
    loop {
        let bits = u64::BITS - index.leading_zeros();
        if index + 1 == 1 << bits {
            return 1 << (bits - 1);
        }
        index -= (1 << (bits - 1)) - 1;
    }
}
