//! Gluing: chains of jobs of one size, each beginning where another ends.
//!
//! A chain is placed as one job of a long life, which leaves far fewer edges in
//! the skyline. Between two jobs of a chain there may be a gap: its addresses
//! are wasted there, so a gap is allowed only where every section in it has the
//! slack. Flat loads of few sizes gain most, as of a server's many threads.
//!
//! Each job is paired with the one of its size that ended last before it: by
//! that rule the gaps are those of a stack of levels, as many as the jobs of the
//! size that are live. The gaps that cost least are closed first, while there is
//! slack for them, so that as few chains as can be are left. O(n log n).

use rand::Rng;
use rand::RngExt as _;
use rustc_hash::FxHashMap;

use super::Descent;
use super::needs::Needs;
use crate::cut::Cut;

/// No job.
const NOTHING: u32 = u32::MAX;

/// How to glue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gluing {
    /// Sections that a gap may have.
    pub(crate) gap: u32,
    /// Slack in units that gaps leave everywhere.
    pub(crate) reserve: i64,
    /// Weight of the logarithm of the size, beside that of a gap's length, in
    /// what a gap costs.
    pub(crate) size: f32,
    /// Amplitude of the noise on that.
    pub(crate) noise: f32,
    /// See [`Cut::weigh_sections`]; 0 lets all sections of a chain count alike.
    pub(crate) slack: f64,
    /// Share of each section's slack that gaps leave.
    pub(crate) keep: f64,
}

/// Two jobs of one kind that a chain may join, and the gap between them.
struct Joint {
    before: u32,
    after: u32,
    cost: f32,
}

/// The jobs of each chain, by time.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    chains: Vec<Vec<u32>>,
    /// Chains that last from the first section to the last, which lie at the
    /// bottom, each at its position: they are no part of the cut of the chains.
    bottom: Vec<(Vec<u32>, i64)>,
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
        let mut joints = joints(cut, gluing, random);
        joints.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.after.cmp(&b.after)));
        let mut needs = Needs::default();
        let kept = |need: i64| ((target - need).max(0) as f64 * gluing.keep) as i64;
        needs.reset(cut.needs().into_iter().map(|need| need + kept(need)));
        let allowed = target - gluing.reserve;
        let mut next = vec![NOTHING; cut.len()];
        let mut begins = vec![true; cut.len()];
        for Joint { before, after, .. } in joints {
            let (from, to) = gap(cut, before, after);
            let size = cut.size[before as usize];
            if from < to {
                if needs.largest(from, to).0 + size > allowed {
                    continue;
                }
                needs.add(from, to, size);
            }
            next[before as usize] = after;
            begins[after as usize] = false;
        }
        let mut chains: Vec<Vec<u32>> = (0..cut.len() as u32)
            .filter(|&job| begins[job as usize])
            .map(|job| {
                let mut chain = vec![job];
                let mut at = next[job as usize];
                while at != NOTHING {
                    chain.push(at);
                    at = next[at as usize];
                }
                chain
            })
            .collect();
        let mut chained = cut.chained(&chains);
        if gluing.slack > 0.0 {
            chained.weigh_sections(target, gluing.slack);
        }
        let (lying, height) = at_the_bottom(&chained);
        if lying.is_empty() {
            let bottom = Vec::new();
            return (chained, Chains { chains, bottom });
        }
        let bottom = lying
            .iter()
            .map(|&(chain, at)| (std::mem::take(&mut chains[chain as usize]), at))
            .collect();
        let others: Vec<u32> = (0..chained.len() as u32)
            .filter(|&chain| !chains[chain as usize].is_empty())
            .collect();
        chains.retain(|chain| !chain.is_empty());
        let rest = chained.part(&others, vec![height; chained.sections()]);
        (rest, Chains { chains, bottom })
    }

    /// What a descent of the chains is for their jobs.
    pub(crate) fn apart(&self, descent: &Descent, jobs: usize) -> Descent {
        let mut apart = Descent {
            order: Vec::with_capacity(jobs),
            positions: vec![0; jobs],
            top: descent.top,
        };
        let others = descent.order.iter().map(|&chain| {
            let at = descent.positions[chain as usize];
            (&self.chains[chain as usize], at)
        });
        let bottom = self.bottom.iter().map(|(chain, at)| (chain, *at));
        for (chain, at) in bottom.chain(others) {
            for &job in chain {
                apart.order.push(job);
                apart.positions[job as usize] = at;
            }
        }
        apart
    }
}

