//! When the trace tells of more than calls, and what: see [`common::trace::note`].
//!
//! Notes are written on slow paths only, with the lock held, through the cursor like any
//! record: when the limit of the output is met, which is at least every 16384 events
//! ([`output::STEP`](crate::output::STEP)); when a heap has grown; when a block gets a
//! mapping of its own, which costs a system call anyway; at the beginning and at the end.
//!
//! Once the program confines itself ([`confinement`](crate::confinement)), /proc is not read
//! and `mincore` not called any more; the clock and the ends of heaps need no system call.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::trace::Note;
use hook::glibc::Owner;
use hook::lock::Locked;
use hook::{glibc, real, sys, tls};

use crate::confinement::{may_look, may_tell_time};
use crate::state::{self, COLD, State};
use crate::{output, process, sample, settings, threads};

/// ns between two looks at what is in memory, at least: each takes some 30 µs.
const BETWEEN_SAMPLES: u64 = 10_000_000;
/// Bytes requested in mapped chunks after which there is a look before that is over …
const MUCH_MAPPED: u64 = 8 << 20;
/// … but for these ns: such a block that is not touched costs less than the look.
const BETWEEN_MAPPED: u64 = 1_000_000;
/// ns between two looks at which pages a trim left, at least: each costs what the heap is
/// large.
const BETWEEN_TRIMS: u64 = 10_000_000;
/// Events after which a visit tells the time; in small steps, visits are many. At most
/// 16384 may go by.
const EVENTS: u64 = 512;
/// Heaps of secondary arenas that are watched; there are eight arenas a core at most.
const HEAPS: usize = 64;

/// How many events the trace has: reservations of the output but for those that hold no
/// event. Zeros are valid.
pub(crate) struct Events {
    /// Reservations that were taken out of the cursor's count.
    reserved: AtomicU64,
    /// Those that were refused, hold a note, or became holes again.
    others: AtomicU64,
}

impl Events {
    pub(crate) const fn new() -> Events {
        Events {
            reserved: AtomicU64::new(0),
            others: AtomicU64::new(0),
        }
    }

    /// Adds what was taken out of the cursor's count.
    pub(crate) fn add(&self, reserved: u64) {
        self.reserved.fetch_add(reserved, Ordering::Relaxed);
    }

    /// A reservation holds no event.
    pub(crate) fn uncount(&self) {
        self.others.fetch_add(1, Ordering::Relaxed);
    }

    /// Events, where the cursor's count is at `more`. Exact in a process of one thread;
    /// a reservation that another thread was just refused counts until it has the lock.
    fn count(&self, more: u64) -> u64 {
        let others = self.others.load(Ordering::Relaxed);
        (self.reserved.load(Ordering::Relaxed) + more).saturating_sub(others)
    }
}

/// What was told last. Zeros are valid: nothing. Written with the lock held, but for
/// `mapped`.
pub(crate) struct Notes {
    /// The clock at the process note.
    started: AtomicU64,
    /// The clock when last asked what is in memory.
    sampled: AtomicU64,
    /// Events at the last time note.
    timed: AtomicU64,
    /// Bytes requested in mapped chunks since the last time note.
    mapped: AtomicU64,
    /// The clock when pages were last looked at after a trim.
    trimmed: AtomicU64,
    /// Where the main heap ended.
    main_end: AtomicU64,
    heaps: [Heap; HEAPS],
}

/// The first heap of a secondary arena, which is never unmapped; zeros: none.
struct Heap {
    base: AtomicU64,
    end: AtomicU64,
}

impl Notes {
    pub(crate) const fn new() -> Notes {
        Notes {
            started: AtomicU64::new(0),
            sampled: AtomicU64::new(0),
            timed: AtomicU64::new(0),
            mapped: AtomicU64::new(0),
            trimmed: AtomicU64::new(0),
            main_end: AtomicU64::new(0),
            heaps: [const {
                Heap {
                    base: AtomicU64::new(0),
                    end: AtomicU64::new(0),
                }
            }; HEAPS],
        }
    }
}

/// Writes a note, which is made of the number of events before it.
fn write_with(
    state: &State,
    make: impl FnOnce(u64) -> Note,
    locked: &Locked<'_>,
) -> Result<(), i32> {
    let length = common::trace::wire::MAX_RECORD;
    let slot = process::reserve_locked(state, length, locked)?;
    let note = make(state.events.count(slot.before()));
    state.events.uncount();
    // SAFETY: the slot has room for the longest record.
    unsafe { slot.fill(&note.call(threads::id(state))) };
    Ok(())
}

fn write(state: &State, note: Note, locked: &Locked<'_>) -> Result<(), i32> {
    write_with(state, |_| note, locked)
}

