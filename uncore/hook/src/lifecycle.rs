//! When a process begins, forks and ends, as far as it brings that about itself: a
//! fatal signal tells nobody.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use crate::backend::Backend;
use crate::{real, signals};

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

extern "C" fn ending<B: Backend>(_: *mut c_void) {
    B::ending();
}

extern "C" fn forked<B: Backend>() {
    signals::forked();
    B::forked();
}

/// Starts the back end. What it is told of the end is registered with `exit` and
/// `quick_exit`, whose handlers run in the opposite order of registration: this one,
/// registered while libraries are loaded and for no object in particular, runs after
/// the destructors of all of them.
pub extern "C" fn load<B: Backend>() {
    real::ready();
    if !B::start() {
        return;
    }
    // SAFETY: the library is never unloaded, so the handlers stay.
    unsafe {
        let _ = __cxa_atexit(ending::<B>, null_mut(), null_mut());
        let _ = __cxa_at_quick_exit(ending::<B>, null_mut());
        let _ = __register_atfork(None, None, Some(forked::<B>), null_mut());
    }
}
