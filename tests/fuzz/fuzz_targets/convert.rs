//! See `tests::fuzzing::convert`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("convert", bytes));
