//! The buffers that IREE packs: the `stream.resource.pack` operations in a dump of its
//! intermediate representation.
//!
//! ```text
//! iree-compile model.mlir ... --compile-to=stream --mlir-disable-threading \
//!     --mlir-print-ir-before=iree-stream-layout-slices -o out.mlir 2> dump.mlir
//!
//!   %9:8 = stream.resource.pack on(#hal.device.affinity<@__device_0>) slices({
//!     [0, 2] = %c24576,
//!     [1, 2] = %c16384, ...
//!   }) : index
//! ```
//!
//! A slice is a job: its interval, inclusive on both sides, is the lifetime; its size in
//! bytes is rounded up to the alignment, as IREE does. The column `result` names the value
//! that is the slice's offset (`%9#1`; `%9#0` is the size of all), to put a placement back.
//! The dump has no offsets: IREE computes them in the pass that comes next.
//!
//! **Sizes** are constants, looked up in the function by name (`%c64_7 = arith.constant 64 :
//! index`), or where a dump leaves the definitions out, by what the name says. A size that
//! is computed when the program runs is an error.
//!
//! **Alignment** is the `min_buffer_offset_alignment` that the dump tells, and else 64 bytes,
//! that of the CPU back end.
//!
//! **Several packs** are problems of their own: each is a heap, numbered from 1 in the order
//! of the dump; a single one is heap 0. A dump prints a function before each run of the pass,
//! and with `--mlir-print-ir-module-scope` all functions each time: of a function that is
//! printed again the last text with packs counts. Initializers have no name: of theirs, packs
//! of equal slices are one.
//!
//! O(n) time for n bytes; memory for the slices, and for the constants of one function.

use std::io::{self, BufRead, BufReader, Read};

use rustc_hash::FxHashMap;

use crate::error::{FormatError, Place};
use crate::job::{Job, MAX_VALUE};
use crate::row::{Listed, Row};
use crate::text::counted;
use crate::units::whole_number;

/// What a dump of this kind has near its top.
pub const MARKS: [&str; 2] = ["// -----// IR Dump", "stream.resource.pack"];

/// The operation that lists the buffers.
const PACK: &str = "stream.resource.pack";

/// The alignment in bytes of IREE's CPU back end.
const ALIGNMENT: u64 = 64;

/// Bytes of a line that are looked at: many more than a function has arguments.
const KEPT: u64 = 1 << 20;

/// Packs that notes tell one by one.
const TOLD: usize = 8;

/// The columns of a CSV of the slices.
const COLUMNS: [&str; 8] = [
    "id",
    "lower",
    "upper",
    "size",
    "alignment",
    "heap",
    "requested",
    "result",
];

/// The slices of all packs, pack by pack.
///
/// Reads `input`, a dump, to its end.
///
/// # Errors
/// [`FormatError`] with the line of a slice that cannot be read or whose size is no
/// constant, or that there is no pack.
pub fn read(input: impl Read) -> Result<Listed, FormatError> {
    let mut dump = Dump::default();
    let mut input = BufReader::with_capacity(1 << 16, input);
    let (mut number, mut line) = (0, Vec::new());
    while next_line(&mut input, &mut line)? {
        number += 1;
        dump.take(number, &String::from_utf8_lossy(&line))?;
    }
    if let Some(open) = &dump.open {
        let what = "the list of slices has no end: is the dump whole?";
        return Err(FormatError::malformed(Place::Line(open.line), what));
    }
    dump.end_function();
    if dump.packs.is_empty() {
        let what = format!(
            "no {PACK} in the dump: make it with \
             --mlir-print-ir-before=iree-stream-layout-slices"
        );
        return Err(FormatError::malformed(Place::Line(1), what));
    }
    let alignment = dump.alignment.unwrap_or(ALIGNMENT);
    let mut notes = notes(&dump.packs);
    let mut rows = Vec::new();
    let mut empty = 0u64;
    for (number, pack) in (1..).zip(&dump.packs) {
        let heap = if dump.packs.len() == 1 { 0 } else { number };
        for (result, slice) in (1u64..).zip(&pack.slices) {
            match slice.size {
                0 => empty += 1,
                _ => {
                    let id = rows.len() as u64;
                    let result = format!("{}#{result}", pack.result);
                    rows.push(row(slice, id, heap, alignment, result)?);
                }
            }
        }
    }
    if empty > 0 {
        notes.push(format!("{} of no bytes: left out", counted(empty, "slice")));
    }
    Ok(Listed::new(rows, &COLUMNS, notes).numbered())
}

