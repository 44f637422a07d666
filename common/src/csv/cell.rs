//! Cells: what each column of a row may hold.

use csv::StringRecord;

use crate::error::{FormatError, Place};
use crate::job::{Gap, Job, JobId, MAX_VALUE};
use crate::layout::{Field, Layout};
use crate::limits::CELL;
use crate::row::Row;
use crate::units::{exact_integer, whole_number};

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

    /// Text as it stands, which is kept, and so must not be long.
    fn short<'t>(&self, text: &'t str) -> Result<&'t str, FormatError> {
        if text.len() <= CELL {
            return Ok(text);
        }
        let what = format!(
            "column {}: {} bytes, more than {CELL}; shorten the text",
            self.column,
            text.len()
        );
        Err(FormatError::malformed(self.place, what))
    }

    /// A time.
    #[inline]
    fn time(&self, text: &str) -> Result<u64, FormatError> {
        match whole_number(text) {
            Some(time) if time <= MAX_VALUE => Ok(time),
            _ => self.time_otherwise(text),
        }
    }

    /// A time in another form; a vector of times is told as such.
    #[cold]
    fn time_otherwise(&self, text: &str) -> Result<u64, FormatError> {
        let mut components = text.split(':');
        if text.contains(':') && components.all(|component| exact(component).is_some()) {
            return Err(self.bad(
                "one time but a vector of several clocks, which cannot be read yet: \
                 give each job times on one clock",
            ));
        }
        self.number_otherwise(text)
    }

    #[inline]
    fn number(&self, text: &str) -> Result<u64, FormatError> {
        match whole_number(text) {
            Some(number) if number <= MAX_VALUE => Ok(number),
            _ => self.number_otherwise(text),
        }
    }

    /// A number that is not in digits alone.
    #[cold]
    fn number_otherwise(&self, text: &str) -> Result<u64, FormatError> {
        exact(text)
            .filter(|&value| value <= MAX_VALUE)
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
        let is_whole = || digits.bytes().all(|byte| byte.is_ascii_digit());
        !digits.is_empty() && (is_whole() || exact(digits).is_some())
    }

    /// A number, or `None` where the cell is empty or negative.
    fn unless_negative(&self) -> Result<Option<u64>, FormatError> {
        if self.is_negative() {
            return Ok(None);
        }
        self.optional()
    }

    fn death(&self, text: &str, inclusive: bool) -> Result<u64, FormatError> {
        let value = self.time(text)?;
        if !inclusive {
            return Ok(value);
        }
        value
            .checked_add(1)
            .filter(|&death| death <= MAX_VALUE)
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
                lower: self.time(lower)?,
                upper: self.death(upper, inclusive)?,
                window,
            });
        }
        Ok(gaps)
    }

    /// Any 64-bit number, or `None` where the cell is empty or negative.
    fn offset(&self) -> Result<Option<u64>, FormatError> {
        if self.text.is_empty() || self.is_negative() {
            Ok(None)
        } else {
            self.address().map(Some)
        }
    }

    fn address(&self) -> Result<u64, FormatError> {
        exact(self.text).ok_or_else(|| self.bad("a whole number from 0 to 2^64 - 1"))
    }
}

/// The whole number that a text spells, in digits or as a decimal.
fn exact(text: &str) -> Option<u64> {
    whole_number(text).or_else(|| exact_integer(text))
}

/// The row that a record gives.
pub(super) fn parse_row(
    layout: &Layout,
    record: &StringRecord,
    place: Place,
) -> Result<Row, FormatError> {
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
            Field::Id => job.id = JobId::parse(cell.short(text)?),
            Field::Birth => job.birth = cell.time(cell.text)?,
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
            Field::Group => job.extras_mut().group = Some(cell.short(text)?.into()),
            Field::Heap => job.heap = heap(&cell)?,
            Field::Requested => requested = cell.optional()?,
            Field::Offset => offset = cell.offset()?,
            Field::Unknown => unknown.push(cell.short(text)?.into()),
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
