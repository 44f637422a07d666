//! See `tests::fuzzing::extremes`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("extremes", bytes));
