//! See `tests::fuzzing::iree`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("iree", bytes));
