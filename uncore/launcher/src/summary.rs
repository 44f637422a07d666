//! What a run wrote, and what to do with it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::plan::Plan;

/// The traces of a plan's name that are there: the identity of each.
#[derive(Debug)]
pub(crate) struct Traces(BTreeMap<PathBuf, (u64, u64, i64, i64)>);

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
                let identity = (file.ino(), file.len(), file.mtime(), file.mtime_nsec());
                found.insert(entry.path(), identity);
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
    let mut written: Vec<(PathBuf, u64)> = after
        .0
        .into_iter()
        .filter(|(path, identity)| before.0.get(path) != Some(identity))
        .map(|(path, identity)| (path, identity.1))
        .collect();
    if plan.compress {
        for (path, length) in &mut written {
            (*path, *length) = compress(path).with_context(|| path.display().to_string())?;
        }
    }
    if quiet {
        return Ok(());
    }
    let Some((first, _)) = written.first() else {
        eprintln!("idealloc-trace: no trace was written");
        return Ok(());
    };
    for (path, length) in written.iter().take(MOST_TOLD) {
        eprintln!(
            "idealloc-trace: wrote {} ({length} bytes)",
            shown(path).display()
        );
    }
    if written.len() > MOST_TOLD {
        eprintln!(
            "idealloc-trace: ... and {} more, one a process",
            written.len() - MOST_TOLD
        );
    }
    let trace = shown(first);
    let stem = stem(&trace);
    eprintln!(
        "next: adapt {} {stem}.plc\n      report {stem}.plc\n      idealloc {stem}.plc -o {stem}-placement.csv",
        trace.display(),
    );
    Ok(())
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
fn compress(path: &Path) -> anyhow::Result<(PathBuf, u64)> {
    let mut name = OsString::from(path);
    name.push(".zst");
    let target = PathBuf::from(name);
    let output = File::create(&target)?;
    zstd::stream::copy_encode(File::open(path)?, &output, 1)?;
    output.sync_data().ok();
    fs::remove_file(path)?;
    Ok((target, output.metadata()?.len()))
}