fn notes(packs: &[Pack]) -> Vec<String> {
    if packs.len() == 1 {
        return Vec::new();
    }
    let mut notes = vec![format!(
        "{}, each a problem and a heap of its own: --heap NUMBER takes one",
        counted(packs.len(), "pack")
    )];
    for (number, pack) in (1..).zip(packs).take(TOLD) {
        let slices = counted(pack.slices.len(), "slice");
        let function = pack.function.as_deref().unwrap_or("an initializer");
        notes.push(format!(
            "heap {number}: {slices} of {function}, line {}",
            pack.line
        ));
    }
    if let more @ 1.. = packs.len().saturating_sub(TOLD) {
        notes.push(format!("and {}", counted(more, "more heap")));
    }
    notes
}

fn row(
    slice: &Slice,
    id: u64,
    heap: u64,
    alignment: u64,
    result: String,
) -> Result<Row, FormatError> {
    let place = Place::Line(slice.line);
    let size = slice.size.checked_next_multiple_of(alignment);
    let Some(size) = size.filter(|&size| size <= MAX_VALUE) else {
        let what = format!("the size {} is beyond 2^63 - 1", slice.size);
        return Err(FormatError::malformed(place, what));
    };
    // The end is below 2^63.
    let mut job = Job::new(id, slice.first, slice.last + 1, size);
    (job.requested, job.alignment, job.heap) = (slice.size, alignment, heap);
    Ok(Row {
        job,
        offset: None,
        place,
        unknown: vec![result.into()],
    })
}

/// Reads the next line, or as much of it as is kept: the weights of a model may stand in one.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let read = input.take(KEPT).read_until(b'\n', line)?;
    if read as u64 == KEPT && line.last() != Some(&b'\n') {
        input.skip_until(b'\n')?;
    }
    Ok(read > 0)
}

/// One operation.
#[derive(Clone, Debug)]
struct Pack {
    /// `@name`; none of an initializer.
    function: Option<String>,
    line: u64,
    /// The value that it defines, without the number of its results.
    result: String,
    slices: Vec<Slice>,
}

/// A buffer: needed from the first to the last instant, both of them included.
#[derive(Clone, Debug)]
struct Slice {
    first: u64,
    last: u64,
    size: u64,
    line: u64,
}

/// What a dump said so far.
#[derive(Debug, Default)]
struct Dump {
    /// Those of the functions that are done.
    packs: Vec<Pack>,
    /// The function whose text goes by.
    function: Option<String>,
    /// Its packs, and its constants by name.
    here: Vec<Pack>,
    constants: FxHashMap<Box<str>, u64>,
    /// A pack whose slices go by.
    open: Option<Pack>,
    alignment: Option<u64>,
}

impl Dump {
    fn take(&mut self, number: u64, line: &str) -> Result<(), FormatError> {
        let text = line.trim();
        if self.open.is_some() {
            return self.slices(number, text);
        }
        if text.starts_with("// -----// IR Dump") || is_function(text) {
            self.end_function();
            self.function = symbol(text);
        } else if let Some((name, value)) = constant(text) {
            self.constants.insert(name.into(), value);
        } else if let Some((result, rest)) = pack(text) {
            self.open = Some(Pack {
                function: self.function.clone(),
                line: number,
                result: result.to_owned(),
                slices: Vec::new(),
            });
            let slices = rest.split_once("slices(").map_or("", |(_, slices)| slices);
            return self.slices(number, slices);
        }
        if self.alignment.is_none() {
            self.alignment = alignment(text);
        }
        Ok(())
    }