/// With the lock held: what a trace begins with.
///
/// # Errors
/// Those of a trace that cannot grow.
#[inline(never)]
pub(crate) fn first(state: &State, toggled: bool, locked: &Locked<'_>) -> Result<(), i32> {
    let now = sys::monotonic();
    state.notes.started.store(now, Ordering::Relaxed);
    state.notes.sampled.store(now, Ordering::Relaxed);
    let process = Note::Process {
        id: u64::from(state.process_id.load(Ordering::Relaxed)),
        parent: u64::from(sys::parent_id()),
        started: sys::wall_clock(),
        page: sys::page_size() as u64,
    };
    write(state, process, locked)?;
    if may_look() {
        sample::open(state, locked);
        sample::command_line(locked, |text| write(state, Note::Program { text }, locked))?;
    }
    if toggled {
        write(state, Note::Partial { reason: 4 }, locked)?;
    }
    Ok(())
}

/// With the lock held, tracing being over as the trace cannot grow for this error: says
/// so in bytes that were kept for it.
pub(crate) fn stopped(state: &State, error: i32) {
    let reason = match error {
        libc::EFBIG | process::CONFINED => 3,
        _ => 2,
    };
    if let Some(slot) = output::last_slot(state) {
        // SAFETY: the slot has room for the longest record.
        unsafe { slot.fill(&Note::Partial { reason }.call(threads::id(state))) };
    }
}

/// Calls of the program do not reach the tracer.
pub(crate) fn calls_pass_by() {
    let state = state::current();
    if let Some(locked) = process::lock_open(state) {
        // Where the trace cannot grow, the next record says so, here and below.
        let _ = write(state, Note::Partial { reason: 1 }, &locked);
    }
}

/// A block has come or gone unseen. Where the allocator is not glibc's, and all blocks should be
/// known, that is told once: it has functions that are not recorded.
#[cold]
#[inline(never)]
pub(crate) fn passed_by_before() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    let all_are_known = !real::is_glibc() && !process::is_forked() && settings::toggle().is_none();
    if all_are_known && !TOLD.swap(true, Ordering::Relaxed) {
        calls_pass_by();
    }
}

/// With the lock held, after room was made: what is due.
pub(crate) fn visit(state: &State, locked: &Locked<'_>) {
    if !may_tell_time() {
        return;
    }
    let events = state.events.count(0);
    if events.wrapping_sub(state.notes.timed.load(Ordering::Relaxed)) >= EVENTS {
        let _ = tell(state, false, locked);
    }
}

/// With the lock held: the last notes, when the process or its program is about to end.
pub(crate) fn last(state: &State, locked: &Locked<'_>) {
    if !may_tell_time() {
        return;
    }
    let _ = tell(state, true, locked);
}

/// With the lock held: the time, what is in memory if that was not told lately or `look`
/// says so, and heaps that have changed.
fn tell(state: &State, look: bool, locked: &Locked<'_>) -> Result<(), i32> {
    let notes = &state.notes;
    let now = sys::monotonic();
    let since = now.wrapping_sub(notes.started.load(Ordering::Relaxed));
    notes.mapped.store(0, Ordering::Relaxed);
    let make = |events| {
        notes.timed.store(events, Ordering::Relaxed);
        Note::Time { since, events }
    };
    write_with(state, make, locked)?;
    let is_time = now.wrapping_sub(notes.sampled.load(Ordering::Relaxed)) >= BETWEEN_SAMPLES;
    if look || is_time {
        notes.sampled.store(now, Ordering::Relaxed);
        tell_resident(state, locked)?;
    }
    tell_heaps(state, locked)
}

fn tell_resident(state: &State, locked: &Locked<'_>) -> Result<(), i32> {
    // The child of a vfork would tell of itself in its parent's trace. What else there is
    // to tell is the same for both: they share their memory.
    if !may_look() || !process::is_own(state) {
        return Ok(());
    }
    let Some(found) = sample::resident(state, locked) else {
        return Ok(());
    };
    let own = output::resident(state);
    let bytes = found.bytes.saturating_sub(own);
    let note = Note::Resident {
        bytes,
        anonymous: found.anonymous,
        most: found.most.saturating_sub(own).max(bytes),
    };
    write(state, note, locked)
}

/// With the lock held: tells of heaps that have another end than when last told.
fn tell_heaps(state: &State, locked: &Locked<'_>) -> Result<(), i32> {
    if !real::is_glibc() {
        return Ok(());
    }
    each_heap(state, |base, told, end| {
        if told.load(Ordering::Relaxed) == end {
            return Ok(());
        }
        told.store(end, Ordering::Relaxed);
        let note = Note::Extent {
            base,
            end,
            given_back: 0,
        };
        write(state, note, locked)
    })
}

