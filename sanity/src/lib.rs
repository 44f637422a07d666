//! What `adapt` and `report` do, apart from their command lines: converting
//! jobs from format to format, and measuring placements.

pub mod adapt;
pub mod report;

use std::io::Write as _;
use std::process::ExitCode;

use common::format;

/// One line on standard error; where even that cannot be written, nothing.
pub fn tell(program: &str, line: &str) {
    let _ = writeln!(std::io::stderr(), "{program}: {line}");
}

/// The end of a binary's `main`: 2, with one line on standard error, for an
/// error; a closed pipe is none.
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
