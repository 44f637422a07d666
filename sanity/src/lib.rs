//! What `adapt` and `report` do, apart from their command lines: converting
//! jobs from format to format, and measuring placements.
#![forbid(unsafe_code)]

pub mod adapt;
pub mod processes;
pub mod report;
