//! Seeded instances of the kinds that people have, up to ten million jobs.
//!
//! Sizes are in bytes. The same arguments give the same jobs. Ids number the
//! jobs in an order that tells nothing.

mod few_live;
pub mod trace;

use std::collections::BinaryHeap;

use common::job::{Gap, Job};
use rand::seq::SliceRandom as _;
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

pub use few_live::{Keeping, few_live};

/// Gives the jobs ids from 0 in an order that tells nothing.
fn shuffled(mut jobs: Vec<Job>, random: &mut impl Rng) -> Vec<Job> {
    jobs.shuffle(random);
    for (id, job) in jobs.iter_mut().enumerate() {
        job.id = common::job::JobId::Number(id as u64);
    }
    jobs
}

/// A number whose logarithm is uniform: every octave is as likely.
fn log_uniform(random: &mut impl Rng, low: f64, high: f64) -> f64 {
    random.random_range(low.ln()..high.ln()).exp()
}

/// Random lifetimes, nine of ten short, and sizes of a power law.
pub fn random(jobs: usize, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let horizon = 4 * jobs as u64 + 16;
    let made = (0..jobs)
        .map(|_| {
            let length = if random.random_bool(0.9) {
                random.random_range(1..=64)
            } else {
                log_uniform(&mut random, 64.0, horizon as f64) as u64
            };
            let birth = random.random_range(0..horizon);
            // P(size > x) falls as x^-1.2, from 16 bytes to 16 MiB.
            let uniform: f64 = random.random_range(1e-8..1.0);
            let size = (16.0 * uniform.powf(-1.0 / 1.2)).min(16_777_216.0) as u64;
            Job::new(0, birth, birth + length, size)
        })
        .collect();
    shuffled(made, &mut random)
}

/// How a [`guillotine`] instance is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutting {
    /// The largest piece next: pieces of like size.
    Even,
    /// Any piece next: pieces of all sizes.
    Uneven,
}

/// Cuts of the rectangle of `horizon` ticks and `load` bytes into `jobs`
/// pieces, each from edge to edge: the optimum is `load` by construction.
///
/// # Panics
/// Where the rectangle has fewer than `4 * jobs` cells.
pub fn guillotine(jobs: usize, load: u64, horizon: u64, cutting: Cutting, seed: u64) -> Vec<Job> {
    assert!(
        u128::from(load) * u128::from(horizon) >= 4 * jobs as u128,
        "too small to cut"
    );
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    // By weight; the rest of the tuple are birth, death, low and high.
    let mut pieces: BinaryHeap<(u64, u64, u64, u64, u64)> = BinaryHeap::new();
    let mut whole = Vec::new();
    let weigh = |random: &mut Xoshiro256PlusPlus, width: u64, height: u64| match cutting {
        Cutting::Even => {
            let area = width as f64 / horizon as f64 * (height as f64 / load as f64);
            (area * random.random_range(0.25..1.0) * 2f64.powi(62)) as u64
        }
        Cutting::Uneven => random.random_range(0..1 << 62),
    };
    pieces.push((0, 0, horizon, 0, load));
    while pieces.len() + whole.len() < jobs {
        let Some((_, birth, death, low, high)) = pieces.pop() else {
            break;
        };
        let (width, height) = (death - birth, high - low);
        if width < 2 && height < 2 {
            whole.push((birth, death, high - low));
            continue;
        }
        // Relative to the whole, the longer side is the likelier to be cut.
        let tall = height as f64 / load as f64 / (width as f64 / horizon as f64);
        let across = height >= 2 && (width < 2 || random.random_bool(tall / (1.0 + tall)));
        let parts = if across {
            let at = low + cut_at(&mut random, height);
            [(birth, death, low, at), (birth, death, at, high)]
        } else {
            let at = birth + cut_at(&mut random, width);
            [(birth, at, low, high), (at, death, low, high)]
        };
        for (birth, death, low, high) in parts {
            let weight = weigh(&mut random, death - birth, high - low);
            pieces.push((weight, birth, death, low, high));
        }
    }
    whole.extend(
        pieces
            .into_iter()
            .map(|(_, birth, death, low, high)| (birth, death, high - low)),
    );
    let made = whole
        .into_iter()
        .map(|(birth, death, size)| Job::new(0, birth, death, size))
        .collect();
    shuffled(made, &mut random)
}

