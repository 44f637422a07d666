//! Verdicts against brute force: at the optimum placed, just below refuted,
//! with every technique on and off.

use common::check;
use common::job::{Gap, Job};
use common::placement::Placement;
use common::problem::Problem;
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::goal::next_makespan;
use super::{Model, Pairs, Search, Switches, Verdict, Weights, luby};
use crate::cut::Cut;
use crate::item::Items;

/// Instances a kind; `COREBA_EXACT_CASES` sets another number.
fn cases() -> u64 {
    std::env::var("COREBA_EXACT_CASES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(3000)
}

const MOST_TIME: u64 = 20;

/// A problem of up to eight jobs, small enough for brute force.
fn problem(kind: Kind, random: &mut impl Rng) -> Option<Problem> {
    // Brute force takes its time where much is live apart and may lie anywhere.
    let most = if kind.complex { 7 } else { 8 };
    let jobs = random.random_range(2..=most);
    let span = random.random_range(4..12);
    let largest = random.random_range(2..if kind.complex { 5 } else { 7 });
    let jobs = (0..jobs).map(|id| {
        let birth = random.random_range(0..span);
        let length = random.random_range(1..=span.min(MOST_TIME - birth));
        let size = random.random_range(1..=largest);
        let mut job = Job::new(id, birth, birth + length, size);
        if kind.aligned {
            job.alignment = kind.step * [1, 1, 2, 3, 4][random.random_range(0..5)];
        }
        if kind.complex {
            complicate(&mut job, random);
        }
        job
    });
    Problem::new(jobs.collect()).ok()
}

fn complicate(job: &mut Job, random: &mut impl Rng) {
    if random.random_bool(0.4) && job.death - job.birth >= 3 {
        let lower = random.random_range(job.birth..job.death - 1);
        let upper = random.random_range(lower + 1..=job.death);
        let low = random.random_range(0..job.size);
        let high = random.random_range(low..=job.size);
        let window = random.random_bool(0.5).then_some((low, high));
        job.extras_mut().gaps.push(Gap {
            lower,
            upper,
            window,
        });
    }
    if random.random_bool(0.2) {
        let group = ["a", "b"][random.random_range(0..2)];
        job.extras_mut().group = Some(group.into());
    } else if random.random_bool(0.15) {
        job.extras_mut().pin = Some(job.alignment * random.random_range(0..3));
    }
}

#[derive(Clone, Copy)]
struct Kind {
    aligned: bool,
    /// Divides all alignments.
    step: u64,
    complex: bool,
}

/// The addresses that jobs take, one bit each, by instant.
struct Brute<'a> {
    jobs: &'a [Job],
    start: u64,
    taken: Vec<[u64; MOST_TIME as usize + 1]>,
    offsets: Vec<Option<u64>>,
    best: u64,
    /// No makespan is below.
    bound: u64,
    /// The highest offset of each job, where it has one of its own.
    highest: &'a [u64],
}

impl Brute<'_> {
    /// The smallest makespan at most `enough`: all jobs at all offsets.
    fn optimum(problem: &Problem, start: u64, enough: u64, highest: &[u64]) -> Option<u64> {
        assert!(enough < 63, "addresses are bits");
        let mut brute = Brute {
            bound: common::load::lower_bound(problem.jobs(), start),
            highest,
            jobs: problem.jobs(),
            start,
            taken: vec![[0; MOST_TIME as usize + 1]; problem.len()],
            offsets: Vec::new(),
            best: enough + 1,
        };
        brute.extend(0);
        (brute.best <= enough).then_some(brute.best)
    }

    fn extend(&mut self, makespan: u64) {
        let index = self.offsets.len();
        let Some(job) = self.jobs.get(index) else {
            self.best = makespan;
            return;
        };
        if self.best <= self.bound {
            return;
        }
        let same =
            |other: &usize| job.group().is_some() && self.jobs[*other].group() == job.group();
        let shared = (0..index).find(same).and_then(|other| self.offsets[other]);
        let mut offset = job.pin().or(shared).unwrap_or(0);
        let fixed = job.pin().or(shared).is_some();
        let highest = self.highest.get(index).copied().unwrap_or(u64::MAX);
        while offset + job.size < self.best && makespan < self.best && offset <= highest {
            let agrees = shared.is_none_or(|shared| shared == offset);
            if agrees && (self.start + offset).is_multiple_of(job.alignment) {
                let taken = taken_by(job, offset);
                let clear = (0..index).all(|other| {
                    same(&other)
                        || self.taken[other]
                            .iter()
                            .zip(&taken)
                            .all(|(a, b)| a & b == 0)
                });
                if clear {
                    self.taken[index] = taken;
                    self.offsets.push(Some(offset));
                    self.extend(makespan.max(offset + job.size));
                    self.offsets.pop();
                }
            }
            if fixed {
                return;
            }
            offset += 1;
        }
    }
}

