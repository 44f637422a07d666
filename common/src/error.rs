//! Why a file cannot be read: where, what stands there, what was expected.

use std::fmt;
use std::io;

use crate::problem::ProblemError;
use crate::trace::TraceError;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A line of text, counted from 1.
    Line(u64),
    /// A fixed record, counted from 1, and its byte offset.
    Record {
        /// Counted from 1.
        number: u64,
        /// Byte offset of its start.
        at: u64,
    },
    /// A byte offset.
    Byte(u64),
    /// A line of text and a place in it, both counted from 1.
    Position {
        /// The line.
        line: u64,
        /// The place in it.
        column: u64,
    },
    /// A node of a graph, counted from 0.
    Node(u64),
    /// An entry of a list, counted from 0.
    Entry(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Line(line) => write!(f, "line {line}"),
            Place::Record { number, at } => write!(f, "record {number} (byte {at})"),
            Place::Byte(at) => write!(f, "byte {at}"),
            Place::Position { line, column } => write!(f, "line {line}, column {column}"),
            Place::Node(node) => write!(f, "node {node}"),
            Place::Entry(entry) => write!(f, "entry {entry}"),
        }
    }
}

/// Why a file cannot be read as what it is said to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What stands at a place is not what the format asks for.
    #[error("{place}: {what}")]
    Malformed {
        /// Where.
        place: Place,
        /// What stands there and what was expected.
        what: String,
    },
    /// A job, well-formed by itself, is refused by the gate.
    #[error("{place}")]
    Refused {
        /// Where the job stands.
        place: Place,
        /// Why it is refused.
        source: ProblemError,
    },
    /// The jobs together are refused by the gate.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The trace is corrupt.
    #[error(transparent)]
    Trace(TraceError),
}

impl From<TraceError> for FormatError {
    fn from(error: TraceError) -> Self {
        match error {
            TraceError::Io(error) => FormatError::Io(error),
            other => FormatError::Trace(other),
        }
    }
}

impl FormatError {
    pub(crate) fn malformed(place: Place, what: impl Into<String>) -> Self {
        FormatError::Malformed {
            place,
            what: what.into(),
        }
    }
}
