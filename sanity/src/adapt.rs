//! Converting jobs from one format to another, one at a time.
//!
//! Memory grows with the jobs that are live at once (and, but for traces, which
//! number their jobs, one bit a job, to find duplicate ids), not with the file;
//! formats that name a job's parts in different places are read whole.
//!
//! No conversion changes which jobs conflict, unless [`Options::lossy`] says
//! that it may: then more jobs conflict than before, never fewer.

mod heaps;
mod losses;
mod notes;
pub mod progress;

use std::io::{Read, Write};

use common::csv::{self, Layout};
use common::error::FormatError;
use common::format::Format;
use common::input::{self, Reading};
use common::lifetimes::TraceSummary;
use common::notes::Notes;
use common::plc;
use common::problem::Gate;
use common::row::{Row, Rows};
use common::text::counted;

pub use self::heaps::Heaps;
use self::heaps::Sieve;
use self::losses::Losses;
pub use self::notes::write_notes;

/// The columns of a CSV that holds what a `.plc` does.
const COLUMNS: [&str; 7] = [
    "id",
    "lower",
    "upper",
    "size",
    "alignment",
    "heap",
    "requested",
];

/// How often progress is told, in jobs.
const TOLD_EVERY: u64 = 1 << 16;

/// What a conversion is to do beside converting.
#[derive(Debug, Default)]
pub struct Options {
    /// How the input is read.
    pub reading: Reading,
    /// Whether a CSV that is written has the offsets that the input gives.
    pub offsets: bool,
    /// Which heaps.
    pub heaps: Heaps,
    /// Whether what the output cannot say is left out; it is an error otherwise.
    pub lossy: bool,
}

/// What a conversion did.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Jobs written.
    pub jobs: u64,
    /// What the trace told beside its jobs, where the input is one.
    pub trace: Option<TraceSummary>,
    /// What the notes of the trace told: what neither output format can say.
    pub trace_notes: Notes,
    /// How the input was read where it could mean something else.
    pub remarks: Vec<String>,
    /// What was left out, taken together or given another meaning.
    pub notes: Vec<String>,
}

/// Why a conversion failed, and on which side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdaptError {
    /// The input cannot be read, or holds what the output cannot say.
    #[error(transparent)]
    Input(FormatError),
    /// The output cannot be written.
    #[error(transparent)]
    Output(FormatError),
    /// Remedy: `plc` or `csv`.
    #[error("{0} is only read, never written: use --to plc or --to csv")]
    NotWritten(Format),
    /// Remedy: one of the heaps that there are.
    #[error("no job lies in heap {wanted:#x}: {there}")]
    NoSuchHeap {
        /// The heap that was asked for.
        wanted: u64,
        /// What heaps there are, in words.
        there: String,
    },
    /// Remedy: keep the placement in a CSV, or `--lossy`.
    #[error(
        "every heap and offset is 0, which a .plc of several jobs has for \"not placed\" \
         (--lossy leaves the placement out)"
    )]
    PlacedAtZero,
}

/// Converts all jobs of `input` to `output`; `progress` is called now and then
/// with the number of jobs written. O(n), but O(n log n) for XLA's dumps.
///
/// # Errors
/// [`AdaptError`]; part of the output may then have been written.
pub fn adapt(
    input: impl Read,
    from: Format,
    output: impl Write,
    to: Format,
    options: &Options,
    progress: &mut dyn FnMut(u64),
) -> Result<Summary, AdaptError> {
    let mut rows = input::rows(input, from, &options.reading).map_err(AdaptError::Input)?;
    let layout = rows.layout().cloned();
    let each = Each {
        rows: &mut *rows,
        sieve: Sieve::new(options.heaps),
        progress,
    };
    let (jobs, mut notes) = match to {
        Format::Plc => {
            let columns = layout.filter(|_| from == Format::Csv);
            to_plc(each, output, columns.as_ref(), options.lossy)?
        }
        Format::Csv => {
            let pinned = from == Format::Csv && !options.offsets;
            let layout = layout.unwrap_or_else(|| Layout::of(&COLUMNS));
            to_csv(each, output, layout, options.offsets, pinned)?
        }
        other => return Err(AdaptError::NotWritten(other)),
    };
    notes.splice(0..0, rows.notes());
    Ok(Summary {
        jobs,
        trace: rows.trace().copied(),
        trace_notes: rows.trace_notes().unwrap_or_default(),
        remarks: rows.remarks(),
        notes,
    })
}

/// Writes a `.plc`; `columns` are those of the CSV that is read.
fn to_plc(
    mut each: Each<'_>,
    output: impl Write,
    columns: Option<&Layout>,
    lossy: bool,
) -> Result<(u64, Vec<String>), AdaptError> {
    let mut writer = plc::Writer::new(output);
    let mut losses = Losses::new(columns, lossy);
    let jobs = each.run(|row| {
        losses.strip(row).map_err(AdaptError::Input)?;
        writer
            .write(&row.job, row.offset)
            .map_err(AdaptError::Output)
    })?;
    losses.finish(jobs)?;
    writer
        .finish()
        .map_err(|error| AdaptError::Output(error.into()))?;
    let mut notes = each.sieve.finish()?;
    notes.extend(losses.notes());
    Ok((jobs, notes))
}

/// Writes a CSV; `pinned` says that offsets which are left out fixed jobs.
fn to_csv(
    mut each: Each<'_>,
    output: impl Write,
    layout: Layout,
    offsets: bool,
    pinned: bool,
) -> Result<(u64, Vec<String>), AdaptError> {
    let layout = if offsets {
        layout.with_offset()
    } else {
        layout.without_offset()
    };
    let mut writer = csv::Writer::new(output, layout).map_err(AdaptError::Output)?;
    let mut left_out = 0u64;
    let jobs = each.run(|row| {
        left_out += u64::from(pinned && row.offset.is_some());
        writer
            .write(&row.job, row.offset, &row.unknown)
            .map_err(AdaptError::Output)
    })?;
    writer
        .finish()
        .map_err(|error| AdaptError::Output(error.into()))?;
    let mut notes = each.sieve.finish()?;
    if left_out > 0 {
        notes.push(format!(
            "{} left out (kept by --offsets)",
            counted(left_out, "offset")
        ));
    }
    Ok((jobs, notes))
}

/// The jobs on their way.
struct Each<'a> {
    rows: &'a mut dyn Rows,
    sieve: Sieve,
    progress: &'a mut dyn FnMut(u64),
}

impl Each<'_> {
    /// Puts every job that is wanted through the gate and gives it to `write`.
    fn run(
        &mut self,
        mut write: impl FnMut(&mut Row) -> Result<(), AdaptError>,
    ) -> Result<u64, AdaptError> {
        let mut gate = if self.rows.has_unique_ids() {
            Gate::for_unique_ids()
        } else {
            Gate::default()
        };
        let mut jobs = 0;
        loop {
            // Not by map_err, which would copy each row.
            let mut row = match self.rows.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => return Err(AdaptError::Input(error)),
            };
            if !self.sieve.takes(&mut row) {
                continue;
            }
            let place = row.place;
            gate.admit(&mut row.job)
                .map_err(|source| AdaptError::Input(FormatError::Refused { place, source }))?;
            write(&mut row)?;
            jobs += 1;
            if jobs % TOLD_EVERY == 0 {
                (self.progress)(jobs);
            }
        }
        Ok(jobs)
    }
}
