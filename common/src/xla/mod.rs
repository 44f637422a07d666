//! XLA's dump of how it laid out the buffers of one module (`--xla_dump_to=DIR
//! --xla_dump_hlo_as_text`, and `--xla_dump_hlo_as_proto`), as one of two files:
//!
//! - `*-buffer-assignment.txt` has the allocations with their values, each with a
//!   size and an offset in bytes. Other files beside it tell the rest: when values
//!   are live (`*-live-range.txt`; versions before that of jax 0.10 write it at the
//!   end of the assignment itself), and which must share a place (the module,
//!   `*after_optimizations.txt`). Values are found by name and tuple index
//!   (`dot.1{}`, `while.3{0,1}`).
//! - `*.hlo.pb`, a protocol buffer, has all of it.
//!
//! Live ranges are in positions of the instruction sequence, ends inclusive. Where
//! no file has them they follow from the module (`schedule.rs`).
//!
//! The allocation marked `preallocated-temp` is the planning problem that XLA
//! solved. Its values become jobs: the value's number is the id; the offset is
//! the placement that XLA chose.
//!
//! **Ties.** What a loop carries (its initial value, the parameters of body and
//! condition, the body's result, the loop's), the results of a conditional's
//! branches, and what is written over an operand that it must replace, lie in one
//! place by what the module means (`hlo/flow.rs`). Beside that XLA may choose to
//! write a result over an operand that dies there: the two overlap for one instant
//! and have one offset, and stay together. Values of one place and one size whose
//! ranges meet become one job, whose lifetime is the union of theirs and whose id is
//! the lowest of theirs: at each instant the same bytes are taken as before. What is
//! left, apart in time or of another size, shares a `group`: one offset, no conflict
//! among the members, and memory for others in between. Values of one offset that
//! are neither tied nor overlap are memory used again, and stay apart.
//!
//! Without a module nothing tells a tie from memory used again. Then all values of
//! one size at an offset at which a loop or a conditional carries one stay together,
//! which a note says: the placement can be used, but a better one may exist.
//!
//! **Alignment** is not in the dump: it is taken to be 64 bytes, as XLA's CPU
//! compiler has it, or 128, as its GPU compiler has it (where the file's name or the
//! module says so), or less where an offset is no multiple of that.

mod assignment;
mod hlo;
mod jobs;
mod live_range;
mod places;
mod proto;
mod schedule;
mod union;
mod wire;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::error::{FormatError, Place};
use crate::row::Listed;
use crate::units::whole_number;

pub use self::live_range::LiveRanges;
pub use self::places::Hlo;

use self::assignment::{Allocation, Assignment};
use self::jobs::{Made, Making};
use self::places::Places;

/// How the first line of a buffer assignment begins.
pub const FIRST_LINE: &str = "BufferAssignment:";

/// Which of XLA's compilers made a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Processors.
    Cpu,
    /// Graphics cards.
    Gpu,
}

impl Platform {
    /// What the usual name of a dump says: `NAME.cpu_after_optimizations-...`,
    /// `NAME.sm_8.0_gpu_after_optimizations-...`.
    pub fn of_path(path: &Path) -> Option<Platform> {
        let name = path.file_name()?.to_str()?;
        let says = |platform: &str| name.contains(&format!("{platform}_after_optimizations"));
        if says("gpu") {
            Some(Platform::Gpu)
        } else {
            says("cpu").then_some(Platform::Cpu)
        }
    }

    /// What offsets are multiples of, in bytes.
    fn alignment(self) -> u64 {
        match self {
            Platform::Cpu => 64,
            Platform::Gpu => 128,
        }
    }
}

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

/// What other files tell about a buffer assignment.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// When values are live: rather than what the assignment or the module says.
    pub live_ranges: Option<LiveRanges>,
    /// The module; a protocol buffer has its own.
    pub hlo: Option<Hlo>,
    /// The compiler, where it is known.
    pub platform: Option<Platform>,
}

/// Where the live ranges that belong to a dump may lie: beside it, in a file of their
/// own, or, of a protocol buffer, at the end of the assignment's text.
pub fn live_range_beside(dump: &Path) -> Vec<PathBuf> {
    beside(dump, &["-live-range.txt"])
}

/// Where the text of the buffer assignment may lie that is also in a protocol buffer.
pub fn assignment_beside(dump: &Path) -> Vec<PathBuf> {
    beside(dump, &["-buffer-assignment.txt"])
}

/// Where the module of a buffer assignment may lie: beside it. Live ranges follow from
/// every protocol buffer that has a schedule, but not from a text that leaves
/// instructions out: `for_ranges` puts the protocol buffer first.
pub fn hlo_beside(assignment: &Path, for_ranges: bool) -> Vec<PathBuf> {
    beside(
        assignment,
        match for_ranges {
            true => &[".hlo.pb", ".txt"],
            false => &[".txt", ".hlo.pb"],
        },
    )
}

/// The names that the other files of a dump have, packed like this one or not.
fn beside(dump: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let split = |name: &str| -> Option<(String, String)> {
        let end = ["-buffer-assignment.txt", ".hlo.pb"]
            .into_iter()
            .find_map(|end| name.rfind(end).map(|at| (at, at + end.len())))?;
        Some((name[..end.0].to_owned(), name[end.1..].to_owned()))
    };
    let name = dump.file_name().and_then(|name| name.to_str());
    let Some((stem, packing)) = name.and_then(split) else {
        return Vec::new();
    };
    let names = ends.iter().flat_map(|end| {
        let plain = format!("{stem}{end}");
        [format!("{plain}{packing}"), plain.clone(), plain + ".gz"]
    });
    names.map(|name| dump.with_file_name(name)).collect()
}

