//! Outputs of a program that a signal may end at any time: a file is either
//! what it was before, or wholly new, and nothing unfinished stays beside it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, ensure};
use clap::Args;
use common::format::{self, Output, Replacing};

/// What a signal has to remove.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes what is unfinished. While the value lives, nothing is opened and
/// nothing committed.
pub(crate) fn remove_unfinished() -> impl Drop {
    let mut unfinished = unfinished();
    for path in unfinished.drain(..) {
        let _ = fs::remove_file(path);
    }
    unfinished
}

/// How a message calls an input or output.
pub fn named(path: &Path, standard: &str) -> String {
    if format::is_standard(path) {
        standard.to_owned()
    } else {
        path.display().to_string()
    }
}

/// How outputs take the place of what is there, as the command line says.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(skip)]
pub struct Options {
    /// Replace an output that is there and may not be written
    #[arg(long)]
    force: bool,
    /// Do not wait until outputs have reached the device (also where IDEALLOC_NO_SYNC is set)
    #[arg(long)]
    no_sync: bool,
}

impl Options {
    /// What they are to the library.
    pub fn replacing(self) -> Replacing {
        Replacing {
            force: self.force,
            no_sync: self.no_sync || std::env::var_os("IDEALLOC_NO_SYNC").is_some(),
        }
    }

    /// As [`Output::create`], with the file's name in the error.
    ///
    /// # Errors
    /// As [`Output::create`]; standard output that the caller has closed.
    pub fn create(self, path: &Path) -> anyhow::Result<Output> {
        let output = Output::create(path, self.replacing());
        let output = output.with_context(|| named(path, "standard output"))?;
        if output.is_standard() {
            not_closed()?;
        } else {
            ensure!(
                !is_stdout(path),
                "{}: standard output goes into this file too: write to another one",
                named(path, "standard output")
            );
        }
        unfinished().extend(output.unfinished().map(Path::to_path_buf));
        Ok(output)
    }
}

/// Refuses to do work whose result would be printed where the caller has closed standard
/// output.
///
/// # Errors
/// One line for people.
pub fn not_closed() -> anyhow::Result<()> {
    ensure!(
        !caller::has_closed(io::stdout().as_raw_fd()),
        "standard output is closed: nothing can be written there"
    );
    Ok(())
}

/// As [`Output::commit`], with the file's name in the error.
///
/// # Errors
/// As [`Output::commit`].
pub fn commit(output: Output, path: &Path) -> anyhow::Result<()> {
    let mut unfinished = unfinished();
    let name = output.unfinished().map(Path::to_path_buf);
    let committed = output.commit();
    unfinished.retain(|path| Some(path) != name.as_ref());
    committed.with_context(|| named(path, "standard output"))
}

/// Writes to standard output, to its end.
///
/// # Errors
/// Those of the write, with what was written to; a stream that the caller has closed.
pub fn print(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    not_closed()?;
    let mut stdout = io::stdout().lock();
    let printed = stdout
        .write_all(text.as_ref())
        .and_then(|()| stdout.flush());
    printed.context("standard output")
}

/// Whether two paths are one regular file, or would be once it is written.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path| {
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((file.dev(), file.ino()))
    };
    match (identity(one), identity(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => new_place(one).is_some_and(|one| new_place(other) == Some(one)),
        _ => false,
    }
}

/// Where a file that does not exist yet is going to lie: its folder and its name.
fn new_place(path: &Path) -> Option<(u64, u64, OsString)> {
    if format::is_standard(path) || path.exists() {
        return None;
    }
    let folder = path.parent()?;
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let folder = fs::metadata(folder).ok()?;
    Some((folder.dev(), folder.ino(), path.file_name()?.to_owned()))
}

/// Whether a path is the regular file that standard output goes to.
fn is_stdout(path: &Path) -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let stdout = stdout.and_then(|file| file.metadata()).ok();
    let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
    stdout
        .zip(file)
        .is_some_and(|(one, other)| (one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Refuses to read a file that standard output is appended to: it would never
/// end.
///
/// # Errors
/// One line for people.
pub fn not_appended_to(input: &Path) -> anyhow::Result<()> {
    ensure!(
        !is_stdout(input),
        "{}: standard output goes into this file too: write to another one",
        input.display()
    );
    Ok(())
}
