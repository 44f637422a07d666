//! What a run needs, checked before the program starts.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::{Arguments, elf};

/// A run that can begin.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The program's file.
    pub(crate) program: PathBuf,
    /// The tracer, absolute.
    pub(crate) library: PathBuf,
    /// The traces' name, absolute, `%p` not expanded.
    pub(crate) trace: PathBuf,
    /// Traces are compressed at the end.
    pub(crate) compress: bool,
    /// Children are traced.
    pub(crate) follow: bool,
    /// The signal that starts and stops.
    pub(crate) toggle: Option<String>,
}

impl Plan {
    /// # Errors
    /// When the program cannot be traced, or the tracer is not there.
    pub(crate) fn new(arguments: &Arguments) -> anyhow::Result<Plan> {
        let name = arguments.program.first().context("no program given")?;
        let program = elf::find(Path::new(name))?;
        elf::check(&program).context("cannot be traced")?;
        let output = arguments
            .output
            .clone()
            .unwrap_or_else(|| default_output(&program));
        let compress = output.extension() == Some(OsStr::new("zst"));
        let trace = if compress {
            output.with_extension("")
        } else {
            output
        };
        let trace = std::path::absolute(trace).context("the output's name")?;
        let folder = trace.parent().unwrap_or(Path::new("/"));
        ensure!(folder.is_dir(), "{}: no such folder", folder.display());
        Ok(Plan {
            program,
            library: find_library(arguments.library.as_deref())?,
            trace,
            compress,
            follow: !arguments.no_follow,
            toggle: arguments.toggle.clone(),
        })
    }

    /// The value of LD_PRELOAD: the tracer before everything else.
    pub(crate) fn preload(&self) -> OsString {
        let mut value = self.library.as_os_str().as_bytes().to_vec();
        if let Some(rest) = std::env::var_os("LD_PRELOAD").filter(|rest| !rest.is_empty()) {
            value.push(b':');
            value.extend(rest.as_bytes());
        }
        OsString::from_vec(value)
    }
}

fn default_output(program: &Path) -> PathBuf {
    let mut name = program.file_name().unwrap_or(OsStr::new("app")).to_owned();
    name.push(".trc");
    PathBuf::from(name)
}

fn find_library(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let library = match given {
        Some(path) => path
            .canonicalize()
            .with_context(|| path.display().to_string())?,
        None => {
            let this = std::env::current_exe().context("where this program is")?;
            let folder = this.parent().unwrap_or(Path::new("/"));
            ["libuncore.so", "../lib/libuncore.so", "deps/libuncore.so"]
                .iter()
                .find_map(|name| folder.join(name).canonicalize().ok())
                .with_context(|| {
                    format!(
                        "libuncore.so is not in {}: build it (cargo build -p uncore), or name it \
                         with --library",
                        folder.display()
                    )
                })?
        }
    };
    ensure!(
        !library
            .as_os_str()
            .as_bytes()
            .iter()
            .any(|byte| b" :".contains(byte)),
        "{}: LD_PRELOAD cannot hold a path with spaces or colons",
        library.display()
    );
    Ok(library)
}
