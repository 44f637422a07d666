//! A picture of a placement: address over time, one rectangle a job, the
//! memory over time beneath. Heaps lie one above the other.
//!
//! Rectangles too small to see are merged: their area goes to a grid of cells,
//! drawn by how full each is, in the mean of their colours. The file is bounded by the picture's size, not
//! by the number of jobs.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::str::FromStr;

use common::job::{Job, Piece};
use common::load;
use common::placement::Placement;
use common::text::{counted, printable};
use common::units::human_bytes;

use super::density::Density;
use super::history::Clock;
use super::html::Page;
use super::map_data::clock_name;
use super::regions::Layout;
use super::scale::{Marks, Scale, Unit};

/// Sizes in pixels.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 640.0;
const LOAD_HEIGHT: f64 = 120.0;
const MARGIN: f64 = 72.0;
/// A rectangle narrower or lower than this, or of less area than four times
/// its square, is merged into the grid.
const SMALLEST: f64 = 1.0;
/// Side of a cell of that grid.
const CELL: f64 = 2.0;
/// Columns of the load curve.
const COLUMNS: usize = 1200;
/// Jobs up to which each gets a tool tip and, where there is room, its id.
const NAMED: usize = 2000;
/// Width of a letter of an id.
const LETTER: f64 = 6.5;

/// Heaps lower than this get no line of their own: many would blacken the map.
const APART: f64 = 12.0;

/// Colours from small to large, or from short-lived to long-lived.
pub(super) const COLOURS: [&str; 8] = [
    "#4e79a7", "#76b7b2", "#59a14f", "#9c9f45", "#edc948", "#f28e2b", "#e15759", "#b07aa1",
];

const STYLE: &str = "\
svg{background:#fff;color:#222;font:12px sans-serif}\
text{fill:currentColor}\
.frame{fill:none;stroke:currentColor;stroke-opacity:.4}\
.tick{stroke:currentColor;stroke-opacity:.15}\
.region{fill:#eceef2}\
.heap{fill:none;stroke:currentColor;stroke-opacity:.25}\
.name{font-size:10px;paint-order:stroke;stroke:#fff;stroke-width:2}\
.job{stroke:#fff;stroke-width:.3}\
.id{fill:#111;stroke:none;font-size:11px;pointer-events:none}\
.load{fill:#4e79a7;fill-opacity:.5}\
.held{fill:none;stroke:#8250c4;stroke-width:1.4}\
.resident{fill:none;stroke:#d9700f;stroke-width:1.4}\
.least{stroke:#1a7f4b;stroke-width:1.4;stroke-dasharray:3 3}\
.peak{stroke:#d62728;stroke-width:1.2;stroke-dasharray:6 3}\
@media (prefers-color-scheme:dark){svg{background:#16181d;color:#ddd}\
.job,.name{stroke:#16181d}.region{fill:#23262d}.peak{stroke:#ff6b6b}.load{fill:#76a5d6}\
.held{stroke:#b592ee}.resident{stroke:#ff9d47}.least{stroke:#4ec98a}}";

/// What a rectangle's colour tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// The job's size.
    #[default]
    Size,
    /// The age that the job reaches: its lifetime.
    Age,
}

impl Colour {
    fn value(self, job: &Job, clock: &Clock<'_>) -> f64 {
        match self {
            Colour::Size => job.size as f64,
            Colour::Age => clock.at(job.death) - clock.at(job.birth),
        }
    }

    /// What its values are.
    fn unit(self, page: &Page<'_>) -> Unit {
        match (self, clock_name(page)) {
            (Colour::Size, _) | (_, "bytes requested") => Unit::Bytes,
            (_, "seconds") => Unit::Time,
            _ => Unit::Ticks,
        }
    }

    /// Its name, as the command line takes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Colour::Size => "size",
            Colour::Age => "age",
        }
    }
}

impl FromStr for Colour {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "size" => Ok(Colour::Size),
            "age" => Ok(Colour::Age),
            other => Err(format!("{other:?} is no colouring: use size or age")),
        }
    }
}

/// Where time and address lie in the picture.
struct Frame<'a> {
    clock: Clock<'a>,
    birth: f64,
    death: f64,
    height: u64,
}

impl Frame<'_> {
    fn x(&self, time: u64) -> f64 {
        let share = (self.clock.at(time) - self.birth) / (self.death - self.birth);
        MARGIN + share.clamp(0.0, 1.0) * WIDTH
    }

    fn y(&self, address: f64) -> f64 {
        MARGIN + HEIGHT - address / self.height.max(1) as f64 * HEIGHT
    }
}

