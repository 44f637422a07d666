//! CSV, by the reader and the writer that all of idealloc's programs use.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use common::csv::{self, Ends, Writer};
use common::error::FormatError;
use common::format::{self, Output, Replacing};
use common::job::{Gap, Job};
use common::layout::Layout;
use common::row::Rows;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::columns::shown;
use crate::errors::{OptionError, bad_file};
use crate::jobs::{Jobs, Sieve};

/// How the options of [`options`] are written.
const NAMES: csv::Names = csv::Names {
    half_open: "lifetimes=\"half-open\"",
    allow_empty: "allow_empty=True",
    start: "start=",
};

/// How a CSV is read: what an `end` is, and whether no header is no jobs.
pub(crate) fn options(
    lifetimes: Option<&Bound<'_, PyAny>>,
    allow_empty: bool,
) -> PyResult<csv::Options> {
    let text = lifetimes.map(|lifetimes| lifetimes.extract::<String>());
    let ends = match (text.as_ref().map(|text| text.as_deref()), lifetimes) {
        (Some(Ok("half-open")), _) => Some(Ends::HalfOpen),
        (Some(Ok("inclusive")), _) => Some(Ends::Inclusive),
        (_, None) => None,
        (_, Some(other)) => {
            let other = shown(other);
            let what = format!("lifetimes is {other}, neither 'half-open' nor 'inclusive'");
            return Err(OptionError::new_err(what));
        }
    };
    Ok(csv::Options {
        ends,
        allow_empty,
        names: Some(NAMES),
    })
}

/// The jobs of a file, or of what one holds, and what is to be told about it. An offset
/// fixes a job.
pub(crate) fn read(
    py: Python<'_>,
    path: Option<&Path>,
    content: Option<&[u8]>,
    options: csv::Options,
) -> PyResult<(Jobs, Vec<String>)> {
    let load = || match path {
        Some(path) => load(format::open(path)?, options),
        None => load(format::decompress(content.unwrap_or_default())?, options),
    };
    py.detach(load).map_err(|error| bad_file(path, error))
}

/// As `common::input::load`, for CSV alone, so that the package does not carry the readers
/// of all other formats.
fn load(input: impl Read, options: csv::Options) -> Result<(Jobs, Vec<String>), FormatError> {
    let mut reader = csv::Reader::with_options(input, options)?;
    let mut sieve = Sieve::new(true);
    let mut unknown = Vec::new();
    while let Some(mut row) = reader.next_row()? {
        // One address space, whatever heap a job was in.
        row.job.heap = 0;
        if let Some(offset) = row.offset {
            row.job.extras_mut().pin = Some(offset);
        }
        let place = row.place;
        sieve
            .take(row.job)
            .map_err(|refused| FormatError::Refused {
                place,
                source: refused.refusal,
            })?;
        if !row.unknown.is_empty() {
            unknown.push(row.unknown);
        }
    }
    let mut jobs = sieve.finish()?;
    jobs.layout = reader.layout().cloned();
    jobs.unknown = unknown;
    let mut notes = reader.remarks();
    notes.extend(reader.notes());
    Ok((jobs, notes))
}

/// Writes the jobs, with offsets where they are given: to a file, or as bytes.
pub(crate) fn write<'py>(
    py: Python<'py>,
    jobs: &Jobs,
    path: Option<&Path>,
    offsets: Option<&[u64]>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    put(py, path, |output| rows(output, jobs, offsets))
}

/// Writes to a file that appears only when it is whole, or bytes.
fn put<'py>(
    py: Python<'py>,
    path: Option<&Path>,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<(), FormatError> + Send,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let Some(path) = path else {
        let mut content = Vec::new();
        write(&mut content).map_err(|error| bad_file(None, error))?;
        return Ok(Some(PyBytes::new(py, &content)));
    };
    let replacing = Replacing {
        force: false,
        no_sync: true,
    };
    py.detach(|| {
        let mut output = Output::create(path, replacing)?;
        write(&mut output)?;
        output.commit()?;
        Ok(())
    })
    .map_err(|error| bad_file(Some(path), error))?;
    Ok(None)
}

fn rows(output: impl Write, jobs: &Jobs, offsets: Option<&[u64]>) -> Result<(), FormatError> {
    let layout = jobs.layout.clone();
    let mut layout = layout.unwrap_or_else(|| Layout::for_jobs(jobs.rows()));
    if offsets.is_some() || jobs.rows().any(|job| job.pin().is_some()) {
        layout = layout.with_offset();
    }
    let mut writer = Writer::new(output, layout)?;
    for (row, job) in jobs.rows().enumerate() {
        let offset = offsets.map_or_else(|| job.pin(), |offsets| Some(offsets[row]));
        let unknown = jobs.unknown.get(row).map_or(&[][..], |cells| cells);
        writer.write(job, offset, unknown)?;
    }
    writer.finish()?;
    Ok(())
}

/// The header line of these columns.
pub(crate) fn header(layout: &Layout) -> PyResult<Vec<u8>> {
    let write = || Ok(Writer::new(Vec::new(), layout.clone())?.finish()?);
    write().map_err(|error| bad_file(None, error))
}

/// The columns of a header line.
pub(crate) fn layout(header: &[u8]) -> PyResult<Option<Layout>> {
    let reader = csv::Reader::new(header).map_err(|error| bad_file(None, error))?;
    Ok(reader.layout().cloned())
}

/// A row of a CSV as it stands, which has passed no gate: id, lower, upper, size,
/// alignment, gaps, hint, offset.
type CsvRow = (
    String,
    u64,
    u64,
    u64,
    u64,
    Vec<(u64, u64, Option<(u64, u64)>)>,
    Option<u64>,
    Option<u64>,
);

/// The rows of a CSV, for whoever has a gate of its own; `path` is for errors.
#[pyfunction]
#[pyo3(signature = (content, path=None))]
pub(crate) fn csv_rows(content: &[u8], path: Option<PathBuf>) -> PyResult<Vec<CsvRow>> {
    let read = || {
        let mut reader = csv::Reader::new(content)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row()? {
            let job = &row.job;
            let gaps = job.gaps().iter();
            rows.push((
                job.id.to_string(),
                job.birth,
                job.death,
                job.size,
                job.alignment,
                gaps.map(|gap| (gap.lower, gap.upper, gap.window)).collect(),
                job.hint(),
                row.offset,
            ));
        }
        Ok(rows)
    };
    read().map_err(|error| bad_file(path.as_deref(), error))
}

/// Writes such rows, in columns of these names.
#[pyfunction]
pub(crate) fn csv_text<'py>(
    py: Python<'py>,
    path: Option<PathBuf>,
    names: Vec<String>,
    rows: Vec<CsvRow>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let layout = Layout::of(&names);
    let jobs = rows.into_iter().map(|row| {
        let (id, lower, upper, size, alignment, gaps, hint, offset) = row;
        let mut job = Job::new(0, lower, upper, size)
            .named(&*id)
            .aligned(alignment);
        let gaps = gaps.into_iter();
        job.extras_mut().gaps = gaps
            .map(|(lower, upper, window)| Gap {
                lower,
                upper,
                window,
            })
            .collect();
        job.extras_mut().hint = hint;
        (job, offset)
    });
    let jobs: Vec<(Job, Option<u64>)> = jobs.collect();
    put(py, path.as_deref(), |mut output| {
        let mut writer = Writer::new(&mut output, layout)?;
        for (job, offset) in &jobs {
            writer.write(job, *offset, &[])?;
        }
        writer.finish()?;
        Ok(())
    })
}
