//! What `adapt` and `report` do, apart from their command lines: converting
//! jobs from format to format, and measuring placements.

pub mod adapt;
pub mod report;

use std::process::ExitCode;

use common::format;

/// The end of a binary's `main`: 2, with one line on standard error, for an
/// error; a closed pipe is none.
pub fn exit_code(program: &str, result: anyhow::Result<ExitCode>) -> ExitCode {
    match result {
        Ok(code) => code,
        Err(error) if format::is_closed_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{program}: {error:#}");
            ExitCode::from(2)
        }
    }
}
