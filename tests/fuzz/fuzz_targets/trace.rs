//! See `tests::fuzzing::trace`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("trace", bytes));
