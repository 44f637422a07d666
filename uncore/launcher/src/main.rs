//! `idealloc-trace`: runs a program under the tracer, and says what was written.
//!
//! The arguments become a `plan::Plan` (where the library and the traces are,
//! and that the program can be traced at all), the program runs with the
//! tracer's environment (`run`, `image`) and with what the caller gave this process
//! (the package `caller`), stops and goes on together with it (`stop`), and what it wrote is told
//! (`summary`). What an earlier run's children left is removed before (`earlier`), and what
//! the traces tell of the processes is measured at the end (`measure`). Whether they count
//! as the program's memory is in `memory`.

mod earlier;
mod elf;
mod image;
mod measure;
mod memory;
mod plan;
mod run;
mod stop;
mod summary;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

/// Run a program and record every call of the malloc family.
///
/// Each process of the run writes its own trace: the first one FILE, its
/// children FILE.PID, or, where FILE holds `%p`, that name with the process id in
/// its place. Where a living process writes FILE already, the first process
/// writes FILE.PID, too. Traces that an earlier run's children left under these
/// names are removed before the program starts. Where a name is too long for `.PID`, the
/// children's is shortened. At the end a table has a line a process, the largest peak of
/// held memory first. What is refused with one line, before the program starts: programs
/// that glibc's loader does not load (static ones, those of another libc), 32-bit, setuid and
/// setgid ones and those with file capabilities; AddressSanitizer without
/// ASAN_OPTIONS=verify_asan_link_order=0; a FILE that the program has open, such as its
/// standard output. Exit code: the program's, or 2 where it could not be traced.
#[derive(Debug, Parser)]
#[command(name = "idealloc-trace", after_help = EXAMPLES)]
struct Arguments {
    /// Where to write; `%p` becomes the process id; `.zst` at the end compresses
    /// when the program has ended, except what other processes still write
    /// [default: PROGRAM's name and `.trc`]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Trace child processes and the programs they execute, too (the default)
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,

    /// Trace the first process only
    #[arg(long)]
    no_follow: bool,

    /// Start without recording; each such SIGNAL starts or stops it (e.g. SIGUSR2)
    #[arg(long, value_name = "SIGNAL", value_parser = TOGGLES)]
    toggle: Option<String>,

    /// The tracer [default: $IDEALLOC_LIBRARY, or libuncore.so beside this
    /// program, in ../lib/idealloc or in ../lib]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,

    /// Print where the tracer is, and do nothing else
    #[arg(long, exclusive = true)]
    print_library: bool,

    /// Print the report on the process of the largest peak at the end, on standard error
    #[arg(long)]
    report: bool,

    /// Write the page on that process, to open in a browser, as `report --html` does
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    #[command(flatten)]
    outputs: cli::output::Options,

    /// Say nothing, neither at the start nor at the end; what goes wrong is still told
    #[arg(short, long, conflicts_with = "report")]
    quiet: bool,

    /// The program to run, and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    program: Vec<OsString>,
}

const NAME: &str = "idealloc-trace";

const EXAMPLES: &str = "\
Examples:
  idealloc-trace -o app.trc -- ./app             next: report app.trc --html app.html
  idealloc-trace --report --html app.html -o app.trc -- ./app
  idealloc-trace -o app.trc.zst -- ./app
  idealloc-trace --no-follow -o sh.trc -- sh -c ./app
  TRACEFILE=app.trc LD_PRELOAD=$(idealloc-trace --print-library) ./app

Exit codes: the program's; 2 where it could not be traced.";

/// The signals that the tracer takes.
const TOGGLES: [&str; 9] = [
    "SIGUSR1",
    "SIGUSR2",
    "SIGHUP",
    "SIGWINCH",
    "SIGURG",
    "SIGIO",
    "SIGPROF",
    "SIGALRM",
    "SIGVTALRM",
];

fn main() -> ExitCode {
    let arguments: Arguments = match cli::parse(NAME) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    if arguments.print_library {
        return cli::exit_code(NAME, print_library());
    }
    match trace(&arguments) {
        Ok(end) => end.pass_on(),
        Err(error) => cli::exit_code(NAME, Err(error)),
    }
}

fn print_library() -> anyhow::Result<ExitCode> {
    let library = plan::find_library(None)?;
    cli::output::print(format!("{}\n", library.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn trace(arguments: &Arguments) -> anyhow::Result<run::End> {
    let plan = plan::Plan::new(arguments)?;
    let clean = |_: &anyhow::Error| plan.clean();
    let earlier = earlier::Earlier::find(&plan).inspect_err(clean)?;
    earlier.remove(arguments.quiet).inspect_err(clean)?;
    if !arguments.quiet {
        tell_memory(&plan);
    }
    let before = summary::Traces::find(&plan).inspect_err(clean)?;
    let end = run::run(&plan, &arguments.program).inspect_err(clean)?;
    let wanted = summary::Wanted {
        quiet: arguments.quiet,
        report: arguments.report,
        page: arguments.html.as_deref(),
        outputs: arguments.outputs,
    };
    // The end is the program's, whatever comes of the summary.
    if let Err(error) = summary::tell(&plan, &before, &wanted) {
        summary::tell_line(&format!("{error:#}"));
    }
    Ok(end)
}

fn tell_memory(plan: &plan::Plan) {
    let folder = plan.trace.parent().unwrap_or(Path::new("/"));
    if let Some(limit) = memory::limit_with_traces(folder) {
        let folder = folder.display();
        let limit = common::units::human_bytes(limit);
        summary::tell_line(&format!(
            "{folder} lies in memory: the traces count towards the {limit} that the control \
             group allows the program; -o can name another folder"
        ));
    }
}
