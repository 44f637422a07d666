//! Reading a model's tables. Field numbers are those of the schema.

use super::ModelError;
use super::flatbuffer::{Flatbuffer, Table, Vector};
use super::model::{Code, Model, Operator, PLAN, Plan, Subgraph, Tensor, Type, operator};

/// Dimensions of a tensor; TensorFlow Lite's own operators take up to eight.
const MOST_DIMENSIONS: usize = 64;

/// Reads all tables. O(n).
pub(super) fn model(file: Flatbuffer<'_>) -> Result<Model<'_>, ModelError> {
    let parser = Parser {
        left: file.bytes().len() as u64 + 4096,
        has_far_content: false,
    };
    parser.model(file)
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
            at: data.first(),
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
