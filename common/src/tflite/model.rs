//! What of a model matters to its memory: tensors, operators with what they read and write,
//! the subgraphs that control flow calls, and an offline plan, where the model has one.
//!
//! Source: TensorFlow's `schema.fbs`, version 3. Field numbers below are the schema's.

use super::ModelError;
use super::flatbuffer::{Flatbuffer, Table, Vector};

/// The bytes 4 to 8 of every model.
pub const IDENTIFIER: &[u8; 4] = b"TFL3";

/// The name of the metadata entry that holds an offline plan.
pub(super) const PLAN: &[u8] = b"OfflineMemoryAllocation";

/// No model has more bytes: offsets in flatbuffers are signed 32-bit numbers in places.
pub(super) const MOST_BYTES: usize = (1 << 31) - 1;

/// Dimensions of a tensor; TensorFlow Lite's own operators take up to eight.
const MOST_DIMENSIONS: usize = 64;

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
    /// Where its first offset would be overwritten.
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
        Parser {
            left: bytes.len() as u64 + 4096,
            has_far_content: false,
        }
        .model(Flatbuffer::new(bytes))
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

/// Reads once; elements of all vectors together may be as many as the file has bytes, so
/// that tables which refer to one large vector cannot take unbounded time.
struct Parser {
    left: u64,
    has_far_content: bool,
}

