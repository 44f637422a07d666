//! SIGBUS where the program holds it back: a fault that comes then is fatal, and the
//! [guard](crate::signals) would be of no use. So the program's masks are passed on without this
//! signal, and each thread remembers what its program believes.
//!
//! Should such a signal be sent to it, for which it perhaps waits, it is held back for real from
//! then on, and sent again.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::table::types::{Text, Texts};
use crate::{real, signals, sys, tls};

/// What a thread's program believes of SIGBUS. A new thread inherits what its creator believed,
/// which nobody tells us.
const UNKNOWN: u32 = 0;
const OPEN: u32 = 1;
const HELD: u32 = 2;

/// Some thread holds, or held, the signal back.
static ANY_HOLDS: AtomicBool = AtomicBool::new(false);

/// The first word of a mask has all signals that there are.
fn word(set: *const libc::sigset_t) -> *mut u64 {
    set.cast_mut().cast()
}

/// The calling thread, new to the guard, may have inherited a mask that holds the signal back.
pub fn open_here() {
    let thread = tls::block();
    if !signals::stands() || thread.sigbus.get() == HELD {
        return;
    }
    // In this order: one may be pending.
    if sys::mask(libc::SIG_BLOCK, 0) & sys::bit(libc::SIGBUS) != 0 {
        hold();
        sys::mask(libc::SIG_UNBLOCK, sys::bit(libc::SIGBUS));
    }
}

fn hold() {
    ANY_HOLDS.store(true, Ordering::Relaxed);
    tls::block().sigbus.set(HELD);
}

/// The calling thread is the first.
pub(crate) fn begin() {
    let state = &tls::block().sigbus;
    if state.get() == UNKNOWN {
        state.set(OPEN);
    }
    open_here();
}

/// In a handler of SIGBUS: what there is to do where the program holds the signal back. Says
/// whether it is done.
pub(crate) fn came(is_fault: bool, info: *const libc::siginfo_t, context: *mut c_void) -> bool {
    let state = tls::block().sigbus.get();
    if is_fault || !(state == HELD || state == UNKNOWN && ANY_HOLDS.load(Ordering::Relaxed)) {
        return false;
    }
    let bit = sys::bit(libc::SIGBUS);
    sys::mask(libc::SIG_BLOCK, bit);
    // SAFETY: the kernel passes both, and reads the mask when the handler is left.
    unsafe {
        *word(&raw const (*context.cast::<libc::ucontext_t>()).uc_sigmask) |= bit;
        sys::send_again(libc::SIGBUS, info);
    }
    true
}

/// The mask that a program to be executed inherits: while this lives, the signal is held back
/// for real if the program says so.
pub(crate) struct Inherited(bool);

impl Inherited {
    pub(crate) fn new() -> Inherited {
        if is_held() {
            sys::mask(libc::SIG_BLOCK, sys::bit(libc::SIGBUS));
        }
        Inherited(is_held())
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        if self.0 {
            sys::mask(libc::SIG_UNBLOCK, sys::bit(libc::SIGBUS));
        }
    }
}

/// Whether the program holds the signal back in this thread.
pub(crate) fn is_held() -> bool {
    tls::block().sigbus.get() == HELD
}

unsafe fn change(
    how: c_int,
    set: *const libc::sigset_t,
    old: *mut libc::sigset_t,
    real: unsafe fn(c_int, *const libc::sigset_t, *mut libc::sigset_t) -> c_int,
) -> c_int {
    let state = &tls::block().sigbus;
    let before = state.get();
    if !signals::stands() || (set.is_null() && before != HELD) {
        // SAFETY: the caller keeps C's rules, here and below.
        return unsafe { real(how, set, old) };
    }
    let bit = sys::bit(libc::SIGBUS);
    // SAFETY: as above; what is read was written.
    unsafe {
        let mut without = core::mem::MaybeUninit::uninit();
        let mut given = set;
        if !set.is_null() {
            let has = *word(set) & bit != 0;
            match how {
                libc::SIG_BLOCK | libc::SIG_SETMASK if has => {
                    without.write(*set);
                    given = without.as_ptr();
                    *word(given) &= !bit;
                    hold();
                }
                libc::SIG_UNBLOCK if !has => {}
                libc::SIG_UNBLOCK | libc::SIG_SETMASK => state.set(OPEN),
                _ => {}
            }
        }
        let result = real(how, given, old);
        if result != 0 {
            state.set(before);
        } else if before == HELD && !old.is_null() {
            *word(old) |= bit;
        }
        result
    }
}

/// `pthread_sigmask(3)`
///
/// # Safety
/// As in C, here and below.
pub unsafe fn pthread_sigmask<B>(
    how: c_int,
    set: *const libc::sigset_t,
    old: *mut libc::sigset_t,
) -> c_int {
    // SAFETY: the caller keeps C's rules, here and below.
    unsafe { change(how, set, old, real::pthread_sigmask) }
}

/// `sigprocmask(2)`
///
/// # Safety
/// As in C.
pub unsafe fn sigprocmask<B>(
    how: c_int,
    set: *const libc::sigset_t,
    old: *mut libc::sigset_t,
) -> c_int {
    // SAFETY: as above.
    unsafe { change(how, set, old, real::sigprocmask) }
}

/// `posix_spawn(3)`
///
/// # Safety
/// As in C.
pub unsafe fn posix_spawn<B>(
    process: *mut libc::pid_t,
    path: Text,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: Texts,
    environment: Texts,
) -> c_int {
    let _mask = Inherited::new();
    // SAFETY: as above.
    unsafe { real::posix_spawn(process, path, actions, attributes, arguments, environment) }
}

/// `posix_spawnp(3)`
///
/// # Safety
/// As in C.
pub unsafe fn posix_spawnp<B>(
    process: *mut libc::pid_t,
    file: Text,
    actions: *const c_void,
    attributes: *const c_void,
    arguments: Texts,
    environment: Texts,
) -> c_int {
    let _mask = Inherited::new();
    // SAFETY: as above.
    unsafe { real::posix_spawnp(process, file, actions, attributes, arguments, environment) }
}
