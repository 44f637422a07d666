//! The mapping base of a block: the start of the contiguous region that the
//! allocator carved it from.
//!
//! glibc's blocks tell by themselves, see [`glibc`]: a mapped chunk and one of a
//! secondary arena know their start; the main arena is the program break's region,
//! and where that cannot grow, ordinary mappings.
//!
//! Everything else is found in /proc/self/maps, whose lines are cached and read
//! again only when a block lies in none of them.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, compiler_fence, fence};

use crate::glibc::Place;
use crate::lock::Lock;
use crate::wiped::Wipeable;
use crate::{glibc, real, sys, tls};

/// What is known of the process's mappings. All-zero bytes are a valid value:
/// nothing.
#[repr(C)]
pub struct Mappings {
    /// Where the main heap starts, set once; 0 while unknown.
    heap_start: AtomicU64,
    /// Where the main heap ended when last asked.
    heap_end: AtomicU64,
    /// Held by whoever asks the kernel.
    lock: Lock,
    ranges: Ranges,
}

// SAFETY: zeros say that nothing is known, and every field is made of atomics.
unsafe impl Wipeable for Mappings {}

impl Mappings {
    /// Nothing is known.
    #[allow(clippy::new_without_default, reason = "zeros say the same")]
    pub const fn new() -> Mappings {
        Mappings {
            heap_start: AtomicU64::new(0),
            heap_end: AtomicU64::new(0),
            lock: Lock::new(),
            ranges: Ranges::new(),
        }
    }

    /// The mapping base and the usable size of a live block of glibc's in a heap, where
    /// the base is known without asking anybody. None where the block has a mapping of
    /// its own.
    ///
    /// # Safety
    /// `block` is a live block, and glibc's.
    #[inline(always)]
    pub unsafe fn in_heap(&self, block: usize) -> Option<(usize, usize)> {
        // SAFETY: the caller's promise.
        let (place, usable) = unsafe { glibc::in_heap(block) }?;
        Some((self.base_in(block, place)?, usable))
    }

    /// Where the main heap starts, if that is known.
    pub fn main_heap(&self) -> Option<usize> {
        let start = self.heap_start.load(Ordering::Relaxed) as usize;
        (start != 0).then_some(start)
    }

    #[inline(always)]
    fn base_in(&self, block: usize, place: Place) -> Option<usize> {
        match place {
            Place::From(start) => Some(start),
            Place::MainArena => {
                let start = self.heap_start.load(Ordering::Relaxed);
                // The start is set once, before the end.
                let end = self.heap_end.load(Ordering::Acquire);
                ((block as u64) < end && block as u64 >= start).then_some(start as usize)
            }
        }
    }

    /// The mapping base of a live block; 0 where nobody can tell.
    ///
    /// # Safety
    /// `block` is a live block of the real allocator.
    pub unsafe fn base(&self, block: usize) -> usize {
        let quick = if real::is_glibc() {
            // SAFETY: the block is live, and glibc's.
            self.base_in(block, unsafe { glibc::place(block) })
        } else {
            None
        };
        quick.unwrap_or_else(|| self.by_range(block))
    }

    /// The base by the remembered ranges: this thread's last, then all.
    fn by_range(&self, block: usize) -> usize {
        #[cfg(target_arch = "aarch64")]
        // The top byte may be a tag.
        let block = block & (usize::MAX >> 8);
        let thread = tls::block();
        if thread.range_start.get() <= block && block < thread.range_end.get() {
            return thread.range_start.get();
        }
        let found = self
            .ranges
            .find(block as u64)
            .or_else(|| self.ask_kernel(block as u64));
        let Some((start, end)) = found else { return 0 };
        if start != self.heap_start.load(Ordering::Relaxed) {
            // In this order: a signal handler in between sees an empty range.
            thread.range_end.set(0);
            compiler_fence(Ordering::SeqCst);
            thread.range_start.set(start as usize);
            compiler_fence(Ordering::SeqCst);
            thread.range_end.set(end as usize);
        }
        start as usize
    }

    #[cold]
    #[inline(never)]
    fn ask_kernel(&self, block: u64) -> Option<(u64, u64)> {
        let _locked = self.lock.take();
        let heap_start = self.heap_start.load(Ordering::Relaxed);
        if heap_start != 0 && heap_start <= block {
            let heap_end = sys::program_break() as u64;
            if block < heap_end {
                self.heap_end.store(heap_end, Ordering::Release);
                return Some((heap_start, heap_end));
            }
        }
        if self.ranges.unreadable.load(Ordering::Relaxed) != 0 {
            return None;
        }
        let Some(line) = read_maps(block) else {
            self.ranges.unreadable.store(1, Ordering::Relaxed);
            return None;
        };
        if line.is_heap && heap_start == 0 {
            self.heap_start.store(line.start, Ordering::Relaxed);
            self.heap_end.store(line.end, Ordering::Release);
        } else {
            self.ranges.insert((line.start, line.end));
        }
        Some((line.start, line.end))
    }
}

/// How many ranges are remembered.
const RANGES: usize = 96;

/// Lines of /proc/self/maps that held blocks.
struct Ranges {
    /// Odd while the table changes.
    version: AtomicU32,
    /// The next entry to overwrite.
    next: AtomicU32,
    /// /proc/self/maps cannot be read: not asked again.
    unreadable: AtomicU32,
    entries: [(AtomicU64, AtomicU64); RANGES],
}

impl Ranges {
    const fn new() -> Ranges {
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
