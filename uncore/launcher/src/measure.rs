//! What a run's traces tell of its processes: a line each, and a report or a page on one.

use std::path::{Path, PathBuf};

use anyhow::Context;
use cli::output;
use common::format::{self, Format};
use rayon::prelude::*;
use sanity::processes::ProcessLine;
use sanity::report::{self, Page, Report};

use crate::summary;

/// A process whose trace could be read.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Its trace.
    pub(crate) path: PathBuf,
    /// What is told of it.
    pub(crate) line: ProcessLine,
}

/// Reads all traces, several at once, and sorts the processes, the largest first. What
/// cannot be read is told.
pub(crate) fn measure(traces: Vec<PathBuf>) -> Vec<Measured> {
    let read: Vec<_> = traces
        .into_par_iter()
        .map(|path| {
            let name = summary::shown(&path).display().to_string();
            let line = format::open(&path)
                .map_err(Into::into)
                .and_then(|trace| ProcessLine::of_trace(trace, name));
            (path, line)
        })
        .collect();
    let mut measured = Vec::new();
    for (path, line) in read {
        match line {
            Ok(line) => measured.push(Measured { path, line }),
            Err(error) => {
                let name = summary::shown(&path);
                summary::tell_line(&format!("{}: {error}", name.display()));
            }
        }
    }
    measured.sort_by_cached_key(|process| process.line.rank());
    measured
}

/// The report on a trace as text, and the page, where one is wanted.
///
/// # Errors
/// Where the trace cannot be read or the page not be written.
pub(crate) fn report(
    trace: &Path,
    page: Option<&Path>,
    outputs: output::Options,
) -> anyhow::Result<String> {
    let name = summary::shown(trace).display().to_string();
    let document = report::read(trace, Format::Trc).with_context(|| name.clone())?;
    let report = Report::new(&document, 0);
    if let Some(path) = page {
        let mut output = outputs.create(path)?;
        report::html(&mut output, &Page::new(&name, &document, &report))
            .with_context(|| path.display().to_string())?;
        output::commit(output, path)?;
    }
    Ok(report::text(&report))
}
