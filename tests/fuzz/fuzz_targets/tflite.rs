//! See `tests::fuzzing::tflite`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tests::fuzzing::run("tflite", bytes));
