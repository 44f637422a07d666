//! A job: one block of memory with a lifetime and a size.
//!
//! Sizes and offsets are in bytes; lifetimes are half-open `[birth, death)` on
//! a logical clock. Both go up to 2^63 - 1.

use std::fmt;

/// The largest size, clock value and sum of sizes that the tools accept.
pub const MAX_VALUE: u64 = i64::MAX as u64;

/// What a file calls a job: a number, or any other text.
///
/// Text that is the canonical decimal form of a 64-bit number *is* that
/// number, so that `.plc` and CSV agree on identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobId {
    /// A number.
    Number(u64),
    /// Any other text.
    Text(Box<str>),
}

impl JobId {
    /// The id that `text` spells.
    pub fn parse(text: &str) -> JobId {
        let canonical = text == "0"
            || (text.starts_with(|c: char| ('1'..='9').contains(&c))
                && text.bytes().all(|b| b.is_ascii_digit()));
        match text.parse() {
            Ok(number) if canonical => JobId::Number(number),
            _ => JobId::Text(text.into()),
        }
    }
}

impl From<u64> for JobId {
    fn from(number: u64) -> JobId {
        JobId::Number(number)
    }
}

impl From<&str> for JobId {
    fn from(text: &str) -> JobId {
        JobId::parse(text)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobId::Number(number) => number.fmt(f),
            JobId::Text(text) => text.fmt(f),
        }
    }
}

/// A span inside a lifetime in which the job holds no memory, or only a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gap {
    /// Start of the span.
    pub lower: u64,
    /// End of the span, exclusive.
    pub upper: u64,
    /// The part `[low, high)` of the address range, relative to the job's
    /// offset, that stays occupied in the span.
    pub window: Option<(u64, u64)>,
}

/// What few jobs have; kept apart so that the others stay small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Extras {
    /// Spans without memory, ascending and disjoint once admitted.
    pub gaps: Vec<Gap>,
    /// A preferred offset.
    pub hint: Option<u64>,
    /// Jobs of equal group share one offset and never conflict.
    pub group: Option<Box<str>>,
    /// A fixed offset, which a solver keeps.
    pub pin: Option<u64>,
}

/// One block of memory to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Unique in its problem.
    pub id: JobId,
    /// First instant at which the block is live.
    pub birth: u64,
    /// First instant at which it is live no more.
    pub death: u64,
    /// Bytes set aside.
    pub size: u64,
    /// Bytes that the program asked for; at most `size`.
    pub requested: u64,
    /// Start address plus offset is a multiple of this; 1 means any address.
    pub alignment: u64,
    /// The contiguous mapping that the block was traced in; 0 for none.
    pub heap: u64,
    /// Gaps, hint, group and pin, where there are any.
    pub extras: Option<Box<Extras>>,
}

