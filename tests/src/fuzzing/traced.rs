//! What a trace means, by the book and nothing cleverer: records by hand, and
//! lifetimes by looking at every live block.

use std::collections::{BTreeMap, BTreeSet};

use common::job::{JobId, MAX_VALUE};
use common::lifetimes::{Anomaly, Clock, MALLOC_ALIGNMENT, Options, Size};
use common::trace::wire::{Block, Call};

/// How a trace ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a whole record, or zeros.
    Whole,
    /// With a part of a record, which begins at a byte.
    Cut { at: u64, present: usize },
    /// At a byte that is no sentinel.
    Corrupt { at: u64, byte: u8 },
}

/// The events of a trace with their byte offsets, and how it ends.
pub(super) fn parse(bytes: &[u8]) -> (Vec<(u64, Call)>, End) {
    let mut events = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == 0 {
            at += 1;
            continue;
        }
        if ![0x05, 0x12, 0x26, 0x36, 0x46, 0x56, 0x67].contains(&byte) {
            let at = at as u64;
            return (events, End::Corrupt { at, byte });
        }
        let length = 1 + 8 * usize::from(byte & 15);
        let Some(record) = bytes.get(at..at + length) else {
            let present = bytes.len() - at;
            let at = at as u64;
            return (events, End::Cut { at, present });
        };
        let words: Vec<u64> = record[1..]
            .chunks(8)
            .map(|word| word.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
            .collect();
        events.push((at as u64, call(byte, &words)));
        at += length;
    }
    (events, End::Whole)
}

fn call(sentinel: u8, words: &[u64]) -> Call {
    let block = |from: usize| Block {
        pointer: words[from],
        usable: words[from + 1],
        thread: words[from + 2],
        mapping_base: words[from + 3],
    };
    match (sentinel >> 4, words[0], words[1]) {
        (0, requested, _) => Call::Malloc {
            requested,
            block: block(1),
        },
        (1, pointer, thread) => Call::Free { pointer, thread },
        (2, count, element_size) => Call::Calloc {
            count,
            element_size,
            block: block(2),
        },
        (3, old, requested) => Call::Realloc {
            old,
            requested,
            block: block(2),
        },
        (4, alignment, requested) => Call::AlignedAlloc {
            alignment,
            requested,
            block: block(2),
        },
        (5, alignment, requested) => Call::Memalign {
            alignment,
            requested,
            block: block(2),
        },
        (_, slot, alignment) => Call::PosixMemalign {
            slot,
            alignment,
            requested: words[2],
            block: block(3),
        },
    }
}

/// A job, as far as a trace tells one, and its offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Told {
    pub(super) id: JobId,
    pub(super) birth: u64,
    pub(super) death: u64,
    pub(super) size: u64,
    pub(super) requested: u64,
    pub(super) alignment: u64,
    pub(super) heap: u64,
    pub(super) offset: Option<u64>,
    /// Where its record stands.
    pub(super) at: u64,
}

/// All that a trace tells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Story {
    /// By id.
    pub(super) jobs: Vec<Told>,
    pub(super) threads: u64,
    pub(super) never_freed: u64,
    /// How often each, and the byte offset of the first.
    pub(super) anomalies: Vec<(Anomaly, u64, u64)>,
    /// Births and ends that were not seen.
    pub(super) unseen: (u64, u64),
}

#[derive(Default)]
struct Replay {
    options: Options,
    clock: u64,
    /// By pointer: the job with all but its death, and its last byte.
    live: BTreeMap<u64, (Told, u64)>,
    story: Story,
    threads: BTreeSet<u64>,
    /// Calls pass the tracer by.
    pass_by: bool,
}

/// The jobs of these events, or the byte offset of the record that is refused.
pub(super) fn replay(events: &[(u64, Call)], end: &End, options: Options) -> Result<Story, u64> {
    let mut replay = Replay {
        options,
        ..Replay::default()
    };
    for &(at, call) in events {
        replay.apply(at, call)?;
    }
    match *end {
        End::Whole => {}
        End::Cut { at, .. } => replay.odd(Anomaly::CutRecord, at),
        End::Corrupt { at, .. } => return Err(at),
    }
    replay.story.never_freed = replay.live.len() as u64;
    for pointer in replay.live.keys().copied().collect::<Vec<_>>() {
        replay.end(pointer);
    }
    replay.story.jobs.sort();
    replay.story.threads = replay.threads.len() as u64;
    Ok(replay.story)
}

