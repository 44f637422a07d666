//! A picture of a placement: address over time, one rectangle a job, the load
//! curve beneath. Heaps lie one above the other.
//!
//! Rectangles too small to see are merged: their area goes to a grid of cells,
//! drawn by how full each is, in the mean of their colours. The file is bounded by the picture's size, not
//! by the number of jobs.

use std::fmt::Write as _;
use std::str::FromStr;

use common::input::Document;
use common::job::{Job, Piece};
use common::load;
use common::placement::Placement;
use common::text::{counted, printable};
use common::units::human_bytes;

use super::density::Density;
use super::stack::Stack;

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

/// Colours from small to large, or from short-lived to long-lived.
pub(super) const COLOURS: [&str; 8] = [
    "#4e79a7", "#76b7b2", "#59a14f", "#9c9f45", "#edc948", "#f28e2b", "#e15759", "#b07aa1",
];

const STYLE: &str = "\
svg{background:#fff;color:#222;font:12px sans-serif}\
text{fill:currentColor}\
.frame{fill:none;stroke:currentColor;stroke-opacity:.4}\
.tick{stroke:currentColor;stroke-opacity:.15}\
.heap{stroke:currentColor;stroke-opacity:.5;stroke-dasharray:4 3}\
.job{stroke:#fff;stroke-width:.3}\
.id{fill:#111;stroke:none;font-size:11px;pointer-events:none}\
.load{fill:#4e79a7;fill-opacity:.5}\
.peak{stroke:#d62728;stroke-width:1.2;stroke-dasharray:6 3}\
@media (prefers-color-scheme:dark){svg{background:#16181d;color:#ddd}\
.job{stroke:#16181d}.peak{stroke:#ff6b6b}}";

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
    fn value(self, job: &Job) -> u64 {
        match self {
            Colour::Size => job.size,
            Colour::Age => job.death - job.birth,
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
struct Frame {
    birth: u64,
    death: u64,
    height: u64,
}

impl Frame {
    fn x(&self, time: u64) -> f64 {
        MARGIN + (time - self.birth) as f64 / (self.death - self.birth) as f64 * WIDTH
    }

    fn y(&self, address: f64) -> f64 {
        MARGIN + HEIGHT - address / self.height.max(1) as f64 * HEIGHT
    }
}

/// Draws the document's placement; `None` where it has none. O(n log n).
pub fn svg(document: &Document, title: &str, colour: Colour) -> Option<String> {
    let jobs = document.problem.jobs();
    let nothing = Placement::default();
    let placement = match &document.placement {
        Some(placement) => placement,
        None if jobs.is_empty() => &nothing,
        None => return None,
    };
    let stack = Stack::new(jobs, placement);
    let frame = Frame {
        birth: jobs.iter().map(|job| job.birth).min().unwrap_or(0),
        death: jobs.iter().map(|job| job.death).max().unwrap_or(1),
        height: stack.makespan(),
    };
    let curve = load::curve(jobs);
    let peak = super::measure::peak(&curve);
    let mut svg = String::new();
    head(
        &mut svg,
        title,
        &summary(jobs.len(), &stack, peak.bytes, colour),
    );
    axes(&mut svg, &frame);
    rectangles(&mut svg, jobs, placement, &stack, &frame, colour);
    for heap in stack.heaps.iter().skip(1) {
        horizontal(&mut svg, "heap", frame.y(heap.below as f64));
    }
    load_curve(&mut svg, &curve, peak, &frame);
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

fn summary(jobs: usize, stack: &Stack, load: u64, colour: Colour) -> String {
    let (jobs, heaps) = (counted(jobs, "job"), counted(stack.heaps.len(), "heap"));
    let (load, makespan) = (human_bytes(load), human_bytes(stack.makespan()));
    let range = match colour {
        Colour::Size => "size, from small (blue) to large (purple)",
        Colour::Age => "age, from short-lived (blue) to long-lived (purple)",
    };
    format!(
        "{jobs}, {heaps}, LOAD {load}, makespan {makespan}; colour: {range}; \
         paler: many small jobs"
    )
}

fn head(svg: &mut String, title: &str, summary: &str) {
    let width = WIDTH + 2.0 * MARGIN;
    let total = HEIGHT + LOAD_HEIGHT + 3.0 * MARGIN;
    let title = escaped(title);
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}">
<title>{title}</title><style>{STYLE}</style>
<text x="{MARGIN}" y="28" font-size="16">{title}</text>
<text x="{MARGIN}" y="50">{summary}</text>"#
    );
}

fn rectangles(
    svg: &mut String,
    jobs: &[Job],
    placement: &Placement,
    stack: &Stack,
    frame: &Frame,
    colour: Colour,
) {
    let scale = Scale::new(jobs.iter().map(|job| colour.value(job)));
    let named = jobs.len() <= NAMED;
    let mut by_colour = vec![String::new(); COLOURS.len()];
    let mut density = Density::new(WIDTH, HEIGHT, CELL);
    for (job, &offset) in jobs.iter().zip(&placement.offsets) {
        let base = stack.below(job.heap) as f64 + offset as f64;
        let step = scale.step(colour.value(job));
        let of_colour = &mut by_colour[step];
        for piece in job.pieces() {
            let shape = Shape::new(&piece, base, frame);
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

/// A piece of a job, in pixels.
struct Shape {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

impl Shape {
    fn new(piece: &Piece, base: f64, frame: &Frame) -> Shape {
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
        if *height >= 12.0 && id.chars().count() as f64 * LETTER + 4.0 <= *width {
            let (x, y) = (left + width / 2.0, top + height / 2.0 + 4.0);
            let place = format!(r#"x="{x:.1}" y="{y:.1}" text-anchor="middle""#);
            let _ = writeln!(svg, r#"<text class="id" {place}>{safe}</text>"#);
        }
    }
}

/// Steps of a logarithmic scale between the smallest and the largest value.
struct Scale {
    smallest: f64,
    octaves: f64,
}

impl Scale {
    fn new(values: impl Iterator<Item = u64> + Clone) -> Scale {
        let smallest = values
            .clone()
            .min()
            .map_or(0.0, |value| (value as f64).log2());
        let largest = values.max().map_or(0.0, |value| (value as f64).log2());
        Scale {
            smallest,
            octaves: (largest - smallest).max(1e-9),
        }
    }

    fn step(&self, value: u64) -> usize {
        let share = ((value as f64).log2() - self.smallest) / self.octaves;
        ((share * COLOURS.len() as f64) as usize).min(COLOURS.len() - 1)
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

fn axes(svg: &mut String, frame: &Frame) {
    let bottom = MARGIN + HEIGHT;
    let _ = writeln!(
        svg,
        r#"<rect class="frame" x="{MARGIN}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}"/>"#
    );
    for quarter in 0..=4u64 {
        let share = |whole: u64| (u128::from(whole) * u128::from(quarter) / 4) as u64;
        let address = share(frame.height);
        let y = frame.y(address as f64);
        horizontal(svg, "tick", y);
        let (x, y, label) = (MARGIN - 6.0, y + 4.0, human_bytes(address));
        let _ = writeln!(
            svg,
            r#"<text x="{x}" y="{y:.1}" text-anchor="end">{label}</text>"#
        );
        let time = frame.birth + share(frame.death - frame.birth);
        let x = frame.x(time);
        vertical(svg, "tick", x, MARGIN, bottom);
        let y = bottom + 16.0;
        let _ = writeln!(
            svg,
            r#"<text x="{x:.1}" y="{y}" text-anchor="middle">{time}</text>"#
        );
    }
}

fn load_curve(svg: &mut String, curve: &[(u64, u64)], peak: super::PeakLoad, frame: &Frame) {
    let (top, bottom) = (HEIGHT + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN + LOAD_HEIGHT);
    let mut path = format!("M{MARGIN} {bottom}");
    for (index, &load) in columns(curve, frame).iter().enumerate() {
        let x = MARGIN + index as f64 * WIDTH / COLUMNS as f64;
        let y = bottom - load as f64 / peak.bytes.max(1) as f64 * LOAD_HEIGHT;
        let _ = write!(path, "L{x:.1} {y:.1}h{:.1}", WIDTH / COLUMNS as f64);
    }
    let right = MARGIN + WIDTH;
    let _ = writeln!(svg, r#"<path class="load" d="{path}L{right} {bottom}z"/>"#);
    let _ = writeln!(
        svg,
        r#"<rect class="frame" x="{MARGIN}" y="{top}" width="{WIDTH}" height="{LOAD_HEIGHT}"/>"#
    );
    let x = frame.x(peak.time.max(frame.birth));
    vertical(svg, "peak", x, MARGIN, MARGIN + HEIGHT);
    vertical(svg, "peak", x, top, bottom);
    let (load, y) = (human_bytes(peak.bytes), bottom + 16.0);
    let time = peak.time;
    let _ = writeln!(
        svg,
        r#"<text x="{MARGIN}" y="{y}">load over time; dashed: LOAD {load} at time {time}</text>"#
    );
}

/// The largest load in each column of the picture.
fn columns(curve: &[(u64, u64)], frame: &Frame) -> Vec<u64> {
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
