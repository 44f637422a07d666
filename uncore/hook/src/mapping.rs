//! The mapping base of a block: the start of the contiguous region that the
//! allocator carved it from.
//!
//! glibc's blocks tell by themselves, see [`glibc`]: a mapped chunk and one of a
//! secondary arena know their start; the main arena is the program break's region,
//! and where that cannot grow, ordinary mappings.
//!
//! The break's region has one start from the program's first moment to its end, and
//! forked children have the same: it is learnt once. The kernel may show the region in
//! several pieces, as after `mlock` or `mprotect` on a part of it.
//!
//! Everything else is found in /proc/self/maps, whose lines are cached and read again
//! only when a block lies in none of them. Where there is no /proc, the kernel is asked
//! page by page (`mincore`) how far the mapped memory around the block reaches. Where
//! nobody may be asked, the base is a guess, and never 0.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, compiler_fence, fence};

use crate::glibc::Place;
use crate::lock::{Lock, Locked};
use crate::wiped::Wipeable;
use crate::{glibc, real, sys, tls};

/// Where the region of the program break starts; 0 while unknown. Not wiped on fork.
static BREAK_START: AtomicU64 = AtomicU64::new(0);

/// No system call may be made to learn of a mapping. Not wiped on fork.
static ASK_NO_MORE: AtomicBool = AtomicBool::new(false);

/// Mapped memory of the hook's own, which no allocator has; see [`leave_out`].
static OWN_START: AtomicU64 = AtomicU64::new(0);
static OWN_END: AtomicU64 = AtomicU64::new(0);

/// Says that a large mapping is the hook's own: no region of an allocator reaches into it.
pub fn leave_out(start: usize, length: usize) {
    OWN_START.store(start as u64, Ordering::Relaxed);
    OWN_END.store((start + length) as u64, Ordering::Relaxed);
}

/// Before the first call reaches the allocator: nobody has moved the program break yet,
/// so its end is its start.
pub(crate) fn learn_break_start() {
    let start = sys::known_break();
    if start != usize::MAX {
        let _ = BREAK_START.compare_exchange(0, start as u64, Ordering::Relaxed, Ordering::Relaxed);
    }
}

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

    /// From now on, here and in forked children, the kernel is asked about no mapping: a
    /// program that confined itself may be killed for it.
    pub fn ask_no_more() {
        ASK_NO_MORE.store(true, Ordering::Relaxed);
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

    /// The mapping base of a live block, which is never 0.
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
        let (start, end) = self
            .ranges
            .find(block as u64)
            .unwrap_or_else(|| self.look_around(block as u64));
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
    fn look_around(&self, block: u64) -> (u64, u64) {
        if let Some(heap) = self.main_heap_of(block) {
            return heap;
        }
        if ASK_NO_MORE.load(Ordering::Relaxed) {
            let range = self.ranges.guess(block);
            // Nobody waits, as that takes system calls, too.
            if let Some(_locked) = self.lock.try_quietly() {
                self.ranges.insert(range);
            }
            return range;
        }
        let locked = self.lock.take();
        // Another thread may have looked meanwhile.
        if let Some(range) = self.ranges.find(block) {
            return range;
        }
        let asked = match read_maps(block, &locked) {
            Some(line) if line.is_heap => {
                let known = BREAK_START.load(Ordering::Relaxed);
                if known == 0 || line.start < known {
                    BREAK_START.store(line.start, Ordering::Relaxed);
                }
                if let Some(heap) = self.main_heap_of(block) {
                    return heap;
                }
                Some((line.start, line.end))
            }
            Some(line) => Some((line.start, line.end)),
            None => self.ranges.stretch(block, &locked),
        };
        let range = asked.unwrap_or_else(|| self.ranges.guess(block));
        self.ranges.insert(range);
        range
    }

    /// Start and end of the main heap, if the block lies there.
    fn main_heap_of(&self, block: u64) -> Option<(u64, u64)> {
        let start = BREAK_START.load(Ordering::Relaxed);
        let end = sys::known_break() as u64;
        if start == 0 || !(start..end).contains(&block) {
            return None;
        }
        self.heap_start.store(start, Ordering::Relaxed);
        self.heap_end.store(end, Ordering::Release);
        Some((start, end))
    }
}

