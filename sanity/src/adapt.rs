//! Converting jobs from one format to another, one at a time.
//!
//! Memory grows with the jobs that are live at once (and one bit a job, to
//! find duplicate ids), not with the file. No conversion changes which jobs
//! conflict.

use std::io::{Read, Write};

use common::csv::{self, Layout};
use common::error::FormatError;
use common::format::Format;
use common::lifetimes::{Lifetimes, TraceSummary};
use common::plc;
use common::problem::Gate;
use common::row::{Row, Rows};

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

/// What a conversion did.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Jobs written.
    pub jobs: u64,
    /// What the trace told beside its jobs, where the input is one.
    pub trace: Option<TraceSummary>,
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
    /// Traces are made by the tracer only.
    #[error("nothing converts to a trace: use --to plc or --to csv")]
    ToTrace,
}

/// Converts all jobs of `input` to `output`; with `offsets`, a CSV that is
/// written has the offsets that the input gives.
///
/// # Errors
/// [`AdaptError`]; part of the output may then have been written.
pub fn adapt(
    input: impl Read,
    from: Format,
    output: impl Write,
    to: Format,
    offsets: bool,
) -> Result<Summary, AdaptError> {
    let mut summary = Summary::default();
    match from {
        Format::Trc => {
            let mut rows = Lifetimes::new(input);
            summary.jobs = convert(&mut rows, Layout::of(&COLUMNS), output, to, offsets)?;
            summary.trace = Some(*rows.summary());
        }
        Format::Plc => {
            let rows = plc::Reader::new(input);
            // Whether a `.plc` is placed can show late: not waiting for it
            // keeps the memory small.
            let wanted = offsets || to == Format::Plc;
            let mut rows = if wanted { rows } else { rows.without_offsets() };
            summary.jobs = convert(&mut rows, Layout::of(&COLUMNS), output, to, offsets)?;
        }
        Format::Csv => {
            let mut rows = csv::Reader::new(input).map_err(AdaptError::Input)?;
            let layout = rows.layout().clone();
            summary.jobs = convert(&mut rows, layout, output, to, offsets)?;
        }
    }
    Ok(summary)
}

fn convert(
    rows: &mut dyn Rows,
    layout: Layout,
    output: impl Write,
    to: Format,
    offsets: bool,
) -> Result<u64, AdaptError> {
    match to {
        Format::Trc => Err(AdaptError::ToTrace),
        Format::Plc => {
            let mut writer = plc::Writer::new(output);
            let jobs = each(rows, |row| {
                if let Some(what) = unsayable(row) {
                    let place = row.place;
                    let what = format!("job {}: a .plc cannot hold {what}", row.job.id);
                    return Err(AdaptError::Input(FormatError::Malformed { place, what }));
                }
                writer
                    .write(&row.job, row.offset)
                    .map_err(AdaptError::Output)
            })?;
            writer
                .finish()
                .map_err(|error| AdaptError::Output(error.into()))?;
            Ok(jobs)
        }
        Format::Csv => {
            let layout = if offsets {
                layout.with_offset()
            } else {
                layout.without_offset()
            };
            let mut writer = csv::Writer::new(output, layout).map_err(AdaptError::Output)?;
            let jobs = each(rows, |row| {
                writer
                    .write(&row.job, row.offset, &row.unknown)
                    .map_err(AdaptError::Output)
            })?;
            writer
                .finish()
                .map_err(|error| AdaptError::Output(error.into()))?;
            Ok(jobs)
        }
    }
}

/// What of a job a `.plc` has no place for.
fn unsayable(row: &Row) -> Option<&'static str> {
    plc::unsayable(&row.job).or(row.job.hint().map(|_| "a hint"))
}

/// Puts every job through the gate and gives it to `write`.
fn each(
    rows: &mut dyn Rows,
    mut write: impl FnMut(&Row) -> Result<(), AdaptError>,
) -> Result<u64, AdaptError> {
    let mut gate = if rows.has_unique_ids() {
        Gate::for_unique_ids()
    } else {
        Gate::default()
    };
    let mut jobs = 0;
    while let Some(mut row) = rows.next_row().map_err(AdaptError::Input)? {
        let place = row.place;
        gate.admit(&mut row.job)
            .map_err(|source| AdaptError::Input(FormatError::Refused { place, source }))?;
        write(&row)?;
        jobs += 1;
    }
    Ok(jobs)
}
