//! The report's metrics against a count of every byte at every tick, and under
//! permutations of the rows.

use std::collections::{BTreeMap, BTreeSet};

use common::input::Document;
use common::job::{Gap, Job, JobId};
use common::placement::Placement;
use common::problem::Problem;
use proptest::prelude::*;
use sanity::report::{Other, PAGE, Report, size_class, text};

/// Ticks of the small problems.
const TICKS: u64 = 14;

fn placed(jobs: &[(Job, u64)]) -> Document {
    let (jobs, offsets): (Vec<Job>, Vec<u64>) = jobs.iter().cloned().unzip();
    Document {
        placed: jobs.len(),
        problem: Problem::new(jobs).expect("sound jobs"),
        placement: Some(Placement { offsets }),
        ..Document::default()
    }
}

/// A job, by dice: some have a gap, and some of those a window.
fn job(id: u64, dice: [u64; 7]) -> Job {
    let birth = dice[0] % (TICKS - 1);
    let death = birth + 1 + dice[1] % (TICKS - 1 - birth);
    let mut job = Job::new(id, birth, death, 1 + dice[2] % 9000);
    job.requested = dice[3] % (job.size + 1);
    job.heap = dice[4] % 2 * 0x10_0000;
    if dice[5].is_multiple_of(3) && death - birth > 2 {
        let lower = birth + dice[5] / 3 % (death - birth - 1);
        let window = dice[6]
            .is_multiple_of(2)
            .then_some((job.size / 4, job.size / 2));
        job = job.with_gap(Gap {
            lower,
            upper: lower + 1,
            window,
        });
    }
    job
}

fn collide(a: &(Job, u64), b: &(Job, u64)) -> bool {
    a.0.heap == b.0.heap
        && a.0.pieces().any(|one| {
            b.0.pieces().any(|two| {
                one.birth < two.death
                    && two.birth < one.death
                    && a.1 + one.low < b.1 + two.high
                    && b.1 + two.low < a.1 + one.high
            })
        })
}

/// Puts each job at the lowest of a few offsets at which it hits none before it.
fn place(jobs: Vec<Job>) -> Vec<(Job, u64)> {
    let mut placed: Vec<(Job, u64)> = Vec::new();
    for job in jobs {
        let candidate = (0..)
            .map(|step| (job.clone(), step * 1000))
            .find(|candidate| !placed.iter().any(|other| collide(candidate, other)));
        placed.push(candidate.expect("there is always room above"));
    }
    placed
}

fn small_placements() -> impl Strategy<Value = Vec<(Job, u64)>> {
    let dice = prop::collection::vec(any::<[u64; 7]>(), 0..9);
    dice.prop_map(|dice| {
        let jobs = (0u64..).zip(dice).map(|(id, dice)| job(id, dice));
        place(jobs.collect())
    })
}

/// The bytes held at a tick, one by one.
fn held(jobs: &[(Job, u64)], tick: u64) -> BTreeSet<(u64, u64)> {
    jobs.iter()
        .flat_map(|(job, offset)| {
            let live = job
                .pieces()
                .filter(|piece| (piece.birth..piece.death).contains(&tick));
            let bytes = live.flat_map(|piece| piece.low..piece.high);
            bytes.map(move |byte| (job.heap, offset + byte))
        })
        .collect()
}

