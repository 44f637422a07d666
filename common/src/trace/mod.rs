//! `.trc`: what a traced program asked of its allocator, and what it got.

pub mod note;
pub mod wire;

#[cfg(feature = "std")]
mod reader;
#[cfg(feature = "std")]
mod writer;

pub use note::Note;
#[cfg(feature = "std")]
pub use reader::{CutRecord, Event, Reader, TraceError};
pub use wire::{Block, Call, Kind};
#[cfg(feature = "std")]
pub use writer::Writer;