/// Pieces of the rectangle of `horizon` ticks and `load` bytes, about `jobs` of them, of
/// which no straight cut parts those of one cut: each is cut into five, four around one
/// in the middle, the largest piece next. The optimum is `load` by construction.
///
/// # Panics
/// Where the rectangle has fewer than `64 * jobs` cells.
pub fn pinwheel(jobs: usize, load: u64, horizon: u64, seed: u64) -> Vec<Job> {
    assert!(
        u128::from(load) * u128::from(horizon) >= 64 * jobs as u128,
        "too small to cut"
    );
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    // By area; the rest of the tuple are birth, death and size.
    let mut pieces = BinaryHeap::from([(u128::MAX, 0, horizon, load)]);
    let mut whole = Vec::new();
    while pieces.len() + whole.len() < jobs {
        let Some((_, birth, death, size)) = pieces.pop() else {
            break;
        };
        if death - birth < 3 || size < 3 {
            whole.push((birth, death, size));
            continue;
        }
        let [early, late] = two_cuts(&mut random, death - birth).map(|cut| birth + cut);
        let [low, high] = two_cuts(&mut random, size);
        let parts = [
            (birth, late, low),
            (birth, early, size - low),
            (early, late, high - low),
            (early, death, size - high),
            (late, death, high),
        ];
        for (birth, death, size) in parts {
            let area = u128::from(death - birth) * u128::from(size);
            pieces.push((area, birth, death, size));
        }
    }
    let pieces = pieces
        .into_iter()
        .map(|(_, birth, death, size)| (birth, death, size));
    whole.extend(pieces);
    let made = whole
        .into_iter()
        .map(|(birth, death, size)| Job::new(0, birth, death, size))
        .collect();
    shuffled(made, &mut random)
}

/// Two places inside a side of at least 3, the lower first.
fn two_cuts(random: &mut impl Rng, side: u64) -> [u64; 2] {
    let low = ((side as f64 * random.random_range(0.15..0.45)) as u64).clamp(1, side - 2);
    let high = ((side as f64 * random.random_range(0.55..0.85)) as u64).clamp(low + 1, side - 1);
    [low, high]
}

/// Where to cut a side: anywhere inside, rarely near the ends.
fn cut_at(random: &mut impl Rng, side: u64) -> u64 {
    let share = (random.random_range(0.1..0.9) + random.random_range(0.1..0.9)) / 2.0;
    ((side as f64 * share) as u64).clamp(1, side - 1)
}

/// A training step: weights that live throughout, activations that nest
/// (forward in, backward out), and short-lived workspaces and gradients.
pub fn training(jobs: usize, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let layers = (jobs / 8).max(1) as u64;
    let end = 4 * layers + 8;
    let widths: Vec<u64> = (0..16).map(|_| 64 * random.random_range(4..512)).collect();
    let mut made = Vec::with_capacity(jobs);
    let mut layer = 0;
    while made.len() < jobs {
        let at = layer % layers;
        let (forward, backward) = (2 * at, end - 2 * at - 2);
        let (from, to) = (
            widths[random.random_range(0..16)],
            widths[random.random_range(0..16)],
        );
        let batch = 1 << random.random_range(3..8);
        made.push(Job::new(0, 0, end, from * to / 64 + 64));
        made.push(Job::new(0, forward, backward + 1, batch * to));
        made.push(Job::new(
            0,
            forward,
            forward + 2,
            batch * from * random.random_range(1..4),
        ));
        made.push(Job::new(0, backward, backward + 2, batch * from));
        made.push(Job::new(
            0,
            backward,
            (backward + 3).min(end),
            from * to / 64 + 64,
        ));
        let reach = random.random_range(1..24);
        made.push(Job::new(
            0,
            forward,
            (forward + 2 * reach).min(end),
            batch * to / 2 + 64,
        ));
        for _ in 0..2 {
            let birth = random.random_range(0..end - 1);
            let length = random.random_range(1..=3);
            made.push(Job::new(
                0,
                birth,
                (birth + length).min(end),
                4 * random.random_range(1..4096),
            ));
        }
        layer += 1;
    }
    made.truncate(jobs);
    shuffled(made, &mut random)
}

