//! Outputs that become visible only when they are whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use super::is_standard;
use super::standing::{Replaced, Standing};

const BUFFER: usize = 1 << 18;

/// How an output takes the place of what stands under its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replacing {
    /// Also a file that may not be written.
    pub force: bool,
    /// Without waiting until what was written has reached the device: should the system fail
    /// right after, the old and the new content may both be lost.
    pub no_sync: bool,
}

/// An output that appears under its name only when [`Output::commit`] is
/// called. Until then it has no name at all, or, where the file system knows no
/// such files, that of a temporary file beside it, removed when dropped.
///
/// A file that is there stays what it is until then, and gives its rights to the new one if
/// both have one owner. Links are followed by the kernel.
#[derive(Debug)]
#[must_use = "nothing is written without a commit"]
pub struct Output {
    sink: Sink,
    no_sync: bool,
}

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<io::Stdout>),
    /// A device or pipe: there is nothing to rename.
    Direct(BufWriter<File>),
    /// Gone when the process ends, however it ends.
    Unnamed(BufWriter<File>, PathBuf),
    Beside(BufWriter<File>, TempPath, PathBuf),
}

impl Output {
    /// Opens the output `path`; `-` is standard output. For a reader of a named pipe ten
    /// seconds are waited.
    ///
    /// # Errors
    /// Those of the file system; a file that may not be written, unless that is forced; a link
    /// to nothing; a name that ends in a compression's extension, as nothing is packed on
    /// writing.
    pub fn create(path: &Path, replacing: Replacing) -> io::Result<Output> {
        let stdout = || Sink::Stdout(BufWriter::with_capacity(BUFFER, io::stdout()));
        let sink = if is_standard(path) {
            stdout()
        } else {
            if let Some("gz" | "zst") = path.extension().and_then(|extension| extension.to_str()) {
                let what = "output is not packed: write to a plain name, and pack that";
                return Err(io::Error::new(io::ErrorKind::Unsupported, what));
            }
            match Standing::at(path, replacing.force)? {
                Standing::Nothing => Sink::create(path.to_path_buf(), None)?,
                Standing::File(old) => Sink::create(old.path.clone(), Some(old))?,
                Standing::Stdout => stdout(),
                Standing::Other(file) => Sink::Direct(BufWriter::with_capacity(BUFFER, file)),
            }
        };
        Ok(Output {
            sink,
            no_sync: replacing.no_sync,
        })
    }

    /// Whether a file could take the place of what stands under a name.
    ///
    /// # Errors
    /// As [`Output::create`].
    pub fn check(path: &Path, replacing: Replacing) -> io::Result<()> {
        Standing::at(path, replacing.force).map(drop)
    }

    /// Whether it is standard output, by whatever name.
    pub fn is_standard(&self) -> bool {
        matches!(self.sink, Sink::Stdout(_))
    }

    /// The temporary file, where it has a name: for whoever ends the process
    /// without dropping the output, as on a signal.
    pub fn unfinished(&self) -> Option<&Path> {
        match &self.sink {
            Sink::Beside(_, temporary, _) => Some(temporary),
            _ => None,
        }
    }

    /// Makes the whole output visible under its name.
    ///
    /// # Errors
    /// Those of the file system; what stood under the name is then untouched.
    pub fn commit(self) -> io::Result<()> {
        let sync = |file: &File| match self.no_sync {
            true => Ok(()),
            false => file.sync_all(),
        };
        let path = match self.sink {
            Sink::Stdout(mut stdout) => return stdout.flush(),
            Sink::Direct(mut file) => return file.flush(),
            Sink::Unnamed(file, path) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                sync(&file)?;
                unnamed::publish(&file, &path)?;
                path
            }
            Sink::Beside(file, temporary, path) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                sync(&file)?;
                drop(file);
                temporary.persist(&path).map_err(|error| error.error)?;
                path
            }
        };
        // The name is there; that it stays is up to a folder that can be opened.
        if let Ok(folder) = File::open(folder(&path)) {
            let _ = sync(&folder);
        }
        Ok(())
    }

    fn sink(&mut self) -> &mut dyn Write {
        match &mut self.sink {
            Sink::Stdout(sink) => sink,
            Sink::Direct(sink) => sink,
            Sink::Unnamed(sink, _) => sink,
            Sink::Beside(sink, _, _) => sink,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sink().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink().flush()
    }
}

