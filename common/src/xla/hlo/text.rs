//! The text of a module: `*after_optimizations.txt`.
//!
//! ```text
//! HloModule jit_f, is_scheduled=true, input_output_alias={ {0}: (1, {}, may-alias) }, ...
//!
//! %body (p: (s32[], f32[8])) -> (s32[], f32[8]) {
//!   %p = (s32[], f32[8]{0}) parameter(0)
//!   %i = s32[] get-tuple-element(%p), index=0, metadata={op_name="i"}
//!   ...
//!   ROOT %t = (s32[], f32[8]{0}) tuple(%j, %fusion)
//! }
//!
//! ENTRY %main (...) -> (s32[], f32[8]) { ... }
//! ```
//!
//! Versions differ in the `%` before names, in types before operands
//! (`add(f32[] %a, f32[] %b)`), and in `%p#1` for the element of a tuple, which
//! takes the place of a get-tuple-element.

use std::collections::HashMap;
use std::io::{BufReader, Read};

use super::pieces::{Pieces, closed};
use super::{Aliasing, Computation, Donation, Instruction, Module, Opcode, Operand, Shape};
use crate::error::{FormatError, Place};
use crate::limits;
use crate::units::whole_number;

/// How the text begins.
pub(in crate::xla) const FIRST_WORD: &str = "HloModule";

/// Reads a module. O(n).
pub(in crate::xla) fn read(input: impl Read) -> Result<Module, FormatError> {
    let mut reader = Reader::default();
    let mut lines = limits::lines(BufReader::with_capacity(1 << 16, input));
    let (_, first) = lines.next().transpose()?.unwrap_or_default();
    reader.header(&first)?;
    let mut last = 1;
    for line in lines {
        let (number, line) = line?;
        last = number;
        reader.line(line.trim(), number)?;
    }
    reader.finish(last)
}

fn malformed(line: u64, what: impl Into<String>) -> FormatError {
    FormatError::malformed(Place::Line(line), what)
}

/// The beginning of a text, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// A module while it is read.
#[derive(Default)]
struct Reader {
    module: Module,
    /// The instructions of the computation that is read, by name.
    names: HashMap<Box<str>, u32>,
    open: bool,
    has_root: bool,
    entry: Option<u32>,
    /// The computations that each instruction calls, by name, and its line.
    calls: Vec<(u32, u64, Vec<Box<str>>)>,
}

