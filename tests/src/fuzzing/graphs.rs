//! What compilers dump: the contest's JSON, XLA's files, IREE's text, and the JSON of
//! ExecuTorch's buffers.

use common::error::FormatError;
use common::format::Format;
use common::input::Reading;
use common::iopddl::Usage;
use common::job::Job;
use common::problem::Problem;
use common::row::Row;
use common::xla::{Beside, Choice, Hlo, LiveRanges, Platform};
use serde_json::Value;

use super::reading::{Drops, Table, table, table_however_read};
use super::tables::{load_each_way, round_trip, write_plc};

/// Any bytes as the contest's JSON.
pub fn iopddl(bytes: &[u8]) {
    let read = |usage| {
        let reading = Reading {
            usage,
            ..Reading::default()
        };
        table_however_read(bytes, Format::Iopddl, &reading)
    };
    let tables = [Usage::Largest, Usage::Smallest, Usage::First].map(read);
    for (table, usage) in tables
        .iter()
        .zip([Usage::Largest, Usage::Smallest, Usage::First])
    {
        assert_eq!(table.is_ok(), tables[0].is_ok());
        let Ok((rows, None)) = table else { continue };
        // A tree keeps the last of two like keys, the reader refuses or takes the
        // first: nothing to compare.
        if let Some(jobs) = from_tree(bytes, usage) {
            let found: Vec<Job> = rows.iter().map(|row| row.job.clone()).collect();
            assert_eq!(found, jobs);
        }
        in_other_formats(rows);
    }
}

/// The jobs, from the JSON read as a tree; `None` where a key is there twice.
fn from_tree(bytes: &[u8], usage: Usage) -> Option<Vec<Job>> {
    for key in ["\"problem\"", "\"nodes\"", "\"intervals\"", "\"usages\""] {
        let times = bytes
            .windows(key.len())
            .filter(|window| *window == key.as_bytes());
        if times.count() > 1 || bytes.contains(&b'\\') {
            return None;
        }
    }
    let tree: Value = serde_json::from_slice(bytes).ok()?;
    let problem = tree.get("problem").unwrap_or(&tree);
    let nodes = problem.get("nodes").or_else(|| tree.get("nodes"))?;
    let numbers = |list: &Value| -> Option<Vec<u64>> {
        let list = list.as_array()?;
        list.iter().map(Value::as_u64).collect()
    };
    let intervals = nodes.get("intervals")?.as_array()?;
    let usages = nodes.get("usages")?.as_array()?;
    let mut jobs = Vec::new();
    for (number, (interval, usages)) in (0..).zip(intervals.iter().zip(usages)) {
        let (interval, usages) = (numbers(interval)?, numbers(usages)?);
        let size = match usage {
            Usage::Largest => *usages.iter().max()?,
            Usage::Smallest => *usages.iter().min()?,
            Usage::First => usages[0],
        };
        if interval[0] < interval[1] && size > 0 {
            jobs.push(Job::new(number, interval[0], interval[1], size));
        }
    }
    Some(jobs)
}

/// Jobs that the gate admits are the same in a `.plc` and in a CSV.
fn in_other_formats(rows: &[Row]) {
    let jobs: Vec<Job> = rows.iter().map(|row| row.job.clone()).collect();
    let Ok(problem) = Problem::new(jobs) else {
        return;
    };
    let read = table(&write_plc(rows)[..], Format::Plc, &Reading::default());
    let (again, _) = read.expect("what is written can be read");
    let again: Vec<Job> = again.into_iter().map(|row| row.job).collect();
    assert_eq!(again, problem.jobs());
    round_trip(
        rows,
        &common::csv::Layout::for_jobs(problem.jobs()).with_offset(),
    );
}

