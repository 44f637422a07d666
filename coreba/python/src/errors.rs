//! The package's exceptions, and what of the libraries becomes which.

use std::fmt::Display;
use std::io;
use std::path::Path;

use common::error::FormatError;
use common::job::{JobFault, JobId};
use common::problem::ProblemError as Refusal;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

mod classes {
    pyo3::import_exception!(idealloc._errors, OptionError);
    pyo3::import_exception!(idealloc._errors, PlacementError);
    pyo3::import_exception!(idealloc._errors, ProblemError);
    pyo3::import_exception!(idealloc._errors, FileError);
    pyo3::import_exception!(idealloc._errors, SolverError);
}

pub(crate) use classes::{OptionError, PlacementError, ProblemError, SolverError};

/// A row of the caller's columns, counted from 0, is refused.
pub(crate) fn bad_row(row: usize, what: impl Display) -> PyErr {
    ProblemError::new_err((format!("row {row}: {what}"), row))
}

/// A job is refused: what the gate says of it, in the names of the columns. A job that
/// the caller did not name is its row.
pub(crate) fn bad_job(row: usize, is_named: bool, id: &JobId, refusal: &Refusal) -> PyErr {
    let what = match refusal {
        Refusal::Job(JobFault::EmptyLifetime { birth, death, .. }) => {
            format!("job {id}: upper {death} is not above lower {birth}")
        }
        Refusal::Job(JobFault::BadPin { pin, what, .. }) => {
            format!("job {id}: offset {pin} {what}")
        }
        _ => refusal.to_string(),
    };
    match what.strip_prefix(&format!("job {id}: ")) {
        Some(rest) if !is_named => bad_row(row, rest),
        _ => bad_row(row, what),
    }
}

/// The jobs together are refused.
pub(crate) fn bad_jobs(refusal: &Refusal) -> PyErr {
    bad_problem(together(refusal))
}

/// Why the jobs together are refused, without the command line's option.
fn together(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Pins(violation) => format!("fixed offsets conflict: {violation}"),
        _ => refusal.to_string(),
    }
}

/// The columns together are refused.
pub(crate) fn bad_problem(what: impl Display) -> PyErr {
    ProblemError::new_err(what.to_string())
}

/// What was given as the content of a file is refused.
pub(crate) fn file_error(what: String) -> PyErr {
    classes::FileError::new_err(what)
}

/// A file is refused, or cannot be read.
pub(crate) fn bad_file(path: Option<&Path>, error: FormatError) -> PyErr {
    let error = match (path, error) {
        (Some(path), FormatError::Io(error)) => return bad_io(path, &error),
        (_, error) => error,
    };
    let mut text = path.map_or_else(String::new, |path| format!("{}: ", path.display()));
    text.push_str(&match &error {
        FormatError::Problem(refusal) => together(refusal),
        _ => error.to_string(),
    });
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    classes::FileError::new_err(text)
}

/// Reading or writing a file failed: the `OSError` that Python itself would raise.
fn bad_io(path: &Path, error: &io::Error) -> PyErr {
    let name = path.display().to_string();
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or(&text).to_owned();
            PyOSError::new_err((code, text, name))
        }
        None => PyOSError::new_err(format!("{name}: {error}")),
    }
}
