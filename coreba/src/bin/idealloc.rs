//! `idealloc`: offsets for the jobs of a file.

use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use common::csv::{self, Layout};
use common::format::{self, Format, Output};
use common::input::{self, Document, Offsets};
use common::plc;
use common::units::{human_bytes, parse_bytes};
use coreba::{Options, Solution, Status, Stop};

/// Solves offline dynamic storage allocation: gives every job of a file an
/// offset, such that the makespan is as small as can be
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    /// The jobs: a trace (.trc), a .plc or a CSV, also packed by gzip or zstd; - is standard input
    input: PathBuf,

    /// Where the placement goes: a CSV or a .plc; - is standard output
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    output: PathBuf,

    /// Format of the input, where its name does not say: trc, plc or csv
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Format of the output, where its name does not say: csv (the default) or plc
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,

    /// Start address: start + offset is what alignment applies to. Takes suffixes such as 64KiB
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = parse_bytes)]
    start: u64,

    /// Stop after this long, set-up included: 500ms, 10s, 2m; a bare number is seconds
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,

    /// Stop after this many evaluations instead of by the clock: reproducible at any number of threads
    #[arg(long, value_name = "N")]
    iterations: Option<u64>,

    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Stop once the fragmentation is at most this many per cent
    #[arg(long, value_name = "PCT", value_parser = parse_percent)]
    max_fragmentation: Option<f64>,

    /// Do not keep the offsets of a CSV as fixed positions
    #[arg(long)]
    ignore_offsets: bool,

    /// Threads to use [default: those of the machine]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

const EXAMPLES: &str = "\
Examples:
  idealloc app.trc -o placement.csv      jobs from a trace
  idealloc buffers.csv -o placement.plc  jobs from a compiler
  adapt app.trc - --to plc | idealloc - --from plc > placement.csv

All jobs are packed into one address space, whatever heap they were traced in.
An offset column in a CSV fixes jobs where it holds one; offsets in a .plc do not.
The summary goes to standard output with -o FILE, else to standard error.

Exit codes: 0 done; 2 bad usage, input or output.";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if format::is_closed_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("idealloc: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let begun = Instant::now();
    let to = output_format(arguments)?;
    let document = read(arguments)?;
    // Before the long work: a place that cannot be written is told at once.
    let output = Output::create(&arguments.output)
        .with_context(|| arguments.output.display().to_string())?;
    let mut options = Options::default();
    options.start = arguments.start;
    options.seed = arguments.seed;
    options.iterations = arguments.iterations;
    options.max_fragmentation = arguments.max_fragmentation.map(|percent| percent / 100.0);
    options.deadline = match (arguments.timeout, arguments.iterations) {
        (Some(timeout), _) => begun.checked_add(timeout),
        (None, Some(_)) => None,
        (None, None) => begun.checked_add(DEFAULT_TIMEOUT),
    };
    if let Some(threads) = arguments.threads {
        options.threads = threads;
    }
    let input = || arguments.input.display().to_string();
    let solution = coreba::solve(&document.problem, &options, &mut ()).with_context(input)?;
    write(output, to, &document, &solution)
        .with_context(|| arguments.output.display().to_string())?;
    let text = summary(&document, &solution, begun);
    if format::is_standard(&arguments.output) {
        eprint!("{text}");
    } else {
        std::io::stdout().write_all(text.as_bytes())?;
    }
    Ok(())
}

/// A length of time: `500ms`, `10s`, `2m`, `1h`; a bare number is seconds.
fn parse_time(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a length of time such as 500ms, 10s or 2m");
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    let number: f64 = number.trim().parse().map_err(|_| bad())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| bad())
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent >= 0.0 => Ok(percent),
        _ => Err(format!("{text:?} is not a percentage of at least 0")),
    }
}

