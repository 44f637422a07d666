//! What a run wrote, and what to do with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use common::text::printable;

use crate::plan::{Compressed, Identity, Plan, identity};

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
fn is_trace(template: &[u8], file: &[u8]) -> bool {
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

/// Compresses, where that was asked for, and says what there is.
pub(crate) fn tell(plan: &Plan, before: &Traces, quiet: bool) -> anyhow::Result<()> {
    let after = Traces::find(plan)?;
    let mut finished = Vec::new();
    let mut growing = Vec::new();
    for (path, identity) in after.0 {
        if before.0.get(&path) == Some(&identity) {
            continue;
        }
        match finish(plan, &path) {
            Ok(Some(trace)) => finished.push(trace),
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
    if quiet {
        return Ok(());
    }
    for (path, length) in finished.iter().take(MOST_TOLD) {
        let trace = shown(path);
        tell_line(&format!("wrote {} ({length} bytes)", trace.display()));
    }
    if finished.len() > MOST_TOLD {
        let more = finished.len() - MOST_TOLD;
        tell_line(&format!("... and {more} more, one a process"));
    }
    let left = match plan.compressed {
        Some(_) => ", left uncompressed",
        None => "",
    };
    for path in &growing {
        tell_line(&format!(
            "{}: still being written by a process that goes on{left}",
            shown(path).display()
        ));
    }
    let Some((first, _)) = finished.first() else {
        if growing.is_empty() {
            tell_line("no trace was written");
        }
        return Ok(());
    };
    let trace = shown(first);
    let (stem, trace) = (stem(&trace), trace.display().to_string());
    let (stem, trace) = (printable(&stem), printable(&trace));
    eprintln!(
        "next: adapt {trace} {stem}.plc\n      report {stem}.plc\n      idealloc {stem}.plc -o {stem}-placement.csv",
    );
    Ok(())
}

fn tell_line(line: &str) {
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
fn lock(trace: &File) -> std::io::Result<()> {
    // SAFETY: no memory is passed.
    match unsafe { libc::flock(trace.as_raw_fd(), libc::LOCK_SH | libc::LOCK_NB) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Traces that are named one by one.
const MOST_TOLD: usize = 20;

/// The name relative to the working directory, where it lies there.
fn shown(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path).to_owned()
}

fn stem(trace: &Path) -> String {
    let text = trace.display().to_string();
    let text = text.strip_suffix(".zst").unwrap_or(&text);
    text.strip_suffix(".trc").unwrap_or(text).to_owned()
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
