//! The `HloModuleProto` in a `*.hlo.pb`. Instructions and computations go by ids
//! there; the order in which they run is a list of its own.
//!
//! Source: `xla/service/hlo.proto` and `xla/xla_data.proto` of the repository
//! openxla/xla, whose numbers of fields these are.

use std::collections::HashMap;
use std::io::Read;

use super::{Aliasing, Computation, Donation, Instruction, Module, Opcode, Operand, Shape};
use crate::error::FormatError;
use crate::limits::DEPTH;
use crate::xla::wire::{Field, Message, Wire};

/// A module, and the instructions by the ids that they have in the file.
#[derive(Debug, Default)]
pub(in crate::xla) struct Linked {
    pub(in crate::xla) module: Module,
    pub(in crate::xla) ids: HashMap<u64, u32>,
}

/// Ids that stand for what may come later in the file.
#[derive(Default)]
struct Ids {
    /// Of each instruction: those of its operands and of what it calls.
    links: Vec<(Vec<u64>, Vec<u64>)>,
    instructions: HashMap<u64, u32>,
    computations: HashMap<u64, u32>,
    /// Of each computation that of its root.
    roots: Vec<Option<u64>>,
    entry: Option<u64>,
    /// Of computations, with the instructions as they run.
    sequences: Vec<(u64, Vec<u64>)>,
}

/// Reads an `HloModuleProto`. O(n).
pub(in crate::xla) fn module<R: Read>(
    wire: &mut Wire<R>,
    of: Message,
) -> Result<Linked, FormatError> {
    let mut module = Module::default();
    let mut ids = Ids::default();
    wire.each(of, |wire, number, field| {
        match number {
            3 => computation(wire, field, &mut module, &mut ids)?,
            6 => ids.entry = Some(wire.whole_number(field)?),
            7 => schedule(wire, field, &mut ids)?,
            8 => {
                let entries = wire.message(field)?;
                wire.each(entries, |wire, number, field| match number {
                    1 => {
                        let [output, parameter, index] = place_pair(wire, field)?;
                        module.donations.push(Donation {
                            output,
                            parameter: parameter.first().copied().unwrap_or(0),
                            index,
                        });
                        Ok(())
                    }
                    _ => wire.skip_field(field),
                })?;
            }
            _ => wire.skip_field(field)?,
        }
        Ok(())
    })?;
    link(wire, module, ids)
}

/// `HloComputationProto`
fn computation<R: Read>(
    wire: &mut Wire<R>,
    field: Field,
    module: &mut Module,
    ids: &mut Ids,
) -> Result<(), FormatError> {
    let message = wire.message(field)?;
    let index = u32::try_from(module.computations.len())
        .map_err(|_| wire.malformed("more than 2^32 computations"))?;
    let mut made = Computation::default();
    let (mut id, mut root) = (0, None);
    wire.each(message, |wire, number, field| {
        match number {
            1 => made.name = wire.name(field)?,
            2 => {
                let index = instruction(wire, field, module, ids)?;
                let read = &module.instructions[index as usize];
                if read.opcode == Opcode::Parameter {
                    made.parameters.push((read.number, index));
                }
                made.order.push(index);
            }
            5 => id = wire.whole_number(field)?,
            6 => root = Some(wire.whole_number(field)?),
            _ => wire.skip_field(field)?,
        }
        Ok(())
    })?;
    made.parameters.sort_unstable();
    if ids.computations.insert(id, index).is_some() {
        return Err(wire.malformed(format!("a second computation with the id {id}")));
    }
    ids.roots.push(root);
    module.computations.push(made);
    Ok(())
}

/// `HloInstructionProto`
fn instruction<R: Read>(
    wire: &mut Wire<R>,
    field: Field,
    module: &mut Module,
    ids: &mut Ids,
) -> Result<u32, FormatError> {
    let place = wire.place();
    let message = wire.message(field)?;
    let index = u32::try_from(module.instructions.len())
        .map_err(|_| wire.malformed("more than 2^32 instructions"))?;
    let mut made = Instruction {
        name: Box::default(),
        opcode: Opcode::Other,
        shape: Shape::Leaf,
        operands: Vec::new(),
        called: Vec::new(),
        number: 0,
        aliasing: Vec::new(),
        place,
    };
    let (mut id, mut parameter, mut element) = (0, 0, 0);
    let (mut operands, mut called) = (Vec::new(), Vec::new());
    wire.each(message, |wire, number, field| {
        match number {
            1 => made.name = wire.name(field)?,
            2 => made.opcode = Opcode::of_name(&wire.name(field)?),
            3 => made.shape = shape(wire, field, 0)?,
            9 => parameter = wire.small_number(field)?,
            13 => element = wire.small_number(field)?,
            35 => id = wire.whole_number(field)?,
            36 => wire.numbers(field, &mut operands)?,
            38 => wire.numbers(field, &mut called)?,
            43 => module.is_of_gpu |= is_of_gpu(wire, field)?,
            74 => {
                let [output, operand, index] = place_pair(wire, field)?;
                made.aliasing.push(Aliasing {
                    output,
                    operand: operand.first().copied().unwrap_or(0),
                    index,
                });
            }
            _ => wire.skip_field(field)?,
        }
        Ok(())
    })?;
    made.number = match made.opcode {
        Opcode::GetTupleElement => element,
        _ => parameter,
    };
    if !made.opcode.calls() {
        called.clear();
    }
    if ids.instructions.insert(id, index).is_some() {
        return Err(wire.malformed(format!("a second instruction with the id {id}")));
    }
    ids.links.push((operands, called));
    module.instructions.push(made);
    Ok(index)
}

