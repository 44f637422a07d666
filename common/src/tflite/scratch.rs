//! The scratch buffers that operators ask for: bytes that live while one operator runs.
//!
//! A model does not say them: they depend on the library of kernels that it runs with. Known
//! here are those of TensorFlow Lite Micro's reference kernels (`tensorflow/lite/micro/kernels`,
//! state of August 2026), in the order in which a kernel asks for them. Libraries for one kind of
//! processor (CMSIS-NN, Xtensa) ask for more, in convolutions and pooling too; the log of a
//! build tells theirs ([`super::Log`]).

use super::model::{Code, Model, Operator, Tensor, Type, operator};

/// Bytes of a pointer: of a 64-bit machine, as where there are fewer nothing goes wrong.
const POINTER: u64 = 8;

/// A scratch buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scratch {
    pub(super) subgraph: usize,
    pub(super) operator: usize,
    /// As asked for, in bytes.
    pub(super) bytes: u64,
}

/// All scratch buffers, in the order in which they are asked for: that of the operators.
pub(super) fn of_reference_kernels(model: &Model<'_>) -> Vec<Scratch> {
    let mut all = Vec::new();
    for (subgraph, graph) in model.subgraphs.iter().enumerate() {
        for (number, operator) in graph.operators.iter().enumerate() {
            let code = model.codes[operator.code];
            let asked = sizes(&model.tensors, operator, code);
            all.extend(asked.into_iter().flatten().map(|bytes| Scratch {
                subgraph,
                operator: number,
                bytes,
            }));
        }
    }
    all
}

/// Custom operators whose scratch buffers nobody knows, by name, each once.
pub(super) fn unknown<'a>(model: &Model<'a>) -> Vec<&'a [u8]> {
    let custom = |code: &Code<'a>| (code.builtin == operator::CUSTOM).then_some(code.custom);
    let mut names: Vec<&[u8]> = model.codes.iter().filter_map(custom).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What an operator asks for, in order. Where it is not as its kernel takes it, nothing: the
/// kernel refuses it.
fn sizes(tensors: &[Tensor<'_>], of: &Operator, code: Code<'_>) -> [Option<u64>; 4] {
    let tensor = |index: Option<u32>| index.map(|index| &tensors[index as usize]);
    let input = |place: usize| tensor(of.inputs.get(place).copied().flatten());
    let output = tensor(of.outputs.first().copied().flatten());
    let words = |tensor: Option<&Tensor<'_>>| Some(tensor?.elements.saturating_mul(4));
    let dimensions = |tensor: Option<&Tensor<'_>>| Some(4 * tensor?.rank);
    let kind = |tensor: Option<&Tensor<'_>>| tensor.map(|tensor| tensor.kind);
    match code.builtin {
        operator::CONV_2D | operator::DEPTHWISE_CONV_2D | operator::FULLY_CONNECTED => {
            // The filter, a byte an element.
            let filter = input(1).filter(|filter| filter.kind == Type::INT4);
            [filter.map(|filter| filter.elements), None, None, None]
        }
        operator::TRANSPOSE_CONV => {
            let (data, bias) = (input(2), input(3));
            let sums = match kind(data) {
                Some(Type::INT8) => words(output),
                Some(Type::INT16) => words(output).map(|bytes| bytes.saturating_mul(2)),
                _ => None,
            };
            let bias =
                bias.filter(|bias| bias.kind == Type::INT16 && kind(data) == Some(Type::INT16));
            let bias = bias.map(|bias| bias.elements.saturating_mul(8));
            [sums, bias, None, None]
        }
        operator::SVDF => {
            let batch = input(0).map_or(1, |input| input.first_dimension);
            let filters = input(1).map(|weights| weights.first_dimension);
            let sums = filters.map(|filters| batch.saturating_mul(filters).saturating_mul(4));
            let is_int8 = kind(input(0)) == Some(Type::INT8);
            [sums, words(output).filter(|_| is_int8), None, None]
        }
        operator::MEAN | operator::SUM => {
            let is_integer = matches!(kind(input(0)), Some(Type::INT8 | Type::INT16));
            let sums = words(output).filter(|_| is_integer);
            [sums, dimensions(input(0)), words(input(1)), None]
        }
        operator::REDUCE_MAX | operator::REDUCE_MIN | operator::REDUCE_ALL => {
            [dimensions(input(0)), words(input(1)), None, None]
        }
        operator::MIRROR_PAD => [dimensions(input(0)), dimensions(input(0)), None, None],
        operator::ADD_N => {
            let is_known = matches!(kind(output), Some(Type::FLOAT32 | Type::INT8));
            let pointers = is_known.then_some(POINTER * of.inputs.len() as u64);
            [pointers, None, None, None]
        }
        operator::UNIDIRECTIONAL_SEQUENCE_LSTM => {
            let (hidden, cell) = (input(18), input(19));
            let bytes = cell.and_then(|cell| cell.kind.bytes());
            let gate = bytes.and_then(|bytes| hidden?.elements.checked_mul(bytes));
            [gate; 4]
        }
        _ => [None; 4],
    }
}
