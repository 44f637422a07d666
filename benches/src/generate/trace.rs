//! Traces of a made-up server, for streaming: a few threads with a heap each,
//! sizes from 1 byte to a megabyte, most blocks freed soon and the others kept
//! for long, some freed by a thread that did not allocate them, a few
//! reallocated or aligned.
//!
//! The allocator is a plain one of glibc's measures: a chunk is the request and
//! 8 bytes rounded up to 16, at least 32; a freed chunk is the first to be given
//! out again to its size; from 128 KiB on a block has a mapping of its own.
//! Memory grows with the blocks live at once. O(1) an event.

use std::collections::VecDeque;

use common::trace::{Block, Call};
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::log_uniform;

const THREADS: usize = 8;
/// Requests of this many bytes and more get a mapping of their own.
const MAPPED: u64 = 128 << 10;
/// Where the heaps begin; below them lie the mappings of single blocks.
const HEAPS: u64 = 0x7f00_0000_0000;
const MAPPINGS: u64 = 0x7e00_0000_0000;
/// Blocks that each thread allocated last, which are the likeliest to be freed.
const RECENT: usize = 16;

/// The events of a trace, one after another; as many as were asked for.
pub struct Events {
    random: Xoshiro256PlusPlus,
    left: u64,
    heaps: Vec<Heap>,
    mappings: Mappings,
    recent: Vec<VecDeque<Live>>,
    kept: Vec<Live>,
    kept_at_most: usize,
}

#[derive(Clone, Copy)]
struct Live {
    block: Block,
    owner: usize,
}

/// A trace of `events` events, in which some fiftieth of that number of blocks,
/// at most 100 000, are live at once.
pub fn events(events: u64, seed: u64) -> Events {
    Events {
        random: Xoshiro256PlusPlus::seed_from_u64(seed),
        left: events,
        heaps: (0..THREADS as u64).map(Heap::new).collect(),
        mappings: Mappings::default(),
        recent: vec![VecDeque::new(); THREADS],
        kept: Vec::new(),
        kept_at_most: (events / 50).clamp(16, 100_000) as usize,
    }
}

impl Iterator for Events {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        self.left = self.left.checked_sub(1)?;
        let thread = self.random.random_range(0..THREADS);
        let growing = self.kept.len() < self.kept_at_most;
        let share = if growing { 0.7 } else { 0.5 };
        Some(match self.random.random_range(0..100) {
            0..3 if !self.kept.is_empty() => self.reallocate(thread),
            _ if self.random.random_bool(share) => self.allocate(thread),
            _ => match self.victim(thread) {
                Some(victim) => self.free(thread, victim),
                None => self.allocate(thread),
            },
        })
    }
}

impl Events {
    fn allocate(&mut self, thread: usize) -> Call {
        let requested = self.request();
        let call = match self.random.random_range(0..100) {
            0..5 => {
                let element_size = 8;
                let count = requested.div_ceil(element_size);
                let block = self.block(thread, count * element_size, 16);
                Call::Calloc {
                    count,
                    element_size,
                    block,
                }
            }
            5 => Call::PosixMemalign {
                slot: 0x7ffd_0000_1000 + 64 * thread as u64,
                alignment: 64,
                requested,
                block: self.block(thread, requested, 64),
            },
            _ => Call::Malloc {
                requested,
                block: self.block(thread, requested, 16),
            },
        };
        if let Call::Calloc { block, .. }
        | Call::PosixMemalign { block, .. }
        | Call::Malloc { block, .. } = call
        {
            self.remember(thread, block);
        }
        call
    }

    fn reallocate(&mut self, thread: usize) -> Call {
        let at = self.random.random_range(0..self.kept.len());
        let old = self.kept[at];
        let requested = (old.block.usable + old.block.usable / 2).min(1 << 20);
        self.release(old);
        let block = self.block(thread, requested, 16);
        self.kept[at] = Live {
            block,
            owner: thread,
        };
        Call::Realloc {
            old: old.block.pointer,
            requested,
            block,
        }
    }

