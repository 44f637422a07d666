//! See `tests::fuzzing::report`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("report", bytes));
