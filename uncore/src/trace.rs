//! In which order a call and its record happen.
//!
//! Replaying the file from front to back must never show a block allocated at
//! an address that is still live. The order of the file is the order in which
//! slots are reserved, by one counter for all threads. So:
//!
//! * the slot of a **free** is reserved before the block is given back, and
//! * the slot of an **allocation** after it was received.
//!
//! Whoever receives memory that another thread gave back received it after that
//! thread had reserved the slot of its free, and reserves its own later still.
//!
//! **realloc** gives back and receives in one call. A slot that is large enough
//! for either record is reserved before the call, and takes the free of the old
//! block at once: should the process be killed during the call, the block may or
//! may not be given back, and others may have received it. What becomes of the
//! slot, once the call is back, depends on what happened:
//!
//! * *Nothing was reserved meanwhile*, by any thread or signal handler: the slot
//!   is both the last before the call and the first behind it, and takes the
//!   realloc record.
//! * *The block moved*: the slot keeps the free of the old block: it lies before
//!   the real one, as for any free. The new block's malloc record goes into a
//!   slot reserved now, as for any allocation.
//! * *The block stayed and is no larger*: the slot takes the realloc record. It
//!   gives memory back only (a tail), and lies before that.
//! * *The block stayed and grew*: the memory that it grew by was given back by
//!   somebody earlier, perhaps after our slot was reserved, so the realloc record
//!   goes into a slot reserved now, and the first becomes a hole. Nobody else can
//!   receive the added memory before the block is freed or shrunk by a later
//!   call, and the old extent is the block's in any case.
//! * *The block stayed, and the allocator does not tell sizes*: as if it had
//!   moved, which is right for a block that shrank as for one that grew. Nobody
//!   else can receive what lies between the two records.
//! * *The call failed*: the slot becomes a hole. `realloc(p, 0)` that frees and
//!   returns null keeps the free.

use core::ffi::c_void;
use core::sync::atomic::Ordering;

use common::trace::wire::{Block, Call, Kind};
use hook::real::Function;
use hook::{Resize, bootstrap, lock, real};

use crate::slots::Slot;
use crate::state::{self, PARTIAL, RECORDING, State};
use crate::threads::{self, Thread};
use crate::{known, notes, process};

/// What there is to say of a live block.
///
/// # Safety
/// `pointer` is a live block of the real allocator.
unsafe fn describe(
    state: &State,
    function: Function,
    pointer: *mut c_void,
    requested: usize,
) -> Block {
    // SAFETY: the caller's promise.
    let (usable, base) = unsafe {
        (
            real::usable(function, pointer, requested),
            state.mappings.base(pointer as usize),
        )
    };
    Block {
        pointer: pointer as u64,
        usable: usable as u64,
        thread: threads::id(state),
        mapping_base: base as u64,
    }
}

/// The same, where all of it is at hand.
///
/// # Safety
/// As [`describe`], and the block is glibc's.
#[inline(always)]
unsafe fn describe_quickly(
    state: &State,
    pointer: *mut c_void,
) -> Option<(Block, &'static Thread)> {
    let (thread, place) = threads::known()?;
    // SAFETY: the block is live, and glibc's.
    let (base, usable) = unsafe { state.mappings.in_heap(pointer as usize) }?;
    let block = Block {
        pointer: pointer as u64,
        usable: usable as u64,
        thread,
        mapping_base: base as u64,
    };
    Some((block, place))
}

/// Records an allocation that has just been made: `make` completes the record
/// of a `kind` call.
///
/// The common case is written out here and calls nothing; whatever else there is
/// goes to functions that are called last, so that this one has nothing to save.
///
/// # Safety
/// `pointer` is a live block of the real allocator; `make` makes a `kind`.
#[inline(always)]
pub(crate) unsafe fn allocated(
    kind: Kind,
    function: Function,
    pointer: *mut c_void,
    requested: usize,
    make: impl FnOnce(Block) -> Call,
) {
    let state = state::current();
    let block = if state.records_everything() {
        // SAFETY: the block is live, and the mode says whose.
        unsafe { describe_quickly(state, pointer) }
    } else {
        None
    };
    let Some((block, place)) = block else {
        // SAFETY: the caller's promise.
        return unsafe { allocated_slowly(kind, function, pointer, requested, make) };
    };
    match state.try_reserve(place, kind.record_len()) {
        // SAFETY: the slot is as long as the record.
        Some(slot) => unsafe { slot.fill(&make(block)) },
        // SAFETY: the caller's promise.
        None => unsafe { allocated_refused(state, make(block), pointer, requested) },
    }
}

