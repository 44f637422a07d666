//! `.plc` and CSV: what parses writes, and parses back equal.

use common::csv::{self, Layout};
use common::format::Format;
use common::input::{self, Document, Offsets, Reading};
use common::job::{Job, JobId};
use common::plc;
use common::row::Row;

use super::reading::{Drops, anywhere, one_line, table_however_read};

/// Any bytes as a `.plc`.
pub fn plc(bytes: &[u8]) {
    let read = table_however_read(bytes, Format::Plc, &Reading::default());
    let Some(expected) = plc_rows(bytes) else {
        read.expect_err("the last record is not whole");
        return;
    };
    let (rows, _) = read.expect("whole records are rows");
    assert_eq!(anywhere(rows.clone()), anywhere(expected));
    let unplaced = Reading {
        not_placed: true,
        ..Reading::default()
    };
    let (unplaced, _) = table_however_read(bytes, Format::Plc, &unplaced).expect("the same rows");
    assert!(unplaced.iter().all(|row| row.offset.is_none()));
    let written = write_plc(&rows);
    let again = table_however_read(&written, Format::Plc, &Reading::default());
    assert_eq!(again, Ok((rows, None)));
    load_each_way(bytes, Format::Plc);
}

/// The rows of whole records, by the book.
fn plc_rows(bytes: &[u8]) -> Option<Vec<Row>> {
    if !bytes.len().is_multiple_of(64) {
        return None;
    }
    let words: Vec<u64> = bytes
        .chunks(8)
        .map(|word| word.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
        .collect();
    let records = || words.chunks(8);
    let placed = records().len() == 1 || records().any(|record| record[4..6] != [0, 0]);
    let row = |record: &[u64]| {
        let mut job = Job::new(record[0], record[1], record[2], record[3]);
        (job.heap, job.alignment) = (record[4], record[6].max(1));
        job.requested = record[7];
        let offset = Some(record[5]).filter(|&offset| placed && offset != u64::MAX);
        Row {
            job,
            offset,
            place: common::error::Place::Byte(0),
            unknown: Vec::new(),
        }
    };
    Some(records().map(row).collect())
}

pub(super) fn write_plc(rows: &[Row]) -> Vec<u8> {
    let mut writer = plc::Writer::new(Vec::new());
    for row in rows {
        let written = writer.write(&row.job, row.offset);
        written.expect("what was read from a .plc can be said in one");
    }
    writer.finish().expect("memory takes all")
}

/// Any bytes as a CSV.
pub fn csv(bytes: &[u8]) {
    let read = table_however_read(bytes, Format::Csv, &Reading::default());
    let loaded = load_each_way(bytes, Format::Csv);
    let Some(document) = loaded else { return };
    let (rows, layout) = read.expect("what loads is made of rows");
    let layout = layout.expect("a CSV has columns");
    assert_eq!(document.layout.as_ref(), Some(&layout));
    // With gaps in order, as loading puts them.
    let mut rows = anywhere(rows);
    for (row, job) in rows.iter_mut().zip(document.problem.jobs()) {
        row.job = job.clone();
    }
    round_trip(&rows, &layout);
    let needed = Layout::for_jobs(document.problem.jobs());
    let written = write_csv(&rows, needed.clone());
    let (again, columns) = table_however_read(&written, Format::Csv, &Reading::default())
        .expect("what is written can be read");
    assert_eq!(columns, Some(needed));
    let jobs = |rows: &[Row]| rows.iter().map(|row| row.job.clone()).collect::<Vec<_>>();
    assert_eq!(jobs(&again), jobs(&rows));
    as_plc(&document, &rows);
}

/// Written and read again, rows and columns are the same, and so are the bytes
/// when they are written once more.
pub(super) fn round_trip(rows: &[Row], layout: &Layout) {
    let written = write_csv(rows, layout.clone());
    let again = table_however_read(&written, Format::Csv, &Reading::default());
    let (again, columns) = again.expect("what is written can be read");
    assert_eq!(columns.as_ref(), Some(layout));
    assert_eq!(anywhere(again.clone()), anywhere(rows.to_vec()));
    assert_eq!(write_csv(&again, layout.clone()), written);
}

pub(super) fn write_csv(rows: &[Row], layout: Layout) -> Vec<u8> {
    let mut writer = csv::Writer::new(Vec::new(), layout).expect("memory takes all");
    for row in rows {
        let written = writer.write(&row.job, row.offset, &row.unknown);
        written.expect("memory takes all");
    }
    writer.finish().expect("memory takes all")
}

/// A `.plc` holds a job, or says why it cannot.
fn as_plc(document: &Document, rows: &[Row]) {
    for (job, row) in document.problem.jobs().iter().zip(rows) {
        let mut writer = plc::Writer::new(Vec::new());
        let sayable = plc::unsayable(job).is_none();
        assert_eq!(writer.write(job, row.offset).is_ok(), sayable);
        assert!(sayable || matches!(job.id, JobId::Text(_)) || job.extras.is_some());
    }
}

/// Loads with the offsets taken for each of what they can be; gives the
/// document in which they are taken for nothing.
pub(super) fn load_each_way(bytes: &[u8], format: Format) -> Option<Document> {
    let load = |offsets| {
        let document = input::load(bytes, format, offsets);
        let same = input::load(Drops::new(bytes), format, offsets);
        match (&document, &same) {
            (Ok(one), Ok(other)) => assert_eq!(one.problem, other.problem),
            (Err(one), Err(other)) => assert_eq!(one_line(one), one_line(other)),
            _ => panic!("how the bytes come decides whether they are read"),
        }
        document.ok()
    };
    let placed = load(Offsets::Placement);
    if let Some(document) = &placed {
        assert!(document.placed <= document.problem.len());
        let all = !document.problem.is_empty() && document.placed == document.problem.len();
        assert_eq!(document.placement.is_some(), all);
    }
    let pinned = load(Offsets::Pins);
    let ignored = load(Offsets::Ignored);
    assert_eq!(placed.is_some(), ignored.is_some());
    assert!(
        pinned.is_none() || ignored.is_some(),
        "pins only add reasons to refuse"
    );
    ignored
}
