//! A guard against SIGBUS: the kernel's answer to a store into a mapping whose file was cut,
//! or has no place left on its device.
//!
//! A handler of ours stands before the program's. A fault in memory of the back end's own is
//! mended by it ([`Backend::mend`]); everything else is the program's, and comes to what it
//! has set up: the calls by which it does so, and asks for it, are hooked. Where the program
//! ignores the signal, or sets it up by system calls of its own, there is no guard.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicUsize, Ordering};

use crate::backend::Backend;
use crate::errno::Errno;
use crate::{masks, real, sys};

/// C's `void (*)(int)`.
pub type Handler = usize;

/// The guard stands.
static STANDS: AtomicBool = AtomicBool::new(false);
/// The process of which it is known.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// What the program has set up: its handler and its flags. The mask is the kernel's.
static HANDLER: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);
static FLAGS: AtomicI32 = AtomicI32::new(0);

/// Flags of a guard where the program has no handler.
const OWN_FLAGS: c_int = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;

type Action = libc::sigaction;

const fn none() -> Action {
    // SAFETY: all-zero bytes are a valid action: the default one.
    unsafe { MaybeUninit::<Action>::zeroed().assume_init() }
}

extern "C" fn guard<B: Backend>(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes a valid siginfo.
    let (is_fault, address) = unsafe { ((*info).si_code > 0, (*info).si_addr() as usize) };
    if is_fault {
        let errno = Errno::save();
        let is_mended = B::mend(address);
        drop(errno);
        if is_mended {
            return;
        }
    }
    if masks::came(is_fault, info, context) {
        return;
    }
    // A fault is fatal where the signal is held back.
    let is_fatal = is_fault && masks::is_held();
    let handler = match is_fatal {
        true => libc::SIG_DFL,
        false => HANDLER.load(Ordering::Relaxed),
    };
    match handler {
        libc::SIG_IGN => {}
        libc::SIG_DFL => {
            // SAFETY: the action is valid.
            unsafe { real::sigaction(signal, &none(), null_mut()) };
            if !is_fault {
                // Held back until this handler is left. A fault comes again by itself.
                sys::raise(signal);
            }
        }
        handler => {
            if FLAGS.load(Ordering::Relaxed) & libc::SA_RESETHAND != 0 {
                HANDLER.store(libc::SIG_DFL, Ordering::Relaxed);
            }
            // A handler of one argument leaves the others where they are.
            // SAFETY: the program set up this handler for this signal.
            unsafe {
                let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    core::mem::transmute(handler);
                handler(signal, info, context);
            }
        }
    }
}

fn is_guard<B: Backend>(action: &Action) -> bool {
    action.sa_sigaction == guard::<B> as *const () as usize
}

/// What is to be set up where the program wants `action`.
fn guarded<B: Backend>(action: &Action) -> Action {
    let mut ours = *action;
    ours.sa_sigaction = guard::<B> as *const () as usize;
    ours.sa_flags = if action.sa_sigaction == libc::SIG_DFL {
        OWN_FLAGS
    } else {
        (action.sa_flags | libc::SA_SIGINFO) & !libc::SA_RESETHAND
    };
    ours
}

/// Sets the guard up, unless the signal is ignored.
pub fn stand<B: Backend>() {
    PROCESS.store(sys::process_id(), Ordering::Relaxed);
    if !STANDS.load(Ordering::Relaxed) {
        stand_up::<B>();
    }
}

#[cold]
#[inline(never)]
fn stand_up<B: Backend>() {
    let mut present = none();
    // SAFETY: the actions are valid.
    unsafe {
        if real::sigaction(libc::SIGBUS, null(), &mut present) != 0
            || present.sa_sigaction == libc::SIG_IGN
        {
            return;
        }
        HANDLER.store(present.sa_sigaction, Ordering::Relaxed);
        FLAGS.store(present.sa_flags, Ordering::Relaxed);
        let stands = real::sigaction(libc::SIGBUS, &guarded::<B>(&present), null_mut()) == 0;
        STANDS.store(stands, Ordering::Relaxed);
    }
    masks::begin();
}

/// Whether the guard stands.
pub(crate) fn stands() -> bool {
    STANDS.load(Ordering::Relaxed)
}

/// In a forked child, which has a copy of its parent's handlers.
pub(crate) fn forked() {
    if STANDS.load(Ordering::Relaxed) {
        PROCESS.store(sys::process_id(), Ordering::Relaxed);
    }
}

