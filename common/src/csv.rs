//! CSV of jobs and placements: the format of the minimalloc benchmark set,
//! read by header name, in any column order.
//!
//! | column | also | meaning |
//! |---|---|---|
//! | `id` | `buffer`, `buffer_id` | any text, unique |
//! | `lower` | `start`, `begin` | birth |
//! | `upper` / `end` | | death, exclusive / inclusive unless [`Options::ends`] says otherwise |
//! | `size` | | bytes |
//! | `alignment`, `gaps`, `hint`, `group`, `heap`, `requested`, `offset` | | optional |
//!
//! Known names are read in any case. Columns are separated by commas, semicolons or
//! tabs, whichever finds the known names in the header. Rows with nothing in them but
//! blanks, and lines that begin with `#`, are passed over; a first cell that begins with
//! `#` is in quotes. A number is digits, or a decimal that is whole, such as `64.0` or
//! `1.5e3`; there are no separators of thousands and no decimal commas. A header alone
//! is no jobs; a file without one is an error unless [`Options::allow_empty`].
//!
//! Written are commas, LF, known names in lower case, and digits. An `end` that was read
//! as half-open is written as `upper`.

mod cell;
mod head;
mod writer;

use std::io::{self, Read};

use csv::StringRecord;

use crate::error::{FormatError, Place};
use crate::limits::{self, Allowance};
use crate::row::{Row, Rows};
use crate::text::counted;

pub use crate::layout::{Ends, Layout};
pub use writer::Writer;

use cell::parse_row;
pub(crate) use head::begins;
use head::{COMMENT, Head};

/// Bytes that are read ahead.
const BUFFER: usize = 1 << 18;

/// What a CSV leaves open about how it is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What an `end` is; inclusive, with a remark, where nothing is said.
    pub ends: Option<Ends>,
    /// Whether a file without a header is no jobs; it is an error otherwise.
    pub allow_empty: bool,
    /// How messages name what users may ask for; they name nothing where there is no way to.
    pub names: Option<Names>,
}

/// How users ask for what messages tell them of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    /// [`Options::ends`] as [`Ends::HalfOpen`].
    pub half_open: &'static str,
    /// [`Options::allow_empty`].
    pub allow_empty: &'static str,
    /// The start address, which a number follows.
    pub start: &'static str,
}

impl Names {
    /// Those of the command lines.
    pub const COMMAND_LINE: Names = Names {
        half_open: "--lifetimes half-open",
        allow_empty: "--allow-empty",
        start: "--start ",
    };
}

/// Streaming reader: O(1) memory, whatever the input; see [`limits`].
pub struct Reader<R> {
    input: csv::Reader<Allowance<Text<R>>>,
    layout: Layout,
    record: StringRecord,
    cr_lf: bool,
    /// Lines before the header.
    skipped: u64,
    remarks: Vec<String>,
}

impl<R: Read> Reader<R> {
    /// Reads the header of `input`, which needs no buffering of its own.
    ///
    /// # Errors
    /// As [`Reader::with_options`].
    pub fn new(input: R) -> Result<Self, FormatError> {
        Self::with_options(input, Options::default())
    }

    /// As [`Reader::new`], read as the options say.
    ///
    /// # Errors
    /// [`FormatError`] where there is no header, a column is missing or given twice,
    /// the header is too long, or contradicts the options.
    pub fn with_options(mut input: R, options: Options) -> Result<Self, FormatError> {
        let head = Head::read(&mut input)?;
        let place = Place::Line(head.skipped + 1);
        if head.bytes.is_empty() && !options.allow_empty {
            let allow = options.names.map_or_else(String::new, |names| {
                format!("; {} takes such a file for no jobs", names.allow_empty)
            });
            let what = format!("empty: there is no header line{allow}");
            return Err(FormatError::malformed(place, what));
        }
        let text = Text::new(io::Cursor::new(head.bytes).chain(input));
        let mut input = csv::ReaderBuilder::new()
            .buffer_capacity(BUFFER)
            .has_headers(true)
            .flexible(true)
            .trim(csv::Trim::Headers)
            .delimiter(head.delimiter)
            .comment((!head.ends_in_cr).then_some(COMMENT))
            .from_reader(Allowance::new(text, limits::HEADER));
        let header = match input.headers().cloned() {
            Ok(header) => header,
            Err(_) if input.get_ref().is_exceeded() => {
                let what = format!("a header of more than {} bytes", limits::HEADER);
                return Err(FormatError::malformed(place, what));
            }
            Err(error) => return Err(bad_text(error, place)),
        };
        let pool = head
            .pool_offset
            .map(|base| remark_on_pool(base, options.names));
        let mut remarks: Vec<String> = pool.into_iter().collect();
        let mut layout = Layout::of(&["id", "lower", "upper", "size"]);
        if !header.is_empty() {
            layout = Layout::parse(&header, place)?;
            remarks.extend(layout.settle(options, place)?);
            remarks.extend(layout.remark_on_unknown());
        }
        let cr_lf = !header.is_empty() && input.position().line() == 1;
        Ok(Reader {
            input,
            layout,
            record: StringRecord::new(),
            cr_lf,
            skipped: head.skipped,
            remarks,
        })
    }

