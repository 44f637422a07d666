//! Instance generators, comparisons with peers, and a browser to look at pages.

pub mod chromium;
pub mod compare;
pub mod generate;