    /// Takes the slices of a line, `[FIRST, LAST] = %SIZE, ...`, up to `})`.
    fn slices(&mut self, number: u64, text: &str) -> Result<(), FormatError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let (list, is_last) = match text.split_once("})") {
            Some((list, _)) => (list, true),
            None => (text, false),
        };
        let bad = |what: String| FormatError::malformed(Place::Line(number), what);
        let mut rest = list.trim().trim_start_matches('{').trim();
        while !rest.is_empty() {
            let Some((first, last, name, behind)) = slice(rest) else {
                let text: String = rest.chars().take(60).collect();
                return Err(bad(format!("{text:?} is not [FIRST, LAST] = %SIZE")));
            };
            if first > last {
                return Err(bad(format!(
                    "the slice [{first}, {last}] ends before it begins"
                )));
            }
            if last >= MAX_VALUE {
                return Err(bad(format!("the slice ends at {last}, beyond 2^63 - 1")));
            }
            let Some(size) = self.constants.get(name).copied().or_else(|| said(name)) else {
                let name: String = name.chars().take(60).collect();
                return Err(bad(format!(
                    "the size {name} of the slice [{first}, {last}] is no constant: only a \
                     program with static shapes has a layout before it runs"
                )));
            };
            open.slices.push(Slice {
                first,
                last,
                size,
                line: number,
            });
            rest = behind.trim_start_matches(',').trim_start();
        }
        match is_last {
            true => self.here.push(open),
            false => self.open = Some(open),
        }
        Ok(())
    }

    /// Keeps the packs of the function that ends here, in place of those of its earlier text.
    fn end_function(&mut self) {
        self.constants.clear();
        let function = self.function.take();
        let new = std::mem::take(&mut self.here);
        if new.is_empty() {
            return;
        }
        let old = self.packs.iter().position(|pack| pack.function == function);
        match (function, old) {
            (Some(_), Some(first)) => {
                let function = &new[0].function;
                self.packs.retain(|pack| pack.function != *function);
                self.packs.splice(first..first, new);
            }
            (Some(_), None) => self.packs.extend(new),
            (None, _) => {
                for pack in new {
                    if !self.packs.iter().any(|old| old.is_same(&pack)) {
                        self.packs.push(pack);
                    }
                }
            }
        }
    }
}

impl Pack {
    /// Whether it is the same operation, printed again, of an initializer.
    fn is_same(&self, other: &Pack) -> bool {
        let slices = |pack: &Pack| -> Vec<(u64, u64, u64)> {
            let slices = pack.slices.iter();
            slices
                .map(|slice| (slice.first, slice.last, slice.size))
                .collect()
        };
        self.function.is_none() && self.result == other.result && slices(self) == slices(other)
    }
}

/// Whether a function begins on a line.
fn is_function(text: &str) -> bool {
    ["util.func ", "func.func ", "util.initializer"]
        .iter()
        .any(|operation| text.starts_with(operation))
}

/// `@name` of a function.
fn symbol(text: &str) -> Option<String> {
    if !is_function(text) || text.starts_with("util.initializer") {
        return None;
    }
    let symbol = &text[text.find('@')?..];
    let end = match symbol[1..].strip_prefix('"') {
        Some(quoted) => 3 + quoted.find('"')?,
        None => symbol.find('(')?,
    };
    Some(symbol[..end].to_owned())
}

/// `%c64_7 = arith.constant 64 : index`
fn constant(text: &str) -> Option<(&str, u64)> {
    let (name, value) = text.split_once(" = arith.constant ")?;
    let (value, kind) = value.split_once(" : ")?;
    let is_index = kind == "index" || kind.starts_with("index ");
    (name.starts_with('%') && is_index).then_some((name, whole_number(value)?))
}

/// `%9:8 = stream.resource.pack ...`
fn pack(text: &str) -> Option<(&str, &str)> {
    let (results, operation) = text.split_once(" = ")?;
    let rest = operation.strip_prefix(PACK)?;
    let result = results.split(':').next().unwrap_or(results).trim();
    result.starts_with('%').then_some((result, rest))
}

/// `[0, 2] = %c24576`, and what stands behind.
fn slice(text: &str) -> Option<(u64, u64, &str, &str)> {
    let (interval, rest) = text.strip_prefix('[')?.split_once(']')?;
    let (first, last) = interval.split_once(',')?;
    let name = rest.trim_start().strip_prefix('=')?.trim_start();
    let end = name.find([',', ' ', '\t']).unwrap_or(name.len());
    let (name, behind) = name.split_at(end);
    (name.starts_with('%') && name.len() > 1).then_some((
        whole_number(first.trim())?,
        whole_number(last.trim())?,
        name,
        behind.trim_start(),
    ))
}

/// The number that the name of a constant says: `%c64` and `%c64_7` are 64.
fn said(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("%c")?;
    match digits.split_once('_') {
        Some((digits, again)) => whole_number(again).and_then(|_| whole_number(digits)),
        None => whole_number(digits),
    }
}

/// `min_buffer_offset_alignment = 64`
fn alignment(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("min_buffer_offset_alignment")?;
    let digits = rest.trim_start().strip_prefix('=')?.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit());
    let value = whole_number(&digits[..end.unwrap_or(digits.len())])?;
    (1..=MAX_VALUE).contains(&value).then_some(value)
}