/// Whether the settings of an instruction are those of XLA's GPU compiler.
fn is_of_gpu<R: Read>(wire: &mut Wire<R>, field: Field) -> Result<bool, FormatError> {
    let bytes = wire.message(field)?;
    if wire.length(bytes) > crate::limits::CELL as u64 {
        wire.skip(bytes)?;
        return Ok(false);
    }
    Ok(wire.text(field)?.contains(super::OF_GPU))
}

/// `ShapeProto`: `element_type` 13 is a tuple.
fn shape<R: Read>(wire: &mut Wire<R>, field: Field, depth: usize) -> Result<Shape, FormatError> {
    let message = wire.message(field)?;
    if depth > DEPTH {
        return Err(wire.malformed(format!("a shape of more than {DEPTH} levels")));
    }
    let (mut is_tuple, mut elements) = (false, Vec::new());
    wire.each(message, |wire, number, field| {
        match number {
            2 => is_tuple = wire.whole_number(field)? == 13,
            4 => elements.push(shape(wire, field, depth + 1)?),
            _ => wire.skip_field(field)?,
        }
        Ok(())
    })?;
    if !is_tuple {
        return Ok(Shape::Leaf);
    }
    Shape::tuple(elements).ok_or_else(|| wire.malformed("a shape of more than 2^32 nodes"))
}

/// `AliasEntryProto` and `OutputOperandAliasing`, which look alike: a tuple index,
/// a number, and another tuple index.
fn place_pair<R: Read>(wire: &mut Wire<R>, field: Field) -> Result<[Vec<u32>; 3], FormatError> {
    let message = wire.message(field)?;
    let mut parts: [Vec<u32>; 3] = Default::default();
    wire.each(message, |wire, number, field| match number {
        1..=3 => wire.small_numbers(field, &mut parts[number as usize - 1]),
        _ => wire.skip_field(field),
    })?;
    Ok(parts)
}

/// `HloScheduleProto`: a map from computations to sequences.
fn schedule<R: Read>(wire: &mut Wire<R>, field: Field, ids: &mut Ids) -> Result<(), FormatError> {
    let message = wire.message(field)?;
    wire.each(message, |wire, number, field| {
        if number != 1 {
            return wire.skip_field(field);
        }
        let (mut computation, mut sequence) = (0, Vec::new());
        let entry = wire.message(field)?;
        wire.each(entry, |wire, number, field| match number {
            1 => {
                computation = wire.whole_number(field)?;
                Ok(())
            }
            2 => {
                let list = wire.message(field)?;
                wire.each(list, |wire, number, field| match number {
                    1 => wire.numbers(field, &mut sequence),
                    _ => wire.skip_field(field),
                })
            }
            _ => wire.skip_field(field),
        })?;
        ids.sequences.push((computation, sequence));
        Ok(())
    })
}

/// Puts numbers for ids.
fn link<R: Read>(wire: &Wire<R>, mut module: Module, ids: Ids) -> Result<Linked, FormatError> {
    let instruction = |id: u64| {
        let found = ids.instructions.get(&id).copied();
        found.ok_or_else(|| wire.malformed(format!("no instruction with the id {id}")))
    };
    let computation = |id: u64| {
        let found = ids.computations.get(&id).copied();
        found.ok_or_else(|| wire.malformed(format!("no computation with the id {id}")))
    };
    for (made, (operands, called)) in module.instructions.iter_mut().zip(&ids.links) {
        for &id in operands {
            made.operands.push(Operand {
                instruction: instruction(id)?,
                element: Vec::new(),
            });
        }
        for &id in called {
            made.called.push(computation(id)?);
        }
    }
    for (made, root) in module.computations.iter_mut().zip(&ids.roots) {
        let root = root.ok_or_else(|| wire.malformed(format!("{} has no root", made.name)))?;
        made.root = instruction(root)?;
    }
    let entry = ids
        .entry
        .ok_or_else(|| wire.malformed("no entry computation"))?;
    module.entry = computation(entry)?;
    module.is_scheduled = !ids.sequences.is_empty();
    for (id, sequence) in &ids.sequences {
        let order: Result<Vec<u32>, FormatError> =
            sequence.iter().map(|&id| instruction(id)).collect();
        let order = order?;
        let index = computation(*id)? as usize;
        if order.len() != module.computations[index].order.len() {
            let name = &module.computations[index].name;
            return Err(wire.malformed(format!("the schedule of {name} lacks instructions")));
        }
        module.computations[index].order = order;
    }
    Ok(Linked {
        module,
        ids: ids.instructions,
    })
}
