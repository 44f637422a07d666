//! Verdicts against brute force: at the optimum placed, just below refuted,
//! with every technique on and off.

use common::check;
use common::job::{Gap, Job};
use common::placement::Placement;
use common::problem::Problem;
use rand::{Rng, RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;
use tests::oracle;

use super::goal::next_makespan;
use super::memory;
use super::model::Model;
use super::order::{self, luby};
use super::valley::Search;
use super::{Disjunctive, Verdict, clique_bound, stack_bound};
use crate::heuristics::{Heuristic, Without};
use crate::instance::Items;
use crate::instance::Subproblem;
use crate::priority::Elite;

/// Instances a kind; `COREBA_EXACT_CASES` sets another number.
fn cases() -> u64 {
    std::env::var("COREBA_EXACT_CASES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(5000)
}

const MOST_TIME: u64 = 20;

/// Problems of which more is known to be needed are left out.
const MOST_MAKESPAN: u64 = 100;

/// A problem of up to eight jobs, small enough for brute force.
fn problem(kind: Kind, random: &mut impl Rng) -> Option<Problem> {
    let jobs = random.random_range(2..=8);
    let span = random.random_range(4..12);
    let largest = random.random_range(2..7);
    let jobs = (0..jobs).map(|id| {
        let birth = random.random_range(0..span);
        let length = random.random_range(1..=span.min(MOST_TIME - birth));
        let size = random.random_range(1..=largest);
        let mut job = Job::new(id, birth, birth + length, size);
        if kind.aligned {
            job.alignment = kind.step * [1, 1, 2, 3, 4, 8][random.random_range(0..6)];
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

/// Every set of the techniques of the exact search.
fn all_subsets() -> impl Iterator<Item = Without> {
    const TECHNIQUES: [Heuristic; 5] = [
        Heuristic::HeadBound,
        Heuristic::Backjumping,
        Heuristic::Twins,
        Heuristic::Restarts,
        Heuristic::StackBound,
    ];
    (0..32).map(|bits| {
        let off = TECHNIQUES.iter().enumerate();
        let off = off.filter(|(bit, _)| bits >> bit & 1 == 1);
        off.map(|(_, &heuristic)| heuristic).collect()
    })
}

/// These, with backjumping in every other round.
fn in_round(mut without: Without, round: usize) -> Without {
    if round % 2 == 1 {
        without.insert(Heuristic::Backjumping);
    }
    without
}

/// Runs valley branching to the end.
fn by_valleys(items: &Items, capacity: u64, without: Without, seed: u64) -> Verdict {
    let highest = |job: usize| {
        let highest = items.grid().highest(capacity, items.item(job as u32))?;
        Some(highest as i64)
    };
    below(items, highest, without, seed)
}

/// The same with any highest positions.
fn below(
    items: &Items,
    highest: impl Fn(usize) -> Option<i64>,
    without: Without,
    seed: u64,
) -> Verdict {
    let members: Vec<u32> = (0..items.len() as u32).collect();
    let subproblem = Subproblem::new(items, &members).expect("plain rectangles");
    let Some(model) = Model::new(&subproblem, highest) else {
        return Verdict::Infeasible;
    };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut search = Search::new(&model, without);
    for run in 1.. {
        let weights = order::draw(run + seed % 5, &Elite::new(1), &mut random);
        let limit = if without.keeps(Heuristic::Restarts) {
            4 * luby(run)
        } else {
            u64::MAX
        };
        let ranks = order::ranks(&weights, &model, &mut random);
        let verdict = search.run(ranks, limit, &mut || false).verdict;
        if verdict != Verdict::Open {
            return verdict;
        }
        assert!(
            without.keeps(Heuristic::Restarts),
            "an unlimited run ends with a verdict"
        );
    }
    Verdict::Open
}

fn by_pairs(items: &Items, capacity: u64) -> Verdict {
    match Disjunctive::new(items, capacity) {
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
    let subsets: Vec<Without> = all_subsets().collect();
    let (mut done, mut above) = (0, 0);
    while done < cases() {
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
        let Some(best) = oracle::optimum(&problem, start, MOST_MAKESPAN) else {
            continue;
        };
        done += 1;
        above += u64::from(best > bound);
        assert!(bound <= best);
        assert!(stack_bound(&items) <= best);
        assert!(clique_bound(&items) <= best);
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
            for round in 0..4 {
                let without = in_round(subsets[random.random_range(0..subsets.len())], round);
                let verdict = by_valleys(&items, capacity, without, random.random());
                agrees(&problem, &items, start, capacity, best, &verdict);
            }
            let verdict = by_valleys(&items, capacity, Without::default(), random.random());
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
    let subsets: Vec<Without> = all_subsets().collect();
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
        let is_placeable = oracle::is_placeable(&problem, 0, &highest);
        done += 1;
        refuted += u64::from(!is_placeable);
        for round in 0..6 {
            let without = match round {
                0 | 1 => Without::default(),
                _ => subsets[random.random_range(0..subsets.len())],
            };
            let without = in_round(without, round);
            let limit = |job: usize| Some((of_item[job] / items.grid().unit) as i64);
            match below(&items, limit, without, random.random()) {
                Verdict::Placed(positions) => {
                    let positions: Vec<u64> = positions.iter().map(|&at| at as u64).collect();
                    let offsets = items.offsets(&positions);
                    for (offset, highest) in offsets.iter().zip(&highest) {
                        assert!(offset <= highest);
                    }
                    let placement = Placement { offsets };
                    assert_eq!(check::verify(&problem, &placement, 0), Ok(()));
                    assert!(is_placeable);
                }
                Verdict::Infeasible => {
                    assert!(!is_placeable, "{without:?}: {highest:?} {jobs:?}");
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

/// Jobs on a clock so coarse that some sections part them.
fn parted(is_mixed: bool, random: &mut impl Rng) -> Option<Problem> {
    let alignments = if is_mixed { [1, 1, 1, 2, 4] } else { [1; 5] };
    let jobs = (0..random.random_range(9..14)).map(|id| {
        let birth = random.random_range(0..12);
        let death = birth + random.random_range(1..5);
        Job::new(id, birth, death, random.random_range(1..9))
            .aligned(alignments[random.random_range(0..5)])
    });
    Problem::new(jobs.collect()).ok()
}

#[test]
fn each_technique_changes_the_nodes_and_no_verdict() {
    let techniques = [
        Heuristic::HeadBound,
        Heuristic::StackBound,
        Heuristic::Backjumping,
        Heuristic::Twins,
    ];
    let mut random = Xoshiro256PlusPlus::seed_from_u64(8);
    let (mut differ, mut refuted) = ([0; 4], 0);
    for round in 0..1000 {
        // Without mixed alignments the stack bound says nothing; with them it
        // says all that the head bound does.
        let problem = parted(round % 2 == 0, &mut random).expect("sound");
        let items = Items::new(&problem, 0).expect("no groups");
        let load = common::load::load(problem.jobs()).peak;
        let highest: Vec<i64> = (0..items.len())
            .map(|_| random.random_range(load / 2..=load + load / 8) as i64)
            .collect();
        let members: Vec<u32> = (0..items.len() as u32).collect();
        let subproblem = Subproblem::new(&items, &members).expect("plain rectangles");
        let Some(model) = Model::new(&subproblem, |job| Some(highest[job])) else {
            continue;
        };
        let ranks: Vec<u32> = members.clone();
        let run =
            |without| Search::new(&model, without).run(ranks.clone(), u64::MAX, &mut || false);
        let all = run(Without::default());
        refuted += u32::from(all.verdict == Verdict::Infeasible);
        for (differ, name) in differ.iter_mut().zip(techniques) {
            let without = run([name].into_iter().collect());
            let same = matches!(all.verdict, Verdict::Placed(_))
                == matches!(without.verdict, Verdict::Placed(_));
            assert!(same, "{name}: {problem:?} {highest:?}");
            *differ += u32::from(all.nodes != without.nodes);
        }
    }
    assert!(refuted > 20, "{refuted} of 1000");
    assert!(differ.iter().all(|&differ| differ > 0), "{differ:?}");
}

/// In one section a stack is all there is.
#[test]
fn jobs_that_all_live_at_once_need_what_their_best_stack_needs() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let mut above = 0;
    for _ in 0..500 {
        let start = random.random_range(0..9);
        let jobs: Vec<Job> = (0..random.random_range(2..7))
            .map(|id| {
                let size = random.random_range(1..9);
                let alignment = [1, 2, 3, 4, 8][random.random_range(0..5)];
                Job::new(id, id, 20, size).aligned(alignment)
            })
            .collect();
        let bound = common::load::lower_bound(&jobs, start);
        let problem = Problem::new(jobs).expect("sound");
        let items = Items::new(&problem, start).expect("no groups");
        let best = oracle::optimum(&problem, start, MOST_MAKESPAN).expect("small");
        if items.is_mixed() {
            assert_eq!(stack_bound(&items), best, "{start} {problem:?}");
            above += u32::from(best > bound);
        }
    }
    assert!(above > 100);
}

#[test]
fn runs_lengthen_as_luby_says() {
    let lengths: Vec<u64> = (1..=15).map(luby).collect();
    assert_eq!(lengths, [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]);
}

#[test]
fn jobs_that_meet_are_neighbours_and_their_memory_is_counted() {
    for seed in 0..200 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let jobs = (0..random.random_range(1..40)).map(|id| {
            let birth = random.random_range(0..60);
            Job::new(id, birth, birth + random.random_range(1..20), 1)
        });
        let problem = Problem::new(jobs.collect()).expect("sound");
        let items = Items::new(&problem, 0).expect("small numbers");
        let members: Vec<u32> = (0..items.len() as u32).collect();
        let subproblem = Subproblem::new(&items, &members).expect("plain");
        let model = Model::new(&subproblem, |_| Some(1000)).expect("all fit");
        let mut met = 0;
        for job in 0..model.len() {
            let meets = |&other: &u32| {
                let (first, last) = (&subproblem.first, &subproblem.last);
                let other = other as usize;
                other != job && first[other] <= last[job] && first[job] <= last[other]
            };
            let expected: Vec<u32> = (0..model.len() as u32).filter(meets).collect();
            assert_eq!(model.neighbours(job), expected, "seed {seed}, job {job}");
            met += expected.len() as u64;
        }
        let spans = (0..model.len()).map(|job| subproblem.last[job] - subproblem.first[job] + 1);
        let spans: u64 = spans.map(u64::from).sum();
        assert!(memory::needed(&subproblem) >= 8 * spans + 24 * met);
    }
}
