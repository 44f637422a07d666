//! The name of this process's file, and its making; [`settings`] has what was asked for.

use core::cell::UnsafeCell;

use hook::lock::Locked;
use hook::sys;

use crate::path::{Path, TooLong};
use crate::{claim, message, settings};

struct Names {
    /// The file of this process.
    output: Path,
    /// The name that a first process wants for it.
    wanted: Path,
}

struct Shared(UnsafeCell<Names>);

// SAFETY: used with the state's lock held.
unsafe impl Sync for Shared {}

static NAMES: Shared = Shared(UnsafeCell::new(Names {
    output: Path::new(),
    wanted: Path::new(),
}));

/// The path of this process's file.
pub(crate) fn path<'a>(_locked: &'a Locked<'_>) -> &'a Path {
    // SAFETY: the lock is held.
    unsafe { &(*NAMES.0.get()).output }
}

/// With the state's lock held: makes this process's file, empty and locked; [`path`] is
/// its name in any case. See [`claim`].
#[inline(never)]
pub(crate) fn open(first: bool, locked: &Locked<'_>) -> Result<i32, i32> {
    let long = |TooLong| libc::ENAMETOOLONG;
    let process_id = sys::process_id();
    // SAFETY: the lock is held.
    let Names { output, wanted } = unsafe { &mut *NAMES.0.get() };
    output.clear();
    let has_id = output
        .expand(settings::template(), process_id)
        .map_err(long)?;
    if first {
        claim::resolve(output, wanted)?;
        wanted.clear();
        wanted.push(output.bytes()).map_err(long)?;
    }
    let made = claim::create(output, (first || !has_id).then_some(process_id));
    if first {
        let taken = made.and_then(|_| claim::take_name(output, wanted));
        if taken == Ok(false) {
            message::line()
                .text(wanted.bytes())
                .text(b" is being written by another process; this one writes ")
                .text(output.bytes())
                .say(&locked.signals);
        } else {
            if let (Ok(fd), Err(_)) = (made, taken) {
                // SAFETY: a path has its NUL; the file is ours.
                let _ = unsafe { sys::unlink(output.as_c()) };
                sys::close(fd);
            }
            output.clear();
            output.push(wanted.bytes()).map_err(long)?;
            taken?;
        }
    }
    made
}
