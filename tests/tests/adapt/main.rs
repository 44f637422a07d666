//! `adapt`: conversions between all formats, and what becomes of a trace.

mod formats;
mod graphs;
mod notes;
mod partial;
mod round_trips;
mod snapshots;
mod tflite;
mod traces;
mod xla_dumps;
mod xla_ties;
