//! Writing rows.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::head::COMMENT;
use crate::error::FormatError;
use crate::job::{Job, JobId};
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
            // The crate's own quoting knows no first cells, which alone may look like comments.
            .quote_style(csv::QuoteStyle::Never)
            .from_writer(output);
        let mut cell = String::new();
        for (index, (name, _)) in layout.columns.iter().enumerate() {
            cell.clear();
            push_text(&mut cell, name, index == 0);
            output.write_field(&*cell).map_err(failed)?;
        }
        output.write_record(None::<&[u8]>).map_err(failed)?;
        Ok(Writer {
            output,
            layout,
            cell,
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
        for (index, (_, field)) in self.layout.columns.iter().enumerate() {
            let is_first = index == 0;
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
                (Field::Id, None) => match &job.id {
                    JobId::Number(number) => {
                        let _ = write!(cell, "{number}");
                    }
                    JobId::Text(text) => push_text(cell, text, is_first),
                },
                (Field::Hint | Field::Offset, None) => cell.push_str("-1"),
                (Field::Gaps, None) => write_gaps(cell, job, inclusive),
                (Field::Group, None) => push_text(cell, job.group().unwrap_or(""), is_first),
                (_, None) => push_text(cell, unknown.next().map_or("", |text| text), is_first),
            }
            self.output.write_field(&*cell).map_err(failed)?;
        }
        self.output.write_record(None::<&[u8]>).map_err(failed)
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

/// Appends a text, in quotes where it would not be read back as it is: where it holds a
/// character of the format or, at the start of a line, begins as a comment or with a
/// byte order mark.
fn push_text(cell: &mut String, text: &str, is_first: bool) {
    let starts_otherwise =
        || text.as_bytes().first() == Some(&COMMENT) || text.starts_with('\u{feff}');
    let is_special = |byte| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if text.bytes().any(is_special) || is_first && starts_otherwise() {
        let _ = write!(cell, "\"{}\"", text.replace('"', "\"\""));
    } else {
        cell.push_str(text);
    }
}

fn failed(error: csv::Error) -> FormatError {
    FormatError::Io(error.into())
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
