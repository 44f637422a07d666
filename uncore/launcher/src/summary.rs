//! What a run wrote, and what to do with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use common::format::Format;
use common::text::shell_word;
use common::trace::Reader;
use common::trace::wire::MAX_RECORD;
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
            let file = entry.file_name();
            let file = file.as_bytes();
            if (is_trace(name, file) || after_shortened(name, file).is_some())
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
        // More digits may follow in the name itself.
        return (1..=digits).any(|digits| is_trace(rest, &file[digits..]));
    }
    match (template.split_first(), file.split_first()) {
        (Some((a, template)), Some((b, file))) => a == b && is_trace(template, file),
        (Some(_), None) => false,
        (None, _) => file
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.'),
    }
}

/// Bytes of the longest name of a file.
const LONGEST_NAME: usize = 255;
/// Bytes by which names are shortened at most, to make room for what follows them.
const MOST_SHORTER: usize = 40;

/// The numbers of the file `file`, where before them stands `name`, shortened to make room
/// for them: what the tracer makes of a name that is too long to be a child's.
pub(crate) fn after_shortened<'a>(name: &[u8], file: &'a [u8]) -> Option<&'a [u8]> {
    let same = name.iter().zip(file).take_while(|(a, b)| a == b).count();
    let least = name.len().saturating_sub(MOST_SHORTER);
    (least..(same + 1).min(name.len())).rev().find_map(|stem| {
        let numbers = file.get(stem..)?.strip_prefix(b".")?;
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let is_needed = name.len() + 1 + numbers.len() > LONGEST_NAME - MOST_SHORTER;
        let are_numbers = numbers.split(|&byte| byte == b'.').all(digits);
        (is_needed && are_numbers).then_some(numbers)
    })
}

/// Compresses, where that was asked for, and says what there is; of the largest process
/// the report and the page, where they were asked for.
pub(crate) fn tell(plan: &Plan, before: &Traces, wanted: &Wanted<'_>) -> anyhow::Result<()> {
    // Reading may take a while, and whoever does not want to wait may say so; but no
    // compressed file is left half made.
    if plan.compressed.is_none() {
        run::let_signals_end();
    }
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
        match measure::report(&largest.path, wanted.page, wanted.outputs) {
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
    /// How it takes the place of what is there.
    pub(crate) outputs: cli::output::Options,
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
        Ok(()) => cut_prepared(&trace, path)?,
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

/// Cuts what a process that was killed had prepared for records to come: the zeros behind
/// the last record. Where the trace is no sound one, nothing.
fn cut_prepared(trace: &File, path: &Path) -> anyhow::Result<()> {
    let length = trace.metadata()?.len();
    let at = length.saturating_sub(MAX_RECORD as u64);
    let mut end = Vec::new();
    let mut input = trace;
    input.seek(SeekFrom::Start(at))?;
    input.read_to_end(&mut end)?;
    input.rewind()?;
    // Room for at least one more record is always prepared.
    if end.len() < MAX_RECORD || end.iter().any(|&byte| byte != 0) {
        return Ok(());
    }
    let mut records = Reader::new(trace);
    let mut used = 0;
    while let Ok(Some(event)) = records.next_event() {
        used = event.at + event.call.kind().record_len() as u64;
    }
    let is_whole = records.cut().is_none() && records.position() == length;
    input.rewind()?;
    if is_whole && used < length {
        // What cannot be cut stays longer than it must be, and is as good.
        let _ = File::options()
            .write(true)
            .open(path)
            .and_then(|trace| trace.set_len(used));
    }
    Ok(())
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
    let output = File::options()
        .write(true)
        .create_new(true)
        // As the tracer's own files.
        .mode(0o600)
        .open(&made)
        .with_context(|| shown(&made).display().to_string())?;
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

/// The path with `end` behind its name; where that is too long, the name is shortened
/// before the numbers at its end.
pub(crate) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().as_bytes().to_vec();
    let excess = (name.len() + end.len()).saturating_sub(LONGEST_NAME);
    let is_number = |&byte: &u8| byte == b'.' || byte.is_ascii_digit();
    let numbers = name.iter().rev().take_while(|byte| is_number(byte)).count();
    let stem = name.len() - numbers;
    if excess > 0 && excess < stem {
        let mut kept = stem - excess;
        // No part of a character stays.
        while kept > 0 && name[kept] & 0xc0 == 0x80 {
            kept -= 1;
        }
        name.drain(kept..stem);
    }
    name.extend(end.bytes());
    path.with_file_name(OsString::from_vec(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_shortened_before_its_numbers() {
        let long = "a".repeat(247) + ".123";
        let made = with_end(Path::new(&long), ".zst");
        assert_eq!(made, PathBuf::from(&long).with_extension("123.zst"));
        let longer = "\u{e4}".repeat(124) + "b.123";
        let made = with_end(Path::new(&longer), ".zst");
        assert_eq!(made, PathBuf::from("\u{e4}".repeat(123) + ".123.zst"));
    }

    #[test]
    fn shortened_names_are_known() {
        let name = "a".repeat(255);
        let file = "a".repeat(250) + ".123";
        let numbers = after_shortened(name.as_bytes(), file.as_bytes());
        assert_eq!(numbers, Some(b"123".as_slice()));
        for (name, file) in [("app.trc", "app.tr.12"), (&*file, &*name)] {
            assert_eq!(after_shortened(name.as_bytes(), file.as_bytes()), None);
        }
    }
}
