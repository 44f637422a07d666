//! See `tests::fuzzing::executorch`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("executorch", bytes));
