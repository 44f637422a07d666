//! A picture of a placement: address over time, one rectangle a job, the load
//! curve beneath. Heaps lie one above the other.
//!
//! Rectangles too small to see are merged: their area goes to a grid of cells,
//! drawn by how full each is. The file is bounded by the picture's size, not
//! by the number of jobs.

use std::fmt::Write as _;

use common::input::Document;
use common::load;
use common::placement::Placement;
use common::units::human_bytes;

/// Sizes in pixels.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 640.0;
const LOAD_HEIGHT: f64 = 120.0;
const MARGIN: f64 = 56.0;
/// A rectangle narrower or lower than this is merged into the grid.
const SMALLEST: f64 = 0.75;
/// Side of a cell of that grid.
const CELL: f64 = 2.0;
/// Steps of opacity for the grid's cells.
const SHADES: u8 = 16;
/// Columns of the load curve.
const COLUMNS: usize = 1200;

/// Colours by size class, from small to large.
const COLOURS: [&str; 8] = [
    "#4e79a7", "#76b7b2", "#59a14f", "#9c9f45", "#edc948", "#f28e2b", "#e15759", "#b07aa1",
];

const STYLE: &str = "\
svg{background:#fff;color:#222;font:12px sans-serif}\
text{fill:currentColor}\
.frame{fill:none;stroke:currentColor;stroke-opacity:.4}\
.heap{stroke:currentColor;stroke-opacity:.5;stroke-dasharray:4 3}\
.job{stroke:#fff;stroke-width:.3}\
.many{fill:#777}\
.load{fill:#4e79a7;fill-opacity:.5}\
.peak{stroke:#e15759;stroke-width:1.5}\
@media (prefers-color-scheme:dark){svg{background:#16181d;color:#ddd}.job{stroke:#16181d}.many{fill:#aaa}}";

/// Where time and address lie in the picture.
struct Frame {
    birth: u64,
    ticks: f64,
    height: f64,
}

impl Frame {
    fn x(&self, time: u64) -> f64 {
        MARGIN + (time - self.birth) as f64 / self.ticks * WIDTH
    }

    fn y(&self, address: f64) -> f64 {
        MARGIN + HEIGHT - address / self.height * HEIGHT
    }
}

/// Draws the document's placement; `None` where it has none.
pub fn svg(document: &Document, title: &str) -> Option<String> {
    let jobs = document.problem.jobs();
    let nothing = Placement::default();
    let placement = match &document.placement {
        Some(placement) => placement,
        None if jobs.is_empty() => &nothing,
        None => return None,
    };
    let birth = jobs.iter().map(|job| job.birth).min().unwrap_or(0);
    let death = jobs.iter().map(|job| job.death).max().unwrap_or(1);
    let bases = heap_bases(document, placement);
    let height = bases.last().map_or(1.0, |heap| heap.above);
    let frame = Frame {
        birth,
        ticks: (death - birth) as f64,
        height: height.max(1.0),
    };
    let mut svg = String::new();
    head(&mut svg, document, title, bases.len(), height);
    rectangles(&mut svg, document, placement, &bases, &frame);
    for heap in bases.iter().skip(1) {
        let y = frame.y(heap.below);
        let right = MARGIN + WIDTH;
        let _ = writeln!(
            svg,
            r#"<line class="heap" x1="{MARGIN}" x2="{right}" y1="{y:.2}" y2="{y:.2}"/>"#
        );
    }
    axes(&mut svg, height, birth, death);
    load_curve(&mut svg, document, &frame);
    svg.push_str("</svg>\n");
    Some(svg)
}

/// One heap's place in the picture's address axis, in bytes.
struct HeapBase {
    heap: u64,
    below: f64,
    above: f64,
}

fn heap_bases(document: &Document, placement: &Placement) -> Vec<HeapBase> {
    let mut tops: Vec<(u64, u64)> = document
        .problem
        .jobs()
        .iter()
        .zip(&placement.offsets)
        .map(|(job, &offset)| (job.heap, offset.saturating_add(job.size)))
        .collect();
    tops.sort_unstable();
    let mut below = 0.0;
    tops.chunk_by(|a, b| a.0 == b.0)
        .map(|heap| {
            let above = below + heap[heap.len() - 1].1 as f64;
            let base = HeapBase {
                heap: heap[0].0,
                below,
                above,
            };
            below = above;
            base
        })
        .collect()
}

