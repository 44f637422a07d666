//! What fuzzing runs: one function a target, which takes any bytes and panics
//! where something does not hold that must always hold, and how it is run ([`run`]).
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
mod snapshots;
mod solve;
mod tables;
mod tflite;
mod trace;
mod traced;

pub use convert::convert;
pub use graphs::{executorch, hlo, iopddl, iree, xla};
pub use packed::packed;
pub use report::{placements, report};
pub use snapshots::pytorch;
pub use solve::{extremes, solve};
pub use tables::{csv, plc};
pub use tflite::tflite;
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
pub const TARGETS: [Target; 17] = [
    target("trace", trace, seeds::traces),
    target("events", events, seeds::noise),
    target("plc", plc, seeds::plc),
    target("csv", csv, seeds::csv),
    target("iopddl", iopddl, seeds::iopddl),
    target("xla", xla, seeds::xla),
    target("hlo", hlo, seeds::hlo),
    target("tflite", tflite, seeds::tflite),
    target("iree", iree, seeds::iree),
    target("executorch", executorch, seeds::executorch),
    target("pytorch", pytorch, snapshots::seeds),
    target("packed", packed, seeds::packed),
    target("convert", convert, seeds::selected),
    target("report", report, seeds::selected),
    target("placements", placements, seeds::noise),
    target("solve", solve, seeds::noise),
    target("extremes", extremes, seeds::noise),
];

/// Runs the target of this name on an input, and panics also where it took more memory, or asked
/// for memory more often, than any input of that length may cost: some c n log n, beside buffers
/// of a fixed size. The fuzzer's time-out is for work that asks for none.
///
/// Counted is what the calling thread asks for.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.expect("it is a target");
    let asked = allocation_counter::measure(|| (target.run)(bytes));
    let length = bytes.len() as u64 + 2;
    let n_log_n = length * u64::from(length.ilog2() + 1);
    assert!(
        asked.bytes_total <= (32 << 20) + 4096 * n_log_n,
        "{} bytes of memory for {length} bytes of input",
        asked.bytes_total
    );
    assert!(
        asked.count_total <= 20_000 + 400 * length,
        "{} requests for memory for {length} bytes of input",
        asked.count_total
    );
}

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds }
}