/// [`allocated`], after a slot was refused.
///
/// # Safety
/// As there.
#[cold]
#[inline(never)]
unsafe fn allocated_refused(state: &State, call: Call, pointer: *mut c_void, requested: usize) {
    if lock::is_held_here() {
        return state.events.uncount();
    }
    record_refused(state, call);
    // SAFETY: the caller's promise.
    unsafe { notes::allocated(state, pointer as usize, requested) };
}

/// # Safety
/// As [`allocated`].
#[cold]
#[inline(never)]
unsafe fn allocated_slowly(
    kind: Kind,
    function: Function,
    pointer: *mut c_void,
    requested: usize,
    make: impl FnOnce(Block) -> Call,
) {
    debug_assert!(kind.words() > 2);
    // What the loader gets while the real functions are looked up is nobody's.
    if bootstrap::owns(pointer) || lock::is_held_here() {
        return;
    }
    let mut state = state::current();
    if !state.records_everything() {
        match admit_allocation(pointer) {
            Some(warm) => state = warm,
            None => return,
        }
    }
    // SAFETY: the block is live.
    let block = unsafe { describe(state, function, pointer, requested) };
    record(state, make(block));
    // SAFETY: as above.
    unsafe { notes::allocated(state, pointer as usize, requested) };
}

/// Writes a record into a slot reserved now.
#[cold]
#[inline(never)]
fn record(state: &State, call: Call) {
    if let Some(slot) = process::reserve(state, call.kind().record_len()) {
        // SAFETY: the slot is as long as the record.
        unsafe { slot.fill(&call) };
    }
}

/// Records that a block is about to be freed, after a slot was refused.
#[cold]
#[inline(never)]
fn freeing_refused(pointer: *mut c_void) {
    let state = state::current();
    if lock::is_held_here() {
        return state.events.uncount();
    }
    let call = Call::Free {
        pointer: pointer as u64,
        thread: threads::id(state),
    };
    record_refused(state, call);
}

/// Writes a record for which a slot was just refused.
fn record_refused(state: &State, call: Call) {
    if let Some(slot) = process::reserve_again(state, call.kind().record_len()) {
        // SAFETY: the slot is as long as the record.
        unsafe { slot.fill(&call) };
    }
}

/// Records that a block is about to be freed.
#[inline(always)]
pub(crate) fn freeing(pointer: *mut c_void) {
    let state = state::current();
    if state.records_everything()
        && let Some((thread, place)) = threads::known()
    {
        let call = Call::Free {
            pointer: pointer as u64,
            thread,
        };
        match state.try_reserve(place, Kind::Free.record_len()) {
            // SAFETY: the slot is as long as the record.
            Some(slot) => unsafe { slot.fill(&call) },
            None => freeing_refused(pointer),
        }
        return;
    }
    freeing_slowly(pointer);
}

#[cold]
#[inline(never)]
fn freeing_slowly(pointer: *mut c_void) {
    if lock::is_held_here() {
        return;
    }
    let mut state = state::current();
    if !state.records_everything() {
        match admit_free(pointer) {
            Some(warm) => state = warm,
            None => return,
        }
    }
    record(
        state,
        Call::Free {
            pointer: pointer as u64,
            thread: threads::id(state),
        },
    );
}

/// The state if an allocation is to be recorded although not everything is.
#[cold]
#[inline(never)]
fn admit_allocation(pointer: *mut c_void) -> Option<&'static State> {
    let state = process::warm_up()?;
    let mode = state.mode.load(Ordering::Acquire);
    if mode & RECORDING == 0 || real::is_inside() {
        return None;
    }
    if mode & PARTIAL != 0 && known::add(pointer as usize)? {
        // Its end was not seen.
        notes::passed_by_before();
    }
    Some(state)
}

