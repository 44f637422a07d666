//! What the page's script reads: a description in JSON, and packed columns of
//! numbers: the records that the map draws, the regions of memory, and what is
//! known over time.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use common::input::Document;
use common::job::{Job, JobId, Piece};
use common::load;
use common::text::printable;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;

use super::against::pairs;
use super::columns::{Column, Columns};
use super::history::Clock;
use super::html::Page;
use super::regions::Layout;
use super::svg::COLOURS;
use super::{Other, Report};

/// What the page's script reads before the packed columns. Numbers that may
/// pass 2^53 are text.
#[derive(Serialize)]
struct Meta<'a> {
    count: usize,
    colour: &'static str,
    palette: [&'static str; COLOURS.len()],
    /// What the logical clock counts.
    clock: &'static str,
    placements: &'a [PlacementMeta<'a>],
    load: String,
    peak: String,
    least: Option<String>,
    pins: Vec<PinMeta<'a>>,
    columns: &'a [Column],
    /// Further columns, in this order.
    tables: Vec<TableMeta<'a>>,
    /// Whether a JSON array of ids follows the columns.
    text_ids: bool,
}

#[derive(Serialize)]
struct PlacementMeta<'a> {
    name: Cow<'a, str>,
    /// How high it is in the map.
    makespan: String,
    /// What it takes, as the report says.
    takes: String,
    /// Whether its regions are a process's, each with a life of its own.
    lived: bool,
}

#[derive(Serialize)]
struct PinMeta<'a> {
    label: Cow<'a, str>,
    blocks: String,
    bytes: String,
}

#[derive(Serialize)]
struct TableMeta<'a> {
    name: &'static str,
    count: usize,
    columns: &'a [Column],
}

/// Columns of one length beside those of the records.
struct Extra {
    name: &'static str,
    count: usize,
    columns: Columns,
}

/// All that the script gets.
pub(super) struct MapData<'a> {
    page: &'a Page<'a>,
    placements: Vec<PlacementMeta<'a>>,
    count: usize,
    columns: Columns,
    extras: Vec<Extra>,
    text_ids: Option<Vec<String>>,
}

impl<'a> MapData<'a> {
    /// `None` where the document has no placement.
    pub(super) fn new(page: &'a Page<'a>) -> Option<MapData<'a>> {
        let jobs = page.document.problem.jobs();
        let nothing = common::placement::Placement::default();
        let placement = match &page.document.placement {
            Some(placement) => placement,
            None if jobs.is_empty() => &nothing,
            None => return None,
        };
        let layout = Layout::new(jobs, placement, page.document.memory.as_ref());
        let mut placements = vec![PlacementMeta::new(page.title, &layout, page.report)];
        let mut extras = vec![regions("regions", &layout)];
        let records = records(page.document);
        let mut columns = Columns::default();
        job_columns(&mut columns, page.document, &records);
        let low = |record: &Record| {
            let index = record.job as usize;
            let within = layout.within(index, &jobs[index], placement.offsets[index]);
            within.saturating_add(record.piece.low)
        };
        let heap = |record: &Record| u64::from(layout.of_job[record.job as usize]);
        columns.push("low", records.iter().map(low));
        columns.push("heap", records.iter().map(heap));
        if let Some(other) = &page.other {
            let (meta, layout) = other_columns(&mut columns, page.document, other, &records)?;
            placements.push(meta);
            extras.push(regions("other_regions", &layout));
        }
        if jobs.iter().any(|job| job.group().is_some()) {
            extras.push(curve(page.document));
        }
        extras.extend(known(page, &layout));
        let is_text = |job: &Job| matches!(job.id, JobId::Text(_));
        // What is shown is what is searched for.
        let id =
            |record: &Record| printable(&jobs[record.job as usize].id.to_string()).into_owned();
        let ids = || records.iter().map(id).collect();
        Some(MapData {
            page,
            placements,
            count: records.len(),
            columns,
            extras,
            text_ids: jobs.iter().any(is_text).then(ids),
        })
    }

    /// The description, as JSON that ends no script.
    pub(super) fn meta(&self) -> io::Result<String> {
        let load = self.page.report.load;
        let history = &self.page.history;
        let meta = Meta {
            count: self.count,
            colour: self.page.colour.name(),
            palette: COLOURS,
            clock: clock_name(self.page),
            placements: &self.placements,
            load: load.bytes.to_string(),
            peak: load.time.to_string(),
            least: history.least.map(|least| least.to_string()),
            pins: history.pins.iter().map(PinMeta::new).collect(),
            columns: &self.columns.heads,
            tables: self.extras.iter().map(Extra::meta).collect(),
            text_ids: self.text_ids.is_some(),
        };
        Ok(serde_json::to_string(&meta)?.replace('<', "\\u003c"))
    }

    /// The columns, deflated, in base64.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let text = EncoderWriter::new(output, &STANDARD);
        let mut packed = ZlibEncoder::new(text, Compression::default());
        self.columns.write(&mut packed)?;
        for extra in &self.extras {
            extra.columns.write(&mut packed)?;
        }
        if let Some(ids) = &self.text_ids {
            serde_json::to_writer(&mut packed, ids)?;
        }
        packed.finish()?.finish()?;
        Ok(())
    }
}

