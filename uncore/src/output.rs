//! The output: shared mappings of the `.trc` file, filled in place.
//!
//! Windows of the file are mapped where it is written ([`windows`](crate::windows)). A
//! record's slot is reserved by adding its length to a cursor and filled by plain stores
//! ([`slots`](crate::slots)): the kernel owns the bytes from then on, so that a process
//! that is killed loses at most the record that each of its threads was writing.
//!
//! The file grows in small steps, ahead of the cursor, by zeros that are written: a
//! store into a hole on a full disk would be a SIGBUS in the traced program. A
//! slot that starts beyond the limit is given up; its thread grows the file, or only
//! raises the limit, and reserves another.
//!
//! At exit the file is cut to what was used. From the moment at which the cursor
//! is closed (by an addition that carries it beyond any limit) until it is open
//! again where it was, every reservation fails and waits for the lock. What
//! comes later still finds room, in steps that begin small again.
//!
//! Where the file is cut or lost while it is written, [`guard`](crate::guard) has the last
//! word.

use core::sync::atomic::{AtomicU64, Ordering};

use common::trace::wire::MAX_RECORD;
use hook::lock::Locked;

use crate::file::Open;
use crate::slots::{self, Cursor, Slot};
use crate::state::State;
use crate::threads::{self, Thread};
use crate::windows;

/// Growth of the file, bytes: as much as was written since it began, or was cut, but
/// at least …
const LEAST_STEP: u64 = 16 << 10;
/// … and at most this. In powers of two: what is written at once lies together in memory.
const MOST_STEP: u64 = 1 << 20;
/// The limit is raised by no more than these bytes at once, so that the slow path, which
/// writes notes, is taken at least every 16384 events: the shortest record has 17 bytes.
pub(crate) const STEP: u64 = 256 << 10;
/// Bytes that are prepared while that can be done: before the program confines itself, and
/// where it may need all its descriptors.
const PREPARED: u64 = 8 << 20;
/// Bytes behind the limit: for the record that starts right before it, and for one that
/// says why the trace stops.
const SPARE: u64 = 2 * MAX_RECORD as u64;

/// The output of a process. Zeros are valid: none, in which no slot fits. All but the
/// reserving is done by one thread at a time. The windows, the file and the cursor lie beside
/// it, so that the words that every event reads share a cache line.
#[repr(C)]
pub(crate) struct Output {
    /// Where slots may start, see [`slots::limit`].
    limit: AtomicU64,
    /// Bytes of the output, from its start, that may be written.
    ready: AtomicU64,
    /// Where the file began, or was cut last.
    origin: AtomicU64,
}

impl Output {
    pub(crate) const fn new() -> Output {
        Output {
            limit: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            origin: AtomicU64::new(0),
        }
    }

    /// Reserves `length` bytes of the output if they are ready.
    #[inline(always)]
    pub(crate) fn try_reserve(
        &self,
        cursor: &Cursor,
        thread: &'static Thread,
        length: usize,
    ) -> Option<Slot> {
        cursor.reserve(&self.limit, thread, length)
    }

    /// Sees to it that a slot may start at the cursor, where bytes are ready; says whether
    /// they are. By any thread at any time.
    pub(crate) fn raise_limit(&self, cursor: &Cursor) -> bool {
        let at = cursor.reserved();
        let ready = self.ready.load(Ordering::Relaxed);
        let needed = needed_at(at);
        if needed > ready {
            return false;
        }
        let end = ready.min((needed / STEP + 1) * STEP);
        self.limit
            .fetch_max(slots::limit(end - SPARE), Ordering::Release);
        true
    }
}

/// Bytes of the output that must be ready for a slot to start at `at`.
fn needed_at(at: u64) -> u64 {
    at + SPARE + 1
}

/// With the lock held: sees to it that a slot may start at the cursor. `path` is the file's,
/// with its NUL.
pub(crate) fn make_room(state: &State, path: *const u8, locked: &Locked<'_>) -> Result<(), i32> {
    let State { output, cursor, .. } = state;
    // More may be reserved meanwhile, in vain.
    while !output.raise_limit(cursor) {
        let ready = output.ready.load(Ordering::Relaxed);
        let written = ready - output.origin.load(Ordering::Relaxed);
        let step = written.next_power_of_two().clamp(LEAST_STEP, MOST_STEP);
        let needed = needed_at(cursor.reserved());
        let open = state.file.open(path)?;
        // A file that has to be opened each time may not be had again.
        let wanted = match open.is_kept() {
            true => (needed + 1).next_multiple_of(step),
            false => needed + PREPARED,
        };
        prepare(state, &open, wanted, locked)?;
    }
    Ok(())
}

/// With the lock held: makes the output ready to be written up to byte `wanted`, or as far
/// as can be, but far enough for a slot at the cursor.
fn prepare(state: &State, open: &Open, wanted: u64, locked: &Locked<'_>) -> Result<(), i32> {
    let State { output, cursor, .. } = state;
    let needed = needed_at(cursor.reserved()).max(output.ready.load(Ordering::Relaxed));
    let ready = state.file.extend(open, needed, wanted, locked)?;
    windows::follow(open.fd, cursor.reserved(), ready)?;
    output.ready.store(ready, Ordering::Relaxed);
    Ok(())
}

/// With the lock held: makes as much ready as a program that confines itself may be expected
/// to need.
pub(crate) fn prepare_much(state: &State, path: *const u8, locked: &Locked<'_>) {
    let wanted = needed_at(state.cursor.reserved()) + PREPARED;
    // Where it cannot be had, the trace ends sooner.
    if state.output.ready.load(Ordering::Relaxed) < wanted
        && let Ok(open) = state.file.open(path)
    {
        let _ = prepare(state, &open, wanted, locked);
    }
}

/// With the lock held: begins the output that `fd`, a freshly opened, empty regular file, is
/// to hold.
pub(crate) fn begin(
    state: &State,
    fd: i32,
    path: *const u8,
    locked: &Locked<'_>,
) -> Result<(), i32> {
    state.file.take(fd)?;
    make_room(state, path, locked)
}

/// A slot behind all others, in the bytes that are kept for it, when the file cannot
/// grow: of the longest record, once. None where nothing may be written.
pub(crate) fn last_slot(state: &State) -> Option<Slot> {
    let ready = state.output.ready.load(Ordering::Relaxed);
    let at = ready.checked_sub(MAX_RECORD as u64)?;
    Some(Slot::at(threads::mine(state), at, MAX_RECORD))
}

/// Bytes of the output that the process has in memory, about.
pub(crate) fn resident(state: &State) -> u64 {
    let end = state.cursor.reserved().next_multiple_of(4096);
    end.saturating_sub(windows::start())
}

/// Cuts the file, whose `path` has its NUL, to what was used. What comes later
/// grows it in small steps. Returns the count of the cursor, which is taken out.
pub(crate) fn cut(state: &State, path: *const u8, locked: &Locked<'_>) -> u64 {
    let State { output, cursor, .. } = state;
    let Ok(open) = state.file.open(path) else {
        return 0;
    };
    let used = cursor.close();
    output.limit.store(0, Ordering::Release);
    // Who was handed a slot before may fill it later: nothing is taken back, and where the
    // limit has refused slots behind what is ready, they exist.
    let ready = output.ready.load(Ordering::Relaxed);
    if used <= ready {
        state.file.cut(&open, used);
        output.ready.store(used, Ordering::Relaxed);
    } else if let Ok(ready) = state.file.extend(&open, used, used, locked) {
        output.ready.store(ready, Ordering::Relaxed);
    }
    output.origin.store(used, Ordering::Relaxed);
    cursor.open(used)
}
