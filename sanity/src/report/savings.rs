//! What of a traced program's memory could be saved, and by what: advice only where a
//! number supports it.

use common::input::Document;
use common::job::Job;
use common::memory::{self, Peak};
use common::notes::Seconds;
use common::text::counted;
use common::units::human_bytes;
use serde::Serialize;

use super::Part;
use super::memory::{Memory, moment};
use super::snapshot::{MAPPED, Snapshot};

/// What is less than this share of the peak of held memory is not worth advice.
const WORTH: f64 = 0.05;
/// Nor is what is less than this many bytes.
const WORTH_BYTES: u64 = 64 << 10;
/// What lasts less than this share of the run is told last.
const LASTING: f64 = 0.1;

/// By what memory could be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// Blocks of a class that keep pages: freed earlier, or allocated apart.
    Pins,
    /// Pages without a block: given back by `malloc_trim` or a lower trim threshold.
    Trim,
    /// Large blocks that left holes in a heap: given mappings of their own.
    MmapThreshold,
    /// Arenas that each keep memory of their own: fewer of them.
    ArenaMax,
    /// Bytes that the allocator set aside and nobody asked for: another allocator.
    Allocator,
    /// A better placement of all blocks.
    Placement,
}

/// What could be saved, and by what.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Saving {
    /// By what.
    pub by: Remedy,
    /// Bytes, and their share of the peak of held memory.
    #[serde(flatten)]
    pub part: Part,
    /// It is there for less than a tenth of the run, as far as notes tell.
    pub brief: bool,
    /// The same for people.
    pub text: String,
}

/// What could be saved of a program's memory. O(n log n).
pub(super) fn find(
    told: &Memory,
    document: &Document,
    memory: &memory::Memory,
    internal: Part,
) -> Vec<Saving> {
    let seconds = &told.seconds;
    let mut savings = Savings::new(document, memory, seconds);
    if let Some(pin) = told.pins.first() {
        let text = format!(
            "that {} of {} keep {}, in pages that hold little else: free those blocks \
             earlier, or allocate them apart from the others",
            counted(pin.blocks, "block"),
            pin.sizes(),
            savings.when(memory.peak_pinned),
        );
        savings.add(Remedy::Pins, pin.bytes, text);
    }
    let text = "at the peak that the allocator set aside and nobody asked for: use sizes \
                that fill its classes, or an allocator with finer ones";
    savings.add(Remedy::Allocator, internal.bytes, text.to_owned());
    // What was never touched is nobody's loss, and what was inherited is not known.
    let placement = told.peak_touched.saturating_sub(told.least);
    let text = "at the peak, at most, by a better placement of the same blocks: idealloc \
                tells how much of it";
    savings.add(Remedy::Placement, placement, text.to_owned());
    savings.add_arenas(&Snapshot::at(document, memory, memory.peak_held));
    let lasting = lasting(memory, seconds);
    let empty = savings.add_empty(&Snapshot::at(document, memory, lasting), lasting);
    savings
        .list
        .sort_by_key(|saving| std::cmp::Reverse(saving.part.bytes));
    let lasts = savings.list.len();
    if memory.peak_idle.bytes / 2 > empty {
        let brief = Snapshot::at(document, memory, memory.peak_idle);
        if brief.empty / 2 > empty {
            savings.add_empty(&brief, memory.peak_idle);
        }
    }
    for brief in &mut savings.list[lasts..] {
        brief.brief = true;
        brief.text.push_str("; briefly, as far as notes tell");
    }
    savings.list
}

/// Savings as they are found.
struct Savings<'a> {
    document: &'a Document,
    memory: &'a memory::Memory,
    seconds: &'a Seconds,
    /// The allocator looks like glibc's.
    glibc: bool,
    list: Vec<Saving>,
}

impl<'a> Savings<'a> {
    fn new(document: &'a Document, memory: &'a memory::Memory, seconds: &'a Seconds) -> Self {
        Savings {
            document,
            memory,
            seconds,
            glibc: is_glibc(document.problem.jobs()),
            list: Vec::new(),
        }
    }

    /// An instant in words, and whether it is not that of the peak of held memory.
    fn when(&self, peak: Peak) -> String {
        let after = match peak.time > self.memory.peak_held.time {
            true => ", after the peak",
            false => "",
        };
        format!("{}{after}", moment(peak.time, self.seconds))
    }

