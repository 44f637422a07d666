//! Which format a file is in, and opening files: `-` is standard input or
//! output, compressed input is told by its content, and output becomes visible
//! only when it is whole.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tempfile::NamedTempFile;

use crate::csv::Layout;
use crate::error::FormatError;
use crate::xla;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.trc`, a trace.
    Trc,
    /// `.plc`, jobs in bin-packing notation.
    Plc,
    /// `.csv`, jobs or a placement.
    Csv,
    /// The JSON of the contest on intra-operator parallelism; only read.
    Iopddl,
    /// XLA's `*-buffer-assignment.txt`; only read.
    Xla,
}

impl Format {
    /// The format that a path's extension says. What may stand behind it is
    /// passed over: a compression's extension (`.gz`, `.zst`), and the process
    /// id or counter that the tracer gives to traces of children (`.trc.4711`).
    pub fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "zst" => Format::of_path(Path::new(path.file_stem()?)),
            "json" => Some(Format::Iopddl),
            "txt" => path
                .file_stem()?
                .to_str()?
                .ends_with("buffer-assignment")
                .then_some(Format::Xla),
            digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Format::of_path(Path::new(path.file_stem()?))
                    .filter(|&format| format == Format::Trc)
            }
            "trc" | "plc" | "csv" => extension.parse().ok(),
            _ => None,
        }
    }
}

impl Format {
    /// The format that the first bytes of a file say, where it is a text that
    /// says it: a trace and a `.plc` are told by their names only.
    pub fn of_content(head: &[u8]) -> Option<Format> {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let text = head.trim_ascii_start();
        let line = text.split(|&byte| byte == b'\n').next().unwrap_or(text);
        if text.starts_with(xla::FIRST_LINE.as_bytes()) {
            Some(Format::Xla)
        } else if text.starts_with(b"{") {
            Some(Format::Iopddl)
        } else if std::str::from_utf8(line).is_ok_and(Layout::is_header) {
            Some(Format::Csv)
        } else {
            None
        }
    }

    /// Whether the tools write the format, or only read it.
    pub fn is_written(self) -> bool {
        matches!(self, Format::Plc | Format::Csv)
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "trc" => Ok(Format::Trc),
            "plc" => Ok(Format::Plc),
            "csv" => Ok(Format::Csv),
            "iopddl" => Ok(Format::Iopddl),
            "xla" => Ok(Format::Xla),
            other => Err(format!(
                "{other:?} is no format: use trc, plc, csv, iopddl or xla"
            )),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Trc => "trc",
            Format::Plc => "plc",
            Format::Csv => "csv",
            Format::Iopddl => "iopddl",
            Format::Xla => "xla",
        })
    }
}

/// Whether a path stands for standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens `path` for reading (`-` is standard input) and unpacks it if its
/// first bytes are those of gzip or Zstandard.
///
/// # Errors
/// Those of the file system; a folder is an error.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    open_watched(path, |_| ())
}

/// As [`open`]; `watch` is called with how many bytes of the file, packed as
/// they are, each read gave.
///
/// # Errors
/// As [`open`].
pub fn open_watched(path: &Path, watch: impl FnMut(u64) + 'static) -> io::Result<Box<dyn Read>> {
    if is_standard(path) {
        let input = io::stdin().lock();
        return decompress(Watched { input, watch });
    }
    let input = File::open(path)?;
    if input.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    decompress(Watched { input, watch })
}

struct Watched<R, W> {
    input: R,
    watch: W,
}

impl<R: Read, W: FnMut(u64)> Read for Watched<R, W> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        (self.watch)(read as u64);
        Ok(read)
    }
}

/// The format that the first bytes of `input` say ([`Format::of_content`]), and
/// the whole input again.
///
/// # Errors
/// Those of the input.
pub fn sniff<'a>(mut input: impl Read + 'a) -> io::Result<(Option<Format>, Box<dyn Read + 'a>)> {
    let mut head = Vec::new();
    input.by_ref().take(1 << 12).read_to_end(&mut head)?;
    let format = Format::of_content(&head);
    Ok((format, Box::new(io::Cursor::new(head).chain(input))))
}

/// Unpacks `input` if its first bytes are those of gzip or Zstandard; gives
/// any other bytes as they are.
///
/// # Errors
/// Those of the input.
pub fn decompress<'a>(mut input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = magic.clone();
    let whole = io::Cursor::new(magic).chain(input);
    Ok(match kind.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(whole)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(whole)?),
        _ => Box::new(whole),
    })
}

/// Whether an error comes from writing to a pipe that its reader has closed,
/// which for a command-line tool is no failure.
pub fn is_closed_pipe(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source())
        .filter_map(|error| match error.downcast_ref::<FormatError>() {
            // It shows what it holds as its own.
            Some(FormatError::Io(error)) => Some(error),
            _ => error.downcast_ref::<io::Error>(),
        })
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// An output that appears under its name only when [`Output::commit`] is
/// called: until then it is a temporary file beside it, removed when dropped.
pub struct Output {
    sink: Sink,
}

enum Sink {
    Stdout(BufWriter<io::Stdout>),
    /// A device or pipe: there is nothing to rename.
    Direct(BufWriter<File>),
    Beside(BufWriter<NamedTempFile>, PathBuf),
}

impl Output {
    /// Opens the output `path`; `-` is standard output.
    ///
    /// # Errors
    /// Those of the file system; a name that ends in a compression's extension,
    /// as nothing is packed on writing.
    pub fn create(path: &Path) -> io::Result<Output> {
        let capacity = 1 << 18;
        if is_standard(path) {
            let sink = Sink::Stdout(BufWriter::with_capacity(capacity, io::stdout()));
            return Ok(Output { sink });
        }
        if let Some("gz" | "zst") = path.extension().and_then(|extension| extension.to_str()) {
            let what = "output is not packed: write to a plain name, and pack that";
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        }
        // A link stays a link: what it points to is replaced.
        let target = follow(path);
        let existing = fs::metadata(&target).ok();
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if existing
            .as_ref()
            .is_some_and(|existing| !existing.is_file())
        {
            let file = File::options().write(true).open(&target)?;
            return Ok(Output {
                sink: Sink::Direct(BufWriter::with_capacity(capacity, file)),
            });
        }
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(".idealloc-").suffix(".tmp");
        match existing {
            Some(existing) => builder.permissions(existing.permissions()),
            None => builder.permissions(default_permissions()),
        };
        let file = BufWriter::with_capacity(capacity, builder.tempfile_in(folder)?);
        Ok(Output {
            sink: Sink::Beside(file, target),
        })
    }

    /// The temporary file, where there is one: for whoever ends the process
    /// without dropping the output, as on a signal.
    pub fn unfinished(&self) -> Option<&Path> {
        match &self.sink {
            Sink::Beside(file, _) => Some(file.get_ref().path()),
            Sink::Stdout(_) | Sink::Direct(_) => None,
        }
    }

    /// Makes the whole output visible under its name.
    ///
    /// # Errors
    /// Those of the file system; what stood under the name is then untouched.
    pub fn commit(self) -> io::Result<()> {
        match self.sink {
            Sink::Stdout(mut stdout) => stdout.flush(),
            Sink::Direct(mut file) => file.flush(),
            Sink::Beside(file, path) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.persist(path).map(drop).map_err(|error| error.error)
            }
        }
    }
}

/// What a link points to, also where nothing is there yet; other paths are
/// themselves.
fn follow(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    // As many links as the kernel follows.
    for _ in 0..40 {
        let Ok(to) = fs::read_link(&path) else { break };
        path = match path.parent() {
            Some(folder) => folder.join(to),
            None => to,
        };
    }
    path
}

#[cfg(unix)]
fn default_permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    // The process's umask takes its part away.
    fs::Permissions::from_mode(0o666)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(sink) => sink.write(bytes),
            Sink::Direct(sink) => sink.write(bytes),
            Sink::Beside(sink, _) => sink.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(sink) => sink.flush(),
            Sink::Direct(sink) => sink.flush(),
            Sink::Beside(sink, _) => sink.flush(),
        }
    }
}
