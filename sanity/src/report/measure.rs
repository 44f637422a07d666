//! Measuring: from jobs, offsets and the load's curve to the report's parts.

use common::check;
use common::input::Document;
use common::job::Job;
use common::load;
use common::notes::Seconds;
use common::placement::Placement;

use super::stack::Stack;
use super::timeline::{Timeline, share};
use super::{
    Bar, Churn, ClassCost, External, Hardness, Heap, Internal, NamedJob, PAGE, Part, PeakLoad,
    Placed, Traced, TracedAnomaly, Unseen, classes, held,
};

/// What the jobs tell without their offsets.
pub(super) struct Facts {
    pub(super) internal: Internal,
    pub(super) sizes: Vec<Bar>,
    pub(super) lifetimes: Vec<Bar>,
    pub(super) classes: Vec<ClassCost>,
    pub(super) churn: Churn,
    pub(super) hardness: Hardness,
}

impl Facts {
    pub(super) fn new(jobs: &[Job], load: PeakLoad) -> Facts {
        let timeline = Timeline::new(jobs);
        Facts {
            internal: internal(jobs, load.time),
            sizes: classes::histogram(jobs.iter().map(|job| (job.size, job.size))),
            lifetimes: classes::histogram(jobs.iter().map(|job| (job.death - job.birth, job.size))),
            classes: class_costs(jobs, load.time),
            churn: timeline.churn(jobs, load.bytes),
            hardness: timeline.hardness(jobs),
        }
    }
}

pub(super) fn peak(curve: &[(u64, u64)]) -> PeakLoad {
    let mut peak = PeakLoad { bytes: 0, time: 0 };
    for &(time, bytes) in curve {
        if bytes > peak.bytes {
            peak = PeakLoad { bytes, time };
        }
    }
    peak
}

pub(super) fn largest(document: &Document) -> Option<NamedJob> {
    let jobs = document.problem.jobs();
    let seconds = Seconds::new(&document.trace_notes);
    let job = jobs.iter().reduce(|best, job| {
        let rank = |job: &Job| (job.size, std::cmp::Reverse(job.birth));
        match rank(job).cmp(&rank(best)) {
            std::cmp::Ordering::Equal if job.id < best.id => job,
            std::cmp::Ordering::Greater => job,
            _ => best,
        }
    })?;
    Some(NamedJob {
        id: job.id.to_string(),
        size: job.size,
        birth: job.birth,
        death: job.death,
        birth_seconds: seconds.at(job.birth),
        death_seconds: seconds.at(job.death),
    })
}

/// The bytes that a job holds at an instant.
fn held_at(job: &Job, time: u64) -> u64 {
    if !(job.birth..job.death).contains(&time) {
        return 0;
    }
    if job.extras.is_none() {
        return job.size;
    }
    job.pieces()
        .find(|piece| (piece.birth..piece.death).contains(&time))
        .map_or(0, |piece| piece.high - piece.low)
}

/// A job's area in byte ticks; its gaps are left out.
pub(super) fn area(job: &Job) -> u128 {
    if job.extras.is_none() {
        return u128::from(job.size) * u128::from(job.death - job.birth);
    }
    job.pieces()
        .map(|piece| u128::from(piece.high - piece.low) * u128::from(piece.death - piece.birth))
        .sum()
}

fn internal(jobs: &[Job], peak: u64) -> Internal {
    let part = |jobs: &mut dyn Iterator<Item = &Job>| {
        let (waste, whole) = jobs.fold((0, 0), |(waste, whole), job| {
            (waste + (job.size - job.requested), whole + job.size)
        });
        Part::of(waste, whole)
    };
    Internal {
        at_peak: part(&mut jobs.iter().filter(|job| held_at(job, peak) > 0)),
        total: part(&mut jobs.iter()),
    }
}

fn class_costs(jobs: &[Job], peak: u64) -> Vec<ClassCost> {
    let mut costs = vec![(0u64, 0u128, 0u64); classes::CLASSES];
    for job in jobs {
        let (count, its_area, at_peak) = &mut costs[classes::class_index(job.size)];
        *count += 1;
        *its_area = its_area.saturating_add(area(job));
        *at_peak += held_at(job, peak);
    }
    let areas = costs
        .iter()
        .fold(0u128, |sum, cost| sum.saturating_add(cost.1));
    let peaks: u64 = costs.iter().map(|cost| cost.2).sum();
    let mut costs: Vec<_> = costs.into_iter().enumerate().collect();
    costs.retain(|(_, cost)| cost.0 > 0);
    costs.sort_by_key(|&(index, (_, area, _))| (std::cmp::Reverse(area), index));
    costs
        .into_iter()
        .map(|(index, (jobs, area, at_peak))| ClassCost {
            span: classes::class(index),
            jobs,
            area_share: share(area as f64, areas as f64),
            at_peak: Part::of(at_peak, peaks),
        })
        .collect()
}

