//! A snapshot's events, segments and blocks of one device, as plain numbers.

use rustc_hash::FxHashSet;

use super::ALIGNMENT;
use super::objects::{Items, Objects, Record, Value, Word, push};
use crate::error::{FormatError, Place};
use crate::job::MAX_VALUE;
use crate::text::counted;

/// Where memory ends at most, so that a size can be rounded up.
const MOST: u64 = MAX_VALUE - ALIGNMENT;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block was given out.
    Alloc,
    /// A block came back, and no stream uses it any more.
    Free,
    /// A segment was taken from the device, or a part of an expandable one.
    Map {
        /// A part of an expandable segment.
        expandable: bool,
    },
    /// The same was given back to the device.
    Unmap {
        /// A part of an expandable segment.
        expandable: bool,
    },
    /// Anything that changes no memory.
    Other,
}

/// An entry of a device's trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) address: u64,
    /// Bytes asked for.
    pub(super) size: u64,
    /// Microseconds since 1970, where the entry tells.
    pub(super) time_us: Option<u64>,
}

/// A range of addresses that is taken from the device.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) base: u64,
    pub(super) end: u64,
    pub(super) expandable: bool,
}

/// A block that was in use before the first event, or is when the snapshot is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) address: u64,
    /// Bytes asked for.
    pub(super) requested: u64,
    /// When it comes back, on the clock of the jobs.
    pub(super) death: u64,
}

/// What a snapshot tells of one device.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) device: u64,
    pub(super) events: Vec<Event>,
    pub(super) segments: Vec<Segment>,
    pub(super) blocks: Vec<Block>,
    /// Kinds of events that are not known, and changed nothing.
    pub(super) unknown: u64,
    /// Streams that blocks were given out to.
    pub(super) streams: usize,
    /// Private pools that they lay in.
    pub(super) pools: usize,
}

/// Finds the device in a pickle's value.
///
/// # Errors
/// [`FormatError`] where the value is no snapshot, no device of this number has events, or
/// several have and none is chosen.
pub(super) fn of(
    value: Value,
    objects: &Objects,
    device: Option<u64>,
) -> Result<Snapshot, FormatError> {
    let root = objects.record(value);
    let Some(traces) = root.and_then(Record::traces) else {
        let what = "no list \"device_traces\": is this a snapshot of \
                    torch.cuda.memory._dump_snapshot()?";
        return Err(FormatError::malformed(Place::Byte(0), what));
    };
    let empty = Items::default();
    let traces = &objects.items(traces).unwrap_or(&empty).kept;
    let trace = |&trace: &Value| match trace {
        Value::List(list) => objects.items(list),
        _ => None,
    };
    let device = choose(device, traces.iter().map(|value| trace(value).is_some()))?;
    let mut snapshot = Snapshot {
        device: device as u64,
        ..Snapshot::default()
    };
    let events = trace(&traces[device]).unwrap_or(&empty);
    snapshot.add_events(objects, events)?;
    if let Some(segments) = root
        .and_then(Record::list)
        .and_then(|list| objects.items(list))
    {
        snapshot.add_segments(objects, segments)?;
    }
    Ok(snapshot)
}

/// The device that is asked for, or the only one with events.
fn choose(
    wanted: Option<u64>,
    has_events: impl Iterator<Item = bool>,
) -> Result<usize, FormatError> {
    let with_events: Vec<usize> = (0..)
        .zip(has_events)
        .filter_map(|(device, has)| has.then_some(device))
        .collect();
    let what = match (&with_events[..], wanted) {
        ([], _) => "no device has events: record them with \
                    torch.cuda.memory._record_memory_history() before what is to be seen"
            .to_owned(),
        (there, Some(wanted)) => match there.iter().find(|&&device| device as u64 == wanted) {
            Some(&device) => return Ok(device),
            None => format!(
                "device {wanted} has no events; these have: {}",
                listed(there)
            ),
        },
        (&[one], None) => return Ok(one),
        (several, None) => format!(
            "several devices have events, {}: choose one with --device of adapt or report",
            listed(several)
        ),
    };
    Err(FormatError::malformed(Place::Byte(0), what))
}

fn listed(devices: &[usize]) -> String {
    const SHOWN: usize = 16;
    let shown = devices.iter().take(SHOWN).map(usize::to_string);
    let more = if devices.len() > SHOWN { ", ..." } else { "" };
    shown.collect::<Vec<_>>().join(", ") + more
}

impl Snapshot {
    fn add_events(&mut self, objects: &Objects, events: &Items) -> Result<(), FormatError> {
        let device = self.device;
        let bad = |entry: u64, what: &str| {
            let what = format!("of the trace of device {device}: {what}");
            FormatError::malformed(Place::Entry(entry), what)
        };
        if events.others > 0 {
            let items = counted(events.others, "item");
            return Err(bad(
                0,
                &format!("{items} of the list without a field of an event"),
            ));
        }
        if events.kept.len() >= u32::MAX as usize {
            return Err(bad(u32::MAX.into(), "more events than 2^32 - 2"));
        }
        let (mut streams, mut pools) = (Distinct::default(), Distinct::default());
        for (entry, &event) in (0u64..).zip(&events.kept) {
            let Some(record) = objects.record(event) else {
                return Err(bad(entry, "it is no dictionary of an event"));
            };
            let event = event_of(record, &mut self.unknown).map_err(|what| bad(entry, what))?;
            if event.kind == Kind::Alloc {
                streams.add((record.stream, 0));
                if record.pool != (0, 0) {
                    pools.add((record.pool.0.into(), record.pool.1.into()));
                }
            }
            push(&mut self.events, event)?;
        }
        (self.streams, self.pools) = (streams.count(), pools.count());
        Ok(())
    }