    fn free(&mut self, thread: usize, victim: Live) -> Call {
        self.release(victim);
        Call::Free {
            pointer: victim.block.pointer,
            thread: id(thread),
        }
    }

    /// Two of three times one of the thread's own latest blocks, else any.
    fn victim(&mut self, thread: usize) -> Option<Live> {
        let recent = &mut self.recent[thread];
        if !recent.is_empty() && self.random.random_range(0..3) != 0 {
            let at = self.random.random_range(0..recent.len());
            return recent.swap_remove_back(at);
        }
        let last = self.kept.len().checked_sub(1)?;
        Some(self.kept.swap_remove(self.random.random_range(0..=last)))
    }

    fn remember(&mut self, thread: usize, block: Block) {
        let recent = &mut self.recent[thread];
        recent.push_back(Live {
            block,
            owner: thread,
        });
        if recent.len() > RECENT {
            self.kept.extend(recent.pop_front());
        }
    }

    /// Small requests are by far the commonest.
    fn request(&mut self) -> u64 {
        let (low, high) = match self.random.random_range(0..2000) {
            0 => (MAPPED as f64, (1 << 20) as f64),
            1..60 => (4096.0, 32768.0),
            60..500 => (256.0, 4096.0),
            _ => (1.0, 256.0),
        };
        log_uniform(&mut self.random, low, high) as u64
    }

    fn block(&mut self, thread: usize, requested: u64, alignment: u64) -> Block {
        let (pointer, usable, mapping_base) = if requested >= MAPPED {
            self.mappings.map(requested)
        } else {
            self.heaps[thread].carve(requested, alignment)
        };
        Block {
            pointer,
            usable,
            thread: id(thread),
            mapping_base,
        }
    }

    fn release(&mut self, live: Live) {
        if live.block.mapping_base < HEAPS {
            self.mappings.unmap(live.block);
        } else {
            self.heaps[live.owner].give_back(live.block);
        }
    }
}

/// The kernel's id of a thread.
fn id(thread: usize) -> u64 {
    4711 + thread as u64
}

/// One thread's heap; chunks are not joined.
struct Heap {
    base: u64,
    end: u64,
    /// Freed blocks by sixteenths of their chunk's size.
    free: Vec<Vec<u64>>,
}

impl Heap {
    fn new(number: u64) -> Heap {
        let base = HEAPS + (number << 34);
        Heap {
            base,
            end: base + 16,
            free: Vec::new(),
        }
    }

    /// Pointer, usable size and mapping base of a new block.
    fn carve(&mut self, requested: u64, alignment: u64) -> (u64, u64, u64) {
        let chunk = (requested + 8).next_multiple_of(16).max(32);
        let class = (chunk / 16) as usize;
        let reused = match self.free.get_mut(class) {
            Some(free) if alignment <= 16 => free.pop(),
            _ => None,
        };
        let pointer = reused.unwrap_or_else(|| {
            let pointer = self.end.next_multiple_of(alignment);
            self.end = pointer + chunk;
            pointer
        });
        (pointer, chunk - 8, self.base)
    }

    fn give_back(&mut self, block: Block) {
        let class = ((block.usable + 8) / 16) as usize;
        if self.free.len() <= class {
            self.free.resize(class + 1, Vec::new());
        }
        self.free[class].push(block.pointer);
    }
}

/// Blocks with a mapping of their own.
#[derive(Default)]
struct Mappings {
    end: u64,
    free: Vec<(u64, u64)>,
}

impl Mappings {
    fn map(&mut self, requested: u64) -> (u64, u64, u64) {
        let length = (requested + 16).next_multiple_of(4096);
        let fits = self.free.iter().rposition(|&(_, free)| free == length);
        let base = match fits {
            Some(at) => self.free.swap_remove(at).0,
            None => {
                let base = MAPPINGS + self.end;
                self.end += length;
                base
            }
        };
        (base + 16, length - 16, base)
    }

    fn unmap(&mut self, block: Block) {
        self.free.push((block.mapping_base, block.usable + 16));
    }
}
