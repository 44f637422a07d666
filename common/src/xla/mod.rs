//! XLA's dump of how it laid out the buffers of one module (`--xla_dump_to=DIR
//! --xla_dump_hlo_as_text`), which two files tell together:
//! `*-buffer-assignment.txt` has the allocations with their values, each with a
//! size and an offset in bytes, and `*-live-range.txt` the values' live ranges,
//! in positions of the instruction sequence, ends inclusive. They are joined by
//! name and tuple index (`dot.1{}`, `while.3{0,1}`).
//!
//! The allocation marked `preallocated-temp` is the planning problem that XLA
//! solved. Its values become jobs: the value's number is the id; the offset is
//! the placement that XLA chose.
//!
//! **Aliases.** Where an instruction writes over its operand, or a loop carries
//! a value, several values with overlapping ranges have one offset: they are one
//! piece of memory. Such values of one size become one job, whose lifetime is
//! the union of theirs (an interval, as they overlap one after another) and
//! whose id is the lowest of theirs: at each instant the same bytes are taken as
//! before, so no conflict with others appears or goes. Where sizes differ, the
//! jobs that come of it share a `group`, which ties them to one offset without a
//! conflict among them. Values of one offset whose ranges do not overlap stay
//! apart: nothing tells an alias from memory used again.
//!
//! **Alignment** is not in the dump: it is taken to be 64 bytes, as XLA's CPU
//! compiler has it, or less where an offset is no multiple of that.

mod assignment;
mod live_range;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{FormatError, Place};
use crate::job::Job;
use crate::layout::Layout;
use crate::limits::CELL;
use crate::row::{Row, Rows};
use crate::text::counted;
use crate::units::whole_number;

pub use self::live_range::LiveRanges;

use self::assignment::{Allocation, Value};

/// How the first line of a buffer assignment begins.
pub const FIRST_LINE: &str = "BufferAssignment:";

/// The alignment in bytes of XLA's CPU compiler.
const ALIGNMENT: u64 = 64;

/// Which allocations to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Those marked `preallocated-temp`.
    #[default]
    Temp,
    /// One, by its number.
    Number(u64),
    /// All whose values have live ranges: constants' and threads' may have none.
    All,
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "temp" => Ok(Choice::Temp),
            "all" => Ok(Choice::All),
            number => whole_number(number)
                .map(Choice::Number)
                .ok_or_else(|| format!("{number:?}: use temp, all or an allocation's number")),
        }
    }
}

impl Choice {
    fn takes(self, allocation: &Allocation) -> bool {
        match self {
            Choice::Temp => allocation.is_temp,
            Choice::Number(number) => allocation.number == number,
            Choice::All => true,
        }
    }
}

/// Where the live ranges that belong to a buffer assignment lie: beside it.
/// `None` where the name does not hold `buffer-assignment`.
pub fn live_range_beside(assignment: &Path) -> Option<PathBuf> {
    let name = assignment.file_name()?.to_str()?;
    let at = name.rfind("buffer-assignment")?;
    let (before, behind) = (&name[..at], &name[at + "buffer-assignment".len()..]);
    Some(assignment.with_file_name(format!("{before}live-range{behind}")))
}

/// The jobs of a buffer assignment: allocation by allocation, by offset.
#[derive(Debug)]
pub struct Reader {
    rows: std::vec::IntoIter<Row>,
    layout: Layout,
    notes: Vec<String>,
}

impl Reader {
    /// Reads `input`, a `*-buffer-assignment.txt`, to its end. O(n log n).
    ///
    /// # Errors
    /// [`FormatError`] with the line of what cannot be read, of a value without
    /// a live range, or that no allocation is of this choice.
    pub fn new(
        input: impl Read,
        ranges: &LiveRanges,
        choice: Choice,
    ) -> Result<Reader, FormatError> {
        let allocations = assignment::read(input)?;
        let numbers = allocations.iter().map(|allocation| allocation.number).max();
        let mut chosen = allocations;
        chosen.retain(|allocation| choice.takes(allocation));
        if chosen.is_empty() {
            return Err(nothing_chosen(choice, numbers));
        }
        let mut made = Making {
            ranges,
            choice,
            one: chosen.len() == 1,
            rows: Vec::new(),
            groups: false,
            without_range: 0,
            without_bytes: 0,
            aliases: 0,
        };
        let mut notes = Vec::new();
        for allocation in &chosen {
            notes.extend(made.add(allocation)?);
        }
        notes.extend(made.notes());
        let mut columns = vec!["id", "lower", "upper", "size", "alignment", "heap"];
        columns.extend(made.groups.then_some("group"));
        columns.push("name");
        Ok(Reader {
            rows: made.rows.into_iter(),
            layout: Layout::of(&columns),
            notes,
        })
    }
}

impl Rows for Reader {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        Ok(self.rows.next())
    }

    fn layout(&self) -> Option<&Layout> {
        Some(&self.layout)
    }

    fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }
}

fn nothing_chosen(choice: Choice, highest: Option<u64>) -> FormatError {
    let Some(highest) = highest else {
        return FormatError::malformed(Place::Line(1), "no allocation in the file");
    };
    let what = match choice {
        Choice::Number(number) => format!("no allocation {number}: they go up to {highest}"),
        _ => "no preallocated-temp allocation: choose another, by its number, or all".to_owned(),
    };
    FormatError::malformed(Place::Line(1), what)
}

