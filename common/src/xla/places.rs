//! Joins a buffer assignment with the module that it is of: which values the module
//! ties to one place, and when they are live.

use std::collections::HashMap;
use std::io::Read;

use super::assignment::{Allocation, Value};
use super::hlo::flow::Flow;
use super::hlo::{Module, text};
use super::live_range::LiveRanges;
use super::schedule::{self, Schedule};
use super::union::Sets;
use super::wire::Wire;
use super::{hlo, is_proto};
use crate::error::{FormatError, Place};

/// A module of XLA: what its instructions say about memory.
#[derive(Clone, Debug, Default)]
pub struct Hlo {
    module: Module,
    flow: Flow,
}

impl Hlo {
    /// Reads a module, the text (`*after_optimizations.txt`) or the protocol buffer
    /// (`*.hlo.pb`), to its end. O(n).
    ///
    /// # Errors
    /// [`FormatError`] with the line or the byte of what cannot be read, or does not
    /// fit what it takes.
    pub fn read(input: impl Read) -> Result<Hlo, FormatError> {
        let (is_proto, input) = is_proto(input)?;
        if !is_proto {
            return Hlo::of(text::read(input)?);
        }
        let mut wire = Wire::new(input);
        let mut module = None;
        wire.each(Wire::<Box<dyn Read>>::whole(), |wire, number, field| {
            if number != 1 {
                return wire.skip_field(field);
            }
            let message = wire.message(field)?;
            module = Some(hlo::proto::module(wire, message)?.module);
            Ok(())
        })?;
        Hlo::of(module.ok_or_else(|| wire.malformed("no HLO module in the file"))?)
    }

    pub(super) fn of(module: Module) -> Result<Hlo, FormatError> {
        let flow = Flow::of(&module)?;
        Ok(Hlo { module, flow })
    }

    /// Whether XLA's GPU compiler made the module, as far as its instructions tell.
    pub(super) fn is_of_gpu(&self) -> bool {
        self.module.is_of_gpu
    }

    /// The instruction and the node of its result that define a value.
    fn definition(&self, value: &Value) -> Option<(u32, u32)> {
        let instruction = match value.instruction {
            Some(instruction) => instruction,
            None => self.flow.named(value.defined_by())?,
        };
        let index = text::tuple_index(value.index())?;
        let shape = &self.module.instructions[instruction as usize].shape;
        Some((instruction, shape.at(&index)?.0))
    }
}

/// Where the values of an assignment stand in their module.
pub(super) struct Places<'a> {
    hlo: &'a Hlo,
    values: Vec<Placed<'a>>,
    /// Positions that are one value.
    same: Sets,
    /// Positions of one place of memory.
    tied: Sets,
}

/// A value with a position.
struct Placed<'a> {
    value: &'a Value,
    /// The allocation's number, and the offset in it.
    place: (u64, u64),
    definition: (u32, u32),
    position: u32,
}