/// Jobs that last from the first section to the last, on a flat floor one upon
/// the other, with their positions, and the height of all of them together.
/// Whatever else is placed lies above them in some best placement.
fn at_the_bottom(cut: &Cut) -> (Vec<(u32, i64)>, i64) {
    let height = cut.floor.first().copied().unwrap_or(0);
    if cut.floor.iter().any(|&floor| floor != height) {
        return (Vec::new(), height);
    }
    let end = cut.sections() as u32 - 1;
    let mut top = height;
    let mut lying = Vec::new();
    for job in 0..cut.len() {
        let spans = cut.first[job] == 0 && cut.last[job] == end;
        if spans && cut.align(job, top) == top {
            lying.push((job as u32, top));
            top += cut.size[job];
        }
    }
    (lying, top)
}

/// The sections between two jobs, the end exclusive.
fn gap(cut: &Cut, before: u32, after: u32) -> (u32, u32) {
    (cut.last[before as usize] + 1, cut.first[after as usize])
}

/// Pairs each job with the one of its kind that ended last before it and is not
/// paired yet, where the gap is not too long.
fn joints(cut: &Cut, gluing: &Gluing, random: &mut impl Rng) -> Vec<Joint> {
    let mut births: Vec<u32> = (0..cut.len() as u32).collect();
    let mut deaths = births.clone();
    births.sort_by_key(|&job| (cut.first[job as usize], job));
    deaths.sort_by_key(|&job| (cut.last[job as usize], job));
    let mut kinds: FxHashMap<(i64, i64, i64), usize> = FxHashMap::default();
    let kind_of: Vec<usize> = (0..cut.len())
        .map(|job| {
            let (alignment, residue) = cut.residue(job);
            let count = kinds.len();
            *kinds
                .entry((cut.size[job], alignment, residue))
                .or_insert(count)
        })
        .collect();
    // Of each kind the jobs that ended and are not paired, the last one last.
    let mut ended: Vec<Vec<u32>> = vec![Vec::new(); kinds.len()];
    let mut deaths = deaths.into_iter().peekable();
    let mut joints = Vec::new();
    for after in births {
        let first = cut.first[after as usize];
        while let Some(job) = deaths.next_if(|&job| cut.last[job as usize] < first) {
            ended[kind_of[job as usize]].push(job);
        }
        let Some(before) = ended[kind_of[after as usize]].pop() else {
            continue;
        };
        let (from, to) = gap(cut, before, after);
        if to - from > gluing.gap {
            continue;
        }
        let mut cost = ((to - from) as f32).ln() + gluing.size * cut.log_size[after as usize];
        if gluing.noise > 0.0 {
            cost += gluing.noise * random.random_range(-1.0..1.0f32);
        }
        joints.push(Joint {
            before,
            after,
            cost,
        });
    }
    joints
}

#[cfg(test)]
mod tests {
    use common::job::Job;
    use common::problem::Problem;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::item::Items;

    proptest! {
        #[test]
        fn chains_hold_each_job_once_and_gaps_leave_what_they_must(
            spans in proptest::collection::vec((0u64..60, 1u64..20, 1u64..4), 2..60),
            spare in 0i64..12,
            reserve in 0i64..4,
            keep in 0.0..0.9f64,
            seed: u64,
        ) {
            let jobs = spans.iter().enumerate().map(|(id, &(birth, length, size))| {
                Job::new(id as u64, birth, birth + length, size)
            });
            let problem = Problem::new(jobs.collect()).expect("sound");
            let items = Items::new(&problem, 0).expect("small numbers");
            let members: Vec<u32> = (0..items.len() as u32).collect();
            let cut = Cut::new(&items, &members).expect("plain rectangles");
            let needs = cut.needs();
            let target = needs.iter().copied().max().unwrap_or(0) + spare;
            let gluing = Gluing { gap: u32::MAX, reserve, size: 0.5, noise: 0.3, slack: 0.01, keep };
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (_, chains) = Chains::new(&cut, &gluing, target, &mut random);
            let mut seen = vec![0; cut.len()];
            let mut glued = needs.clone();
            let bottom = chains.bottom.iter().map(|(chain, _)| chain);
            for chain in chains.chains.iter().chain(bottom) {
                chain.iter().for_each(|&job| seen[job as usize] += 1);
                for pair in chain.windows(2) {
                    let (from, to) = gap(&cut, pair[0], pair[1]);
                    prop_assert!(from <= to);
                    let size = cut.size[pair[0] as usize];
                    prop_assert_eq!(size, cut.size[pair[1] as usize]);
                    glued[from as usize..to as usize].iter_mut().for_each(|need| *need += size);
                }
            }
            prop_assert!(seen.iter().all(|&times| times == 1));
            for (&need, &glued) in needs.iter().zip(&glued) {
                let kept = ((target - need) as f64 * keep) as i64;
                prop_assert!(glued == need || glued + kept <= target - reserve);
            }
        }
    }
}
