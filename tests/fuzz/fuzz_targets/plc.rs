//! See `tests::fuzzing::plc`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::plc(bytes));
