//! What `report` costs on large placements: wall time, processor time and peak
//! memory of the metrics alone, size of the page, and how soon headless Chromium paints it.
//! One CSV row a placement, on stdout; minima of several runs, since noise only
//! adds. Programs are built beside this one.
//!
//! `cargo run --release -p benches --bin report-bench -- [jobs, default
//! 1000000] [runs, default 5]`

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use benches::chromium::{self, Chromium};
use benches::generate;
use clap::Parser;
use common::job::Job;
use common::plc;
use coreba::Options;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;

/// Views of the page that are timed: the whole, and what zooming in meets.
const FRAMES: usize = 20;

/// Measures report on large placements
#[derive(Debug, Parser)]
struct Arguments {
    /// Jobs of each placement
    #[arg(default_value_t = 1_000_000)]
    jobs: usize,

    /// Runs, of which the best counts
    #[arg(default_value_t = 5)]
    runs: usize,
}

fn main() -> ExitCode {
    cli::main("report-bench", |arguments| {
        bench(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn bench(arguments: &Arguments) -> anyhow::Result<()> {
    let (jobs, runs) = (arguments.jobs, arguments.runs.max(1));
    let program = report()?;
    let folder = tempfile::TempDir::new()?;
    println!(
        "placement,jobs,text_s,text_cpu_s,text_rss_mb,html_s,html_mb,first_paint_ms,map_drawn_ms,worst_frame_ms"
    );
    for (name, jobs) in [
        ("random", generate::random(jobs, 1)),
        ("malloc-like", generate::malloc_like(8, jobs, 1)),
    ] {
        let count = jobs.len();
        let plc = folder.path().join(format!("{name}.plc"));
        write(&plc, jobs)?;
        let html = plc.with_extension("html");
        let text = best(runs, || run(&program, &[&plc]))?;
        let page = best(runs.min(3), || {
            run(&program, &[&plc, Path::new("--html"), &html])
        })?;
        let paint = paint(&html, runs)?;
        println!(
            "{name},{count},{:.2},{:.2},{:.0},{:.2},{:.1},{}",
            text.wall.as_secs_f64(),
            text.processor.as_secs_f64(),
            text.memory as f64 / 1e6,
            page.wall.as_secs_f64(),
            fs::metadata(&html)?.len() as f64 / 1e6,
            paint.map_or_else(
                || ",,".to_owned(),
                |times| { times.map(|time| format!("{time:.0}")).join(",") }
            ),
        );
    }
    Ok(())
}

/// Builds the tool beside this program.
fn report() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let profile = this.parent().context("it lies in target/<profile>")?;
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "-p", "idealloc-sanity", "--target-dir"])
        .arg(profile.parent().context("the target folder")?);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    ensure!(build.status()?.success(), "report does not build");
    Ok(profile.join("report"))
}

/// Places the jobs, without a search, and writes them.
fn write(path: &Path, jobs: Vec<Job>) -> anyhow::Result<()> {
    let problem = common::problem::Problem::new(jobs)?;
    let mut options = Options::default();
    options.deadline = Some(Instant::now());
    let solution = coreba::solve(&problem, &options, &mut ())?;
    let mut writer = plc::Writer::new(BufWriter::new(File::create(path)?));
    for (job, &offset) in problem.jobs().iter().zip(&solution.placement.offsets) {
        writer.write(job, Some(offset))?;
    }
    writer.finish()?;
    Ok(())
}

/// What a run cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor: Duration,
    /// The most bytes at once.
    memory: u64,
}

/// The least of each cost over several runs.
fn best(runs: usize, mut run: impl FnMut() -> anyhow::Result<Cost>) -> anyhow::Result<Cost> {
    let mut best = run()?;
    for _ in 1..runs {
        let cost = run()?;
        best.wall = best.wall.min(cost.wall);
        best.processor = best.processor.min(cost.processor);
        best.memory = best.memory.min(cost.memory);
    }
    Ok(best)
}

fn run(program: &Path, arguments: &[&Path]) -> anyhow::Result<Cost> {
    let before = processor()?;
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    loop {
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "report: {ended}");
            return Ok(Cost {
                wall: start.elapsed(),
                processor: processor()? - before,
                memory,
            });
        }
        memory = fs::read_to_string(&status)
            .ok()
            .and_then(|text| peak(&text))
            .map_or(memory, |peak| memory.max(peak));
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Processor time of all programs that ended so far.
fn processor() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds());
    Ok(Duration::from_micros(u64::try_from(micros[0] + micros[1])?))
}

/// The high-water mark in what /proc tells of a process.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(1024 * kilobytes)
}

/// Milliseconds from the start of loading to the first paint and to the whole
/// map, and the longest frame while zooming in; least of several runs. `None`,
/// and told, without a browser.
fn paint(page: &Path, runs: usize) -> anyhow::Result<Option<[f64; 3]>> {
    let Some(program) = chromium::find() else {
        eprintln!("SKIPPED: Chromium is not installed");
        return Ok(None);
    };
    let mut best = [f64::INFINITY; 3];
    for _ in 0..runs {
        let mut browser = Chromium::start(&program, 1400, 1000)?;
        browser.open(page)?;
        browser.wait_for("document.body && document.body.dataset.ready === 'yes'")?;
        let zooming = format!(
            "(async () => {{ let worst = 0; for (let i = 0; i < {FRAMES}; i++) {{ \
             page.zoom(0.7); const start = performance.now(); page.drawFrame(); \
             worst = Math.max(worst, performance.now() - start); \
             await new Promise(requestAnimationFrame); }} return worst; }})()"
        );
        let times = [
            "performance.getEntriesByName('first-contentful-paint')[0].startTime",
            "performance.getEntriesByName('map-drawn')[0].startTime",
            &zooming,
        ];
        for (best, expression) in best.iter_mut().zip(times) {
            let time = browser.evaluate(expression)?;
            *best = best.min(time.as_f64().context("a time")?);
        }
    }
    Ok(Some(best))
}
