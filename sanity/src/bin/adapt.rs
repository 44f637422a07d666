//! `adapt`: from a trace, or a compiler's CSV, to jobs in bin-packing notation.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use clap::Parser;
use common::format::{self, Format, Output};
use sanity::adapt::{self, AdaptError, Summary};

/// Turns a trace (or a CSV of buffers) into jobs in bin-packing notation, and
/// jobs from one format into another
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
struct Arguments {
    /// What to read: a trace (.trc), a .plc or a CSV, also packed by gzip or zstd; - is standard input
    input: PathBuf,

    /// What to write: a .plc or a CSV; - is standard output
    output: PathBuf,

    /// Format of the input, where its name does not say: trc, plc or csv
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Format of the output, where its name does not say: plc or csv
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,

    /// Write the traced placement into a CSV too; idealloc would keep it as fixed positions
    #[arg(long)]
    offsets: bool,

    /// Anything odd in a trace is an error, and nothing is written
    #[arg(long)]
    strict: bool,
}

const EXAMPLES: &str = "\
Examples:
  adapt app.trc app.plc             next: report app.plc, or idealloc app.plc -o placement.csv
  adapt buffers.csv buffers.plc
  adapt app.plc - --to csv | head

A job's lifetime is half-open. In a converted trace the clock counts the bytes
requested so far, a job's size is what the allocator set aside, and ids number
the allocations from 0. What is odd in a trace (a free of an unknown pointer, a
block allocated where one is live, a record cut short) is counted and told on
standard error, with the byte offset of the first of each kind.

Exit codes: 0 done; 2 bad usage, input or output, or oddities with --strict.";

fn main() -> ExitCode {
    sanity::exit_code("adapt", run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (input, output) = (&arguments.input, &arguments.output);
    let from = named(arguments.from, input, "--from")?;
    let to = named(arguments.to, output, "--to")?;
    if to == Format::Trc {
        bail!("{}: {}", output.display(), AdaptError::ToTrace);
    }
    let in_input = || input.display().to_string();
    let in_output = || output.display().to_string();
    let source = format::open(input).with_context(in_input)?;
    let mut sink = create(output).with_context(in_output)?;
    let summary = match adapt::adapt(source, from, &mut sink, to, arguments.offsets) {
        Ok(summary) => summary,
        Err(AdaptError::Output(error)) => return Err(error).with_context(in_output),
        Err(error) => return Err(error).with_context(in_input),
    };
    tell(input, &summary);
    if arguments.strict
        && summary
            .trace
            .is_some_and(|trace| !trace.oddities.is_empty())
    {
        bail!(
            "{}: the trace is odd (see above): nothing is written, as --strict asks",
            input.display()
        );
    }
    sink.commit().with_context(in_output)?;
    Ok(ExitCode::SUCCESS)
}

/// Opens the output; a signal from then on removes what is unfinished of it.
fn create(path: &Path) -> io::Result<Output> {
    let unfinished = Arc::new(Mutex::new(None));
    let to_remove = Arc::clone(&unfinished);
    // Without a handler a signal leaves the unfinished file behind.
    let _ = ctrlc::set_handler(move || {
        let path: Option<PathBuf> = to_remove.lock().ok().and_then(|mut path| path.take());
        if let Some(path) = path {
            let _ = std::fs::remove_file(path);
        }
        std::process::exit(130);
    });
    // Held until the name is known, so that no signal comes between.
    let mut name = unfinished.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Output::create(path)?;
    *name = output.unfinished().map(Path::to_path_buf);
    Ok(output)
}

fn named(given: Option<Format>, path: &Path, option: &str) -> anyhow::Result<Format> {
    match given.or_else(|| Format::of_path(path)) {
        Some(format) => Ok(format),
        None => bail!(
            "{}: the name does not end in .trc, .plc or .csv: use {option}",
            path.display()
        ),
    }
}

fn tell(input: &Path, summary: &Summary) {
    let name = input.display();
    let Some(trace) = &summary.trace else {
        sanity::tell("adapt", &format!("{name}: {} jobs", summary.jobs));
        return;
    };
    let (events, jobs, never) = (trace.events, summary.jobs, trace.never_freed);
    sanity::tell(
        "adapt",
        &format!("{name}: {events} events, {jobs} jobs, {never} never freed"),
    );
    for (oddity, count) in trace.oddities.iter() {
        let (times, at) = (count.count, count.first_at);
        sanity::tell(
            "adapt",
            &format!("{name}: {times} x {oddity}, first at byte {at}"),
        );
    }
}
