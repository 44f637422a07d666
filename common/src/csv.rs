//! CSV of jobs and placements: the format of the minimalloc benchmark set,
//! read by header name, in any column order.
//!
//! | column | also | meaning |
//! |---|---|---|
//! | `id` | `buffer`, `buffer_id` | any text, unique |
//! | `lower` | `start`, `begin` | birth |
//! | `upper` / `end` | | death, exclusive / inclusive |
//! | `size` | | bytes |
//! | `alignment`, `gaps`, `hint`, `group`, `heap`, `requested`, `offset` | | optional |

mod cell;
mod writer;

use std::io::{self, Read};

use csv::StringRecord;

use crate::error::{FormatError, Place};
use crate::limits::{self, Allowance};
use crate::row::{Row, Rows};
use crate::text::counted;

pub use crate::layout::Layout;
pub use writer::Writer;

use cell::parse_row;

/// Bytes that are read ahead.
const BUFFER: usize = 1 << 18;

/// Streaming reader: O(1) memory, whatever the input; see [`limits`].
pub struct Reader<R> {
    input: csv::Reader<Allowance<Text<R>>>,
    layout: Layout,
    record: StringRecord,
    cr_lf: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header of `input`, which needs no buffering of its own. An
    /// empty file has no jobs.
    ///
    /// # Errors
    /// [`FormatError`] where a column is missing or given twice, or the header is
    /// too long.
    pub fn new(input: R) -> Result<Self, FormatError> {
        let mut input = csv::ReaderBuilder::new()
            .buffer_capacity(BUFFER)
            .has_headers(true)
            .trim(csv::Trim::Headers)
            .from_reader(Allowance::new(text(input)?, limits::HEADER));
        let header = input.headers().cloned();
        let header = match header {
            Ok(header) => header,
            Err(_) if input.get_ref().is_exceeded() => {
                let what = format!("a header of more than {} bytes", limits::HEADER);
                return Err(FormatError::malformed(Place::Line(1), what));
            }
            Err(error) => return Err(bad_text(error)),
        };
        let layout = if header.is_empty() {
            Layout::of(&["id", "lower", "upper", "size"])
        } else {
            Layout::parse(&header)?
        };
        let cr_lf = !header.is_empty() && input.position().line() == 1;
        Ok(Reader {
            input,
            layout,
            record: StringRecord::new(),
            cr_lf,
        })
    }

    /// The line on which the record just read begins. The CSV reader tells where
    /// it ended: behind the line's end, or, where that is CR LF, between the two.
    fn place(&self) -> Place {
        let inside: usize = self
            .record
            .iter()
            .map(|field| field.bytes().filter(|&byte| byte == b'\n').count())
            .sum();
        let ended = self.input.position().line() - u64::from(!self.cr_lf);
        // The last line may lack its end.
        let from = self.record.position().map_or(1, csv::Position::line);
        Place::Line(ended.saturating_sub(inside as u64).max(from))
    }
}

impl<R: Read> Rows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        // What was read ahead is no part of this row, and what will be may not be.
        self.input.get_mut().allow(limits::LINE + BUFFER);
        let from = self.input.position().line() + u64::from(self.cr_lf);
        match self.input.read_record(&mut self.record) {
            Ok(true) if self.record.as_slice().len() <= limits::LINE => {}
            Ok(false) => return Ok(None),
            Err(error) if !self.input.get_ref().is_exceeded() => return Err(bad_text(error)),
            _ => {
                let what = format!("a row of more than {} bytes", limits::LINE);
                return Err(FormatError::malformed(Place::Line(from), what));
            }
        }
        parse_row(&self.layout, &self.record, self.place()).map(Some)
    }

    fn layout(&self) -> Option<&Layout> {
        Some(&self.layout)
    }
}

type Text<R> = io::Chain<io::Cursor<Vec<u8>>, Uninterrupted<R>>;

/// The input without byte order marks at its start. The CSV reader knows them,
/// but takes a first read of a mark alone for the end.
fn text<R: Read>(input: R) -> io::Result<Text<R>> {
    let mut input = Uninterrupted(input);
    let mut first = Vec::with_capacity(3);
    loop {
        input.by_ref().take(3).read_to_end(&mut first)?;
        if first != b"\xef\xbb\xbf" {
            return Ok(io::Cursor::new(first).chain(input));
        }
        first.clear();
    }
}

/// Reads again where a signal interrupted, which the CSV reader does not.
struct Uninterrupted<R>(R);

impl<R: Read> Read for Uninterrupted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

fn bad_text(error: csv::Error) -> FormatError {
    let place = Place::Line(error.position().map_or(1, csv::Position::line));
    let what = match error.into_kind() {
        csv::ErrorKind::Io(error) => return FormatError::Io(error),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let fields = counted(len, "field");
            format!("{fields}, but the header has {expected_len}")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("field {} is not UTF-8 text", err.field() + 1)
        }
        _ => "not readable as CSV".to_owned(),
    };
    FormatError::malformed(place, what)
}
