//! The buffers that ExecuTorch plans, as the planner of the package `idealloc` for Python
//! writes them (`idealloc.executorch.planner(dump=PATH)`).
//!
//! ```json
//! {"format": "executorch-buffers-v1", "arenas": [
//!   {"graph": 0, "mem_id": 1, "alignment": 16, "buffers": [
//!     {"id": 0, "size": 4096, "first": 0, "last": 3, "name": "aten_conv", "offset": 0}]}]}
//! ```
//!
//! - `format` stands first: it tells the file from other JSON.
//! - An arena is a problem of its own: what ExecuTorch calls a memory (`mem_id`, from 1 on) of
//!   one of the graphs that it planned, numbered in their order. Where there are several, each
//!   is a heap, numbered from 1 in the order of the file; a single one is heap 0. `alignment` is
//!   in bytes: offsets are multiples of it, and sizes have been rounded up to it.
//! - A buffer has a number, which may come again in another arena; a size in bytes; and the
//!   indices of the first and the last node that need it, both included. `name`, the node that
//!   makes it, and `offset`, where a planner of ExecuTorch's placed it, may be missing.
//!   A buffer of no bytes holds no memory, and is left out.
//!
//! Ids of jobs number the buffers of the file from 0. Other keys are passed over. O(n) time
//! and memory for n bytes.

use std::io::{BufReader, Read};

use serde::Deserialize;
use serde_json::Deserializer;

use crate::error::{FormatError, Place};
use crate::iopddl::bad_json;
use crate::job::{Job, MAX_VALUE};
use crate::limits::BoundedJson;
use crate::row::{Listed, Row};
use crate::text::counted;

/// What stands under `format`.
pub const FORMAT: &str = "executorch-buffers-v1";

/// The columns of a CSV of the buffers; `number` is the one that the file gives.
const COLUMNS: [&str; 8] = [
    "id",
    "lower",
    "upper",
    "size",
    "alignment",
    "heap",
    "number",
    "name",
];

/// The buffers of all arenas, arena by arena.
///
/// Reads `input`, which needs no buffering of its own, to its end.
///
/// # Errors
/// [`FormatError`] with the line and column of what is not as it should be.
pub fn read(input: impl Read) -> Result<Listed, FormatError> {
    let json = BufReader::with_capacity(1 << 18, BoundedJson::new(input));
    let mut json = Deserializer::from_reader(json);
    let document = Document::deserialize(&mut json)
        .and_then(|document| json.end().map(|()| document))
        .map_err(bad_json)?;
    let mut notes = document.notes();
    let mut rows = Vec::new();
    let (mut entry, mut empty) = (0, 0u64);
    for (number, arena) in (1..).zip(&document.arenas) {
        let heap = if document.arenas.len() == 1 {
            0
        } else {
            number
        };
        for buffer in &arena.buffers {
            match buffer.size {
                0 => empty += 1,
                _ => rows.push(buffer.row(rows.len() as u64, entry, heap, arena.alignment.0)),
            }
            entry += 1;
        }
    }
    if empty > 0 {
        notes.push(format!(
            "{} of no bytes: left out",
            counted(empty, "buffer")
        ));
    }
    Ok(Listed::new(rows, &COLUMNS, notes).numbered())
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "format")]
    _format: Marker,
    arenas: Vec<Arena>,
}

impl Document {
    fn notes(&self) -> Vec<String> {
        if self.arenas.len() < 2 {
            return Vec::new();
        }
        let mut notes = vec![format!(
            "{}, each a problem and a heap of its own: --heap NUMBER takes one",
            counted(self.arenas.len(), "arena")
        )];
        for (number, arena) in (1..).zip(&self.arenas).take(8) {
            let buffers = counted(arena.buffers.len(), "buffer");
            let (graph, mem_id) = (arena.graph, arena.mem_id);
            notes.push(format!(
                "heap {number}: {buffers} of graph {graph}, mem_id {mem_id}"
            ));
        }
        notes
    }
}

/// The only version there is.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Marker;

impl TryFrom<String> for Marker {
    type Error = String;

    fn try_from(format: String) -> Result<Self, String> {
        match format == FORMAT {
            true => Ok(Marker),
            false => Err(format!("the format is {format:?}: known is {FORMAT:?}")),
        }
    }
}

#[derive(Deserialize)]
#[serde(try_from = "u64")]
struct Alignment(u64);

impl TryFrom<u64> for Alignment {
    type Error = String;

    fn try_from(alignment: u64) -> Result<Self, String> {
        match alignment {
            1..=MAX_VALUE => Ok(Alignment(alignment)),
            _ => Err(format!(
                "the alignment is {alignment}: at least 1 is needed"
            )),
        }
    }
}

#[derive(Deserialize)]
struct Arena {
    #[serde(default)]
    graph: u64,
    mem_id: u64,
    alignment: Alignment,
    buffers: Vec<Buffer>,
}

#[derive(Deserialize)]
#[serde(try_from = "Written")]
struct Buffer {
    id: u64,
    size: u64,
    birth: u64,
    death: u64,
    name: Option<Box<str>>,
    offset: Option<u64>,
}

/// A buffer as it is written.
#[derive(Deserialize)]
struct Written {
    id: u64,
    size: u64,
    first: u64,
    last: u64,
    name: Option<Box<str>>,
    offset: Option<u64>,
}

impl TryFrom<Written> for Buffer {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written {
            id,
            size,
            first,
            last,
            name,
            offset,
        } = written;
        if first > last {
            return Err(format!("buffer {id} is needed from {first} to {last}"));
        }
        for (field, value) in [
            ("size", size),
            ("last", last),
            ("offset", offset.unwrap_or(0)),
        ] {
            if value >= MAX_VALUE {
                return Err(format!(
                    "buffer {id}: {field} {value} is not below 2^63 - 1"
                ));
            }
        }
        Ok(Buffer {
            id,
            size,
            birth: first,
            death: last + 1,
            name,
            offset,
        })
    }
}

impl Buffer {
    fn row(&self, id: u64, entry: u64, heap: u64, alignment: u64) -> Row {
        let mut job = Job::new(id, self.birth, self.death, self.size);
        (job.alignment, job.heap) = (alignment, heap);
        Row {
            job,
            offset: self.offset,
            place: Place::Entry(entry),
            unknown: vec![
                self.id.to_string().into(),
                self.name.clone().unwrap_or_default(),
            ],
        }
    }
}
