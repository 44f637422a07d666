//! What the events of a device come to: lives of blocks, and the course of its memory.

use rustc_hash::FxHashMap;

use super::ALIGNMENT;
use super::objects::push;
use super::reserved::Reserved;
use super::snapshot::{Block, Event, Kind, Snapshot};
use crate::error::FormatError;
use crate::memory::{Ledger, LiveBlock, Memory};
use crate::notes::Notes;
use crate::trace::Note;

/// The times that are told at most; a millisecond apart at least.
const TIMES: u64 = 1 << 16;

/// The block of an address was freed, and none came since.
const GONE: u32 = u32::MAX;

/// The most that there was at once, in bytes, and what else the events came to.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) reserved: u64,
    pub(super) allocated: u64,
    pub(super) memory: Option<Memory>,
}

/// What is odd about a history.
#[derive(Debug, Default)]
pub(super) struct Oddities {
    /// Blocks that were allocated where one was live.
    pub(super) overwritten: u64,
    /// Blocks that were freed twice, or are in use at the end though they were freed.
    pub(super) unborn: u64,
    /// Blocks in no segment.
    pub(super) outside: u64,
}

/// The size of a block of which so much was asked for.
pub(super) fn rounded(requested: u64) -> u64 {
    requested.max(1).next_multiple_of(ALIGNMENT)
}

/// When an event happens.
pub(super) fn time_of(event: usize) -> u64 {
    event as u64 + 1
}

/// When the block of each event dies that allocates one, and the blocks that were there
/// before the first event.
pub(super) fn lifetimes(
    snapshot: &mut Snapshot,
    oddities: &mut Oddities,
) -> Result<(Vec<u32>, Vec<Block>), FormatError> {
    let events = &snapshot.events;
    // The events are fewer than 2^32 - 1.
    let end = time_of(events.len());
    let mut deaths: Vec<u32> = Vec::new();
    let mut before = Vec::new();
    let mut last: FxHashMap<u64, u32> = FxHashMap::default();
    for (number, event) in events.iter().enumerate() {
        push(&mut deaths, end as u32)?;
        let (address, time) = (event.address, time_of(number));
        match event.kind {
            Kind::Alloc => {
                let old = last.insert(address, number as u32);
                if let Some(old) = old.filter(|&old| old != GONE) {
                    oddities.overwritten += 1;
                    deaths[old as usize] = time as u32;
                }
            }
            Kind::Free => match last.insert(address, GONE) {
                Some(GONE) => oddities.unborn += 1,
                Some(born) => deaths[born as usize] = time as u32,
                None => push(
                    &mut before,
                    Block {
                        address,
                        requested: event.size,
                        death: time,
                    },
                )?,
            },
            _ => {}
        }
    }
    for block in std::mem::take(&mut snapshot.blocks) {
        match last.get(&block.address) {
            None => push(
                &mut before,
                Block {
                    death: end,
                    ..block
                },
            )?,
            Some(&GONE) => oddities.unborn += 1,
            Some(_) => {}
        }
    }
    before.sort_by_key(|block| block.address);
    Ok((deaths, before))
}

/// The state of the device's memory while its events go by.
#[derive(Debug)]
struct Replay {
    reserved: Reserved,
    /// The bytes that were asked for, by the address of a live block.
    live: FxHashMap<u64, u64>,
    allocated: u64,
    ledger: Option<Ledger>,
    course: Course,
}

impl Replay {
    fn born(&mut self, time: u64, address: u64, requested: u64) {
        self.died(time, address);
        self.live.insert(address, requested);
        // Odd ones may overlap.
        self.allocated = self.allocated.saturating_add(rounded(requested));
        self.course.allocated = self.course.allocated.max(self.allocated);
        if let Some(ledger) = &mut self.ledger {
            let base = self.reserved.base_of(address);
            ledger.born(time, &live_block(address, requested, base));
        }
    }

    fn died(&mut self, time: u64, address: u64) {
        let Some(requested) = self.live.remove(&address) else {
            return;
        };
        self.allocated = self.allocated.saturating_sub(rounded(requested));
        if let Some(ledger) = &mut self.ledger {
            ledger.died(time, &live_block(address, requested, None));
        }
    }

    fn follow(&mut self, time: u64, event: &Event) {
        let (address, end) = (event.address, event.address.saturating_add(event.size));
        match event.kind {
            Kind::Alloc => self.born(time, address, event.size),
            Kind::Free => self.died(time, address),
            Kind::Map { .. } | Kind::Unmap { .. } => {
                self.reserved.follow(event);
                self.course.reserved = self.course.reserved.max(self.reserved.bytes());
                match (&mut self.ledger, event.kind) {
                    (Some(ledger), Kind::Map { .. }) => ledger.mapped(time, address, end),
                    (Some(ledger), _) => ledger.unmapped(time, address, end),
                    (None, _) => {}
                }
            }
            Kind::Other => {}
        }
    }
}

/// Follows all events. O(n log s) for n events and s segments at once.
pub(super) fn course(
    events: &[Event],
    before: &[Block],
    reserved: &Reserved,
    mut ledger: Option<Ledger>,
) -> Course {
    if let Some(ledger) = &mut ledger {
        for segment in reserved.iter() {
            ledger.mapped(0, segment.base, segment.end);
        }
        ledger.inherits_what_is_held();
    }
    let mut replay = Replay {
        reserved: reserved.clone(),
        live: FxHashMap::default(),
        allocated: 0,
        ledger,
        course: Course {
            reserved: reserved.bytes(),
            ..Course::default()
        },
    };
    for block in before {
        replay.born(0, block.address, block.requested);
    }
    for (number, event) in events.iter().enumerate() {
        replay.follow(time_of(number), event);
    }
    let end = time_of(events.len());
    replay.course.memory = replay.ledger.map(|ledger| ledger.finish(end));
    replay.course
}

fn live_block(address: u64, requested: u64, base: Option<u64>) -> LiveBlock {
    LiveBlock {
        address,
        usable: rounded(requested),
        requested,
        base: base.unwrap_or(0),
    }
}

/// The times of the events as the notes of a trace tell them, in ns since the first.
pub(super) fn times(events: &[Event]) -> Notes {
    let mut notes = Notes::default();
    let told = || {
        (1u64..)
            .zip(events)
            .filter_map(|(time, event)| Some((time, event.time_us?)))
    };
    let (Some((_, first)), Some((last_time, last))) = (told().next(), told().last()) else {
        return notes;
    };
    let apart = (last.saturating_sub(first) / TIMES).max(1000);
    let mut next = first;
    for (time, at) in told() {
        if at >= next || time == last_time {
            next = at.saturating_add(apart);
            let since = at.saturating_sub(first).saturating_mul(1000);
            let events = time;
            notes.add(time, Note::Time { since, events });
        }
    }
    notes
}
