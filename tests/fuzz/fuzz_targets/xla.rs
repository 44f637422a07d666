//! See `tests::fuzzing::xla`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("xla", bytes));
