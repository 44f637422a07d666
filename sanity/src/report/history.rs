//! What is known of a traced process beside its blocks and its memory, for the
//! pictures: what time it was, what was resident, and what keeps memory.

use common::input::Document;
use common::notes::Resident;

use super::{Pin, Report};

/// Blocks that keep memory which is mostly free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PinnedBy {
    /// What they have in common.
    pub label: String,
    /// How many there are.
    pub blocks: u64,
    /// Bytes that they keep.
    pub bytes: u64,
}

/// All of it; empty for files that are not from a trace.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Samples of the logical clock, in ticks, and of the time, in nanoseconds; by time.
    pub seconds: Vec<(u64, u64)>,
    /// Resident memory from each instant on, in bytes; by time.
    pub resident: Vec<(u64, u64)>,
    /// The least bytes that any placement needs.
    pub least: Option<u64>,
    /// What keeps most memory, the most first.
    pub pins: Vec<PinnedBy>,
}

impl History {
    /// What a document tells, and what was measured of it.
    pub fn new(document: &Document, report: &Report) -> History {
        let mut seconds = document.trace_notes.times();
        if seconds.first().is_some_and(|first| first.0 > 0) {
            seconds.insert(0, (0, 0));
        }
        let resident = resident(&document.trace_notes.resident());
        let memory = report.memory.as_ref();
        let pin = |pin: &Pin| PinnedBy {
            label: format!("blocks of {}", pin.sizes()),
            blocks: pin.blocks,
            bytes: pin.bytes,
        };
        History {
            seconds,
            resident,
            least: memory.map(|memory| memory.least),
            pins: memory.map_or(Vec::new(), |memory| memory.pins.iter().map(pin).collect()),
        }
    }
}

/// Resident bytes from each instant on. A look tells what was the most so far: where that
/// rose, it was reached after the look before.
fn resident(looks: &[Resident]) -> Vec<(u64, u64)> {
    let (mut before, mut most) = (0, 0);
    let mut course = Vec::new();
    for look in looks {
        let rose = look.most > most;
        most = most.max(look.most);
        course.push((before, if rose { look.most } else { look.bytes }));
        before = look.time;
    }
    course.extend(looks.last().map(|last| (last.time, last.bytes)));
    course
}

/// From the logical clock to what an axis shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock<'a> {
    samples: &'a [(u64, u64)],
}

impl<'a> Clock<'a> {
    pub(super) fn new(history: &'a History) -> Clock<'a> {
        // One sample alone gives no rate.
        let told = history.seconds.len() > 1
            && history.seconds.first().map(|first| first.1)
                < history.seconds.last().map(|last| last.1);
        Clock {
            samples: if told { &history.seconds } else { &[] },
        }
    }

    /// Whether the axis shows nanoseconds; ticks otherwise.
    pub(super) fn tells_time(&self) -> bool {
        !self.samples.is_empty()
    }

    /// Nanoseconds, between two samples in proportion; the tick itself where
    /// there are none.
    pub(super) fn at(&self, tick: u64) -> f64 {
        let next = self.samples.partition_point(|sample| sample.0 <= tick);
        match (
            next.checked_sub(1).map(|i| self.samples[i]),
            self.samples.get(next),
        ) {
            (Some(before), Some(after)) => {
                let share = (tick - before.0) as f64 / (after.0 - before.0) as f64;
                before.1 as f64 + share * (after.1.saturating_sub(before.1)) as f64
            }
            (Some(only), None) => only.1 as f64,
            (None, Some(only)) => only.1 as f64,
            (None, None) => tick as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_in_proportion_between_two_samples_and_stands_beyond_them() {
        let history = History {
            seconds: vec![(10, 0), (20, 1000), (20, 1500), (30, 1500)],
            ..History::default()
        };
        let clock = Clock::new(&history);
        let told = [0, 10, 15, 20, 25, 30, 99].map(|tick| clock.at(tick));
        assert_eq!(told, [0.0, 0.0, 500.0, 1500.0, 1500.0, 1500.0, 1500.0]);
        assert_eq!(Clock::new(&History::default()).at(7), 7.0);
    }
}
