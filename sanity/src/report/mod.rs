//! Measuring jobs and placements: the metrics, and one file an output.
//!
//! | metric | formula |
//! |---|---|
//! | load at t | sum of the sizes of the jobs live at t |
//! | LOAD | maximum over t of the load at t |
//! | makespan of a heap | maximum over its jobs of `offset + size` |
//! | makespan in all | sum of the makespans of the heaps |
//! | fragmentation | `(makespan - LOAD) / LOAD` |
//! | makespan over LOAD | `makespan / LOAD` |

mod svg;
mod text;

use common::check::{self, Violation};
use common::input::Document;
use common::job::Job;
use common::load::{self, Load};
use serde::Serialize;

pub use svg::svg;
pub use text::text;

/// Version of the JSON: a number that grows when a field changes or goes.
pub const SCHEMA: u32 = 1;

/// A job, as far as a report names one.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct NamedJob {
    /// Its id, as text.
    pub id: String,
    /// Its size in bytes.
    pub size: u64,
    /// Birth on the logical clock.
    pub birth: u64,
    /// Death on the logical clock, exclusive.
    pub death: u64,
}

/// A largest load and the first instant at which it is reached.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct PeakLoad {
    /// Bytes.
    pub bytes: u64,
    /// On the logical clock.
    pub time: u64,
}

impl From<Load> for PeakLoad {
    fn from(load: Load) -> Self {
        PeakLoad {
            bytes: load.peak,
            time: load.at,
        }
    }
}

/// One heap.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Heap {
    /// Where its mapping starts; 0 where the file tells no heaps.
    pub base: u64,
    /// Its jobs.
    pub jobs: usize,
    /// Its own largest load.
    pub load: PeakLoad,
    /// Its makespan in bytes; `None` where jobs are not placed.
    pub makespan: Option<u64>,
    /// Its fragmentation, a fraction.
    pub fragmentation: Option<f64>,
}

/// How the jobs lie.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Placed {
    /// Whether no two conflicting jobs overlap and every alignment is kept.
    pub valid: bool,
    /// What is wrong, where it is not valid; names the jobs.
    pub violation: Option<String>,
    /// Sum of the makespans of the heaps, in bytes.
    pub makespan: u64,
    /// `(makespan - LOAD) / LOAD`, a fraction; 0 without load.
    pub fragmentation: f64,
    /// `makespan / LOAD`; 1 without load.
    pub makespan_over_load: f64,
}

/// What a trace told beside its jobs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Traced {
    /// Records.
    pub events: u64,
    /// Jobs that were never freed.
    pub never_freed: u64,
    /// What was odd, by kind: how often, and the byte offset of the first.
    pub oddities: Vec<TracedOddity>,
}

/// One kind of oddity in a trace.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TracedOddity {
    /// What it is.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// Byte offset of the first.
    pub first_at: u64,
}

/// Everything that is measured.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Jobs.
    pub jobs: usize,
    /// LOAD of all jobs together.
    pub load: PeakLoad,
    /// The largest job; the first of several.
    pub largest: Option<NamedJob>,
    /// Jobs that have an offset.
    pub placed_jobs: usize,
    /// The placement, where every job has an offset.
    pub placement: Option<Placed>,
    /// The heaps, by base.
    pub heaps: Vec<Heap>,
    /// What only a trace tells; `None` elsewhere.
    pub trace: Option<Traced>,
}

impl Report {
    /// Measures a document, which was read with its offsets as a placement.
    /// Alignment applies to `start + heap + offset`. O(n log n) time, O(n)
    /// memory.
    pub fn new(document: &Document, start: u64) -> Report {
        let jobs = document.problem.jobs();
        let load = load::load(jobs);
        let heaps = heaps(document);
        let verdict = document
            .placement
            .as_ref()
            .map(|placement| check::verify(&document.problem, placement, start));
        Report {
            schema: SCHEMA,
            jobs: jobs.len(),
            load: load.into(),
            largest: largest(jobs),
            placed_jobs: document.placed,
            placement: verdict.map(|verdict| placed(&heaps, load, verdict)),
            heaps,
            trace: document.trace.as_ref().map(|trace| Traced {
                events: trace.events,
                never_freed: trace.never_freed,
                oddities: trace
                    .oddities
                    .iter()
                    .map(|(kind, count)| TracedOddity {
                        kind: kind.to_string(),
                        count: count.count,
                        first_at: count.first_at,
                    })
                    .collect(),
            }),
        }
    }

    /// Whether there is a placement, and it is not valid.
    pub fn is_invalid(&self) -> bool {
        self.placement.as_ref().is_some_and(|placed| !placed.valid)
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None in practice: every field can be said.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

fn largest(jobs: &[Job]) -> Option<NamedJob> {
    // Of equal ones `max_by_key` gives the last.
    let job = jobs.iter().rev().max_by_key(|job| job.size)?;
    Some(NamedJob {
        id: job.id.to_string(),
        size: job.size,
        birth: job.birth,
        death: job.death,
    })
}

fn fragmentation(makespan: u64, load: u64) -> f64 {
    if load == 0 {
        0.0
    } else {
        (makespan as f64 - load as f64) / load as f64
    }
}

fn placed(heaps: &[Heap], load: Load, verdict: Result<(), Violation>) -> Placed {
    let sum = heaps
        .iter()
        .filter_map(|heap| heap.makespan)
        .fold(0, u64::saturating_add);
    Placed {
        valid: verdict.is_ok(),
        violation: verdict.err().map(|violation| violation.to_string()),
        makespan: sum,
        fragmentation: fragmentation(sum, load.peak),
        makespan_over_load: 1.0 + fragmentation(sum, load.peak),
    }
}

fn heaps(document: &Document) -> Vec<Heap> {
    let jobs = document.problem.jobs();
    let mut by_heap: Vec<u32> = (0..jobs.len() as u32).collect();
    by_heap.sort_by_key(|&index| jobs[index as usize].heap);
    by_heap
        .chunk_by(|&a, &b| jobs[a as usize].heap == jobs[b as usize].heap)
        .map(|members| {
            let of_heap = || members.iter().map(|&index| &jobs[index as usize]);
            let load = load::load(of_heap());
            let makespan = document.placement.as_ref().and_then(|placement| {
                members
                    .iter()
                    .map(|&index| {
                        let index = index as usize;
                        placement.offsets[index].saturating_add(jobs[index].size)
                    })
                    .max()
            });
            Heap {
                base: jobs[members[0] as usize].heap,
                jobs: members.len(),
                load: load.into(),
                makespan,
                fragmentation: makespan.map(|makespan| fragmentation(makespan, load.peak)),
            }
        })
        .collect()
}
