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

use std::fmt::Write as _;
use std::io::{self, Read, Write};

use csv::StringRecord;

use crate::error::{FormatError, Place};
use crate::job::{Gap, Job, JobId};
use crate::row::{Row, Rows};
use crate::text::counted;
use crate::units::whole_number;

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Id,
    Birth,
    DeathExclusive,
    DeathInclusive,
    Size,
    Alignment,
    Gaps,
    Hint,
    Group,
    Heap,
    Requested,
    Offset,
    Unknown,
}

impl Field {
    fn named(name: &str) -> Field {
        match name {
            "id" | "buffer" | "buffer_id" => Field::Id,
            "lower" | "start" | "begin" => Field::Birth,
            "upper" => Field::DeathExclusive,
            "end" => Field::DeathInclusive,
            "size" => Field::Size,
            "alignment" => Field::Alignment,
            "gaps" => Field::Gaps,
            "hint" => Field::Hint,
            "group" => Field::Group,
            "heap" => Field::Heap,
            "requested" => Field::Requested,
            "offset" => Field::Offset,
            _ => Field::Unknown,
        }
    }

    /// Two columns of one key say the same thing twice.
    fn key(self) -> Field {
        match self {
            Field::DeathInclusive => Field::DeathExclusive,
            other => other,
        }
    }
}

/// The columns of a CSV: their names, order and meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    columns: Vec<(Box<str>, Field)>,
}

impl Layout {
    /// The layout with these columns, by their names; `upper` is exclusive,
    /// `end` inclusive.
    pub fn of(names: &[&str]) -> Layout {
        Layout {
            columns: names
                .iter()
                .map(|&name| (name.into(), Field::named(name)))
                .collect(),
        }
    }

    /// The columns that a file of these jobs needs.
    pub fn for_jobs<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Layout {
        let mut needed = [false; 6];
        for job in jobs {
            let uses = [
                job.alignment != 1,
                job.heap != 0,
                job.requested != job.size,
                !job.gaps().is_empty(),
                job.hint().is_some(),
                job.group().is_some(),
            ];
            for (needed, uses) in needed.iter_mut().zip(uses) {
                *needed |= uses;
            }
        }
        let optional = ["alignment", "heap", "requested", "gaps", "hint", "group"];
        let mut names = vec!["id", "lower", "upper", "size"];
        names.extend(
            optional
                .into_iter()
                .zip(needed)
                .filter_map(|(name, needed)| needed.then_some(name)),
        );
        Layout::of(&names)
    }

    /// The names of the columns that the format does not know.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .filter(|(_, field)| *field == Field::Unknown)
            .map(|(name, _)| &**name)
    }

    /// Whether a line looks like the header of such a file.
    pub(crate) fn is_header(line: &str) -> bool {
        let fields: Vec<_> = line
            .split(',')
            .map(|name| Field::named(name.trim()))
            .collect();
        [Field::Id, Field::Birth, Field::Size]
            .iter()
            .all(|needed| fields.contains(needed))
    }

    /// Whether there is an `offset` column.
    pub fn has_offset(&self) -> bool {
        self.has(Field::Offset)
    }

    /// The same columns and, if there is none yet, `offset` behind them.
    #[must_use]
    pub fn with_offset(mut self) -> Layout {
        if !self.has_offset() {
            self.columns.push(("offset".into(), Field::Offset));
        }
        self
    }

    /// The same columns without `offset`.
    #[must_use]
    pub fn without_offset(mut self) -> Layout {
        self.columns.retain(|&(_, field)| field != Field::Offset);
        self
    }

    fn has(&self, field: Field) -> bool {
        self.columns.iter().any(|&(_, has)| has == field)
    }

    fn inclusive(&self) -> bool {
        self.has(Field::DeathInclusive)
    }

    fn parse(header: &StringRecord) -> Result<Layout, FormatError> {
        let place = Place::Line(header.position().map_or(1, csv::Position::line));
        let mut columns: Vec<(Box<str>, Field)> = Vec::new();
        for name in header {
            let name = name.trim();
            let field = Field::named(name);
            if let Some((other, _)) = columns
                .iter()
                .find(|(_, has)| *has != Field::Unknown && has.key() == field.key())
            {
                let what = format!("columns {other:?} and {name:?} mean the same");
                return Err(FormatError::malformed(place, what));
            }
            columns.push((name.into(), field));
        }
        let layout = Layout { columns };
        let needed = [
            (Field::Id, "id (or buffer, buffer_id)"),
            (Field::Birth, "lower (or start, begin)"),
            (
                Field::DeathExclusive,
                "upper (exclusive) or end (inclusive)",
            ),
            (Field::Size, "size"),
        ];
        for (field, names) in needed {
            if !layout.columns.iter().any(|(_, has)| has.key() == field) {
                let header: Vec<_> = layout.columns.iter().map(|(name, _)| &**name).collect();
                let header: String = header.join(",").chars().take(60).collect();
                let what = format!("no column {names} in the header {header:?}");
                return Err(FormatError::malformed(place, what));
            }
        }
        Ok(layout)
    }
}

