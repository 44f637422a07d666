//! What the command-line programs share, and no library needs: how they begin
//! and end, what signals do to them, and what is generated from their options.
//!
//! Every program has the same exit codes: 0 done; 1 the answer is no; 2 bad
//! usage, input or output; 3 not decided. What went wrong is one line on
//! standard error, and a closed pipe is no failure.
#![forbid(unsafe_code)]

pub mod csv;
mod generate;
pub mod memory;
pub mod output;
mod signals;
mod usage;

use std::env;
use std::io::{self, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::Parser;
use common::format;
use common::text::printable;

pub use signals::stop_instead;

/// The version, and the commit where the build knows it.
pub const VERSION: &str = env!("IDEALLOC_VERSION");

/// A program from its command line to its exit code. Wrong usage is 2, with one
/// line on standard error; `--help` and `--version` end the process with 0.
pub fn main<A: Parser>(
    name: &'static str,
    run: impl FnOnce(&A) -> anyhow::Result<ExitCode>,
) -> ExitCode {
    tell_panics(name);
    signals::prepare(name);
    let arguments = match parse::<A>(name) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    // What a thread panics with comes out of the main one.
    match panic::catch_unwind(AssertUnwindSafe(|| run(&arguments))) {
        Ok(result) => exit_code(name, result),
        Err(_) => ExitCode::from(2),
    }
}

/// A panic is a defect, or memory that is lacking where the runtime needs it:
/// one line that says so. RUST_BACKTRACE asks for the runtime's own.
fn tell_panics(name: &'static str) {
    if env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        return;
    }
    panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let what = text.unwrap_or_else(|| "a panic".to_owned());
        // ENOMEM, or EAGAIN of a thread that has no room for its stack.
        let line = if what.contains("code: 12")
            || what.contains("code: 11")
            || what.contains("os error 12")
        {
            format!("too little memory: {what}")
        } else {
            let place = panic.location().map(ToString::to_string);
            let place = place.unwrap_or_default();
            format!("defect: {what} ({place}): please report it with the input")
        };
        tell(name, &line.replace('\n', " "));
    }));
}

/// The arguments. `--help` and `--version` end the process.
///
/// # Errors
/// The exit code: where something else was asked for and is done, or where the
/// usage is wrong and that is told.
pub fn parse<A: Parser>(name: &'static str) -> Result<A, ExitCode> {
    let mut command = generate::with_option(A::command().name(name).version(VERSION));
    let refused = |error: clap::Error| {
        if !error.use_stderr() {
            // Help, or the version; on a terminal it has colours.
            let shown = match output::not_closed() {
                Ok(()) => error.print().map_err(anyhow::Error::from),
                closed => closed,
            };
            return exit_code(name, shown.map(|()| ExitCode::SUCCESS));
        }
        tell(name, &usage::line(name, error));
        ExitCode::from(2)
    };
    let matches = command
        .try_get_matches_from_mut(env::args_os())
        .map_err(refused)?;
    if let Some(what) = generate::asked(&matches) {
        let written = generate::write(what, name, command);
        return Err(exit_code(name, written.map(|()| ExitCode::SUCCESS)));
    }
    A::from_arg_matches(&matches).map_err(refused)
}

/// One line on standard error, whatever a file put into it; where even that
/// cannot be written, nothing.
pub fn tell(program: &str, line: &str) {
    let _ = writeln!(io::stderr(), "{program}: {}", printable(line));
}

/// The end of a `main`: 2, with one line on standard error, for an error; a
/// closed pipe is none.
pub fn exit_code(program: &str, result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if format::is_closed_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(program, &format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}
