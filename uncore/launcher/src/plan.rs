//! What a run needs, checked before the program starts.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::io::{ErrorKind, Write as _};
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use cli::output::Options;
use common::format::{self, Output, Replacing};

use crate::{Arguments, elf, summary};

/// A run that can begin.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The program's file.
    pub(crate) program: PathBuf,
    /// The tracer, absolute.
    pub(crate) library: PathBuf,
    /// The traces' name, absolute, `%p` not expanded.
    pub(crate) trace: PathBuf,
    /// Where compressed traces go, where that was asked for.
    pub(crate) compressed: Option<Compressed>,
    /// Children are traced.
    pub(crate) follow: bool,
    /// The signal that starts and stops.
    pub(crate) toggle: Option<String>,
}

/// Compressed traces: the program's are written in a folder that is nobody
/// else's, and come out of it one by one.
#[derive(Debug)]
pub(crate) struct Compressed {
    /// The name that was asked for, absolute, `%p` not expanded.
    pub(crate) output: PathBuf,
    /// The file that had this name when the run began.
    pub(crate) replaced: Option<Identity>,
    /// The folder in which traces are written.
    pub(crate) workshop: PathBuf,
}

/// What tells a file from others, and from itself at another time: device,
/// inode, length, time of the last change.
pub(crate) type Identity = (u64, u64, u64, i64, i64);

/// Tells it.
pub(crate) fn identity(file: &Metadata) -> Identity {
    (
        file.dev(),
        file.ino(),
        file.len(),
        file.mtime(),
        file.mtime_nsec(),
    )
}

