//! See `tests::fuzzing::plc`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("plc", bytes));
