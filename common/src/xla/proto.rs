//! `*.hlo.pb`, an `HloProto`: a module, and the assignment of its buffers, which the
//! text has in two files. An assignment has logical buffers (values, each with a
//! size), allocations (with the values in each, and their offsets) and traces of the
//! heap that XLA simulated, which say which values share the place of another.
//!
//! Source: `xla/service/hlo.proto` of the repository openxla/xla, whose numbers of
//! fields these are.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read;

use super::assignment::{Allocation, Assignment, Value};
use super::hlo::proto::{self, Linked};
use super::places::Hlo;
use super::wire::{Field, Wire};
use crate::error::{FormatError, Place};

/// A logical buffer.
struct Buffer {
    number: u64,
    size: u64,
    instruction: u64,
    index: Vec<u32>,
    place: Place,
}

#[derive(Default)]
struct Parts {
    linked: Option<Linked>,
    has_assignment: bool,
    buffers: Vec<Buffer>,
    assignment: Assignment,
    /// Of each value in an allocation: the allocation, its number and its offset.
    assigned: Vec<(usize, u64, u64)>,
}

/// Reads an assignment and its module. O(n).
pub(super) fn read(input: impl Read) -> Result<(Assignment, Hlo), FormatError> {
    let mut wire = Wire::new(input);
    let mut parts = Parts::default();
    wire.each(Wire::<&[u8]>::whole(), |wire, number, field| {
        match number {
            1 => {
                let message = wire.message(field)?;
                parts.linked = Some(proto::module(wire, message)?);
            }
            3 => {
                parts.has_assignment = true;
                assignment(wire, field, &mut parts)?;
            }
            _ => wire.skip_field(field)?,
        }
        Ok(())
    })?;
    let linked = parts.linked.take();
    let linked = linked.ok_or_else(|| wire.malformed("no HLO module in the file"))?;
    if !parts.has_assignment {
        let what = "no buffer assignment in the file: take the *after_optimizations.hlo.pb";
        return Err(wire.malformed(what));
    }
    let assignment = parts.finish(&linked)?;
    Ok((assignment, Hlo::of(linked.module)?))
}

/// `BufferAssignmentProto`
fn assignment<R: Read>(
    wire: &mut Wire<R>,
    field: Field,
    parts: &mut Parts,
) -> Result<(), FormatError> {
    let message = wire.message(field)?;
    wire.each(message, |wire, number, field| match number {
        1 => buffer(wire, field, parts),
        3 => allocation(wire, field, parts),
        4 => {
            let trace = wire.message(field)?;
            wire.each(trace, |wire, number, field| match number {
                1 => event(wire, field, parts),
                _ => wire.skip_field(field),
            })
        }
        _ => wire.skip_field(field),
    })
}

/// `LogicalBufferProto`
fn buffer<R: Read>(wire: &mut Wire<R>, field: Field, parts: &mut Parts) -> Result<(), FormatError> {
    let place = wire.place();
    let message = wire.message(field)?;
    let (mut number_of, mut size, mut instruction, mut index) = (0, 0, 0, Vec::new());
    wire.each(message, |wire, number, field| match number {
        1 => wire.whole_number(field).map(|number| number_of = number),
        2 => wire.whole_number(field).map(|bytes| size = bytes),
        3 => {
            let location = wire.message(field)?;
            wire.each(location, |wire, number, field| match number {
                3 => wire.small_numbers(field, &mut index),
                4 => wire.whole_number(field).map(|id| instruction = id),
                _ => wire.skip_field(field),
            })
        }
        _ => wire.skip_field(field),
    })?;
    parts.buffers.push(Buffer {
        number: number_of,
        size,
        instruction,
        index,
        place,
    });
    Ok(())
}

/// `BufferAllocationProto`. What is neither of a thread, a parameter, a constant nor
/// the output is memory of temporaries.
fn allocation<R: Read>(
    wire: &mut Wire<R>,
    field: Field,
    parts: &mut Parts,
) -> Result<(), FormatError> {
    let message = wire.message(field)?;
    let mut made = Allocation {
        number: 0,
        size: 0,
        is_temp: true,
        values: Vec::new(),
    };
    let at = parts.assignment.allocations.len();
    wire.each(message, |wire, number, field| {
        match number {
            1 => made.number = wire.whole_number(field)?,
            2 => made.size = wire.whole_number(field)?,
            3 | 5 | 7 | 12 => made.is_temp &= wire.whole_number(field)? == 0,
            9 => {
                let assigned = wire.message(field)?;
                let (mut value, mut offset) = (0, 0);
                wire.each(assigned, |wire, number, field| match number {
                    1 => wire.whole_number(field).map(|number| value = number),
                    2 => wire.whole_number(field).map(|bytes| offset = bytes),
                    _ => wire.skip_field(field),
                })?;
                parts.assigned.push((at, value, offset));
            }
            _ => wire.skip_field(field)?,
        }
        Ok(())
    })?;
    parts.assignment.allocations.push(made);
    Ok(())
}

/// `HeapSimulatorTrace.Event`
fn event<R: Read>(wire: &mut Wire<R>, field: Field, parts: &mut Parts) -> Result<(), FormatError> {
    let message = wire.message(field)?;
    let (mut kind, mut value, mut other) = (0, 0, 0);
    wire.each(message, |wire, number, field| match number {
        1 => wire.whole_number(field).map(|number| kind = number),
        2 => wire.whole_number(field).map(|number| value = number),
        5 => wire.whole_number(field).map(|number| other = number),
        _ => wire.skip_field(field),
    })?;
    // SHARE_WITH
    if kind == 2 {
        parts.assignment.shares.push((other, value));
    }
    Ok(())
}

impl Parts {
    /// The assignment as the text would have it.
    fn finish(mut self, linked: &Linked) -> Result<Assignment, FormatError> {
        let buffers: HashMap<u64, &Buffer> = self
            .buffers
            .iter()
            .map(|buffer| (buffer.number, buffer))
            .collect();
        for (allocation, number, offset) in self.assigned {
            let Some(&buffer) = buffers.get(&number) else {
                let what = format!("no logical buffer {number}, which an allocation holds");
                return Err(FormatError::malformed(Place::Byte(0), what));
            };
            let Some(&instruction) = linked.ids.get(&buffer.instruction) else {
                let id = buffer.instruction;
                let what = format!("no instruction {id}, which defines buffer {number}");
                return Err(FormatError::malformed(buffer.place, what));
            };
            let name = &linked.module.instructions[instruction as usize].name;
            self.assignment.allocations[allocation].values.push(Value {
                number,
                name: full_name(name, &buffer.index),
                is_phi: false,
                instruction: Some(instruction),
                size: buffer.size,
                offset,
                place: buffer.place,
            });
        }
        Ok(self.assignment)
    }
}

/// `while.3{0,1}`
fn full_name(instruction: &str, index: &[u32]) -> String {
    let mut name = format!("{instruction}{{");
    for (place, element) in index.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(name, "{comma}{element}");
    }
    name.push('}');
    name
}
