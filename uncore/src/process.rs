//! How a process comes to be traced, and the slow side of its output: more room, and
//! the cut at its end.

use core::sync::atomic::{AtomicBool, Ordering};

use hook::environment;
use hook::errno::Errno;
use hook::lock::{Locked, SignalsBlocked};
use hook::message::remember_stderr;
use hook::sys;

use crate::slots::Slot;
use crate::state::{self, COLD, PARTIAL, RECORDING, State};
use crate::{message, output, own_file, settings};

/// A call went by unrecorded because the process was not set up yet.
static MISSED: AtomicBool = AtomicBool::new(false);

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
    let errno = Errno::save();
    let ready = match state::make() {
        Ok(state) => initialise(state, &state.lock()).then_some(state),
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
    state.process_id.store(sys::process_id(), Ordering::Relaxed);
    state.mode.store(mode, Ordering::Release);
    true
}

/// With the lock held: opens the file of this process. False where it is not traced.
fn open(state: &State, forked: bool, locked: &Locked<'_>) -> bool {
    if forked {
        output::leave_parents();
    } else {
        remember_stderr();
        if !settings::read(&locked.signals) {
            return false;
        }
    }
    let first = !forked && settings::is_first();
    if !first && !settings::follows() {
        return false;
    }
    let attached = own_file::open(first, locked).and_then(|(fd, stat)| {
        let attached = state.output.attach(&state.file, fd, &stat);
        attached.inspect_err(|_| sys::close(fd))
    });
    if let Err(error) = attached {
        message::line()
            .text(b"cannot write ")
            .text(own_file::path(locked).bytes())
            .text(b" (")
            .error(error)
            .text(b"); running untraced")
            .say(&locked.signals);
    }
    attached.is_ok()
}

/// Reserves `length` bytes of the output, or `None` when tracing has stopped.
pub(crate) fn reserve(state: &State, length: usize) -> Option<Slot> {
    match state.try_reserve(length) {
        Some(slot) => Some(slot),
        None => reserve_slowly(state, length),
    }
}

#[cold]
#[inline(never)]
fn reserve_slowly(state: &State, length: usize) -> Option<Slot> {
    loop {
        if !make_room(state, length as u64) {
            return None;
        }
        if let Some(slot) = state.try_reserve(length) {
            return Some(slot);
        }
    }
}

/// Sees to it that `length` bytes behind the cursor may be written; says
/// whether tracing goes on.
fn make_room(state: &State, length: u64) -> bool {
    let locked = state.lock();
    // A child of a fork in a signal handler may come here with a wiped state.
    if !initialise(state, &locked) {
        return false;
    }
    let path = own_file::path(&locked);
    let output = &state.output;
    match output.make_room(&state.file, &state.cursor, length, path.as_c()) {
        Ok(()) => true,
        Err(error) => {
            state::switch_off();
            message::line()
                .text(b"tracing stops: the trace cannot grow (")
                .error(error)
                .text(b"); it is whole up to here: ")
                .text(path.bytes())
                .say(&locked.signals);
            false
        }
    }
}

/// Cuts the file to what was used, on the way out of the process or of its
/// program. Tracing goes on in small steps.
pub(crate) fn cut() {
    let state = state::current();
    if !state.output.is_attached() {
        return;
    }
    let locked = state.lock();
    // The child of a vfork must not cut its parent's file.
    if state.is_open() && state.process_id.load(Ordering::Relaxed) == sys::process_id() {
        let path = own_file::path(&locked).as_c();
        state.output.cut(&state.file, &state.cursor, path);
    }
}
