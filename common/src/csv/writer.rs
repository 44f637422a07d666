//! Writing rows.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::bad_text;
use crate::error::FormatError;
use crate::job::Job;
use crate::layout::{Field, Layout};

/// Streaming writer: LF line ends, no quoting unless a field needs it, no
/// empty cell but that of a job without gaps or group.
pub struct Writer<W: Write> {
    output: csv::Writer<W>,
    layout: Layout,
    cell: String,
}

impl<W: Write> Writer<W> {
    /// A writer onto `output` that has written the header.
    ///
    /// # Errors
    /// Those of the output.
    pub fn new(output: W, layout: Layout) -> Result<Self, FormatError> {
        let mut output = csv::WriterBuilder::new()
            .buffer_capacity(1 << 18)
            .from_writer(output);
        output
            .write_record(layout.columns.iter().map(|(name, _)| name.as_bytes()))
            .map_err(bad_text)?;
        Ok(Writer {
            output,
            layout,
            cell: String::new(),
        })
    }

    /// Writes one row. What no column of the layout can say is left out: see
    /// [`Layout::for_jobs`].
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(
        &mut self,
        job: &Job,
        offset: Option<u64>,
        unknown: &[Box<str>],
    ) -> Result<(), FormatError> {
        let inclusive = u64::from(self.layout.inclusive());
        let mut unknown = unknown.iter();
        for (_, field) in &self.layout.columns {
            let cell = &mut self.cell;
            cell.clear();
            let number = match field {
                Field::Birth => Some(job.birth),
                Field::DeathExclusive | Field::DeathInclusive => Some(job.death - inclusive),
                Field::Size => Some(job.size),
                Field::Alignment => Some(job.alignment),
                Field::Heap => Some(job.heap),
                Field::Requested => Some(job.requested),
                Field::Hint => job.hint(),
                Field::Offset => offset,
                Field::Id | Field::Gaps | Field::Group | Field::Unknown => None,
            };
            match (field, number) {
                (_, Some(number)) => {
                    let _ = write!(cell, "{number}");
                }
                (Field::Id, None) => {
                    let _ = write!(cell, "{}", job.id);
                }
                (Field::Hint | Field::Offset, None) => cell.push_str("-1"),
                (Field::Gaps, None) => write_gaps(cell, job, inclusive),
                (Field::Group, None) => cell.push_str(job.group().unwrap_or("")),
                (_, None) => cell.push_str(unknown.next().map_or("", |text| text)),
            }
            self.output.write_field(&*cell).map_err(bad_text)?;
        }
        self.output.write_record(None::<&[u8]>).map_err(bad_text)
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        self.output
            .into_inner()
            .map_err(|error| io::Error::from(error.error().kind()))
    }
}

fn write_gaps(cell: &mut String, job: &Job, inclusive: u64) {
    for (index, gap) in job.gaps().iter().enumerate() {
        let space = if index == 0 { "" } else { " " };
        let _ = write!(cell, "{space}{}-{}", gap.lower, gap.upper - inclusive);
        if let Some((low, high)) = gap.window {
            let _ = write!(cell, "@{low}:{high}");
        }
    }
}
