//! Measuring jobs and placements: the metrics, and one file an output.
//!
//! Bytes, and ticks of the jobs' logical clock. Sums are exact; shares are
//! fractions. The order of the jobs changes nothing. O(n log n) time and O(n)
//! memory for n jobs, with no listing of pairs or pages.
//!
//! Definitions:
//!
//! ```text
#![doc = include_str!("definitions.txt")]
//! ```
#![doc = include_str!("schema.md")]

mod against;
mod classes;
mod columns;
mod density;
mod held;
mod html;
mod rows;
mod stack;
mod svg;
mod text;
mod timeline;

use common::check;
use common::input::Document;
use common::job::Job;
use common::load;
use common::placement::Placement;
use serde::Serialize;

use stack::Stack;
use timeline::{Timeline, share};

pub use against::{Against, ClassChange, Mismatch, Other};
pub use classes::{Bar, Span, bucket, size_class};
pub use held::PAGE;
pub use html::{Page, html};
pub use svg::{Colour, svg};
pub use text::text;
pub use timeline::{Churn, Hardness};

/// The definitions of all metrics, for people.
pub const DEFINITIONS: &str = include_str!("definitions.txt");

/// Version of the JSON: a number that grows when a field changes or goes.
pub const SCHEMA: u32 = 2;

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

/// Bytes, and what share of some whole they are.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// Bytes.
    pub bytes: u64,
    /// A fraction of the whole; 0 where there is none.
    pub share: f64,
}

impl Part {
    fn of(bytes: u64, whole: u64) -> Part {
        Part {
            bytes,
            share: share(bytes as f64, whole as f64),
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
    /// Its makespan in pages of [`PAGE`] bytes, rounded up.
    pub pages: Option<u64>,
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
    /// Sum of the makespans of the heaps, in pages.
    pub pages: u64,
    /// `(makespan - LOAD) / LOAD`, a fraction; 0 without load.
    pub fragmentation: f64,
    /// `makespan / LOAD`; 1 without load.
    pub makespan_over_load: f64,
    /// Waste between blocks; `None` where the placement is not valid.
    pub external: Option<External>,
}

/// External fragmentation: gaps between live blocks, within touched pages.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct External {
    /// Gaps at LOAD's time, and their share of LOAD.
    pub at_peak: Part,
    /// The integral of the gaps over that of the load.
    pub over_time: f64,
    /// The most pages touched at once.
    pub touched_pages: u64,
}

/// Internal fragmentation: allocated less requested.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Internal {
    /// Of the jobs live at LOAD's time.
    pub at_peak: Part,
    /// Of all jobs.
    pub total: Part,
}

/// What one size class costs.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct ClassCost {
    /// The sizes of the class.
    #[serde(flatten)]
    pub span: Span,
    /// Jobs.
    pub jobs: u64,
    /// Its share of the sum of all areas.
    pub area_share: f64,
    /// Its bytes live at LOAD's time, and their share.
    pub at_peak: Part,
}

/// What a trace told beside its jobs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Traced {
    /// Records.
    pub events: u64,
    /// Threads that made a call.
    pub threads: u64,
    /// Jobs that were never freed.
    pub never_freed: u64,
    /// Sum of their sizes.
    pub never_freed_bytes: u64,
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
    /// The largest job; of several the first born, then the least id.
    pub largest: Option<NamedJob>,
    /// Jobs that have an offset.
    pub placed_jobs: usize,
    /// The placement, where every job has an offset.
    pub placement: Option<Placed>,
    /// The heaps, by base.
    pub heaps: Vec<Heap>,
    /// Allocated less requested.
    pub internal: Internal,
    /// Sizes by powers of two.
    pub sizes: Vec<Bar>,
    /// Lifetimes by powers of two.
    pub lifetimes: Vec<Bar>,
    /// Size classes, the one of the largest area first.
    pub classes: Vec<ClassCost>,
    /// How fast jobs come and go.
    pub churn: Churn,
    /// How hard they are to place.
    pub hardness: Hardness,
    /// What only a trace tells; `None` elsewhere.
    pub trace: Option<Traced>,
    /// Another placement of the same jobs, where one was given.
    pub against: Option<Against>,
}

