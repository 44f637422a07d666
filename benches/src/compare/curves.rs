//! How the makespan falls while idealloc works, and a picture of it: a panel an
//! instance, fragmentation above the lower bound over time, a line a technique
//! and a dot a peer.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::bail;
use common::check;
use common::load::Bounds;
use coreba::{Improvement, Method, Options, Progress};

use super::Row;
use super::instances::{Instance, Ready};

/// Steps down: seconds from the call, and per cent above the lower bound.
type Steps = Vec<(f64, f64)>;

/// The techniques' steps on one instance.
#[derive(Debug)]
pub struct Curves {
    instance: String,
    jobs: usize,
    lines: Vec<(String, Steps)>,
    until: f64,
}

struct Recorder {
    begun: Instant,
    steps: Vec<(f64, u64)>,
}

impl Progress for Recorder {
    fn improved(&mut self, improvement: &Improvement) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.steps.push((seconds, improvement.makespan));
    }
}

fn method(name: &str) -> anyhow::Result<Method> {
    Ok(match name {
        "auto" => Method::Auto,
        "dive" => Method::Dive,
        "exact" => Method::Exact,
        "fit" => Method::Fit,
        "boxing" => Method::Boxing,
        other => bail!("{other:?} is no method: use auto, dive, exact, fit or boxing"),
    })
}

/// Solves an instance by all techniques in turns and by each of `methods`.
///
/// # Errors
/// Where a technique is unknown, fails, or gives what is not valid.
pub(super) fn record(
    instance: &Instance,
    ready: &Ready,
    methods: &[String],
    time: Duration,
) -> anyhow::Result<Curves> {
    let bound = Bounds::new(ready.problem.jobs(), 0).lower_bound.max(1) as f64;
    let over = |makespan: u64| 100.0 * (makespan as f64 - bound) / bound;
    let mut lines = Vec::new();
    for name in std::iter::once("auto").chain(methods.iter().map(String::as_str)) {
        let mut options = Options::within(time);
        options.method = method(name)?;
        let mut recorder = Recorder {
            begun: Instant::now(),
            steps: Vec::new(),
        };
        let solution = coreba::solve(&ready.problem, &options, &mut recorder)?;
        check::verify(&ready.problem, &solution.placement, 0)?;
        let last = (recorder.begun.elapsed().as_secs_f64(), solution.makespan);
        recorder.steps.push(last);
        let steps = recorder.steps.iter();
        let steps = steps.map(|&(seconds, makespan)| (seconds, over(makespan)));
        lines.push((name.to_owned(), steps.collect()));
    }
    Ok(Curves {
        instance: instance.name.clone(),
        jobs: ready.problem.len(),
        lines,
        until: time.as_secs_f64(),
    })
}

/// Colours that are told apart by most eyes (Okabe and Ito 2008).
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000",
];
const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 200.0;
/// Room for the axes' labels: left, top, right, bottom.
const MARGIN: [f64; 4] = [52.0, 26.0, 10.0, 34.0];
const COLUMNS: usize = 3;
/// Where the axis of time, which is logarithmic, begins.
const FIRST: f64 = 1e-3;

/// The picture.
pub fn svg(curves: &[Curves], rows: &[Row]) -> String {
    let names = names(curves, rows);
    let columns = curves.len().clamp(1, COLUMNS);
    let (width, lines) = (columns as f64 * WIDTH, curves.len().div_ceil(columns));
    let height = lines as f64 * HEIGHT + 24.0;
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"10\">\n\
         <title>Fragmentation above the lower bound, in per cent, over time</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (index, panel) in curves.iter().enumerate() {
        let (column, line) = (index % columns, index / columns);
        let (x, y) = (column as f64 * WIDTH, line as f64 * HEIGHT);
        let _ = writeln!(drawing, "<g transform=\"translate({x} {y})\">");
        draw_panel(&mut drawing, panel, rows, &names);
        drawing += "</g>\n";
    }
    for (index, name) in names.iter().enumerate() {
        let (x, y) = (10.0 + 110.0 * index as f64, height - 8.0);
        let (colour, name) = (colour(index), escaped(name));
        let _ = writeln!(
            drawing,
            "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\">{name}</text>"
        );
    }
    drawing + "</svg>\n"
}

fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// Everyone who is drawn: techniques, then peers.
fn names(curves: &[Curves], rows: &[Row]) -> Vec<String> {
    let lines = curves.iter().flat_map(|panel| panel.lines.iter());
    let lines = lines.map(|(name, _)| name.as_str());
    let peers = rows.iter().map(|row| row.who.as_str());
    let mut names: Vec<String> = Vec::new();
    for name in lines.chain(peers.filter(|who| !who.starts_with("idealloc"))) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// From seconds and per cent to places in a panel.
struct Scale {
    until: f64,
    highest: f64,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        let part = (seconds.max(FIRST) / FIRST).ln() / (self.until / FIRST).ln();
        MARGIN[0] + part.min(1.0) * (WIDTH - MARGIN[0] - MARGIN[2])
    }

    fn y(&self, over: f64) -> f64 {
        let part = (over / self.highest).clamp(0.0, 1.0);
        HEIGHT - MARGIN[3] - part * (HEIGHT - MARGIN[1] - MARGIN[3])
    }
}

fn draw_panel(drawing: &mut String, panel: &Curves, rows: &[Row], names: &[String]) {
    let dots = rows.iter().filter(|row| row.instance == panel.instance);
    let dots: Vec<(&str, f64, f64)> = dots
        .filter(|row| !row.who.starts_with("idealloc"))
        .filter_map(|row| Some((row.who.as_str(), row.result.as_ref().ok()?.1, row.over()?)))
        .collect();
    let lasts = panel.lines.iter().filter_map(|(_, steps)| steps.last());
    let ends = lasts.map(|&(_, over)| over);
    let peers = dots.iter().map(|&(_, _, over)| over);
    // What the first packings are worth would hide what the search does.
    let highest = 2.0 * ends.chain(peers).fold(0.5, f64::max);
    let latest = dots.iter().map(|&(_, seconds, _)| seconds);
    let scale = Scale {
        until: latest.fold(panel.until, f64::max).max(2.0 * FIRST),
        highest,
    };
    draw_axes(drawing, panel, &scale);
    let index = |name: &str| names.iter().position(|known| known == name).unwrap_or(0);
    for (name, steps) in &panel.lines {
        let mut path = String::new();
        let mut before = None;
        for &(seconds, over) in steps {
            let x = scale.x(seconds);
            if let Some(y) = before {
                let _ = write!(path, "{x:.1},{y:.1} ");
            }
            let y = scale.y(over);
            let _ = write!(path, "{x:.1},{y:.1} ");
            before = Some(y);
        }
        let colour = colour(index(name));
        let _ = writeln!(
            drawing,
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        );
    }
    for (name, seconds, over) in dots {
        let (x, y, colour) = (scale.x(seconds), scale.y(over), colour(index(name)));
        let _ = writeln!(
            drawing,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        );
    }
}

fn draw_axes(drawing: &mut String, panel: &Curves, scale: &Scale) {
    let (left, bottom) = (MARGIN[0], HEIGHT - MARGIN[3]);
    let (name, jobs) = (escaped(&panel.instance), panel.jobs);
    let _ = writeln!(
        drawing,
        "<text x=\"{left}\" y=\"16\" font-weight=\"bold\">{name}, {jobs} jobs</text>\n\
         <path d=\"M{left} {} V{bottom} H{}\" fill=\"none\" stroke=\"#888\"/>",
        MARGIN[1],
        WIDTH - MARGIN[2],
    );
    for part in [0.0, 0.5, 1.0] {
        let over = part * scale.highest;
        let (x, y) = (left - 4.0, scale.y(over) + 3.0);
        let _ = writeln!(
            drawing,
            "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{over:.1} %</text>"
        );
    }
    let mut seconds = FIRST;
    while seconds <= scale.until {
        let (x, y) = (scale.x(seconds), bottom + 14.0);
        let _ = writeln!(
            drawing,
            "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{seconds} s</text>"
        );
        seconds *= 10.0;
        // Powers of ten are not exact.
        seconds = (seconds * 1e3).round() / 1e3;
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_a_panel_an_instance_and_a_line_a_technique() {
        let panel = |name: &str| Curves {
            instance: name.to_owned(),
            jobs: 3,
            lines: vec![
                ("auto".to_owned(), vec![(0.001, 20.0), (0.5, 1.0)]),
                ("fit".to_owned(), vec![(0.002, 30.0)]),
            ],
            until: 1.0,
        };
        let drawing = svg(&[panel("a<b"), panel("c")], &[]);
        assert_eq!(drawing.matches("<polyline").count(), 4);
        assert_eq!(drawing.matches(", 3 jobs</text>").count(), 2);
        assert!(drawing.contains("a&lt;b"));
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
    }
}