/// Gaps and touched pages at a tick.
fn gaps(held: &BTreeSet<(u64, u64)>) -> (u64, u64) {
    let pages: BTreeSet<_> = held
        .iter()
        .map(|&(heap, byte)| (heap, byte / PAGE))
        .collect();
    let pages = pages.len() as u64;
    (pages * PAGE - held.len() as u64, pages)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn gaps_are_what_counting_every_byte_of_every_page_gives(jobs in small_placements()) {
        let report = Report::new(&placed(&jobs), 0);
        let bytes: Vec<_> = (0..TICKS).map(|tick| held(&jobs, tick)).collect();
        let loads: Vec<u64> = bytes.iter().map(|held| held.len() as u64).collect();
        let most = loads.iter().copied().max().unwrap_or(0);
        prop_assert_eq!(report.load.bytes, most);
        let placement = report.placement.expect("a placement");
        prop_assert!(placement.valid, "{:?}", placement.violation);
        let external = placement.external.expect("of a valid placement");
        let wasted: Vec<(u64, u64)> = bytes.iter().map(gaps).collect();
        let area: u64 = wasted.iter().map(|waste| waste.0).sum();
        let load: u64 = loads.iter().sum();
        let over_time = if load == 0 { 0.0 } else { area as f64 / load as f64 };
        prop_assert_eq!(external.over_time, over_time);
        prop_assert_eq!(external.touched_pages, wasted.iter().map(|waste| waste.1).max().unwrap_or(0));
        if most > 0 {
            let peak = loads.iter().position(|&load| load == most).expect("it is reached");
            prop_assert_eq!(report.load.time, peak as u64);
            prop_assert_eq!(external.at_peak.bytes, wasted[peak].0);
        }
    }

    #[test]
    fn what_lifetimes_tell_is_what_looking_at_every_pair_gives(jobs in small_placements()) {
        let report = Report::new(&placed(&jobs), 0);
        let jobs: Vec<Job> = jobs.into_iter().map(|(job, _)| job).collect();
        let meet = |a: &Job, b: &Job| a.birth < b.death && b.birth < a.death;
        let pairs = jobs.iter().enumerate();
        let conflicts: usize = pairs
            .map(|(index, job)| jobs[..index].iter().filter(|other| meet(job, other)).count())
            .sum();
        prop_assert_eq!(report.hardness.conflicts, conflicts as u64);
        let at_once = jobs.iter().filter(|job| {
            !jobs.iter().any(|other| job.birth < other.birth && other.birth < job.death)
        });
        prop_assert_eq!(report.churn.freed_at_once, at_once.count() as u64);
        for bar in &report.lifetimes {
            let within = |job: &&Job| (bar.span.from..=bar.span.to).contains(&(job.death - job.birth));
            prop_assert_eq!(bar.jobs, jobs.iter().filter(within).count() as u64);
        }
        let mut of_classes = BTreeMap::<_, u64>::new();
        for job in &jobs {
            *of_classes.entry(size_class(job.size)).or_default() += 1;
        }
        let told: BTreeMap<_, u64> = report.classes.iter().map(|class| (class.span, class.jobs)).collect();
        prop_assert_eq!(told, of_classes);
    }

    #[test]
    fn the_order_of_rows_changes_nothing(
        jobs in small_placements(),
        seed in any::<u64>(),
    ) {
        let mut shuffled = jobs.clone();
        shuffled.sort_by_key(|(job, offset)| (job.birth ^ offset ^ job.size ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let moved: Vec<_> = jobs.iter().map(|(job, offset)| (job.clone(), offset + 4096)).collect();
        let other = placed(&moved);
        let other_report = Report::new(&other, 0);
        let say = |jobs: &[(Job, u64)]| {
            let document = placed(jobs);
            let mut report = Report::new(&document, 0);
            let other = Other { name: "other", document: &other, report: &other_report };
            if !jobs.is_empty() {
                report.compare(&document, &other).expect("the same jobs");
            }
            (text(&report), report.json().expect("JSON"))
        };
        prop_assert_eq!(say(&jobs), say(&shuffled));
    }

    #[test]
    fn aliases_hold_their_bytes_once(dice in prop::collection::vec(any::<[u64; 7]>(), 1..7)) {
        let jobs: Vec<(Job, u64)> = (0u64..).zip(dice).map(|(id, dice)| {
            let mut job = job(id, dice);
            let group = dice[4] % 3;
            job.heap = 0;
            job.id = JobId::Text(format!("job {id}").into());
            job.extras_mut().group = Some(format!("group {group}").into());
            (job, group * 20_000 + 700)
        }).collect();
        let report = Report::new(&placed(&jobs), 0);
        let placement = report.placement.expect("a placement");
        prop_assert!(placement.valid, "{:?}", placement.violation);
        let external = placement.external.expect("of a valid placement");
        let wasted: Vec<(u64, u64)> = (0..TICKS).map(|tick| gaps(&held(&jobs, tick))).collect();
        prop_assert_eq!(external.touched_pages, wasted.iter().map(|waste| waste.1).max().unwrap_or(0));
        prop_assert_eq!(external.at_peak.bytes, wasted[report.load.time as usize].0);
    }
}
