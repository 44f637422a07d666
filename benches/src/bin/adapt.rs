//! How fast `adapt` streams a generated trace, and in how much memory: each
//! conversion is run several times on a warm cache, and the fastest counts, since
//! noise only adds. One CSV row a conversion, on stdout.
//!
//! `cargo build --release -p idealloc-sanity && cargo run --release -p benches --bin
//! adapt-bench -- [--events N] [--runs N] [--seed N] [--to FORMAT]...`
//!
//! `adapt` runs on one thread. Its peak memory is the kernel's for the largest
//! process waited for, so nothing else is run.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use benches::generate;
use clap::Parser;
use common::format::{Output, Replacing};
use common::trace::Writer;
use nix::sys::resource::{Usage, UsageWho, getrusage};

/// Measures adapt on a generated trace
#[derive(Debug, Parser)]
struct Arguments {
    /// Events of the trace: some 30 bytes each on the disk, and as much again for the output
    #[arg(long, default_value_t = 10_000_000)]
    events: u64,

    /// Runs of each conversion
    #[arg(long, default_value_t = 5)]
    runs: usize,

    /// Seed of the trace
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// What to convert to
    #[arg(long, default_values = ["plc", "csv"])]
    to: Vec<String>,

    /// Where to put the trace and the outputs, which are removed again
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> ExitCode {
    cli::main("adapt-bench", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let trace = folder.path().join("made.trc");
    generate(&trace, arguments)?;
    // Into the cache, where it may not be whole any more.
    io::copy(&mut File::open(&trace)?, &mut io::sink())?;
    println!(
        "events,trace_mb,to,output_mb,runs,wall_s,cpu_s,million_events_a_wall_s,\
         million_events_a_cpu_s,peak_mb"
    );
    for to in &arguments.to {
        println!("{}", measure(&trace, to, arguments)?);
    }
    Ok(())
}

fn generate(trace: &Path, arguments: &Arguments) -> anyhow::Result<()> {
    let mut output = Output::create(trace, Replacing::default())?;
    let mut writer = Writer::new(&mut output);
    for call in generate::trace::events(arguments.events, arguments.seed) {
        writer.write(&call)?;
    }
    writer.finish()?;
    Ok(output.commit()?)
}

/// The row of one conversion.
fn measure(trace: &Path, to: &str, arguments: &Arguments) -> anyhow::Result<String> {
    let adapt = adapt()?;
    let output = trace.with_extension(to);
    let (mut wall, mut cpu) = (f64::MAX, f64::MAX);
    for _ in 0..arguments.runs.max(1) {
        let (begun, before) = (Instant::now(), cpu_seconds(&children()?));
        let status = Command::new(&adapt)
            .args([trace, output.as_path()])
            .arg("--quiet")
            .stdin(Stdio::null())
            .status()
            .with_context(|| adapt.display().to_string())?;
        ensure!(status.success(), "adapt: {status}");
        wall = wall.min(begun.elapsed().as_secs_f64());
        cpu = cpu.min(cpu_seconds(&children()?) - before);
    }
    let millions = arguments.events as f64 / 1e6;
    let mb = |path: &Path| fs::metadata(path).map(|file| file.len() as f64 / 1e6);
    let row = format!(
        "{},{:.1},{to},{:.1},{},{wall:.2},{cpu:.2},{:.2},{:.2},{:.1}",
        arguments.events,
        mb(trace)?,
        mb(&output)?,
        arguments.runs.max(1),
        millions / wall,
        millions / cpu,
        // The kernel counts in KiB.
        children()?.max_rss() as f64 * 1024.0 / 1e6,
    );
    fs::remove_file(&output)?;
    Ok(row)
}

/// What all processes waited for have used.
fn children() -> anyhow::Result<Usage> {
    Ok(getrusage(UsageWho::RUSAGE_CHILDREN)?)
}

fn cpu_seconds(usage: &Usage) -> f64 {
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum()
}

/// `adapt` beside this program.
fn adapt() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let adapt = this.with_file_name("adapt");
    ensure!(
        adapt.is_file(),
        "{} is not there: build it by cargo build --release -p idealloc-sanity",
        adapt.display()
    );
    Ok(adapt)
}
