//! Descriptors of our own in a program that closes descriptors that it does not know: the
//! calls by which it does pass ours over, as if nothing were there.
//!
//! A program that makes these system calls itself is not kept from it, and a child of a
//! vfork, whose descriptors are its own, finds ours already gone: they are closed by exec.

use core::ffi::{c_int, c_uint};
use core::sync::atomic::{AtomicI32, Ordering};

use crate::backend::Backend;
use crate::{errno, real};

/// Which of our descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// One.
    First,
    /// Another.
    Second,
}

/// -1 for none.
#[doc(hidden)]
pub static FIRST: AtomicI32 = AtomicI32::new(-1);
#[doc(hidden)]
pub static SECOND: AtomicI32 = AtomicI32::new(-1);

/// From now on `fd` is the descriptor that is kept; none where there is none.
pub fn keep(kept: Kept, fd: Option<c_int>) {
    let place = match kept {
        Kept::First => &FIRST,
        Kept::Second => &SECOND,
    };
    place.store(fd.unwrap_or(-1), Ordering::Relaxed);
}

/// Our descriptors in order; `c_uint::MAX` for none.
fn kept() -> [c_uint; 2] {
    let first = FIRST.load(Ordering::Relaxed) as c_uint;
    let second = SECOND.load(Ordering::Relaxed) as c_uint;
    [first.min(second), first.max(second)]
}

fn is_kept(fd: c_int) -> bool {
    fd >= 0 && kept().contains(&(fd as c_uint))
}

/// `close(2)` of one of our descriptors. All others go to the real function without coming
/// here: it is a cancellation point, from which a thread may be unwound.
pub extern "C" fn close_kept(_: c_int) -> c_int {
    errno::set(libc::EBADF);
    -1
}

/// `close(2)`, where no thread is unwound from it.
///
/// # Safety
/// As in C, here and below.
pub(crate) unsafe fn close_any(fd: c_int) -> c_int {
    if is_kept(fd) {
        return close_kept(fd);
    }
    // SAFETY: the caller keeps C's rules.
    unsafe { real::close(fd) }
}

/// `close_range(2)`
///
/// # Safety
/// As in C, here and below.
pub unsafe fn close_range<B: Backend>(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let mut from = first;
    let mut result = 0;
    for kept in kept() {
        if kept < from || kept > last {
            continue;
        }
        if kept > from {
            // SAFETY: the caller keeps C's rules, here and below.
            result = unsafe { real::close_range(from, kept - 1, flags) };
        }
        from = kept.saturating_add(1);
        if result != 0 || kept == last {
            return result;
        }
    }
    // SAFETY: as above.
    unsafe { real::close_range(from, last, flags) }
}

/// `closefrom(3)`
///
/// # Safety
/// As in C.
pub unsafe fn closefrom<B: Backend>(first: c_int) {
    let first = first.max(0);
    if kept()
        .iter()
        .all(|&kept| kept == c_uint::MAX || kept < first as c_uint)
    {
        // SAFETY: as above.
        return unsafe { real::closefrom(first) };
    }
    let errno = errno::Errno::save();
    // SAFETY: as above.
    if unsafe { close_range::<B>(first as c_uint, c_uint::MAX, 0) } != 0 {
        // Another kernel: ours is closed, too, and opened anew.
        // SAFETY: as above.
        unsafe { real::closefrom(first) };
    }
    drop(errno);
}

/// `dup2(2)`
///
/// # Safety
/// As in C.
pub unsafe fn dup2<B: Backend>(old: c_int, new: c_int) -> c_int {
    if is_kept(new) && old != new {
        B::make_way(new);
    }
    // SAFETY: as above.
    unsafe { real::dup2(old, new) }
}

/// `dup3(2)`
///
/// # Safety
/// As in C.
pub unsafe fn dup3<B: Backend>(old: c_int, new: c_int, flags: c_int) -> c_int {
    if is_kept(new) && old != new {
        B::make_way(new);
    }
    // SAFETY: as above.
    unsafe { real::dup3(old, new, flags) }
}
