//! The formats: what their readers accept, refuse and write.

mod decorations;
mod fuzz_findings;
mod fuzz_smoke;
mod numbers;
mod readers;
mod tflite;
