//! What a report says to people, as lines and tables that each output lays out
//! in its own way.

use common::text::counted;
use common::units::human_bytes;

use super::headline::{command, headline, lasting, over_time};
use super::memory::Memory;
use super::timeline::share;
use super::{Against, Bar, Heap, Part, Placed, Report, Span, Traced};

/// Heaps that are listed one by one; the rest are summed up.
const HEAPS_SHOWN: usize = 12;
/// Size classes that are listed.
const CLASSES_SHOWN: usize = 10;
/// A metric's name, which is one of the definitions', and its value.
pub(super) type Line = (&'static str, String);

/// A table of numbers.
pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// A share a row, to be drawn; empty for none.
    bars: Vec<f64>,
    /// Whether the longest bar is drawn for all there is, and not for the largest share.
    of_whole: bool,
    /// The jobs that a row is about; empty for none.
    picks: Vec<Pick>,
}

/// Jobs that a row of a table is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    /// Those of some sizes.
    Sizes(Span),
    /// Those that were requested with some sizes.
    Requested(Span),
    /// Those of some lifetimes.
    Ages(Span),
    /// Those of a heap.
    Heap(u64),
}

impl Table {
    /// How long the bar of a row is drawn, from 0 to 1, the longest of all.
    pub(super) fn bar(&self, row: usize) -> f64 {
        let longest = match self.of_whole {
            true => 1.0,
            false => self.bars.iter().copied().fold(0.0, f64::max),
        };
        self.bars.get(row).map_or(0.0, |&bar| share(bar, longest))
    }

    /// The jobs that a row is about.
    pub(super) fn pick(&self, row: usize) -> Option<Pick> {
        self.picks.get(row).copied()
    }
}

/// Lines under a heading.
pub(super) struct Section {
    /// Empty for what stands first.
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
}

/// All metrics that are one value, under their headings: of a traced program first what
/// it is and what could be saved; of other jobs the verdict first, and no headings.
pub(super) fn sections(report: &Report) -> Vec<Section> {
    let Some(memory) = &report.memory else {
        return vec![Section {
            title: "",
            lines: untraced(report),
        }];
    };
    let section = |title, lines: Vec<Line>| Section { title, lines };
    let mut sections = vec![section("", headline(report, memory))];
    let first = usize::from(lasting(memory).is_some());
    let rest = &memory.savings[first..];
    if !rest.is_empty() {
        let rest = rest.iter();
        let rest = rest.map(|saving| ("also", saving.text.clone()));
        sections.push(section(
            "what else could be saved; parts may overlap",
            rest.collect(),
        ));
    }
    sections.push(section("memory", over_time(memory)));
    if let Some(against) = &report.against {
        sections.push(section("the other placement", difference(report, against)));
    }
    let command = report.process.as_ref().and_then(command);
    let command = command.map(|command| ("command", command));
    let mut trace: Vec<Line> = command.into_iter().collect();
    trace.extend(traced(report.trace.as_ref()));
    sections.push(section("trace", trace));
    let mut jobs = blocks(report);
    jobs.extend(internal(report));
    jobs.extend(churn_and_hardness(report));
    sections.push(section("blocks", jobs));
    let mut placed = vec![("placement", verdict(report))];
    if let Some(placement) = &report.placement {
        placed.extend(external(placement));
    }
    sections.push(section("addresses", placed));
    sections
}

/// Of jobs that are no traced program's; the verdict first.
fn untraced(report: &Report) -> Vec<Line> {
    let mut lines = vec![("placement", verdict(report))];
    if let Some(against) = &report.against {
        lines.extend(difference(report, against));
    }
    lines.push(("jobs", report.jobs.to_string()));
    lines.extend(traced(report.trace.as_ref()));
    lines.extend(blocks(report).into_iter().skip(1));
    if let Some(placed) = &report.placement {
        lines.extend(placement(placed));
    }
    lines.extend(internal(report));
    lines.extend(churn_and_hardness(report));
    lines
}

