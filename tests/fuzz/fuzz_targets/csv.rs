//! See `tests::fuzzing::csv`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("csv", bytes));
