//! When each value is live: `*-live-range.txt`, or the same lines at the end of a
//! buffer assignment.

use std::collections::HashMap;
use std::io::{BufReader, Read};

use crate::error::{FormatError, Place};
use crate::limits;
use crate::units::whole_number;

/// The live ranges of a module's values, half-open.
#[derive(Clone, Debug, Default)]
pub struct LiveRanges {
    /// By name and tuple index.
    ranges: HashMap<String, (u64, u64)>,
}

impl LiveRanges {
    /// Reads `input`, a `*-live-range.txt`, or an older version's buffer assignment
    /// with the ranges at its end. O(n).
    ///
    /// # Errors
    /// [`FormatError`] with the line of what is no live range, or of a second
    /// one of a value.
    pub fn read(input: impl Read) -> Result<LiveRanges, FormatError> {
        LiveRanges::find(input)?.ok_or_else(|| {
            let what = "no line \"BufferLiveRange:\": this is no live-range.txt of XLA";
            FormatError::malformed(Place::Line(1), what)
        })
    }

    /// As [`Self::read`]; `None` where the file has no live ranges.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn find(input: impl Read) -> Result<Option<LiveRanges>, FormatError> {
        let mut ranges = Lines::default();
        for line in limits::lines(BufReader::with_capacity(1 << 16, input)) {
            let (number, line) = line?;
            ranges.take(line.trim(), number)?;
        }
        Ok(ranges.finish())
    }

    /// Birth and death of a value.
    pub(super) fn of(&self, name: &str) -> Option<(u64, u64)> {
        self.ranges.get(name).copied()
    }
}

impl FromIterator<(String, (u64, u64))> for LiveRanges {
    fn from_iter<T: IntoIterator<Item = (String, (u64, u64))>>(ranges: T) -> LiveRanges {
        LiveRanges {
            ranges: ranges.into_iter().collect(),
        }
    }
}

/// Live ranges while they are read line by line.
#[derive(Default)]
pub(super) struct Lines {
    read: LiveRanges,
    inside: bool,
    met: bool,
}

impl Lines {
    pub(super) fn take(&mut self, text: &str, number: u64) -> Result<(), FormatError> {
        if text == "BufferLiveRange:" {
            (self.inside, self.met) = (true, true);
        } else if text.starts_with("Live ranges at ") {
            self.inside = false;
        } else if self.inside && !text.is_empty() {
            let bad = |what: &str| {
                let text: String = text.chars().take(80).collect();
                FormatError::malformed(Place::Line(number), format!("{text:?} {what}"))
            };
            let (name, range) = range(text).ok_or_else(|| bad("is not NAME{INDEX}:FROM-TO"))?;
            if self.read.ranges.insert(name.to_owned(), range).is_some() {
                return Err(bad("is a second live range of its value"));
            }
        }
        Ok(())
    }

    /// The ranges, where there were any lines of them.
    pub(super) fn finish(self) -> Option<LiveRanges> {
        self.met.then_some(self.read)
    }
}

/// `while.14{1}:41-44`, of which the end is inclusive.
fn range(text: &str) -> Option<(&str, (u64, u64))> {
    let (name, range) = text.rsplit_once(':')?;
    let (from, to) = range.split_once('-')?;
    let death = whole_number(to)?.checked_add(1)?;
    Some((name, (whole_number(from)?, death)))
}
