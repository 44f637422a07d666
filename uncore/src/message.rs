//! How the tracer speaks.

use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use hook::message::Line;
use hook::sys;

/// A line of the tracer's.
pub(crate) fn line() -> Line {
    Line::new("uncore")
}

/// One of the forked children has spoken: a word that all of them share; null for none.
static SPOKEN: AtomicPtr<AtomicBool> = AtomicPtr::new(null_mut());

/// In a process that was not forked: children to come are to speak once in all. A server may
/// fork one for each request.
pub(crate) fn share_with_children() {
    if let Ok(shared) = sys::map_shared(size_of::<AtomicBool>()) {
        SPOKEN.store(shared as *mut AtomicBool, Ordering::Relaxed);
    }
}

/// Whether a forked child may say what others of its kind will meet, too.
pub(crate) fn may_child_speak() -> bool {
    // SAFETY: null, or a word that is never unmapped.
    let spoken = unsafe { SPOKEN.load(Ordering::Relaxed).as_ref() };
    spoken.is_none_or(|spoken| !spoken.swap(true, Ordering::Relaxed))
}