fn head(svg: &mut String, document: &Document, title: &str, heaps: usize, height: f64) {
    let width = WIDTH + 2.0 * MARGIN;
    let total = HEIGHT + LOAD_HEIGHT + 3.0 * MARGIN;
    let title: String = title
        .chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let jobs = document.problem.len();
    let peak = load::load(document.problem.jobs()).peak;
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}">
<title>{title}</title><style>{STYLE}</style>
<text x="{MARGIN}" y="24" font-size="16">{title}</text>
<text x="{MARGIN}" y="44">{jobs} jobs, {heaps} heaps, LOAD {}, makespan {}; colour: size, from small (blue) to large (purple); grey: many small jobs</text>"#,
        human_bytes(peak),
        human_bytes(height as u64),
    );
}

fn rectangles(
    svg: &mut String,
    document: &Document,
    placement: &Placement,
    bases: &[HeapBase],
    frame: &Frame,
) {
    let jobs = document.problem.jobs();
    let classes = SizeClasses::new(jobs.iter().map(|job| job.size));
    let mut by_colour = vec![String::new(); COLOURS.len()];
    let mut grid = Grid::new();
    for (job, &offset) in jobs.iter().zip(&placement.offsets) {
        let heap = bases.partition_point(|base| base.heap < job.heap);
        let base = bases[heap].below + offset as f64;
        for piece in job.pieces() {
            let (left, right) = (frame.x(piece.birth), frame.x(piece.death));
            let top = frame.y(base + piece.high as f64);
            let bottom = frame.y(base + piece.low as f64);
            let (width, height) = (right - left, bottom - top);
            if width < SMALLEST || height < SMALLEST {
                grid.add(left, right, top, bottom);
                continue;
            }
            let _ = writeln!(
                by_colour[classes.colour(job.size)],
                r#"<rect x="{left:.2}" y="{top:.2}" width="{width:.2}" height="{height:.2}"/>"#
            );
        }
    }
    grid.draw(svg);
    for (colour, rectangles) in COLOURS.iter().zip(&by_colour) {
        if !rectangles.is_empty() {
            let _ = writeln!(svg, r#"<g class="job" fill="{colour}">"#);
            svg.push_str(rectangles);
            svg.push_str("</g>\n");
        }
    }
}

/// Colours sizes on a logarithmic scale between the smallest and the largest.
struct SizeClasses {
    smallest: f64,
    octaves: f64,
}

impl SizeClasses {
    fn new(sizes: impl Iterator<Item = u64> + Clone) -> SizeClasses {
        let smallest = sizes.clone().min().map_or(0.0, |size| (size as f64).log2());
        let largest = sizes.max().map_or(0.0, |size| (size as f64).log2());
        SizeClasses {
            smallest,
            octaves: (largest - smallest).max(1e-9),
        }
    }

    fn colour(&self, size: u64) -> usize {
        let share = ((size as f64).log2() - self.smallest) / self.octaves;
        ((share * COLOURS.len() as f64) as usize).min(COLOURS.len() - 1)
    }
}

/// How full each cell of the picture is with jobs too small to draw: row by
/// row, as changes of the fullness from one column to the next.
struct Grid {
    rows: usize,
    columns: usize,
    change: Vec<f32>,
}

impl Grid {
    fn new() -> Grid {
        let (rows, columns) = ((HEIGHT / CELL) as usize, (WIDTH / CELL) as usize);
        Grid {
            rows,
            columns,
            change: vec![0.0; rows * (columns + 2)],
        }
    }

    fn add(&mut self, left: f64, right: f64, top: f64, bottom: f64) {
        let column = |x: f64| ((x - MARGIN) / CELL).clamp(0.0, self.columns as f64);
        let row = |y: f64| ((y - MARGIN) / CELL).clamp(0.0, self.rows as f64);
        let (left, right, top, bottom) = (column(left), column(right), row(top), row(bottom));
        let mut index = top as usize;
        while index < self.rows && (index as f64) < bottom {
            let share = bottom.min(index as f64 + 1.0) - top.max(index as f64);
            let line = index * (self.columns + 2);
            // A step at a fraction of a column, as two whole ones.
            for (at, sign) in [(left, 1.0), (right, -1.0)] {
                let (whole, part) = (at as usize, at.fract());
                self.change[line + whole] += (sign * share * (1.0 - part)) as f32;
                self.change[line + whole + 1] += (sign * share * part) as f32;
            }
            index += 1;
        }
    }

    fn draw(&self, svg: &mut String) {
        let mut by_shade = vec![String::new(); usize::from(SHADES) + 1];
        for row in 0..self.rows {
            let line = &self.change[row * (self.columns + 2)..][..self.columns];
            let (mut fullness, mut from, mut shade) = (0.0f32, 0, 0u8);
            let mut run = |from: usize, to: usize, shade: u8| {
                if shade > 0 && to > from {
                    let (x, y) = (MARGIN + from as f64 * CELL, MARGIN + row as f64 * CELL);
                    let width = (to - from) as f64 * CELL;
                    let shade = &mut by_shade[usize::from(shade)];
                    let _ = write!(shade, "M{x} {y}h{width}v{CELL}h-{width}z");
                }
            };
            for (column, change) in line.iter().enumerate() {
                fullness += change;
                let share = fullness.clamp(0.0, 1.0) * f32::from(SHADES);
                let now = if fullness > 1e-4 {
                    share.ceil() as u8
                } else {
                    0
                };
                if now != shade {
                    run(from, column, shade);
                    (from, shade) = (column, now);
                }
            }
            run(from, self.columns, shade);
        }
        for (shade, path) in by_shade
            .iter()
            .enumerate()
            .filter(|(_, path)| !path.is_empty())
        {
            let opacity = shade as f64 / f64::from(SHADES);
            let _ = writeln!(
                svg,
                r#"<path class="many" fill-opacity="{opacity:.3}" d="{path}"/>"#
            );
        }
    }
}

fn axes(svg: &mut String, height: f64, birth: u64, death: u64) {
    let bottom = MARGIN + HEIGHT;
    let right = MARGIN + WIDTH;
    let _ = writeln!(
        svg,
        r#"<rect class="frame" x="{MARGIN}" y="{MARGIN}" width="{WIDTH}" height="{HEIGHT}"/>
<text x="{}" y="{}" text-anchor="end">{}</text><text x="{}" y="{bottom}" text-anchor="end">0</text>
<text x="{MARGIN}" y="{}">time {birth}</text><text x="{right}" y="{}" text-anchor="end">{death}</text>"#,
        MARGIN - 4.0,
        MARGIN + 10.0,
        human_bytes(height as u64),
        MARGIN - 4.0,
        bottom + 16.0,
        bottom + 16.0,
    );
}

fn load_curve(svg: &mut String, document: &Document, frame: &Frame) {
    let curve = load::curve(document.problem.jobs());
    let peak = load::load(document.problem.jobs());
    let (top, bottom) = (HEIGHT + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN + LOAD_HEIGHT);
    // The largest load in each column of the picture.
    let mut columns = vec![0u64; COLUMNS];
    let column =
        |time: u64| (((frame.x(time) - MARGIN) / WIDTH * COLUMNS as f64) as usize).min(COLUMNS - 1);
    for (index, &(time, load)) in curve.iter().enumerate() {
        let until = curve.get(index + 1).map_or(time, |&(next, _)| next);
        for column in &mut columns[column(time)..=column(until)] {
            *column = (*column).max(load);
        }
    }
    let mut path = format!("M{MARGIN} {bottom}");
    for (index, &load) in columns.iter().enumerate() {
        let x = MARGIN + index as f64 * WIDTH / COLUMNS as f64;
        let y = bottom - load as f64 / peak.peak.max(1) as f64 * LOAD_HEIGHT;
        let _ = write!(path, "L{x:.1} {y:.1}h{:.1}", WIDTH / COLUMNS as f64);
    }
    let right = MARGIN + WIDTH;
    let _ = write!(path, "L{right} {bottom}z");
    let x = frame.x(peak.at.max(frame.birth));
    let _ = writeln!(
        svg,
        r#"<path class="load" d="{path}"/><rect class="frame" x="{MARGIN}" y="{top}" width="{WIDTH}" height="{LOAD_HEIGHT}"/>
<line class="peak" x1="{x:.2}" x2="{x:.2}" y1="{top}" y2="{bottom}"/>
<text x="{MARGIN}" y="{}">load; LOAD {} at time {}</text>"#,
        bottom + 16.0,
        human_bytes(peak.peak),
        peak.at,
    );
}
