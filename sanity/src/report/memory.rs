//! What a traced program's memory was: peaks, what keeps memory from the system, and
//! what could be saved.

use common::input::Document;
use common::memory::Peak;
use common::notes::{Coverage, Seconds};
use common::text::counted;
use serde::{Serialize, Serializer};

use super::savings::{self, Saving};
use super::snapshot::{Kept, Snapshot};
use super::timeline::share;
use super::{Part, Process, classes};

/// Pins that are listed.
const PINS: usize = 20;
/// Notes of the time that are no more seconds apart tell an instant.
const NEAR: f64 = 0.02;

/// What a traced program's memory was. Times are on the logical clock.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Memory {
    /// The most usable bytes of live blocks: LOAD.
    pub peak_live: u64,
    /// When.
    pub peak_live_time: u64,
    /// The same in seconds since the start, where notes tell the time.
    pub peak_live_seconds: Option<f64>,
    /// The most bytes that were requested and live.
    pub peak_requested: u64,
    /// The most bytes held from the system.
    pub peak_held: u64,
    /// When.
    pub peak_held_time: u64,
    /// In seconds.
    pub peak_held_seconds: Option<f64>,
    /// Bytes of it that were there before the first event: in a forked child, with its
    /// parent's blocks.
    pub inherited: u64,
    /// The most bytes of touched pages.
    pub peak_touched: u64,
    /// When.
    pub peak_touched_time: u64,
    /// In seconds.
    pub peak_touched_seconds: Option<f64>,
    /// The most bytes that were touched and not live.
    pub peak_pinned: u64,
    /// When.
    pub peak_pinned_time: u64,
    /// In seconds.
    pub peak_pinned_seconds: Option<f64>,
    /// The lower bound on any placement of these blocks, alignment counted.
    pub least: u64,
    /// The most resident bytes of the process, where a note tells them.
    pub resident_peak: Option<u64>,
    /// Integral of held over integral of live.
    pub held_over_live: f64,
    /// At the end of the trace: usable bytes of live blocks.
    pub end_live: u64,
    /// At the end: held bytes.
    pub end_held: u64,
    /// At the end: touched bytes.
    pub end_touched: u64,
    /// Who keeps the pages that are mostly free, when most was pinned: the most first.
    pub pins: Vec<Pin>,
    /// Then: free bytes of mostly free pages that several classes keep together.
    pub pinned_together: u64,
    /// Then: bytes of touched pages without any block.
    pub empty_pages: u64,
    /// What could be saved, the most first; empty where there is nothing to gain.
    pub savings: Vec<Saving>,
    /// How much of the memory the trace knows.
    #[serde(serialize_with = "as_a_word")]
    pub coverage: Coverage,
    /// It ends before the process did, which may have had more in memory.
    #[serde(skip)]
    pub(super) has_no_end: bool,
    /// Why it does not know all.
    #[serde(skip)]
    pub(super) partial: Vec<String>,
    #[serde(skip)]
    pub(super) seconds: Seconds,
}

/// What the blocks of a size class alone keep.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Pin {
    /// The class of the requested sizes, by its largest.
    pub class: u64,
    /// The smallest requested size among the blocks.
    pub smallest: u64,
    /// The largest.
    pub largest: u64,
    /// The blocks, all in pages that are mostly free and hold no other class.
    pub blocks: u64,
    /// The free bytes of those pages.
    pub bytes: u64,
}

impl Pin {
    /// The sizes of its blocks, in words.
    pub fn sizes(&self) -> String {
        match (self.smallest, self.largest) {
            (one, other) if one == other => counted(one, "byte"),
            (one, other) => format!("{one} to {other} bytes"),
        }
    }
}