impl Reader {
    fn header(&mut self, line: &str) -> Result<(), FormatError> {
        let line = line.trim_start_matches('\u{feff}').trim();
        let Some(rest) = line.strip_prefix(FIRST_WORD) else {
            let what = format!("{:?} stands where \"{FIRST_WORD}\" should", shortened(line));
            return Err(malformed(1, what));
        };
        for (key, value) in attributes(rest) {
            match key {
                "is_scheduled" => self.module.is_scheduled = value == "true",
                "input_output_alias" => {
                    let donations = pairs(value).map(|pair| {
                        let (output, parameter, index) = pair?;
                        Some(Donation {
                            output,
                            parameter,
                            index,
                        })
                    });
                    let donations: Option<Vec<_>> = donations.collect();
                    self.module.donations = donations.ok_or_else(|| {
                        let what = format!("input_output_alias {:?}", shortened(value));
                        malformed(1, what + " is not { {OUTPUT}: (PARAMETER, {INDEX}), ... }")
                    })?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &str, number: u64) -> Result<(), FormatError> {
        if !self.open {
            // Between computations stand tables of files and functions, too.
            if line.ends_with('{') {
                self.begin(line, number)?;
            }
            return Ok(());
        }
        if line.starts_with('}') {
            if !self.has_root {
                return Err(malformed(number, "a computation without a ROOT ends"));
            }
            self.open = false;
        } else if !line.is_empty() {
            self.instruction(line, number)?;
        }
        Ok(())
    }

    fn begin(&mut self, line: &str, number: u64) -> Result<(), FormatError> {
        let (is_entry, rest) = match line.strip_prefix("ENTRY ") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let name = rest.split([' ', '(', '{']).next().unwrap_or_default();
        let name = name.trim_start_matches('%');
        if is_entry {
            let index = self.module.computations.len();
            let index = u32::try_from(index).map_err(|_| malformed(number, TOO_MANY))?;
            if self.entry.replace(index).is_some() {
                return Err(malformed(number, "a second ENTRY computation"));
            }
        }
        self.module.computations.push(Computation {
            name: name.into(),
            ..Computation::default()
        });
        self.names.clear();
        (self.open, self.has_root) = (true, false);
        Ok(())
    }

    fn instruction(&mut self, line: &str, number: u64) -> Result<(), FormatError> {
        let bad = || {
            let what = format!("{:?} is not NAME = SHAPE OPCODE(...)", shortened(line));
            malformed(number, what)
        };
        let index = u32::try_from(self.module.instructions.len());
        let index = index.map_err(|_| malformed(number, TOO_MANY))?;
        let (is_root, rest) = match line.strip_prefix("ROOT ") {
            Some(rest) => (true, rest),
            None => (false, line),
        };
        let (name, rest) = rest.split_once(" = ").ok_or_else(bad)?;
        let name = name.trim_start_matches('%');
        let (shape, rest) = shape(rest, 0).ok_or_else(bad)?;
        let (opcode, rest) = rest.split_once('(').ok_or_else(bad)?;
        let (inside, rest) = closed(rest).ok_or_else(bad)?;
        let kind = Opcode::of_name(opcode.trim());
        let mut made = Instruction {
            name: name.into(),
            opcode: kind,
            shape,
            operands: Vec::new(),
            called: Vec::new(),
            number: 0,
            aliasing: Vec::new(),
            place: Place::Line(number),
        };
        match opcode.trim() {
            "parameter" => made.number = small_number(inside.trim()).ok_or_else(bad)?,
            "constant" => {}
            _ => made.operands = self.operands(inside, number)?,
        }
        let mut called = Called::default();
        for (key, value) in attributes(rest) {
            match key {
                "index" if kind == Opcode::GetTupleElement => {
                    made.number = small_number(value).ok_or_else(bad)?;
                }
                "output_to_operand_aliasing" => {
                    let read: Option<Vec<_>> = pairs(value).map(aliasing).collect();
                    made.aliasing = read.ok_or_else(bad)?;
                }
                "backend_config" => self.module.is_of_gpu |= value.contains(super::OF_GPU),
                _ if kind.calls() => called.take(key, value),
                _ => {}
            }
        }
        if !called.0.is_empty() {
            self.calls.push((index, number, called.names()));
        }
        let parameter = (made.opcode == Opcode::Parameter).then_some(made.number);
        self.module.instructions.push(made);
        self.add(index, parameter, is_root, number)?;
        if self.names.insert(name.into(), index).is_some() {
            let what = format!("a second instruction {name} of its computation");
            return Err(malformed(number, what));
        }
        Ok(())
    }

    /// Adds an instruction to the computation that is read.
    fn add(
        &mut self,
        index: u32,
        parameter: Option<u32>,
        is_root: bool,
        line: u64,
    ) -> Result<(), FormatError> {
        let Some(computation) = self.module.computations.last_mut() else {
            return Ok(());
        };
        computation.order.push(index);
        if let Some(number) = parameter {
            computation.parameters.push((number, index));
        }
        if is_root {
            if self.has_root {
                return Err(malformed(line, "a second ROOT of its computation"));
            }
            computation.root = index;
            self.has_root = true;
        }
        Ok(())
    }

    /// `f32[8]{0} %a, /*index=1*/%b, %tuple#2`
    fn operands(&mut self, inside: &str, line: u64) -> Result<Vec<Operand>, FormatError> {
        let mut operands = Vec::new();
        for piece in Pieces::of(inside) {
            let word = piece.rsplit([' ', '/']).next().unwrap_or_default();
            let mut parts = word.trim_start_matches('%').split('#');
            let name = parts.next().unwrap_or_default();
            let element: Option<Vec<u32>> = parts.map(small_number).collect();
            let (Some(&instruction), Some(element)) = (self.names.get(name), element) else {
                let what = format!("operand {:?} is not defined above", shortened(piece));
                return Err(malformed(line, what));
            };
            self.module.has_hidden |= !element.is_empty();
            operands.push(Operand {
                instruction,
                element,
            });
        }
        Ok(operands)
    }

    fn finish(mut self, last: u64) -> Result<Module, FormatError> {
        if self.open {
            return Err(malformed(last, "the text ends inside a computation"));
        }
        self.module.entry = self
            .entry
            .ok_or_else(|| malformed(last, "no ENTRY computation"))?;
        let mut numbers = HashMap::new();
        for (index, computation) in (0..).zip(&mut self.module.computations) {
            computation.parameters.sort_unstable();
            numbers.insert(computation.name.clone(), index);
        }
        for (instruction, line, names) in self.calls {
            for name in names {
                let Some(&number) = numbers.get(&name) else {
                    let what = format!("no computation {name} in the module");
                    return Err(malformed(line, what));
                };
                self.module.instructions[instruction as usize]
                    .called
                    .push(number);
            }
        }
        Ok(self.module)
    }
}

const TOO_MANY: &str = "more than 2^32 instructions";

/// The computations that an instruction names, with what puts them in order.
#[derive(Default)]
struct Called<'a>(Vec<(u8, &'a str)>);

impl<'a> Called<'a> {
    fn take(&mut self, key: &str, value: &'a str) {
        let rank = match key {
            "body" | "true_computation" | "to_apply" | "calls" => 0,
            "condition" | "false_computation" => 1,
            "branch_computations" => {
                let inside = value
                    .strip_prefix('{')
                    .and_then(|rest| rest.strip_suffix('}'));
                let names = Pieces::of(inside.unwrap_or(value));
                self.0.extend(names.map(|name| (0, name)));
                return;
            }
            _ => return,
        };
        self.0.push((rank, value));
    }

