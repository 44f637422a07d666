//! When the file of a trace is cut, replaced on its device or without place while it is
//! written: a store into a window is answered by SIGBUS, which must not reach the program.

use hook::lock::SignalsBlocked;
use hook::signals;

use crate::state;
use crate::tracer::Tracer;
use crate::{confinement, message, windows};

/// Sets the guard up, once.
pub(crate) fn install() {
    signals::stand::<Tracer>();
}

/// Whether a fault was in a window, where private memory is now: the trace ends.
pub(crate) fn mend(address: usize) -> bool {
    if !windows::hold(address) {
        return false;
    }
    windows::cover();
    // A fault in a window that another thread has just covered comes here, too.
    if !state::switch_off() && !confinement::is_filtered() {
        message::line()
            .text(b"tracing stops: the trace's file was cut, or cannot be written any more")
            .say(&SignalsBlocked::new());
    }
    true
}
