//! `*-buffer-assignment.txt`: allocations, and the values in each.

use std::io::{BufReader, Read};

use super::FIRST_LINE;
use crate::error::{FormatError, Place};
use crate::limits;
use crate::units::whole_number;

/// One allocation.
#[derive(Debug)]
pub(super) struct Allocation {
    pub(super) number: u64,
    pub(super) size: u64,
    /// Whether it is the memory of temporaries, which XLA planned.
    pub(super) is_temp: bool,
    pub(super) values: Vec<Value>,
}

/// One value.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) number: u64,
    /// With the tuple index, as live ranges have it.
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) line: u64,
}

/// Reads all allocations.
pub(super) fn read(input: impl Read) -> Result<Vec<Allocation>, FormatError> {
    let mut allocations: Vec<Allocation> = Vec::new();
    let mut lines = limits::lines(BufReader::with_capacity(1 << 16, input));
    let (_, first) = lines.next().transpose()?.unwrap_or_default();
    if first.trim() != FIRST_LINE {
        let first: String = first.chars().take(60).collect();
        let what = format!("{first:?} stands where {FIRST_LINE:?} should");
        return Err(FormatError::malformed(Place::Line(1), what));
    }
    for line in lines {
        let (number, line) = line?;
        let text = line.trim();
        let bad = |expected: &str| {
            let text: String = text.chars().take(80).collect();
            let what = format!("{text:?} is not {expected}");
            FormatError::malformed(Place::Line(number), what)
        };
        if text.starts_with("allocation ") {
            let read = allocation(text);
            allocations.push(read.ok_or_else(|| bad("allocation NUMBER: size BYTES, ..."))?);
        } else if text.starts_with("value: ") {
            let expected = "value: <NUMBER NAME @N> (size=BYTES,offset=BYTES): SHAPE";
            let value = value(text, number).ok_or_else(|| bad(expected))?;
            let Some(last) = allocations.last_mut() else {
                return Err(bad("inside an allocation"));
            };
            last.values.push(value);
        } else if text.starts_with("Total bytes used") || text == "Used values:" {
            // Behind the allocations older versions tell of uses.
            break;
        }
    }
    Ok(allocations)
}

/// `allocation 32: size 181504, preallocated-temp:`
fn allocation(text: &str) -> Option<Allocation> {
    let (number, rest) = text.strip_prefix("allocation ")?.split_once(": size ")?;
    let (size, attributes) = match rest.split_once(", ") {
        Some((size, attributes)) => (size, attributes),
        None => (rest.trim_end_matches(':'), ""),
    };
    Some(Allocation {
        number: whole_number(number)?,
        size: whole_number(size)?,
        is_temp: attributes
            .split(", ")
            .any(|attribute| attribute.trim_end_matches(':') == "preallocated-temp"),
        values: Vec::new(),
    })
}

/// `value: <143 while.14{1} (phi) @0> (size=4096,offset=65536): f32[16,64]{1,0}`
fn value(text: &str, line: u64) -> Option<Value> {
    let (defined, place) = text.strip_prefix("value: <")?.split_once("> (size=")?;
    let (number, rest) = defined.split_once(' ')?;
    let (name, _) = rest.rsplit_once(" @")?;
    let name = name.strip_suffix(" (phi)").unwrap_or(name);
    let (size, rest) = place.split_once(",offset=")?;
    let (offset, _) = rest.split_once(')')?;
    Some(Value {
        number: whole_number(number)?,
        name: if name.ends_with('}') {
            name.to_owned()
        } else {
            format!("{name}{{}}")
        },
        size: whole_number(size)?,
        offset: whole_number(offset)?,
        line,
    })
}
