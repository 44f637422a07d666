//! See `tests::fuzzing::iopddl`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("iopddl", bytes));
