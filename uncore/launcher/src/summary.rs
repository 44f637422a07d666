//! What a run wrote, and what to do with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use common::format::Format;
use common::text::shell_word;
use sanity::processes;

use crate::plan::{Compressed, Identity, Plan, identity};
use crate::{measure, run};

/// The traces of a plan's name that are there: the identity of each.
#[derive(Debug)]
pub(crate) struct Traces(BTreeMap<PathBuf, Identity>);

impl Traces {
    /// Looks for them.
    pub(crate) fn find(plan: &Plan) -> anyhow::Result<Traces> {
        let folder = plan.trace.parent().unwrap_or(Path::new("/"));
        let name = plan.trace.file_name().unwrap_or_default().as_bytes();
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut found = BTreeMap::new();
        for entry in entries.flatten() {
            if is_trace(name, entry.file_name().as_bytes())
                && let Ok(file) = entry.metadata()
                && file.is_file()
            {
                found.insert(entry.path(), identity(&file));
            }
        }
        Ok(Traces(found))
    }
}

/// Whether `file` is what the tracer makes of `template`: `%p` stands for
/// digits, and numbers may follow.
pub(crate) fn is_trace(template: &[u8], file: &[u8]) -> bool {
    if let Some(rest) = template.strip_prefix(b"%p") {
        let digits = file.iter().take_while(|byte| byte.is_ascii_digit()).count();
        return digits > 0 && is_trace(rest, &file[digits..]);
    }
    match (template.split_first(), file.split_first()) {
        (Some((a, template)), Some((b, file))) => a == b && is_trace(template, file),
        (Some(_), None) => false,
        (None, _) => file
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.'),
    }
}

/// Compresses, where that was asked for, and says what there is; of the largest process
/// the report and the page, where they were asked for.
pub(crate) fn tell(plan: &Plan, before: &Traces, wanted: &Wanted<'_>) -> anyhow::Result<()> {
    let after = Traces::find(plan)?;
    let mut finished = Vec::new();
    let mut bytes = 0;
    let mut growing = Vec::new();
    for (path, identity) in after.0 {
        if before.0.get(&path) == Some(&identity) {
            continue;
        }
        match finish(plan, &path) {
            Ok(Some((trace, length))) => {
                bytes += length;
                finished.push(trace);
            }
            Ok(None) => growing.push(path),
            Err(error) => tell_line(&format!(
                "{}: left as it is: {error:#}",
                shown(&path).display()
            )),
        }
    }
    if let Some(compressed) = &plan.compressed {
        // Stays where something is left in it.
        let _ = fs::remove_dir(&compressed.workshop);
    }
    // Reading may take a while, and whoever does not want to wait may say so.
    run::let_signals_end();
    if !wanted.quiet {
        tell_written(plan, &finished, bytes, &growing);
    }
    let is_measured = wanted.report || wanted.page.is_some();
    if finished.is_empty() || wanted.quiet && !is_measured {
        return Ok(());
    }
    let processes = measure::measure(finished);
    if !wanted.quiet {
        let lines = processes.iter().map(|process| process.line.clone());
        let lines: Vec<_> = lines.collect();
        to_stderr(&processes::table(&lines, MOST_TOLD));
    }
    let Some(largest) = processes.first() else {
        return Ok(());
    };
    let mut page = None;
    if is_measured {
        let name = &largest.line.file;
        match measure::report(&largest.path, wanted.page) {
            Ok(report) => {
                page = wanted.page;
                if wanted.report {
                    tell_line(&format!("the report on {name}"));
                    to_stderr(&report);
                }
            }
            Err(error) => tell_line(&format!("{error:#}")),
        }
    }
    if !wanted.quiet {
        if let Some(page) = page {
            let (page, name) = (page.display(), &largest.line.file);
            tell_line(&format!(
                "wrote {page}, a page on {name} to open in a browser"
            ));
        }
        tell_next(&largest.path, page.is_some());
    }
    Ok(())
}

/// What is to be told and written at the end.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// No word but errors.
    pub(crate) quiet: bool,
    /// The report.
    pub(crate) report: bool,
    /// Where the page goes.
    pub(crate) page: Option<&'a Path>,
}

fn tell_written(plan: &Plan, finished: &[PathBuf], bytes: u64, growing: &[PathBuf]) {
    match finished {
        [] if growing.is_empty() => tell_line("no trace was written"),
        [] => {}
        [trace] => tell_line(&format!("wrote {} ({bytes} bytes)", shown(trace).display())),
        several => tell_line(&format!(
            "wrote {} traces, one a process ({bytes} bytes)",
            several.len()
        )),
    }
    let left = match plan.compressed {
        Some(_) => ", left uncompressed",
        None => "",
    };
    for path in growing {
        tell_line(&format!(
            "{}: still being written by a process that goes on{left}",
            shown(path).display()
        ));
    }
}