/// Streaming reader: O(1) memory.
pub struct Reader<R> {
    input: csv::Reader<Text<R>>,
    layout: Layout,
    record: StringRecord,
    cr_lf: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header of `input`, which needs no buffering of its own. An
    /// empty file has no jobs.
    ///
    /// # Errors
    /// [`FormatError`] where a column is missing or given twice.
    pub fn new(input: R) -> Result<Self, FormatError> {
        let mut input = csv::ReaderBuilder::new()
            .buffer_capacity(1 << 18)
            .has_headers(true)
            .trim(csv::Trim::Headers)
            .from_reader(text(input)?);
        let header = input.headers().map_err(bad_text)?.clone();
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
        if !self.input.read_record(&mut self.record).map_err(bad_text)? {
            return Ok(None);
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

/// One cell, with what is needed to complain about it.
struct Cell<'a> {
    place: Place,
    column: &'a str,
    text: &'a str,
}

impl Cell<'_> {
    fn bad(&self, expected: &str) -> FormatError {
        let text: String = self.text.chars().take(60).collect();
        FormatError::malformed(
            self.place,
            format!("column {}: {text:?} is not {expected}", self.column),
        )
    }

    fn number(&self, text: &str) -> Result<u64, FormatError> {
        whole_number(text)
            .filter(|&value| value <= crate::job::MAX_VALUE)
            .ok_or_else(|| self.bad("a whole number from 0 to 2^63 - 1"))
    }

    fn whole(&self) -> Result<u64, FormatError> {
        self.number(self.text)
    }

    /// A number, or `None` where the cell is empty.
    fn optional(&self) -> Result<Option<u64>, FormatError> {
        if self.text.is_empty() {
            Ok(None)
        } else {
            self.whole().map(Some)
        }
    }

    fn is_negative(&self) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or("");
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// A number, or `None` where the cell is empty or negative.
    fn unless_negative(&self) -> Result<Option<u64>, FormatError> {
        if self.is_negative() {
            return Ok(None);
        }
        self.optional()
    }

    fn death(&self, text: &str, inclusive: bool) -> Result<u64, FormatError> {
        let value = self.number(text)?;
        if !inclusive {
            return Ok(value);
        }
        value
            .checked_add(1)
            .filter(|&death| death <= crate::job::MAX_VALUE)
            .ok_or_else(|| self.bad("below 2^63 - 1, as an inclusive end must be"))
    }

    fn gaps(&self, inclusive: bool) -> Result<Vec<Gap>, FormatError> {
        let expected = "a list of lower-upper or lower-upper@low:high spans";
        let mut gaps = Vec::new();
        for text in self.text.split_whitespace() {
            let (span, window) = match text.split_once('@') {
                Some((span, window)) => (span, Some(window)),
                None => (text, None),
            };
            let (lower, upper) = span.split_once('-').ok_or_else(|| self.bad(expected))?;
            let window = match window {
                None => None,
                Some(window) => {
                    let (low, high) = window.split_once(':').ok_or_else(|| self.bad(expected))?;
                    Some((self.number(low)?, self.number(high)?))
                }
            };
            gaps.push(Gap {
                lower: self.number(lower)?,
                upper: self.death(upper, inclusive)?,
                window,
            });
        }
        Ok(gaps)
    }
}

fn parse_row(layout: &Layout, record: &StringRecord, place: Place) -> Result<Row, FormatError> {
    let mut job = Job::new(0, 0, 0, 0);
    let (mut offset, mut requested, mut unknown) = (None, None, Vec::new());
    let inclusive = layout.inclusive();
    for ((column, field), text) in layout.columns.iter().zip(record) {
        // Text is kept as it stands; numbers may have spaces around them.
        let cell = Cell {
            place,
            column,
            text: text.trim(),
        };
        match field {
            Field::Id if text.is_empty() => return Err(cell.bad("an id")),
            Field::Id => job.id = JobId::parse(text),
            Field::Birth => job.birth = cell.whole()?,
            Field::DeathExclusive | Field::DeathInclusive => {
                job.death = cell.death(cell.text, inclusive)?;
            }
            Field::Size => job.size = cell.whole()?,
            Field::Alignment => job.alignment = cell.optional()?.unwrap_or(1),
            Field::Gaps => {
                let gaps = cell.gaps(inclusive)?;
                if !gaps.is_empty() {
                    job.extras_mut().gaps = gaps;
                }
            }
            Field::Hint => {
                if let Some(hint) = cell.unless_negative()? {
                    job.extras_mut().hint = Some(hint);
                }
            }
            Field::Group if text.is_empty() => {}
            Field::Group => job.extras_mut().group = Some(text.into()),
            Field::Heap => job.heap = heap(&cell)?,
            Field::Requested => requested = cell.optional()?,
            Field::Offset => offset = cell.offset()?,
            Field::Unknown => unknown.push(text.into()),
        }
    }
    job.requested = requested.unwrap_or(job.size);
    Ok(Row {
        job,
        offset,
        place,
        unknown,
    })
}

/// A heap is an address: any 64-bit number.
fn heap(cell: &Cell<'_>) -> Result<u64, FormatError> {
    if cell.text.is_empty() {
        return Ok(0);
    }
    cell.address()
}

impl Cell<'_> {
    /// Any 64-bit number, or `None` where the cell is empty or negative.
    fn offset(&self) -> Result<Option<u64>, FormatError> {
        if self.text.is_empty() || self.is_negative() {
            Ok(None)
        } else {
            self.address().map(Some)
        }
    }

