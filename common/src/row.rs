//! What one record of a job file says.

use crate::anomaly::TraceSummary;
use crate::error::{FormatError, Place};
use crate::job::Job;
use crate::layout::Layout;
use crate::memory::Memory;
use crate::notes::Notes;

/// One job and, where the file gives one, its offset.
///
/// Whether the offset is a placement or a pin is for the reader of the file to
/// say: see [`crate::input`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The job.
    pub job: Job,
    /// Its offset in its heap; `None` where it is not placed.
    pub offset: Option<u64>,
    /// Where the record stands.
    pub place: Place,
    /// What stands in columns that the format does not know, in their order.
    pub unknown: Vec<Box<str>>,
}

/// A source of jobs, one at a time: what a reader of any format is.
pub trait Rows {
    /// The next job, or `None` at the end.
    ///
    /// # Errors
    /// [`FormatError`]; the source is then at its end.
    fn next_row(&mut self) -> Result<Option<Row>, FormatError>;

    /// The columns, where the source is a CSV.
    fn layout(&self) -> Option<&Layout> {
        None
    }

    /// What a trace tells beside its jobs; complete once the last was given.
    fn trace(&self) -> Option<&TraceSummary> {
        None
    }

    /// What the notes of a trace told; complete, and given once, after the last job.
    fn trace_notes(&mut self) -> Option<Notes> {
        None
    }

    /// What a traced program's memory was, where account of it was asked for; there, and
    /// given once, after the last job.
    fn memory(&mut self) -> Option<Memory> {
        None
    }

    /// How the source is read where it could mean something else, each in a few words.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// What was left out or taken together, each in a few words; complete once
    /// the last job was given.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the source numbers the jobs itself, so that no two ids are alike.
    fn has_unique_ids(&self) -> bool {
        false
    }
}

/// The jobs of a format that must be read whole.
#[derive(Debug)]
pub struct Listed {
    rows: std::vec::IntoIter<Row>,
    layout: Layout,
    notes: Vec<String>,
    is_numbered: bool,
}

impl Listed {
    pub(crate) fn new(rows: Vec<Row>, columns: &[&str], notes: Vec<String>) -> Listed {
        Listed {
            rows: rows.into_iter(),
            layout: Layout::of(columns),
            notes,
            is_numbered: false,
        }
    }

    /// The same, of a reader that numbers the jobs itself.
    pub(crate) fn numbered(mut self) -> Listed {
        self.is_numbered = true;
        self
    }
}

impl Rows for Listed {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        Ok(self.rows.next())
    }

    fn layout(&self) -> Option<&Layout> {
        Some(&self.layout)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    fn has_unique_ids(&self) -> bool {
        self.is_numbered
    }
}
