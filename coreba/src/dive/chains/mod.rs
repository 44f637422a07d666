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

use rand::Rng;

use super::Descent;
use crate::cut::Cut;
use gluer::Gluer;

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
    /// Share of each section's slack that gaps leave, up to `most`.
    pub(crate) keep: f64,
    /// Slack in units of which gaps leave no more.
    pub(crate) most: i64,
    /// Share of the jobs, the shortest, that fill gaps before they are glued.
    pub(crate) fill: f64,
}

/// A job of a chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) job: u32,
    /// Units above the chain's position: 0 but for what fills a gap.
    pub(crate) rise: i64,
}

/// The members of each chain, by time; those above one another from the bottom up.
#[derive(Clone, Debug)]
pub(crate) struct Chains {
    chains: Vec<Vec<Member>>,
    /// Chains that last from the first section to the last, which lie at the
    /// bottom, each at its position: they are no part of the cut of the chains.
    bottom: Vec<(Vec<Member>, i64)>,
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
        let mut chains = Gluer::new(cut, gluing, target).glue(random);
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
        let mut rest = chained.part(&others, vec![height; chained.sections()]);
        rest.ground = rest.ground.max(chained.ground);
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
            for &Member { job, rise } in chain {
                apart.order.push(job);
                apart.positions[job as usize] = at + rise;
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

#[cfg(test)]
mod tests {
    use common::job::Job;
    use common::problem::Problem;
    use proptest::prelude::*;
    use rand::SeedableRng as _;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;
    use crate::dive::{Diver, Rules, rank};
    use crate::item::Items;

    /// The cut of jobs, each a birth, a length, a size, and a power of two to
    /// which it is aligned.
    fn cut_of(spans: impl Iterator<Item = (u64, u64, u64, u32)>) -> Cut {
        let jobs = (0u64..).zip(spans);
        let jobs = jobs.map(|(id, (birth, length, size, power))| {
            Job::new(id, birth, birth + length, size).aligned(1 << power)
        });
        let problem = Problem::new(jobs.collect()).expect("sound");
        let items = Items::new(&problem, 0).expect("small numbers");
        let members: Vec<u32> = (0..items.len() as u32).collect();
        Cut::new(&items, &members).expect("plain rectangles")
    }

    /// Wherever there is slack.
    const GLUING: Gluing = Gluing {
        gap: u32::MAX,
        reserve: 0,
        size: 0.5,
        noise: 0.0,
        slack: 0.0,
        keep: 0.0,
        most: 0,
        fill: 0.0,
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
            let cut = cut_of(spans.into_iter());
            let needs = cut.needs();
            let target = needs.iter().copied().max().unwrap_or(0) + spare;
            let gluing = Gluing { reserve, noise: 0.3, slack: 0.01, keep, most, fill, ..GLUING };
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (_, chains) = Chains::new(&cut, &gluing, target, &mut random);
            let mut seen = vec![0; cut.len()];
            let mut glued = vec![0; cut.sections()];
            let bottom = chains.bottom.iter().map(|(chain, _)| chain);
            for chain in chains.chains.iter().chain(bottom) {
                let size = cut.size[chain[0].job as usize];
                let kind = cut.residue(chain[0].job as usize);
                let first = cut.first[chain[0].job as usize] as usize;
                // The first free unit of each section.
                let mut free = vec![0; cut.sections()];
                let mut end = first;
                for &Member { job, rise } in chain {
                    let job = job as usize;
                    seen[job] += 1;
                    let life = cut.first[job] as usize..cut.last[job] as usize + 1;
                    prop_assert!(first <= life.start && rise + cut.size[job] <= size);
                    prop_assert!(free[life.clone()].iter().all(|&free| free <= rise));
                    let (alignment, residue) = cut.residue(job);
                    prop_assert_eq!((kind.1 + rise) % alignment, residue);
                    prop_assert_eq!(kind.0 % alignment, 0);
                    end = end.max(life.end);
                    free[life].fill(rise + cut.size[job]);
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
            let cut = cut_of(spans.iter().map(|&(birth, length, size)| (birth, length, size, 0)));
            let target = cut.needs().iter().copied().max().unwrap_or(0) + spare;
            let gluing = Gluing { noise: 0.3, fill, ..GLUING };
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (glued, chains) = Chains::new(&cut, &gluing, target, &mut random);
            let rules = Rules {
                threshold: 1, lookahead: 4, target, limit: i64::MAX, jobs: usize::MAX,
            };
            let ranks: Vec<_> = (0..glued.len() as u32).map(|job| rank(0.0, job)).collect();
            let descent = Diver::new(&glued)
                .dive(&glued, &ranks, &rules, &mut || false)
                .expect("no limit");
            let apart = chains.apart(&descent, cut.len());
            // In the order of placing, each job lies on or above all before it.
            let mut free = vec![0; cut.sections()];
            for &job in &apart.order {
                let job = job as usize;
                let life = cut.first[job] as usize..cut.last[job] as usize + 1;
                let at = apart.positions[job];
                prop_assert!(free[life.clone()].iter().all(|&free| free <= at));
                free[life].fill(at + cut.size[job]);
            }
            prop_assert_eq!(apart.order.len(), cut.len());
            prop_assert!(free.iter().all(|&free| free <= apart.top));
        }

        #[test]
        fn what_a_glued_tail_says_of_its_height_is_true(
            spans in proptest::collection::vec((0u64..90, 1u64..30, 1u64..6), 2..60),
            share in 0.0..1.0f64,
            fill in 0.0..0.9f64,
            seed: u64,
        ) {
            let cut = cut_of(spans.iter().map(|&(birth, length, size)| (birth, length, size, 0)));
            let target = cut.needs().iter().copied().max().unwrap_or(0);
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let rules = Rules {
                threshold: 1, lookahead: 4, target, limit: i64::MAX, jobs: usize::MAX,
            };
            let mut dive = |cut: &Cut| {
                let ranks: Vec<_> = (0..cut.len() as u32)
                    .map(|job| rank(random.random_range(0.0..1.0f32), job))
                    .collect();
                Diver::new(cut).dive(cut, &ranks, &rules, &mut || false).expect("no limit")
            };
            let mut whole = dive(&cut);
            let from = (cut.len() as f64 * share) as usize;
            let (tail, members) = cut.tail(&whole, from);
            let gluing = Gluing { fill, ..GLUING };
            let mut other = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (glued, chains) = Chains::new(&tail, &gluing, target + 40, &mut other);
            let more = chains.apart(&dive(&glued), tail.len());
            whole.order.truncate(from);
            whole.top = more.top;
            whole.extend(&more, &members);
            let tops = (0..cut.len()).map(|job| whole.positions[job] + cut.size[job]);
            prop_assert_eq!(whole.top, tops.max().unwrap_or(0));
        }
    }
}
