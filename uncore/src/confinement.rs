//! How far the program has confined itself.
//!
//! A program that installs a filter of system calls may be killed for one that it does not
//! make itself. It is seen coming ([`hook::limits`]): the trace's file is then made longer
//! beforehand, and from the filter on no system call is made at all, in this process and in
//! its children. A program that may no longer gain rights is about to do so, perhaps by
//! ways that are not seen: the file is made longer, and the kernel is asked for nothing that
//! the trace can do without.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use hook::limits::Limit;

const FREE: u32 = 0;
/// It may gain no new rights.
const ABOUT: u32 = 1;
/// System calls are filtered.
const FILTERED: u32 = 2;
/// The clock is not to be read either.
const STRICT: u32 = 3;

/// Inherited by forked children, as the filter is.
static LEVEL: AtomicU32 = AtomicU32::new(FREE);

/// The clock is not to be read, whatever the level.
static NO_CLOCK: AtomicBool = AtomicBool::new(false);

/// The level before [`begin`].
#[derive(Clone, Copy)]
pub(crate) struct Before(u32);

/// From now on no system call is made to learn what the trace can do without; behind a
/// filter, none at all. None where the limit is no confinement.
pub(crate) fn begin(limit: Limit) -> Option<Before> {
    let level = match limit {
        Limit::FileSize => return None,
        Limit::NoClock => {
            NO_CLOCK.store(true, Ordering::Relaxed);
            return None;
        }
        Limit::NoNewRights => ABOUT,
        Limit::Filter => FILTERED,
        Limit::Strict => STRICT,
    };
    Some(Before(LEVEL.fetch_max(level, Ordering::Relaxed)))
}

/// The program did not confine itself after all.
pub(crate) fn take_back(before: Before) {
    LEVEL.store(before.0, Ordering::Relaxed);
}

/// Whether system calls may be made that the trace can do without.
pub(crate) fn may_look() -> bool {
    LEVEL.load(Ordering::Relaxed) == FREE
}

/// Whether the clock may be read.
pub(crate) fn may_tell_time() -> bool {
    LEVEL.load(Ordering::Relaxed) < STRICT && !NO_CLOCK.load(Ordering::Relaxed)
}

/// Whether no system call may be made.
pub(crate) fn is_filtered() -> bool {
    LEVEL.load(Ordering::Relaxed) >= FILTERED
}
