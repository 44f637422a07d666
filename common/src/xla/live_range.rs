//! `*-live-range.txt`: when each value is live.

use std::collections::HashMap;
use std::io::{BufReader, Read};

use crate::error::{FormatError, Place};
use crate::limits;
use crate::units::whole_number;

/// The live ranges of a module's values, half-open.
#[derive(Debug, Default)]
pub struct LiveRanges {
    /// By name and tuple index.
    ranges: HashMap<String, (u64, u64)>,
}

impl LiveRanges {
    /// Reads `input` to its end. O(n).
    ///
    /// # Errors
    /// [`FormatError`] with the line of what is no live range, or of a second
    /// one of a value.
    pub fn read(input: impl Read) -> Result<LiveRanges, FormatError> {
        let mut ranges = HashMap::new();
        let mut inside = false;
        let mut met = false;
        for line in limits::lines(BufReader::with_capacity(1 << 16, input)) {
            let (number, line) = line?;
            let text = line.trim();
            if text == "BufferLiveRange:" {
                (inside, met) = (true, true);
            } else if text.starts_with("Live ranges at ") {
                inside = false;
            } else if inside && !text.is_empty() {
                let bad = |what: &str| {
                    let text: String = text.chars().take(80).collect();
                    FormatError::malformed(Place::Line(number), format!("{text:?} {what}"))
                };
                let (name, range) = range(text).ok_or_else(|| bad("is not NAME{INDEX}:FROM-TO"))?;
                if ranges.insert(name.to_owned(), range).is_some() {
                    return Err(bad("is a second live range of its value"));
                }
            }
        }
        if !met {
            let what = "no line \"BufferLiveRange:\": this is no live-range.txt of XLA";
            return Err(FormatError::malformed(Place::Line(1), what));
        }
        Ok(LiveRanges { ranges })
    }

    /// Birth and death of a value.
    pub(super) fn of(&self, name: &str) -> Option<(u64, u64)> {
        self.ranges.get(name).copied()
    }
}

/// `while.14{1}:41-44`, of which the end is inclusive.
fn range(text: &str) -> Option<(&str, (u64, u64))> {
    let (name, range) = text.rsplit_once(':')?;
    let (from, to) = range.split_once('-')?;
    let death = whole_number(to)?.checked_add(1)?;
    Some((name, (whole_number(from)?, death)))
}
