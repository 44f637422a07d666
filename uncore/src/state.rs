//! The state of a traced process: a page that the kernel wipes on fork.
//!
//! A forked child shares its parent's mapping of the trace and must never write
//! there. It finds zeros here ([`hook::wiped`]), which mean "not initialised". They are
//! safe for a call that is under way, too: mode [`COLD`] leads to the slow path, and a
//! limit of 0 bytes, or a byte that no window maps, refuses every slot.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hook::lock::{Lock, Locked};
use hook::mapping::Mappings;
use hook::sys;
use hook::wiped::{Wipeable, Wiped};

use crate::confinement;
use crate::file::TraceFile;
use crate::notes::{Events, Notes};
use crate::output::Output;
use crate::slots::{Cursor, Slot};
use crate::threads::Thread;

/// Not initialised, or not tracing.
pub(crate) const COLD: u32 = 0;
/// Bit: allocations are recorded.
pub(crate) const RECORDING: u32 = 1;
/// Bit: the process may have blocks that its trace does not know, see [`crate::known`]: also
/// where another allocator than glibc's has functions beside those that are recorded.
pub(crate) const PARTIAL: u32 = 2;

/// Everything that a forked child must not inherit.
#[repr(C, align(128))]
pub(crate) struct State {
    /// What is recorded: [`COLD`], or a set of [`RECORDING`] and [`PARTIAL`].
    pub(crate) mode: AtomicU32,
    /// Differs from that of the process that this one was forked from, whose threads' words
    /// a child inherits; 0 for none.
    pub(crate) identity: AtomicU32,
    /// The process that the trace belongs to.
    pub(crate) process_id: AtomicU32,
    /// But for its slots, used with the lock held only.
    pub(crate) output: Output,
    pub(crate) mappings: Mappings,
    lock: Lock,
    /// Used with the lock held only.
    pub(crate) file: TraceFile,
    pub(crate) events: Events,
    pub(crate) notes: Notes,
    pub(crate) cursor: Cursor,
}

// SAFETY: all-zero bytes are a valid value, not initialised, and every field is made of
// atomics.
unsafe impl Wipeable for State {}

// What every event reads, up to the first two words of the mappings, is one cache line, but
// for where its window lies.
const _: () = assert!(core::mem::offset_of!(State, mappings) <= 48);

static STATE: Wiped<State> = Wiped::new(State {
    mode: AtomicU32::new(COLD),
    identity: AtomicU32::new(0),
    process_id: AtomicU32::new(0),
    output: Output::new(),
    mappings: Mappings::new(),
    lock: Lock::new(),
    file: TraceFile::new(),
    events: Events::new(),
    notes: Notes::new(),
    cursor: Cursor::new(),
});

/// Nothing is, or will be, traced in this process or its children.
static OFF: AtomicBool = AtomicBool::new(false);

impl State {
    /// Whether every call is to be recorded, and the allocator is glibc's, which is the
    /// common case.
    #[inline(always)]
    pub(crate) fn records_everything(&self) -> bool {
        // Acquire: whoever sees the mode sees the mapping's address.
        self.mode.load(Ordering::Acquire) == RECORDING
    }

    /// Reserves `length` bytes of the output for a thread if they are ready.
    #[inline(always)]
    pub(crate) fn try_reserve(&self, thread: &'static Thread, length: usize) -> Option<Slot> {
        self.output.try_reserve(&self.cursor, thread, length)
    }

    /// Takes the lock of the slow paths, with all signals held back. Where the program
    /// filters system calls, signals come and nobody waits: none where the lock is taken.
    pub(crate) fn lock(&self) -> Option<Locked<'_>> {
        if confinement::is_filtered() {
            return self.lock.try_quietly();
        }
        Some(self.lock.take())
    }

    /// With the lock held: whether this process has its output open.
    pub(crate) fn is_open(&self) -> bool {
        self.process_id.load(Ordering::Relaxed) != 0 && !is_off()
    }
}

/// The state of this process.
#[inline(always)]
pub(crate) fn current() -> &'static State {
    STATE.get()
}

/// The state of this process, whose page is made where there is none.
///
/// # Errors
/// The kernel's error number where it cannot make it.
pub(crate) fn make() -> Result<&'static State, i32> {
    STATE.make()
}

/// In a forked child: makes the state what the kernel's wiping makes of it.
pub(crate) fn forget_parent() {
    let owner = current().process_id.load(Ordering::Relaxed);
    if owner != 0 && (confinement::is_filtered() || owner != sys::process_id()) {
        // SAFETY: the child of a fork has one thread.
        unsafe { STATE.wipe() };
    }
}

/// Whether tracing has ended for good.
pub(crate) fn is_off() -> bool {
    OFF.load(Ordering::Relaxed)
}

/// Ends tracing for good, in this process and in children to come; says whether it had
/// ended before. Calls under way may still fill the slots that they have.
pub(crate) fn switch_off() -> bool {
    let before = OFF.swap(true, Ordering::Relaxed);
    current().mode.store(COLD, Ordering::Relaxed);
    before
}
