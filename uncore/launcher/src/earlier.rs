//! What the children of an earlier run left under the name of this one.
//!
//! A run replaces the trace of its first process. Those of an earlier run's children
//! would stay, and pass for children of this one, and so they go. Only what is surely
//! such a trace is removed, and where anything else has such a name, nothing is.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use common::format;
use common::text::counted;
use common::trace::{Note, Reader};

use crate::plan::Plan;
use crate::summary;

/// No process of Linux has a greater id.
const MOST_ID: u64 = 1 << 22;

/// Bytes that are prepared before the first record is written, at most.
const MOST_PREPARED: u64 = 1 << 20;

/// Bytes in which a trace has its first notes.
const HEAD: u64 = 4096;

/// Traces of an earlier run's children, and which process each is of.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    traces: Vec<(PathBuf, u64)>,
    is_packed: bool,
    /// When the first process of the earlier run started.
    started: Option<u64>,
}

impl Earlier {
    /// Looks for them. There are none where `%p` is in the name, as runs then share no
    /// name, nor while a living process writes a trace of that name: its run goes on.
    ///
    /// # Errors
    /// Where another file has the name of a child's trace, or one that is older than the
    /// first process's, whose child it cannot be.
    pub(crate) fn find(plan: &Plan) -> anyhow::Result<Earlier> {
        let output = plan.output();
        let name = output.file_name().unwrap_or_default().as_bytes();
        if name.windows(2).any(|pair| pair == b"%p") || is_written(output) {
            return Ok(Earlier::default());
        }
        let is_packed = plan.compressed.is_some();
        let folder = output.parent().unwrap_or(Path::new("/"));
        let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        let started = started(output, is_packed);
        let mut traces = Vec::new();
        for file in names {
            let Some(process) = child(name, &file, is_packed) else {
                continue;
            };
            let path = folder.join(file);
            if is_written(&path) {
                summary::tell_line(&format!(
                    "{}: still being written: what an earlier run left stays",
                    summary::shown(&path).display()
                ));
                return Ok(Earlier::default());
            }
            let looked_at = look_at(&path, process, is_packed, started).map_err(|error| {
                anyhow!(
                    "{}: {error:#}, and a trace of an earlier run's child would have this name: \
                     move it away, or choose another name by -o",
                    summary::shown(&path).display()
                )
            })?;
            if looked_at.is_some() {
                traces.push((path, process));
            }
        }
        Ok(Earlier {
            traces,
            is_packed,
            started,
        })
    }

    /// Removes them, and says so.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn remove(self, quiet: bool) -> anyhow::Result<()> {
        let mut removed = 0u64;
        for (path, process) in &self.traces {
            // Locked from here on, so that it gets no writer. All at once would be too
            // many open files.
            let Ok(Some(_locked)) = look_at(path, *process, self.is_packed, self.started) else {
                continue;
            };
            fs::remove_file(path).with_context(|| summary::shown(path).display().to_string())?;
            removed += 1;
        }
        if removed > 0 && !quiet {
            let traces = counted(removed, "trace");
            summary::tell_line(&format!(
                "removed {traces} that children of an earlier run left"
            ));
        }
        Ok(())
    }
}

/// The process id in the name of a child's trace: `NAME.PID`, `NAME.PID.NUMBER`, and the
/// like with `.zst` where the run's name has it.
fn child(name: &[u8], file: &OsStr, is_packed: bool) -> Option<u64> {
    let mut rest = file.as_bytes();
    let mut stem = name;
    if is_packed {
        rest = rest.strip_suffix(b".zst")?;
        stem = stem.strip_suffix(b".zst").unwrap_or(stem);
    }
    let numbers = rest
        .strip_prefix(stem)
        .and_then(|rest| rest.strip_prefix(b"."));
    let numbers = numbers.or_else(|| summary::after_shortened(stem, rest))?;
    let numbers = std::str::from_utf8(numbers).ok()?;
    let numbers: Option<Vec<u64>> = numbers.split('.').map(number).collect();
    // Where a packed one found its name taken, another number follows.
    let most = if is_packed { 3 } else { 2 };
    let numbers = numbers.filter(|numbers| numbers.len() <= most)?;
    numbers.first().copied().filter(|&id| id <= MOST_ID)
}

/// A number as the tracer writes it.
fn number(digits: &str) -> Option<u64> {
    let number = common::units::whole_number(digits)?;
    (number > 0 && !digits.starts_with('0')).then_some(number)
}