/// Says what can be done with a trace.
fn tell_next(trace: &Path, has_page: bool) {
    let trace = shown(trace);
    let stem = stem(&trace);
    let from = match Format::of_path(&trace) {
        Some(Format::Trc) => "",
        _ => " --from trc",
    };
    let word = |text: &str| match text.starts_with('-') {
        // No option of the program that is told to read it.
        true => shell_word(&format!("./{text}")).into_owned(),
        false => shell_word(text).into_owned(),
    };
    let trace = word(&trace.display().to_string());
    let [page, jobs, placement] =
        [".html", ".plc", "-placement.csv"].map(|end| word(&format!("{stem}{end}")));
    let mut lines = vec![format!(
        "adapt {trace} {jobs}{from} && idealloc {jobs} -o {placement}"
    )];
    if !has_page {
        lines.insert(0, format!("report {trace}{from} --html {page}"));
    }
    to_stderr(&format!("next: {}\n", lines.join("\n      ")));
}

/// Where even that cannot be written, nothing.
fn to_stderr(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

pub(crate) fn tell_line(line: &str) {
    cli::tell(crate::NAME, line);
}

/// Compresses a trace, where that was asked for; its name and length then, or
/// `None` where a process still writes it.
fn finish(plan: &Plan, path: &Path) -> anyhow::Result<Option<(PathBuf, u64)>> {
    // Held to the end: no new run replaces the file meanwhile.
    let trace = File::open(path)?;
    match lock(&trace) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
        // A file system without locks: nobody can tell.
        Err(error) if plan.compressed.is_some() => return Err(error).context("cannot be locked"),
        Err(_) => {}
    }
    let finished = match &plan.compressed {
        Some(compressed) => compress(&trace, path, compressed)?,
        None => (path.to_owned(), trace.metadata()?.len()),
    };
    Ok(Some(finished))
}

/// Locks a trace for us; an error of kind `WouldBlock` says that it is being
/// written: its writer has it locked for as long as it may write.
pub(crate) fn lock(trace: &File) -> std::io::Result<()> {
    // SAFETY: no memory is passed.
    match unsafe { libc::flock(trace.as_raw_fd(), libc::LOCK_SH | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Processes that are named one by one.
const MOST_TOLD: usize = 20;

/// The name relative to the working directory, where it lies there.
pub(crate) fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

/// The name without what makes it a trace's: `app` of `app.trc`, `app.12` of
/// `app.trc.12.zst`.
fn stem(trace: &Path) -> String {
    let text = trace.display().to_string();
    let text = text.strip_suffix(".zst").unwrap_or(&text);
    match text.rsplit_once(".trc") {
        Some((stem, numbers)) if numbers.bytes().all(|b| b == b'.' || b.is_ascii_digit()) => {
            format!("{stem}{numbers}")
        }
        _ => text.to_owned(),
    }
}

/// Puts a compressed file in the place of a trace.
fn compress(trace: &File, path: &Path, to: &Compressed) -> anyhow::Result<(PathBuf, u64)> {
    let made = with_end(path, ".zst");
    let output = File::create_new(&made).with_context(|| shown(&made).display().to_string())?;
    let published = encode(trace, &output)
        .and_then(|length| Ok((publish(&made, path, to)?, length)))
        // No half file stays.
        .inspect_err(|_| drop(fs::remove_file(&made)))?;
    fs::remove_file(path)?;
    Ok(published)
}

fn encode(trace: &File, output: &File) -> anyhow::Result<u64> {
    zstd::stream::copy_encode(trace, output, 1)?;
    output.sync_data()?;
    Ok(output.metadata()?.len())
}

/// Gives the compressed file of a trace its name. That which was asked for
/// replaces the file which had it when the run began; nothing else is replaced.
fn publish(made: &Path, trace: &Path, to: &Compressed) -> anyhow::Result<PathBuf> {
    let folder = to.output.parent().unwrap_or(Path::new("/"));
    let stem = folder.join(trace.file_name().unwrap_or_default());
    let first = with_end(&stem, ".zst");
    if first == to.output
        && let Some(replaced) = to.replaced
        && first
            .symlink_metadata()
            .is_ok_and(|file| identity(&file) == replaced)
    {
        fs::rename(made, &first)?;
        return Ok(first);
    }
    let numbered = (1..).map(|number: u64| with_end(&stem, &format!(".{number}.zst")));
    for name in std::iter::once(first).chain(numbered) {
        match fs::hard_link(made, &name) {
            Ok(()) => {
                fs::remove_file(made)?;
                return Ok(name);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // A file system without links.
            Err(_) if name.symlink_metadata().is_err() => {
                fs::rename(made, &name)?;
                return Ok(name);
            }
            Err(_) => {}
        }
    }
    bail!("no name is left")
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}