    fn address(&self) -> Result<u64, FormatError> {
        whole_number(self.text).ok_or_else(|| self.bad("a whole number from 0 to 2^64 - 1"))
    }
}

/// Streaming writer: LF line ends, no quoting unless a field needs it, no
/// empty cell but that of a job without gaps or group.
pub struct Writer<W: Write> {
    output: csv::Writer<W>,
    layout: Layout,
    cell: String,
}

impl<W: Write> Writer<W> {
    /// A writer onto `output` that has written the header.
    ///
    /// # Errors
    /// Those of the output.
    pub fn new(output: W, layout: Layout) -> Result<Self, FormatError> {
        let mut output = csv::WriterBuilder::new()
            .buffer_capacity(1 << 18)
            .from_writer(output);
        output
            .write_record(layout.columns.iter().map(|(name, _)| name.as_bytes()))
            .map_err(bad_text)?;
        Ok(Writer {
            output,
            layout,
            cell: String::new(),
        })
    }

    /// Writes one row. What no column of the layout can say is left out: see
    /// [`Layout::for_jobs`].
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(
        &mut self,
        job: &Job,
        offset: Option<u64>,
        unknown: &[Box<str>],
    ) -> Result<(), FormatError> {
        let inclusive = u64::from(self.layout.inclusive());
        let mut unknown = unknown.iter();
        for (_, field) in &self.layout.columns {
            let cell = &mut self.cell;
            cell.clear();
            let number = match field {
                Field::Birth => Some(job.birth),
                Field::DeathExclusive | Field::DeathInclusive => Some(job.death - inclusive),
                Field::Size => Some(job.size),
                Field::Alignment => Some(job.alignment),
                Field::Heap => Some(job.heap),
                Field::Requested => Some(job.requested),
                Field::Hint => job.hint(),
                Field::Offset => offset,
                Field::Id | Field::Gaps | Field::Group | Field::Unknown => None,
            };
            match (field, number) {
                (_, Some(number)) => {
                    let _ = write!(cell, "{number}");
                }
                (Field::Id, None) => {
                    let _ = write!(cell, "{}", job.id);
                }
                (Field::Hint | Field::Offset, None) => cell.push_str("-1"),
                (Field::Gaps, None) => write_gaps(cell, job, inclusive),
                (Field::Group, None) => cell.push_str(job.group().unwrap_or("")),
                (_, None) => cell.push_str(unknown.next().map_or("", |text| text)),
            }
            self.output.write_field(&*cell).map_err(bad_text)?;
        }
        self.output.write_record(None::<&[u8]>).map_err(bad_text)
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        self.output
            .into_inner()
            .map_err(|error| io::Error::from(error.error().kind()))
    }
}

fn write_gaps(cell: &mut String, job: &Job, inclusive: u64) {
    for (index, gap) in job.gaps().iter().enumerate() {
        let space = if index == 0 { "" } else { " " };
        let _ = write!(cell, "{space}{}-{}", gap.lower, gap.upper - inclusive);
        if let Some((low, high)) = gap.window {
            let _ = write!(cell, "@{low}:{high}");
        }
    }
}
