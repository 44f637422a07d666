//! `adapt`: from a trace, or a compiler's list of buffers, to jobs in
//! bin-packing notation, and from one format of jobs to another.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use cli::output;
use common::error::FormatError;
use common::format::{self, Format};
use common::input::Reading;
use common::iopddl::Usage;
use common::lifetimes;
use common::text::counted;
use common::tflite;
use common::units::{hexadecimal, whole_number};
use common::xla::{self, Beside, Hlo, LiveRanges, Platform};
use sanity::adapt::progress::Progress;
use sanity::adapt::{self, AdaptError, Heaps, Options, Summary};

/// Turns a trace, or a compiler's list of buffers, into jobs in bin-packing
/// notation, to be solved by idealloc, and jobs from one format into another;
/// report reads traces by itself
#[derive(Debug, Parser)]
#[command(after_help = EXAMPLES)]
struct Arguments {
    /// What to read, also packed by gzip or zstd; - is standard input
    input: PathBuf,

    /// What to write: a .plc or a CSV; - is standard output
    output: PathBuf,

    #[command(flatten)]
    outputs: output::Options,

    #[command(flatten)]
    memory: cli::memory::Options,

    #[command(flatten)]
    csv: cli::csv::Options,

    /// Format of the input, where neither name nor content say it: trc, plc, csv, iopddl, xla, tflite,
    /// pytorch, iree or executorch
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Format of the output, where its name does not say: plc or csv
    #[arg(long, value_name = "FORMAT")]
    to: Option<Format>,

    /// Write the traced placement into a CSV too; idealloc would keep it as fixed positions
    #[arg(long)]
    offsets: bool,

    /// Leave out what a .plc cannot say (text ids, gaps, groups, hints, other columns), and count it
    #[arg(long)]
    lossy: bool,

    /// Take the jobs of one heap only, by its base (decimal, or hexadecimal with 0x)
    #[arg(long, value_name = "BASE", value_parser = heap)]
    heap: Option<u64>,

    /// Put all jobs into one heap, to be packed together, as idealloc does; leaves offsets out
    #[arg(long, conflicts_with_all = ["heap", "offsets"])]
    merge_heaps: bool,

    /// Trace: what the clock counts, bytes requested (the default) or allocations; the same jobs conflict
    #[arg(long, value_enum)]
    clock: Option<Clock>,

    /// Trace: a job's size, what the allocator set aside (the default) or what the program asked for (at least 1)
    #[arg(long, value_enum)]
    size: Option<Size>,

    /// Trace: also write its notes into a CSV (clock, note, a, b, c, d): what a .plc cannot say; - is standard output
    #[arg(long, value_name = "FILE")]
    notes: Option<PathBuf>,

    /// Trace: anything odd is an error, and nothing is written
    #[arg(long)]
    strict: bool,

    /// iopddl: which of a node's usages is its size: largest (the default), smallest or first
    #[arg(long, value_name = "WHICH")]
    usage: Option<Usage>,

    /// XLA: which allocation: temp (the preallocated-temp ones, the default), its number, or all
    #[arg(long, value_name = "WHICH")]
    allocation: Option<xla::Choice>,

    /// PyTorch: which device, by its number; needed where several have events
    #[arg(long, value_name = "NUMBER")]
    device: Option<u64>,

    /// XLA: the file of live ranges, where it is not beside the input under its usual name
    #[arg(long, value_name = "FILE")]
    live_range: Option<PathBuf>,

    /// XLA: the module (its text or .hlo.pb), where it is not beside the input under its usual name
    #[arg(long, value_name = "FILE")]
    hlo: Option<PathBuf>,

    /// TensorFlow Lite: what a build with TF_LITE_SHOW_MEMORY_USE printed, for the scratch buffers of its kernels
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,

