//! Passes progress on to a function of the caller, which may end the search.

use std::ffi::{c_int, c_void};

use coreba::Improvement;

use crate::abi::Progress;

/// A caller's function and what it wants to be given.
#[derive(Clone, Copy)]
pub(crate) struct Callback {
    pub(crate) function: unsafe extern "C" fn(*const Progress, *mut c_void) -> c_int,
    pub(crate) data: *mut c_void,
}

/// Keeps what the caller is told. `coreba` asks it from the calling thread only.
pub(crate) struct Listener {
    callback: Callback,
    progress: Progress,
    /// What the caller said once stays: it is not called again.
    is_stopped: bool,
}

impl Listener {
    pub(crate) fn new(callback: Callback) -> Listener {
        let progress = Progress {
            struct_size: size_of::<Progress>(),
            makespan: 0,
            lower_bound: 0,
            evaluations: 0,
            has_makespan: 0,
            reserved: 0,
        };
        Listener {
            callback,
            progress,
            is_stopped: false,
        }
    }

    fn call(&mut self) {
        if !self.is_stopped {
            let Callback { function, data } = self.callback;
            // SAFETY: the caller of `idealloc_solve` gave a function that takes these, and
            // the progress outlives the call.
            self.is_stopped = unsafe { function(&self.progress, data) } != 0;
        }
    }
}

impl coreba::Progress for Listener {
    fn improved(&mut self, improvement: &Improvement) {
        self.progress.makespan = improvement.makespan;
        self.progress.lower_bound = improvement.lower_bound;
        self.progress.evaluations = improvement.evaluations;
        self.progress.has_makespan = 1;
        self.call();
    }

    fn evaluated(&mut self, evaluations: u64) {
        self.progress.evaluations = evaluations;
    }

    fn should_stop(&mut self) -> bool {
        self.call();
        self.is_stopped
    }
}
