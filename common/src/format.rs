//! Which format a file is in, and opening files: `-` is standard input or
//! output, compressed input is told by its content, and output becomes visible
//! only when it is whole.

mod output;
mod packed;
mod standing;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::str::FromStr;

use crate::csv;
use crate::error::FormatError;
use crate::executorch;
use crate::iree;
use crate::text::counted;
use crate::tflite;
use crate::xla;

pub use output::{Output, Replacing};
pub use packed::decompress;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `.trc`, a trace.
    Trc,
    /// `.plc`, jobs in bin-packing notation.
    Plc,
    /// `.csv`, jobs or a placement.
    Csv,
    /// The JSON of the contest on intra-operator parallelism; only read.
    Iopddl,
    /// XLA's `*-buffer-assignment.txt` or `*.hlo.pb`; only read.
    Xla,
    /// A TensorFlow Lite model, as TensorFlow Lite Micro lays it out; only read.
    Tflite,
    /// A pickled snapshot of PyTorch's caching allocator; only read.
    Pytorch,
    /// A dump of IREE's with the buffers that it packs; only read.
    Iree,
    /// The JSON of ExecuTorch's buffers; only read.
    Executorch,
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
            "tflite" => Some(Format::Tflite),
            "pb" => path
                .file_stem()?
                .to_str()?
                .to_ascii_lowercase()
                .ends_with(".hlo")
                .then_some(Format::Xla),
            "pickle" | "pkl" => Some(Format::Pytorch),
            "mlir" => Some(Format::Iree),
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
    /// The format that the first bytes of a file say, where they do: a trace and
    /// a `.plc` are told by their names only.
    pub fn of_content(head: &[u8]) -> Option<Format> {
        if head.get(4..8) == Some(tflite::IDENTIFIER) {
            return Some(Format::Tflite);
        }
        if xla::is_module(head) {
            return Some(Format::Xla);
        }
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let text = head.trim_ascii_start();
        if matches!(head, [0x80, 2..=5, ..]) {
            // PROTO and its number begin every pickle of these protocols.
            Some(Format::Pytorch)
        } else if text.starts_with(xla::FIRST_LINE.as_bytes()) {
            Some(Format::Xla)
        } else if json_format(text) == Some(executorch::FORMAT.as_bytes()) {
            Some(Format::Executorch)
        } else if text.starts_with(b"{") {
            Some(Format::Iopddl)
        } else if iree::MARKS.iter().any(|mark| contains(text, mark)) {
            Some(Format::Iree)
        } else if csv::begins(text) {
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
            "tflite" => Ok(Format::Tflite),
            "pytorch" => Ok(Format::Pytorch),
            "iree" => Ok(Format::Iree),
            "executorch" => Ok(Format::Executorch),
            other => Err(format!(
                "{other:?} is no format: use trc, plc, csv, iopddl, xla, tflite, pytorch, iree or \
                 executorch"
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
            Format::Tflite => "tflite",
            Format::Pytorch => "pytorch",
            Format::Iree => "iree",
            Format::Executorch => "executorch",
        })
    }
}

/// What a JSON object has under `format`, where that is its first key.
fn json_format(text: &[u8]) -> Option<&[u8]> {
    let after = |text: &'_ [u8], token: &str| -> Option<usize> {
        let space = text.len() - text.trim_ascii_start().len();
        let rest = &text[space..];
        rest.starts_with(token.as_bytes())
            .then_some(space + token.len())
    };
    let mut at = 0;
    for token in ["{", "\"format\"", ":", "\""] {
        at += after(&text[at..], token)?;
    }
    let end = text[at..].iter().position(|&byte| byte == b'"')?;
    Some(&text[at..at + end])
}

fn contains(text: &[u8], part: &str) -> bool {
    let mut windows = text.windows(part.len());
    windows.any(|window| window == part.as_bytes())
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
    let metadata = input.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let expected = if metadata.is_file() {
        metadata.len()
    } else {
        0
    };
    let input = Whole {
        input,
        expected,
        read: 0,
    };
    decompress(Watched { input, watch })
}

/// A file that must not end before the length that it had when it was opened:
/// cut at the end of a record, what is left would pass for the whole. Growing
/// is allowed, as traces do.
struct Whole<R> {
    input: R,
    expected: u64,
    read: u64,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.read += read as u64;
        if read == 0 && !buffer.is_empty() && self.read < self.expected {
            let (read, expected) = (self.read, counted(self.expected, "byte"));
            let what = format!("the file shrank while it was read: {read} of {expected}");
            return Err(io::Error::other(what));
        }
        Ok(read)
    }
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