/// `sigaction(2)`
///
/// # Safety
/// As in C, here and below.
#[inline(always)]
pub unsafe fn sigaction<B: Backend>(signal: c_int, new: *const Action, old: *mut Action) -> c_int {
    if signal != libc::SIGBUS || !STANDS.load(Ordering::Relaxed) {
        // SAFETY: the caller keeps C's rules, here and below.
        return unsafe { real::sigaction(signal, new, old) };
    }
    // SAFETY: as above.
    unsafe { set_up::<B>(signal, new, old) }
}

#[cold]
#[inline(never)]
unsafe fn set_up<B: Backend>(signal: c_int, new: *const Action, old: *mut Action) -> c_int {
    // The child of a vfork has handlers of its own, and its parent's memory.
    let is_own = PROCESS.load(Ordering::Relaxed) == sys::process_id();
    let handler = HANDLER.load(Ordering::Relaxed);
    let flags = FLAGS.load(Ordering::Relaxed);
    let mut found = none();
    // SAFETY: the caller keeps C's rules.
    let wanted = unsafe { new.as_ref() };
    let result = match wanted {
        Some(action) if is_own && action.sa_sigaction != libc::SIG_IGN => {
            HANDLER.store(action.sa_sigaction, Ordering::Relaxed);
            FLAGS.store(action.sa_flags, Ordering::Relaxed);
            // SAFETY: the actions are valid.
            unsafe { real::sigaction(signal, &guarded::<B>(action), &mut found) }
        }
        _ => {
            if is_own && wanted.is_some() {
                HANDLER.store(libc::SIG_IGN, Ordering::Relaxed);
            }
            // SAFETY: as above.
            unsafe { real::sigaction(signal, new, &mut found) }
        }
    };
    if result != 0 {
        if is_own {
            HANDLER.store(handler, Ordering::Relaxed);
            FLAGS.store(flags, Ordering::Relaxed);
        }
        return result;
    }
    if !old.is_null() {
        if is_guard::<B>(&found) {
            found.sa_sigaction = handler;
            found.sa_flags = flags;
        }
        // SAFETY: the caller keeps C's rules.
        unsafe { old.write(found) };
    }
    0
}

/// A handler set up in one of the old ways, by libc's function `real`, which sets flags and
/// mask as it does: what it made of them is set up again, behind the guard.
unsafe fn set_handler<B: Backend>(
    signal: c_int,
    handler: Handler,
    real: unsafe fn(c_int, Handler) -> Handler,
) -> Handler {
    if signal != libc::SIGBUS || !STANDS.load(Ordering::Relaxed) {
        // SAFETY: the caller keeps C's rules, here and below.
        return unsafe { real(signal, handler) };
    }
    let mut before = none();
    let mut now = none();
    // SAFETY: as above; the actions are valid.
    unsafe {
        set_up::<B>(signal, null(), &mut before);
        let result = real(signal, handler);
        if result == libc::SIG_ERR {
            return result;
        }
        real::sigaction(signal, null(), &mut now);
        set_up::<B>(signal, &now, null_mut());
    }
    before.sa_sigaction
}

/// `signal(2)`
///
/// # Safety
/// As in C.
pub unsafe fn signal<B: Backend>(signal: c_int, handler: Handler) -> Handler {
    // SAFETY: as above.
    unsafe { set_handler::<B>(signal, handler, real::signal) }
}

/// `bsd_signal(3)`
///
/// # Safety
/// As in C.
pub unsafe fn bsd_signal<B: Backend>(signal: c_int, handler: Handler) -> Handler {
    // SAFETY: as above.
    unsafe { set_handler::<B>(signal, handler, real::bsd_signal) }
}

/// `sysv_signal(3)`
///
/// # Safety
/// As in C.
pub unsafe fn sysv_signal<B: Backend>(signal: c_int, handler: Handler) -> Handler {
    // SAFETY: as above.
    unsafe { set_handler::<B>(signal, handler, real::sysv_signal) }
}

/// `__sysv_signal`, which is what `signal` means to some programs.
///
/// # Safety
/// As in C.
pub unsafe fn __sysv_signal<B: Backend>(signal: c_int, handler: Handler) -> Handler {
    // SAFETY: as above.
    unsafe { set_handler::<B>(signal, handler, real::__sysv_signal) }
}
