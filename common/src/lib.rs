//! The job model, the independent verifier and the file formats that every
//! idealloc tool shares: the only home of each.
//!
//! The way of the data: a file is read as `row::Rows`, each row passes the
//! gate of [`problem::Problem`], a solver makes a [`placement::Placement`],
//! [`check::verify`] passes it, and a writer of `csv` or `plc` puts it out.
//!
//! With the feature `formats` (the default) there is everything; with `std`
//! alone the job model, bounds and the verifier, which is all that a solver
//! needs; without any feature only the encoding of trace records, without `std`.
//!
//! Sizes, offsets and addresses are in bytes. Lifetimes are half-open
//! `[birth, death)` on a logical clock; two jobs conflict when
//! `a.birth < b.death && b.birth < a.death`.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]

/// The examples of the page that introduces the crate are true.
#[cfg(all(doctest, feature = "formats"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod trace;

#[cfg(feature = "formats")]
pub mod anomaly;
#[cfg(feature = "std")]
pub mod check;
#[cfg(feature = "formats")]
pub mod csv;
#[cfg(feature = "formats")]
pub mod error;
#[cfg(feature = "formats")]
pub mod executorch;
#[cfg(feature = "formats")]
pub mod format;
#[cfg(feature = "formats")]
pub mod input;
#[cfg(feature = "formats")]
pub mod iopddl;
#[cfg(feature = "formats")]
pub mod iree;
#[cfg(feature = "std")]
pub mod job;
#[cfg(feature = "formats")]
pub mod layout;
#[cfg(feature = "formats")]
pub mod lifetimes;
#[cfg(feature = "formats")]
pub mod limits;
#[cfg(feature = "std")]
pub mod load;
#[cfg(feature = "std")]
pub mod memory;
#[cfg(feature = "formats")]
pub mod notes;
#[cfg(feature = "std")]
pub mod placement;
#[cfg(feature = "formats")]
pub mod plc;
#[cfg(feature = "std")]
pub mod problem;
#[cfg(feature = "formats")]
pub mod pytorch;
#[cfg(feature = "formats")]
pub mod row;
#[cfg(feature = "std")]
pub mod text;
#[cfg(feature = "std")]
pub mod tflite;
#[cfg(feature = "std")]
pub mod units;
#[cfg(feature = "formats")]
pub mod xla;

/// How the property tests run: few cases under Miri, which takes some thousand
/// times as long, and has no folder to keep failed ones in.
#[cfg(all(test, feature = "std"))]
fn property_tests() -> proptest::test_runner::Config {
    let mut config = proptest::test_runner::Config::default();
    if cfg!(miri) {
        config.cases = 16;
        config.failure_persistence = None;
    }
    config
}