fn blocks(report: &Report) -> Vec<Line> {
    let mut lines = vec![
        ("jobs", report.jobs.to_string()),
        ("heaps", report.heaps.len().to_string()),
    ];
    if let Some(job) = &report.largest {
        let (birth, death) = (job.birth, job.death);
        let size = bytes(job.size);
        let seconds = match &report.memory {
            Some(memory) if job.birth_seconds.is_some() => {
                format!(", born {}", memory.when(birth))
            }
            _ => String::new(),
        };
        lines.push((
            "largest job",
            format!("{size}, job {}, lives [{birth}, {death}){seconds}", job.id),
        ));
    }
    let load = report.load;
    let seconds = match &report.memory {
        Some(memory) if memory.peak_live_seconds.is_some() => {
            format!(", {}", memory.when(load.time))
        }
        _ => String::new(),
    };
    lines.push((
        "LOAD",
        format!("{} at time {}{seconds}", bytes(load.bytes), load.time),
    ));
    lines.push(("least", bytes(report.least)));
    lines
}

fn internal(report: &Report) -> Vec<Line> {
    let internal = report.internal;
    vec![
        ("internal peak", part(internal.at_peak, "of the size then")),
        ("internal total", part(internal.total, "of all sizes")),
    ]
}

fn placement(placed: &Placed) -> Vec<Line> {
    let pages = counted(placed.pages, "page");
    let mut lines = vec![
        ("makespan", format!("{}, {pages}", bytes(placed.makespan))),
        ("fragmentation", percent(placed.fragmentation)),
        ("makespan/LOAD", percent(placed.makespan_over_load)),
    ];
    lines.extend(external(placed));
    lines
}

fn external(placed: &Placed) -> Vec<Line> {
    let Some(external) = &placed.external else {
        let undefined = "not defined for an invalid placement".to_owned();
        return vec![("external", undefined)];
    };
    vec![
        ("external peak", part(external.at_peak, "of LOAD")),
        (
            "external time",
            format!("{} of the load over time", percent(external.over_time)),
        ),
        (
            "touched pages",
            format!("{} at most", external.touched_pages),
        ),
    ]
}

pub(super) fn verdict(report: &Report) -> String {
    match &report.placement {
        Some(placed) => placed_verdict(placed),
        None if report.placed_jobs > 0 => {
            let (placed, jobs) = (report.placed_jobs, report.jobs);
            format!("none: offsets for only {placed} of {jobs} jobs")
        }
        None => "none: the jobs have no offsets".to_owned(),
    }
}

fn placed_verdict(placed: &Placed) -> String {
    match &placed.violation {
        None => "valid".to_owned(),
        Some(violation) => format!("INVALID: {violation}"),
    }
}

fn traced(trace: Option<&Traced>) -> Vec<Line> {
    let Some(trace) = trace else {
        let unknown = |name| (name, "not recorded".to_owned());
        return vec![
            unknown("events"),
            unknown("threads"),
            unknown("never freed"),
        ];
    };
    let never_freed = format!(
        "{}, {}",
        counted(trace.never_freed, "job"),
        bytes(trace.never_freed_bytes)
    );
    let mut lines = vec![
        ("events", trace.events.to_string()),
        ("threads", trace.threads.to_string()),
        ("never freed", never_freed),
    ];
    let unseen = trace.unseen;
    if unseen.births + unseen.ends > 0 {
        let births = counted(unseen.births, "birth");
        let ends = counted(unseen.ends, "end");
        lines.push(("not seen", format!("{births} and {ends} of blocks")));
    }
    for anomaly in &trace.anomalies {
        let (count, at) = (anomaly.count, anomaly.first_at);
        lines.push((
            "odd",
            format!("{count} x {}, first at byte {at}", anomaly.kind),
        ));
    }
    lines
}

