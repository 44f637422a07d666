//! The state of a traced process: one page that the kernel wipes on fork.
//!
//! A forked child shares its parent's mapping of the trace and must never write
//! there. Handlers around `fork` would miss `_Fork` and raw `clone`; instead all
//! state lies in a page marked `MADV_WIPEONFORK`. Any child with a memory of its
//! own finds zeros there, which mean "not initialised", whatever way it was made.
//! A child that shares the memory (vfork, posix_spawn) is recorded as its parent.
//!
//! Zeros are safe for a call that is under way, too: mode [`COLD`] leads to the
//! slow path, and a limit of 0 bytes refuses every slot.

use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::mapping::Ranges;
use crate::sink::Output;
use crate::sys::{self, Lock, Locked};
use crate::{config, message, real};

/// Not initialised, or not tracing: ask [`warm_up`].
pub(crate) const COLD: u32 = 0;
/// Bit: allocations are recorded.
pub(crate) const RECORDING: u32 = 1;
/// Bit: the process has blocks that its trace does not know, see [`crate::known`].
pub(crate) const PARTIAL: u32 = 2;

/// Everything that a forked child must not inherit. All-zero bytes are a valid
/// value: not initialised.
#[repr(C, align(128))]
pub(crate) struct State {
    /// What is recorded: [`COLD`], or a set of [`RECORDING`] and [`PARTIAL`].
    pub(crate) mode: AtomicU32,
    /// The process that the trace belongs to.
    pub(crate) process_id: AtomicU32,
    /// Address of the output's byte 0.
    pub(crate) base: AtomicU64,
    /// Bytes of the output, from its start, that may be written.
    pub(crate) limit: AtomicU64,
    /// Where the main heap starts; see [`crate::mapping`].
    pub(crate) heap_start: AtomicU64,
    /// Where the main heap ended when last asked.
    pub(crate) heap_end: AtomicU64,
    /// The cursor lies on a cache line of its own: every event writes it.
    pub(crate) cursor: Cursor,
    lock: Lock,
    /// The rest is used with the lock held only.
    pub(crate) output: Output,
    pub(crate) ranges: Ranges,
}

/// Bytes of the output that are reserved so far.
#[repr(C, align(128))]
pub(crate) struct Cursor(pub(crate) AtomicU64);

const PAGE: usize = 4096;
const _: () = assert!(size_of::<State>() <= PAGE);

/// Stands in until the page is there; never written.
static NONE: State = State {
    mode: AtomicU32::new(COLD),
    process_id: AtomicU32::new(0),
    base: AtomicU64::new(0),
    limit: AtomicU64::new(0),
    heap_start: AtomicU64::new(0),
    heap_end: AtomicU64::new(0),
    cursor: Cursor(AtomicU64::new(0)),
    lock: Lock::new(),
    output: Output::new(),
    ranges: Ranges::new(),
};

static CURRENT: AtomicPtr<State> = AtomicPtr::new((&raw const NONE).cast_mut());

/// Nothing is, or will be, traced in this process or its children.
static OFF: AtomicBool = AtomicBool::new(false);

/// A call went by unrecorded because the process was not set up yet.
static MISSED: AtomicBool = AtomicBool::new(false);

impl State {
    /// Whether every call is to be recorded, which is the common case.
    #[inline(always)]
    pub(crate) fn records_everything(&self) -> bool {
        // Acquire: whoever sees the mode sees the mapping's address.
        self.mode.load(Ordering::Acquire) == RECORDING
    }

    /// Takes the lock of the slow paths, with all signals held back.
    pub(crate) fn lock(&self) -> Locked<'_> {
        self.lock.take()
    }

    /// With the lock held: whether this process has its output open.
    pub(crate) fn is_open(&self) -> bool {
        self.process_id.load(Ordering::Relaxed) != 0 && !OFF.load(Ordering::Relaxed)
    }
}