fn taken_by(job: &Job, offset: u64) -> [u64; MOST_TIME as usize + 1] {
    let mut taken = [0; MOST_TIME as usize + 1];
    for piece in job.pieces() {
        for time in piece.birth..piece.death {
            taken[time as usize] |=
                ((1u64 << (piece.high - piece.low)) - 1) << (offset + piece.low);
        }
    }
    taken
}

fn all_switches() -> impl Iterator<Item = Switches> {
    (0..32).map(|bits| Switches {
        head_bound: bits & 1 == 0,
        backjumping: bits & 2 == 0,
        twins: bits & 4 == 0,
        splitting: bits & 8 == 0,
        restarts: bits & 16 == 0,
    })
}

/// Runs valley branching to the end.
fn by_valleys(items: &Items, capacity: u64, switches: Switches, seed: u64) -> Verdict {
    let highest = |job: usize| {
        let highest = items.grid().highest(capacity, items.item(job as u32))?;
        Some(highest as i64)
    };
    below(items, highest, switches, seed)
}

/// The same with any highest positions.
fn below(
    items: &Items,
    highest: impl Fn(usize) -> Option<i64>,
    switches: Switches,
    seed: u64,
) -> Verdict {
    let members: Vec<u32> = (0..items.len() as u32).collect();
    let cut = Cut::new(items, &members).expect("plain rectangles");
    let Some(model) = Model::new(&cut, highest) else {
        return Verdict::Infeasible;
    };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut search = Search::new(&model, switches);
    for run in 1.. {
        let weights = Weights::draw(run + seed % 5, &[], &mut random);
        let limit = if switches.restarts {
            4 * luby(run)
        } else {
            u64::MAX
        };
        let ranks = weights.ranks(&model, &mut random);
        let verdict = search.run(ranks, limit, &mut || false).verdict;
        if verdict != Verdict::Open {
            return verdict;
        }
        assert!(switches.restarts, "an unlimited run ends with a verdict");
    }
    Verdict::Open
}

fn by_pairs(items: &Items, capacity: u64) -> Verdict {
    match Pairs::new(items, capacity) {
        Ok(Some(pairs)) => pairs.run(u64::MAX, &mut || false).verdict,
        Ok(None) => Verdict::Infeasible,
        Err(_) => panic!("small numbers"),
    }
}

/// Whether a verdict is the true one, and its placement valid.
fn agrees(
    problem: &Problem,
    items: &Items,
    start: u64,
    capacity: u64,
    best: u64,
    verdict: &Verdict,
) {
    match verdict {
        Verdict::Placed(positions) => {
            let positions: Vec<u64> = positions.iter().map(|&at| at as u64).collect();
            let placement = Placement {
                offsets: items.offsets(&positions),
            };
            assert_eq!(check::verify(problem, &placement, start), Ok(()));
            let makespan = placement.makespan(problem);
            assert!(makespan <= capacity, "{makespan} within {capacity}");
            assert!(best <= makespan, "{makespan} below the optimum {best}");
        }
        Verdict::Infeasible => assert!(
            capacity < best,
            "{capacity} refuted, the optimum is {best}: start {start}, {:?}",
            problem.jobs()
        ),
        Verdict::Open => panic!("no verdict"),
    }
}

fn verdicts_agree(kind: Kind, seed: u64, starts: u64) {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let switches: Vec<Switches> = all_switches().collect();
    let (mut done, mut above) = (0, 0);
    // Brute force is slow where jobs are apart in time but bound otherwise.
    let cases = if kind.complex { cases() / 2 } else { cases() };
    while done < cases {
        let start = random.random_range(0..starts);
        let Some(problem) = problem(kind, &mut random) else {
            continue;
        };
        let bound = common::load::lower_bound(problem.jobs(), start);
        let jobs = problem.jobs();
        let aligned = jobs.iter().all(|job| {
            job.pin()
                .is_none_or(|pin| (start + pin).is_multiple_of(job.alignment))
        });
        if !aligned {
            continue;
        }
        let Ok(items) = Items::new(&problem, start) else {
            continue;
        };
        let most = 60;
        let Some(best) = Brute::optimum(&problem, start, most.min(bound + 30), &[]) else {
            continue;
        };
        done += 1;
        above += u64::from(best > bound);
        assert!(bound <= best);
        let mut capacities = vec![best, best - 1, bound, bound.midpoint(best), best + 3];
        capacities.sort_unstable();
        capacities.dedup();
        for capacity in capacities {
            let verdict = by_pairs(&items, capacity);
            agrees(&problem, &items, start, capacity, best, &verdict);
            if capacity < best {
                assert!(next_makespan(&items, capacity) <= best);
            }
            if kind.complex {
                continue;
            }
            for _ in 0..4 {
                let switches = switches[random.random_range(0..switches.len())];
                let verdict = by_valleys(&items, capacity, switches, random.random());
                agrees(&problem, &items, start, capacity, best, &verdict);
            }
            let verdict = by_valleys(&items, capacity, Switches::default(), random.random());
            agrees(&problem, &items, start, capacity, best, &verdict);
        }
    }
    assert!(
        above * 50 > done || !kind.aligned && !kind.complex,
        "{above} of {done} are above the bound"
    );
}