    fn names(mut self) -> Vec<Box<str>> {
        self.0.sort_by_key(|&(rank, _)| rank);
        let names = self.0.into_iter();
        names
            .map(|(_, name)| name.trim_start_matches('%').into())
            .collect()
    }
}

/// A shape, and what stands behind it: `(f32[8,8]{1,0:T(8,128)}, /*index=1*/s32[])`.
fn shape(text: &str, depth: usize) -> Option<(Shape, &str)> {
    let text = text.trim_start();
    let Some(mut rest) = text.strip_prefix('(') else {
        let mut level = 0usize;
        let end = text.bytes().position(|byte| {
            match byte {
                b'[' | b'{' | b'(' => level += 1,
                b']' | b'}' | b')' if level > 0 => level -= 1,
                b' ' | b',' | b')' if level == 0 => return true,
                _ => {}
            }
            false
        })?;
        return (end > 0).then(|| (Shape::Leaf, &text[end..]));
    };
    if depth == limits::DEPTH {
        return None;
    }
    let mut elements = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix(')') {
            return Some((Shape::tuple(elements)?, rest));
        }
        if !elements.is_empty() {
            rest = rest.strip_prefix(',')?.trim_start();
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
        }
        let (element, behind) = shape(rest, depth + 1)?;
        elements.push(element);
        rest = behind;
    }
}

/// `, key=value, other={...}`
fn attributes(text: &str) -> impl Iterator<Item = (&str, &str)> {
    Pieces::of(text).filter_map(|piece| piece.split_once('='))
}

/// Of `{ {0}: (1, {2}, may-alias), {}: (0, {}) }` each output, number and index.
fn pairs(value: &str) -> impl Iterator<Item = Option<(Vec<u32>, u32, Vec<u32>)>> {
    let inside = value
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let inside = inside.unwrap_or(value);
    Pieces::of(inside).map(|piece| {
        let (output, rest) = piece.split_once(':')?;
        let rest = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        let mut parts = Pieces::of(rest);
        let number = small_number(parts.next()?)?;
        Some((tuple_index(output)?, number, tuple_index(parts.next()?)?))
    })
}

fn aliasing(pair: Option<(Vec<u32>, u32, Vec<u32>)>) -> Option<Aliasing> {
    let (output, operand, index) = pair?;
    Some(Aliasing {
        output,
        operand,
        index,
    })
}

/// `{0,1}`
pub(in crate::xla) fn tuple_index(text: &str) -> Option<Vec<u32>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    if inside.is_empty() {
        return Some(Vec::new());
    }
    inside
        .split(',')
        .map(|part| small_number(part.trim()))
        .collect()
}

fn small_number(text: &str) -> Option<u32> {
    u32::try_from(whole_number(text)?).ok()
}
