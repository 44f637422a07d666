//! What fuzzing runs: one function a target, which takes any bytes and panics
//! where something does not hold that must always hold.
//!
//! The fuzzer itself lies outside the workspace, in `tests/fuzz`: it needs a
//! nightly compiler. `tests/tests/formats/fuzz_smoke.rs` runs the same functions over
//! the seeds, and over mutations of them, with any compiler.

mod convert;
mod dice;
mod graphs;
mod packed;
mod reading;
mod report;
mod seeds;
mod solve;
mod tables;
mod trace;
mod traced;

pub use convert::convert;
pub use graphs::{iopddl, xla};
pub use packed::packed;
pub use report::{placements, report};
pub use solve::{extremes, solve};
pub use tables::{csv, plc};
pub use trace::{events, trace};

/// One target of the fuzzer.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, in `tests/fuzz/fuzz_targets` and here.
    pub name: &'static str,
    /// Panics where something does not hold that must.
    pub run: fn(&[u8]),
    /// Small inputs to begin with, made anew each time.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every target.
pub const TARGETS: [Target; 12] = [
    target("trace", trace, seeds::traces),
    target("events", events, seeds::noise),
    target("plc", plc, seeds::plc),
    target("csv", csv, seeds::csv),
    target("iopddl", iopddl, seeds::iopddl),
    target("xla", xla, seeds::xla),
    target("packed", packed, seeds::packed),
    target("convert", convert, seeds::selected),
    target("report", report, seeds::selected),
    target("placements", placements, seeds::noise),
    target("solve", solve, seeds::noise),
    target("extremes", extremes, seeds::noise),
];

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds }
}
