//! In which order a run tries candidates, and how long runs are.
//!
//! No weights win everywhere, so each run draws its own: around a few fixed
//! ones, or around those of a run that came far.

use rand::{Rng, RngExt as _};

use super::model::Model;

/// Weights of the key by which candidates are tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Weights {
    pub(crate) length: f32,
    pub(crate) size: f32,
    pub(crate) noise: f32,
}

/// (lifetime, size).
const FAMILIES: [(f32, f32); 5] = [(1.0, 0.5), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.3, 1.0)];

impl Weights {
    /// The weights of a run: the first few are fixed.
    pub(crate) fn draw(run: u64, elite: &[Weights], random: &mut impl Rng) -> Weights {
        let fixed = |index: usize, noise: f32| Weights {
            length: FAMILIES[index].0,
            size: FAMILIES[index].1,
            noise,
        };
        if run < FAMILIES.len() as u64 {
            return fixed(run as usize, 0.02);
        }
        let noise = random.random_range(-4.0..0.3f32).exp();
        let mut weights = if !elite.is_empty() && random.random_bool(0.4) {
            let chosen = elite[random.random_range(0..elite.len())];
            Weights { noise, ..chosen }
        } else {
            fixed(random.random_range(0..FAMILIES.len()), noise)
        };
        weights.length += random.random_range(-0.2..0.2f32);
        weights.size += random.random_range(-0.2..0.2f32);
        weights
    }

    /// Ranks of the jobs: 0 is tried first. O(n log n).
    pub(crate) fn ranks(&self, model: &Model, random: &mut impl Rng) -> Vec<u32> {
        let mut keys: Vec<(f32, u32)> = (0..model.len())
            .map(|job| {
                let noise = self.noise * random.random_range(-1.0..1.0f32);
                let key = self.length * model.log_length[job] + self.size * model.log_size[job];
                (key + noise, job as u32)
            })
            .collect();
        keys.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut ranks = vec![0; keys.len()];
        for (rank, &(_, job)) in keys.iter().enumerate() {
            ranks[job as usize] = rank as u32;
        }
        ranks
    }
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
