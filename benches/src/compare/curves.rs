//! How the makespan falls while idealloc works, and a picture of it: a panel an
//! instance, fragmentation above the lower bound over time, a line a technique
//! and a dot a peer.

use std::time::{Duration, Instant};

use anyhow::bail;
use common::check;
use common::load::Bounds;
use coreba::{Improvement, Method, Options, Progress};
use plotters::coord::Shift;
use plotters::prelude::*;

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
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    BLACK,
];
/// Of a panel, in pixels.
const SIZE: (u32, u32) = (360, 220);
const COLUMNS: usize = 3;
/// Where the axis of time, which is logarithmic, begins, in seconds.
const FIRST: f64 = 1e-3;

/// The picture.
///
/// # Errors
/// None that is known: it is drawn in memory.
pub fn svg(curves: &[Curves], rows: &[Row]) -> anyhow::Result<String> {
    let names = names(curves, rows);
    let columns = curves.len().clamp(1, COLUMNS);
    let lines = curves.len().div_ceil(columns).max(1);
    let size = (SIZE.0 * columns as u32, SIZE.1 * lines as u32);
    let mut drawing = String::new();
    let area = SVGBackend::with_string(&mut drawing, size).into_drawing_area();
    area.fill(&WHITE)?;
    for (panel, area) in curves.iter().zip(area.split_evenly((lines, columns))) {
        draw_panel(&area, panel, rows, &names)?;
    }
    area.present()?;
    drop(area);
    Ok(drawing)
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

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw_panel(
    area: &Area<'_>,
    panel: &Curves,
    rows: &[Row],
    names: &[String],
) -> anyhow::Result<()> {
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
    let until = latest.fold(panel.until, f64::max).max(2.0 * FIRST);
    let mut chart = ChartBuilder::on(area)
        .caption(
            format!("{}, {} jobs", panel.instance, panel.jobs),
            ("sans-serif", 13),
        )
        .margin(8)
        .x_label_area_size(22)
        .y_label_area_size(48)
        .build_cartesian_2d((FIRST..until).log_scale(), 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.1))
        .axis_style(BLACK.mix(0.5))
        .x_labels(5)
        .y_labels(5)
        .x_label_formatter(&|seconds| format!("{seconds} s"))
        .y_label_formatter(&|over| format!("{over:.1} %"))
        .label_style(("sans-serif", 10))
        .draw()?;
    let colour = |name: &str| {
        let index = names.iter().position(|known| known == name).unwrap_or(0);
        COLOURS[index % COLOURS.len()]
    };
    let place = |seconds: f64, over: f64| (seconds.max(FIRST), over.min(highest));
    for (name, steps) in &panel.lines {
        let mut corners: Vec<(f64, f64)> = Vec::new();
        for &(seconds, over) in steps {
            if let Some(&(_, before)) = corners.last() {
                corners.push(place(seconds, before));
            }
            corners.push(place(seconds, over));
        }
        let colour = colour(name);
        chart
            .draw_series(LineSeries::new(corners, colour.stroke_width(2)))?
            .label(name.as_str())
            .legend(move |(x, y)| Rectangle::new([(x, y - 2), (x + 10, y + 1)], colour.filled()));
    }
    for (name, seconds, over) in dots {
        let colour = colour(name);
        chart
            .draw_series([Circle::new(place(seconds, over), 3, colour.filled())])?
            .label(name)
            .legend(move |(x, y)| Circle::new((x + 5, y), 3, colour.filled()));
    }
    chart
        .configure_series_labels()
        // Where lines rarely are: they begin high and end low.
        .position(SeriesLabelPosition::MiddleLeft)
        .legend_area_size(14)
        .label_font(("sans-serif", 10))
        .draw()?;
    Ok(())
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
        let drawing = svg(&[panel("a<b"), panel("c")], &[]).expect("memory");
        // Lines by their colours: axes are lines, too.
        for colour in [r##""#0072B2""##, r##""#D55E00""##] {
            let lines = drawing.lines().filter(|line| line.starts_with("<polyline"));
            assert_eq!(lines.filter(|line| line.contains(colour)).count(), 2);
        }
        assert_eq!(drawing.matches(", 3 jobs").count(), 2);
        assert!(drawing.contains("a&lt;b"));
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
    }
}
