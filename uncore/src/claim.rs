//! How a process comes by a file that nobody else writes or ever cuts.
//!
//! A trace is a shared mapping: two processes in one file would spoil it, and a
//! file that is cut under a mapping is a SIGBUS in the traced program. So no
//! file is ever opened for writing that was there before. Each process makes one
//! of its own (`O_EXCL`), beside the name that it wants, and locks it
//! (`flock`, which lasts as long as the descriptor or the mapping, and so until
//! the process ends or executes another program). Descendants of a run's first
//! process keep that name. A first process then moves its file to the name:
//!
//! * where that is free, by a rename that replaces nothing;
//! * where a file is there that nobody has locked, a left-over of an earlier
//!   run, by a rename over it. The old file is locked meanwhile, so that of
//!   several processes only one does this; what still maps the old file keeps it;
//! * where a file is there that somebody has locked, it belongs to a living
//!   process, or to one that is being born at this moment: ours keeps the name
//!   that it was made with.

use hook::sys;

use crate::path::{Path, TooLong};

/// Access for all that the process's umask leaves.
const MODE: u32 = 0o666;
/// Symbolic links that are followed, one after the other.
const DEEPEST_LINK: usize = 40;
/// Times that the name may change hands while we look.
const MOST_TRIES: usize = 1000;

/// Follows symbolic links at the end of `path`, so that what is there, or will
/// be, is a regular file or nothing. `scratch` is overwritten.
pub(crate) fn resolve(path: &mut Path, scratch: &mut Path) -> Result<(), i32> {
    for _ in 0..DEEPEST_LINK {
        // SAFETY: a path has its NUL, here and below.
        let kind = match unsafe { sys::lstat(path.as_c()) } {
            Err(libc::ENOENT) => return Ok(()),
            Err(error) => return Err(error),
            Ok(stat) => stat.st_mode & libc::S_IFMT,
        };
        match kind {
            libc::S_IFREG => return Ok(()),
            libc::S_IFDIR => return Err(libc::EISDIR),
            libc::S_IFLNK => {}
            _ => return Err(libc::EINVAL),
        }
        scratch.clear();
        scratch.push_link(path)?;
        let folder = match (scratch.bytes().first(), path.bytes()) {
            (Some(b'/'), _) => 0,
            (_, bytes) => bytes
                .iter()
                .rposition(|&b| b == b'/')
                .map_or(0, |at| at + 1),
        };
        path.cut(folder);
        path.push(scratch.bytes())
            .map_err(|TooLong| libc::ENAMETOOLONG)?;
    }
    Err(libc::ELOOP)
}

/// Makes a new file, locked, under the first free of the names `path`,
/// `path.1`, …
pub(crate) fn create(path: &mut Path) -> Result<i32, i32> {
    const FLAGS: i32 = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    const MOST: u64 = 1_000_000;
    let mut number = 0;
    let stem = path.bytes().len();
    loop {
        // SAFETY: a path has its NUL.
        match unsafe { sys::open(path.as_c(), FLAGS, MODE) } {
            Ok(fd) => match sys::lock(fd) {
                // Somebody takes it for a trace that is finished: it is theirs.
                Err(libc::EWOULDBLOCK) => sys::close(fd),
                // Or a file system without locks.
                _ => return Ok(fd),
            },
            Err(libc::EEXIST) if number < MOST => {}
            Err(error) => return Err(error),
        }
        number += 1;
        path.cut(stem);
        path.push(b".").map_err(|TooLong| libc::ENAMETOOLONG)?;
        path.push_number(number)
            .map_err(|TooLong| libc::ENAMETOOLONG)?;
    }
}

/// Moves the file `own`, which is locked, to the name `wanted`, unless that is
/// the file of a living process; says whether it did.
pub(crate) fn take_name(own: &Path, wanted: &Path) -> Result<bool, i32> {
    const FLAGS: i32 = libc::O_RDWR | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW;
    for _ in 0..MOST_TRIES {
        match move_to_free(own, wanted) {
            Err(libc::EEXIST) => {}
            result => return result.map(|()| true),
        }
        // Only what could have been overwritten is replaced.
        // SAFETY: a path has its NUL.
        let old = match unsafe { sys::open(wanted.as_c(), FLAGS, 0) } {
            Err(libc::ENOENT) => continue,
            result => result?,
        };
        let taken = replace(own, wanted, old);
        sys::close(old);
        if let Some(taken) = taken? {
            return Ok(taken);
        }
    }
    Ok(false)
}

/// Replaces the file `old`, which was found at `wanted`; says whether it did, or
/// `None` where `wanted` became another file meanwhile.
fn replace(own: &Path, wanted: &Path, old: i32) -> Result<Option<bool>, i32> {
    if sys::lock(old) == Err(libc::EWOULDBLOCK) {
        return Ok(Some(false));
    }
    let old = sys::fstat(old)?;
    // SAFETY: a path has its NUL.
    let there = match unsafe { sys::lstat(wanted.as_c()) } {
        Err(libc::ENOENT) => return Ok(None),
        result => result?,
    };
    if (there.st_dev, there.st_ino) != (old.st_dev, old.st_ino) {
        return Ok(None);
    }
    if old.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Err(libc::EINVAL);
    }
    // SAFETY: paths have their NULs.
    unsafe { sys::rename(own.as_c(), wanted.as_c(), 0) }.map(|()| Some(true))
}

/// Renames a file; `EEXIST` where the name is taken.
fn move_to_free(own: &Path, wanted: &Path) -> Result<(), i32> {
    let (own, wanted) = (own.as_c(), wanted.as_c());
    // SAFETY: paths have their NULs, here and below.
    match unsafe { sys::rename(own, wanted, libc::RENAME_NOREPLACE) } {
        // The kernel or the file system does not know this way.
        Err(libc::EINVAL | libc::ENOSYS) => {}
        result => return result,
    }
    // SAFETY: as above.
    match unsafe { sys::link(own, wanted) } {
        // SAFETY: as above.
        Ok(()) => unsafe { sys::unlink(own) },
        Err(libc::EEXIST) => Err(libc::EEXIST),
        // SAFETY: as above.
        Err(_) => match unsafe { sys::lstat(wanted) } {
            Ok(_) => Err(libc::EEXIST),
            // Nor links. A file that comes at this moment loses its name.
            // SAFETY: as above.
            Err(_) => unsafe { sys::rename(own, wanted, 0) },
        },
    }
}
