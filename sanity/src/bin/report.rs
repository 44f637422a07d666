//! `report`: what jobs and placements amount to.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::{Parser, ValueEnum};
use cli::output;
use common::format::{self, Format, Output};
use common::input::{Document, Reading};
use common::units::parse_bytes;
use sanity::processes::{self, ProcessLine};
use sanity::report::{self, Colour, DEFINITIONS, Other, Page, Report, svg, text};

/// Measures jobs and, where they have offsets, their placement; of a trace, what the program's memory was
#[derive(Debug, Parser)]
#[command(after_long_help = long_help(), after_help = SHORT_HELP)]
struct Arguments {
    /// What to measure: a trace (.trc), a snapshot of PyTorch's (.pickle), a .plc or a CSV, also packed by gzip or zstd; -
    /// is standard input; of several, a line each
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,

    /// Format of the input, where its name does not say: trc, plc, csv or pytorch, or another that adapt reads
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Of a snapshot of PyTorch's: which device, by its number; needed where several have events
    #[arg(long, value_name = "NUMBER")]
    device: Option<u64>,

    /// Another placement of the same jobs: tells what it saves, and which size classes make the difference
    #[arg(long, value_name = "PLACEMENT")]
    against: Option<PathBuf>,

    /// Format of the other placement, where its name does not say
    #[arg(long, value_name = "FORMAT", requires = "against")]
    against_from: Option<Format>,

    /// How to print
    #[arg(long, value_enum, default_value_t = Print::Text)]
    format: Print,

    /// Also draw the placement: address over time, the load beneath; with --quiet, - is standard output
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// Also write one page that shows the placement as a map, to open in a browser; - as above
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    #[command(flatten)]
    outputs: output::Options,

    #[command(flatten)]
    memory: cli::memory::Options,

    #[command(flatten)]
    csv: cli::csv::Options,

    /// What the colours of pictures tell: size, or age (the lifetime)
    #[arg(long, alias = "color", value_name = "BY", default_value = "size")]
    colour: Colour,

    /// Start address of the placement: alignment applies to start + heap + offset
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = parse_bytes)]
    start: u64,

    /// Print no measurements: only pictures, errors and the exit code are wanted
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Print {
    /// For people
    Text,
    /// For programs; its fields are described in the module `sanity::report`
    Json,
}

const SHORT_HELP: &str = "\
Every metric is defined in --help.

Exit codes: 0 done; 1 a placement is not valid; 2 bad usage, input or output.";

const EXAMPLES: &str = "\
A file in which not every job has an offset is reported as jobs only. What only
a trace tells (events, threads, never freed) is \"not recorded\" elsewhere.

The page of --html needs no network:
  move       drag, one finger or arrows; with Shift along one axis
  zoom       wheel, two fingers, + and -; Shift+wheel the time alone, Alt+wheel
             the addresses; right button, Ctrl or Alt and drag a box; 0 the whole
  read       hover, tap, or Enter for the job in the middle; Escape hides it
  search     / and an id, size:4096, size:64..128, >=1MiB, <4k, class:48 or
             heap:0x1000; Enter and Shift+Enter step, in the map N and Shift+N
  single out click or press Enter on a row of a table; Escape shows all again
  views      P the peak; C colours by size or age; T seconds or bytes requested;
             H holes, which is memory that was touched but is free
  --against  B the other placement, S both side by side, D a divider between

Examples:
  report app.plc
  report app.trc --html app.html
  report app.trc*
  report placement.csv --svg placement.svg --colour age
  report app.plc --against placement.csv --html both.html
  report app.plc --format json | jq .load.bytes

Exit codes: 0 done; 1 a placement is not valid; 2 bad usage, input or output.";

fn long_help() -> String {
    format!("Definitions:\n{DEFINITIONS}\n{EXAMPLES}")
}

fn main() -> ExitCode {
    cli::main("report", run)
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    arguments.memory.apply()?;
    match arguments.inputs.as_slice() {
        [input] => measure(arguments, input),
        inputs => measure_many(arguments, inputs),
    }
}

