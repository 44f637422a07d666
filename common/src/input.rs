//! Reading any format: as rows, one at a time, or as a whole problem through
//! the one gate.

use std::io::{self, Read};

use crate::anomaly::TraceSummary;
use crate::csv;
use crate::error::FormatError;
use crate::executorch;
use crate::format::{self, Format};
use crate::iopddl::{self, Usage};
use crate::iree;
use crate::job::Job;
use crate::layout::Layout;
use crate::lifetimes::{self, Account, Lifetimes};
use crate::memory::{self, Memory};
use crate::notes::Notes;
use crate::placement::Placement;
use crate::plc;
use crate::problem::{Gate, Problem};
use crate::pytorch;
use crate::row::{Row, Rows};
use crate::tflite;
use crate::xla;

/// What the offsets of a file are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offsets {
    /// A placement, to be measured.
    Placement,
    /// Fixed positions where the file is a CSV, which a solver keeps; nothing
    /// where it is a trace or a `.plc`.
    Pins,
    /// Nothing.
    Ignored,
}

/// What the formats leave open about how they are read.
#[derive(Debug, Default)]
pub struct Reading {
    /// Of a trace: the clock, and what sizes are.
    pub trace: lifetimes::Options,
    /// Reads every job of a `.plc` as not placed. Whether a `.plc` is placed can
    /// show late: not waiting for it keeps the memory small.
    pub not_placed: bool,
    /// Of a CSV: what its header leaves open.
    pub csv: csv::Options,
    /// Of the contest's JSON: which of a node's usages is its size.
    pub usage: Usage,
    /// Of XLA's dump: which allocations.
    pub allocation: xla::Choice,
    /// Of XLA's dump: what other files tell.
    pub beside: xla::Beside,
    /// Of a snapshot of PyTorch's: which device; the only one with events, unless said
    /// otherwise.
    pub device: Option<u64>,
    /// Of a TensorFlow Lite model: what tells the scratch buffers of its kernels.
    pub log: Option<tflite::Log>,
}

impl From<csv::Options> for Reading {
    fn from(csv: csv::Options) -> Reading {
        Reading {
            csv,
            ..Reading::default()
        }
    }
}

/// The jobs of `input`, one at a time, as they stand: they have passed no gate.
///
/// # Errors
/// [`FormatError`], at once from formats that must be read whole, or that begin
/// with a header.
pub fn rows<'a>(
    input: impl Read + 'a,
    format: Format,
    reading: &Reading,
) -> Result<Box<dyn Rows + 'a>, FormatError> {
    Ok(match format {
        Format::Trc => Box::new(Lifetimes::with_options(input, reading.trace)),
        Format::Plc if reading.not_placed => Box::new(plc::Reader::new(input).without_offsets()),
        Format::Plc => Box::new(plc::Reader::new(input)),
        Format::Csv => Box::new(csv::Reader::with_options(input, reading.csv)?),
        // Files of JSON have one extension, and say what they are in their first key.
        Format::Iopddl => match format::sniff(input)? {
            (Some(Format::Executorch), input) => Box::new(executorch::read(input)?),
            (_, input) => Box::new(iopddl::Reader::new(input, reading.usage)?),
        },
        Format::Executorch => Box::new(executorch::read(input)?),
        Format::Iree => Box::new(iree::read(input)?),
        Format::Pytorch => Box::new(pytorch::Reader::new(
            input,
            reading.device,
            reading.trace.account,
        )?),
        Format::Xla => Box::new(xla::read(input, &reading.beside, reading.allocation)?),
        Format::Tflite => Box::new(tflite::read(input, reading.log.as_ref())?),
    })
}

