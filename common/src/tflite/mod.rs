//! TensorFlow Lite models (`.tflite`), as TensorFlow Lite Micro lays out their memory.
//!
//! The library runs a model in one piece of memory, the arena. Its lower part, the head, holds
//! the tensors that operators pass to one another and the scratch buffers of kernels; where each
//! lies is planned when the program starts, by a greedy method, or before, by a
//! plan in the model's metadata. This module reads a model ([`Model`]), says what there is to be
//! planned ([`Requests`], whose head says the rules) and where the library would put it, and
//! writes a plan into the model ([`Model::with_plan`]).
//!
//! **The plan** is a metadata entry `OfflineMemoryAllocation`, whose buffer holds little-endian
//! 32-bit numbers: the version 0, the number of subgraphs, the number n of tensors in all
//! subgraphs, and n offsets in bytes from the head's start, -1 for what is planned at run time.
//!
//! Sizes and offsets are in bytes; times are steps, an operator each. A model is not trusted: no
//! content makes a panic, or takes more than linear time and memory.

mod flatbuffer;
pub mod greedy;
mod log;
mod model;
mod parse;
#[cfg(feature = "formats")]
mod reader;
mod requests;
mod scratch;
mod write;

pub use log::{Log, LogError};
pub use model::{IDENTIFIER, Model};
#[cfg(feature = "formats")]
pub use reader::read;
pub use requests::{ALIGNMENT, Plan, Request, Requests};

/// Why a model cannot be read, or planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {what}")]
pub struct ModelError {
    /// Where, in bytes from the start of the file.
    pub at: u64,
    /// What stands there.
    pub what: String,
}

impl ModelError {
    fn at(at: usize, what: impl Into<String>) -> ModelError {
        ModelError {
            at: at as u64,
            what: what.into(),
        }
    }
}

#[cfg(feature = "formats")]
impl From<ModelError> for crate::error::FormatError {
    fn from(error: ModelError) -> Self {
        let place = crate::error::Place::Byte(error.at);
        crate::error::FormatError::malformed(place, error.what)
    }
}