/// Draws the document's placement; `None` where it has none. O(n log n).
pub fn svg(page: &Page<'_>) -> Option<String> {
    let document = page.document;
    let jobs = document.problem.jobs();
    let nothing = Placement::default();
    let placement = match &document.placement {
        Some(placement) => placement,
        None if jobs.is_empty() => &nothing,
        None => return None,
    };
    let layout = Layout::new(jobs, placement, document.memory.as_ref());
    let clock = Clock::new(&page.history);
    let birth = clock.at(jobs.iter().map(|job| job.birth).min().unwrap_or(0));
    let death = clock.at(jobs.iter().map(|job| job.death).max().unwrap_or(1));
    let frame = Frame {
        clock,
        birth,
        // Far from 0 a tick may be less than a number can tell.
        death: death.max(birth + 1f64.max(birth * 4.0 * f64::EPSILON)),
        height: layout.height,
    };
    let curve = load::curve(jobs);
    let peak = super::measure::peak(&curve);
    let scale = Scale::new(
        jobs.iter().map(|job| page.colour.value(job, &clock)),
        page.colour.unit(page),
        COLOURS.len(),
    );
    let mut svg = String::new();
    head(&mut svg, page, &summary(jobs.len(), &layout, peak.bytes));
    legend(&mut svg, &scale, page.colour);
    axes(&mut svg, &frame, page);
    let rectangles = Rectangles {
        layout: &layout,
        frame: &frame,
        scale: &scale,
        colour: page.colour,
    };
    ground(&mut svg, &layout, &frame);
    rectangles.draw(&mut svg, jobs, placement);
    separators(&mut svg, &layout, &frame);
    chart(&mut svg, &curve, peak, &frame, page);
    svg.push_str("</svg>\n");
    Some(svg)
}

/// Text as XML takes it; what XML cannot hold at all is replaced.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

fn summary(jobs: usize, layout: &Layout, load: u64) -> String {
    let jobs = counted(jobs, "job");
    let places = match layout.lived {
        true => counted(layout.regions.len(), "region"),
        false => counted(layout.regions.len(), "heap"),
    };
    let (load, height) = (human_bytes(load), human_bytes(layout.height));
    format!(
        "{jobs}, {places}, LOAD {load}, height {height}; paler: many small jobs, with gaps between"
    )
}

fn head(svg: &mut String, page: &Page<'_>, summary: &str) {
    let width = WIDTH + 2.0 * MARGIN;
    let total = HEIGHT + LOAD_HEIGHT + 3.0 * MARGIN;
    let (name, outcome) = (page.name(), page.outcome());
    let title = match &outcome {
        Some(outcome) => format!("{name}: {outcome}"),
        None => name.to_owned(),
    };
    let title = escaped(&title);
    let name = escaped(&fitted(name, 1.4 * LETTER));
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}">
<title>{title}</title><style>{STYLE}</style>
<text x="{MARGIN}" y="18" font-size="16">{name}</text>"#
    );
    let lines = [
        (33, outcome.unwrap_or_default().into_owned()),
        (47, summary.to_owned()),
    ];
    for (y, line) in lines {
        let line = escaped(&fitted(&line, LETTER));
        let _ = writeln!(svg, r#"<text x="{MARGIN}" y="{y}">{line}</text>"#);
    }
}

/// As much of a text as the picture is wide for letters of a width.
fn fitted(text: &str, letter: f64) -> Cow<'_, str> {
    let most = (WIDTH / letter) as usize;
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// What the colours mean, in one row.
fn legend(svg: &mut String, scale: &Scale, colour: Colour) {
    let mut x = MARGIN;
    let y = MARGIN - 10.0;
    let name = colour.name();
    let _ = writeln!(svg, r#"<text x="{x}" y="{y}">{name}</text>"#);
    x += 36.0;
    for (step, text) in scale.legend() {
        let (fill, top) = (COLOURS[step], y - 10.0);
        let _ = writeln!(
            svg,
            r#"<rect x="{x}" y="{top}" width="18" height="11" fill="{fill}"/><text x="{}" y="{y}">{}</text>"#,
            x + 23.0,
            escaped(&text)
        );
        x += 42.0 + LETTER * text.chars().count() as f64;
    }
}

/// How jobs are drawn.
struct Rectangles<'a> {
    layout: &'a Layout,
    frame: &'a Frame<'a>,
    scale: &'a Scale,
    colour: Colour,
}

