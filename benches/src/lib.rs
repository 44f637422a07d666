//! Instance generators, and comparisons with peers.

pub mod compare;
pub mod generate;
