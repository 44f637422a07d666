//! `*-buffer-assignment.txt`: allocations, and the values in each. Behind them,
//! versions of XLA before that of jax 0.10 tell how each value is used, and then
//! when it is live.

use std::io::{BufReader, Read};

use super::FIRST_LINE;
use super::live_range::{Lines, LiveRanges};
use crate::error::{FormatError, Place};
use crate::limits;
use crate::units::whole_number;

/// What an assignment says.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    pub(super) allocations: Vec<Allocation>,
    /// Where the file has them.
    pub(super) live_ranges: Option<LiveRanges>,
    /// Pairs of values, by their numbers, of which the second lies where the first
    /// lies: what a protocol buffer says.
    pub(super) shares: Vec<(u64, u64)>,
}

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
    /// With the tuple index, as live ranges have it: `while.3{0,1}`.
    pub(super) name: String,
    /// Whether it is one of several values, as what a loop carries.
    pub(super) is_phi: bool,
    /// The instruction that defines it, where its number is known.
    pub(super) instruction: Option<u32>,
    pub(super) size: u64,
    pub(super) offset: u64,
    pub(super) place: Place,
}

impl Value {
    /// The name of the instruction that defines it.
    pub(super) fn defined_by(&self) -> &str {
        self.split().0
    }

    /// Its tuple index there: `{0,1}`.
    pub(super) fn index(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let at = self.name.rfind('{').unwrap_or(self.name.len());
        self.name.split_at(at)
    }
}

/// Reads an assignment. O(n).
pub(super) fn read(input: impl Read) -> Result<Assignment, FormatError> {
    let mut read = Assignment::default();
    let mut lines = limits::lines(BufReader::with_capacity(1 << 16, input));
    let (_, first) = lines.next().transpose()?.unwrap_or_default();
    if first.trim() != FIRST_LINE {
        let first: String = first.chars().take(60).collect();
        let what = format!("{first:?} stands where {FIRST_LINE:?} should");
        return Err(FormatError::malformed(Place::Line(1), what));
    }
    let mut behind = None;
    for line in lines {
        let (number, line) = line?;
        let text = line.trim();
        let bad = |expected: &str| {
            let text: String = text.chars().take(80).collect();
            let what = format!("{text:?} is not {expected}");
            FormatError::malformed(Place::Line(number), what)
        };
        if let Some(ranges) = &mut behind {
            Lines::take(ranges, text, number)?;
        } else if text.starts_with("allocation ") {
            let allocation = allocation(text);
            let allocation = allocation.ok_or_else(|| bad("allocation NUMBER: size BYTES, ..."))?;
            read.allocations.push(allocation);
        } else if text.starts_with("value: ") {
            let expected = "value: <NUMBER NAME @N> (size=BYTES,offset=BYTES): SHAPE";
            let value = value(text, number).ok_or_else(|| bad(expected))?;
            let Some(last) = read.allocations.last_mut() else {
                return Err(bad("inside an allocation"));
            };
            last.values.push(value);
        } else if text.starts_with("Total bytes used") || text == "Used values:" {
            behind = Some(Lines::default());
        }
    }
    read.live_ranges = behind.and_then(Lines::finish);
    Ok(read)
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
    let (name, is_phi) = match name.strip_suffix(" (phi)") {
        Some(name) => (name, true),
        None => (name, false),
    };
    let (size, rest) = place.split_once(",offset=")?;
    let (offset, _) = rest.split_once(')')?;
    Some(Value {
        number: whole_number(number)?,
        name: if name.ends_with('}') {
            name.to_owned()
        } else {
            format!("{name}{{}}")
        },
        is_phi,
        instruction: None,
        size: whole_number(size)?,
        offset: whole_number(offset)?,
        place: Place::Line(line),
    })
}