impl Replay {
    fn apply(&mut self, at: u64, call: Call) -> Result<(), u64> {
        // A note is no call: its slot is a tag of eight characters, its pointer null.
        if let Call::PosixMemalign {
            slot,
            alignment: reason,
            block,
            ..
        } = call
            && block.pointer == 0
            && slot
                .to_be_bytes()
                .into_iter()
                .all(|byte| (32..127).contains(&byte))
        {
            self.pass_by |= slot.to_be_bytes() == *b"partial " && reason == 1;
            return Ok(());
        }
        self.threads.insert(call.thread());
        let (requested, alignment, block) = match call {
            Call::Free { pointer, .. } => {
                if pointer != 0 && !self.end(pointer) {
                    self.odd(Anomaly::UnknownFree, at);
                }
                return Ok(());
            }
            Call::Malloc { requested, block } => (Some(requested), MALLOC_ALIGNMENT, block),
            Call::Calloc {
                count,
                element_size,
                block,
            } => (count.checked_mul(element_size), MALLOC_ALIGNMENT, block),
            Call::Realloc {
                old,
                requested,
                block,
            } => {
                if old != 0 && block.pointer != 0 && !self.end(old) {
                    self.odd(Anomaly::UnknownRealloc, at);
                }
                (Some(requested), MALLOC_ALIGNMENT, block)
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
            } => (Some(requested), alignment.max(1), block),
        };
        if block.pointer == 0 {
            return Ok(());
        }
        self.allocate(at, requested.ok_or(at)?, alignment, block)
    }

    fn allocate(
        &mut self,
        at: u64,
        requested: u64,
        alignment: u64,
        block: Block,
    ) -> Result<(), u64> {
        let size = block.usable.max(requested).max(1);
        let last = block.pointer.saturating_add(size - 1);
        let under: Vec<u64> = self
            .live
            .iter()
            .filter(|&(&first, (_, its_last))| first <= last && block.pointer <= *its_last)
            .map(|(&first, _)| first)
            .collect();
        for pointer in under {
            self.end(pointer);
            self.odd(Anomaly::AllocatedWhileLive, at);
        }
        if block.usable < requested {
            self.odd(Anomaly::UsableBelowRequested, at);
        }
        let mut heap = block.mapping_base;
        if heap > block.pointer {
            self.odd(Anomaly::BelowMapping, at);
            heap = block.pointer;
        }
        let birth = self.clock;
        let advance = match self.options.clock {
            Clock::Bytes => requested.max(1),
            Clock::Events => 1,
        };
        self.clock = birth.checked_add(advance).ok_or(at)?;
        if self.clock > MAX_VALUE {
            return Err(at);
        }
        let job = Told {
            id: JobId::Number((self.story.jobs.len() + self.live.len()) as u64),
            birth,
            death: 0,
            size: match self.options.size {
                Size::Usable => size,
                Size::Requested => requested.max(1),
            },
            requested,
            alignment: kept(alignment, block.pointer),
            heap,
            offset: Some(block.pointer - heap),
            at,
        };
        self.live.insert(block.pointer, (job, last));
        Ok(())
    }

    fn end(&mut self, pointer: u64) -> bool {
        let Some((mut job, _)) = self.live.remove(&pointer) else {
            return false;
        };
        job.death = self.clock;
        self.story.jobs.push(job);
        true
    }

    fn odd(&mut self, anomaly: Anomaly, at: u64) {
        if self.pass_by {
            match anomaly {
                Anomaly::UnknownFree | Anomaly::UnknownRealloc => {
                    self.story.unseen.0 += 1;
                    return;
                }
                Anomaly::AllocatedWhileLive => {
                    self.story.unseen.1 += 1;
                    return;
                }
                _ => {}
            }
        }
        let known = self.story.anomalies.iter_mut();
        match known.into_iter().find(|(kind, ..)| *kind == anomaly) {
            Some((_, count, _)) => *count += 1,
            None => self.story.anomalies.push((anomaly, 1, at)),
        }
    }
}

/// The alignment that an address keeps of the one asked for: itself, or the next
/// power of two, or else the address's own.
fn kept(asked: u64, pointer: u64) -> u64 {
    let rounded = (0..64).map(|bit| 1u64 << bit).find(|&power| power >= asked);
    let own = (0..64)
        .map(|bit| 1u64 << bit)
        .filter(|&power| pointer.is_multiple_of(power))
        .max();
    match rounded {
        _ if pointer.is_multiple_of(asked) => asked,
        Some(rounded) if pointer.is_multiple_of(rounded) => rounded,
        _ => own.unwrap_or(1),
    }
}
