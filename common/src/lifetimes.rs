//! From events to jobs: the lifetimes of a traced program's blocks.
//!
//! The logical clock counts bytes requested so far: an allocation is born at
//! the current clock, which then advances by its requested size, or by 1 where
//! that is 0. (On the other clock, [`Clock::Events`], each allocation advances
//! it by 1: the same jobs conflict, as the clock advances at the same events.)
//! A free takes effect at the current clock and does not advance
//! it. Blocks never freed die at the clock's final value. A `realloc` of a
//! live block ends the old job and begins a new one. Ids number the
//! allocations from 0.
//!
//! A free of an unknown block changes nothing, and a block that is allocated where one
//! is live ends that one. Where the trace says that calls pass the tracer by, such births
//! and ends were not seen ([`Unseen`]); anywhere else they are anomalies.
//!
//! Streaming: memory grows with the jobs live at once. O(1) an event, unless
//! blocks lie far apart (see `blocks`).

mod blocks;

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;

use rustc_hash::FxHashSet;

use crate::error::{FormatError, Place};
use crate::job::{Job, JobId, MAX_VALUE};
use crate::memory::{Ledger, LiveBlock, Memory};
use crate::notes::Notes;
use crate::row::{Row, Rows};
use crate::text::counted;
use crate::trace::{Block, Call, Event, Note, Reader};

pub use crate::anomaly::{Anomalies, Anomaly, Count, TraceSummary, Unseen};

use self::blocks::{Blocks, Extent};

/// A tracer that ends tells the time, and cuts the room off that is not used. Should calls
/// come later, no more room than this is left, bytes …
const UNUSED_ROOM: u64 = 16 << 10;
/// … and no more events come than find place in it.
const LATE_EVENTS: u64 = 1024;

/// How many threads are remembered as met lately.
const MET: usize = 64;

/// The alignment that `malloc`, `calloc` and `realloc` guarantee on 64-bit Linux.
pub const MALLOC_ALIGNMENT: u64 = 16;

/// What the logical clock of the jobs counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Bytes requested: an allocation advances it by its requested size, at least 1.
    #[default]
    Bytes,
    /// Allocations: each advances it by 1.
    Events,
}

/// What the size of a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Size {
    /// What the allocator set aside.
    #[default]
    Usable,
    /// What the program asked for, at least 1: what a perfect allocator would need.
    Requested,
}

/// How jobs are made of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What the clock counts; bytes, unless said otherwise.
    pub clock: Clock,
    /// What sizes are; usable ones, unless said otherwise.
    pub size: Size,
    /// What of the program's memory is kept account of.
    pub account: Account,
}

/// What of a program's memory is kept account of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Account {
    /// Nothing.
    #[default]
    None,
    /// Its peaks and its course, in memory that grows with the blocks live at once.
    Peaks,
    /// The lives of regions and of touched pages, too.
    History,
}

#[derive(Clone, Copy)]
struct Live {
    id: u64,
    birth: u64,
    requested: u64,
    usable: u64,
    alignment: u64,
    mapping_base: u64,
    at: u64,
}

/// A block that is live no more.
#[derive(Clone, Copy)]
struct Ended {
    pointer: u64,
    live: Live,
    death: u64,
}

impl Extent for Live {
    fn size(&self) -> u64 {
        self.usable.max(self.requested).max(1)
    }
}

impl Live {
    fn block(&self, pointer: u64) -> LiveBlock {
        LiveBlock {
            address: pointer,
            usable: self.size(),
            requested: self.requested,
            base: self.mapping_base,
        }
    }
}

/// Regions whose pages were given back, which wait to be looked at together: a look costs
/// as much as there are live blocks, and so one waits for as many events since the last.
#[derive(Default)]
struct Trim {
    bases: BTreeSet<u64>,
    events: u64,
}