fn churn_and_hardness(report: &Report) -> Vec<Line> {
    let (churn, hardness) = (&report.churn, &report.hardness);
    vec![
        (
            "churn",
            format!(
                "{} jobs and {} bytes requested, per byte of LOAD",
                number(churn.jobs_over_load),
                number(churn.requested_over_load)
            ),
        ),
        (
            "freed at once",
            format!(
                "{}, {} of all",
                counted(churn.freed_at_once, "job"),
                percent(churn.freed_at_once_share)
            ),
        ),
        (
            "size spread",
            format!(
                "{}; smallest {}, median {}",
                number(hardness.size_spread),
                hardness.smallest,
                hardness.median
            ),
        ),
        ("death spread", number(hardness.death_spread)),
        (
            "conflicts",
            format!(
                "{}, {} of all pairs",
                counted(hardness.conflicts, "pair"),
                percent(hardness.conflict_density)
            ),
        ),
    ]
}

fn difference(report: &Report, against: &Against) -> Vec<Line> {
    let other = &against.placement;
    let saved = format!(
        "{}, {}, {}",
        counted(against.saved_bytes, "byte"),
        counted(against.saved_pages, "page"),
        percent(against.saved_share)
    );
    vec![
        ("against", against.name.clone()),
        ("its placement", placed_verdict(other)),
        (
            "its makespan",
            format!(
                "{}, {}",
                bytes(other.makespan),
                counted(other.pages, "page")
            ),
        ),
        ("its fragment.", percent(other.fragmentation)),
        ("saved", saved),
        (
            "moved",
            format!("{} of {}", against.moved, counted(report.jobs, "job")),
        ),
    ]
}

/// All metrics that are many values.
pub(super) fn tables(report: &Report) -> Vec<Table> {
    let mut tables = Vec::new();
    if let Some(memory) = report
        .memory
        .as_ref()
        .filter(|memory| !memory.pins.is_empty())
    {
        tables.push(pins(memory));
    }
    if let Some(against) = &report.against {
        tables.push(changes(against));
    }
    if report.heaps.len() > 1 {
        tables.push(heaps(&report.heaps));
    }
    if report.jobs > 0 {
        tables.push(classes(report));
        tables.push(histogram("sizes", "bytes", &report.sizes, Pick::Sizes));
        tables.push(histogram(
            "lifetimes",
            "ticks",
            &report.lifetimes,
            Pick::Ages,
        ));
    }
    tables
}

fn pins(memory: &Memory) -> Table {
    let shown = || memory.pins.iter().take(CLASSES_SHOWN);
    let of_all = |bytes: u64| share(bytes as f64, memory.peak_pinned as f64);
    Table {
        title: "who alone keeps mostly free pages, when most is pinned",
        columns: vec!["requested", "blocks", "keep", "of what is pinned"],
        rows: shown()
            .map(|pin| {
                vec![
                    pin.sizes(),
                    pin.blocks.to_string(),
                    human_bytes(pin.bytes),
                    percent(of_all(pin.bytes)),
                ]
            })
            .collect(),
        bars: shown().map(|pin| of_all(pin.bytes)).collect(),
        of_whole: true,
        picks: shown()
            .map(|pin| {
                Pick::Requested(Span {
                    from: pin.smallest,
                    to: pin.largest,
                })
            })
            .collect(),
    }
}

fn heaps(heaps: &[Heap]) -> Table {
    let mut largest: Vec<&Heap> = heaps.iter().collect();
    largest.sort_by_key(|heap| std::cmp::Reverse((heap.makespan, heap.load.bytes)));
    let (shown, rest) = largest.split_at(largest.len().min(HEAPS_SHOWN));
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let row = |heap: &&Heap| {
        vec![
            format!("{:#x}", heap.base),
            heap.jobs.to_string(),
            short(heap.load.bytes),
            or_dash(heap.makespan.map(short)),
            or_dash(heap.pages.map(count)),
            or_dash(heap.fragmentation.map(percent)),
        ]
    };
    let mut rows: Vec<_> = shown.iter().map(row).collect();
    if !rest.is_empty() {
        let sum = |part: fn(&Heap) -> Option<u64>| {
            let parts = rest.iter().filter_map(|heap| part(heap));
            parts.fold(0, u64::saturating_add)
        };
        rows.push(vec![
            format!("{} smaller", rest.len()),
            count(sum(|heap| Some(heap.jobs as u64))),
            "-".to_owned(),
            "-".to_owned(),
            "-".to_owned(),
            "-".to_owned(),
        ]);
    }
    Table {
        title: "heaps, the largest first",
        columns: vec!["heap", "jobs", "LOAD", "makespan", "pages", "fragmentation"],
        rows,
        bars: Vec::new(),
        of_whole: false,
        picks: shown.iter().map(|heap| Pick::Heap(heap.base)).collect(),
    }
}