/// Any bytes as XLA's dump: up to the first zero byte the buffer assignment,
/// behind it the live ranges, and behind the next the module.
pub fn xla(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |&byte| byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (assignment, ranges, module) = (part(), part(), part());
    let mut beside = Beside {
        live_ranges: however_read(ranges, |input| LiveRanges::read(input)),
        hlo: however_read(module, |input| Hlo::read(input)),
        platform: bytes.len().is_multiple_of(2).then_some(Platform::Gpu),
    };
    dumps(assignment, &beside);
    beside.live_ranges = None;
    dumps(assignment, &beside);
}

/// Any bytes as XLA's protocol buffer, by itself and as the module of a text.
pub fn hlo(bytes: &[u8]) {
    dumps(bytes, &Beside::default());
    let beside = Beside {
        hlo: however_read(bytes, |input| Hlo::read(input)),
        ..Beside::default()
    };
    dumps(super::seeds::ASSIGNMENT.as_bytes(), &beside);
}

/// What a reader makes of an input, at once and in drops.
fn however_read<T>(
    bytes: &[u8],
    read: impl Fn(&mut dyn std::io::Read) -> Result<T, FormatError>,
) -> Option<T> {
    let at_once = read(&mut &bytes[..]).map_err(|error| error.to_string());
    let in_drops = read(&mut Drops::new(bytes)).map_err(|error| error.to_string());
    assert_eq!(at_once.as_ref().err(), in_drops.as_ref().err());
    at_once.ok()
}

fn dumps(assignment: &[u8], beside: &Beside) {
    let mut reading = Reading {
        beside: beside.clone(),
        ..Reading::default()
    };
    for choice in [Choice::Temp, Choice::All, Choice::Number(0)] {
        reading.allocation = choice;
        let table = table_however_read(assignment, Format::Xla, &reading);
        if let Ok((rows, layout)) = table {
            dumped((rows, layout));
        }
    }
}

/// What must hold for all that comes out of a dump, and passes the gate.
fn dumped((rows, layout): Table) {
    let layout = layout.expect("dumps have columns of their own");
    for row in &rows {
        let offset = row.offset.expect("every value has an offset");
        assert!(offset.is_multiple_of(row.job.alignment) && row.job.alignment <= 128);
        assert!(!row.unknown[0].is_empty());
    }
    let jobs: Vec<Job> = rows.iter().map(|row| row.job.clone()).collect();
    if Problem::new(jobs).is_ok() {
        // Members of a group lie in one place.
        let mut places = std::collections::HashMap::new();
        for row in &rows {
            if let Some(group) = row.job.group() {
                let place = (row.job.heap, row.offset);
                let first = *places.entry((row.job.heap, group)).or_insert(place);
                assert_eq!(first, place, "{group}");
            }
        }
        round_trip(&rows, &layout.with_offset());
    }
}

/// Any bytes as a dump of IREE's.
pub fn iree(bytes: &[u8]) {
    if let Ok((rows, layout)) = table_however_read(bytes, Format::Iree, &Reading::default()) {
        for row in &rows {
            assert!(row.job.size.is_multiple_of(row.job.alignment));
            assert!(row.offset.is_none() && row.unknown[0].starts_with('%'));
        }
        as_csv(&rows, layout);
    }
    load_each_way(bytes, Format::Iree);
}

/// Any bytes as the JSON of ExecuTorch's buffers.
pub fn executorch(bytes: &[u8]) {
    let read = table_however_read(bytes, Format::Executorch, &Reading::default());
    if let Ok((rows, layout)) = read {
        assert!(rows.iter().all(|row| row.job.heap as usize <= bytes.len()));
        as_csv(&rows, layout);
    }
    load_each_way(bytes, Format::Executorch);
}

/// Jobs that the gate admits are the same in a CSV of the reader's own columns.
fn as_csv(rows: &[Row], layout: Option<common::csv::Layout>) {
    let layout = layout.expect("the reader has columns of its own");
    let jobs: Vec<Job> = rows.iter().map(|row| row.job.clone()).collect();
    if Problem::new(jobs).is_ok() {
        round_trip(rows, &layout.with_offset());
    }
}