/// How many ranges are remembered.
const RANGES: usize = 96;

/// Mapped memory that held blocks.
struct Ranges {
    /// Odd while the table changes.
    version: AtomicU32,
    /// The next entry to overwrite.
    next: AtomicU32,
    entries: [(AtomicU64, AtomicU64); RANGES],
}

impl Ranges {
    const fn new() -> Ranges {
        Ranges {
            version: AtomicU32::new(0),
            next: AtomicU32::new(0),
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

    /// With the lock held: the range with the highest start at or below `address`, and the
    /// start of the next.
    fn beside(&self, address: u64) -> (Option<(u64, u64)>, u64) {
        let mut below = None;
        let mut next = u64::MAX;
        for (start, end) in &self.entries {
            let range = (start.load(Ordering::Relaxed), end.load(Ordering::Relaxed));
            if range.0 == range.1 {
                continue;
            }
            if range.0 > address {
                next = next.min(range.0);
            } else if below.is_none_or(|(start, _)| start < range.0) {
                below = Some(range);
            }
        }
        (below, next)
    }

    /// The best guess at the range of a block: that of the remembered range below it, or
    /// else some memory around it.
    fn guess(&self, block: u64) -> (u64, u64) {
        let (below, next) = self.beside(block);
        let start = match below {
            Some((start, _)) if block - start < WINDOW => start,
            _ => block & !(GUESS - 1),
        };
        (start, ((block | (GUESS - 1)) + 1).min(next))
    }

    /// The mapped memory without a gap in which a block lies, as far as the kernel tells
    /// and up to some distance; a remembered range that is reached belongs to it.
    fn stretch(&self, block: u64, locked: &Locked<'_>) -> Option<(u64, u64)> {
        let page = sys::page_size() as u64;
        let first = block & !(page - 1);
        let buffer = buffer(locked);
        if sys::in_core(first as usize, buffer.get_mut(..1)?).is_err() {
            return None;
        }
        let (below, next) = self.beside(block);
        let floor = first.saturating_sub(WINDOW);
        let mut floor = below.map_or(floor, |(_, end)| end.next_multiple_of(page).max(floor));
        let mut ceiling = first.saturating_add(WINDOW).min(next & !(page - 1));
        let own_end = OWN_END.load(Ordering::Relaxed);
        if own_end <= first {
            floor = floor.max(own_end);
        } else {
            ceiling = ceiling.min(OWN_START.load(Ordering::Relaxed));
        }
        let mut is_mapped = |from: u64, to: u64| {
            let pages = buffer.get_mut(..((to - from) / page) as usize);
            pages.is_some_and(|pages| sys::in_core(from as usize, pages).is_ok())
        };
        let down = reach((first - floor.min(first)) / page, |done, more| {
            is_mapped(first - (done + more) * page, first - done * page)
        });
        let after = first + page;
        let up = reach((ceiling.max(after) - after) / page, |done, more| {
            is_mapped(after + done * page, after + (done + more) * page)
        });
        let mut start = first - down * page;
        let mut end = after + up * page;
        if let Some(below) = below.filter(|&(_, end)| start < end + page) {
            start = below.0;
        }
        if end + page > next {
            end = self.find(next).map_or(end, |(_, end)| end);
        }
        Some((start, end))
    }
}

/// Bytes beyond which a block is not taken to be of a remembered range, nor the end of
/// mapped memory looked for.
const WINDOW: u64 = 1 << 30;
/// A block of which nothing is known has a base that is a multiple of this many bytes.
const GUESS: u64 = 1 << 20;

/// How many of the next `most` pages are mapped without a gap. `test` says whether all of
/// `more` pages behind the first `done` are: asked for more and more of them up to a gap,
/// then for fewer and fewer.
fn reach(most: u64, mut test: impl FnMut(u64, u64) -> bool) -> u64 {
    let (mut done, mut more) = (0, 1);
    let mut gap_is_near = false;
    while more > 0 && done < most {
        let asked = more.min(most - done);
        if test(done, asked) {
            done += asked;
        } else {
            gap_is_near = true;
        }
        more = if gap_is_near {
            more / 2
        } else {
            (more * 2).min(BUFFER as u64)
        };
    }
    done
}

const BUFFER: usize = 4096;

/// For what the kernel tells: too much for the stack of a thread that may have little.
struct Shared(UnsafeCell<[u8; BUFFER]>);

// SAFETY: used with the lock of the process's one value of `Mappings` held.
unsafe impl Sync for Shared {}

static BYTES: Shared = Shared(UnsafeCell::new([0; BUFFER]));

#[allow(
    clippy::mut_from_ref,
    reason = "the lock is held, and each caller is done with it before the next"
)]
fn buffer<'a>(_locked: &'a Locked<'_>) -> &'a mut [u8; BUFFER] {
    // SAFETY: the lock is held, and neither of the users calls the other.
    unsafe { &mut *BYTES.0.get() }
}