/// Whether a file that begins like this is a protocol buffer with a module: its first
/// field is the module, and the module's first fields are its name and that of its
/// entry computation.
pub fn is_module(head: &[u8]) -> bool {
    let text = |bytes: &[u8]| -> Option<usize> {
        let length = usize::from(*bytes.get(1)?);
        let name = bytes.get(2..2 + length)?;
        let is_name = length < 0x80 && length > 0 && name.iter().all(u8::is_ascii_graphic);
        (bytes[0] == 0x0a && is_name).then_some(2 + length)
    };
    let Some((0x0a, rest)) = head.split_first().map(|(&tag, rest)| (tag, rest)) else {
        return false;
    };
    let length = rest
        .iter()
        .take(10)
        .take_while(|&&byte| byte >= 0x80)
        .count()
        + 1;
    let Some(module) = rest.get(length..) else {
        return false;
    };
    text(module).is_some_and(|behind| module.get(behind) == Some(&0x12))
}

/// Whether an input is a protocol buffer, and the whole input again.
fn is_proto<'a>(mut input: impl Read + 'a) -> Result<(bool, Box<dyn Read + 'a>), FormatError> {
    let mut head = Vec::new();
    input.by_ref().take(512).read_to_end(&mut head)?;
    // The first fields of a file that has no name in it are told by their tags.
    let is_text = head
        .iter()
        .take(32)
        .all(|&byte| byte == b'\n' || (b' '..0x7f).contains(&byte));
    let is_proto = is_module(&head) || (!is_text && matches!(head.first(), Some(0x0a | 0x1a)));
    Ok((is_proto, Box::new(io::Cursor::new(head).chain(input))))
}

/// The jobs of a buffer assignment: allocation by allocation, by offset.
///
/// Reads `input`, a `*-buffer-assignment.txt` or a `*.hlo.pb`, to its end.
/// O(n log n).
///
/// # Errors
/// [`FormatError`] with the line or byte of what cannot be read, of a value
/// without a live range or that does not fit the module, or that no allocation is
/// of this choice.
pub fn read(input: impl Read, beside: &Beside, choice: Choice) -> Result<Listed, FormatError> {
    let (is_proto, input) = is_proto(input)?;
    let (assignment, of_file) = match is_proto {
        true => proto::read(input).map(|(assignment, hlo)| (assignment, Some(hlo)))?,
        false => (assignment::read(input)?, None),
    };
    let hlo = of_file.as_ref().or(beside.hlo.as_ref());
    let mut notes = Vec::new();
    let alignment = alignment(beside.platform, hlo, &mut notes);
    let made = jobs(&assignment, beside, hlo, choice, alignment, &mut notes)?;
    notes.extend(made.notes());
    let mut columns = vec!["id", "lower", "upper", "size", "alignment", "heap"];
    columns.extend(made.groups.then_some("group"));
    columns.push("name");
    Ok(Listed::new(made.rows, &columns, notes))
}

/// What offsets are multiples of, by what is known of the compiler.
fn alignment(platform: Option<Platform>, hlo: Option<&Hlo>, notes: &mut Vec<String>) -> u64 {
    let (platform, by) = match platform {
        Some(platform) => (platform, "the file's name"),
        None if hlo.is_some_and(Hlo::is_of_gpu) => (Platform::Gpu, "the HLO"),
        None => (Platform::Cpu, ""),
    };
    let alignment = platform.alignment();
    if platform == Platform::Gpu {
        notes.push(format!(
            "alignment {alignment}: a dump of the GPU compiler, by {by}"
        ));
    }
    alignment
}

fn jobs(
    assignment: &Assignment,
    beside: &Beside,
    hlo: Option<&Hlo>,
    choice: Choice,
    alignment: u64,
    notes: &mut Vec<String>,
) -> Result<Made, FormatError> {
    let allocations = &assignment.allocations;
    let chosen: Vec<&Allocation> = allocations
        .iter()
        .filter(|allocation| choice.takes(allocation))
        .collect();
    if chosen.is_empty() {
        return Err(nothing_chosen(choice, allocations));
    }
    let places = hlo.map(|hlo| Places::of(hlo, allocations, &assignment.shares));
    let mut places = places.transpose()?;
    let told = beside
        .live_ranges
        .as_ref()
        .or(assignment.live_ranges.as_ref());
    let derived;
    let ranges = match (told, &mut places) {
        (Some(told), _) => told,
        (None, Some(places)) => {
            derived = places.live_ranges()?;
            // Else it is nothing unusual: there are no other files.
            if beside.hlo.is_some() {
                notes.push("live ranges by the order of the HLO's instructions".to_owned());
            }
            &derived
        }
        (None, None) => return Err(FormatError::malformed(Place::Line(1), NO_RANGES)),
    };
    let mut making = Making {
        ranges,
        ties: places.as_mut().map(Places::sets),
        choice,
        alignment,
        one: chosen.len() == 1,
        made: Made::default(),
    };
    for allocation in chosen {
        notes.extend(making.add(allocation)?);
    }
    Ok(making.made)
}

const NO_RANGES: &str = "no live ranges in the file: let adapt join it with the *-live-range.txt \
                         (or --live-range) or the *after_optimizations.txt (or --hlo) of its module";

fn nothing_chosen(choice: Choice, allocations: &[Allocation]) -> FormatError {
    let highest = allocations.iter().map(|allocation| allocation.number).max();
    let Some(highest) = highest else {
        return FormatError::malformed(Place::Line(1), "no allocation in the file");
    };
    let what = match choice {
        Choice::Number(number) => format!("no allocation {number}: they go up to {highest}"),
        _ => "no preallocated-temp allocation: choose another, by its number, or all".to_owned(),
    };
    FormatError::malformed(Place::Line(1), what)
}