const PLAIN: Kind = Kind {
    aligned: false,
    step: 1,
    complex: false,
};

#[test]
fn verdicts_on_plain_jobs_are_those_of_brute_force() {
    verdicts_agree(PLAIN, 1, 1);
}

#[test]
fn verdicts_on_aligned_jobs_are_those_of_brute_force() {
    let kind = Kind {
        aligned: true,
        ..PLAIN
    };
    verdicts_agree(kind, 2, 9);
}

#[test]
fn verdicts_on_a_coarse_grid_are_those_of_brute_force() {
    let kind = Kind {
        aligned: true,
        step: 2,
        ..PLAIN
    };
    verdicts_agree(kind, 3, 9);
}

#[test]
fn verdicts_on_gaps_windows_pins_and_groups_are_those_of_brute_force() {
    let kind = Kind {
        complex: true,
        ..PLAIN
    };
    verdicts_agree(kind, 4, 1);
}

#[test]
fn verdicts_on_everything_at_once_are_those_of_brute_force() {
    let kind = Kind {
        aligned: true,
        complex: true,
        ..PLAIN
    };
    verdicts_agree(kind, 5, 9);
}

/// Few of such small problems have an optimum above LOAD. With a highest
/// position for each job they are as tight as one likes.
#[test]
fn verdicts_below_ceilings_of_all_heights_are_those_of_brute_force() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(6);
    let switches: Vec<Switches> = all_switches().collect();
    let (mut done, mut refuted) = (0, 0);
    while done < cases() {
        let kind = Kind {
            aligned: done % 3 == 2,
            ..PLAIN
        };
        let Some(problem) = problem(kind, &mut random) else {
            continue;
        };
        let jobs = problem.jobs();
        let load = common::load::load(jobs).peak;
        let highest: Vec<u64> = jobs
            .iter()
            .map(|_| random.random_range(load / 3..=load + load / 4))
            .collect();
        let Ok(items) = Items::new(&problem, 0) else {
            continue;
        };
        let members: Vec<u32> = (0..items.len() as u32).collect();
        let mut of_item = vec![0; members.len()];
        for (job, &highest) in highest.iter().enumerate() {
            let mut marks = vec![0; members.len()];
            for (item, mark) in marks.iter_mut().enumerate() {
                *mark = item as u64;
            }
            let item = items.offsets(&marks)[job] / items.grid().unit;
            of_item[item as usize] = highest;
        }
        let best = Brute::optimum(&problem, 0, 62, &highest);
        done += 1;
        refuted += u64::from(best.is_none());
        for round in 0..6 {
            let switches = match round {
                0 => Switches::default(),
                _ => switches[random.random_range(0..switches.len())],
            };
            let limit = |job: usize| Some((of_item[job] / items.grid().unit) as i64);
            match below(&items, limit, switches, random.random()) {
                Verdict::Placed(positions) => {
                    let positions: Vec<u64> = positions.iter().map(|&at| at as u64).collect();
                    let offsets = items.offsets(&positions);
                    for (offset, highest) in offsets.iter().zip(&highest) {
                        assert!(offset <= highest);
                    }
                    let placement = Placement { offsets };
                    assert_eq!(check::verify(&problem, &placement, 0), Ok(()));
                    assert!(best.is_some());
                }
                Verdict::Infeasible => {
                    assert!(best.is_none(), "{switches:?}: {highest:?} {:?}", jobs);
                }
                Verdict::Open => panic!("no verdict"),
            }
        }
    }
    assert!(
        refuted * 20 > done && refuted * 20 < done * 19,
        "{refuted} of {done}"
    );
}

#[test]
fn runs_lengthen_as_luby_says() {
    let lengths: Vec<u64> = (1..=15).map(luby).collect();
    assert_eq!(lengths, [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]);
}