fn classes(report: &Report) -> Table {
    let shown = || report.classes.iter().take(CLASSES_SHOWN);
    Table {
        title: "size classes, the most costly first",
        columns: vec!["up to", "jobs", "area share", "at the peak", "share"],
        rows: shown()
            .map(|class| {
                vec![
                    class.span.to.to_string(),
                    class.jobs.to_string(),
                    percent(class.area_share),
                    class.at_peak.bytes.to_string(),
                    percent(class.at_peak.share),
                ]
            })
            .collect(),
        bars: shown().map(|class| class.area_share).collect(),
        of_whole: false,
        picks: shown().map(|class| Pick::Sizes(class.span)).collect(),
    }
}

fn changes(against: &Against) -> Table {
    let shown = || against.classes.iter().take(CLASSES_SHOWN);
    Table {
        title: "size classes that cause the difference",
        columns: vec!["up to", "jobs", "jobs above", "above", "lowered by"],
        rows: shown()
            .map(|class| {
                vec![
                    class.span.to.to_string(),
                    class.jobs.to_string(),
                    class.jobs_above.to_string(),
                    percent(class.above_share),
                    distance(class.lowered_by),
                ]
            })
            .collect(),
        bars: shown().map(|class| class.above_share).collect(),
        of_whole: false,
        picks: shown().map(|class| Pick::Sizes(class.span)).collect(),
    }
}

fn histogram(
    title: &'static str,
    unit: &'static str,
    bars: &[Bar],
    pick: fn(Span) -> Pick,
) -> Table {
    let jobs: u64 = bars.iter().map(|bar| bar.jobs).sum();
    let share = |bar: &Bar| share(bar.jobs as f64, jobs as f64);
    Table {
        title,
        columns: vec![unit, "to", "jobs", "share"],
        rows: bars
            .iter()
            .map(|bar| {
                vec![
                    bar.span.from.to_string(),
                    bar.span.to.to_string(),
                    bar.jobs.to_string(),
                    percent(share(bar)),
                ]
            })
            .collect(),
        bars: bars.iter().map(share).collect(),
        of_whole: false,
        picks: bars.iter().map(|bar| pick(bar.span)).collect(),
    }
}

fn part(part: Part, whole: &str) -> String {
    format!("{}, {} {whole}", bytes(part.bytes), percent(part.share))
}

/// Bytes, exactly, and as people say them.
pub(super) fn bytes(bytes: u64) -> String {
    if bytes < 1024 {
        counted(bytes, "byte")
    } else {
        format!("{bytes} bytes ({})", human_bytes(bytes))
    }
}

/// A number from which columns of a wide table give it rounded, to fit.
const LONG: u64 = 1_000_000_000;

fn short(bytes: u64) -> String {
    if bytes < LONG {
        bytes.to_string()
    } else {
        human_bytes(bytes)
    }
}

fn count(count: u64) -> String {
    if count < LONG {
        count.to_string()
    } else {
        format!("{:.2e}", count as f64)
    }
}

fn distance(bytes: f64) -> String {
    if bytes.abs() < 1e12 {
        format!("{bytes:.1}")
    } else {
        format!("{bytes:.3e}")
    }
}

fn percent(fraction: f64) -> String {
    format!("{:.4} %", 100.0 * fraction)
}

/// Four digits or so of a number of any magnitude.
pub(super) fn number(value: f64) -> String {
    if value == 0.0 || (0.001..1e9).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.3e}")
    }
}
