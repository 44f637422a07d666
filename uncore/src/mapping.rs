//! The mapping base of a block: the start of the contiguous region that the
//! allocator carved it from.
//!
//! glibc's blocks tell by themselves. The word before a block is its chunk's
//! size, whose low bits say where the chunk lies: in a mapping of its own (then
//! the word before that is the distance from the mapping's start), in the heap
//! of a secondary arena (aligned to 64 MiB), or in the main arena (the program
//! break's region, and where that cannot grow, ordinary mappings). Those bits
//! are read only where the allocator is known to be glibc's.
//!
//! Everything else is found in /proc/self/maps, whose lines are cached and read
//! again only when a block lies in none of them.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::state::State;
use crate::{real, sys, tls};

/// Flags in the size word of a glibc chunk (malloc/malloc.c).
const IS_MAPPED: usize = 0x2;
const NON_MAIN_ARENA: usize = 0x4;
const FLAGS: usize = 0x7;
/// Two words before a block: the size of the chunk before, and its own.
const CHUNK_HEADER: usize = 16;
/// `HEAP_MAX_SIZE` on 64-bit systems.
const HEAP_ALIGNMENT: usize = 64 << 20;

/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
unsafe fn chunk_size(block: usize) -> usize {
    // SAFETY: every chunk has its size word there.
    unsafe { ((block - 8) as *const usize).read() }
}

/// `malloc_usable_size` of a live block of glibc's.
///
/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
pub(crate) unsafe fn glibc_usable(block: usize) -> usize {
    // SAFETY: the caller's promise.
    let size = unsafe { chunk_size(block) };
    // A chunk in a heap also uses the first word of the chunk behind it.
    let overhead = if size & IS_MAPPED != 0 {
        CHUNK_HEADER
    } else {
        CHUNK_HEADER / 2
    };
    (size & !FLAGS).wrapping_sub(overhead)
}

/// The mapping base of a live block, where it is known without asking anybody.
///
/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
pub(crate) unsafe fn glibc_base(state: &State, block: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let size = unsafe { chunk_size(block) };
    if size & (IS_MAPPED | NON_MAIN_ARENA) == 0 {
        let start = state.heap_start.load(Ordering::Relaxed);
        // The start is set once, before the end.
        let end = state.heap_end.load(Ordering::Acquire);
        return ((block as u64) < end && block as u64 >= start).then_some(start as usize);
    }
    if size & IS_MAPPED != 0 {
        // SAFETY: in a mapped chunk this word is the distance from the mapping's start.
        let before = unsafe { ((block - CHUNK_HEADER) as *const usize).read() };
        return Some((block - CHUNK_HEADER).wrapping_sub(before));
    }
    Some(block & !(HEAP_ALIGNMENT - 1))
}

/// The mapping base of a live block; 0 where nobody can tell.
///
/// # Safety
/// `block` is a live block of the real allocator.
pub(crate) unsafe fn base(state: &State, block: usize) -> usize {
    let quick = if real::is_glibc() {
        // SAFETY: the block is live, and glibc's.
        unsafe { glibc_base(state, block) }
    } else {
        None
    };
    quick.unwrap_or_else(|| by_range(state, block))
}

/// How many ranges are remembered.
const RANGES: usize = 96;

/// Lines of /proc/self/maps that held blocks.
pub(crate) struct Ranges {
    /// Odd while the table changes.
    version: AtomicU32,
    /// The next entry to overwrite.
    next: AtomicU32,
    /// /proc/self/maps cannot be read: not asked again.
    unreadable: AtomicU32,
    entries: [(AtomicU64, AtomicU64); RANGES],
}

impl Ranges {
    pub(crate) const fn new() -> Ranges {
        Ranges {
            version: AtomicU32::new(0),
            next: AtomicU32::new(0),
            unreadable: AtomicU32::new(0),
            entries: [const { (AtomicU64::new(0), AtomicU64::new(0)) }; RANGES],
        }
    }

    fn find(&self, block: u64) -> Option<(u64, u64)> {
        let version = self.version.load(Ordering::Acquire);
        let mut found = None;
        for (start, end) in &self.entries {
            let range = (start.load(Ordering::Relaxed), end.load(Ordering::Relaxed));
            if range.0 <= block && block < range.1 {
                found = Some(range);
                break;
            }
        }
        fence(Ordering::Acquire);
        let torn = version % 2 == 1 || version != self.version.load(Ordering::Relaxed);
        if torn { None } else { found }
    }

