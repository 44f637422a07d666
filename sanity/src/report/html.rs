//! One page to look at a placement as one looks at a map. It needs no network:
//! its policy forbids every request.
//!
//! All that comes from the input is either escaped for HTML, or JSON in which
//! `<` is escaped, or packed in base64: no id can end a script.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use common::input::Document;
use common::job::{JobId, Piece};
use common::load;
use common::text::printable;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;

use super::against::pairs;
use super::columns::{Column, Columns};
use super::rows::{self, Line, Table};
use super::stack::Stack;
use super::svg::{COLOURS, escaped};
use super::{Colour, Other, Report};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPTS: [&str; 5] = [
    include_str!("html/data.js"),
    include_str!("html/view.js"),
    include_str!("html/draw.js"),
    include_str!("html/load.js"),
    include_str!("html/page.js"),
];

/// What a page shows.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its title.
    pub title: &'a str,
    /// The jobs and their placement.
    pub document: &'a Document,
    /// What was measured of them.
    pub report: &'a Report,
    /// Another placement to switch to.
    pub other: Option<Other<'a>>,
    /// What colours tell at first.
    pub colour: Colour,
}

/// What the page's script reads before the packed columns. Numbers that may
/// pass 2^53 are text.
#[derive(Serialize)]
struct Meta<'a> {
    count: usize,
    colour: &'static str,
    palette: [&'static str; COLOURS.len()],
    placements: Vec<PlacementMeta<'a>>,
    load: String,
    peak: String,
    columns: &'a [Column],
    /// The load, where the pieces do not tell it: with groups.
    curve: Option<CurveMeta<'a>>,
    /// Whether a JSON array of ids follows the columns.
    text_ids: bool,
}

#[derive(Serialize)]
struct PlacementMeta<'a> {
    name: Cow<'a, str>,
    makespan: String,
    heaps: Vec<HeapMeta>,
}

#[derive(Serialize)]
struct HeapMeta {
    base: String,
    below: String,
}

#[derive(Serialize)]
struct CurveMeta<'a> {
    count: usize,
    columns: &'a [Column],
}

/// Writes the page; false, and nothing, where the document has no placement.
/// O(n log n) time, O(n) memory.
///
/// # Errors
/// Those of the output.
pub fn html(output: &mut impl Write, page: &Page<'_>) -> io::Result<bool> {
    let Some(parts) = Parts::new(page) else {
        return Ok(false);
    };
    // What is filled in is never searched for the names of other parts.
    for (index, piece) in PAGE.split("{{").enumerate() {
        let text = match piece.split_once("}}") {
            Some((name, text)) if index > 0 => {
                parts.write(name, output)?;
                text
            }
            _ => piece,
        };
        output.write_all(text.as_bytes())?;
    }
    Ok(true)
}

struct Parts<'a> {
    page: &'a Page<'a>,
    placements: Vec<PlacementMeta<'a>>,
    count: usize,
    columns: Columns,
    curve: Option<(usize, Columns)>,
    text_ids: Option<Vec<String>>,
}

impl<'a> Parts<'a> {
    fn new(page: &'a Page<'a>) -> Option<Parts<'a>> {
        let jobs = page.document.problem.jobs();
        let nothing = common::placement::Placement::default();
        let placement = match &page.document.placement {
            Some(placement) => placement,
            None if jobs.is_empty() => &nothing,
            None => return None,
        };
        let stack = Stack::new(jobs, placement);
        let mut placements = vec![PlacementMeta::new(page.title, &stack)];
        let records = records(page.document);
        let mut columns = Columns::default();
        job_columns(&mut columns, page.document, &records);
        let job = |record: &Record| &jobs[record.job as usize];
        let offset = |record: &Record| placement.offsets[record.job as usize];
        let heap = |record: &Record| stack.index(job(record).heap) as u64;
        let low = |record: &Record| offset(record).saturating_add(record.piece.low);
        columns.push("low", records.iter().map(low));
        columns.push("heap", records.iter().map(heap));
        if let Some(other) = &page.other {
            placements.push(other_columns(&mut columns, page.document, other, &records)?);
        }
        let is_text = |job: &common::job::Job| matches!(job.id, JobId::Text(_));
        // What is shown is what is searched for.
        let id = |record| printable(&job(record).id.to_string()).into_owned();
        let ids = || records.iter().map(id);
        Some(Parts {
            page,
            placements,
            count: records.len(),
            columns,
            curve: jobs
                .iter()
                .any(|job| job.group().is_some())
                .then(|| curve(page.document)),
            text_ids: jobs.iter().any(is_text).then(|| ids().collect()),
        })
    }

    fn write(&self, name: &str, output: &mut impl Write) -> io::Result<()> {
        match name {
            "title" => output.write_all(escaped(self.page.title).as_bytes()),
            "style" => output.write_all(STYLE.as_bytes()),
            "metrics" => write_lines(output, &rows::lines(self.page.report)),
            "tables" => {
                let tables = rows::tables(self.page.report);
                tables
                    .iter()
                    .try_for_each(|table| write_table(output, table))
            }
            "invalid" => {
                let class = if self.page.report.is_invalid() {
                    "invalid"
                } else {
                    ""
                };
                output.write_all(class.as_bytes())
            }
            "meta" => output.write_all(self.meta()?.as_bytes()),
            "data" => self.write_data(output),
            "script" => SCRIPTS
                .iter()
                .try_for_each(|script| output.write_all(script.as_bytes())),
            other => Err(io::Error::other(format!("the page has no part {other:?}"))),
        }
    }

    fn meta(&self) -> io::Result<String> {
        let load = self.page.report.load;
        let meta = Meta {
            count: self.count,
            colour: self.page.colour.name(),
            palette: COLOURS,
            placements: Vec::new(),
            load: load.bytes.to_string(),
            peak: load.time.to_string(),
            columns: &self.columns.heads,
            curve: self.curve.as_ref().map(|(count, columns)| CurveMeta {
                count: *count,
                columns: &columns.heads,
            }),
            text_ids: self.text_ids.is_some(),
        };
        let mut json = serde_json::to_value(meta)?;
        json["placements"] = serde_json::to_value(&self.placements)?;
        Ok(json.to_string().replace('<', "\\u003c"))
    }

    fn write_data(&self, output: &mut impl Write) -> io::Result<()> {
        let text = EncoderWriter::new(output, &STANDARD);
        let mut packed = ZlibEncoder::new(text, Compression::default());
        self.columns.write(&mut packed)?;
        if let Some((_, curve)) = &self.curve {
            curve.write(&mut packed)?;
        }
        if let Some(ids) = &self.text_ids {
            serde_json::to_writer(&mut packed, ids)?;
        }
        packed.finish()?.finish()?;
        Ok(())
    }
}