/// What makes a job unacceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JobFault {
    /// Remedy: leave such jobs out.
    #[error("job {0}: size is 0")]
    ZeroSize(JobId),
    /// Remedy: a lifetime is half-open, so `death` is at least `birth + 1`.
    #[error("job {id}: death {death} is not after birth {birth}")]
    EmptyLifetime {
        /// The job.
        id: JobId,
        /// Its birth.
        birth: u64,
        /// Its death.
        death: u64,
    },
    /// Remedy: 1 stands for no alignment.
    #[error("job {0}: alignment is 0, must be at least 1")]
    ZeroAlignment(JobId),
    /// Remedy: scale the values down.
    #[error("job {id}: {field} {value} is beyond 2^63 - 1")]
    TooLarge {
        /// The job.
        id: JobId,
        /// Which of its fields.
        field: &'static str,
        /// What it holds.
        value: u64,
    },
    /// Remedy: the size includes what was requested.
    #[error("job {id}: size {size} is below the requested size {requested}")]
    BelowRequested {
        /// The job.
        id: JobId,
        /// Its size.
        size: u64,
        /// What was asked for.
        requested: u64,
    },
    /// Remedy: gaps are disjoint, not empty, and inside the lifetime; a
    /// window is inside the address range.
    #[error("job {id}: gap {lower}-{upper} {what}")]
    BadGap {
        /// The job.
        id: JobId,
        /// The gap's start.
        lower: u64,
        /// Its end, exclusive.
        upper: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Remedy: a pin is a multiple of the alignment and leaves room for the size.
    #[error("job {id}: fixed offset {pin} {what}")]
    BadPin {
        /// The job.
        id: JobId,
        /// Its fixed offset.
        pin: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A rectangle of time and address that a job occupies, relative to its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// Start in time.
    pub birth: u64,
    /// End in time, exclusive.
    pub death: u64,
    /// Start in address, relative to the job's offset.
    pub low: u64,
    /// End in address, exclusive.
    pub high: u64,
}

impl Job {
    /// A job without alignment, heap or extras.
    pub fn new(id: u64, birth: u64, death: u64, size: u64) -> Job {
        Job {
            id: JobId::Number(id),
            birth,
            death,
            size,
            requested: size,
            alignment: 1,
            heap: 0,
            extras: None,
        }
    }

    /// The same job with an alignment.
    #[must_use]
    pub fn aligned(mut self, alignment: u64) -> Job {
        self.alignment = alignment;
        self
    }

    /// The same job by another name.
    #[must_use]
    pub fn named(mut self, id: impl Into<JobId>) -> Job {
        self.id = id.into();
        self
    }

    /// The same job, fixed at an offset, which a solver keeps.
    #[must_use]
    pub fn pinned(mut self, offset: u64) -> Job {
        self.extras_mut().pin = Some(offset);
        self
    }

    /// The same job with an offset that it takes where that costs nothing.
    #[must_use]
    pub fn hinted(mut self, offset: u64) -> Job {
        self.extras_mut().hint = Some(offset);
        self
    }

    /// The same job in a group: its members share one offset and do not conflict.
    #[must_use]
    pub fn grouped(mut self, group: &str) -> Job {
        self.extras_mut().group = Some(group.into());
        self
    }

    /// The same job with one more span in which it holds no memory, or only a
    /// part.
    #[must_use]
    pub fn with_gap(mut self, gap: Gap) -> Job {
        self.extras_mut().gaps.push(gap);
        self
    }

    /// The gaps, ascending once the job is admitted.
    pub fn gaps(&self) -> &[Gap] {
        self.extras.as_ref().map_or(&[], |extras| &extras.gaps)
    }

    /// The fixed offset.
    pub fn pin(&self) -> Option<u64> {
        self.extras.as_ref().and_then(|extras| extras.pin)
    }

    /// The preferred offset.
    pub fn hint(&self) -> Option<u64> {
        self.extras.as_ref().and_then(|extras| extras.hint)
    }

    /// The group whose members share one offset.
    pub fn group(&self) -> Option<&str> {
        self.extras
            .as_ref()
            .and_then(|extras| extras.group.as_deref())
    }

    /// The extras, made on demand.
    pub fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// The rectangles that the job occupies, by time: the whole address range
    /// outside its gaps, the window (if any) inside each.
    pub fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        let whole = (0, self.size);
        let mut at = self.birth;
        let mut gaps = self.gaps().iter();
        let mut pending: Option<Gap> = None;
        std::iter::from_fn(move || {
            loop {
                if let Some(gap) = pending.take() {
                    at = gap.upper;
                    if let Some((low, high)) = gap.window
                        && low < high
                    {
                        return Some(Piece {
                            birth: gap.lower,
                            death: gap.upper,
                            low,
                            high,
                        });
                    }
                    continue;
                }
                let (birth, death) = match gaps.next() {
                    Some(&gap) => {
                        pending = Some(gap);
                        (at, gap.lower)
                    }
                    None if at < self.death => {
                        let birth = std::mem::replace(&mut at, self.death);
                        (birth, self.death)
                    }
                    None => return None,
                };
                if birth < death {
                    return Some(Piece {
                        birth,
                        death,
                        low: whole.0,
                        high: whole.1,
                    });
                }
            }
        })
    }

    /// Checks the job by itself and puts its gaps in order. O(g log g) in the
    /// number of gaps.
    pub(crate) fn admit(&mut self) -> Result<(), JobFault> {
        let id = || self.id.clone();
        if self.size == 0 {
            return Err(JobFault::ZeroSize(id()));
        }
        if self.alignment == 0 {
            return Err(JobFault::ZeroAlignment(id()));
        }
        for (field, value) in [
            ("size", self.size),
            ("death", self.death),
            ("alignment", self.alignment),
        ] {
            if value > MAX_VALUE {
                return Err(JobFault::TooLarge {
                    id: id(),
                    field,
                    value,
                });
            }
        }
        if self.birth >= self.death {
            return Err(JobFault::EmptyLifetime {
                id: id(),
                birth: self.birth,
                death: self.death,
            });
        }
        if self.requested > self.size {
            return Err(JobFault::BelowRequested {
                id: id(),
                size: self.size,
                requested: self.requested,
            });
        }
        if let Some(pin) = self.pin()
            && pin > MAX_VALUE - self.size
        {
            return Err(JobFault::BadPin {
                id: id(),
                pin,
                what: "leaves no room below 2^63",
            });
        }
        self.admit_gaps()
    }

    fn admit_gaps(&mut self) -> Result<(), JobFault> {
        let (birth, death, size) = (self.birth, self.death, self.size);
        let Some(extras) = &mut self.extras else {
            return Ok(());
        };
        extras.gaps.sort_unstable();
        let mut free_from = birth;
        for gap in &extras.gaps {
            let what = if gap.lower >= gap.upper {
                "is empty or reversed"
            } else if gap.lower < birth || gap.upper > death {
                "is not inside the lifetime"
            } else if gap.lower < free_from {
                "overlaps another gap"
            } else if gap
                .window
                .is_some_and(|(low, high)| low > high || high > size)
            {
                "has a window that is not inside the job's address range"
            } else {
                free_from = gap.upper;
                continue;
            };
            let &Gap { lower, upper, .. } = gap;
            return Err(JobFault::BadGap {
                id: self.id.clone(),
                lower,
                upper,
                what,
            });
        }
        Ok(())
    }
}
