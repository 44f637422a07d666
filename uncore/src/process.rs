//! How a process comes to be traced, and the slow side of its output: more room, and
//! the cut at its end.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hook::environment;
use hook::errno::Errno;
use hook::lock::{Locked, SignalsBlocked};
use hook::message::remember_stderr;
use hook::real;
use hook::sys;

use crate::confinement;
use crate::slots::Slot;
use crate::state::{self, COLD, PARTIAL, RECORDING, State};
use crate::{file, guard, message, notes, output, own_file, sample, settings, threads, windows};

/// A call went by unrecorded because the process was not set up yet.
static MISSED: AtomicBool = AtomicBool::new(false);

/// What this process, or the one that it was forked from, has as its identity.
static IDENTITY: AtomicU32 = AtomicU32::new(0);

/// Whether this process was forked from a traced one.
pub(crate) fn is_forked() -> bool {
    IDENTITY.load(Ordering::Relaxed) > 1
}

/// The state, set up if it is not, or `None` where nothing is traced.
#[cold]
#[inline(never)]
pub(crate) fn warm_up() -> Option<&'static State> {
    if state::is_off() {
        return None;
    }
    let present = state::current();
    if present.mode.load(Ordering::Acquire) != COLD {
        return Some(present);
    }
    if confinement::is_filtered() {
        // A child, whose file cannot be made without system calls.
        state::switch_off();
        return None;
    }
    let errno = Errno::save();
    let ready = match state::make() {
        Ok(state) => {
            let locked = state.lock();
            let is_traced = locked.is_some_and(|locked| initialise(state, &locked));
            is_traced.then_some(state)
        }
        Err(_) => {
            if !state::switch_off() {
                let signals = SignalsBlocked::new();
                remember_stderr();
                message::line()
                    .text(
                        b"the kernel cannot wipe memory on fork (Linux 4.14 can); running untraced",
                    )
                    .say(&signals);
            }
            None
        }
    };
    drop(errno);
    ready
}

/// With the lock held: sets the state up where it is not; says whether this
/// process is traced.
fn initialise(state: &State, locked: &Locked<'_>) -> bool {
    if state::is_off() {
        return false;
    }
    if state.is_open() {
        return true;
    }
    let forked = settings::are_read();
    if !forked && !environment::is_there() {
        // Asked again at the next call.
        MISSED.store(true, Ordering::Relaxed);
        return false;
    }
    let identity = IDENTITY.load(Ordering::Relaxed).wrapping_add(1).max(1);
    IDENTITY.store(identity, Ordering::Relaxed);
    state.identity.store(identity, Ordering::Relaxed);
    if !open(state, forked, locked) {
        state::switch_off();
        return false;
    }
    let starts_paused = settings::toggle().is_some();
    let mut mode = RECORDING;
    if forked || MISSED.load(Ordering::Relaxed) || starts_paused {
        mode |= PARTIAL;
    }
    if starts_paused {
        mode &= !RECORDING;
    }
    real::ready();
    if !real::is_glibc() {
        mode |= PARTIAL;
    }
    state.process_id.store(sys::process_id(), Ordering::Relaxed);
    if let Err(error) = notes::first(state, starts_paused, locked) {
        stop(state, error, locked);
        return false;
    }
    state.mode.store(mode, Ordering::Release);
    true
}

/// With the lock held: opens the file of this process. False where it is not traced.
#[inline(never)]
fn open(state: &State, forked: bool, locked: &Locked<'_>) -> bool {
    if forked {
        windows::leave_parents(threads::forget_parents());
        file::close_parents();
    } else {
        remember_stderr();
        message::share_with_children();
        if !settings::read(&locked.signals) {
            return false;
        }
    }
    let first = !forked && settings::is_first();
    if !first && !settings::follows() {
        return false;
    }
    // The thread has its place before it reserves anything.
    threads::id(state);
    let begun = own_file::open(first, locked).and_then(|fd| {
        let path = own_file::path(locked).as_c();
        output::begin(state, fd, path, locked).inspect_err(|_| {
            // SAFETY: a path has its NUL, and the file is ours.
            let _ = unsafe { sys::unlink(path) };
        })
    });
    if let Err(error) = begun {
        if first {
            settings::refuse();
        }
        if forked && !message::may_child_speak() {
            return false;
        }
        message::line()
            .text(b"cannot write ")
            .text(own_file::path(locked).bytes())
            .text(b" (")
            .error(error)
            .text(b"); running untraced")
            .say(&locked.signals);
        return false;
    }
    guard::install();
    true
}