    fn add_segments(&mut self, objects: &Objects, segments: &Items) -> Result<(), FormatError> {
        let mut seen = FxHashSet::default();
        for (number, &segment) in (0u64..).zip(&segments.kept) {
            let bad = |what: &str| {
                let what = format!("of the segments: {what}");
                FormatError::malformed(Place::Entry(number), what)
            };
            let Some(record) = objects.record(segment) else {
                return Err(bad("it is no dictionary of a segment"));
            };
            if record
                .device()
                .is_some_and(|device| u64::from(device) != self.device)
            {
                continue;
            }
            let end = end(record.address, record.size).map_err(bad)?;
            push(
                &mut self.segments,
                Segment {
                    base: record.address,
                    end,
                    expandable: record.is_expandable,
                },
            )?;
            // So blocks are looked at once, whatever lists a pickle shares.
            if record.list().is_some_and(|list| !seen.insert(list)) {
                return Err(bad("its list of blocks is another's too"));
            }
            if let Some(blocks) = record.list().and_then(|list| objects.items(list)) {
                self.add_blocks(objects, record.address..end, blocks, &bad)?;
            }
        }
        self.segments.sort_by_key(|segment| segment.base);
        let overlap = self
            .segments
            .windows(2)
            .find(|pair| pair[1].base < pair[0].end);
        match overlap {
            None => Ok(()),
            Some(pair) => {
                let what = format!(
                    "segment {:#x} of device {} overlaps another",
                    pair[1].base, self.device
                );
                Err(FormatError::malformed(Place::Byte(0), what))
            }
        }
    }

    /// The blocks of a segment that are in use. Older snapshots leave their addresses out:
    /// each begins where the one before it ends.
    fn add_blocks(
        &mut self,
        objects: &Objects,
        segment: std::ops::Range<u64>,
        blocks: &Items,
        bad: &impl Fn(&str) -> FormatError,
    ) -> Result<(), FormatError> {
        let mut next = segment.start;
        for &block in &blocks.kept {
            let Some(record) = objects.record(block) else {
                return Err(bad("a block of it is no dictionary"));
            };
            if record.size == u64::MAX {
                return Err(bad("a block of it has no size"));
            }
            let address = match record.address {
                u64::MAX => next,
                address => address,
            };
            let end = address.checked_add(record.size);
            let Some(end) = end.filter(|&end| next <= address && end <= segment.end) else {
                return Err(bad("a block of it lies outside of it, or over another"));
            };
            if end == address {
                return Err(bad("a block of it has a size of 0"));
            }
            next = end;
            if matches!(
                record.kind,
                Some(Word::ActiveAllocated | Word::ActivePendingFree | Word::ActiveAwaitingFree)
            ) {
                let requested = match record.requested {
                    requested @ 1.. if requested <= record.size => requested,
                    _ => record.size,
                };
                push(
                    &mut self.blocks,
                    Block {
                        address,
                        requested,
                        death: u64::MAX,
                    },
                )?;
            }
        }
        Ok(())
    }
}

/// Where so many bytes at an address end.
fn end(address: u64, size: u64) -> Result<u64, &'static str> {
    match (address, size) {
        (u64::MAX, _) => Err("it has no address"),
        (_, u64::MAX) => Err("it has no size"),
        (_, 0) => Err("it has a size of 0"),
        (address, size) => match address.checked_add(size) {
            Some(end) if end <= MOST => Ok(end),
            _ => Err("it ends beyond 2^63 - 1"),
        },
    }
}

fn event_of(record: &Record, unknown: &mut u64) -> Result<Event, &'static str> {
    let kind = match record.kind {
        Some(Word::Alloc) => Kind::Alloc,
        Some(Word::FreeCompleted) => Kind::Free,
        Some(Word::SegmentAlloc) => Kind::Map { expandable: false },
        Some(Word::SegmentMap) => Kind::Map { expandable: true },
        Some(Word::SegmentFree) => Kind::Unmap { expandable: false },
        Some(Word::SegmentUnmap) => Kind::Unmap { expandable: true },
        Some(
            Word::FreeRequested
            | Word::OutOfMemory
            | Word::Snapshot
            | Word::WorkspaceSnapshot
            | Word::Annotate
            | Word::UserDefined,
        ) => Kind::Other,
        _ => {
            *unknown += 1;
            Kind::Other
        }
    };
    match kind {
        Kind::Other => {}
        // A block of no bytes is one all the same.
        Kind::Alloc | Kind::Free => _ = end(record.address, record.size.max(1))?,
        Kind::Map { .. } | Kind::Unmap { .. } => _ = end(record.address, record.size)?,
    }
    Ok(Event {
        kind,
        address: record.address,
        size: record.size,
        time_us: (record.time_us != u64::MAX).then_some(record.time_us),
    })
}

/// How many different things there are: few.
#[derive(Default)]
struct Distinct {
    last: Option<(u64, u64)>,
    all: std::collections::BTreeSet<(u64, u64)>,
}

impl Distinct {
    fn add(&mut self, thing: (u64, u64)) {
        if self.last != Some(thing) {
            self.last = Some(thing);
            self.all.insert(thing);
        }
    }

    fn count(&self) -> usize {
        self.all.len()
    }
}