/// The jobs of a trace, each as it ends; those never freed at the end, by id.
pub struct Lifetimes<R> {
    events: Reader<R>,
    options: Options,
    /// Disjoint.
    live: Blocks<Live>,
    clock: u64,
    /// Jobs that have ended and were not given out yet.
    ended: VecDeque<Ended>,
    at_end: bool,
    summary: TraceSummary,
    notes: Notes,
    /// Calls pass the tracer by from here on.
    pass_by: bool,
    /// Events before the last note of the time.
    timed: Option<u64>,
    ledger: Option<Box<Ledger>>,
    memory: Option<Memory>,
    trim: Trim,
    /// Where the last record ends.
    used: u64,
    threads: FxHashSet<u64>,
    /// Threads met lately, each where its id says: a look here spares most
    /// looks into the set.
    met_threads: [u64; MET],
}

impl<R: Read> Lifetimes<R> {
    /// The jobs of the trace in `input`, which needs no buffering of its own.
    pub fn new(input: R) -> Self {
        Lifetimes::with_options(input, Options::default())
    }

    /// The same with another clock, or other sizes.
    pub fn with_options(input: R, options: Options) -> Self {
        Lifetimes {
            events: Reader::new(input),
            options,
            live: Blocks::default(),
            clock: 0,
            ended: VecDeque::new(),
            at_end: false,
            summary: TraceSummary::default(),
            notes: Notes::default(),
            pass_by: false,
            timed: None,
            ledger: match options.account {
                Account::None => None,
                Account::Peaks => Some(Box::default()),
                Account::History => Some(Box::new(Ledger::with_history())),
            },
            memory: None,
            trim: Trim::default(),
            used: 0,
            threads: FxHashSet::default(),
            // What belongs elsewhere stands for nothing.
            met_threads: std::array::from_fn(|place| place as u64 + 1),
        }
    }

    /// What was met so far; complete once the last job was given out.
    pub fn summary(&self) -> &TraceSummary {
        &self.summary
    }

    /// What the notes told so far.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// What the program's memory was, where account of it was kept; there once the last
    /// job was given out.
    pub fn take_memory(&mut self) -> Option<Memory> {
        self.memory.take()
    }

    /// Reads to the end and gives out no job: for those who want the account only.
    ///
    /// # Errors
    /// As [`Rows::next_row`].
    pub fn read_out(&mut self) -> Result<(), FormatError> {
        while let Some(event) = self.events.next_event()? {
            self.apply(&event)?;
            self.ended.clear();
        }
        self.finish();
        self.ended.clear();
        Ok(())
    }

    #[cold]
    fn take_note(&mut self, note: Note) {
        self.notes.add(self.clock, note);
        match note {
            Note::Partial { reason: 1 } => self.pass_by = true,
            Note::Time { .. } => self.timed = Some(self.summary.events),
            _ => {}
        }
        if let Note::Extent {
            base,
            end,
            given_back,
        } = note
            && let Some(ledger) = &mut self.ledger
        {
            ledger.told(self.clock, base, end);
            if given_back > 0 {
                self.trim.bases.insert(base);
            }
        }
    }

    /// Looks at the regions that were trimmed, if it is time to.
    #[cold]
    fn look_at_trim(&mut self, at_end: bool) {
        let due = self.summary.events - self.trim.events >= self.live.len() as u64;
        if !due && !at_end {
            return;
        }
        let bases = std::mem::take(&mut self.trim.bases);
        self.trim.events = self.summary.events;
        if let Some(ledger) = &mut self.ledger {
            let live = self.live.iter();
            let live = live.map(|(&address, block)| (address, block.size()));
            ledger.trimmed(self.clock, bases, live);
        }
    }

    #[inline]
    fn count_thread(&mut self, thread: u64) {
        let met = &mut self.met_threads[thread as usize % MET];
        if *met != thread {
            *met = thread;
            self.threads.insert(thread);
            self.summary.threads = self.threads.len() as u64;
        }
    }

