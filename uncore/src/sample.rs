//! What the kernel says of the process: its command line, what of it is in memory, which
//! pages of a heap are. All by one static buffer, so by one thread at a time: the state's
//! lock is held.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

use common::trace::note::TEXT;
use hook::descriptors::Kept;
use hook::lock::Locked;
use hook::sys;

use crate::file::Descriptor;
use crate::state::State;

/// Bytes of the command line that are told; also pages that are asked for at once.
const BUFFER: usize = 4096;

struct Shared(UnsafeCell<[u8; BUFFER]>);

// SAFETY: used with the state's lock held.
unsafe impl Sync for Shared {}

static BYTES: Shared = Shared(UnsafeCell::new([0; BUFFER]));

#[allow(
    clippy::mut_from_ref,
    reason = "the lock is held, and each caller is done with it before the next"
)]
fn buffer<'a>(_locked: &'a Locked<'_>) -> &'a mut [u8; BUFFER] {
    // SAFETY: the lock is held, and none of the functions below calls another.
    unsafe { &mut *BYTES.0.get() }
}

/// Fills the buffer from the start of a file; what was read.
fn read<'a>(path: &core::ffi::CStr, buffer: &'a mut [u8; BUFFER]) -> Option<&'a [u8]> {
    // SAFETY: the path has its NUL.
    let fd = unsafe { sys::open(path.as_ptr().cast(), libc::O_RDONLY, 0) }.ok()?;
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        let room = free.len();
        match sys::read(fd, free) {
            Ok(more) => {
                length += more;
                // The kernel gives all that there is.
                if more < room {
                    break;
                }
            }
            Err(libc::EINTR) => {}
            Err(_) => break,
        }
    }
    sys::close(fd);
    buffer.get(..length)
}

/// The command line in pieces, the last one padded by zeros; nothing where there is no
/// /proc.
///
/// # Errors
/// Those of `piece`.
pub(crate) fn command_line<E>(
    locked: &Locked<'_>,
    mut piece: impl FnMut([u8; TEXT]) -> Result<(), E>,
) -> Result<(), E> {
    let line = read(c"/proc/self/cmdline", buffer(locked)).unwrap_or_default();
    for bytes in line.chunks(TEXT) {
        let mut text = [0; TEXT];
        for (to, from) in text.iter_mut().zip(bytes) {
            *to = *from;
        }
        piece(text)?;
    }
    Ok(())
}

/// /proc/self/status, opened once: an open later would take the lowest free descriptor
/// for a moment, which another thread of the program may count on. Not wiped on fork, so
/// that a child can close its parent's.
struct Status {
    descriptor: Descriptor,
    /// The identity of the process that it tells of.
    identity: AtomicU32,
}

static STATUS: Status = Status {
    descriptor: Descriptor::new(Kept::Second),
    identity: AtomicU32::new(0),
};

/// Opens what the kernel says of this process; without it, nothing is told of what is in
/// memory.
pub(crate) fn open(state: &State, _locked: &Locked<'_>) {
    STATUS.descriptor.close();
    let path = c"/proc/self/status".as_ptr().cast();
    // SAFETY: the path has its NUL.
    let Ok(fd) = (unsafe { sys::open(path, libc::O_RDONLY | libc::O_NONBLOCK, 0) }) else {
        return;
    };
    match sys::identity(fd) {
        Ok(file) if STATUS.descriptor.take(fd, file) => {
            let identity = state.identity.load(Ordering::Relaxed);
            STATUS.identity.store(identity, Ordering::Relaxed);
        }
        // No place is left above.
        _ => sys::close(fd),
    }
}

/// With the lock held: makes way for a descriptor of the program's own.
pub(crate) fn make_way(fd: i32) {
    STATUS.descriptor.make_way(fd);
}

/// What of the process is in memory, in bytes.
#[derive(Default)]
pub(crate) struct Resident {
    pub(crate) bytes: u64,
    pub(crate) anonymous: u64,
    /// The most so far.
    pub(crate) most: u64,
}

/// What of the process is in memory; none where there is no /proc.
pub(crate) fn resident(state: &State, locked: &Locked<'_>) -> Option<Resident> {
    if STATUS.identity.load(Ordering::Relaxed) != state.identity.load(Ordering::Relaxed) {
        return None;
    }
    let buffer = buffer(locked);
    let length = sys::read_at(STATUS.descriptor.still()?, buffer, 0).ok()?;
    let status = buffer.get(..length)?;
    let mut found = Resident::default();
    for line in status.split(|&byte| byte == b'\n') {
        let place = match line.first_chunk::<6>() {
            Some(b"VmRSS:") => &mut found.bytes,
            Some(b"VmHWM:") => &mut found.most,
            Some(b"RssAno") => &mut found.anonymous,
            _ => continue,
        };
        *place = kibibytes(line);
    }
    (found.bytes != 0).then_some(found)
}

/// The number in a line like `VmRSS:     1234 kB`, in bytes.
fn kibibytes(line: &[u8]) -> u64 {
    let digits = line.iter().filter(|byte| byte.is_ascii_digit());
    let number = digits.fold(0u64, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit - b'0'))
    });
    number.wrapping_mul(1024)
}

/// How many bytes from `start` to `end` are not in memory; none where that is not one
/// stretch of memory.
pub(crate) fn not_resident(start: usize, end: usize, locked: &Locked<'_>) -> Option<u64> {
    let page = sys::page_size();
    let buffer = buffer(locked);
    let mut rest = (end.checked_sub(start)?) / page;
    let mut at = start;
    let mut absent = 0;
    while rest > 0 {
        let pages = buffer.get_mut(..rest.min(BUFFER))?;
        sys::in_core(at, pages).ok()?;
        absent += pages.iter().filter(|&&page| page & 1 == 0).count();
        at += pages.len() * page;
        rest -= pages.len();
    }
    Some((absent * page) as u64)
}