    /// Adds a saving if it is worth it; the text goes on after the bytes.
    fn add(&mut self, by: Remedy, bytes: u64, text: String) {
        let part = Part::of(bytes, self.memory.peak_held.bytes);
        if part.share >= WORTH && bytes >= WORTH_BYTES {
            let share = 100.0 * part.share;
            let bytes = human_bytes(bytes);
            let text = format!("{bytes} ({share:.0} % of peak held) {text}");
            let brief = false;
            self.list.push(Saving {
                by,
                part,
                brief,
                text,
            });
        }
    }

    /// What arenas beside the largest keep free at a moment.
    fn add_arenas(&mut self, then: &Snapshot) {
        if !self.glibc || then.arenas.len() < 2 {
            return;
        }
        let rest: u64 = then.arenas[1..].iter().sum();
        let text = format!(
            "free at the peak in {} beside the largest: with M_ARENA_MAX set to 1 all threads \
             share one",
            counted(then.arenas.len() - 1, "arena"),
        );
        self.add(Remedy::ArenaMax, rest, text);
    }

    /// What the allocator keeps of a moment's pages though no block lies in them; says
    /// how many bytes those are.
    fn add_empty(&mut self, then: &Snapshot, peak: Peak) -> u64 {
        let when = self.when(peak);
        let large = large_in_heaps(self.document, peak.time);
        let count = large.len();
        let left = if self.glibc { then.left_by(large) } else { 0 };
        if left > then.empty / 2 {
            let text = format!(
                "in pages without a block {when}, where {} of 128 KiB and more lay in heaps: \
                 with M_MMAP_THRESHOLD set to 131072 each has a mapping that ends with it",
                counted(count, "block"),
            );
            self.add(Remedy::MmapThreshold, left, text);
        } else {
            let by = match (self.glibc, then.top > then.empty / 2) {
                (true, true) => "malloc_trim(0), or a lower M_TRIM_THRESHOLD, gives them back",
                (true, false) => {
                    "malloc_trim(0) gives them back; no threshold does, as blocks lie above them"
                }
                (false, _) => "let the allocator purge them sooner",
            };
            let text = format!("in pages without a block {when}: {by}");
            self.add(Remedy::Trim, then.empty, text);
        }
        then.empty
    }
}

/// An instant at which as much was pinned as for a tenth of the run, in seconds where they
/// are known, and else on the logical clock. A span counts for what was pinned both at
/// its start and at its end: a program that frees all does so at one tick.
fn lasting(memory: &memory::Memory, seconds: &Seconds) -> Peak {
    let at = |time: u64| seconds.at(time).unwrap_or(time as f64);
    let mut start = Peak {
        before_birth: true,
        ..Peak::default()
    };
    let mut spans: Vec<(Peak, f64)> = Vec::new();
    for pair in memory.moments.windows(2) {
        let end = Peak {
            bytes: pair[0].pinned,
            time: pair[1].time,
            before_birth: true,
        };
        let less = if start.bytes < end.bytes { start } else { end };
        spans.push((less, at(pair[1].time) - at(pair[0].time)));
        start = end;
    }
    spans.sort_by_key(|(peak, _)| (std::cmp::Reverse(peak.bytes), peak.time));
    let all: f64 = spans.iter().map(|span| span.1).sum();
    let mut seen = 0.0;
    let found = spans.iter().find(|span| {
        seen += span.1;
        seen >= LASTING * all
    });
    found.map_or(Peak::default(), |span| span.0)
}

/// Whether the blocks look like glibc's: those in its heaps use all but the first word
/// of a chunk, whose size is a multiple of 16.
fn is_glibc(jobs: &[Job]) -> bool {
    let small = || jobs.iter().filter(|job| job.size < MAPPED);
    let like = small().filter(|job| job.size % 16 == 8).count();
    like * 10 > small().count() * 9
}

/// Where blocks from 128 KiB on lay in a heap of glibc's, and in no mapping of their
/// own, that are gone by an instant.
fn large_in_heaps(document: &Document, time: u64) -> Vec<(u64, u64)> {
    let Some(placement) = &document.placement else {
        return Vec::new();
    };
    let jobs = document.problem.jobs().iter().zip(&placement.offsets);
    let large =
        jobs.filter(|(job, _)| job.size >= MAPPED && job.size % 16 == 8 && job.death <= time);
    let range = |(job, &offset): (&Job, &u64)| {
        let low = job.heap.saturating_add(offset);
        (low, low.saturating_add(job.size))
    };
    large.map(range).collect()
}
