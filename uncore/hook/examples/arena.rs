//! A second back end, beside the tracer: it serves small requests itself, from a static
//! arena of equal cells, and passes all others on. It shows that a back end can answer
//! calls and recognise its own blocks again, and needs nothing but the hook.
//!
//! A cell is free or taken by one bit, which is set and cleared atomically: any number of
//! threads, and signal handlers, may come at once. A forked child inherits the arena with
//! its parent's blocks, and goes on. At the end of a process a line on stderr says what
//! was done, if the variable `ARENA_REPORT` is set.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicU64, Ordering};

use hook::lock::SignalsBlocked;
use hook::message::{Line, remember_stderr};
use hook::{Answer, Backend, Release, Request, Resize, environment, real, tls};

/// Bytes of a cell: larger requests go to the real allocator.
const CELL: usize = 256;
/// A word of bits each.
const GROUPS: usize = 256;
const BYTES: usize = GROUPS * 64 * CELL;

#[repr(align(4096))]
struct Cells(UnsafeCell<[u8; BYTES]>);

// SAFETY: a cell belongs to whoever set its bit.
unsafe impl Sync for Cells {}

static CELLS: Cells = Cells(UnsafeCell::new([0; BYTES]));
static TAKEN: [AtomicU64; GROUPS] = [const { AtomicU64::new(0) }; GROUPS];

/// What was done, counted for the report.
struct Counts {
    served: AtomicU64,
    freed: AtomicU64,
    /// Reallocations that left the arena, and that came in.
    out: AtomicU64,
    into: AtomicU64,
    forks: AtomicU64,
}

static COUNTS: Counts = Counts {
    served: AtomicU64::new(0),
    freed: AtomicU64::new(0),
    out: AtomicU64::new(0),
    into: AtomicU64::new(0),
    forks: AtomicU64::new(0),
};

/// The cell that holds `block`, if it is one of ours.
fn cell_of(block: *mut c_void) -> Option<usize> {
    let offset = (block as usize).wrapping_sub(CELLS.0.get() as usize);
    (offset < BYTES).then_some(offset / CELL)
}

/// A free cell, or null. Each thread begins to look where it last found one.
fn take() -> *mut c_void {
    let [last, ..] = &tls::block().backend;
    for step in 0..GROUPS {
        let group = (last.get() + step) % GROUPS;
        let Some(bits) = TAKEN.get(group) else { break };
        let mut now = bits.load(Ordering::Relaxed);
        while now != u64::MAX {
            let bit = now.trailing_ones() as usize;
            now = bits.fetch_or(1 << bit, Ordering::Acquire);
            if now & (1 << bit) == 0 {
                last.set(group);
                COUNTS.served.fetch_add(1, Ordering::Relaxed);
                let at = (group * 64 + bit) * CELL;
                return CELLS.0.get().cast::<u8>().wrapping_add(at).cast();
            }
        }
    }
    null_mut()
}

fn give_back(cell: usize) {
    if let Some(bits) = TAKEN.get(cell / 64) {
        COUNTS.freed.fetch_add(1, Ordering::Relaxed);
        bits.fetch_and(!(1 << (cell % 64)), Ordering::Release);
    }
}

struct Arena;

// SAFETY: a cell is aligned to its size, is given to one caller until it is freed, and
// is recognised by its address.
unsafe impl Backend for Arena {
    fn start() -> bool {
        remember_stderr();
        true
    }

    fn forked() {
        COUNTS.forks.fetch_add(1, Ordering::Relaxed);
    }

    fn ending() {
        if environment::variable(b"ARENA_REPORT").is_some() {
            let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
            Line::new("arena")
                .number(count(&COUNTS.served))
                .text(b" served, ")
                .number(count(&COUNTS.freed))
                .text(b" freed, ")
                .number(count(&COUNTS.out))
                .text(b" out, ")
                .number(count(&COUNTS.into))
                .text(b" in, ")
                .number(count(&COUNTS.forks))
                .text(b" forks")
                .say(&SignalsBlocked::new());
        }
    }

    #[inline(always)]
    unsafe fn allocate(request: Request) -> Answer {
        let fits = request.size().is_some_and(|size| size <= CELL);
        let alignment = request.alignment();
        // `pvalloc` gives whole pages; what is no alignment is for libc to refuse.
        if fits && alignment.is_power_of_two() && (8..=CELL).contains(&alignment) {
            let block = take();
            if !block.is_null() {
                if let Request::Calloc { .. } = request {
                    // SAFETY: the cell is ours alone.
                    unsafe { block.cast::<u8>().write_bytes(0, CELL) };
                }
                return Answer::of(block);
            }
        }
        // SAFETY: the caller's promise.
        unsafe { request.pass_on() }
    }

    #[inline(always)]
    unsafe fn free(release: Release) {
        match cell_of(release.block()) {
            Some(cell) => give_back(cell),
            // SAFETY: the caller's promise, here and below.
            None => unsafe { release.pass_on() },
        }
    }

    unsafe fn reallocate(resize: Resize) -> *mut c_void {
        let (old, size) = (resize.old(), resize.size());
        let Some(cell) = cell_of(old) else {
            // A block of the real allocator comes in where it shrinks enough.
            // SAFETY: the caller's promise, here and below.
            let usable = unsafe { real::malloc_usable_size(old) };
            if size == 0 || size > CELL || usable <= CELL {
                // SAFETY: as above.
                return unsafe { resize.pass_on() };
            }
            let new = take();
            if new.is_null() {
                // SAFETY: as above.
                return unsafe { resize.pass_on() };
            }
            COUNTS.into.fetch_add(1, Ordering::Relaxed);
            // SAFETY: both blocks have `size` bytes, and do not overlap.
            unsafe {
                new.cast::<u8>().copy_from_nonoverlapping(old.cast(), size);
                real::free(old);
            }
            return new;
        };
        if size == 0 {
            give_back(cell);
            return null_mut();
        }
        if size <= CELL {
            return old;
        }
        // SAFETY: the new block is larger than a cell, and nobody else's.
        unsafe {
            let new = real::malloc(size);
            if !new.is_null() {
                COUNTS.out.fetch_add(1, Ordering::Relaxed);
                new.cast::<u8>().copy_from_nonoverlapping(old.cast(), CELL);
                give_back(cell);
            }
            new
        }
    }

    unsafe fn usable_size(block: *mut c_void) -> usize {
        match cell_of(block) {
            Some(_) => CELL,
            // SAFETY: the caller's promise.
            None => unsafe { real::malloc_usable_size(block) },
        }
    }
}

hook::export!(Arena);
