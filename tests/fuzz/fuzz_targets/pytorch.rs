//! See `tests::fuzzing::pytorch`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("pytorch", bytes));