    /// With the lock held: remembers a range in the place of those that it overlaps.
    fn insert(&self, range: (u64, u64)) {
        self.version.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::Release);
        for (start, end) in &self.entries {
            let overlaps =
                start.load(Ordering::Relaxed) < range.1 && range.0 < end.load(Ordering::Relaxed);
            if overlaps {
                end.store(0, Ordering::Relaxed);
                start.store(0, Ordering::Relaxed);
            }
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) as usize % RANGES;
        if let Some((start, end)) = self.entries.get(next) {
            start.store(range.0, Ordering::Relaxed);
            end.store(range.1, Ordering::Relaxed);
        }
        self.version.fetch_add(1, Ordering::Release);
    }
}

/// The base by the remembered ranges: this thread's last, then all.
fn by_range(state: &State, block: usize) -> usize {
    #[cfg(target_arch = "aarch64")]
    // The top byte may be a tag.
    let block = block & (usize::MAX >> 8);
    let thread = tls::block();
    if thread.range_start.get() <= block && block < thread.range_end.get() {
        return thread.range_start.get();
    }
    let found = state
        .ranges
        .find(block as u64)
        .or_else(|| ask_kernel(state, block as u64));
    let Some((start, end)) = found else { return 0 };
    if start as usize != state.heap_start.load(Ordering::Relaxed) as usize {
        // In this order: a signal handler in between sees an empty range.
        thread.range_end.set(0);
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        thread.range_start.set(start as usize);
        core::sync::atomic::compiler_fence(Ordering::SeqCst);
        thread.range_end.set(end as usize);
    }
    start as usize
}

#[cold]
#[inline(never)]
fn ask_kernel(state: &State, block: u64) -> Option<(u64, u64)> {
    let _locked = state.lock();
    let heap_start = state.heap_start.load(Ordering::Relaxed);
    if heap_start != 0 && heap_start <= block {
        let heap_end = sys::program_break() as u64;
        if block < heap_end {
            state.heap_end.store(heap_end, Ordering::Release);
            return Some((heap_start, heap_end));
        }
    }
    if state.ranges.unreadable.load(Ordering::Relaxed) != 0 {
        return None;
    }
    let Some(line) = read_maps(block) else {
        state.ranges.unreadable.store(1, Ordering::Relaxed);
        return None;
    };
    if line.is_heap && heap_start == 0 {
        state.heap_start.store(line.start, Ordering::Relaxed);
        state.heap_end.store(line.end, Ordering::Release);
    } else {
        state.ranges.insert((line.start, line.end));
    }
    Some((line.start, line.end))
}

/// One line of /proc/self/maps.
#[derive(Clone, Copy, Default)]
struct Line {
    start: u64,
    end: u64,
    is_heap: bool,
}

/// The line that holds `block`.
fn read_maps(block: u64) -> Option<Line> {
    // SAFETY: a literal with its NUL.
    let fd = unsafe { sys::open(c"/proc/self/maps".as_ptr().cast(), libc::O_RDONLY, 0) }.ok()?;
    let mut parser = Parser::default();
    let mut buffer = [0u8; 4096];
    let mut found = None;
    while let Ok(read @ 1..) = sys::read(fd, &mut buffer) {
        let bytes = buffer.get(..read).unwrap_or_default();
        found = bytes
            .iter()
            .filter_map(|byte| parser.step(*byte))
            .find(|line| line.start <= block && block < line.end);
        if found.is_some() {
            break;
        }
    }
    sys::close(fd);
    found
}

/// Takes the file byte by byte: `start-end rest-of-line`, in hexadecimal.
#[derive(Default)]
struct Parser {
    field: u32,
    line: Line,
    /// The last bytes of the line, to tell `[heap]`.
    tail: u64,
}

impl Parser {
    fn step(&mut self, byte: u8) -> Option<Line> {
        if byte == b'\n' {
            let mut line = self.line;
            line.is_heap = self.tail & 0xffff_ffff_ffff == u64::from_be_bytes(*b"\0\0[heap]");
            *self = Parser::default();
            return Some(line);
        }
        self.tail = self.tail << 8 | u64::from(byte);
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => {
                self.field = self.field.saturating_add(1);
                return None;
            }
        };
        match self.field {
            0 => self.line.start = self.line.start << 4 | u64::from(digit),
            1 => self.line.end = self.line.end << 4 | u64::from(digit),
            _ => {}
        }
        None
    }
}
