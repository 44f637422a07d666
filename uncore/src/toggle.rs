//! Starting and stopping by a signal: `IDEALLOC_TOGGLE=SIGUSR2` starts the
//! process unrecorded; each such signal turns recording on or off. What the
//! trace then says of blocks from before is told in [`crate::known`].

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use crate::settings;
use crate::state::{self, PARTIAL, RECORDING};

extern "C" fn toggle(_: c_int) {
    let mode = &state::current().mode;
    if mode.load(Ordering::Relaxed) & PARTIAL != 0 {
        mode.fetch_xor(RECORDING, Ordering::AcqRel);
    }
}

/// Installs the handler, if one was asked for.
pub(crate) fn install() {
    let Some(signal) = settings::toggle() else {
        return;
    };
    // On the program's own stack for signals, where it set one up: the stack that is
    // interrupted may have no room left.
    // SAFETY: all-zero bytes are a valid `sigaction`; the handler uses nothing
    // but an atomic.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = toggle as *const () as usize;
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigaction(signal, &action, core::ptr::null_mut());
    }
}