/// The state if a free is to be recorded although not everything is.
#[cold]
#[inline(never)]
fn admit_free(pointer: *mut c_void) -> Option<&'static State> {
    let state = process::warm_up()?;
    let mode = state.mode.load(Ordering::Acquire);
    if real::is_inside() {
        return None;
    }
    if mode & PARTIAL == 0 {
        return (mode & RECORDING != 0).then_some(state);
    }
    let is_known = known::remove(pointer as usize);
    if !is_known && mode & RECORDING != 0 {
        // Its birth was not seen.
        notes::passed_by_before();
    }
    is_known.then_some(state)
}

/// A `realloc` of a block that is under way.
pub(crate) struct Reallocation {
    state: &'static State,
    slot: Option<Slot>,
    mode: u32,
    /// The trace knows the block.
    known: bool,
    usable_before: usize,
}

/// Before the real call on a block, which is not null: reserves what may be
/// needed, or `None` where nothing is recorded.
///
/// # Safety
/// It is a live block of the real allocator.
pub(crate) unsafe fn reallocating(resize: Resize) -> Option<Reallocation> {
    let pointer = resize.old();
    if real::is_inside() || lock::is_held_here() {
        return None;
    }
    let state = state::current();
    let state = if state.records_everything() {
        state
    } else {
        process::warm_up()?
    };
    let mode = state.mode.load(Ordering::Acquire);
    let known = mode & PARTIAL == 0 || known::remove(pointer as usize);
    let slot = if known {
        process::reserve(state, Kind::Realloc.record_len())
    } else {
        None
    };
    if let Some(slot) = &slot {
        let call = Call::Free {
            pointer: pointer as u64,
            thread: threads::id(state),
        };
        // SAFETY: the slot has room for a realloc record, which is longer.
        unsafe { slot.fill(&call) };
    }
    // SAFETY: the block is live.
    let usable_before = unsafe { real::usable(resize.function(), pointer, 0) };
    Some(Reallocation {
        state,
        slot,
        mode,
        known,
        usable_before,
    })
}

impl Reallocation {
    /// After the real call, which made `new` of the block.
    ///
    /// # Safety
    /// `new`, where it is not null, is a live block of the real allocator.
    pub(crate) unsafe fn done(self, resize: Resize, new: *mut c_void) {
        let (old, requested) = (resize.old(), resize.size());
        let tells_usable = real::tells_usable(resize.function());
        if new.is_null() {
            if requested != 0 {
                self.failed(old);
            }
            return;
        }
        let state = self.state;
        let recording = self.mode & RECORDING != 0
            && (self.mode & PARTIAL == 0 || known::add(new as usize).is_some());
        if !recording {
            // Recording is off: the old block ends, the new one is nobody's.
            return;
        }
        // SAFETY: the caller's promise.
        let block = unsafe { describe(state, resize.function(), new, requested) };
        let requested = requested as u64;
        let reallocated = Call::Realloc {
            old: old as u64,
            requested,
            block,
        };
        // SAFETY: every slot is at least as long as the record that it gets.
        unsafe {
            let Some(slot) = self.slot else {
                let allocated = Call::Realloc {
                    old: 0,
                    requested,
                    block,
                };
                if !self.known
                    && let Some(slot) = process::reserve(state, Kind::Realloc.record_len())
                {
                    slot.fill(&allocated);
                }
                return;
            };
            let shrank = tells_usable && block.usable as usize <= self.usable_before;
            if slot.is_last(&state.cursor) || (new == old && shrank) {
                slot.fill(&reallocated);
            } else if new == old && tells_usable {
                slot.empty();
                state.events.uncount();
                if let Some(later) = process::reserve(state, Kind::Realloc.record_len()) {
                    later.fill(&reallocated);
                }
            } else if let Some(later) = process::reserve(state, Kind::Malloc.record_len()) {
                later.fill(&Call::Malloc { requested, block });
            }
        }
        // SAFETY: the caller's promise.
        unsafe { notes::reallocated(state, new as usize, requested as usize) };
    }

    /// The call failed, and the old block stays.
    fn failed(self, old: *mut c_void) {
        if self.known && self.mode & PARTIAL != 0 {
            known::add(old as usize);
        }
        if let Some(slot) = self.slot {
            // SAFETY: the slot has room for a realloc record.
            unsafe { slot.empty() };
            self.state.events.uncount();
        }
    }
}
