//! What of a model matters to its memory: tensors, operators with what they read and write,
//! the subgraphs that control flow calls, and an offline plan, where the model has one.
//!
//! Source: TensorFlow's `schema.fbs`, version 3.

use super::ModelError;
use super::flatbuffer::{Flatbuffer, Table};
use super::parse;

/// The bytes 4 to 8 of every model.
pub const IDENTIFIER: &[u8; 4] = b"TFL3";

/// The name of the metadata entry that holds an offline plan.
pub(super) const PLAN: &[u8] = b"OfflineMemoryAllocation";

/// No model has more bytes: offsets in flatbuffers are signed 32-bit numbers in places.
pub(super) const MOST_BYTES: usize = (1 << 31) - 1;

/// The operators that matter here, by their codes in the schema.
pub(super) mod operator {
    pub(in super::super) const CONV_2D: u32 = 3;
    pub(in super::super) const DEPTHWISE_CONV_2D: u32 = 4;
    pub(in super::super) const FULLY_CONNECTED: u32 = 9;
    pub(in super::super) const SVDF: u32 = 27;
    pub(in super::super) const CUSTOM: u32 = 32;
    pub(in super::super) const MEAN: u32 = 40;
    pub(in super::super) const UNIDIRECTIONAL_SEQUENCE_LSTM: u32 = 44;
    pub(in super::super) const TRANSPOSE_CONV: u32 = 67;
    pub(in super::super) const SUM: u32 = 74;
    pub(in super::super) const REDUCE_MAX: u32 = 82;
    pub(in super::super) const REDUCE_MIN: u32 = 89;
    pub(in super::super) const MIRROR_PAD: u32 = 100;
    pub(in super::super) const ADD_N: u32 = 106;
    pub(in super::super) const IF: u32 = 118;
    pub(in super::super) const WHILE: u32 = 119;
    pub(in super::super) const CALL_ONCE: u32 = 129;
    pub(in super::super) const REDUCE_ALL: u32 = 140;
    pub(in super::super) const VAR_HANDLE: u32 = 142;
}

/// A tensor's type, as the schema numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type(pub(super) u8);

impl Type {
    pub(super) const FLOAT32: Type = Type(0);
    pub(super) const INT16: Type = Type(7);
    pub(super) const INT8: Type = Type(9);
    pub(super) const INT4: Type = Type(17);

    /// Bytes of an element, as TensorFlow Lite Micro counts them: int4 takes a whole one.
    pub(super) fn bytes(self) -> Option<u64> {
        Some(match self.0 {
            3 | 6 | 9 | 17 => 1,
            1 | 7 | 16 | 18 => 2,
            0 | 2 | 13 | 15 => 4,
            4 | 8 | 10 | 12 => 8,
            11 => 16,
            _ => return None,
        })
    }
}

/// A tensor.
#[derive(Clone, Debug)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a [u8],
    pub(super) at: usize,
    pub(super) kind: Type,
    pub(super) rank: u64,
    pub(super) first_dimension: u64,
    pub(super) elements: u64,
    pub(super) buffer: usize,
    /// Whether the model holds its content: a constant.
    pub(super) has_data: bool,
    pub(super) is_variable: bool,
    /// Whether its operator keeps its content elsewhere.
    pub(super) is_handle: bool,
}

impl Tensor<'_> {
    /// Bytes of its content.
    pub(super) fn bytes(&self) -> Result<u64, ModelError> {
        let Some(each) = self.kind.bytes() else {
            let what = format!(
                "tensor {:?} is of type {}, of which TensorFlow Lite Micro knows no size",
                self.name(),
                self.kind.0
            );
            return Err(ModelError::at(self.at, what));
        };
        match self.elements.checked_mul(each) {
            Some(bytes) if bytes <= i32::MAX as u64 => Ok(bytes),
            _ => {
                let what = format!("tensor {:?} takes more than 2^31 - 1 bytes", self.name());
                Err(ModelError::at(self.at, what))
            }
        }
    }

    /// Its name, up to a length that many tensors may share.
    pub(super) fn name(&self) -> String {
        let most = self.name.len().min(1024);
        String::from_utf8_lossy(&self.name[..most]).into_owned()
    }
}

/// An operator of a subgraph. Tensors are numbered over all subgraphs.
#[derive(Clone, Debug)]
pub(super) struct Operator {
    pub(super) code: usize,
    /// `None` where an optional one is left out.
    pub(super) inputs: Vec<Option<u32>>,
    pub(super) outputs: Vec<Option<u32>>,
    /// The subgraphs that it calls, in the order of their steps.
    pub(super) calls: Vec<usize>,
}

/// Which operator an [`Operator`] is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code<'a> {
    pub(super) builtin: u32,
    /// Of a custom operator.
    pub(super) custom: &'a [u8],
}

#[derive(Clone, Debug)]
pub(super) struct Subgraph {
    pub(super) inputs: Vec<Option<u32>>,
    pub(super) outputs: Vec<Option<u32>>,
    pub(super) operators: Vec<Operator>,
}

/// An offline plan as it stands in the model.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Where its first word is.
    pub(super) at: usize,
    /// For how many tensors it says that it is.
    pub(super) tensors: u64,
    /// One a tensor; -1 where it is planned at run time.
    pub(super) offsets: Vec<i32>,
    /// Whether the plan is the only one, and nothing else uses its bytes.
    pub(super) is_alone: bool,
}

/// A model, read from a `.tflite` file.
#[derive(Debug)]
pub struct Model<'a> {
    pub(super) file: Flatbuffer<'a>,
    pub(super) root: Table<'a>,
    pub(super) codes: Vec<Code<'a>>,
    pub(super) tensors: Vec<Tensor<'a>>,
    pub(super) subgraphs: Vec<Subgraph>,
    pub(super) plan: Option<Plan>,
    /// Whether some content lies behind the flatbuffer, at positions from the start of the file.
    pub(super) has_far_content: bool,
}

impl<'a> Model<'a> {
    /// Reads a model. Time and memory are linear in its length, whatever it holds.
    ///
    /// # Errors
    /// [`ModelError`] where the bytes are no model, with the position.
    pub fn parse(bytes: &'a [u8]) -> Result<Model<'a>, ModelError> {
        if bytes.get(4..8) != Some(IDENTIFIER) {
            let what = "no TensorFlow Lite model: its bytes 4 to 8 are not TFL3";
            return Err(ModelError::at(4.min(bytes.len()), what));
        }
        if bytes.len() > MOST_BYTES {
            let what =
                "a model of more than 2^31 - 1 bytes, which TensorFlow Lite Micro cannot read";
            return Err(ModelError::at(MOST_BYTES, what));
        }
        parse::model(Flatbuffer::new(bytes))
    }

    /// How many tensors there are in all subgraphs: as many offsets a plan has.
    pub fn tensors(&self) -> usize {
        self.tensors.len()
    }

    /// Whether the model has an offline plan.
    pub fn has_plan(&self) -> bool {
        self.plan.is_some()
    }

    /// Whether it was compiled for Arm's Ethos-U, whose plan its command streams rely on.
    pub fn is_for_ethos_u(&self) -> bool {
        self.codes.iter().any(|code| code.custom == b"ethos-u")
    }
}