/// A file of jobs, read whole.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// The jobs.
    pub problem: Problem,
    /// One offset a job, where every job of the file has one.
    pub placement: Option<Placement>,
    /// How many jobs have an offset that was taken as a placement.
    pub placed: usize,
    /// The columns, where the file is a CSV.
    pub layout: Option<Layout>,
    /// What stands in the columns that the format does not know, a row a job;
    /// empty where there is no such column.
    pub unknown: Vec<Vec<Box<str>>>,
    /// What the trace told beside its jobs, where the file is one.
    pub trace: Option<TraceSummary>,
    /// How the file was read where it could mean something else, and what was left out
    /// of it or taken together, each in a few words.
    pub notes: Vec<String>,
    /// What the notes of the trace told, where the file is one.
    pub trace_notes: Notes,
    /// What the traced program's memory was: where offsets are a placement, and the jobs
    /// lie where a program had them, in heaps that have an address.
    pub memory: Option<Memory>,
}

/// Reads `input` to its end. O(n) memory.
///
/// # Errors
/// [`FormatError`] for the first record that is malformed or refused.
pub fn load(input: impl Read, format: Format, offsets: Offsets) -> Result<Document, FormatError> {
    load_with(input, format, offsets, Reading::default())
}

/// As [`load`], where the format leaves something open; what offsets are taken for is
/// decided by `offsets` alone.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    input: impl Read,
    format: Format,
    offsets: Offsets,
    reading: impl Into<Reading>,
) -> Result<Document, FormatError> {
    let mut loader = Loader {
        offsets,
        ..Loader::default()
    };
    let mut reading = reading.into();
    reading.not_placed = offsets != Offsets::Placement;
    if offsets == Offsets::Placement {
        reading.trace.account = Account::History;
    }
    let mut rows = rows(input, format, &reading)?;
    loader.document.layout = rows.layout().filter(|_| format == Format::Csv).cloned();
    if rows.has_unique_ids() {
        loader.gate = Gate::for_unique_ids();
    }
    let pins = format == Format::Csv && offsets == Offsets::Pins;
    loader.take(&mut *rows, pins)?;
    loader.document.trace = rows.trace().copied();
    loader.document.notes = rows.remarks();
    loader.document.notes.extend(rows.notes());
    loader.document.trace_notes = rows.trace_notes().unwrap_or_default();
    loader.document.memory = rows.memory();
    loader.finish()
}

struct Loader {
    offsets: Offsets,
    gate: Gate,
    jobs: Vec<Job>,
    placement: Vec<u64>,
    document: Document,
}

impl Default for Loader {
    fn default() -> Self {
        Loader {
            offsets: Offsets::Ignored,
            gate: Gate::default(),
            jobs: Vec::new(),
            placement: Vec::new(),
            document: Document::default(),
        }
    }
}

/// What grows with the file is asked for in this way; what else there is, is small beside it.
fn too_little_memory(jobs: usize) -> FormatError {
    let what = format!("too little memory for more than {jobs} jobs");
    io::Error::new(io::ErrorKind::OutOfMemory, what).into()
}

impl Loader {
    fn take(&mut self, rows: &mut dyn Rows, pins: bool) -> Result<(), FormatError> {
        while let Some(Row {
            mut job,
            offset,
            place,
            unknown,
        }) = rows.next_row()?
        {
            if pins && let Some(offset) = offset {
                job.extras_mut().pin = Some(offset);
            }
            let jobs = self.jobs.len();
            self.gate
                .reserve()
                .and_then(|()| self.jobs.try_reserve(1))
                .map_err(|_| too_little_memory(jobs))?;
            self.gate
                .admit(&mut job)
                .map_err(|source| FormatError::Refused { place, source })?;
            self.jobs.push(job);
            if self.offsets == Offsets::Placement
                && let Some(offset) = offset
            {
                self.document.placed += 1;
                self.placement.push(offset);
            }
            if !unknown.is_empty() {
                self.document.unknown.push(unknown);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Document, FormatError> {
        if !self.jobs.is_empty() && self.placement.len() == self.jobs.len() {
            self.document.placement = Some(Placement {
                offsets: self.placement,
            });
        }
        let is_traced = memory::are_addresses(self.jobs.iter().map(|job| job.heap));
        if let Some(placement) = &self.document.placement
            && self.document.memory.is_none()
            && is_traced
        {
            self.document.memory = Some(memory::of_jobs(&self.jobs, placement));
        }
        self.document.problem = Problem::from_admitted(self.jobs)?;
        Ok(self.document)
    }
}
