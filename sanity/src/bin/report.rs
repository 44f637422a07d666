//! `report`: what jobs and placements amount to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use common::format::{self, Format, Output};
use common::input::{self, Document, Offsets};
use common::units::parse_bytes;
use sanity::report::{Report, svg, text};

/// Measures jobs and, where they have offsets, their placement
#[derive(Debug, Parser)]
#[command(version, after_help = DEFINITIONS)]
struct Arguments {
    /// What to measure: a .plc, a CSV or a trace (.trc), also packed by gzip or zstd; - is standard input
    input: PathBuf,

    /// Format of the input, where its name does not say: trc, plc or csv
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// How to print
    #[arg(long, value_enum, default_value_t = Print::Text)]
    format: Print,

    /// Also draw the placement: address over time, the load beneath
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Start address of the placement: alignment applies to start + heap + offset
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = parse_bytes)]
    start: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Print {
    /// For people
    Text,
    /// For programs; its fields are those of `sanity::report::Report`
    Json,
}

const DEFINITIONS: &str = "\
Definitions:
  lifetime        half-open, [birth, death), on a logical clock
  conflict        two jobs whose lifetimes overlap
  load at t       sum of the sizes of the jobs live at t
  LOAD            the largest load: no placement can be smaller
  makespan        of a heap: the largest offset + size; in all: the sum over heaps
  fragmentation   (makespan - LOAD) / LOAD
  makespan/LOAD   makespan as a share of LOAD
  valid           no two conflicting jobs of a heap overlap in address, and
                  start + heap + offset is a multiple of each job's alignment

A file in which not every job has an offset is reported as jobs only.

Examples:
  report app.plc
  report placement.csv --svg placement.svg
  report app.plc --format json | jq .load.bytes

Exit codes: 0 done; 1 the placement is not valid; 2 bad usage, input or output.";

fn main() -> ExitCode {
    sanity::exit_code("report", run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.input;
    let document = read(path, arguments.from)?;
    let report = Report::new(&document, arguments.start);
    if let Some(picture) = &arguments.svg {
        draw(&document, path, picture)?;
    }
    let printed = match arguments.format {
        Print::Text => text(&report),
        Print::Json => report.json()? + "\n",
    };
    std::io::stdout().lock().write_all(printed.as_bytes())?;
    if let Some(violation) = report
        .placement
        .as_ref()
        .and_then(|placed| placed.violation.as_ref())
    {
        let name = path.display();
        sanity::tell(
            "report",
            &format!("{name}: the placement is not valid: {violation}"),
        );
    }
    Ok(if report.is_invalid() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn read(path: &Path, from: Option<Format>) -> anyhow::Result<Document> {
    let name = || path.display().to_string();
    let Some(from) = from.or_else(|| Format::of_path(path)) else {
        bail!(
            "{}: the name does not end in .trc, .plc or .csv: use --from",
            path.display()
        );
    };
    let file = format::open(path).with_context(name)?;
    input::load(file, from, Offsets::Placement).with_context(name)
}

fn draw(document: &Document, input: &Path, picture: &Path) -> anyhow::Result<()> {
    let name = || picture.display().to_string();
    let Some(drawing) = svg(document, &input.display().to_string()) else {
        bail!(
            "{}: no picture without offsets for every job",
            input.display()
        );
    };
    let mut output = Output::create(picture).with_context(name)?;
    output.write_all(drawing.as_bytes()).with_context(name)?;
    output.commit().with_context(name)
}