impl Compressed {
    fn new(output: PathBuf) -> anyhow::Result<Compressed> {
        let replaced = output.symlink_metadata().ok().as_ref().map(identity);
        ensure!(!output.is_dir(), "{}: it is a directory", output.display());
        let mut number = 0;
        loop {
            // The tracer must find no `%p` in the folder's name.
            let name = output.file_name().unwrap_or_default().as_bytes();
            let mut name = name.to_vec();
            for byte in &mut name {
                if *byte == b'%' {
                    *byte = b'_';
                }
            }
            let end = format!(".{}-{number}.tmp", std::process::id());
            let workshop = output.with_file_name(OsString::from_vec(name));
            let workshop = summary::with_end(&workshop, &end);
            match fs::create_dir(&workshop) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                made => {
                    made.with_context(|| workshop.display().to_string())?;
                    return Ok(Compressed {
                        output,
                        replaced,
                        workshop,
                    });
                }
            }
        }
    }
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
        let extension = output.extension().unwrap_or_default();
        ensure!(
            !["gz", "xz", "bz2", "lz4"]
                .iter()
                .any(|&other| extension == other),
            "{}: traces are compressed as .zst only",
            output.display()
        );
        let compress = extension == "zst";
        let output = std::path::absolute(output).context("the output's name")?;
        let folder = output.parent().unwrap_or(Path::new("/"));
        ensure!(folder.is_dir(), "{}: no such folder", folder.display());
        check_output(&output, arguments.outputs)?;
        let library = find_library(arguments.library.as_deref())?;
        if let Some(page) = &arguments.html {
            check_page(page, &output, [&program, &library], arguments.outputs)?;
        }
        let (trace, compressed) = if compress {
            let compressed = Compressed::new(output)?;
            let name = compressed.output.file_stem().unwrap_or_default();
            (compressed.workshop.join(name), Some(compressed))
        } else {
            (output, None)
        };
        Ok(Plan {
            program,
            library,
            trace,
            compressed,
            follow: !arguments.no_follow,
            toggle: arguments.toggle.clone(),
        })
    }

    /// The name that was asked for, absolute, `%p` not expanded.
    pub(crate) fn output(&self) -> &Path {
        match &self.compressed {
            Some(compressed) => &compressed.output,
            None => &self.trace,
        }
    }

    /// Takes back what was made for a run that does not begin.
    pub(crate) fn clean(&self) {
        if let Some(compressed) = &self.compressed {
            let _ = fs::remove_dir(&compressed.workshop);
        }
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

/// Refuses a trace that could not be written, while nothing has run yet.
fn check_output(output: &Path, outputs: Options) -> anyhow::Result<()> {
    check_closed(output)?;
    // The tracer follows links, and makes its file beside what they lead to.
    let target = output.canonicalize().unwrap_or_else(|_| output.to_owned());
    ensure!(!target.is_dir(), "{}: it is a directory", output.display());
    match target.symlink_metadata() {
        Ok(there) => ensure!(
            there.is_file() || there.is_symlink(),
            "{}: it is no regular file",
            output.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| output.display().to_string()),
    }
    let folder = target.parent().unwrap_or(Path::new("/"));
    Output::check(output, outputs.replacing()).with_context(|| output.display().to_string())?;
    // Never committed: nothing appears. The tracer begins with so many bytes.
    let probe = Output::create(&folder.join(".idealloc-trace"), Replacing::default());
    let written = probe.and_then(|mut probe| {
        probe.write_all(&[0; 16 << 10])?;
        probe.flush()
    });
    written.with_context(|| format!("{}: no file can be made there", folder.display()))?;
    Ok(())
}

/// Symbolic links that are followed, one after the other.
const DEEPEST_LINK: usize = 40;
/// Descriptors that a shell's redirections give a program: those of one digit.
const REDIRECTED: i32 = 10;

/// Refuses the name of a file that the program is started with as an open one, such as its
/// standard output: by that name, by another, or by a link of the kernel's in `/proc`.
fn check_closed(name: &Path) -> anyhow::Result<()> {
    let proc = Path::new("/proc/self").symlink_metadata().ok();
    let mut path = name.to_owned();
    for _ in 0..DEEPEST_LINK {
        let Ok(there) = path.symlink_metadata() else {
            return Ok(());
        };
        let is_of_proc = proc.as_ref().is_some_and(|proc| proc.dev() == there.dev());
        let is_open = match there.is_symlink() {
            true => is_of_proc,
            false => there.is_file() && is_open(&there),
        };
        ensure!(
            !is_open,
            "{}: it is an open file of the program's: choose another name",
            name.display()
        );
        let Ok(link) = path.read_link() else {
            return Ok(());
        };
        path = path.parent().unwrap_or(Path::new("/")).join(link);
    }
    Ok(())
}

fn is_open(file: &Metadata) -> bool {
    (0..REDIRECTED).any(|fd| {
        // SAFETY: zeros are a valid stat, which the call fills.
        unsafe {
            let mut open = MaybeUninit::<libc::stat>::zeroed().assume_init();
            libc::fstat(fd, &mut open) == 0
                && (open.st_dev, open.st_ino) == (file.dev(), file.ino())
        }
    })
}

/// Refuses a page that could not be written, or would take the place of what the run
/// reads or writes, while nothing has run yet.
fn check_page(
    page: &Path,
    output: &Path,
    others: [&Path; 2],
    outputs: Options,
) -> anyhow::Result<()> {
    ensure!(
        !format::is_standard(page),
        "-: standard output is the program's: give the page a name"
    );
    let shown = page.display();
    let absolute = std::path::absolute(page).context("the page's name")?;
    ensure!(
        !page.is_symlink() || page.exists(),
        "{shown}: it is a symbolic link to nothing: give the page a name of its own"
    );
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    let name = |path: &Path| path.file_name().unwrap_or_default().as_bytes().to_vec();
    let is_trace =
        folder(&absolute) == folder(output) && summary::is_trace(&name(output), &name(&absolute));
    ensure!(
        !is_trace && !cli::output::is_same(page, output),
        "{shown}: the page would replace a trace: give it another name"
    );
    check_closed(page)?;
    for other in others {
        ensure!(
            !cli::output::is_same(page, other),
            "{shown}: the page would replace {}: give it another name",
            other.display()
        );
    }
    drop(outputs.create(page)?);
    Ok(())
}

fn default_output(program: &Path) -> PathBuf {
    let mut name = program.file_name().unwrap_or(OsStr::new("app")).to_owned();
    name.push(".trc");
    PathBuf::from(name)
}

/// The library's name.
const LIBRARY: &str = "libuncore.so";

/// Where it may be, from the folder of this program: beside it, where an
/// installation puts it, and where cargo does before it has built everything.
const FOLDERS: [&str; 4] = ["", "../lib/idealloc", "../lib", "deps"];

/// The tracer: as given, as `$IDEALLOC_LIBRARY` says, or where it may be.
///
/// # Errors
/// Where it is not, or has a name that LD_PRELOAD cannot hold.
pub(crate) fn find_library(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    let variable = std::env::var_os("IDEALLOC_LIBRARY").filter(|value| !value.is_empty());
    let library = match (given, variable) {
        (Some(path), _) => path
            .canonicalize()
            .with_context(|| path.display().to_string())?,
        (None, Some(path)) => Path::new(&path)
            .canonicalize()
            .with_context(|| format!("IDEALLOC_LIBRARY={}", path.display()))?,
        (None, None) => {
            let this = std::env::current_exe().context("where this program is")?;
            let folder = this.parent().unwrap_or(Path::new("/"));
            FOLDERS
                .iter()
                .find_map(|place| folder.join(place).join(LIBRARY).canonicalize().ok())
                .with_context(|| {
                    format!(
                        "{LIBRARY} is neither in {folder} nor in its ../lib/idealloc or ../lib: \
                         build it (cargo build --release -p idealloc-uncore, which puts it into \
                         target/release), and name it with --library or IDEALLOC_LIBRARY",
                        folder = folder.display()
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