impl<'a> PlacementMeta<'a> {
    fn new(name: &'a str, stack: &Stack) -> PlacementMeta<'a> {
        let heaps = stack.heaps.iter().map(|heap| HeapMeta {
            base: format!("{:#x}", heap.base),
            below: heap.below.to_string(),
        });
        PlacementMeta {
            name: printable(name),
            makespan: stack.makespan().to_string(),
            heaps: heaps.collect(),
        }
    }
}

/// What the page draws: a piece of a job.
struct Record {
    job: u32,
    piece: Piece,
}

/// All pieces, by birth.
fn records(document: &Document) -> Vec<Record> {
    let jobs = (0u32..).zip(document.problem.jobs());
    let mut records: Vec<Record> = jobs
        .flat_map(|(index, job)| job.pieces().map(move |piece| Record { job: index, piece }))
        .collect();
    records.sort_by_key(|record| record.piece.birth);
    records
}

/// What does not depend on the placement.
fn job_columns(columns: &mut Columns, document: &Document, records: &[Record]) {
    let jobs = document.problem.jobs();
    let job = |record: &Record| &jobs[record.job as usize];
    columns.push("birth", records.iter().map(|record| record.piece.birth));
    columns.push("death", records.iter().map(|record| record.piece.death));
    columns.push(
        "height",
        records
            .iter()
            .map(|record| record.piece.high - record.piece.low),
    );
    columns.push(
        "requested",
        records.iter().map(|record| job(record).requested),
    );
    columns.push(
        "alignment",
        records.iter().map(|record| job(record).alignment),
    );
    columns.push(
        "id",
        records.iter().map(|record| match job(record).id {
            JobId::Number(number) => number,
            JobId::Text(_) => 0,
        }),
    );
    if jobs.iter().any(|job| !job.gaps().is_empty()) {
        columns.push("size", records.iter().map(|record| job(record).size));
        columns.push("first", records.iter().map(|record| job(record).birth));
        columns.push("last", records.iter().map(|record| job(record).death));
        columns.push("above", records.iter().map(|record| record.piece.low));
    }
}

/// Where the other placement has each piece.
fn other_columns<'a>(
    columns: &mut Columns,
    document: &Document,
    other: &Other<'a>,
    records: &[Record],
) -> Option<PlacementMeta<'a>> {
    let placement = other.document.placement.as_ref()?;
    let jobs = other.document.problem.jobs();
    let mut counterpart = vec![0u32; document.problem.len()];
    for (index, twin) in pairs(document, other).ok()? {
        counterpart[index as usize] = twin;
    }
    let stack = Stack::new(jobs, placement);
    let twin = |record: &Record| counterpart[record.job as usize] as usize;
    let low = |record: &Record| placement.offsets[twin(record)].saturating_add(record.piece.low);
    columns.push("other_low", records.iter().map(low));
    let heap = |record: &Record| stack.index(jobs[twin(record)].heap) as u64;
    columns.push("other_heap", records.iter().map(heap));
    Some(PlacementMeta::new(other.name, &stack))
}

fn curve(document: &Document) -> (usize, Columns) {
    let curve = load::curve(document.problem.jobs());
    let mut columns = Columns::default();
    columns.push("time", curve.iter().map(|point| point.0));
    columns.push("load", curve.iter().map(|point| point.1));
    (curve.len(), columns)
}

fn write_lines(output: &mut impl Write, lines: &[Line]) -> io::Result<()> {
    for (name, value) in lines {
        let (name, value) = (escaped(name), escaped(value));
        writeln!(
            output,
            "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"
        )?;
    }
    Ok(())
}

fn write_table(output: &mut impl Write, table: &Table) -> io::Result<()> {
    writeln!(
        output,
        "<table><caption>{}</caption><thead><tr>",
        escaped(table.title)
    )?;
    for column in &table.columns {
        write!(output, "<th scope=\"col\">{}</th>", escaped(column))?;
    }
    writeln!(output, "</tr></thead><tbody>")?;
    for (index, row) in table.rows.iter().enumerate() {
        let bar = 100.0 * table.bar(index);
        write!(output, "<tr style=\"--bar:{bar:.2}%\">")?;
        for cell in row {
            write!(output, "<td>{}</td>", escaped(cell))?;
        }
        writeln!(output, "</tr>")?;
    }
    writeln!(output, "</tbody></table>")
}