impl Memory {
    /// Measures; `least` is the lower bound. O(n log n).
    pub(super) fn new(document: &Document, internal: Part, least: u64) -> Option<Memory> {
        let memory = document.memory.as_ref()?;
        let seconds = Seconds::new(&document.trace_notes);
        let resident = document.trace_notes.resident();
        let pinned = Snapshot::at(document, memory, memory.peak_pinned);
        let unseen = document.trace.map(|trace| trace.unseen).unwrap_or_default();
        let at = |peak: Peak| seconds.at(peak.time);
        let mut told = Memory {
            peak_live: memory.peak_live.bytes,
            peak_live_time: memory.peak_live.time,
            peak_live_seconds: at(memory.peak_live),
            peak_requested: memory.peak_requested.bytes,
            peak_held: memory.peak_held.bytes,
            peak_held_time: memory.peak_held.time,
            peak_held_seconds: at(memory.peak_held),
            inherited: memory.inherited,
            peak_touched: memory.peak_touched.bytes,
            peak_touched_time: memory.peak_touched.time,
            peak_touched_seconds: at(memory.peak_touched),
            peak_pinned: memory.peak_pinned.bytes,
            peak_pinned_time: memory.peak_pinned.time,
            peak_pinned_seconds: at(memory.peak_pinned),
            least,
            resident_peak: resident.iter().map(|told| told.most.max(told.bytes)).max(),
            held_over_live: share(memory.held_area as f64, memory.live_area as f64),
            end_live: memory.end.usable,
            end_held: memory.end.held,
            end_touched: memory.end.touched,
            pins: pins(&pinned),
            pinned_together: pinned.shared,
            empty_pages: pinned.empty,
            savings: Vec::new(),
            coverage: document.trace_notes.coverage(),
            has_no_end: document.trace_notes.has_no_end(),
            partial: document.trace_notes.partial_with(unseen),
            seconds: seconds.clone(),
        };
        told.savings = savings::find(&told, document, memory, internal);
        Some(told)
    }

    /// What is said of a peak.
    pub(super) fn bound(&self) -> &'static str {
        match self.coverage {
            Coverage::Whole => "",
            Coverage::AtLeast => " at least,",
            Coverage::Recorded => " recorded,",
        }
    }

    /// An instant in words.
    pub(super) fn when(&self, time: u64) -> String {
        moment(time, &self.seconds)
    }
}

/// The name of a coverage in the JSON.
fn as_a_word<S: Serializer>(coverage: &Coverage, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(match coverage {
        Coverage::Whole => "whole",
        Coverage::AtLeast => "at_least",
        Coverage::Recorded => "recorded",
    })
}

/// An instant in words: in seconds where notes tell the time, as near as they do.
pub(super) fn moment(time: u64, seconds: &Seconds) -> String {
    let Some((from, to)) = seconds.between(time) else {
        return format!("at time {time}");
    };
    match to - from <= NEAR {
        true => format!("at {:.3} s", seconds.at(time).unwrap_or(from)),
        false => format!("between {from:.3} and {to:.3} s"),
    }
}

fn pins(snapshot: &Snapshot) -> Vec<Pin> {
    let told = |(&class, kept): (&usize, &Kept)| Pin {
        class: classes::class(class).to,
        smallest: kept.smallest,
        largest: kept.largest,
        blocks: kept.blocks,
        bytes: kept.bytes,
    };
    let mut pins: Vec<Pin> = snapshot.pins.iter().map(told).collect();
    pins.sort_by_key(|pin| (std::cmp::Reverse(pin.bytes), pin.class));
    pins.truncate(PINS);
    pins
}

/// What the program is, where notes tell it.
pub(super) fn process(document: &Document) -> Option<Process> {
    let notes = &document.trace_notes;
    let process = notes.process();
    if process.is_none() && notes.command().is_empty() && notes.partial().is_empty() {
        return None;
    }
    Some(Process {
        id: process.map(|process| process.id),
        parent: process.map(|process| process.parent),
        command: notes.command(),
        seconds: notes.times().last().map(|&(_, since)| since as f64 / 1e9),
        partial: notes.partial(),
    })
}
