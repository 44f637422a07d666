//! Gluing: chains of jobs of one size, each beginning where another ends.
//!
//! A chain is placed as one job of a long life, which leaves far fewer edges in
//! the skyline. Between two jobs of a chain there may be a gap: its addresses
//! are wasted there, so a gap is allowed only where every section in it has the
//! slack. Flat loads of few sizes gain most, as of a server's many threads.
//!
//! Jobs are taken by birth; each is chained to the one of its size that ended
//! last. O(n log n) for few sizes.

use rand::Rng;
use rand::RngExt as _;
use rustc_hash::FxHashMap;

use super::Descent;
use super::needs::Needs;
use crate::cut::Cut;

/// How to glue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gluing {
    /// Sections that a gap may have.
    pub(crate) gap: u32,
    /// Slack in units that gaps leave everywhere.
    pub(crate) reserve: i64,
    /// Up to how many of the chains that ended last are passed over by chance.
    pub(crate) noise: usize,
}

/// The jobs of each chain, by time.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    chains: Vec<Vec<u32>>,
}

impl Chains {
    /// Glues a cut's jobs while no section's need passes `target`: the cut of
    /// the chains, and what they are made of.
    pub(crate) fn new(
        cut: &Cut,
        gluing: &Gluing,
        target: i64,
        random: &mut impl Rng,
    ) -> (Cut, Chains) {
        let mut needs = Needs::default();
        needs.reset(cut.needs().into_iter());
        let allowed = target - gluing.reserve;
        let mut order: Vec<u32> = (0..cut.len() as u32).collect();
        order.sort_by_key(|&job| (cut.first[job as usize], job));
        // Of each size (and alignment) the chains by the section they end in.
        let mut ends: FxHashMap<(i64, i64, i64), std::collections::BTreeSet<(u32, u32)>> =
            FxHashMap::default();
        let mut chains: Vec<Vec<u32>> = Vec::new();
        for job in order {
            let index = job as usize;
            let (first, last, size) = (cut.first[index], cut.last[index], cut.size[index]);
            let (alignment, residue) = cut.residue(index);
            let ends = ends.entry((size, alignment, residue)).or_default();
            let passed = if gluing.noise == 0 {
                0
            } else {
                random.random_range(0..=gluing.noise)
            };
            let before = ends
                .range(..(first, 0))
                .rev()
                .take(passed + 1)
                .last()
                .copied();
            let joined = before.filter(|&(end, _)| {
                let gap = first - end - 1;
                gap == 0 || gap <= gluing.gap && needs.largest(end + 1, first).0 + size <= allowed
            });
            let chain = match joined {
                Some((end, chain)) => {
                    if end + 1 < first {
                        needs.add(end + 1, first, size);
                    }
                    ends.remove(&(end, chain));
                    chains[chain as usize].push(job);
                    chain
                }
                None => {
                    chains.push(vec![job]);
                    chains.len() as u32 - 1
                }
            };
            ends.insert((last, chain));
        }
        (cut.chained(&chains), Chains { chains })
    }

    /// What a descent of the chains is for their jobs.
    pub(crate) fn apart(&self, descent: &Descent, jobs: usize) -> Descent {
        let mut apart = Descent {
            order: Vec::with_capacity(jobs),
            positions: vec![0; jobs],
            top: descent.top,
        };
        for &chain in &descent.order {
            for &job in &self.chains[chain as usize] {
                apart.order.push(job);
                apart.positions[job as usize] = descent.positions[chain as usize];
            }
        }
        apart
    }
}