    /// What a free ends is given back, as most events are one; what others end
    /// waits in line.
    fn apply(&mut self, event: &Event) -> Result<Option<Ended>, FormatError> {
        let at = event.at;
        self.used = at + event.call.kind().record_len() as u64;
        if Note::is(&event.call) {
            if let Some(note) = Note::of(&event.call) {
                self.take_note(note);
            }
            return Ok(None);
        }
        // Notes of one trim stand together, and before what comes next.
        if !self.trim.bases.is_empty() {
            self.look_at_trim(false);
        }
        self.summary.events += 1;
        self.count_thread(event.call.thread());
        match event.call {
            Call::Malloc { requested, block } => {
                self.allocate(at, requested, MALLOC_ALIGNMENT, block)?;
            }
            Call::Calloc {
                count,
                element_size,
                block,
            } => {
                let requested = count.checked_mul(element_size).ok_or_else(|| {
                    let what = format!("calloc of {count} times {element_size} bytes overflows");
                    FormatError::malformed(Place::Byte(at), what)
                });
                match requested {
                    Err(_) if block.pointer == 0 => {}
                    requested => self.allocate(at, requested?, MALLOC_ALIGNMENT, block)?,
                }
            }
            Call::AlignedAlloc {
                alignment,
                requested,
                block,
            }
            | Call::Memalign {
                alignment,
                requested,
                block,
            }
            | Call::PosixMemalign {
                alignment,
                requested,
                block,
                ..
            } => self.allocate(at, requested, alignment.max(1), block)?,
            Call::Free { pointer, .. } => {
                let ended = self.end(pointer);
                if ended.is_none() && pointer != 0 {
                    self.miss_birth(Anomaly::UnknownFree, at);
                }
                return Ok(ended);
            }
            Call::Realloc {
                old,
                requested,
                block,
            } => {
                if block.pointer != 0 && old != 0 {
                    match self.end(old) {
                        Some(ended) => self.ended.push_back(ended),
                        None => self.miss_birth(Anomaly::UnknownRealloc, at),
                    }
                }
                self.allocate(at, requested, MALLOC_ALIGNMENT, block)?;
            }
        }
        Ok(None)
    }

    fn allocate(
        &mut self,
        at: u64,
        requested: u64,
        alignment: u64,
        block: Block,
    ) -> Result<(), FormatError> {
        let Block {
            pointer,
            usable,
            mapping_base,
            ..
        } = block;
        if pointer == 0 {
            return Ok(());
        }
        self.end_overlapping(at, pointer, usable.max(requested).max(1));
        if usable < requested {
            self.summary
                .anomalies
                .add(Anomaly::UsableBelowRequested, at);
        }
        let mapping_base = if mapping_base > pointer {
            self.summary.anomalies.add(Anomaly::BelowMapping, at);
            pointer
        } else {
            mapping_base
        };
        let alignment = true_alignment(alignment, pointer);
        let birth = self.clock;
        self.clock = birth
            .checked_add(match self.options.clock {
                Clock::Bytes => requested.max(1),
                Clock::Events => 1,
            })
            .filter(|&clock| clock <= MAX_VALUE)
            .ok_or_else(|| {
                let bytes = counted(requested, "byte");
                let what = format!("{bytes} requested: the sum of all requests passes 2^63 - 1");
                FormatError::malformed(Place::Byte(at), what)
            })?;
        let id = self.summary.allocations;
        self.summary.allocations += 1;
        let live = Live {
            id,
            birth,
            requested,
            usable,
            alignment,
            mapping_base,
            at,
        };
        if let Some(ledger) = &mut self.ledger {
            ledger.born(birth, &live.block(pointer));
        }
        self.live.insert(pointer, live);
        Ok(())
    }

    /// Ends every block that shares an address with a new one.
    fn end_overlapping(&mut self, at: u64, pointer: u64, size: u64) {
        while let Some(other) = self.live.overlapped(pointer, size) {
            let Some(ended) = self.end(other) else { break };
            self.ended.push_back(ended);
            match self.pass_by {
                true => self.summary.unseen.ends += 1,
                false => self.summary.anomalies.add(Anomaly::AllocatedWhileLive, at),
            }
        }
    }

