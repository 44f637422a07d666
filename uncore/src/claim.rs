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
//!
//! What the program itself was started with as an open file, its standard output say, is
//! never replaced, by whatever name it is meant.

use hook::sys;

use crate::path::{Path, TooLong};

/// Access for the user alone: a trace has addresses of a program that runs.
const MODE: u32 = 0o600;
/// Symbolic links that are followed, one after the other.
const DEEPEST_LINK: usize = 40;
/// Times that the name may change hands while we look.
const MOST_TRIES: usize = 1000;
/// Numbers that are tried where a name is taken.
const MOST_NUMBERS: u64 = 1_000_000;
/// Bytes that a name is shortened by at most, to make room for a process id and a number.
const MOST_SHORTER: usize = 32;
/// Descriptors that a shell's redirections give a program: those of one digit.
const REDIRECTED: i32 = 10;

/// Follows symbolic links at the end of `path`, so that what is there is a regular file, or
/// nothing where there was no link. `scratch` is overwritten. `EBUSY` where it is a file
/// that a process has open: one that a link of the kernel's in `/proc` leads to, as
/// `/dev/stdout` does, or one that the program was started with.
#[inline(never)]
pub(crate) fn resolve(path: &mut Path, scratch: &mut Path) -> Result<(), i32> {
    for _ in 0..DEEPEST_LINK {
        // SAFETY: a path has its NUL, here and below.
        let there = match unsafe { sys::lstat(path.as_c()) } {
            Err(libc::ENOENT) => return Ok(()),
            result => result?,
        };
        match there.st_mode & libc::S_IFMT {
            libc::S_IFREG if is_open(&there) => return Err(libc::EBUSY),
            libc::S_IFREG => return Ok(()),
            libc::S_IFDIR => return Err(libc::EISDIR),
            libc::S_IFLNK if is_of_proc(&there) => return Err(libc::EBUSY),
            // The kernel may not follow it, as in a folder that everybody may write, and
            // knows whether it leads anywhere.
            // SAFETY: a path has its NUL.
            libc::S_IFLNK => drop(unsafe { sys::stat(path.as_c())? }),
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

/// Whether the program was started with this file open.
fn is_open(file: &libc::stat) -> bool {
    let is_it = |open: libc::stat| (open.st_dev, open.st_ino) == (file.st_dev, file.st_ino);
    (0..REDIRECTED).any(|fd| sys::fstat(fd).is_ok_and(is_it))
}

/// Whether a symbolic link lies in `/proc`.
fn is_of_proc(link: &libc::stat) -> bool {
    // SAFETY: a literal has its NUL.
    let one = unsafe { sys::lstat(c"/proc/self".as_ptr().cast()) };
    one.is_ok_and(|one| one.st_dev == link.st_dev)
}

/// Makes a new file, locked, under the first free of the names `path`, `path.1`, …, or
/// `path.ID`, `path.ID.1`, … for a process id. Where the file system does not take so long
/// a name, what comes before the id is shortened.
#[inline(never)]
pub(crate) fn create(path: &mut Path, process_id: Option<u32>) -> Result<i32, i32> {
    const FLAGS: i32 = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL;
    let whole = path.bytes().len();
    let mut stem = whole;
    let mut number = 0;
    loop {
        path.cut(stem);
        let numbers = process_id.map(u64::from).into_iter();
        for part in numbers.chain((number > 0).then_some(number)) {
            let pushed = path.push(b".").and_then(|()| path.push_number(part));
            pushed.map_err(|TooLong| libc::ENAMETOOLONG)?;
        }
        // SAFETY: a path has its NUL.
        match unsafe { sys::open(path.as_c(), FLAGS, MODE) } {
            Ok(fd) => match sys::lock(fd) {
                // Somebody takes it for a trace that is finished: it is theirs.
                Err(libc::EWOULDBLOCK) => {
                    sys::close(fd);
                    number += 1;
                }
                // Or a file system without locks.
                _ => return Ok(fd),
            },
            Err(libc::EEXIST) if number < MOST_NUMBERS => number += 1,
            Err(libc::ENAMETOOLONG) if path.bytes().len() > stem => {
                stem = shorter(path.bytes(), stem);
                if whole - stem > MOST_SHORTER {
                    return Err(libc::ENAMETOOLONG);
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// The length of `path` when its first `length` bytes lose a character of UTF-8: there are
/// file systems that take nothing else. At least one byte is lost.
fn shorter(path: &[u8], length: usize) -> usize {
    let kept = path.get(..length.saturating_sub(1)).unwrap_or_default();
    let is_inside = |at: usize| path.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut end = kept.len();
    while end > 0 && is_inside(end) {
        end -= 1;
    }
    end
}

/// Moves the file `own`, which is locked, to the name `wanted`, unless that is
/// the file of a living process; says whether it did.
#[inline(never)]
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