/// The state of this process.
#[inline(always)]
pub(crate) fn current() -> &'static State {
    // SAFETY: points to `NONE` or to the page, neither of which ever goes away;
    // every field is an atomic.
    unsafe { &*CURRENT.load(Ordering::Acquire) }
}

/// The state, set up if it is not, or `None` where nothing is traced.
#[cold]
#[inline(never)]
pub(crate) fn warm_up() -> Option<&'static State> {
    if OFF.load(Ordering::Relaxed) {
        return None;
    }
    let present = current();
    if present.mode.load(Ordering::Acquire) != COLD {
        return Some(present);
    }
    let errno = real::Errno::save();
    let state = page();
    let ready = state.and_then(|state| {
        let locked = state.lock();
        initialise(state, &locked).then_some(state)
    });
    drop(errno);
    ready
}

/// With the lock held: sets the state up where it is not; says whether this
/// process is traced.
pub(crate) fn initialise(state: &State, locked: &Locked<'_>) -> bool {
    if OFF.load(Ordering::Relaxed) {
        return false;
    }
    if state.process_id.load(Ordering::Relaxed) != 0 {
        return true;
    }
    match config::open(state, locked) {
        config::Opened::NotYet => {
            MISSED.store(true, Ordering::Relaxed);
            false
        }
        config::Opened::No => {
            switch_off(state);
            false
        }
        config::Opened::Yes {
            stands_alone,
            starts_paused,
        } => {
            let mut mode = RECORDING;
            if stands_alone || MISSED.load(Ordering::Relaxed) || starts_paused {
                mode |= PARTIAL;
            }
            if starts_paused {
                mode &= !RECORDING;
            }
            state.process_id.store(sys::process_id(), Ordering::Relaxed);
            state.mode.store(mode, Ordering::Release);
            true
        }
    }
}

/// In a forked child: makes the state what the kernel's wiping makes of it, in
/// case it did not (qemu's user mode takes the advice and forgets it).
pub(crate) fn forget_parent() {
    let page = CURRENT.load(Ordering::Acquire);
    // SAFETY: as in `current`.
    let owner = unsafe { (*page).process_id.load(Ordering::Relaxed) };
    if owner != 0 && owner != sys::process_id() {
        // SAFETY: this is the page, for `NONE` has no owner. The child of a
        // fork has one thread, and all-zero bytes are a valid state.
        unsafe { page.write_bytes(0, 1) };
    }
}

/// Ends tracing for good, in this process and in children to come. Calls under
/// way may still fill the slots that they have.
pub(crate) fn switch_off(state: &State) {
    OFF.store(true, Ordering::Relaxed);
    state.mode.store(COLD, Ordering::Relaxed);
}

/// The page, made where there is none.
fn page() -> Option<&'static State> {
    let none = (&raw const NONE).cast_mut();
    let present = CURRENT.load(Ordering::Acquire);
    if present != none {
        // SAFETY: as in `current`.
        return Some(unsafe { &*present });
    }
    let made = sys::map(PAGE, None).and_then(|address| {
        // SAFETY: the fresh mapping is ours and holds nothing yet.
        let wiped = unsafe { sys::advise(address, PAGE, libc::MADV_WIPEONFORK) };
        wiped.map(|()| address as *mut State)
    });
    let Ok(made) = made else {
        if !OFF.swap(true, Ordering::Relaxed) {
            let signals = sys::SignalsBlocked::new();
            message::remember_stderr();
            message::Line::new()
                .text(b"the kernel cannot wipe memory on fork (Linux 4.14 can); running untraced")
                .say(&signals);
        }
        return None;
    };
    match CURRENT.compare_exchange(none, made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: as in `current`; zeros are a valid state.
        Ok(_) => Some(unsafe { &*made }),
        Err(other) => {
            // SAFETY: the page was never published.
            unsafe { sys::unmap(made as usize, PAGE) };
            // SAFETY: as in `current`.
            Some(unsafe { &*other })
        }
    }
}
