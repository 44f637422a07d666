//! See `tests::fuzzing::packed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("packed", bytes));