/// Calls `heap` with the base of each known heap, the end that was told last, and its end.
fn each_heap(
    state: &State,
    mut heap: impl FnMut(u64, &AtomicU64, u64) -> Result<(), i32>,
) -> Result<(), i32> {
    if let Some(base) = state.mappings.main_heap() {
        let end = sys::known_break();
        if end >= base {
            heap(base as u64, &state.notes.main_end, end as u64)?;
        }
    }
    for Heap { base, end } in &state.notes.heaps {
        let base = base.load(Ordering::Relaxed);
        if base == 0 {
            break;
        }
        // SAFETY: what is in the table was found by `first_heap`.
        let now = unsafe { glibc::heap_end(base as usize) };
        heap(base, end, now as u64)?;
    }
    Ok(())
}

/// After the program had memory given back.
pub(crate) fn trimmed() {
    let state = state::current();
    if !real::is_glibc() || !may_tell_time() || state.mode.load(Ordering::Relaxed) == COLD {
        return;
    }
    let Some(locked) = process::lock_open(state) else {
        return;
    };
    let now = sys::monotonic();
    let last = state.notes.trimmed.load(Ordering::Relaxed);
    let look = may_look() && now.wrapping_sub(last) >= BETWEEN_TRIMS;
    if look {
        state.notes.trimmed.store(now, Ordering::Relaxed);
    }
    let _ = each_heap(state, |base, told, end| {
        let found = match look {
            true => sample::not_resident(base as usize, end as usize, &locked),
            false => None,
        };
        // A page at least: the allocator says that it gave something back.
        let given_back = found.unwrap_or(0).max(sys::page_size() as u64);
        told.store(end, Ordering::Relaxed);
        let note = Note::Extent {
            base,
            end,
            given_back,
        };
        write(state, note, &locked)
    });
}

/// After the record of an allocation that took the slow path: tells of a heap that has
/// grown or is new, and of a mapping.
///
/// # Safety
/// `block` was just allocated by the real allocator for `requested` bytes, and the
/// program does not have it yet.
pub(crate) unsafe fn allocated(state: &State, block: usize, requested: usize) {
    if !real::is_glibc() {
        return;
    }
    // SAFETY: the block is live, and glibc's.
    match unsafe { glibc::owner(block) } {
        Owner::Mapping => mapped(state, requested as u64),
        // SAFETY: the caller's promise.
        Owner::Secondary => unsafe { watch(state, block, requested) },
        Owner::Main => {
            let told = state.notes.main_end.load(Ordering::Relaxed);
            if block as u64 >= told
                && state.mappings.main_heap().is_some()
                && sys::known_break() as u64 != told
                && let Some(locked) = process::lock_open(state)
            {
                let _ = tell_heaps(state, &locked);
            }
        }
    }
}

/// After the record of a realloc, as [`allocated`].
///
/// # Safety
/// As there.
pub(crate) unsafe fn reallocated(state: &State, block: usize, requested: usize) {
    // SAFETY: the block is live, and glibc's.
    if real::is_glibc() && unsafe { glibc::owner(block) } == Owner::Mapping {
        mapped(state, requested as u64);
    }
}

/// After a block got a mapping of its own.
fn mapped(state: &State, requested: u64) {
    if !may_tell_time() {
        return;
    }
    let notes = &state.notes;
    let total = notes
        .mapped
        .fetch_add(requested, Ordering::Relaxed)
        .saturating_add(requested);
    let between = if total >= MUCH_MAPPED {
        BETWEEN_MAPPED
    } else {
        BETWEEN_SAMPLES
    };
    let is_due = || sys::monotonic().wrapping_sub(notes.sampled.load(Ordering::Relaxed)) >= between;
    if is_due()
        && let Some(locked) = process::lock_open(state)
        && is_due()
    {
        let _ = tell(state, true, &locked);
    }
}

/// Watches the first heap of the arena in which a block lies.
///
/// # Safety
/// As for [`allocated`].
unsafe fn watch(state: &State, block: usize, requested: usize) {
    let [last, of_process, ..] = &tls::block().backend;
    let identity = state.identity.load(Ordering::Relaxed) as usize;
    // A forked child inherits the words and has an empty table.
    if last.get() == glibc::heap_of(block) && of_process.get() == identity {
        return;
    }
    // SAFETY: the caller's promise.
    let Some(heap) = (unsafe { glibc::first_heap(block, requested) }) else {
        return;
    };
    let heap = heap as u64;
    let Some(locked) = process::lock_open(state) else {
        return;
    };
    of_process.set(identity);
    last.set(glibc::heap_of(block));
    for Heap { base, .. } in &state.notes.heaps {
        let known = base.load(Ordering::Relaxed);
        if known == heap {
            return;
        }
        if known == 0 {
            base.store(heap, Ordering::Relaxed);
            let _ = tell_heaps(state, &locked);
            return;
        }
    }
}
