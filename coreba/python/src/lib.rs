//! `idealloc._idealloc`: what the Python package `idealloc` is made of.
//!
//! Columns of numbers become jobs (`columns.rs`, `jobs.rs`), jobs are read from and
//! written to CSV by `common` (`files.rs`), solved by `coreba` (`solve.rs`), and every
//! refusal becomes one of the package's exceptions (`errors.rs`). Nothing is decided
//! here. Sizes and offsets are in bytes, lifetimes half-open on a logical clock.

mod columns;
mod errors;
mod files;
mod jobs;
mod solve;
mod tflm;

use pyo3::prelude::*;

/// The solver, the verifier and the CSV reader of idealloc.
#[pymodule]
mod _idealloc {
    #[pymodule_export]
    use super::files::{csv_rows, csv_text};
    #[pymodule_export]
    use super::jobs::Jobs;
    #[pymodule_export]
    use super::solve::Progress;
    #[pymodule_export]
    use super::tflm::{TfliteModel, write_files};
}