impl Parser {
    fn model<'a>(mut self, file: Flatbuffer<'a>) -> Result<Model<'a>, ModelError> {
        let root = file.root()?;
        let codes = self.codes(root)?;
        let has_data = self.buffers(root)?;
        let mut tensors = Vec::new();
        let mut subgraphs = Vec::new();
        let graphs = self.tables(root, 2)?;
        let count = graphs.len();
        for graph in graphs {
            let first = tensors.len();
            for table in self.tables(graph, 0)? {
                tensors.push(self.tensor(table, &has_data)?);
            }
            let tensors = &mut tensors[first..];
            let subgraph = self.subgraph(graph, first, tensors, &codes, count)?;
            subgraphs.push(subgraph);
        }
        if subgraphs.is_empty() {
            return Err(ModelError::at(root.at(), "a model without a subgraph"));
        }
        let plan = self.plan(root, &tensors)?;
        Ok(Model {
            file,
            root,
            codes,
            tensors,
            subgraphs,
            plan,
            has_far_content: self.has_far_content,
        })
    }

    /// Takes so many elements from what is left.
    fn take(&mut self, vector: Vector<'_>, count: usize) -> Result<(), ModelError> {
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            let what = "the vectors hold more than the file has room for: they are shared";
            ModelError::at(vector.first(), what)
        })?;
        Ok(())
    }

    /// The tables that the vector in a field names; none where there is no vector.
    fn tables<'a>(&mut self, of: Table<'a>, field: usize) -> Result<Vec<Table<'a>>, ModelError> {
        let Some(vector) = of.vector(field, 4)? else {
            return Ok(Vec::new());
        };
        self.take(vector, vector.len())?;
        vector.tables().collect()
    }

    fn codes<'a>(&mut self, root: Table<'a>) -> Result<Vec<Code<'a>>, ModelError> {
        let codes = self.tables(root, 1)?.into_iter();
        codes
            .map(|code| {
                Ok(Code {
                    // Old models have a code below 127 in the first field only.
                    builtin: code.u32(3)?.max(u32::from(code.u8(0)?)),
                    custom: code.text(1)?,
                })
            })
            .collect()
    }

    /// Which buffers have content.
    fn buffers(&mut self, root: Table<'_>) -> Result<Vec<bool>, ModelError> {
        let mut has_data = Vec::new();
        for buffer in self.tables(root, 4)? {
            let is_far = buffer.u64(1)? > 1 && buffer.u64(2)? > 0;
            self.has_far_content |= is_far;
            let data = buffer.vector(0, 1)?;
            has_data.push(is_far || data.is_some_and(|data| data.len() > 0));
        }
        Ok(has_data)
    }

    fn tensor<'a>(
        &mut self,
        table: Table<'a>,
        has_data: &[bool],
    ) -> Result<Tensor<'a>, ModelError> {
        let bad = |what: String| ModelError::at(table.at(), what);
        let mut tensor = Tensor {
            name: table.text(3)?,
            at: table.at(),
            kind: Type(table.u8(1)?),
            rank: 0,
            first_dimension: 1,
            elements: 1,
            buffer: table.u32(2)? as usize,
            has_data: false,
            is_variable: table.u8(5)? != 0,
            is_handle: false,
        };
        if let Some(shape) = table.vector(0, 4)? {
            if shape.len() > MOST_DIMENSIONS {
                return Err(bad(format!("a tensor of {} dimensions", shape.len())));
            }
            self.take(shape, shape.len())?;
            tensor.rank = shape.len() as u64;
            for (place, dimension) in shape.u32s().enumerate() {
                if dimension > i32::MAX as u32 {
                    let (name, dimension) = (tensor.name(), dimension as i32);
                    return Err(bad(format!(
                        "tensor {name:?} has a dimension of {dimension}"
                    )));
                }
                if place == 0 {
                    tensor.first_dimension = u64::from(dimension);
                }
                tensor.elements = tensor.elements.saturating_mul(u64::from(dimension));
            }
        }
        tensor.has_data = *has_data.get(tensor.buffer).ok_or_else(|| {
            let (name, buffer) = (tensor.name(), tensor.buffer);
            bad(format!(
                "tensor {name:?} is of buffer {buffer}, which there is not"
            ))
        })?;
        Ok(tensor)
    }

    fn subgraph(
        &mut self,
        table: Table<'_>,
        first: usize,
        tensors: &mut [Tensor<'_>],
        codes: &[Code<'_>],
        subgraphs: usize,
    ) -> Result<Subgraph, ModelError> {
        let mut operators = Vec::new();
        for operator in self.tables(table, 3)? {
            let bad = |what: String| ModelError::at(operator.at(), what);
            let code = operator.u32(0)? as usize;
            let Some(&Code { builtin, .. }) = codes.get(code) else {
                return Err(bad(format!(
                    "an operator of code {code}, which there is not"
                )));
            };
            self.has_far_content |= operator.u64(9)? > 1;
            let outputs = self.indices(operator, 2, first, tensors.len())?;
            if builtin == operator::VAR_HANDLE {
                for &output in outputs.iter().flatten() {
                    tensors[output as usize - first].is_handle = true;
                }
            }
            let calls = calls(operator, builtin)?;
            if let Some(call) = calls.iter().find(|&&call| call >= subgraphs) {
                return Err(bad(format!(
                    "a call of subgraph {call}, which there is not"
                )));
            }
            operators.push(Operator {
                code,
                inputs: self.indices(operator, 1, first, tensors.len())?,
                outputs,
                calls,
            });
        }
        Ok(Subgraph {
            inputs: self.indices(table, 1, first, tensors.len())?,
            outputs: self.indices(table, 2, first, tensors.len())?,
            operators,
        })
    }

    /// Tensors of a subgraph, numbered over all from the first of the subgraph's `count` on.
    fn indices(
        &mut self,
        table: Table<'_>,
        field: usize,
        first: usize,
        count: usize,
    ) -> Result<Vec<Option<u32>>, ModelError> {
        let Some(vector) = table.vector(field, 4)? else {
            return Ok(Vec::new());
        };
        self.take(vector, vector.len())?;
        let indices = vector.u32s().map(|index| match index {
            u32::MAX => Ok(None),
            index if (index as usize) < count => Ok(Some(first as u32 + index)),
            index => {
                let what = format!("tensor {} of a subgraph of {count}", index as i32);
                Err(ModelError::at(vector.first(), what))
            }
        });
        indices.collect()
    }

    /// The last entry of the plan's name, which is the one that counts.
    fn plan(
        &mut self,
        root: Table<'_>,
        tensors: &[Tensor<'_>],
    ) -> Result<Option<Plan>, ModelError> {
        let entries = self.tables(root, 6)?;
        let mut named = Vec::new();
        for (place, entry) in entries.iter().enumerate() {
            if entry.text(0)? == PLAN {
                named.push((place, *entry));
            }
        }
        let Some(&(place, entry)) = named.last() else {
            return Ok(None);
        };
        let bad = |what: &str| ModelError::at(entry.at(), what);
        let buffers = self.tables(root, 4)?;
        let number = entry.u32(1)? as usize;
        let buffer = buffers.get(number);
        let data = buffer.ok_or_else(|| bad("an offline plan in a buffer that there is not"))?;
        let data = data.vector(0, 1)?;
        let Some(data) = data.filter(|data| data.len() >= 12) else {
            return Err(bad("an offline plan of less than its three first words"));
        };
        let words: Vec<u32> = words(data.bytes()).collect();
        let (count, offsets) = (u64::from(words[2]), &words[3..]);
        if offsets.len() as u64 != count && count == tensors.len() as u64 {
            let what = "an offline plan that is not as long as it says";
            return Err(ModelError::at(data.first(), what));
        }
        let mut is_alone = named.len() == 1 && data.len() == 12 + 4 * tensors.len();
        is_alone &= tensors.iter().all(|tensor| tensor.buffer != number);
        for (other, entry) in entries.iter().enumerate() {
            is_alone &= other == place || entry.u32(1)? as usize != number;
        }
        for (other, buffer) in buffers.iter().enumerate() {
            let first = buffer.vector(0, 1)?.map(Vector::first);
            is_alone &= other == number || first != Some(data.first());
        }
        Ok(Some(Plan {
            at: data.first() + 12,
            tensors: count,
            offsets: offsets.iter().map(|&offset| offset as i32).collect(),
            is_alone,
        }))
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes(word.try_into().expect("a chunk of four bytes")))
}

/// The subgraphs that an operator calls.
fn calls(operator: Table<'_>, builtin: u32) -> Result<Vec<usize>, ModelError> {
    let count = match builtin {
        operator::IF | operator::WHILE => 2,
        operator::CALL_ONCE => 1,
        _ => return Ok(Vec::new()),
    };
    let Some(options) = operator.table(4)? else {
        let what = "an operator of control flow that does not say what it calls";
        return Err(ModelError::at(operator.at(), what));
    };
    (0..count)
        .map(|field| options.u32(field).map(|subgraph| subgraph as usize))
        .collect()
}
