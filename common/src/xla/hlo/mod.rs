//! An HLO module, as far as memory is concerned: which instructions there are, in
//! which order they run, what they take and give, and what they call. It comes of
//! the text (`*after_optimizations.txt`, [`text`]) or of the protocol buffer
//! (`*.hlo.pb`, [`proto`]) that XLA dumps.
//!
//! Source: <https://openxla.org/xla/operation_semantics>, and
//! `xla/service/hlo.proto` of the repository openxla/xla.

pub(super) mod flow;
mod in_place;
mod pieces;
pub(super) mod proto;
mod shape;
pub(super) mod text;

use crate::error::Place;

pub(super) use self::shape::Shape;

/// What stands in the settings of instructions for GPUs only.
const OF_GPU: &str = "operation_queue_id";

/// A module. Instructions and computations go by their numbers in these lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Module {
    pub(super) computations: Vec<Computation>,
    pub(super) instructions: Vec<Instruction>,
    /// The computation that runs first.
    pub(super) entry: u32,
    /// Whether instructions stand in the order in which they run.
    pub(super) is_scheduled: bool,
    /// Whether the text leaves get-tuple-element instructions out (`%a#1`), so
    /// that nothing tells when they run.
    pub(super) has_hidden: bool,
    /// Whether instructions carry what only XLA's GPU compiler gives them.
    pub(super) is_of_gpu: bool,
    /// Results of the entry that take the place of its parameters.
    pub(super) donations: Vec<Donation>,
}

/// A list of instructions with one result.
#[derive(Clone, Debug, Default)]
pub(super) struct Computation {
    pub(super) name: Box<str>,
    /// As they run, where the module is scheduled.
    pub(super) order: Vec<u32>,
    pub(super) root: u32,
    /// Number of the parameter, and its instruction; by number.
    pub(super) parameters: Vec<(u32, u32)>,
}

impl Computation {
    /// The instruction of a parameter.
    pub(super) fn parameter(&self, number: u32) -> Option<u32> {
        let found = self.parameters.binary_search_by_key(&number, |&(n, _)| n);
        found.ok().map(|at| self.parameters[at].1)
    }
}

/// One instruction.
#[derive(Clone, Debug)]
pub(super) struct Instruction {
    pub(super) name: Box<str>,
    pub(super) opcode: Opcode,
    pub(super) shape: Shape,
    pub(super) operands: Vec<Operand>,
    /// Computations: of a loop the body and the condition, of a conditional the
    /// branches, of a call, fusion or asynchronous start the one that runs.
    pub(super) called: Vec<u32>,
    /// Of a parameter its number, of a get-tuple-element the element.
    pub(super) number: u32,
    /// What the compiler says about outputs that overwrite operands.
    pub(super) aliasing: Vec<Aliasing>,
    pub(super) place: Place,
}

/// What an instruction takes.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) instruction: u32,
    /// The element that a get-tuple-element without a line of its own takes.
    pub(super) element: Vec<u32>,
}

/// An output and the operand that lies in the same place, as tuple indices.
#[derive(Clone, Debug)]
pub(super) struct Aliasing {
    pub(super) output: Vec<u32>,
    pub(super) operand: u32,
    pub(super) index: Vec<u32>,
}

/// A result of the entry and the parameter whose memory it takes.
#[derive(Clone, Debug)]
pub(super) struct Donation {
    pub(super) output: Vec<u32>,
    pub(super) parameter: u32,
    pub(super) index: Vec<u32>,
}

/// What an instruction does, as far as it matters for memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Parameter,
    Tuple,
    GetTupleElement,
    /// The same bytes under another shape: bitcast, and what only orders or marks.
    Forward,
    Copy,
    While,
    Conditional,
    Call,
    Fusion,
    /// Overwrites its first operand.
    DynamicUpdateSlice,
    /// Overwrites the first of three parts of its operands.
    Scatter,
    /// Overwrites all its operands.
    AllReduceStart,
    AllReduceDone,
    AllGatherStart,
    AllGatherDone,
    CollectivePermute,
    CollectivePermuteStart,
    CollectivePermuteDone,
    CopyStart,
    CopyDone,
    Send,
    RecvDone,
    /// Overwrites its second operand.
    RaggedAllToAll,
    /// Overwrites its first operand in newer versions of XLA.
    SetDimensionSize,
    /// Runs a computation beside others.
    AsyncStart,
    AsyncUpdate,
    AsyncDone,
    /// Defines all of its result anew.
    Other,
}

impl Opcode {
    pub(super) fn of_name(name: &str) -> Opcode {
        match name {
            "parameter" => Opcode::Parameter,
            "tuple" => Opcode::Tuple,
            "get-tuple-element" => Opcode::GetTupleElement,
            "bitcast" | "opt-barrier" | "optimization-barrier" | "domain" | "add-dependency" => {
                Opcode::Forward
            }
            "copy" => Opcode::Copy,
            "while" => Opcode::While,
            "conditional" => Opcode::Conditional,
            "call" => Opcode::Call,
            "fusion" => Opcode::Fusion,
            "dynamic-update-slice" => Opcode::DynamicUpdateSlice,
            "scatter" => Opcode::Scatter,
            "all-reduce-start" => Opcode::AllReduceStart,
            "all-reduce-done" => Opcode::AllReduceDone,
            "all-gather-start" => Opcode::AllGatherStart,
            "all-gather-done" => Opcode::AllGatherDone,
            "collective-permute" => Opcode::CollectivePermute,
            "collective-permute-start" => Opcode::CollectivePermuteStart,
            "collective-permute-done" => Opcode::CollectivePermuteDone,
            "copy-start" => Opcode::CopyStart,
            "copy-done" => Opcode::CopyDone,
            "send" => Opcode::Send,
            "recv-done" => Opcode::RecvDone,
            "ragged-all-to-all" => Opcode::RaggedAllToAll,
            "set-dimension-size" => Opcode::SetDimensionSize,
            "recv" | "send-done" => Opcode::Other,
            // `all-to-all-start` is short for an async-start that wraps all-to-all.
            _ if name.ends_with("-start") => Opcode::AsyncStart,
            _ if name.ends_with("-update") => Opcode::AsyncUpdate,
            _ if name.ends_with("-done") => Opcode::AsyncDone,
            _ => Opcode::Other,
        }
    }

    /// Whether its computations run as a part of the module, instruction by
    /// instruction, so that their values have places in the module's memory.
    pub(super) fn is_control_flow(self) -> bool {
        matches!(
            self,
            Opcode::While
                | Opcode::Conditional
                | Opcode::Call
                | Opcode::AsyncStart
                | Opcode::AsyncUpdate
                | Opcode::AsyncDone
        )
    }

    /// Whether what it calls matters here. Other instructions call computations
    /// for each element of an array, with memory of their own.
    pub(super) fn calls(self) -> bool {
        self == Opcode::Fusion || self.is_control_flow()
    }
}
