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
mod headline;
mod held;
mod history;
mod html;
mod map_data;
mod measure;
mod memory;
mod regions;
mod rows;
mod savings;
mod scale;
mod snapshot;
mod stack;
mod svg;
mod text;
mod timeline;

use std::path::Path;

use common::error::FormatError;
use common::format::{self, Format};
use common::input::{self, Document, Offsets, Reading};
use common::load;
use serde::Serialize;

use measure::Facts;
use timeline::share;

pub use against::{Against, ClassChange, Mismatch, Other};
pub use classes::{Bar, Span, bucket, size_class};
pub use held::PAGE;
pub use history::{History, PinnedBy};
pub use html::{Page, html};
pub use memory::{Memory, Pin};
pub use savings::{Remedy, Saving};
pub use svg::{Colour, svg};
pub use text::text;
pub use timeline::{Churn, Hardness};

/// The definitions of all metrics, for people.
pub const DEFINITIONS: &str = include_str!("definitions.txt");

/// Version of the JSON: a number that grows when a field changes or goes.
pub const SCHEMA: u32 = 3;

/// Reads a file for a [`Report`]: its offsets are a placement. `-` is standard input.
///
/// # Errors
/// [`FormatError`], for what cannot be read or holds what is malformed.
pub fn read(path: &Path, format: Format) -> Result<Document, FormatError> {
    read_with(path, format, Reading::default())
}

/// As [`read`], where the format leaves something open.
///
/// # Errors
/// As [`read`].
pub fn read_with(path: &Path, format: Format, reading: Reading) -> Result<Document, FormatError> {
    input::load_with(format::open(path)?, format, Offsets::Placement, reading)
}

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
    /// Birth in seconds since the start, where notes tell the time.
    pub birth_seconds: Option<f64>,
    /// Death in seconds.
    pub death_seconds: Option<f64>,
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
    /// Sum of the makespans of the heaps, in bytes; of a traced program, whose heaps
    /// come and go, the peak of held memory.
    pub makespan: u64,
    /// The same in pages.
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
    #[serde(rename = "oddities")]
    pub anomalies: Vec<TracedAnomaly>,
    /// What is missing where calls pass the tracer by.
    pub unseen: Unseen,
}

/// Blocks that a trace knows by halves, where calls pass the tracer by.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Unseen {
    /// Those that were freed or reallocated, and whose birth was not seen.
    pub births: u64,
    /// Those whose end was not seen, and at whose address another was allocated.
    pub ends: u64,
}

/// One kind of anomaly in a trace.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TracedAnomaly {
    /// What it is.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// Byte offset of the first.
    pub first_at: u64,
}

/// Which program a trace is of.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Process {
    /// Its process id.
    pub id: Option<u64>,
    /// Its parent's.
    pub parent: Option<u64>,
    /// Its command line.
    pub command: Vec<String>,
    /// How long it was traced.
    pub seconds: Option<f64>,
    /// Why the trace is not the whole truth; empty where it is.
    pub partial: Vec<&'static str>,
}

/// Everything that is measured.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Which program it was, where the trace tells.
    pub process: Option<Process>,
    /// What its memory was; `None` where the jobs are no traced program's.
    pub memory: Option<Memory>,
    /// Jobs.
    pub jobs: usize,
    /// LOAD of all jobs together.
    pub load: PeakLoad,
    /// The lower bound on any placement of all jobs in one heap, alignment counted.
    pub least: u64,
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
    /// memory; many jobs are measured on rayon's pool, with the same result.
    pub fn new(document: &Document, start: u64) -> Report {
        let jobs = document.problem.jobs();
        let curve = load::curve(jobs);
        let load = measure::peak(&curve);
        let placed = || {
            let heaps = measure::heaps(document, load);
            let placement = document
                .placement
                .as_ref()
                .map(|placement| measure::placed(document, placement, &curve, &heaps, load, start));
            (heaps, placement)
        };
        let facts = || {
            let (peak, at) = (load.bytes, load.time);
            let bounds = load::Bounds::with_load(load::Load { peak, at }, jobs, start);
            let (facts, least) = (Facts::new(jobs, load), bounds.lower_bound);
            let memory = Memory::new(document, facts.internal.at_peak, least);
            (facts, least, memory)
        };
        let ((heaps, placement), (facts, least, memory)) = match jobs.len() < held::WORTH_A_THREAD {
            true => (placed(), facts()),
            false => rayon::join(placed, facts),
        };
        Report {
            schema: SCHEMA,
            process: memory::process(document),
            memory,
            jobs: jobs.len(),
            load,
            least,
            largest: measure::largest(document),
            placed_jobs: document.placed,
            placement,
            heaps,
            internal: facts.internal,
            sizes: facts.sizes,
            lifetimes: facts.lifetimes,
            classes: facts.classes,
            churn: facts.churn,
            hardness: facts.hardness,
            trace: measure::traced(document),
            against: None,
        }
    }

    /// Measures another placement of the same jobs beside this one.
    ///
    /// # Errors
    /// [`Mismatch`] where the jobs are not the same, or not placed.
    pub fn compare(&mut self, document: &Document, other: &Other<'_>) -> Result<(), Mismatch> {
        self.against = Some(Against::new(document, self, other)?);
        Ok(())
    }

    /// The bytes and the pages that the jobs really take as they lie: of a traced program
    /// those that it touched at most, as what is held beyond costs nobody anything.
    fn taken(&self) -> Option<(u64, u64)> {
        let placed = self.placement.as_ref()?;
        Some(match &self.memory {
            Some(memory) => (memory.peak_touched, memory.peak_touched / PAGE),
            None => (placed.makespan, placed.pages),
        })
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

    /// The reports of several files, each with its name, as a JSON array of objects that
    /// have a `file` beside the fields of a report.
    ///
    /// # Errors
    /// None in practice, as [`Report::json`].
    pub fn json_of_many<'a>(
        reports: impl IntoIterator<Item = (&'a str, &'a Report)>,
    ) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct OfFile<'a> {
            file: &'a str,
            #[serde(flatten)]
            report: &'a Report,
        }
        let reports = reports.into_iter();
        let reports: Vec<_> = reports
            .map(|(file, report)| OfFile { file, report })
            .collect();
        serde_json::to_string_pretty(&reports)
    }
}
