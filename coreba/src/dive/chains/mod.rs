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
//! slack for them, so that as few chains as can be are left. What is wasted in a
//! gap is less where short jobs fill it: they are then placed with the chain.
//! O(n log n).

mod fillers;
mod gluer;
mod gluing;

use rand::Rng;

use super::partial::PartialPacking;
use crate::instance::Subproblem;
use gluer::Gluer;
pub(super) use gluing::{Gluing, Member};

/// The members of each chain, by time; those above one another from the bottom up.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    chains: Vec<Vec<Member>>,
    /// Chains that last from the first section to the last, which lie at the
    /// bottom, each at its position: they are no part of the subproblem of the chains.
    bottom: Vec<(Vec<Member>, i64)>,
}

impl Chains {
    /// Glues a subproblem's jobs while no section's need passes `target`: the subproblem of
    /// the chains, and what they are made of.
    pub(crate) fn new(
        subproblem: &Subproblem,
        gluing: &Gluing,
        target: i64,
        random: &mut impl Rng,
    ) -> (Subproblem, Chains) {
        let mut chains = Gluer::new(subproblem, gluing, target).glue(random);
        let mut chained = chained(subproblem, &chains);
        if gluing.slack > 0.0 {
            weigh_sections(&mut chained, target, gluing.slack);
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
        let mut rest = chained.part(&others, vec![height; chained.sections()]);
        rest.ground = rest.ground.max(chained.ground);
        (rest, Chains { chains, bottom })
    }

    /// What a partial of the chains is for their jobs.
    pub(crate) fn apart(&self, partial: &PartialPacking, jobs: usize) -> PartialPacking {
        let mut apart = PartialPacking {
            order: Vec::with_capacity(jobs),
            positions: vec![0; jobs],
            top: partial.top,
        };
        let others = partial.order.iter().map(|&chain| {
            let at = partial.positions[chain as usize];
            (&self.chains[chain as usize], at)
        });
        let bottom = self.bottom.iter().map(|(chain, at)| (chain, *at));
        for (chain, at) in bottom.chain(others) {
            for &Member { job, rise } in chain {
                apart.order.push(job);
                apart.positions[job as usize] = at + rise;
            }
        }
        apart
    }
}

/// The subproblem whose jobs are chains of this subproblem's jobs, each placed as one from
/// the first section of its first job to the last of its last.
fn chained(whole: &Subproblem, chains: &[Vec<Member>]) -> Subproblem {
    let firsts: Vec<u32> = chains
        .iter()
        .filter_map(|chain| chain.first().map(|member| member.job))
        .collect();
    let mut subproblem = whole.members(&firsts, whole.floor.clone());
    subproblem.ground = whole.ground;
    for (index, chain) in chains.iter().enumerate() {
        let last = chain
            .iter()
            .map(|member| whole.last[member.job as usize])
            .max();
        subproblem.last[index] = last.unwrap_or(subproblem.last[index]);
        subproblem.log_length[index] =
            ((subproblem.last[index] - subproblem.first[index] + 1) as f32).ln();
        let pressures = chain
            .iter()
            .map(|member| whole.pressure[member.job as usize]);
        subproblem.pressure[index] = pressures.fold(0.0, f32::max);
    }
    subproblem.merge_sections();
    subproblem
}

/// Lets the lengths that keys see count mostly the sections in which a target
/// leaves little slack: those with none count whole, those with a share
/// `slack` of the target count half.
fn weigh_sections(chained: &mut Subproblem, target: i64, slack: f64) {
    let mut sum = 0.0;
    let sums: Vec<f64> = std::iter::once(0.0)
        .chain(chained.needs.iter().map(|&need| {
            let left = (target - need).max(0) as f64 / target as f64;
            sum += slack / (left + slack);
            sum
        }))
        .collect();
    for job in 0..chained.len() {
        let (first, last) = (chained.first[job] as usize, chained.last[job] as usize);
        let weight = (sums[last + 1] - sums[first]).max(f64::MIN_POSITIVE);
        chained.log_length[job] = weight.ln() as f32;
    }
}

/// Jobs that last from the first section to the last, on a flat floor one upon
/// the other, with their positions, and the height of all of them together.
/// Whatever else is placed lies above them in some best placement.
fn at_the_bottom(subproblem: &Subproblem) -> (Vec<(u32, i64)>, i64) {
    let height = subproblem.floor.first().copied().unwrap_or(0);
    if subproblem.floor.iter().any(|&floor| floor != height) {
        return (Vec::new(), height);
    }
    let end = subproblem.sections() as u32 - 1;
    let mut top = height;
    let mut lying = Vec::new();
    for job in 0..subproblem.len() {
        let spans = subproblem.first[job] == 0 && subproblem.last[job] == end;
        if spans && subproblem.align(job, top) == top {
            lying.push((job as u32, top));
            top += subproblem.size[job];
        }
    }
    (lying, top)
}

#[cfg(test)]
mod tests {
    use common::job::Job;
    use common::problem::Problem;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::dive::diver::{Diver, Settings};
    use crate::dive::index::rank;
    use crate::instance::Items;

    /// The subproblem of jobs, each a birth, a length, a size, and a power of two to
    /// which it is aligned.
    fn cut_of(spans: impl Iterator<Item = (u64, u64, u64, u32)>) -> Subproblem {
        let jobs = (0u64..).zip(spans);
        let jobs = jobs.map(|(id, (birth, length, size, power))| {
            Job::new(id, birth, birth + length, size).aligned(1 << power)
        });
        let problem = Problem::new(jobs.collect()).expect("sound");
        let items = Items::new(&problem, 0).expect("small numbers");
        let members: Vec<u32> = (0..items.len() as u32).collect();
        Subproblem::new(&items, &members).expect("plain rectangles")
    }

