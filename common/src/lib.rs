//! The job model, the independent verifier and the file formats that every
//! idealloc tool shares: the only home of each.
//!
//! The way of the data: a file is read as [`row::Rows`], each row passes the
//! gate of [`problem::Problem`], a solver makes a [`placement::Placement`],
//! [`check::verify`] passes it, and a writer of [`csv`] or [`plc`] puts it out.
//!
//! Sizes, offsets and addresses are in bytes. Lifetimes are half-open
//! `[birth, death)` on a logical clock; two jobs conflict when
//! `a.birth < b.death && b.birth < a.death`.
#![cfg_attr(not(feature = "std"), no_std)]

pub mod trace;

#[cfg(feature = "std")]
pub mod check;
#[cfg(feature = "std")]
pub mod csv;
#[cfg(feature = "std")]
pub mod error;
#[cfg(feature = "std")]
pub mod format;
#[cfg(feature = "std")]
pub mod input;
#[cfg(feature = "std")]
pub mod iopddl;
#[cfg(feature = "std")]
pub mod job;
#[cfg(feature = "std")]
pub mod lifetimes;
#[cfg(feature = "std")]
pub mod load;
#[cfg(feature = "std")]
pub mod placement;
#[cfg(feature = "std")]
pub mod plc;
#[cfg(feature = "std")]
pub mod problem;
#[cfg(feature = "std")]
pub mod row;
#[cfg(feature = "std")]
pub mod units;
#[cfg(feature = "std")]
pub mod xla;