impl Rectangles<'_> {
    fn draw(&self, svg: &mut String, jobs: &[Job], placement: &Placement) {
        let named = jobs.len() <= NAMED;
        let mut by_colour = vec![String::new(); COLOURS.len()];
        let mut density = Density::new(WIDTH, HEIGHT, CELL);
        for (index, (job, &offset)) in jobs.iter().zip(&placement.offsets).enumerate() {
            let base = self.layout.address(index, job, offset) as f64;
            let value = self.colour.value(job, &self.frame.clock);
            let step = self.scale.step(value);
            let of_colour = &mut by_colour[step];
            for piece in job.pieces() {
                let shape = Shape::new(&piece, base, self.frame);
                if shape.is_small() && !named {
                    shape.merge(&mut density, step);
                } else if named {
                    shape.draw_named(of_colour, job, offset);
                } else {
                    shape.draw(of_colour);
                }
            }
        }
        density.draw(svg, MARGIN, MARGIN, &COLOURS);
        for (colour, shapes) in COLOURS.iter().zip(&by_colour) {
            if !shapes.is_empty() {
                let _ = write!(svg, "<g class=\"job\" fill=\"{colour}\">\n{shapes}</g>\n");
            }
        }
    }
}

/// What is held, behind the blocks: where regions have a life of their own.
fn ground(svg: &mut String, layout: &Layout, frame: &Frame<'_>) {
    if !layout.lived {
        return;
    }
    let mut path = String::new();
    for (region, &below) in layout.regions.iter().zip(&layout.below) {
        let size = region.end.saturating_sub(region.base);
        let (left, right) = (frame.x(region.birth), frame.x(region.death));
        let (top, bottom) = (frame.y(below as f64 + size as f64), frame.y(below as f64));
        let (width, height) = (right - left, bottom - top);
        // The file is bounded by the picture's size.
        if width >= 2.0 && height >= 2.0 {
            let _ = write!(
                path,
                "M{left:.1} {top:.1}h{width:.1}v{height:.1}h-{width:.1}z"
            );
        }
    }
    let _ = writeln!(svg, r#"<path class="region" d="{path}"/>"#);
}

/// Thin lines where one heap or region ends and the next begins, where they
/// are far enough apart to tell anything; and the names, where they fit.
fn separators(svg: &mut String, layout: &Layout, frame: &Frame<'_>) {
    if layout.regions.len() < 2 {
        return;
    }
    for (region, &below) in layout.regions.iter().zip(&layout.below) {
        let size = region.end.saturating_sub(region.base);
        let (top, bottom) = (frame.y(below as f64 + size as f64), frame.y(below as f64));
        let (left, right) = match layout.lived {
            true => (frame.x(region.birth), frame.x(region.death)),
            false => (MARGIN, MARGIN + WIDTH),
        };
        if bottom - top < APART || right - left < APART {
            continue;
        }
        let _ = writeln!(
            svg,
            r#"<rect class="heap" x="{left:.1}" y="{top:.1}" width="{:.1}" height="{:.1}"/>"#,
            right - left,
            bottom - top
        );
        let name = format!("{:#x}", region.base);
        if bottom - top >= 24.0 && right - left > LETTER * name.len() as f64 + 8.0 {
            let _ = writeln!(
                svg,
                r#"<text class="name" x="{:.1}" y="{:.1}">{name}</text>"#,
                left + 4.0,
                top + 12.0
            );
        }
    }
}

/// A piece of a job, in pixels.
struct Shape {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Shape {
    fn new(piece: &Piece, base: f64, frame: &Frame<'_>) -> Shape {
        let (left, top) = (frame.x(piece.birth), frame.y(base + piece.high as f64));
        Shape {
            left,
            top,
            width: frame.x(piece.death) - left,
            height: frame.y(base + piece.low as f64) - top,
        }
    }

    fn is_small(&self) -> bool {
        self.width < SMALLEST
            || self.height < SMALLEST
            || self.width * self.height < 4.0 * SMALLEST * SMALLEST
    }

    fn merge(&self, density: &mut Density, step: usize) {
        let (left, top) = (self.left - MARGIN, self.top - MARGIN);
        density.add(left, left + self.width, top, top + self.height, step);
    }

    fn draw(&self, svg: &mut String) {
        let Shape {
            left,
            top,
            width,
            height,
        } = self;
        let _ = writeln!(
            svg,
            r#"<path d="M{left:.1} {top:.1}h{width:.1}v{height:.1}h-{width:.1}z"/>"#
        );
    }

    /// With a tool tip, and the id where it fits.
    fn draw_named(&self, svg: &mut String, job: &Job, offset: u64) {
        let Shape {
            left,
            top,
            width,
            height,
        } = self;
        let id = job.id.to_string();
        let id = printable(&id);
        let (birth, death, size) = (job.birth, job.death, counted(job.size, "byte"));
        let safe = escaped(&id);
        let _ = write!(
            svg,
            r#"<rect x="{left:.2}" y="{top:.2}" width="{width:.2}" height="{height:.2}">"#
        );
        let _ = writeln!(
            svg,
            "<title>job {safe}: [{birth}, {death}), {size} at offset {offset}</title></rect>"
        );
        let fits = |text: &str| text.chars().count() as f64 * LETTER + 4.0 <= *width;
        let names = [id.into_owned(), human_bytes(job.size)];
        if let Some(name) = names.iter().find(|name| *height >= 12.0 && fits(name)) {
            let name = escaped(name);
            let (x, y) = (left + width / 2.0, top + height / 2.0 + 4.0);
            let place = format!(r#"x="{x:.1}" y="{y:.1}" text-anchor="middle""#);
            let _ = writeln!(svg, r#"<text class="id" {place}>{name}</text>"#);
        }
    }
}

fn horizontal(svg: &mut String, class: &str, y: f64) {
    let right = MARGIN + WIDTH;
    let _ = writeln!(
        svg,
        r#"<line class="{class}" x1="{MARGIN}" x2="{right}" y1="{y:.2}" y2="{y:.2}"/>"#
    );
}

fn vertical(svg: &mut String, class: &str, x: f64, top: f64, bottom: f64) {
    let _ = writeln!(
        svg,
        r#"<line class="{class}" x1="{x:.2}" x2="{x:.2}" y1="{top}" y2="{bottom}"/>"#
    );
}

fn axes(svg: &mut String, frame: &Frame<'_>, page: &Page<'_>) {
    let bottom = MARGIN + HEIGHT;
    let _ = writeln!(
        svg,
        r#"<rect class="frame" x="{MARGIN}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}"/>"#
    );
    let addresses = Marks::new(0.0, frame.height as f64, 8, Unit::Bytes);
    for (address, label) in &addresses.marks {
        let y = frame.y(*address);
        horizontal(svg, "tick", y);
        let (x, y) = (MARGIN - 6.0, y + 4.0);
        let _ = writeln!(
            svg,
            r#"<text x="{x}" y="{y:.1}" text-anchor="end">{label}</text>"#
        );
    }
    let (x, y) = (16, MARGIN + HEIGHT / 2.0);
    let _ = writeln!(
        svg,
        r#"<text x="{x}" y="{y}" text-anchor="middle" transform="rotate(-90 {x} {y})">address ({})</text>"#,
        addresses.unit
    );
    let times = Marks::new(frame.birth, frame.death, 10, Colour::Age.unit(page));
    for (time, label) in &times.marks {
        let share = (time - frame.birth) / (frame.death - frame.birth);
        let x = MARGIN + share * WIDTH;
        vertical(svg, "tick", x, MARGIN, bottom);
        let y = bottom + 16.0;
        let _ = writeln!(
            svg,
            r#"<text x="{x:.1}" y="{y}" text-anchor="middle">{label}</text>"#
        );
    }
    let name = match clock_name(page) {
        "seconds" => "time",
        other => other,
    };
    let unit = match times.unit {
        "" => String::new(),
        unit => format!(" ({unit})"),
    };
    let (x, y) = (MARGIN + WIDTH / 2.0, bottom + 34.0);
    let _ = writeln!(
        svg,
        r#"<text x="{x}" y="{y}" text-anchor="middle">{name}{unit}</text>"#
    );
}

/// The memory over time, on the map's axis of time.
fn chart(
    svg: &mut String,
    curve: &[(u64, u64)],
    peak: super::PeakLoad,
    frame: &Frame<'_>,
    page: &Page<'_>,
) {
    let history = &page.history;
    let (top, bottom) = (HEIGHT + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN + LOAD_HEIGHT);
    let held: Vec<(u64, u64)> = page.document.memory.as_ref().map_or(Vec::new(), |memory| {
        let moments = memory.moments.iter();
        moments.map(|moment| (moment.time, moment.held)).collect()
    });
    let lines: [(&str, &[(u64, u64)]); 2] = [("held", &held), ("resident", &history.resident)];
    let values = lines
        .iter()
        .flat_map(|(_, line)| line.iter().map(|point| point.1));
    let most = values.fold(peak.bytes.max(1), u64::max) as f64;
    let y = |bytes: u64| bottom - bytes as f64 / most * LOAD_HEIGHT;
    let marks = Marks::new(0.0, most, 3, Unit::Bytes);
    for (value, label) in &marks.marks {
        let y = bottom - value / most * LOAD_HEIGHT;
        horizontal(svg, "tick", y);
        let (x, y) = (MARGIN - 6.0, y + 4.0);
        let _ = writeln!(
            svg,
            r#"<text x="{x}" y="{y:.1}" text-anchor="end">{label}</text>"#
        );
    }
    let (x, middle) = (16, (top + bottom) / 2.0);
    let _ = writeln!(
        svg,
        r#"<text x="{x}" y="{middle}" text-anchor="middle" transform="rotate(-90 {x} {middle})">bytes ({})</text>"#,
        marks.unit
    );
    let mut path = format!("M{MARGIN} {bottom}");
    for (index, &load) in columns(curve, frame).iter().enumerate() {
        let x = MARGIN + index as f64 * WIDTH / COLUMNS as f64;
        let _ = write!(path, "L{x:.1} {:.1}h{:.1}", y(load), WIDTH / COLUMNS as f64);
    }
    let right = MARGIN + WIDTH;
    let _ = writeln!(svg, r#"<path class="load" d="{path}L{right} {bottom}z"/>"#);
    for (class, line) in lines.iter().filter(|(_, line)| !line.is_empty()) {
        let columns = columns(line, frame);
        let mut path = String::new();
        for (index, &bytes) in columns.iter().enumerate() {
            let x = MARGIN + index as f64 * WIDTH / COLUMNS as f64;
            let step = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{step}{x:.1} {:.1}", y(bytes));
        }
        let _ = writeln!(svg, r#"<path class="{class}" d="{path}"/>"#);
    }
    if let Some(least) = history.least {
        horizontal(svg, "least", y(least));
    }
    let _ = writeln!(
        svg,
        r#"<rect class="frame" x="{MARGIN}" y="{top}" width="{WIDTH}" height="{LOAD_HEIGHT}"/>"#
    );
    let x = frame.x(peak.time);
    vertical(svg, "peak", x, MARGIN, MARGIN + HEIGHT);
    vertical(svg, "peak", x, top, bottom);
    curves_legend(svg, peak, &lines, history.least, bottom + 18.0);
}

/// What each curve is, and how far it goes.
fn curves_legend(
    svg: &mut String,
    peak: super::PeakLoad,
    lines: &[(&str, &[(u64, u64)])],
    least: Option<u64>,
    y: f64,
) {
    let mut entries = vec![("load", format!("live, at most {}", human_bytes(peak.bytes)))];
    for (class, line) in lines.iter().filter(|(_, line)| !line.is_empty()) {
        let most = line.iter().map(|point| point.1).max().unwrap_or(0);
        entries.push((class, format!("{class}, at most {}", human_bytes(most))));
    }
    if let Some(least) = least {
        entries.push(("least", format!("least possible, {}", human_bytes(least))));
    }
    entries.push(("peak", "when most is live".to_owned()));
    let mut x = MARGIN;
    for (class, text) in entries {
        let middle = y - 4.0;
        let _ = match class {
            "load" => writeln!(
                svg,
                r#"<rect class="load" x="{x}" y="{}" width="18" height="11"/>"#,
                y - 10.0
            ),
            _ => writeln!(svg, r#"<path class="{class}" d="M{x} {middle}h18"/>"#),
        };
        let _ = writeln!(svg, r#"<text x="{}" y="{y}">{text}</text>"#, x + 23.0);
        x += 44.0 + LETTER * text.chars().count() as f64;
    }
}

/// The largest load in each column of the picture.
fn columns(curve: &[(u64, u64)], frame: &Frame<'_>) -> Vec<u64> {
    let column = |time: u64| {
        let share = (frame.x(time) - MARGIN) / WIDTH;
        ((share * COLUMNS as f64) as usize).min(COLUMNS - 1)
    };
    let mut columns = vec![0u64; COLUMNS];
    for pair in curve.windows(2) {
        let ((from, load), (until, _)) = (pair[0], pair[1]);
        for column in &mut columns[column(from)..=column(until)] {
            *column = (*column).max(load);
        }
    }
    columns
}
