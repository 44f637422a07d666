//! How the tracer speaks.

use hook::message::Line;

/// A line of the tracer's.
pub(crate) fn line() -> Line {
    Line::new("uncore")
}