    /// The line on which the record just read begins. The CSV reader tells where
    /// it ended: behind the line's end, or, where that is CR LF, between the two.
    fn place(&self) -> Place {
        let text = self.record.as_slice().bytes();
        let inside = text.filter(|&byte| byte == b'\n').count();
        let position = self.input.position();
        let text = self.input.get_ref().get_ref();
        // The last line may lack its end.
        let has_end = position.byte() < text.given || text.last == b'\n';
        let behind = u64::from(has_end && !self.cr_lf);
        let line = position.line().saturating_sub(behind + inside as u64);
        Place::Line(self.skipped + line.max(1))
    }

    /// Whether the record just read has nothing in it but blanks.
    ///
    /// # Errors
    /// [`FormatError`] where it has not as many fields as the header.
    fn is_blank(&self) -> Result<bool, FormatError> {
        if self.record.as_slice().trim_start().is_empty() {
            return Ok(true);
        }
        let (fields, expected) = (self.record.len(), self.layout.columns.len());
        if fields == expected {
            return Ok(false);
        }
        let fields = counted(fields, "field");
        let what = format!("{fields}, but the header has {expected}");
        Err(FormatError::malformed(self.place(), what))
    }
}

impl<R: Read> Rows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        loop {
            // What was read ahead is no part of this row, and what will be may not be.
            self.input.get_mut().allow(limits::LINE + BUFFER);
            let from = self.skipped + self.input.position().line() + u64::from(self.cr_lf);
            match self.input.read_record(&mut self.record) {
                Ok(true) if self.record.as_slice().len() <= limits::LINE => {}
                Ok(false) => return Ok(None),
                Err(error) if !self.input.get_ref().is_exceeded() => {
                    return Err(bad_text(error, self.place()));
                }
                _ => {
                    let what = format!("a row of more than {} bytes", limits::LINE);
                    return Err(FormatError::malformed(Place::Line(from), what));
                }
            }
            if !self.is_blank()? {
                return parse_row(&self.layout, &self.record, self.place()).map(Some);
            }
        }
    }

    fn layout(&self) -> Option<&Layout> {
        Some(&self.layout)
    }

    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }
}

/// omnimalloc writes where a pool begins, and offsets relative to that.
fn remark_on_pool(base: u64, names: Option<Names>) -> String {
    let start = names.map_or("a start address of ", |names| names.start);
    format!(
        "\"pool_offset={base}\" is the address that omnimalloc's pool starts at: alignment counts \
         it with {start}{base} only"
    )
}

/// The bytes from the header on. Reads again where a signal interrupted, which the
/// CSV reader does not.
struct Text<R> {
    input: io::Chain<io::Cursor<Vec<u8>>, R>,
    /// Bytes given so far, and the last of them.
    given: u64,
    last: u8,
}

impl<R: Read> Text<R> {
    fn new(input: io::Chain<io::Cursor<Vec<u8>>, R>) -> Self {
        Text {
            input,
            given: 0,
            last: b'\n',
        }
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(read) => {
                    self.given += read as u64;
                    self.last = buffer[..read].last().copied().unwrap_or(self.last);
                    return Ok(read);
                }
                failed => return failed,
            }
        }
    }
}

fn bad_text(error: csv::Error, place: Place) -> FormatError {
    let what = match error.into_kind() {
        csv::ErrorKind::Io(error) => return FormatError::Io(error),
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("field {} is not UTF-8 text", err.field() + 1)
        }
        _ => "not readable as CSV".to_owned(),
    };
    FormatError::malformed(place, what)
}