/// One line of /proc/self/maps.
#[derive(Clone, Copy, Default)]
struct Line {
    start: u64,
    end: u64,
    is_heap: bool,
}

/// The line that holds `block`. One of the program break's region starts where the first
/// of its lines does.
fn read_maps(block: u64, locked: &Locked<'_>) -> Option<Line> {
    let path = c"/proc/self/maps".as_ptr().cast();
    // SAFETY: a literal with its NUL.
    let fd = unsafe { sys::open(path, libc::O_RDONLY | libc::O_NONBLOCK, 0) }.ok()?;
    let mut parser = Parser::default();
    let mut heap_start = None;
    let buffer = buffer(locked);
    let mut found = None;
    while let Ok(read @ 1..) = sys::read(fd, buffer) {
        let bytes = buffer.get(..read).unwrap_or_default();
        found = bytes
            .iter()
            .filter_map(|byte| parser.step(*byte))
            .map(|mut line| {
                if line.is_heap {
                    line.start = *heap_start.get_or_insert(line.start);
                }
                line
            })
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

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    /// Nobody else here asks about mappings.
    #[test]
    fn the_base_is_a_guess_where_the_kernel_may_not_be_asked() {
        Mappings::ask_no_more();
        let mappings = Mappings::new();
        // SAFETY: without glibc's headers, a block is only an address.
        let base = |address| unsafe { mappings.base(address) };
        let first = (100 << 40) + 5 * MIB;
        assert_eq!(base(first + 5000), first);
        assert_eq!(base(first + 16), first);
        // What lies above, up to some distance, is taken to be of the same region.
        assert_eq!(base(first + 7 * MIB + 5), first);
        assert_eq!(base(first - 48), first - MIB);
        assert_eq!(base(first + 2048 * MIB + 5), first + 2048 * MIB);
        assert_eq!(base(first + 16), first);
    }

    #[test]
    fn the_end_of_mapped_memory_is_found_wherever_it_is() {
        for mapped in 0..300 {
            for most in 0..300 {
                let test = |done, more| done + more <= mapped;
                assert_eq!(reach(most, test), most.min(mapped));
            }
        }
    }

    #[test]
    fn a_line_is_read_whatever_pieces_it_comes_in() {
        let text = b"1000-2fff r-xp 00000000 08:01 7  /bin/a b\n3000-5000 rw-p 0 0 0  [heap]\n";
        let mut parser = Parser::default();
        let lines: [Option<Line>; 2] = {
            let mut lines = text.iter().filter_map(|&byte| parser.step(byte));
            [lines.next(), lines.next()]
        };
        let told = lines.map(|line| line.map(|line| (line.start, line.end, line.is_heap)));
        assert_eq!(
            told,
            [Some((0x1000, 0x2fff, false)), Some((0x3000, 0x5000, true))]
        );
    }
}