    /// A call is about a block whose birth the trace does not have.
    #[cold]
    fn miss_birth(&mut self, anomaly: Anomaly, at: u64) {
        match self.pass_by {
            true => self.summary.unseen.births += 1,
            false => self.summary.anomalies.add(anomaly, at),
        }
    }

    /// Ends the block at `pointer`, if one is live.
    fn end(&mut self, pointer: u64) -> Option<Ended> {
        let live = self.live.remove(pointer)?;
        let death = self.clock;
        if let Some(ledger) = &mut self.ledger {
            ledger.died(death, &live.block(pointer));
        }
        Some(Ended {
            pointer,
            live,
            death,
        })
    }

    fn finish(&mut self) {
        self.at_end = true;
        let unused = self.events.position().saturating_sub(self.used);
        // Of zeros only, the tracer had come no further.
        let is_ours = !self.notes.is_empty() || self.summary.events == 0;
        let events = self.summary.events;
        let is_late = self
            .timed
            .is_some_and(|timed| events - timed <= LATE_EVENTS);
        let is_left = unused > UNUSED_ROOM || unused > 0 && !is_late;
        // Where tracing stopped, that is why.
        if is_ours && is_left && !self.notes.has_stopped() {
            self.notes.is_left_unfinished();
        }
        if !self.trim.bases.is_empty() {
            self.look_at_trim(true);
        }
        let ledger = self.ledger.take();
        self.memory = ledger.map(|ledger| ledger.finish(self.clock));
        if let Some(cut) = self.events.cut() {
            self.summary.anomalies.add(Anomaly::CutRecord, cut.at);
        }
        if let Some(at) = self.events.compression_cut_at() {
            self.summary.anomalies.add(Anomaly::CutCompression, at);
        }
        self.summary.never_freed = self.live.len() as u64;
        let mut rest: Vec<_> = self.live.take_all().into_iter().collect();
        rest.sort_unstable_by_key(|(_, live)| live.id);
        let death = self.clock;
        self.ended
            .extend(rest.into_iter().map(|(pointer, live)| Ended {
                pointer,
                live,
                death,
            }));
    }
}

/// The alignment that a block at an address was given, where that is not what
/// was asked for: glibc rounds an alignment up to a power of two, and other
/// allocators align small blocks to less than 16.
fn true_alignment(asked: u64, pointer: u64) -> u64 {
    if pointer.is_multiple_of(asked) {
        return asked;
    }
    match asked.checked_next_power_of_two() {
        Some(power) if pointer.is_multiple_of(power) => power,
        _ => 1 << pointer.trailing_zeros(),
    }
}

fn row(ended: Ended, size: Size) -> Row {
    let Ended {
        pointer,
        live,
        death,
    } = ended;
    Row {
        job: Job {
            id: JobId::Number(live.id),
            birth: live.birth,
            death,
            size: match size {
                Size::Usable => live.size(),
                Size::Requested => live.requested.max(1),
            },
            requested: live.requested,
            alignment: live.alignment,
            heap: live.mapping_base,
            extras: None,
        },
        offset: Some(pointer - live.mapping_base),
        place: Place::Byte(live.at),
        unknown: Vec::new(),
    }
}

impl<R: Read> Rows for Lifetimes<R> {
    fn trace(&self) -> Option<&TraceSummary> {
        Some(&self.summary)
    }

    fn trace_notes(&mut self) -> Option<Notes> {
        Some(std::mem::take(&mut self.notes))
    }

    fn memory(&mut self) -> Option<Memory> {
        self.take_memory()
    }

    fn has_unique_ids(&self) -> bool {
        true
    }

    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        loop {
            if let Some(ended) = self.ended.pop_front() {
                return Ok(Some(row(ended, self.options.size)));
            }
            if self.at_end {
                return Ok(None);
            }
            match self.events.next_event()? {
                Some(event) => {
                    if let Some(ended) = self.apply(&event)? {
                        return Ok(Some(row(ended, self.options.size)));
                    }
                }
                None => self.finish(),
            }
        }
    }
}
