use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::corollary15::{self, Parameters};
use super::drop::dropped;
use super::jobs::{Job, Jobs};
use super::theorem16::{self, Choice, MU_LIMIT, Round};
use super::unbox::{self, Stacking};
use super::{lemma1, theorem2};
use crate::instance::Items;
use crate::portfolio::batch::Crew;

/// Sections that jobs of the tests live in.
const SECTIONS: u32 = 60;

fn jobs(most: usize, heights: u64) -> impl Strategy<Value = Vec<Job>> {
    let job = (0..SECTIONS, 0..SECTIONS, 1..=heights).prop_map(|(a, b, height)| Job {
        first: a.min(b),
        last: a.max(b),
        height,
    });
    proptest::collection::vec(job, 1..=most)
}

/// Jobs of unit height that live at section 30.
fn jobs_live_at_once(most: usize) -> impl Strategy<Value = Vec<Job>> {
    let job = (0..=30u32, 30..SECTIONS).prop_map(|(first, last)| Job {
        first,
        last,
        height: 1,
    });
    proptest::collection::vec(job, 1..=most)
}

fn live(jobs: &[Job], section: u32) -> usize {
    jobs.iter().filter(|job| job.is_live(section)).count()
}

/// How many boxes live at a section: from the first birth in them to the last
/// death.
fn boxes_live(jobs: &[Job], boxes: &[Vec<u32>], section: u32) -> usize {
    let is_live = |members: &&Vec<u32>| {
        let first = members.iter().map(|&job| jobs[job as usize].first).min();
        let last = members.iter().map(|&job| jobs[job as usize].last).max();
        first <= Some(section) && Some(section) <= last
    };
    boxes.iter().filter(is_live).count()
}

fn occur_once(count: usize, found: impl Iterator<Item = u32>) -> Result<(), TestCaseError> {
    let mut found: Vec<u32> = found.collect();
    found.sort_unstable();
    prop_assert_eq!(found, (0..count as u32).collect::<Vec<_>>());
    Ok(())
}

fn at_most_live_at_once(jobs: &[Job], members: &[u32], most: usize) -> Result<(), TestCaseError> {
    let members: Vec<Job> = members.iter().map(|&job| jobs[job as usize]).collect();
    for section in 0..SECTIONS {
        prop_assert!(live(&members, section) <= most);
    }
    Ok(())
}

/// Theorem 16 with a choice, on heights as they are.
fn boxed(jobs: Vec<Job>, choice: &Choice, threads: usize) -> (Jobs, Vec<u32>) {
    let mut heights: Vec<u64> = jobs.iter().map(|job| job.height).collect();
    heights.sort_unstable();
    heights.dedup();
    let set = (0..jobs.len() as u32).collect();
    let mut jobs = Jobs::new(jobs);
    let mut progress = ();
    let mut crew = Crew::at_once(threads, &mut progress);
    let boxes = theorem16::boxes(&mut jobs, set, &heights, choice, &mut crew);
    (jobs, boxes.expect("nothing ends the search"))
}

