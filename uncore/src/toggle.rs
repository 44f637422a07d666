//! Starting and stopping by a signal: `IDEALLOC_TOGGLE=SIGUSR2` starts the
//! process unrecorded; each such signal turns recording on or off. What the
//! trace then says of blocks from before is told in [`crate::known`].

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::sync::atomic::Ordering;

use crate::config;
use crate::message::Line;
use crate::state::{self, PARTIAL, RECORDING};
use crate::sys::SignalsBlocked;

/// The signal that toggles, if one was asked for.
fn wanted() -> Option<c_int> {
    let value = config::variable(b"IDEALLOC_TOGGLE")?;
    let name = value.strip_prefix(b"SIG").unwrap_or(value);
    Some(match name {
        b"USR1" => libc::SIGUSR1,
        b"USR2" => libc::SIGUSR2,
        b"HUP" => libc::SIGHUP,
        b"WINCH" => libc::SIGWINCH,
        b"URG" => libc::SIGURG,
        b"IO" => libc::SIGIO,
        b"PROF" => libc::SIGPROF,
        b"ALRM" => libc::SIGALRM,
        b"VTALRM" => libc::SIGVTALRM,
        digits => {
            let number = digits
                .iter()
                .try_fold(0, |number: c_int, digit| match digit {
                    b'0'..=b'9' if number < 100 => Some(number * 10 + c_int::from(digit - b'0')),
                    _ => None,
                })?;
            // Nobody can handle the first two, and the others are libc's own.
            let no_ones = [libc::SIGKILL, libc::SIGSTOP, 32, 33];
            if !(1..=64).contains(&number) || no_ones.contains(&number) {
                return None;
            }
            number
        }
    })
}

/// Whether recording waits for a signal.
pub(crate) fn is_wanted() -> bool {
    wanted().is_some()
}

/// Says so where what was asked for is no signal.
pub(crate) fn tell_if_unknown(signals: &SignalsBlocked) {
    let given = config::variable(b"IDEALLOC_TOGGLE").filter(|value| !value.is_empty());
    if let Some(given) = given
        && !is_wanted()
    {
        Line::new()
            .text(b"IDEALLOC_TOGGLE=")
            .text(given)
            .text(b" names no signal that can be used; recording from the start")
            .say(signals);
    }
}

extern "C" fn toggle(_: c_int) {
    let mode = &state::current().mode;
    if mode.load(Ordering::Relaxed) & PARTIAL != 0 {
        mode.fetch_xor(RECORDING, Ordering::AcqRel);
    }
}

/// Installs the handler, if one was asked for.
pub(crate) fn install() {
    let Some(signal) = wanted() else { return };
    // SAFETY: all-zero bytes are a valid `sigaction`; the handler uses nothing
    // but an atomic.
    unsafe {
        let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        action.sa_sigaction = toggle as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(signal, &action, core::ptr::null_mut());
    }
}
