//! See `tests::fuzzing::hlo`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("hlo", bytes));
