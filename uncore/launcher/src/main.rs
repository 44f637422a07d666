//! `idealloc-trace`: runs a program under the tracer, and says what was written.
//!
//! The arguments become a `plan::Plan` (where the library and the traces are,
//! and that the program can be traced at all), the program runs with the
//! tracer's environment (`run`), and what it wrote is told (`summary`).

mod elf;
mod plan;
mod run;
mod summary;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Run a program and record every call of the malloc family.
///
/// Each process of the run writes its own trace: the first one FILE, its
/// children FILE.PID, or, where FILE holds `%p`, that name with the process id in
/// its place. Where a living process writes FILE already, the first process
/// writes FILE.PID, too. Exit code: the program's, or 2 where it could not be
/// traced.
#[derive(Debug, Parser)]
#[command(name = "idealloc-trace", version)]
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

    /// The tracer [default: libuncore.so beside this program, or in ../lib]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,

    /// Say nothing at the end
    #[arg(short, long)]
    quiet: bool,

    /// The program to run, and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<OsString>,
}

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
    match trace(&Arguments::parse()) {
        Ok(end) => end.pass_on(),
        Err(error) => {
            eprintln!("idealloc-trace: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn trace(arguments: &Arguments) -> anyhow::Result<run::End> {
    let plan = plan::Plan::new(arguments)?;
    let before = summary::Traces::find(&plan)?;
    let end = run::run(&plan, &arguments.program).inspect_err(|_| plan.clean())?;
    summary::tell(&plan, &before, arguments.quiet)?;
    Ok(end)
}