    /// No progress, and no line on what was done; what is odd or left out is still told
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Clock {
    Bytes,
    Events,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Size {
    Usable,
    Requested,
}

const EXAMPLES: &str = "\
Examples:
  adapt app.trc app.plc             next: idealloc app.plc -o placement.csv
  adapt app.trc app.plc --notes notes.csv
  adapt buffers.csv buffers.plc
  adapt app.plc - --to csv | head
  adapt problem.json problem.csv --usage smallest
  adapt module.cpu_after_optimizations-buffer-assignment.txt module.csv
  adapt module.cpu_after_optimizations.hlo.pb module.csv
  adapt model.tflite model.csv
  adapt snapshot.pickle snapshot.plc   report snapshot.pickle tells what is waste
  adapt dump.mlir encode.csv --heap 1

Formats:
  trc     a trace, by its name (.trc)
  plc     jobs in bin-packing notation, by its name (.plc)
  csv     jobs by header name (.csv, or a header with id, lower and size), separated by commas,
          semicolons or tabs; lines that begin with # are comments
  iopddl  the JSON of the ASPLOS/EuroSys 2025 contest (.json, or a file that begins with {);
          nodes with an empty lifetime or no usage are left out
  xla     XLA's *.hlo.pb, or its *-buffer-assignment.txt (or a file that begins with
          BufferAssignment:) with the *-live-range.txt and *after_optimizations.txt beside it;
          the placement is XLA's own, and what must share a place is one job or a group
  tflite  a TensorFlow Lite model (.tflite, or a file whose bytes 4 to 8 are TFL3): what
          TensorFlow Lite Micro plans, and where it puts it; scratch buffers are those of its
          reference kernels, or those that --log tells
  pytorch torch.cuda.memory._dump_snapshot()'s pickle (.pickle, .pkl); the placement is
          PyTorch's own; nothing in the pickle is run
  iree    what iree-compile prints with --mlir-print-ir-before=iree-stream-layout-slices
          (.mlir, or a text that begins so); each stream.resource.pack is a heap
  executorch  the JSON that idealloc.executorch.planner(dump=PATH) writes; an arena is a heap

Jobs are what idealloc solves and other tools read. To see what a program's memory
was, nothing needs to be converted: report app.trc tells more than report app.plc,
as a .plc holds neither threads nor notes. --notes keeps the notes: in each row the
clock of the jobs, the note's name and its four words, the command line in the row
program.

A job's lifetime is half-open. In a converted trace the clock counts the bytes
requested so far, a job's size is what the allocator set aside, and ids number
the allocations from 0. What is odd in a trace (a free of an unknown pointer, a
block allocated where one is live, a record or a compressed file cut short) is
counted and told on standard error, with the byte offset of the first of each kind.
Where the trace says that calls pass the tracer by, blocks whose birth or end was not
seen are nothing odd: such a free changes nothing, a block that is allocated where one
is live ends that one, and both are counted in one line.

A conversion never changes which jobs conflict; only --lossy may, by leaving out
gaps and groups, and then more jobs conflict than before, never fewer.

Exit codes: 0 done; 2 bad usage, input or output, or anomalies with --strict.";

fn main() -> ExitCode {
    cli::main("adapt", run)
}

fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    arguments.memory.apply()?;
    let (input, written) = (&arguments.input, &arguments.output);
    let in_input = || output::named(input, "standard input");
    let in_output = || output::named(written, "standard output");
    let to = to(arguments)?;
    if format::is_standard(written) {
        output::not_appended_to(input)?;
    }
    check_notes(arguments)?;
    let progress = Progress::new(input, arguments.quiet);
    let source = format::open_watched(input, progress.reader()).with_context(in_input)?;
    let (from, source) = from(arguments, source)?;
    check_options(arguments, from)?;
    let options = options(arguments, from)?;
    let create = |path: &Path| arguments.outputs.create(path);
    let mut sink = create(written)?;
    let notes = arguments.notes.as_deref();
    let notes = notes.map(|path| Ok::<_, anyhow::Error>((path, create(path)?)));
    let mut notes = notes.transpose()?;
    let adapted = adapt::adapt(source, from, &mut sink, to, &options, &mut |jobs| {
        progress.jobs(jobs);
    });
    drop(progress);
    let summary = match adapted {
        Ok(summary) => summary,
        Err(AdaptError::Output(error)) => return Err(error).with_context(in_output),
        Err(error) => return Err(error).with_context(in_input),
    };
    tell(input, &summary, arguments.quiet);
    if arguments.strict
        && summary
            .trace
            .is_some_and(|trace| !trace.anomalies.is_empty())
    {
        bail!(
            "{}: the trace is odd (see above): nothing is written, as --strict asks",
            input.display()
        );
    }
    if let Some((path, notes)) = &mut notes {
        let told = &summary.trace_notes;
        adapt::write_notes(told, notes).with_context(|| output::named(path, "standard output"))?;
    }
    output::commit(sink, written)?;
    if let Some((path, notes)) = notes {
        output::commit(notes, path)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses notes that would take the place of what is read, or of the jobs.
fn check_notes(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(notes) = arguments.notes.as_deref() else {
        return Ok(());
    };
    if format::is_standard(notes) {
        output::not_appended_to(&arguments.input)?;
    }
    for (other, what) in [(&arguments.input, "input"), (&arguments.output, "output")] {
        let is_same = notes == other || output::is_same(notes, other);
        // Standard input is not standard output.
        if is_same && !(what == "input" && format::is_standard(other)) {
            bail!(
                "{}: the notes would replace the {what}: give them another name",
                output::named(notes, "standard output")
            );
        }
    }
    Ok(())
}

/// The output's format, by the option or by its name.
fn to(arguments: &Arguments) -> anyhow::Result<Format> {
    let output = &arguments.output;
    match arguments.to.or_else(|| Format::of_path(output)) {
        Some(format) if format.is_written() => Ok(format),
        Some(format) => bail!("{}: {}", output.display(), AdaptError::NotWritten(format)),
        None => bail!(
            "{}: the name does not end in .plc or .csv: use --to",
            output.display()
        ),
    }
}

/// The input's format, by the option, its name or its first bytes, and the
/// whole input.
fn from(arguments: &Arguments, source: Box<dyn Read>) -> anyhow::Result<(Format, Box<dyn Read>)> {
    let input = &arguments.input;
    if let Some(format) = arguments.from {
        return Ok((format, source));
    }
    let named = Format::of_path(input);
    let (told, source) = match named {
        // Several formats are JSON.
        None | Some(Format::Iopddl) => {
            format::sniff(source).with_context(|| input.display().to_string())?
        }
        Some(_) => (None, source),
    };
    let format = match (named, told) {
        (Some(Format::Iopddl), Some(Format::Executorch)) => told,
        _ => named.or(told),
    };
    match format {
        Some(format) => Ok((format, source)),
        None => bail!(
            "{}: the name does not end in .trc, .plc, .csv, .json, .tflite, .pickle or .mlir, and the \
             content does not tell the format: use --from",
            input.display()
        ),
    }
}

/// Refuses an option that would change nothing, so that nobody takes the
/// output for what was asked for.
fn check_options(arguments: &Arguments, from: Format) -> anyhow::Result<()> {
    let of_csv = arguments.csv.given();
    let given = [
        (of_csv.unwrap_or_default(), Format::Csv, of_csv.is_some()),
        ("--clock", Format::Trc, arguments.clock.is_some()),
        ("--size", Format::Trc, arguments.size.is_some()),
        ("--notes", Format::Trc, arguments.notes.is_some()),
        ("--usage", Format::Iopddl, arguments.usage.is_some()),
        ("--allocation", Format::Xla, arguments.allocation.is_some()),
        ("--log", Format::Tflite, arguments.log.is_some()),
        ("--hlo", Format::Xla, arguments.hlo.is_some()),
        ("--device", Format::Pytorch, arguments.device.is_some()),
    ];
    for (option, format, is_given) in given {
        if is_given && format != from {
            bail!(
                "{}: {option} is for {format} only, and this is read as {from}",
                arguments.input.display()
            );
        }
    }
    Ok(())
}

fn options(arguments: &Arguments, from: Format) -> anyhow::Result<Options> {
    let beside = match from {
        Format::Xla => beside(arguments)?,
        _ => Beside::default(),
    };
    let trace = lifetimes::Options {
        clock: match arguments.clock {
            None | Some(Clock::Bytes) => lifetimes::Clock::Bytes,
            Some(Clock::Events) => lifetimes::Clock::Events,
        },
        size: match arguments.size {
            None | Some(Size::Usable) => lifetimes::Size::Usable,
            Some(Size::Requested) => lifetimes::Size::Requested,
        },
        ..lifetimes::Options::default()
    };
    let keeps_offsets = arguments.offsets || to(arguments)? == Format::Plc;
    Ok(Options {
        reading: Reading {
            trace,
            not_placed: !keeps_offsets || arguments.merge_heaps,
            usage: arguments.usage.unwrap_or_default(),
            allocation: arguments.allocation.unwrap_or_default(),
            beside,
            device: arguments.device,
            csv: arguments.csv.options(),
            log: log(arguments)?,
        },
        offsets: arguments.offsets,
        heaps: match arguments.heap {
            Some(base) => Heaps::One(base),
            None if arguments.merge_heaps => Heaps::Merged,
            None => Heaps::All,
        },
        lossy: arguments.lossy,
    })
}

/// What the other files of XLA's dump tell: those that options name, or that lie
/// beside the input.
fn beside(arguments: &Arguments) -> anyhow::Result<Beside> {
    let input = &arguments.input;
    // A protocol buffer holds its module, and says more than the text beside it.
    let is_whole = input.to_str().is_some_and(|name| name.contains(".hlo.pb"));
    let named = |name: &Option<PathBuf>, usual: Vec<PathBuf>| {
        let usual = || usual.into_iter().find(|path| path.is_file());
        name.clone().or_else(usual)
    };
    let mut live_ranges = match named(&arguments.live_range, xla::live_range_beside(input)) {
        Some(path) => Some(read_beside(&path, LiveRanges::read)?),
        None => None,
    };
    if live_ranges.is_none()
        && is_whole
        && let Some(path) = named(&None, xla::assignment_beside(input))
    {
        live_ranges = read_beside(&path, LiveRanges::find)?;
    }
    let usual = match is_whole {
        true => Vec::new(),
        false => xla::hlo_beside(input, live_ranges.is_none()),
    };
    let hlo = match named(&arguments.hlo, usual) {
        Some(path) => Some(read_beside(&path, Hlo::read)?),
        None => None,
    };
    Ok(Beside {
        live_ranges,
        hlo,
        platform: Platform::of_path(input),
    })
}

/// Reads another file of a dump, which an error names.
fn read_beside<T>(
    path: &Path,
    read: impl FnOnce(Box<dyn Read>) -> Result<T, FormatError>,
) -> anyhow::Result<T> {
    let in_path = || path.display().to_string();
    let file = format::open(path).with_context(in_path)?;
    read(file).with_context(in_path)
}

fn log(arguments: &Arguments) -> anyhow::Result<Option<tflite::Log>> {
    let Some(path) = &arguments.log else {
        return Ok(None);
    };
    let in_path = || path.display().to_string();
    let file = format::open(path).with_context(in_path)?;
    tflite::Log::read(file).with_context(in_path).map(Some)
}

/// A heap's base as it is typed.
fn heap(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let base = digits.map_or_else(|| whole_number(text), hexadecimal);
    base.ok_or_else(|| "not an address: a decimal number, or a hexadecimal one with 0x".to_owned())
}

fn tell(input: &Path, summary: &Summary, quiet: bool) {
    let tell = |what: &str| cli::tell("adapt", &format!("{}: {what}", input.display()));
    let jobs = counted(summary.jobs, "job");
    if !quiet {
        match &summary.trace {
            None => tell(&jobs),
            Some(trace) => {
                let (events, never) = (counted(trace.events, "event"), trace.never_freed);
                tell(&format!("{events}, {jobs}, {never} never freed"));
            }
        }
        for remark in &summary.remarks {
            tell(remark);
        }
    }
    for note in &summary.notes {
        tell(note);
    }
    let unseen = summary.trace.map(|trace| trace.unseen).unwrap_or_default();
    for reason in summary.trace_notes.partial_with(unseen) {
        tell(&format!("partial: {reason}"));
    }
    for (anomaly, count) in summary
        .trace
        .iter()
        .flat_map(|trace| trace.anomalies.iter())
    {
        let (times, at) = (count.count, count.first_at);
        tell(&format!("{times} x {anomaly}, first at byte {at}"));
    }
}