fn output_format(arguments: &Arguments) -> anyhow::Result<Format> {
    let path = &arguments.output;
    let named = arguments.to.or_else(|| Format::of_path(path));
    match named {
        Some(Format::Trc) => bail!("{}: a placement is written as csv or plc", path.display()),
        Some(format) => Ok(format),
        None if format::is_standard(path) => Ok(Format::Csv),
        None => bail!(
            "{}: the name does not end in .csv or .plc: use --to",
            path.display()
        ),
    }
}

fn read(arguments: &Arguments) -> anyhow::Result<Document> {
    let path = &arguments.input;
    let name = || path.display().to_string();
    let Some(from) = arguments.from.or_else(|| Format::of_path(path)) else {
        bail!(
            "{}: the name does not end in .trc, .plc or .csv: use --from",
            path.display()
        );
    };
    let offsets = if arguments.ignore_offsets {
        Offsets::Ignored
    } else {
        Offsets::Pins
    };
    let file = format::open(path).with_context(name)?;
    let mut document = input::load(file, from, offsets).with_context(name)?;
    document.problem = document.problem.merge_heaps();
    if let Some(trace) = &document.trace {
        for (oddity, count) in trace.oddities.iter() {
            let (times, at) = (count.count, count.first_at);
            eprintln!(
                "idealloc: {}: {times} x {oddity}, first at byte {at}",
                path.display()
            );
        }
    }
    Ok(document)
}

/// Writes a placement, which [`coreba::solve`] has put through the verifier.
fn write(
    mut output: Output,
    to: Format,
    document: &Document,
    solution: &Solution,
) -> anyhow::Result<()> {
    let (problem, placement) = (&document.problem, &solution.placement);
    let rows = problem.jobs().iter().zip(&placement.offsets);
    if to == Format::Plc {
        let mut writer = plc::Writer::new(&mut output);
        for (job, &offset) in rows {
            writer.write(job, Some(offset))?;
        }
        writer.finish()?;
    } else {
        let layout = document.layout.clone();
        let layout = layout
            .unwrap_or_else(|| Layout::for_jobs(problem.jobs()))
            .with_offset();
        let mut writer = csv::Writer::new(&mut output, layout)?;
        for (index, (job, &offset)) in rows.enumerate() {
            let unknown = document
                .unknown
                .get(index)
                .map_or(&[][..], |unknown| unknown);
            writer.write(job, Some(offset), unknown)?;
        }
        writer.finish()?;
    }
    output.commit()?;
    Ok(())
}

fn summary(document: &Document, solution: &Solution, begun: Instant) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<14} {value}");
    };
    let bytes = |bytes: u64| format!("{bytes} bytes ({})", human_bytes(bytes));
    let fixed = document
        .problem
        .jobs()
        .iter()
        .filter(|job| job.pin().is_some())
        .count();
    line("jobs", &document.problem.len().to_string());
    if fixed > 0 {
        line(
            "fixed",
            &format!("{fixed} jobs kept where the input puts them"),
        );
    }
    let load = solution.load;
    line("LOAD", &format!("{} at time {}", bytes(load.peak), load.at));
    line("lower bound", &bytes(solution.lower_bound));
    line("makespan", &bytes(solution.makespan));
    line(
        "fragmentation",
        &format!("{:.4} %", 100.0 * solution.fragmentation()),
    );
    let status = match (solution.status, solution.stop) {
        (Status::Optimal, _) => "optimal: the makespan meets the lower bound",
        (_, Stop::Timeout) => "feasible: stopped by the time limit",
        (_, Stop::Iterations) => "feasible: stopped by the limit on evaluations",
        (_, Stop::GoodEnough) => "feasible: good enough, as --max-fragmentation says",
        (_, Stop::Interrupted) => "feasible: interrupted",
        _ => "feasible: no method has anything left to try",
    };
    line("status", status);
    line(
        "method",
        &format!("{} ({} tried)", solution.method, solution.evaluations),
    );
    line("time", &format!("{:.3} s", begun.elapsed().as_secs_f64()));
    text
}
