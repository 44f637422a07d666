//! Which parts of a module's results are one value, and which values must lie in
//! one place of memory.
//!
//! A *position* is an instruction and a node of its result's shape. Instructions
//! that only hand on what they take make two positions one value. Loops update
//! their state in place, the branches of a conditional write to one place, and some
//! instructions overwrite an operand: such positions hold values of one place.
//!
//! Source: `hlo_dataflow_analysis.cc`, `hlo_alias_analysis.cc` and `alias_info.cc`
//! of the repository openxla/xla say the same as rules for sets of values that are
//! propagated until nothing changes; as every value has one place of definition
//! there, the rules are equivalences, and joining positions is enough.

use std::collections::{HashMap, HashSet};

use super::in_place;
use super::{Instruction, Module, Opcode, Shape};
use crate::error::FormatError;

/// Ranges of positions that belong together one by one.
#[derive(Clone, Copy, Debug)]
pub(in crate::xla) struct Edge {
    pub(in crate::xla) target: u32,
    pub(in crate::xla) source: u32,
    pub(in crate::xla) length: u32,
}

/// The positions of the computations that run in the module's memory, and what is
/// known about them.
#[derive(Clone, Debug, Default)]
pub(in crate::xla) struct Flow {
    /// Of each instruction its first position, where it has any.
    first: Vec<Option<u32>>,
    /// How many positions there are.
    pub(in crate::xla) count: u32,
    /// The instructions that have positions, by name; `None` where two have one.
    names: HashMap<Box<str>, Option<u32>>,
    /// Of each instruction that has positions its computation.
    pub(in crate::xla) homes: Vec<u32>,
    /// The target is the source's value.
    pub(in crate::xla) same: Vec<Edge>,
    /// The target has a value of its own in the source's place, or, where XLA found
    /// none to be needed, is the source's value.
    pub(in crate::xla) merged: Vec<Edge>,
    /// Two values in one place.
    pub(in crate::xla) tied: Vec<Edge>,
    /// The same, which depends on the version of XLA: its placement tells.
    pub(in crate::xla) overwritten: Vec<Edge>,
    /// Whether an asynchronous instruction has a form that is not known here, so that
    /// some positions may be one value without it being told.
    pub(in crate::xla) is_partial: bool,
    /// The positions of parameters whose memory the result takes.
    pub(in crate::xla) donated: HashSet<u32>,
}

impl Flow {
    /// Reads what a module's instructions say. O(n) in the nodes of all shapes.
    ///
    /// # Errors
    /// [`FormatError`] with the place of an instruction that does not fit what it
    /// takes or calls.
    pub(in crate::xla) fn of(module: &Module) -> Result<Flow, FormatError> {
        let mut flow = Flow {
            first: vec![None; module.instructions.len()],
            homes: vec![0; module.instructions.len()],
            ..Flow::default()
        };
        let reached = flow.number(module)?;
        for computation in reached {
            for &index in &module.computations[computation as usize].order {
                flow.add(module, index)?;
            }
        }
        flow.add_donations(module);
        Ok(flow)
    }

    /// Numbers the positions of all computations that the entry leads to.
    fn number(&mut self, module: &Module) -> Result<Vec<u32>, FormatError> {
        let mut reached = vec![module.entry];
        let mut is_reached = vec![false; module.computations.len()];
        is_reached[module.entry as usize] = true;
        let mut next = 0;
        while let Some(&computation) = reached.get(next) {
            next += 1;
            for &index in &module.computations[computation as usize].order {
                let instruction = &module.instructions[index as usize];
                if self.first[index as usize].is_some() {
                    continue;
                }
                self.first[index as usize] = Some(self.count);
                self.homes[index as usize] = computation;
                let count = self.count.checked_add(instruction.shape.nodes());
                self.count = count.ok_or_else(|| {
                    FormatError::malformed(instruction.place, "more than 2^32 nodes of shapes")
                })?;
                self.names
                    .entry(instruction.name.clone())
                    .and_modify(|of_name| *of_name = None)
                    .or_insert(Some(index));
                if instruction.opcode.is_control_flow() {
                    for &called in &instruction.called {
                        if !std::mem::replace(&mut is_reached[called as usize], true) {
                            reached.push(called);
                        }
                    }
                }
            }
        }
        Ok(reached)
    }

    /// The position of a node of an instruction's result.
    pub(in crate::xla) fn position(&self, instruction: u32, node: u32) -> Option<u32> {
        Some(self.first[instruction as usize]? + node)
    }

    /// The instruction of a name.
    pub(in crate::xla) fn named(&self, name: &str) -> Option<u32> {
        *self.names.get(name)?
    }