/// Blocks of several threads of a server in its steady state: few size classes,
/// half of the blocks freed soon, half replacing one that has been kept for
/// long. The load is within a few per cent of its peak nearly always. Usable
/// sizes and alignment are glibc's.
pub fn malloc_like(threads: usize, jobs: usize, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let classes: Vec<u64> = (0..12)
        .map(|_| 16 * log_uniform(&mut random, 1.5, 128.0) as u64 + 8)
        .collect();
    let kept_by_each = (jobs / 8 / threads).max(1);
    let mut made: Vec<Job> = Vec::with_capacity(jobs);
    let mut clock = 0u64;
    let mut allocate = |made: &mut Vec<Job>, random: &mut Xoshiro256PlusPlus| {
        let size = classes[random.random_range(0..classes.len())];
        made.push(Job::new(0, clock, u64::MAX, size).aligned(16));
        clock += size;
        (made.len() - 1, clock)
    };
    let mut kept: Vec<Vec<usize>> = vec![Vec::new(); threads];
    let mut soon: Vec<Vec<usize>> = vec![Vec::new(); threads];
    while made.len() < jobs {
        let thread = random.random_range(0..threads);
        let (block, now) = allocate(&mut made, &mut random);
        if kept[thread].len() < kept_by_each {
            kept[thread].push(block);
        } else if random.random_bool(0.5) {
            soon[thread].push(block);
            if soon[thread].len() > 4 {
                let at = random.random_range(0..soon[thread].len());
                let freed = soon[thread].swap_remove(at);
                made[freed].death = now;
            }
        } else {
            // Of another thread's, as often as not.
            let owner = random.random_range(0..threads);
            if let Some(old) = kept[owner]
                .len()
                .checked_sub(1)
                .map(|last| random.random_range(0..=last))
            {
                let freed = std::mem::replace(&mut kept[owner][old], block);
                made[freed].death = now;
            } else {
                kept[owner].push(block);
            }
        }
    }
    for job in &mut made {
        job.death = job.death.min(clock);
    }
    shuffled(made, &mut random)
}

/// Bad for first fit in order of birth: rounds of small blocks of which every
/// other one dies, each round's holes just too small for the next round's
/// blocks.
pub fn first_fit_adversary(jobs: usize, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let rounds = ((jobs as f64).log2() as u64 / 2).clamp(1, 24);
    let a_round = (jobs as u64 / rounds).max(2);
    let mut made = Vec::with_capacity(jobs);
    for round in 0..rounds {
        let size = (1u64 << round) + u64::from(round > 0);
        for index in 0..a_round {
            let birth = round * (a_round + 1) + index;
            let end = (round + 1) * (a_round + 1);
            let survives = index % 2 == 1;
            let death = if survives {
                end + random.random_range(0..a_round) + 1
            } else {
                end - 1
            };
            made.push(Job::new(0, birth, death.max(birth + 1), size));
        }
    }
    shuffled(made, &mut random)
}

/// Jobs that fill a constant load of 60 bytes, with births and deaths that no
/// guillotine would cut: most need more than LOAD.
pub fn flat(jobs: usize, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut below = |limit: u64| random.random_range(0..limit);
    let mut live: Vec<(u64, u64)> = vec![(0, 7), (0, 9), (0, 11), (0, 13), (0, 20)];
    let mut done: Vec<Job> = Vec::new();
    let mut time = 0;
    let end = |(birth, size), time, done: &mut Vec<Job>| {
        done.push(Job::new(done.len() as u64, birth, time, size));
    };
    while done.len() + live.len() < jobs {
        time += 1;
        let mut freed = 0;
        for _ in 0..1 + below(2).min(live.len() as u64 - 1) {
            let gone = live.remove(below(live.len() as u64) as usize);
            freed += gone.1;
            end(gone, time, &mut done);
        }
        let part = 1 + below(freed);
        live.push((time, part));
        if part < freed {
            live.push((time, freed - part));
        }
    }
    for job in live {
        end(job, time + 1, &mut done);
    }
    done
}

/// A few jobs of random lifetimes, of sizes from 8 to 4096 and of alignments
/// from 1 to 1024: padding decides.
pub fn mixed_alignments(jobs: u64, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..jobs)
        .map(|id| {
            let birth = random.random_range(0..jobs);
            let death = birth + random.random_range(1..jobs);
            let size = log_uniform(&mut random, 8.0, 4096.0) as u64;
            let alignment = [1, 16, 64, 256, 1024][random.random_range(0..5)];
            Job::new(id, birth, death, size).aligned(alignment)
        })
        .collect()
}

/// The same jobs with every kind of constraint on some: gaps, with windows on every
/// other one, groups of a few, alignments, and hints.
pub fn constrained(mut jobs: Vec<Job>, seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let groups = jobs.len() as u64 / 16 + 1;
    for job in &mut jobs {
        let mut changed = job.clone();
        let length = job.death - job.birth;
        if length >= 3 && random.random_bool(0.2) {
            let window =
                (job.size > 3 && random.random_bool(0.5)).then_some((job.size / 4, job.size / 2));
            changed = changed.with_gap(Gap {
                lower: job.birth + length / 3,
                upper: job.birth + length / 3 * 2,
                window,
            });
        }
        if random.random_bool(0.1) {
            changed = changed.grouped(&format!("g{}", random.random_range(0..groups)));
        }
        if random.random_bool(0.3) {
            changed = changed.aligned(1 << random.random_range(0..4));
        }
        if random.random_bool(0.2) {
            changed = changed.hinted(8 * random.random_range(0..1 + 4 * job.size / 8));
        }
        *job = changed;
    }
    jobs
}