/// A value and its live range.
struct Ranged<'a> {
    value: &'a Value,
    birth: u64,
    death: u64,
}

/// Jobs in the making, from allocation to allocation.
struct Making<'a> {
    ranges: &'a LiveRanges,
    choice: Choice,
    one: bool,
    rows: Vec<Row>,
    groups: bool,
    without_range: u64,
    without_bytes: u64,
    aliases: u64,
}

impl Making<'_> {
    /// Adds an allocation's jobs; tells if they do not fill it.
    fn add(&mut self, allocation: &Allocation) -> Result<Option<String>, FormatError> {
        let mut by_offset: BTreeMap<u64, Vec<Ranged<'_>>> = BTreeMap::new();
        let mut top = 0;
        for value in &allocation.values {
            let Some((birth, death)) = self.ranges.of(&value.name) else {
                if self.choice == Choice::All {
                    self.without_range += 1;
                    continue;
                }
                let what = format!("value {:?} has no live range", value.name);
                return Err(FormatError::malformed(Place::Line(value.line), what));
            };
            top = top.max(value.offset.saturating_add(value.size));
            if value.size == 0 {
                self.without_bytes += 1;
                continue;
            }
            by_offset.entry(value.offset).or_default().push(Ranged {
                value,
                birth,
                death,
            });
        }
        let alignment = by_offset
            .keys()
            .map(|offset| 1 << offset.trailing_zeros().min(ALIGNMENT.ilog2()))
            .fold(ALIGNMENT, u64::min);
        let heap = if self.one { 0 } else { allocation.number };
        for values in by_offset.into_values() {
            self.add_offset(values, alignment, heap);
        }
        let (number, size) = (allocation.number, allocation.size);
        Ok((self.choice != Choice::All && top != size).then(|| {
            let size = counted(size, "byte");
            format!("allocation {number} is of {size}, but its values end at {top}")
        }))
    }

    /// Adds the jobs of the values that share an offset.
    fn add_offset(&mut self, mut values: Vec<Ranged<'_>>, alignment: u64, heap: u64) {
        values.sort_by_key(|value| (value.birth, value.value.number));
        let mut values = values.into_iter().peekable();
        while let Some(first) = values.next() {
            // All that overlap, one after another.
            let mut death = first.death;
            let mut linked = vec![first];
            while let Some(next) = values.next_if(|next| next.birth < death) {
                death = death.max(next.death);
                linked.push(next);
            }
            self.add_linked(&linked, alignment, heap);
        }
    }

    fn add_linked(&mut self, linked: &[Ranged<'_>], alignment: u64, heap: u64) {
        let from = self.rows.len();
        for of_size in by_size(linked) {
            let mut values = of_size.into_iter().peekable();
            while let Some(first) = values.next() {
                let mut row = row(first, alignment, heap);
                let mut names = first.value.name.clone();
                while let Some(alias) = values.next_if(|next| next.birth < row.job.death) {
                    self.aliases += 1;
                    take_in(&mut row, alias);
                    add_name(&mut names, &alias.value.name);
                }
                row.unknown = vec![names.into()];
                self.rows.push(row);
            }
        }
        let rows = &mut self.rows[from..];
        if rows.len() > 1 {
            self.groups = true;
            let group: Box<str> = linked[0].value.name.as_str().into();
            for row in rows {
                row.job.extras_mut().group = Some(group.clone());
            }
        }
    }

    fn notes(&self) -> impl Iterator<Item = String> + use<> {
        [
            (self.aliases, "joined to the job of an alias"),
            (self.without_bytes, "of no bytes: left out"),
            (self.without_range, "without a live range: left out"),
        ]
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, what)| format!("{} {what}", counted(count, "value")))
    }
}

/// Values in groups of one size, each by birth.
fn by_size<'a, 'b>(values: &'a [Ranged<'b>]) -> Vec<Vec<&'a Ranged<'b>>> {
    let mut groups: BTreeMap<u64, Vec<&Ranged<'_>>> = BTreeMap::new();
    for value in values {
        groups.entry(value.value.size).or_default().push(value);
    }
    groups.into_values().collect()
}

fn row(ranged: &Ranged<'_>, alignment: u64, heap: u64) -> Row {
    let value = ranged.value;
    let mut job = Job::new(value.number, ranged.birth, ranged.death, value.size);
    job.alignment = alignment;
    job.heap = heap;
    Row {
        job,
        offset: Some(value.offset),
        place: Place::Line(value.line),
        unknown: Vec::new(),
    }
}

/// Makes an alias a part of its job.
fn take_in(row: &mut Row, alias: &Ranged<'_>) {
    row.job.death = row.job.death.max(alias.death);
    let number = crate::job::JobId::Number(alias.value.number);
    if number < row.job.id {
        row.job.id = number;
        row.place = Place::Line(alias.value.line);
    }
}

/// Adds the name of an alias to those of its job, up to what one cell may hold.
fn add_name(names: &mut String, name: &str) {
    if names.len() + 1 + name.len() <= CELL {
        names.extend([" ", name]);
    }
}