/// The file, locked, where it is a finished trace of this process, which did not start
/// before the run did, or holds nothing, as its process was killed before it wrote
/// anything; `None` where it is still being written, or nobody can tell.
fn look_at(
    path: &Path,
    process: u64,
    is_packed: bool,
    run_started: Option<u64>,
) -> anyhow::Result<Option<File>> {
    let kind = path.symlink_metadata()?;
    ensure!(kind.is_file(), "it is not a regular file");
    let trace = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    ensure!(is_at(&trace, path), "it has just been replaced");
    if summary::lock(&trace).is_err() {
        return Ok(None);
    }
    let is_empty = trace.metadata()?.len() == 0;
    if is_empty || (!is_packed && holds_nothing(&trace)?) {
        return Ok(Some(trace));
    }
    let head = head(&trace, is_packed)?;
    match (process_of(&head), run_started) {
        (None, _) => bail!("it does not begin as a trace does"),
        (Some((id, _)), _) if id != process => bail!("it is a trace of process {id}"),
        (Some((_, started)), Some(run)) if started >= run => Ok(Some(trace)),
        _ => bail!("it is no trace of a child of the last run"),
    }
}

/// Whether a file is as the tracer makes it: empty, or zeros that are prepared for records.
fn holds_nothing(mut trace: &File) -> anyhow::Result<bool> {
    if trace.metadata()?.len() > MOST_PREPARED {
        return Ok(false);
    }
    let mut content = Vec::new();
    trace.read_to_end(&mut content)?;
    trace.rewind()?;
    Ok(content.iter().all(|&byte| byte == 0))
}

/// The first bytes of a trace, unpacked.
fn head(trace: &File, is_packed: bool) -> anyhow::Result<Vec<u8>> {
    let mut head = Vec::new();
    let input: Box<dyn Read + '_> = match is_packed {
        true => format::decompress(trace)?,
        false => Box::new(trace),
    };
    input.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}

/// When the first process of an earlier run started, whose trace has this name.
fn started(output: &Path, is_packed: bool) -> Option<u64> {
    let trace = File::open(output).ok()?;
    let head = head(&trace, is_packed).ok()?;
    process_of(&head).map(|(_, started)| started)
}

/// Whose trace begins like this, and when that started. A trace begins with that note, or,
/// where it could not grow to its end, with one that says so.
fn process_of(head: &[u8]) -> Option<(u64, u64)> {
    let events = Reader::new(head).map_while(Result::ok);
    let mut notes = events.map_while(|event| Note::of(&event.call));
    let mut first = notes.next()?;
    if matches!(first, Note::Partial { .. }) {
        first = notes.next()?;
    }
    match first {
        Note::Process { id, started, .. } => Some((id, started)),
        _ => None,
    }
}

/// Whether the open file is what stands under the name.
fn is_at(file: &File, path: &Path) -> bool {
    let there = path.symlink_metadata().ok();
    let identity = |file: fs::Metadata| (file.dev(), file.ino());
    let file = file.metadata().ok().map(identity);
    file.is_some() && file == there.map(identity)
}

/// Whether a living process writes this file.
fn is_written(path: &Path) -> bool {
    let is_file = path.metadata().is_ok_and(|file| file.is_file());
    is_file
        && File::open(path)
            .and_then(|trace| summary::lock(&trace))
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::child;

    #[test]
    fn names_of_childrens_traces_hold_a_process_id_and_counters() {
        for (run, file, process) in [
            ("a.trc", "a.trc.12", Some(12)),
            ("a.trc", "a.trc.12.1", Some(12)),
            ("a.trc", "a.trc.12.1.1", None),
            ("a.trc", "a.trc", None),
            ("a.trc", "a.trc.", None),
            ("a.trc", "a.trc.12.", None),
            ("a.trc", "a.trc.+1", None),
            ("a.trc", "a.trc.001", None),
            ("a.trc", "a.trc.20260131", None),
            ("a.trc", "a.trc.12.zst", None),
            ("a.trc", "b.trc.12", None),
            ("a.trc.zst", "a.trc.12.zst", Some(12)),
            ("a.trc.zst", "a.trc.12.1.2.zst", Some(12)),
            ("a.trc.zst", "a.trc.12", None),
            ("a.trc.zst", "a.trc.zst", None),
        ] {
            let packed = run.ends_with(".zst");
            assert_eq!(
                child(run.as_bytes(), file.as_ref(), packed),
                process,
                "{file}"
            );
        }
    }
}