/// Reserves `length` bytes of the output, or `None` when tracing has stopped.
pub(crate) fn reserve(state: &State, length: usize) -> Option<Slot> {
    match state.try_reserve(threads::mine(state), length) {
        Some(slot) => Some(slot),
        None => reserve_again(state, length),
    }
}

/// Reserves `length` bytes of the output, which were refused, or `None` when tracing has
/// stopped.
#[cold]
#[inline(never)]
pub(crate) fn reserve_again(state: &State, length: usize) -> Option<Slot> {
    loop {
        if !make_room(state) {
            return None;
        }
        if let Some(slot) = state.try_reserve(threads::mine(state), length) {
            return Some(slot);
        }
    }
}

/// After a reservation was refused: makes room, and writes notes that are due; says
/// whether tracing goes on.
fn make_room(state: &State) -> bool {
    let Some(locked) = state.lock() else {
        // Without system calls nobody waits.
        state.events.uncount();
        return state.output.raise_limit(&state.cursor) || used_up(state);
    };
    // A child of a fork in a signal handler may come here with a wiped state.
    if !initialise(state, &locked) {
        return false;
    }
    state.events.uncount();
    if let Err(error) = grow(state, &locked) {
        stop(state, error, &locked);
        return false;
    }
    notes::visit(state, &locked);
    true
}

/// With the lock held: sees to it that a slot may start at the cursor.
fn grow(state: &State, locked: &Locked<'_>) -> Result<(), i32> {
    state.events.add(state.cursor.take_count());
    if confinement::is_filtered() {
        return match state.output.raise_limit(&state.cursor) {
            true => Ok(()),
            false => Err(CONFINED),
        };
    }
    output::make_room(state, own_file::path(locked).as_c(), locked)
}

/// The error of a trace that cannot grow since no system call may be made.
pub(crate) const CONFINED: i32 = -1;

/// What was prepared before the program confined itself is used up: ends tracing, says
/// so in the trace, and to nobody else: that would take a system call.
fn used_up(state: &State) -> bool {
    if !state::switch_off() {
        notes::stopped(state, CONFINED);
    }
    false
}

/// The program is about to confine itself, by a filter of system calls or by what goes
/// before one, or to limit the size of files: makes as much ready as there can be.
pub(crate) fn prepare() {
    let state = state::current();
    if !confinement::is_filtered()
        && let Some(locked) = lock_open(state)
        && is_own(state)
    {
        output::prepare_much(state, own_file::path(&locked).as_c(), &locked);
    }
}

/// With the lock held: reserves `length` bytes of the output.
pub(crate) fn reserve_locked(
    state: &State,
    length: usize,
    locked: &Locked<'_>,
) -> Result<Slot, i32> {
    loop {
        if let Some(slot) = state.try_reserve(threads::mine(state), length) {
            return Ok(slot);
        }
        state.events.uncount();
        grow(state, locked)?;
    }
}

/// With the lock held: ends tracing for good, as the trace cannot grow.
fn stop(state: &State, error: i32, locked: &Locked<'_>) {
    if error == CONFINED {
        used_up(state);
        return;
    }
    state::switch_off();
    notes::stopped(state, error);
    if is_forked() && !message::may_child_speak() {
        return;
    }
    message::line()
        .text(b"tracing stops: the trace cannot grow (")
        .error(error)
        .text(b"); it is whole up to here: ")
        .text(own_file::path(locked).bytes())
        .say(&locked.signals);
}

/// The program is about to give a descriptor of its own the number of one of ours.
pub(crate) fn make_way(fd: i32) {
    let state = state::current();
    // The descriptors of a vfork's child are its own.
    if !confinement::is_filtered()
        && let Some(_locked) = lock_open(state)
        && is_own(state)
    {
        file::make_way(fd);
        sample::make_way(fd);
    }
}

/// Cuts the file to what was used, on the way out of the process or of its
/// program. Tracing goes on in small steps.
pub(crate) fn cut() {
    let state = state::current();
    // The child of a vfork must not cut its parent's file.
    if let Some(locked) = lock_open(state)
        && (confinement::is_filtered() || is_own(state))
    {
        notes::last(state, &locked);
        if !confinement::is_filtered() {
            let path = own_file::path(&locked).as_c();
            let count = output::cut(state, path, &locked);
            state.events.add(count);
        }
    }
}

/// Takes the lock where there is a trace: this process's, or that of the parent, if this
/// is the child of a vfork.
pub(crate) fn lock_open(state: &State) -> Option<Locked<'_>> {
    if !state.is_open() {
        return None;
    }
    state.lock().filter(|_| state.is_open())
}

/// Whether the trace is this process's own: not in the child of a vfork.
pub(crate) fn is_own(state: &State) -> bool {
    state.process_id.load(Ordering::Relaxed) == sys::process_id()
}
