//! See `tests::fuzzing::placements`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("placements", bytes));