impl<'a> Places<'a> {
    /// Finds the values of all allocations; `shares` are pairs of values, by their
    /// numbers, that XLA says lie in one place. Almost O(n).
    ///
    /// # Errors
    /// [`FormatError`] at a value that the module ties to one that lies elsewhere.
    pub(super) fn of(
        hlo: &'a Hlo,
        allocations: &'a [Allocation],
        shares: &[(u64, u64)],
    ) -> Result<Places<'a>, FormatError> {
        let mut values = Vec::new();
        let mut is_defined = vec![false; hlo.flow.count as usize];
        for allocation in allocations {
            for value in &allocation.values {
                let Some(definition) = hlo.definition(value) else {
                    continue;
                };
                let Some(position) = hlo.flow.position(definition.0, definition.1) else {
                    continue;
                };
                is_defined[position as usize] = true;
                values.push(Placed {
                    value,
                    place: (allocation.number, value.offset),
                    definition,
                    position,
                });
            }
        }
        let (same, tied) = sets(&hlo.flow, &is_defined, &values);
        let mut places = Places {
            hlo,
            values,
            same,
            tied,
        };
        places.share(shares);
        places.check()?;
        Ok(places)
    }

    fn share(&mut self, shares: &[(u64, u64)]) {
        let positions: HashMap<u64, u32> = self
            .values
            .iter()
            .map(|placed| (placed.value.number, placed.position))
            .collect();
        for (first, second) in shares {
            if let (Some(&first), Some(&second)) = (positions.get(first), positions.get(second)) {
                self.tied.join(first, second);
            }
        }
    }

    /// Values that are tied lie in one place, or the files are not of one module.
    fn check(&mut self) -> Result<(), FormatError> {
        let mut first_of: HashMap<u32, usize> = HashMap::new();
        for index in 0..self.values.len() {
            let set = self.tied.of(self.values[index].position);
            let first = &self.values[*first_of.entry(set).or_insert(index)];
            let other = &self.values[index];
            if first.place != other.place {
                let told = |placed: &Placed<'_>| {
                    let (allocation, offset) = placed.place;
                    format!("{:?} at {allocation}:{offset}", placed.value.name)
                };
                let what = format!(
                    "value {} lies apart from {}, and the HLO ties them: is it of the same module?",
                    told(other),
                    told(first)
                );
                return Err(FormatError::malformed(other.value.place, what));
            }
        }
        Ok(())
    }

    /// Of each value, by its number, which set of tied values it is of.
    pub(super) fn sets(&mut self) -> HashMap<u64, u32> {
        let tied = &mut self.tied;
        self.values
            .iter()
            .map(|placed| (placed.value.number, tied.of(placed.position)))
            .collect()
    }

    /// When the values are live, from the order of the module's instructions.
    ///
    /// # Errors
    /// [`FormatError`] that says why the order does not tell it for certain.
    pub(super) fn live_ranges(&mut self) -> Result<LiveRanges, FormatError> {
        let (module, flow) = (&self.hlo.module, &self.hlo.flow);
        let schedule = match flow.is_partial {
            true => Err("the HLO has asynchronous instructions of an unknown form"),
            false => Schedule::of(module),
        };
        let schedule = schedule.map_err(|why| {
            let what = format!("no live ranges, and {why}: name their file with --live-range");
            FormatError::malformed(Place::Line(1), what)
        })?;
        let ends = schedule.ends(module, flow, &mut self.same);
        let mut defined: HashMap<u32, usize> = HashMap::new();
        let mut by_place: HashMap<u32, Vec<(u64, u64, u64)>> = HashMap::new();
        for (index, placed) in self.values.iter().enumerate() {
            let value = self.same.of(placed.position);
            if let Some(other) = defined.insert(value, index) {
                let name = &self.values[other].value.name;
                let what = format!("values {name} and {} are one in the HLO", placed.value.name);
                return Err(FormatError::malformed(placed.value.place, what));
            }
            let last = ends[value as usize];
            if let Some((from, to)) = schedule.range(module, flow, placed.definition, last) {
                let of_place = by_place.entry(self.tied.of(placed.position)).or_default();
                of_place.push((from, to, placed.value.number));
            }
        }
        let mut ranges: HashMap<u64, (u64, u64)> = HashMap::new();
        for mut of_place in by_place.into_values() {
            schedule::cut(&mut of_place);
            ranges.extend(
                of_place
                    .iter()
                    .map(|&(from, to, number)| (number, (from, to + 1))),
            );
        }
        let named = self.values.iter().filter_map(|placed| {
            let range = ranges.get(&placed.value.number)?;
            Some((placed.value.name.clone(), *range))
        });
        Ok(named.collect())
    }
}

/// The positions of one value, and those of one place.
fn sets(flow: &Flow, is_defined: &[bool], values: &[Placed<'_>]) -> (Sets, Sets) {
    let mut same = Sets::new(flow.count);
    for edge in &flow.same {
        same.join_ranges(edge.target, edge.source, edge.length);
    }
    for edge in &flow.merged {
        for node in 0..edge.length {
            if !is_defined[(edge.target + node) as usize] {
                same.join(edge.target + node, edge.source + node);
            }
        }
    }
    let mut tied = same.clone();
    for edge in flow.merged.iter().chain(&flow.tied) {
        tied.join_ranges(edge.target, edge.source, edge.length);
    }
    let place_of: HashMap<u32, (u64, u64)> = values
        .iter()
        .map(|placed| (same.of(placed.position), placed.place))
        .collect();
    for edge in &flow.overwritten {
        for node in 0..edge.length {
            let (target, source) = (edge.target + node, edge.source + node);
            let place = |same: &mut Sets, position| place_of.get(&same.of(position)).copied();
            if place(&mut same, target) == place(&mut same, source) {
                tied.join(target, source);
            }
        }
    }
    (same, tied)
}
