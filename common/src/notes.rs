//! What the notes of a trace tell, on the logical clock of its jobs.

use crate::anomaly::Unseen;
use crate::trace::Note;

/// Bytes of a command line that are kept; the tracer writes a sixteenth.
const LONGEST_COMMAND: usize = 64 << 10;

/// Why a trace lacks births and ends.
const PASS_BY: &str = "calls pass the tracer by";

/// The notes of a trace, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Each with the clock where it stands; the pieces of the command line are joined.
    list: Vec<(u64, Note)>,
    /// The command line, its arguments ended by zero bytes.
    command: Vec<u8>,
    /// The file ends in room that was never used.
    unfinished: bool,
}

/// How much of a program's memory a trace knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// All that the tracer can see: nothing says otherwise.
    #[default]
    Whole,
    /// Each block that is told was live for as long as is told; there may have been more.
    AtLeast,
    /// Blocks may be missing, and blocks may be told to live after their end.
    Recorded,
}

/// What a first note says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id.
    pub id: u64,
    /// Its parent's.
    pub parent: u64,
    /// Wall clock at its start, ns since 1970.
    pub started: u64,
}

/// Resident memory at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// On the logical clock.
    pub time: u64,
    /// Resident bytes.
    pub bytes: u64,
    /// Bytes of them that are anonymous.
    pub anonymous: u64,
    /// The most that were resident so far.
    pub most: u64,
}

impl Notes {
    /// Takes a note that stands where the clock says `time`.
    pub(crate) fn add(&mut self, time: u64, note: Note) {
        match note {
            Note::Program { text } if self.command.len() < LONGEST_COMMAND => {
                self.command.extend(text);
            }
            Note::Program { .. } => {}
            note => self.list.push((time, note)),
        }
    }

    /// The file ends in room that was never used.
    pub(crate) fn is_left_unfinished(&mut self) {
        self.unfinished = true;
    }

    /// Whether tracing stopped before the process did.
    pub(crate) fn has_stopped(&self) -> bool {
        let stops = |(_, note)| matches!(note, Note::Partial { reason: 2 | 3 });
        self.iter().any(stops)
    }

    /// Whether the last notes are missing: tracing stopped, the process was killed, or it
    /// goes on.
    pub fn has_no_end(&self) -> bool {
        self.unfinished || self.has_stopped()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.command.is_empty()
    }

    /// All but the command line, each with its place on the logical clock, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, Note)> + '_ {
        self.list.iter().copied()
    }

    /// Whose trace it is.
    pub fn process(&self) -> Option<Process> {
        self.iter().find_map(|(_, note)| match note {
            Note::Process {
                id,
                parent,
                started,
                ..
            } => Some(Process {
                id,
                parent,
                started,
            }),
            _ => None,
        })
    }

    /// The command line; bytes that are no UTF-8 are replaced.
    pub fn command(&self) -> Vec<String> {
        let padding = self
            .command
            .iter()
            .rev()
            .take_while(|&&byte| byte == 0)
            .count();
        let text = &self.command[..self.command.len() - padding];
        if text.is_empty() {
            return Vec::new();
        }
        text.split(|&byte| byte == 0)
            .map(|argument| String::from_utf8_lossy(argument).into_owned())
            .collect()
    }

    /// The reasons for which the trace is not the whole truth, each once.
    pub fn partial(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if self.unfinished {
            reasons.push("killed, or goes on: its end is missing");
        }
        for (_, note) in self.iter() {
            let Note::Partial { reason } = note else {
                continue;
            };
            let said = match reason {
                1 => PASS_BY,
                2 => "tracing stopped for lack of space",
                3 => {
                    "tracing stopped at a limit: of the file's size, or of the room prepared \
                     before the program confined itself"
                }
                4 => "recording was started and stopped",
                _ => "part of the program was not recorded",
            };
            if !reasons.contains(&said) {
                reasons.push(said);
            }
        }
        reasons
    }

    /// The same, and of calls that pass by also what is known to be missing.
    pub fn partial_with(&self, unseen: Unseen) -> Vec<String> {
        let told = |reason| match reason {
            PASS_BY => format!("{PASS_BY}: {unseen}"),
            reason => reason.to_owned(),
        };
        self.partial().into_iter().map(told).collect()
    }

    /// How much of the program's memory the trace knows.
    pub fn coverage(&self) -> Coverage {
        let covers = |(_, note)| match note {
            Note::Partial { reason: 2..=4 } => Coverage::AtLeast,
            Note::Partial { .. } => Coverage::Recorded,
            _ => Coverage::Whole,
        };
        let end = match self.unfinished {
            true => Coverage::AtLeast,
            false => Coverage::Whole,
        };
        self.iter().map(covers).fold(end, Coverage::max)
    }

    /// The times that are told: the logical clock, and ns since the start, ascending.
    pub fn times(&self) -> Vec<(u64, u64)> {
        let mut times: Vec<(u64, u64)> = Vec::new();
        for (time, note) in self.iter() {
            if let Note::Time { since, .. } = note
                && times.last().is_none_or(|last| last.1 <= since)
            {
                times.push((time, since));
            }
        }
        times
    }

    /// How much of the process was in memory, ascending in time.
    pub fn resident(&self) -> Vec<Resident> {
        let resident = self.iter().filter_map(|(time, note)| match note {
            Note::Resident {
                bytes,
                anonymous,
                most,
            } => Some(Resident {
                time,
                bytes,
                anonymous,
                most,
            }),
            _ => None,
        });
        resident.collect()
    }
}

/// The logical clock in seconds.
#[derive(Clone, Debug, Default)]
pub struct Seconds {
    times: Vec<(u64, u64)>,
}

impl Seconds {
    /// Of the times that [`Notes::times`] tells.
    pub fn new(notes: &Notes) -> Seconds {
        let mut times = notes.times();
        if !times.is_empty() && times[0].0 > 0 {
            times.insert(0, (0, 0));
        }
        Seconds { times }
    }

    /// Seconds since the start at an instant of the logical clock: interpolated between
    /// the times that are told, and the nearest of them outside; `None` where no time is.
    pub fn at(&self, time: u64) -> Option<f64> {
        let (left, right) = self.around(time)?;
        let part = match right.0 - left.0 {
            0 => 0.0,
            ticks => (time.clamp(left.0, right.0) - left.0) as f64 / ticks as f64,
        };
        let ns = left.1 as f64 + part * (right.1 - left.1) as f64;
        Some(ns / 1e9)
    }

    /// The seconds between which an instant of the logical clock surely lies; `None` where
    /// no time is told.
    pub fn between(&self, time: u64) -> Option<(f64, f64)> {
        let (left, right) = self.around(time)?;
        Some((left.1 as f64 / 1e9, right.1 as f64 / 1e9))
    }

    /// The times that are told before and after an instant.
    fn around(&self, time: u64) -> Option<((u64, u64), (u64, u64))> {
        let after = self.times.partition_point(|told| told.0 < time);
        match (after.checked_sub(1), self.times.get(after)) {
            (Some(left), Some(&right)) => Some((self.times[left], right)),
            (Some(left), None) => Some((self.times[left], self.times[left])),
            (None, Some(&right)) => Some((right, right)),
            (None, None) => None,
        }
    }
}