/// What the axis of time counts.
pub(super) fn clock_name(page: &Page<'_>) -> &'static str {
    match page.document.trace {
        _ if Clock::new(&page.history).tells_time() => "seconds",
        Some(_) => "bytes requested",
        None => "time",
    }
}

impl Extra {
    fn new(name: &'static str, count: usize) -> Extra {
        let columns = Columns::default();
        Extra {
            name,
            count,
            columns,
        }
    }

    fn with(mut self, name: &'static str, values: impl Iterator<Item = u64>) -> Extra {
        self.columns.push(name, values);
        self
    }

    fn meta(&self) -> TableMeta<'_> {
        TableMeta {
            name: self.name,
            count: self.count,
            columns: &self.columns.heads,
        }
    }
}

impl<'a> PlacementMeta<'a> {
    fn new(name: &'a str, layout: &Layout, report: &Report) -> PlacementMeta<'a> {
        let placed = report.placement.as_ref();
        PlacementMeta {
            name: printable(name),
            makespan: layout.height.to_string(),
            takes: placed.map_or(0, |placed| placed.makespan).to_string(),
            lived: layout.lived,
        }
    }
}

impl<'a> PinMeta<'a> {
    fn new(pin: &'a super::PinnedBy) -> PinMeta<'a> {
        PinMeta {
            label: printable(&pin.label),
            blocks: pin.blocks.to_string(),
            bytes: pin.bytes.to_string(),
        }
    }
}

fn regions(name: &'static str, layout: &Layout) -> Extra {
    let all = || layout.regions.iter();
    Extra::new(name, layout.regions.len())
        .with("base", all().map(|region| region.base))
        .with(
            "size",
            all().map(|region| region.end.saturating_sub(region.base)),
        )
        .with("birth", all().map(|region| region.birth))
        .with("death", all().map(|region| region.death))
        .with("below", layout.below.iter().copied())
}

/// What a trace tells beside the jobs.
fn known(page: &Page<'_>, layout: &Layout) -> Vec<Extra> {
    let history = &page.history;
    let mut known = Vec::new();
    if let Some(memory) = &page.document.memory {
        let all = || memory.moments.iter();
        known.push(
            Extra::new("moments", memory.moments.len())
                .with("time", all().map(|moment| moment.time))
                .with("usable", all().map(|moment| moment.usable))
                .with("held", all().map(|moment| moment.held))
                .with("touched", all().map(|moment| moment.touched)),
        );
        let touched = layout.touched(&memory.touched);
        let all = || touched.iter();
        known.push(
            Extra::new("touched", touched.len())
                .with("birth", all().map(|pages| pages.birth))
                .with("death", all().map(|pages| pages.death))
                .with("low", all().map(|pages| pages.low))
                .with("size", all().map(|pages| pages.high - pages.low)),
        );
    }
    for (name, samples) in [
        ("resident", &history.resident),
        ("seconds", &history.seconds),
    ] {
        if name == "resident" || Clock::new(history).tells_time() {
            known.push(
                Extra::new(name, samples.len())
                    .with("time", samples.iter().map(|sample| sample.0))
                    .with("value", samples.iter().map(|sample| sample.1)),
            );
        }
    }
    known.retain(|extra| extra.count > 0);
    known
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
) -> Option<(PlacementMeta<'a>, Layout)> {
    let placement = other.document.placement.as_ref()?;
    let jobs = other.document.problem.jobs();
    let mut counterpart = vec![0u32; document.problem.len()];
    for (index, twin) in pairs(document, other).ok()? {
        counterpart[index as usize] = twin;
    }
    let layout = Layout::new(jobs, placement, other.document.memory.as_ref());
    let twin = |record: &Record| counterpart[record.job as usize] as usize;
    let low = |record: &Record| {
        let index = twin(record);
        let within = layout.within(index, &jobs[index], placement.offsets[index]);
        within.saturating_add(record.piece.low)
    };
    columns.push("other_low", records.iter().map(low));
    let heap = |record: &Record| u64::from(layout.of_job[twin(record)]);
    columns.push("other_heap", records.iter().map(heap));
    Some((
        PlacementMeta::new(other.name, &layout, other.report),
        layout,
    ))
}

/// The load, where the pieces do not tell it: with groups.
fn curve(document: &Document) -> Extra {
    let curve = load::curve(document.problem.jobs());
    Extra::new("curve", curve.len())
        .with("time", curve.iter().map(|point| point.0))
        .with("load", curve.iter().map(|point| point.1))
}
