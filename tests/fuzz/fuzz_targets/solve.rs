//! See `tests::fuzzing::solve`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("solve", bytes));
