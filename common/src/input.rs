//! Reading whole problems, from any format, through the one gate.

use std::io::Read;

use crate::csv::{self, Layout};
use crate::error::FormatError;
use crate::format::Format;
use crate::job::Job;
use crate::lifetimes::{Lifetimes, TraceSummary};
use crate::placement::Placement;
use crate::plc;
use crate::problem::{Gate, Problem};
use crate::row::{Row, Rows};

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
}

/// Reads `input` to its end. O(n) memory.
///
/// # Errors
/// [`FormatError`] for the first record that is malformed or refused.
pub fn load(input: impl Read, format: Format, offsets: Offsets) -> Result<Document, FormatError> {
    let mut loader = Loader {
        offsets,
        ..Loader::default()
    };
    match format {
        Format::Trc => {
            let mut rows = Lifetimes::new(input);
            loader.take(&mut rows, false)?;
            loader.document.trace = Some(*rows.summary());
        }
        Format::Plc => {
            let rows = plc::Reader::new(input);
            let mut rows = if offsets == Offsets::Placement {
                rows
            } else {
                rows.without_offsets()
            };
            loader.take(&mut rows, false)?;
        }
        Format::Csv => {
            let mut rows = csv::Reader::new(input)?;
            loader.document.layout = Some(rows.layout().clone());
            loader.take(&mut rows, offsets == Offsets::Pins)?;
        }
    }
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
        self.document.problem = Problem::from_admitted(self.jobs)?;
        Ok(self.document)
    }
}