    const GLUING: Gluing = Gluing {
        size: 0.5,
        ..Gluing::PLAIN
    };

    proptest! {
        #[test]
        fn chains_hold_each_job_once_and_gaps_leave_what_they_must(
            spans in proptest::collection::vec((0u64..60, 1u64..20, 1u64..6, 0u32..2), 2..60),
            spare in 0i64..12,
            reserve in 0i64..4,
            keep in 0.0..0.9f64,
            most in 0i64..6,
            fill in 0.0..0.9f64,
            seed: u64,
        ) {
            let subproblem = cut_of(spans.into_iter());
            let needs = &subproblem.needs;
            let target = needs.iter().copied().max().unwrap_or(0) + spare;
            let gluing = Gluing { reserve, noise: 0.3, slack: 0.01, keep, most, fill, ..GLUING };
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (_, chains) = Chains::new(&subproblem, &gluing, target, &mut random);
            let mut seen = vec![0; subproblem.len()];
            let mut glued = vec![0; subproblem.sections()];
            let bottom = chains.bottom.iter().map(|(chain, _)| chain);
            for chain in chains.chains.iter().chain(bottom) {
                let size = subproblem.size[chain[0].job as usize];
                let kind = subproblem.residue(chain[0].job as usize);
                let first = subproblem.first[chain[0].job as usize] as usize;
                // The first free unit of each section.
                let mut free = vec![0; subproblem.sections()];
                let mut end = first;
                for &Member { job, rise } in chain {
                    let job = job as usize;
                    seen[job] += 1;
                    let life = subproblem.first[job] as usize..subproblem.last[job] as usize + 1;
                    prop_assert!(first <= life.start && rise + subproblem.size[job] <= size);
                    prop_assert!(free[life.clone()].iter().all(|&free| free <= rise));
                    let (alignment, residue) = subproblem.residue(job);
                    prop_assert_eq!((kind.1 + rise) % alignment, residue);
                    prop_assert_eq!(kind.0 % alignment, 0);
                    end = end.max(life.end);
                    free[life].fill(rise + subproblem.size[job]);
                }
                glued[first..end].iter_mut().for_each(|need| *need += size);
            }
            prop_assert!(seen.iter().all(|&times| times == 1));
            for (&need, &glued) in needs.iter().zip(&glued) {
                let kept = (((target - need) as f64 * keep) as i64).min(most);
                prop_assert!(glued <= need || glued + kept <= target - reserve);
            }
        }

        #[test]
        fn apart_the_jobs_of_chains_lie_where_the_chains_do(
            spans in proptest::collection::vec((0u64..90, 1u64..30, 1u64..6), 2..90),
            spare in 0i64..12,
            fill in 0.0..0.9f64,
            seed: u64,
        ) {
            let subproblem = cut_of(spans.iter().map(|&(birth, length, size)| (birth, length, size, 0)));
            let target = subproblem.needs.iter().copied().max().unwrap_or(0) + spare;
            let gluing = Gluing { noise: 0.3, fill, ..GLUING };
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (glued, chains) = Chains::new(&subproblem, &gluing, target, &mut random);
            let settings = Settings {
                threshold: 1, lookahead: 4, target, limit: i64::MAX, jobs: usize::MAX,
            };
            let ranks: Vec<_> = (0..glued.len() as u32).map(|job| rank(0.0, job)).collect();
            let partial = Diver::new(&glued)
                .dive(&glued, &ranks, &settings, &mut || false)
                .expect("no limit");
            let apart = chains.apart(&partial, subproblem.len());
            // In the order of placing, each job lies on or above all before it.
            let mut free = vec![0; subproblem.sections()];
            for &job in &apart.order {
                let job = job as usize;
                let life = subproblem.first[job] as usize..subproblem.last[job] as usize + 1;
                let at = apart.positions[job];
                prop_assert!(free[life.clone()].iter().all(|&free| free <= at));
                free[life].fill(at + subproblem.size[job]);
            }
            prop_assert_eq!(apart.order.len(), subproblem.len());
            prop_assert!(free.iter().all(|&free| free <= apart.top));
        }

        #[test]
        fn what_a_glued_tail_says_of_its_height_is_true(
            spans in proptest::collection::vec((0u64..90, 1u64..30, 1u64..6), 2..60),
            share in 0.0..1.0f64,
            fill in 0.0..0.9f64,
            seed: u64,
        ) {
            let subproblem = cut_of(spans.iter().map(|&(birth, length, size)| (birth, length, size, 0)));
            let target = subproblem.needs.iter().copied().max().unwrap_or(0);
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let settings = Settings {
                threshold: 1, lookahead: 4, target, limit: i64::MAX, jobs: usize::MAX,
            };
            let mut dive = |subproblem: &Subproblem| {
                let ranks: Vec<_> = (0..subproblem.len() as u32)
                    .map(|job| rank(random.random_range(0.0..1.0f32), job))
                    .collect();
                Diver::new(subproblem).dive(subproblem, &ranks, &settings, &mut || false).expect("no limit")
            };
            let mut whole = dive(&subproblem);
            let from = (subproblem.len() as f64 * share) as usize;
            let (tail, members) = whole.tail(&subproblem, from);
            let gluing = Gluing { fill, ..GLUING };
            let mut other = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (glued, chains) = Chains::new(&tail, &gluing, target + 40, &mut other);
            let more = chains.apart(&dive(&glued), tail.len());
            whole.order.truncate(from);
            whole.top = more.top;
            whole.extend(&more, &members);
            let tops = (0..subproblem.len()).map(|job| whole.positions[job] + subproblem.size[job]);
            prop_assert_eq!(whole.top, tops.max().unwrap_or(0));
        }
    }
}