    /// The position and the shape of an operand, or of the element of it that is
    /// taken.
    pub(in crate::xla) fn operand<'a>(
        &self,
        module: &'a Module,
        instruction: &Instruction,
        number: usize,
    ) -> Option<(u32, &'a Shape)> {
        let operand = instruction.operands.get(number)?;
        let shape = &module.instructions[operand.instruction as usize].shape;
        let (node, shape) = shape.at(&operand.element)?;
        Some((self.position(operand.instruction, node)?, shape))
    }

    fn add(&mut self, module: &Module, index: u32) -> Result<(), FormatError> {
        let instruction = &module.instructions[index as usize];
        let fits = match instruction.opcode {
            Opcode::While => self.add_loop(module, index),
            Opcode::Conditional => self.add_conditional(module, index),
            Opcode::Call => self.add_call(module, index),
            _ => self.add_plain(module, index),
        };
        if fits.is_none() && is_asynchronous(instruction.opcode) {
            self.is_partial = true;
            return Ok(());
        }
        fits.ok_or_else(|| {
            let name = &instruction.name;
            let what = format!("instruction {name} does not fit what it takes or calls");
            FormatError::malformed(instruction.place, what)
        })?;
        in_place::add(self, module, index);
        Ok(())
    }

    fn add_plain(&mut self, module: &Module, index: u32) -> Option<()> {
        let instruction = &module.instructions[index as usize];
        let own = (self.position(index, 0)?, &instruction.shape);
        let operand = |flow: &Flow| flow.operand(module, instruction, 0);
        let element = |(from, shape): (u32, &'_ Shape), number: u32| {
            let (node, shape) = shape.at(&[number])?;
            Some((from + node, shape.clone()))
        };
        match instruction.opcode {
            Opcode::GetTupleElement => {
                let (from, shape) = element(operand(self)?, instruction.number)?;
                self.hand_on(own, (from, &shape))?;
            }
            Opcode::Forward | Opcode::AllReduceDone => {
                let operand = operand(self)?;
                // A bitcast may change what is under it, but not into a tuple.
                self.hand_on(own, operand)?;
            }
            Opcode::Tuple => {
                let children = own.1.children();
                if children.len() != instruction.operands.len() {
                    return None;
                }
                for (number, (node, shape)) in children.iter().enumerate() {
                    let operand = self.operand(module, instruction, number)?;
                    self.hand_on((own.0 + node, shape), operand)?;
                }
            }
            Opcode::Copy => {
                let (from, shape) = operand(self)?;
                if shape != own.1 {
                    return None;
                }
                self.same.push(Edge {
                    target: own.0 + 1,
                    source: from + 1,
                    length: shape.nodes() - 1,
                });
            }
            Opcode::CopyStart => {
                let (to, shape) = element(own, 1)?;
                let operand = operand(self)?;
                self.hand_on((to, &shape), operand)?;
            }
            Opcode::CopyDone | Opcode::RecvDone => {
                let (from, shape) = element(operand(self)?, 0)?;
                let own = match instruction.opcode {
                    Opcode::CopyDone => (own.0, own.1.clone()),
                    _ => element(own, 0)?,
                };
                self.hand_on((own.0, &own.1), (from, &shape))?;
            }
            Opcode::AllGatherStart
            | Opcode::CollectivePermuteStart
            | Opcode::Send
            | Opcode::AsyncStart => self.add_start(module, index)?,
            Opcode::AllGatherDone | Opcode::CollectivePermuteDone | Opcode::AsyncDone => {
                let (from, shape) = element(operand(self)?, 1)?;
                self.hand_on_leaves(own, (from, &shape))?;
            }
            Opcode::AsyncUpdate => {
                let operand = operand(self)?;
                self.hand_on_leaves(own, operand)?;
            }
            _ => {}
        }
        Some(())
    }

    /// The start of an asynchronous operation hands its operands on in {0}, and what
    /// it runs, where that is known, gives {1}.
    fn add_start(&mut self, module: &Module, index: u32) -> Option<()> {
        let instruction = &module.instructions[index as usize];
        let own = self.position(index, 0)?;
        let (node, taken) = instruction.shape.at(&[0])?;
        if taken.children().is_empty() || instruction.operands.len() == 1 {
            let operand = self.operand(module, instruction, 0);
            let taken = match (taken.children(), operand) {
                // One operand in a tuple of its own.
                ([(inner, shape)], Some((_, operand))) if operand.children().is_empty() => {
                    (own + node + inner, shape)
                }
                _ => (own + node, taken),
            };
            if let Some(operand) = operand {
                self.hand_on_leaves(taken, operand)?;
            }
        } else {
            for (number, (inner, shape)) in taken.children().iter().enumerate() {
                let operand = self.operand(module, instruction, number)?;
                self.hand_on_leaves((own + node + inner, shape), operand)?;
            }
        }
        for &called in &instruction.called {
            self.enter(module, instruction, called)?;
            let (node, shape) = instruction.shape.at(&[1])?;
            let root = self.root(module, called)?;
            self.hand_on_leaves((own + node, shape), root)?;
        }
        Some(())
    }

    /// The parameters of a computation are the operands of what calls it.
    fn enter(&mut self, module: &Module, instruction: &Instruction, called: u32) -> Option<()> {
        for &(number, parameter) in &module.computations[called as usize].parameters {
            let operand = self.operand(module, instruction, number as usize)?;
            let shape = &module.instructions[parameter as usize].shape;
            let own = self.position(parameter, 0)?;
            self.hand_on((own, shape), operand)?;
        }
        Some(())
    }

    /// The position and the shape of a computation's result.
    fn root<'a>(&self, module: &'a Module, computation: u32) -> Option<(u32, &'a Shape)> {
        let root = module.computations[computation as usize].root;
        let shape = &module.instructions[root as usize].shape;
        Some((self.position(root, 0)?, shape))
    }

    fn add_call(&mut self, module: &Module, index: u32) -> Option<()> {
        let instruction = &module.instructions[index as usize];
        let own = self.position(index, 0)?;
        for &called in &instruction.called {
            self.enter(module, instruction, called)?;
            let root = self.root(module, called)?;
            self.hand_on((own, &instruction.shape), root)?;
        }
        Some(())
    }

    /// The state of a loop: what it begins with, the parameters of body and
    /// condition, the body's result and the loop's.
    fn add_loop(&mut self, module: &Module, index: u32) -> Option<()> {
        let instruction = &module.instructions[index as usize];
        let &[body, _] = &instruction.called[..] else {
            return None;
        };
        let (own, shape) = (self.position(index, 0)?, &instruction.shape);
        let (begin, of_begin) = self.operand(module, instruction, 0)?;
        let (result, of_result) = self.root(module, body)?;
        let length = shape.nodes();
        if of_begin != shape || of_result != shape {
            return None;
        }
        let edge = |target, source| Edge {
            target,
            source,
            length,
        };
        self.merged.push(edge(own, begin));
        self.tied.push(edge(own, result));
        for &called in &instruction.called {
            let parameter = module.computations[called as usize].parameter(0)?;
            if module.instructions[parameter as usize].shape != *shape {
                return None;
            }
            let parameter = self.position(parameter, 0)?;
            self.merged.push(edge(parameter, begin));
        }
        Some(())
    }

    /// The branches of a conditional give their results in one place.
    fn add_conditional(&mut self, module: &Module, index: u32) -> Option<()> {
        let instruction = &module.instructions[index as usize];
        let (own, shape) = (self.position(index, 0)?, &instruction.shape);
        for (branch, &called) in instruction.called.iter().enumerate() {
            if let Some(parameter) = module.computations[called as usize].parameter(0) {
                let of_parameter = &module.instructions[parameter as usize].shape;
                let operand = self.operand(module, instruction, branch + 1)?;
                let parameter = self.position(parameter, 0)?;
                self.hand_on((parameter, of_parameter), operand)?;
            }
            let (root, of_root) = self.root(module, called)?;
            if of_root != shape {
                return None;
            }
            let edge = Edge {
                target: own,
                source: root,
                length: shape.nodes(),
            };
            if branch == 0 {
                self.merged.push(edge);
            } else {
                self.tied.push(edge);
            }
        }
        Some(())
    }

    /// A result that takes the place of a parameter of the entry.
    fn add_donations(&mut self, module: &Module) {
        let entry = &module.computations[module.entry as usize];
        for donation in &module.donations {
            let of = |instruction: u32, index: &[u32]| {
                let (node, _) = module.instructions[instruction as usize].shape.at(index)?;
                self.position(instruction, node)
            };
            let parameter = entry.parameter(donation.parameter);
            let source = parameter.and_then(|parameter| of(parameter, &donation.index));
            if let (Some(target), Some(source)) = (of(entry.root, &donation.output), source) {
                self.donated.insert(source);
                self.overwritten.push(Edge {
                    target,
                    source,
                    length: 1,
                });
            }
        }
    }

    /// Makes positions of equal shapes the same values.
    fn hand_on(&mut self, target: (u32, &Shape), source: (u32, &Shape)) -> Option<()> {
        if target.1 != source.1 {
            return None;
        }
        self.same.push(Edge {
            target: target.0,
            source: source.0,
            length: source.1.nodes(),
        });
        Some(())
    }

    /// The same, without the tuples: they have values of their own.
    fn hand_on_leaves(&mut self, target: (u32, &Shape), source: (u32, &Shape)) -> Option<()> {
        if target.1.children().len() != source.1.children().len() {
            return None;
        }
        if *target.1 == Shape::Leaf {
            self.same.push(Edge {
                target: target.0,
                source: source.0,
                length: 1,
            });
        }
        for ((to, target_shape), (from, source_shape)) in
            target.1.children().iter().zip(source.1.children())
        {
            let target = (target.0 + to, target_shape);
            self.hand_on_leaves(target, (source.0 + from, source_shape))?;
        }
        Some(())
    }
}

/// Whether an instruction begins or ends something that runs beside others; its forms
/// change between versions of XLA.
fn is_asynchronous(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::AllReduceDone
            | Opcode::AllGatherStart
            | Opcode::AllGatherDone
            | Opcode::CollectivePermuteStart
            | Opcode::CollectivePermuteDone
            | Opcode::CopyStart
            | Opcode::CopyDone
            | Opcode::Send
            | Opcode::RecvDone
            | Opcode::AsyncStart
            | Opcode::AsyncUpdate
            | Opcode::AsyncDone
    )
}
