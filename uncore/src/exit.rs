//! The ends of a process that it brings about itself: the trace is cut to its
//! length there. After a fatal signal its tail stays zeros, which readers skip.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use crate::{config, message, real, sink, state, sys};

unsafe extern "C" {
    fn __cxa_atexit(
        function: extern "C" fn(*mut c_void),
        argument: *mut c_void,
        object: *mut c_void,
    ) -> c_int;
    fn __register_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
        object: *mut c_void,
    ) -> c_int;
    fn __cxa_at_quick_exit(function: extern "C" fn(*mut c_void), object: *mut c_void) -> c_int;
}

extern "C" fn cut(_: *mut c_void) {
    sink::trim(state::current());
}

extern "C" fn forked() {
    state::forget_parent();
}

/// Registers the cut with `exit` and `quick_exit`. Handlers run in the opposite
/// order of registration, and this one, registered while libraries are loaded
/// and for no object in particular, runs after the destructors of all of them.
pub(crate) fn register() {
    // SAFETY: the library is never unloaded, so the handler stays.
    unsafe {
        let _ = __cxa_atexit(cut, null_mut(), null_mut());
        let _ = __cxa_at_quick_exit(cut, null_mut());
        let _ = __register_atfork(None, None, Some(forked), null_mut());
    }
}

/// The rest of the constructor: the environment for children, and a word where
/// the first program of a run never calls us.
pub(crate) fn after_loading() {
    config::mark_environment();
    if config::is_first() && real::is_bypassed() {
        let signals = sys::SignalsBlocked::new();
        message::Line::new()
            .text(b"the program brings its own malloc, whose calls cannot be seen")
            .say(&signals);
    }
}