fn fragmentation(makespan: u64, load: u64) -> f64 {
    share(makespan as f64 - load as f64, load as f64)
}

/// Measures a placement of the document's jobs.
pub(super) fn placed(
    document: &Document,
    placement: &Placement,
    curve: &[(u64, u64)],
    heaps: &[Heap],
    load: PeakLoad,
    start: u64,
) -> Placed {
    let verdict = check::verify(&document.problem, placement, start);
    let sum = |part: fn(&Heap) -> Option<u64>| {
        let parts = heaps.iter().filter_map(part);
        parts.fold(0, u64::saturating_add)
    };
    let held = document
        .memory
        .as_ref()
        .map(|memory| memory.peak_held.bytes);
    let makespan = held.unwrap_or_else(|| sum(|heap| heap.makespan));
    Placed {
        valid: verdict.is_ok(),
        external: verdict
            .is_ok()
            .then(|| external(document.problem.jobs(), placement, curve, load)),
        violation: verdict.err().map(|violation| violation.to_string()),
        makespan,
        pages: match held {
            Some(held) => held.div_ceil(PAGE),
            None => sum(|heap| heap.pages),
        },
        fragmentation: fragmentation(makespan, load.bytes),
        makespan_over_load: 1.0 + fragmentation(makespan, load.bytes),
    }
}

fn external(jobs: &[Job], placement: &Placement, curve: &[(u64, u64)], load: PeakLoad) -> External {
    let gaps = held::gaps(&held::rectangles(jobs, placement), load.time);
    let loads: u128 = curve
        .windows(2)
        .map(|pair| u128::from(pair[0].1) * u128::from(pair[1].0 - pair[0].0))
        .sum();
    External {
        at_peak: Part::of(gaps.at_peak, load.bytes),
        over_time: share(gaps.area as f64, loads as f64),
        touched_pages: gaps.most_pages,
    }
}

pub(super) fn heaps(document: &Document, load: PeakLoad) -> Vec<Heap> {
    let jobs = document.problem.jobs();
    let none = Placement::default();
    let placement = document.placement.as_ref();
    let stack = Stack::new(jobs, placement.unwrap_or(&none));
    let one = jobs.windows(2).all(|pair| pair[0].heap == pair[1].heap);
    let mut by_heap: Vec<u32> = (0..jobs.len() as u32).collect();
    if !one {
        by_heap.sort_by_key(|&index| jobs[index as usize].heap);
    }
    by_heap
        .chunk_by(|&a, &b| jobs[a as usize].heap == jobs[b as usize].heap)
        .map(|members| {
            let base = jobs[members[0] as usize].heap;
            let load = if one {
                load
            } else {
                peak(&load::curve(
                    members.iter().map(|&index| &jobs[index as usize]),
                ))
            };
            let makespan = placement.map(|_| stack.heaps[stack.index(base)].makespan);
            Heap {
                base,
                jobs: members.len(),
                load,
                makespan,
                pages: makespan.map(|makespan| makespan.div_ceil(PAGE)),
                fragmentation: makespan.map(|makespan| fragmentation(makespan, load.bytes)),
            }
        })
        .collect()
}

pub(super) fn traced(document: &Document) -> Option<Traced> {
    let trace = document.trace.as_ref()?;
    let jobs = document.problem.jobs();
    // They come last.
    let freed = jobs.len().saturating_sub(trace.never_freed as usize);
    let anomalies = trace.anomalies.iter().map(|(kind, count)| TracedAnomaly {
        kind: kind.to_string(),
        count: count.count,
        first_at: count.first_at,
    });
    Some(Traced {
        events: trace.events,
        threads: trace.threads,
        never_freed: trace.never_freed,
        never_freed_bytes: jobs[freed..].iter().map(|job| job.size).sum(),
        anomalies: anomalies.collect(),
        unseen: Unseen {
            births: trace.unseen.births,
            ends: trace.unseen.ends,
        },
    })
}