/// A line on each of several inputs; those that cannot be read are told, and the others
/// measured all the same.
fn measure_many(arguments: &Arguments, inputs: &[PathBuf]) -> anyhow::Result<ExitCode> {
    for (option, is_given) in [
        ("--against", arguments.against.is_some()),
        ("--svg", arguments.svg.is_some()),
        ("--html", arguments.html.is_some()),
    ] {
        ensure!(
            !is_given,
            "{option} is for one input, and there are {}: name the one that is wanted",
            inputs.len()
        );
    }
    let standard = inputs.iter().filter(|path| format::is_standard(path));
    ensure!(
        standard.count() < 2,
        "-: standard input can be read only once"
    );
    let mut measured: Vec<(ProcessLine, Option<Report>)> = Vec::new();
    let mut code = ExitCode::SUCCESS;
    let mut failed = false;
    for path in inputs {
        let document = match read(arguments, path, arguments.from, "--from") {
            Ok(document) => document,
            Err(error) => {
                cli::tell("report", &format!("{error:#}"));
                failed = true;
                continue;
            }
        };
        if !arguments.quiet {
            tell_notes(path, &document);
        }
        let report = Report::new(&document, arguments.start);
        tell_verdicts(path, &report);
        if report.is_invalid() {
            code = ExitCode::from(1);
        }
        let line = ProcessLine::of_report(&report, named(path));
        let kept = matches!(arguments.format, Print::Json).then_some(report);
        measured.push((line, kept));
    }
    if failed {
        code = ExitCode::from(2);
    }
    measured.sort_by_cached_key(|(line, _)| line.rank());
    if !arguments.quiet {
        let printed = print_many(arguments.format, &measured);
        match printed {
            // The exit code tells what was found all the same.
            Err(error) if format::is_closed_pipe(error.as_ref()) => {}
            printed => printed?,
        }
    }
    Ok(code)
}

fn print_many(print: Print, measured: &[(ProcessLine, Option<Report>)]) -> anyhow::Result<()> {
    let printed = match print {
        Print::Text => {
            let lines: Vec<ProcessLine> = measured.iter().map(|(line, _)| line.clone()).collect();
            processes::table(&lines, usize::MAX)
        }
        Print::Json => {
            let reports = measured.iter();
            let reports =
                reports.filter_map(|(line, report)| Some((line.file.as_str(), report.as_ref()?)));
            Report::json_of_many(reports)? + "\n"
        }
    };
    output::print(&printed)
}