fn choices() -> impl Strategy<Value = Choice> {
    let e = proptest::option::of(50.0..400.0f64);
    let last_mu = proptest::option::of(0.05..MU_LIMIT);
    (e, last_mu, 0.0..1.0f64, any::<u64>()).prop_map(|(e, last_mu, shift, seed)| Choice {
        e,
        last_mu,
        shift,
        seed,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lemma_1_keeps_its_bound(
        jobs in jobs_live_at_once(300),
        rows in 1usize..6,
        e in 0.3..1.5f64,
    ) {
        let set: Vec<u32> = (0..jobs.len() as u32).collect();
        let strips = lemma1::strips(&jobs, &set, rows, e);
        let all = strips.boxes.iter().flatten().chain(&strips.unresolved);
        occur_once(jobs.len(), all.copied())?;
        prop_assert!(strips.unresolved.len() <= 2 * lemma1::outer_strip(rows, e));
        let resolved: Vec<Job> = strips.boxes.iter().flatten().map(|&job| jobs[job as usize]).collect();
        for members in &strips.boxes {
            prop_assert!(members.len() <= rows);
        }
        for section in 0..SECTIONS {
            let boxes = rows * boxes_live(&jobs, &strips.boxes, section);
            let waste = (e + 2.0 * e * e) * live(&jobs, section) as f64;
            prop_assert!(boxes as f64 <= live(&resolved, section) as f64 + waste + 1e-6);
        }
    }

    #[test]
    fn theorem_2_keeps_its_bound(
        jobs in jobs(400, 1),
        rows in 1usize..4,
        e in 0.5..2.5f64,
        seed in any::<u64>(),
    ) {
        let set: Vec<u32> = (0..jobs.len() as u32).collect();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let boxed = theorem2::boxes(&jobs, set, rows, e, &mut random, &mut || false);
        let boxed = boxed.expect("nothing ends it");
        occur_once(jobs.len(), boxed.boxes.iter().flatten().copied())?;
        for members in &boxed.boxes {
            at_most_live_at_once(&jobs, members, rows)?;
        }
        let added = theorem2::added(rows, e, boxed.most_critical);
        for section in 0..SECTIONS {
            let boxes = rows * boxes_live(&jobs, &boxed.boxes, section);
            let factor = 1.0 + e + 2.0 * e * e;
            let bound = factor * live(&jobs, section) as f64 + added as f64;
            prop_assert!(boxes as f64 <= bound + 1e-6, "{} boxes, {} in all", boxes, bound);
        }
    }

    #[test]
    fn corollary_15_makes_boxes_of_one_height_that_hold_their_jobs(
        jobs in jobs(200, 1000),
        e in 0.05..0.6f64,
        shift in 0.0..1.0f64,
        seed in any::<u64>(),
    ) {
        let mut jobs = Jobs::new(jobs);
        let count = jobs.items();
        let set: Vec<u32> = (0..count as u32).collect();
        for class in corollary15::classes(&jobs, set.clone(), e, shift) {
            for job in class.jobs {
                let height = jobs.job(job).height;
                prop_assert!(height <= class.height);
                prop_assert!(class.height as f64 <= height as f64 * (1.0 + e) * (1.0 + 1e-9));
            }
        }
        let parameters = Parameters { height: 1700, e, shift, seed };
        let mut progress = ();
        let mut crew = Crew::at_once(2, &mut progress);
        let boxes = corollary15::boxes(&mut jobs, set, parameters, &mut crew);
        let boxes = boxes.expect("nothing ends it");
        let contents = boxes.iter().filter_map(|&job| jobs.contents(job));
        occur_once(count, contents.flat_map(|contents| contents.members.iter().copied()))?;
        for &job in &boxes {
            prop_assert_eq!(jobs.job(job).height, 1700);
            let contents = jobs.contents(job).expect("a box");
            let rows = (1700 / contents.row_height) as usize;
            at_most_live_at_once(jobs.all(), contents.members, rows)?;
        }
    }

    #[test]
    fn theorem_16_gives_every_item_a_loose_place_that_no_other_overlaps(
        items in jobs(80, 1_000_000),
        choice in choices(),
        is_fullest in any::<bool>(),
    ) {
        let (jobs, boxes) = boxed(items.clone(), &choice, 1);
        let height = jobs.job(boxes[0]).height;
        prop_assert!(boxes.iter().all(|&job| jobs.job(job).height == height));
        let mut members = boxes.clone();
        let mut found = Vec::new();
        while let Some(job) = members.pop() {
            match jobs.contents(job) {
                Some(contents) => members.extend(contents.members),
                None => found.push(job),
            }
        }
        occur_once(items.len(), found.into_iter())?;
        let stacking = if is_fullest { Stacking::Fullest } else { Stacking::Coloured };
        let loose = unbox::unbox(&jobs, boxes, stacking);
        for (a, at) in items.iter().zip(&loose.places) {
            for (b, other) in items.iter().zip(&loose.places) {
                let apart = a.last < b.first || b.last < a.first;
                let above = at.offset + u128::from(a.height) <= other.offset;
                let below = other.offset + u128::from(b.height) <= at.offset;
                prop_assert!(apart || above || below || std::ptr::eq(a, b));
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_boxes_on_any_number_of_threads(
        items in jobs(200, 100_000),
        choice in choices(),
    ) {
        let (one, boxes) = boxed(items.clone(), &choice, 1);
        for threads in [2, 5] {
            let (many, same) = boxed(items.clone(), &choice, threads);
            prop_assert_eq!(&boxes, &same);
            for &job in &boxes {
                let members = |jobs: &Jobs| jobs.contents(job).map(|inside| inside.members.to_vec());
                prop_assert_eq!(members(&one), members(&many));
            }
        }
    }

    #[test]
    fn dropping_ends_no_higher_than_the_boxes(
        made in jobs(120, 5000),
        choice in choices(),
    ) {
        let made = (0..).zip(made).map(|(id, job)| {
            let (birth, death) = (u64::from(job.first), u64::from(job.last) + 1);
            common::job::Job::new(id, birth, death, job.height)
        });
        let problem = common::problem::Problem::new(made.collect()).expect("sound");
        let items = Items::new(&problem, 0).expect("no alignments");
        let hulls = Jobs::of_items(&items);
        let (jobs, boxes) = boxed(hulls.all().to_vec(), &choice, 1);
        let loose = unbox::unbox(&jobs, boxes, Stacking::Fullest);
        let mut order: Vec<u32> = (0..items.len() as u32).collect();
        order.sort_by_key(|&item| loose.places[item as usize].offset);
        let packing = dropped(&items, &order).expect("nothing is fixed");
        for (at, place) in packing.positions.iter().zip(&loose.places) {
            prop_assert!(u128::from(*at) <= place.offset);
        }
        let placement = common::placement::Placement { offsets: items.offsets(&packing.positions) };
        prop_assert_eq!(common::check::verify(&problem, &placement, 0), Ok(()));
        prop_assert_eq!(placement.makespan(&problem), packing.makespan);
    }
}

#[test]
fn the_range_of_e_opens_where_the_dummy_job_says() {
    let is_open = |ratio: f64| {
        let (least, limit) = theorem16::range_of_e(ratio);
        least < limit
    };
    assert!(!is_open(2216.0) && is_open(2216.54) && is_open(1e9));
}

#[test]
fn rounds_hold_their_invariants() {
    for (e, h_min, h_max) in [(100.0, 1, 1 << 20), (200.0, 7, 1 << 40), (30.0, 1, 1 << 50)] {
        let Some(round) = Round::new(e, h_min, h_max) else {
            continue;
        };
        assert!(round.mu < MU_LIMIT);
        assert!(round.target >= h_min);
        // A small job rounded up to a power of 1 + mu fits into a box.
        assert!(round.target as f64 * (1.0 + round.mu) <= round.height as f64);
    }
    assert_eq!(Round::new(10.0, 5, 5), None, "equal heights need no round");
}

#[test]
fn long_staircases_need_no_deep_stack() {
    // Every job overlaps the next: the worst for splitting between gaps.
    let jobs: Vec<Job> = (0..200_000)
        .map(|at| Job {
            first: at,
            last: at + 1,
            height: 1,
        })
        .collect();
    let run = move || {
        let set = (0..jobs.len() as u32).collect();
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let boxed = theorem2::boxes(&jobs, set, 2, 1.0, &mut random, &mut || false);
        let boxed = boxed.expect("nothing ends it");
        boxed.boxes.iter().map(Vec::len).sum::<usize>()
    };
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(run);
    let boxed = thread.expect("a thread starts").join();
    assert_eq!(boxed.expect("the stack suffices"), 200_000);
}
