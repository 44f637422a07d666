//! The tracer as a back end: passes every call on, and records it before or after.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering};

use common::trace::wire::{Call, Kind};
use hook::limits::Limit;
use hook::lock::SignalsBlocked;
use hook::mapping::Mappings;
use hook::{Answer, Backend, Release, Request, Resize, real};

use crate::{confinement, guard, message, notes, process, settings, state, toggle, trace, windows};

/// Records every call that changes live memory.
pub(crate) struct Tracer;

// SAFETY: all blocks are the real functions' own, which keep C's promises.
unsafe impl Backend for Tracer {
    fn start() -> bool {
        let is_traced = process::warm_up().is_some();
        if is_traced {
            toggle::install();
        }
        // SAFETY: the program has one thread.
        unsafe { settings::mark_environment() };
        if real::is_bypassed() {
            tell_passed_by(b"the program brings its own malloc, whose calls cannot be seen");
        }
        is_traced
    }

    fn passed_by() {
        tell_passed_by(b"a library calls malloc and free past the tracer, which cannot be seen");
    }

    fn forked() {
        state::forget_parent();
    }

    fn ending() {
        process::cut();
    }

    fn trimmed() {
        notes::trimmed();
    }

    fn limit(limit: Limit, call: impl FnOnce() -> c_int) -> c_int {
        process::prepare();
        let before = confinement::begin(limit);
        let result = call();
        match before {
            Some(before) if result < 0 => confinement::take_back(before),
            _ if confinement::is_filtered() => Mappings::ask_no_more(),
            _ => {}
        }
        result
    }

    fn memory_locked() {
        if !confinement::is_filtered() {
            windows::unlock();
        }
    }

    fn make_way(fd: c_int) {
        process::make_way(fd);
    }

    fn mend(address: usize) -> bool {
        guard::mend(address)
    }

    #[inline(always)]
    unsafe fn allocate(request: Request) -> Answer {
        // SAFETY: the caller's promise.
        let answer = unsafe { request.pass_on() };
        if !answer.block.is_null() {
            // SAFETY: the block was allocated just now.
            unsafe { record(request, answer.block) };
        }
        answer
    }

    #[inline(always)]
    unsafe fn free(release: Release) {
        trace::freeing(release.block());
        // SAFETY: the caller's promise.
        unsafe { release.pass_on() }
    }

    #[inline(always)]
    unsafe fn reallocate(resize: Resize) -> *mut c_void {
        // SAFETY: the caller's promise; what comes back is a live block.
        unsafe {
            let under_way = trace::reallocating(resize);
            let new = resize.pass_on();
            if let Some(under_way) = under_way {
                under_way.done(resize, new);
            }
            new
        }
    }
}

/// Notes, and says in the first process, that calls are missing in the trace: once.
fn tell_passed_by(why: &[u8]) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if state::is_off() || TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    notes::calls_pass_by();
    if settings::is_first() {
        message::line().text(why).say(&SignalsBlocked::new());
    }
}

/// Records an allocation. A request is known where this is compiled: one arm is left.
///
/// # Safety
/// `block` is a live block that answers `request`.
#[inline(always)]
unsafe fn record(request: Request, block: *mut c_void) {
    // The product of a call that succeeded does not overflow.
    let size = request.size().unwrap_or_default();
    let requested = size as u64;
    let function = request.function();
    // SAFETY: the block is live, and each call is of the kind before it.
    unsafe {
        match request {
            Request::Malloc { .. } => {
                trace::allocated(Kind::Malloc, function, block, size, move |block| {
                    Call::Malloc { requested, block }
                })
            }
            Request::Calloc { count, size: each } => {
                trace::allocated(Kind::Calloc, function, block, size, move |block| {
                    Call::Calloc {
                        count: count as u64,
                        element_size: each as u64,
                        block,
                    }
                });
            }
            Request::Realloc { .. } => {
                trace::allocated(Kind::Realloc, function, block, size, move |block| {
                    Call::Realloc {
                        old: 0,
                        requested,
                        block,
                    }
                })
            }
            Request::AlignedAlloc { alignment, .. } => {
                trace::allocated(Kind::AlignedAlloc, function, block, size, move |block| {
                    Call::AlignedAlloc {
                        alignment: alignment as u64,
                        requested,
                        block,
                    }
                });
            }
            Request::Memalign { .. } | Request::Valloc { .. } | Request::Pvalloc { .. } => {
                let alignment = request.alignment() as u64;
                trace::allocated(Kind::Memalign, function, block, size, move |block| {
                    Call::Memalign {
                        alignment,
                        requested,
                        block,
                    }
                });
            }
            Request::PosixMemalign {
                slot, alignment, ..
            } => trace::allocated(Kind::PosixMemalign, function, block, size, move |block| {
                Call::PosixMemalign {
                    slot: slot as u64,
                    alignment: alignment as u64,
                    requested,
                    block,
                }
            }),
        }
    }
}