impl Sink {
    /// A file that is to become `target`, with the rights of what stands there.
    fn create(target: PathBuf, old: Option<Replaced>) -> io::Result<Sink> {
        if let Some(file) = unnamed::create(folder(&target)) {
            if let Some(old) = old {
                old.pass_rights_to(&file)?;
            }
            let file = BufWriter::with_capacity(BUFFER, file);
            return Ok(Sink::Unnamed(file, target));
        }
        Sink::beside(target, old)
    }

    /// As [`Sink::create`], wherever there are files.
    fn beside(target: PathBuf, old: Option<Replaced>) -> io::Result<Sink> {
        // Opened here, as the process's umask says: the crate would make a
        // private file.
        let open = |path: &Path| File::options().write(true).create_new(true).open(path);
        let (file, name) = temporary().make_in(folder(&target), open)?.into_parts();
        if let Some(old) = old {
            old.pass_rights_to(&file)?;
        }
        let file = BufWriter::with_capacity(BUFFER, file);
        Ok(Sink::Beside(file, name, target))
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".idealloc-").suffix(".tmp");
    builder
}

/// Files without a name (`O_TMPFILE` of open(2)), and giving them one.
mod unnamed {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::AsRawFd as _;
    use std::path::{Path, PathBuf};

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open};

    use super::{folder, temporary};

    /// `None` where the file system has no such files, or where they could not
    /// be given a name later: then a named one shows what is wrong, if anything.
    pub(super) fn create(folder: &Path) -> Option<File> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = File::from(open(folder, flags, Mode::from_raw_mode(0o666)).ok()?);
        fs::metadata(handle(&file)).is_ok().then_some(file)
    }

    /// Gives a file its name, in place of what has the name now.
    pub(super) fn publish(file: &File, path: &Path) -> io::Result<()> {
        let link = |path: &Path| linkat(CWD, handle(file), CWD, path, AtFlags::SYMLINK_FOLLOW);
        if link(path).is_ok() {
            return Ok(());
        }
        // Something stands there, and only a rename replaces it.
        let made = temporary().make_in(folder(path), |path| Ok(link(path)?));
        let (_, name) = made?.into_parts();
        name.persist(path).map_err(|error| error.error)
    }

    fn handle(file: &File) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
}

// Miri knows no files without a name.
#[cfg(all(test, not(miri)))]
mod tests {
    use std::fs;

    use super::*;

    /// Both kinds of file; the system chooses one.
    fn sinks(target: &Path) -> [Sink; 2] {
        [Sink::create, Sink::beside].map(|make| make(target.to_path_buf(), None).expect("a file"))
    }

    #[test]
    fn an_output_appears_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("out");
        for old in [None, Some("old")] {
            for sink in sinks(&target) {
                let _ = fs::remove_file(&target);
                if let Some(old) = old {
                    fs::write(&target, old).expect("a file");
                }
                let mut output = Output {
                    sink,
                    no_sync: false,
                };
                output.write_all(b"new").expect("space");
                output.flush().expect("space");
                assert_eq!(fs::read_to_string(&target).ok().as_deref(), old);
                output.commit().expect("a folder that can be written");
                assert_eq!(fs::read(&target).expect("the output"), b"new");
            }
        }
    }

    #[test]
    fn an_output_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        for sink in sinks(&folder.path().join("out")) {
            let mut output = Output {
                sink,
                no_sync: false,
            };
            output.write_all(b"new").expect("space");
            drop(output);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }
}