impl Report {
    /// Measures a document, which was read with its offsets as a placement.
    /// Alignment applies to `start + heap + offset`. O(n log n) time, O(n)
    /// memory; two threads.
    pub fn new(document: &Document, start: u64) -> Report {
        let jobs = document.problem.jobs();
        let curve = load::curve(jobs);
        let load = peak(&curve);
        let (facts, placement) = std::thread::scope(|scope| {
            let facts = scope.spawn(|| Facts::new(jobs, load));
            let heaps = heaps(document, load);
            let placement = document
                .placement
                .as_ref()
                .map(|placement| placed(document, placement, &curve, &heaps, load, start));
            let facts = facts.join();
            let facts = facts.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            (facts, (placement, heaps))
        });
        let (placement, heaps) = placement;
        Report {
            schema: SCHEMA,
            jobs: jobs.len(),
            load,
            largest: largest(jobs),
            placed_jobs: document.placed,
            placement,
            heaps,
            internal: facts.internal,
            sizes: facts.sizes,
            lifetimes: facts.lifetimes,
            classes: facts.classes,
            churn: facts.churn,
            hardness: facts.hardness,
            trace: traced(document),
            against: None,
        }
    }

    /// Measures another placement of the same jobs beside this one.
    ///
    /// # Errors
    /// [`Mismatch`] where the jobs are not the same, or not placed.
    pub fn compare(&mut self, document: &Document, other: &Other<'_>) -> Result<(), Mismatch> {
        self.against = Some(Against::new(document, other)?);
        Ok(())
    }

    /// Whether there is a placement that is not valid.
    pub fn is_invalid(&self) -> bool {
        let other = self.against.as_ref().map(|against| &against.placement);
        self.placement
            .iter()
            .chain(other)
            .any(|placed| !placed.valid)
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None in practice: every field can be said.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self)
    }
}

/// What the jobs tell without their offsets.
struct Facts {
    internal: Internal,
    sizes: Vec<Bar>,
    lifetimes: Vec<Bar>,
    classes: Vec<ClassCost>,
    churn: Churn,
    hardness: Hardness,
}

impl Facts {
    fn new(jobs: &[Job], load: PeakLoad) -> Facts {
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

fn peak(curve: &[(u64, u64)]) -> PeakLoad {
    let mut peak = PeakLoad { bytes: 0, time: 0 };
    for &(time, bytes) in curve {
        if bytes > peak.bytes {
            peak = PeakLoad { bytes, time };
        }
    }
    peak
}

fn largest(jobs: &[Job]) -> Option<NamedJob> {
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
fn area(job: &Job) -> u128 {
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
fn placed(
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
    let makespan = sum(|heap| heap.makespan);
    Placed {
        valid: verdict.is_ok(),
        external: verdict
            .is_ok()
            .then(|| external(document.problem.jobs(), placement, curve, load)),
        violation: verdict.err().map(|violation| violation.to_string()),
        makespan,
        pages: sum(|heap| heap.pages),
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

fn heaps(document: &Document, load: PeakLoad) -> Vec<Heap> {
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

fn traced(document: &Document) -> Option<Traced> {
    let trace = document.trace.as_ref()?;
    let jobs = document.problem.jobs();
    // They come last.
    let freed = jobs.len().saturating_sub(trace.never_freed as usize);
    let oddities = trace.oddities.iter().map(|(kind, count)| TracedOddity {
        kind: kind.to_string(),
        count: count.count,
        first_at: count.first_at,
    });
    Some(Traced {
        events: trace.events,
        threads: trace.threads,
        never_freed: trace.never_freed,
        never_freed_bytes: jobs[freed..].iter().map(|job| job.size).sum(),
        oddities: oddities.collect(),
    })
}
