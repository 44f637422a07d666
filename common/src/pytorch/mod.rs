//! Snapshots of PyTorch's caching allocator for a GPU: the pickles that
//! `torch.cuda.memory._dump_snapshot("snapshot.pickle")` writes of what
//! `torch.cuda.memory._record_memory_history()` recorded.
//!
//! The value is a dictionary. `device_traces` has a list of events for each device;
//! `segments` has what is taken from the devices when the snapshot is taken, each with its
//! blocks. Read are the events `alloc`, `free_completed`, `segment_alloc`, `segment_free`,
//! `segment_map` and `segment_unmap`; the others change no memory. The pickle is read by a
//! machine that executes nothing (`pickle.rs`).
//!
//! **Jobs.** A block is a job, from its `alloc` to its `free_completed`: until then a stream
//! may still use it. The clock counts the events of the device from 1 on; what was there
//! before is born at 0, and what is not freed dies one tick after the last event. An event
//! tells the bytes that were asked for; the size is that rounded up to 512 bytes, as the
//! allocator does, and 512 is the alignment. Ids number the jobs from 0, those that were
//! there before first.
//!
//! **Placement.** A job lies where PyTorch had it: its heap is the address of its segment,
//! its offset the distance from there. What PyTorch leaves unused behind a block, and the
//! caches of free blocks, are what a segment holds beside its jobs.
//!
//! **What a history lacks.** It is a ring, and begins when it is switched on. A block that
//! is freed and was never allocated, and one in use at the end that no event tells of, was
//! there from the start. So were the segments that are left when all events are undone.
//! In the time that the history covers, nothing is missing.
//!
//! O(n log n) for n bytes in the worst case; memory is about 100 bytes an event.

mod bytes;
mod course;
mod objects;
mod pickle;
mod reserved;
mod snapshot;

use std::io::Read;

use crate::error::{FormatError, Place};
use crate::job::Job;
use crate::lifetimes::Account;
use crate::memory::{Ledger, Memory};
use crate::notes::Notes;
use crate::row::{Row, Rows};
use crate::text::counted;
use crate::units::human_bytes;

use self::course::{Course, Oddities, course, lifetimes, rounded, time_of, times};
use self::reserved::Reserved;
use self::snapshot::{Block, Kind, Snapshot};

/// Bytes to which the allocator rounds sizes, and to which its blocks are aligned.
const ALIGNMENT: u64 = 512;

/// The jobs of one device, in the order of their births.
#[derive(Debug)]
pub struct Reader {
    snapshot: Snapshot,
    /// When the block of each event dies that allocates one.
    deaths: Vec<u32>,
    /// Blocks that were there before the first event.
    before: Vec<Block>,
    /// What is reserved where the reader stands.
    reserved: Reserved,
    next_before: usize,
    next_event: usize,
    id: u64,
    course: Course,
    oddities: Oddities,
}

impl Reader {
    /// Reads `input`, which needs no buffering of its own, to its end: the events of the
    /// device of this number, or of the only one that has events.
    ///
    /// # Errors
    /// [`FormatError`] with the byte or the entry of what is not as it should be; where no
    /// device has events, or several have and none is chosen.
    pub fn new(
        input: impl Read,
        device: Option<u64>,
        account: Account,
    ) -> Result<Reader, FormatError> {
        let (value, objects) = pickle::read(input)?;
        let mut snapshot = snapshot::of(value, &objects, device)?;
        drop(objects);
        let mut oddities = Oddities::default();
        let (deaths, before) = lifetimes(&mut snapshot, &mut oddities)?;
        let reserved = Reserved::before(&snapshot.events, &snapshot.segments);
        let ledger = match account {
            Account::None => None,
            Account::Peaks => Some(Ledger::default()),
            Account::History => Some(Ledger::with_history()),
        };
        let course = course(&snapshot.events, &before, &reserved, ledger);
        Ok(Reader {
            snapshot,
            deaths,
            before,
            reserved,
            next_before: 0,
            next_event: 0,
            id: 0,
            course,
            oddities,
        })
    }

    fn row(&mut self, block: Block, birth: u64, entry: u64) -> Row {
        let base = self.reserved.base_of(block.address);
        self.oddities.outside += u64::from(base.is_none());
        let heap = base.unwrap_or(0);
        let mut job = Job::new(self.id, birth, block.death, rounded(block.requested));
        (job.requested, job.alignment, job.heap) = (block.requested, ALIGNMENT, heap);
        self.id += 1;
        Row {
            job,
            offset: Some(block.address - heap),
            place: Place::Entry(entry),
            unknown: Vec::new(),
        }
    }
}

impl Rows for Reader {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        if let Some(&block) = self.before.get(self.next_before) {
            self.next_before += 1;
            return Ok(Some(self.row(block, 0, 0)));
        }
        while let Some(&event) = self.snapshot.events.get(self.next_event) {
            let number = self.next_event;
            self.next_event += 1;
            match event.kind {
                Kind::Alloc => {
                    let block = Block {
                        address: event.address,
                        requested: event.size,
                        death: self.deaths[number].into(),
                    };
                    return Ok(Some(self.row(block, time_of(number), number as u64)));
                }
                _ => self.reserved.follow(&event),
            }
        }
        Ok(None)
    }

    fn trace_notes(&mut self) -> Option<Notes> {
        Some(times(&self.snapshot.events))
    }

    fn memory(&mut self) -> Option<Memory> {
        self.course.memory.take()
    }

    fn notes(&self) -> Vec<String> {
        let snapshot = &self.snapshot;
        let mut notes = vec![self.summary()];
        if !self.before.is_empty() {
            notes.push(format!(
                "{} live from the start: in use before the first event",
                counted(self.before.len(), "block")
            ));
        }
        let apart: Vec<String> = [
            (snapshot.streams > 1).then(|| counted(snapshot.streams, "stream")),
            (snapshot.pools > 0).then(|| counted(snapshot.pools, "private pool")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !apart.is_empty() {
            notes.push(format!(
                "{}: PyTorch keeps their blocks apart, and the jobs may share memory",
                apart.join(" and ")
            ));
        }
        let oddities = &self.oddities;
        for (count, noun, what) in [
            (
                oddities.overwritten,
                "block",
                "allocated where one was live: the old one ends there",
            ),
            (
                oddities.unborn,
                "block",
                "freed, or in use at the end, without an allocation since its last free: passed over",
            ),
            (oddities.outside, "block", "in no segment that is told"),
            (
                snapshot.unknown,
                "event",
                "of a kind that is not known: passed over",
            ),
        ] {
            if count > 0 {
                notes.push(format!("{} {what}", counted(count, noun)));
            }
        }
        notes
    }

    fn has_unique_ids(&self) -> bool {
        true
    }
}

impl Reader {
    /// What was reserved, and how much of it was needed.
    fn summary(&self) -> String {
        let device = self.snapshot.device;
        let events = counted(self.snapshot.events.len(), "event");
        let Course {
            reserved,
            allocated,
            ..
        } = self.course;
        if reserved == 0 {
            return format!(
                "device {device}: {events}; allocated {allocated} bytes ({}) at most",
                human_bytes(allocated)
            );
        }
        let waste = reserved.saturating_sub(allocated) as f64 / reserved as f64;
        format!(
            "device {device}: {events}; reserved {reserved} bytes ({}) at most, allocated \
             {allocated} bytes ({}) at most: {:.1} % of what was reserved is waste",
            human_bytes(reserved),
            human_bytes(allocated),
            100.0 * waste
        )
    }
}
