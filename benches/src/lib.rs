//! Instance generators and the instance runner.

pub mod generate;