fn measure(arguments: &Arguments, path: &Path) -> anyhow::Result<ExitCode> {
    check_pictures(arguments, path)?;
    let document = read(arguments, path, arguments.from, "--from")?;
    let against = match &arguments.against {
        Some(path) => {
            let from = arguments.against_from;
            Some(read(arguments, path, from, "--against-from")?)
        }
        None => None,
    };
    if !arguments.quiet {
        tell_notes(path, &document);
        for (path, document) in arguments.against.iter().zip(&against) {
            tell_notes(path, document);
        }
    }
    let mut report = Report::new(&document, arguments.start);
    let against = against.map(|document| {
        let report = Report::new(&document, arguments.start);
        (document, report)
    });
    let name = arguments.against.as_deref().map(named);
    let other = against
        .as_ref()
        .zip(name.as_deref())
        .map(|((document, report), name)| Other {
            name,
            document,
            report,
        });
    if let Some(other) = &other {
        report
            .compare(&document, other)
            .with_context(|| named(path))?;
    }
    let pictures = Pictures::open(arguments, path, &document)?;
    match print(arguments, &report) {
        // The pictures are wanted all the same.
        Err(error) if format::is_closed_pipe(error.as_ref()) => {}
        printed => printed?,
    }
    tell_verdicts(path, &report);
    pictures.draw(arguments, path, &document, &report, other)?;
    Ok(if report.is_invalid() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

fn print(arguments: &Arguments, report: &Report) -> anyhow::Result<()> {
    if arguments.quiet {
        return Ok(());
    }
    let printed = match arguments.format {
        Print::Text => text(report),
        Print::Json => report.json()? + "\n",
    };
    output::print(&printed)
}

/// Refuses to draw over what is read, two pictures into one file, or into
/// standard output among the measurements.
fn check_pictures(arguments: &Arguments, input: &Path) -> anyhow::Result<()> {
    let pictures = [&arguments.svg, &arguments.html].map(Option::as_deref);
    for picture in pictures.into_iter().flatten() {
        ensure!(
            arguments.quiet || !format::is_standard(picture),
            "-: the measurements go to standard output too: add --quiet, or give the picture a name"
        );
        let read = [Some(input), arguments.against.as_deref()];
        for input in read.into_iter().flatten() {
            ensure!(
                !output::is_same(picture, input),
                "{}: the picture would replace the input: give it another name",
                named(picture)
            );
        }
    }
    if let [Some(svg), Some(html)] = pictures {
        ensure!(
            svg != html && !output::is_same(svg, html),
            "{}: two pictures cannot be one file: give one another name",
            named(svg)
        );
    }
    Ok(())
}

/// How a file was read, and what was left out of it or taken together.
fn tell_notes(path: &Path, document: &Document) {
    for note in &document.notes {
        cli::tell("report", &format!("{}: {note}", named(path)));
    }
}

fn tell_verdicts(path: &Path, report: &Report) {
    let here = report.placement.iter().map(|placed| (named(path), placed));
    let there = report
        .against
        .iter()
        .map(|other| (other.name.clone(), &other.placement));
    for (name, placed) in here.chain(there) {
        if let Some(violation) = &placed.violation {
            let line = format!("{name}: the placement is not valid: {violation}");
            cli::tell("report", &line);
        }
    }
}

fn read(
    arguments: &Arguments,
    path: &Path,
    from: Option<Format>,
    option: &str,
) -> anyhow::Result<Document> {
    let Some(from) = from.or_else(|| Format::of_path(path)) else {
        bail!(
            "{}: the name does not end in .trc, .plc, .csv or .pickle: use {option}",
            path.display()
        );
    };
    ensure!(
        arguments.device.is_none() || option != "--from" || from == Format::Pytorch,
        "{}: --device is for pytorch only, and this is read as {from}",
        path.display()
    );
    let reading = Reading {
        device: arguments.device,
        csv: arguments.csv.options(),
        ..Reading::default()
    };
    report::read_with(path, from, reading).with_context(|| named(path))
}

/// The files to draw into, opened before anything is printed.
struct Pictures {
    svg: Option<Output>,
    html: Option<Output>,
}

impl Pictures {
    fn open(arguments: &Arguments, input: &Path, document: &Document) -> anyhow::Result<Pictures> {
        let open = |path: &Option<PathBuf>| match path {
            None => Ok(None),
            Some(_) if document.placement.is_none() && !document.problem.is_empty() => {
                bail!(
                    "{}: no picture without offsets for every job",
                    input.display()
                )
            }
            Some(path) => arguments.outputs.create(path).map(Some),
        };
        Ok(Pictures {
            svg: open(&arguments.svg)?,
            html: open(&arguments.html)?,
        })
    }

    fn draw(
        self,
        arguments: &Arguments,
        input: &Path,
        document: &Document,
        report: &Report,
        other: Option<Other<'_>>,
    ) -> anyhow::Result<()> {
        let title = named(input);
        let mut page = Page::new(&title, document, report);
        page.other = other;
        page.colour = arguments.colour;
        if let (Some(mut output), Some(path)) = (self.svg, &arguments.svg) {
            let drawing = svg(&page).unwrap_or_default();
            let written = output.write_all(drawing.as_bytes());
            written.with_context(|| named(path))?;
            output::commit(output, path)?;
        }
        if let (Some(mut output), Some(path)) = (self.html, &arguments.html) {
            report::html(&mut output, &page).with_context(|| named(path))?;
            output::commit(output, path)?;
        }
        Ok(())
    }
}
