//! The file of a trace: descriptors that stay ours in a program that does with its
//! descriptors what it likes, and growth by bytes that really exist.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use hook::descriptors::{self, Kept};
use hook::lock::Locked;
use hook::sys;

/// A descriptor of our own, and which file it is: the program's calls that close
/// descriptors pass it over ([`hook::descriptors`]), but it may make system calls itself, and
/// open a file of its own that gets our number. Not wiped on fork, so that a child can close
/// its parent's.
pub(crate) struct Descriptor {
    kept: Kept,
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Descriptor {
    pub(crate) const fn new(kept: Kept) -> Descriptor {
        Descriptor {
            kept,
            fd: AtomicI32::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }

    /// Takes an open file of ours, and moves it out of the program's way; false where there
    /// is no such place, and the descriptor is as it was.
    pub(crate) fn take(&self, fd: i32, (device, inode): (u64, u64)) -> bool {
        self.device.store(device, Ordering::Relaxed);
        self.inode.store(inode, Ordering::Relaxed);
        let Some(high) = out_of_the_way(fd) else {
            return false;
        };
        sys::close(fd);
        self.set(Some(high));
        true
    }

    fn set(&self, fd: Option<i32>) {
        self.fd.store(fd.unwrap_or(0), Ordering::Relaxed);
        descriptors::keep(self.kept, fd);
    }

    fn is(&self, fd: i32) -> bool {
        let device = self.device.load(Ordering::Relaxed);
        sys::identity(fd) == Ok((device, self.inode.load(Ordering::Relaxed)))
    }

    /// The descriptor, if it still is that file.
    pub(crate) fn still(&self) -> Option<i32> {
        let fd = self.fd.load(Ordering::Relaxed);
        (fd != 0 && self.is(fd)).then_some(fd)
    }

    /// Closes it, if it still is that file, and forgets it.
    pub(crate) fn close(&self) {
        if let Some(fd) = self.still() {
            sys::close(fd);
        }
        self.set(None);
    }

    /// Makes way for a descriptor of the program's own that is to have the number `fd`.
    pub(crate) fn make_way(&self, fd: i32) {
        if self.still() == Some(fd) {
            let moved = out_of_the_way(fd);
            sys::close(fd);
            self.set(moved);
        }
    }
}

/// The trace that this process writes, or one that it was forked from.
static TRACE: Descriptor = Descriptor::new(Kept::First);

/// The file that this process writes. Zeros are valid: none. Used by one thread at a time.
pub(crate) struct TraceFile {
    /// In bytes.
    length: AtomicU64,
}

/// The file, open for now.
pub(crate) struct Open {
    pub(crate) fd: i32,
    /// For now only.
    is_opened: bool,
}

impl Open {
    /// Whether it stays open.
    pub(crate) fn is_kept(&self) -> bool {
        !self.is_opened
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.is_opened {
            sys::close(self.fd);
        }
    }
}

impl TraceFile {
    pub(crate) const fn new() -> TraceFile {
        TraceFile {
            length: AtomicU64::new(0),
        }
    }

    /// Takes the freshly opened, empty regular file `fd`. Where there is no place for a
    /// descriptor that the program does not see, it is opened by its name when needed.
    pub(crate) fn take(&self, fd: i32) -> Result<(), i32> {
        let identity = sys::identity(fd).inspect_err(|_| sys::close(fd))?;
        if !TRACE.take(fd, identity) {
            sys::close(fd);
        }
        Ok(())
    }

    /// The file; where the descriptor is not that file any more, it is opened anew by its
    /// `path`, which has its NUL.
    pub(crate) fn open(&self, path: *const u8) -> Result<Open, i32> {
        if let Some(fd) = TRACE.still() {
            return Ok(Open {
                fd,
                is_opened: false,
            });
        }
        // SAFETY: the caller's promise.
        let fd = unsafe { sys::open(path, libc::O_RDWR | libc::O_NONBLOCK, 0) }?;
        if !TRACE.is(fd) {
            sys::close(fd);
            return Err(libc::ENOENT);
        }
        let high = out_of_the_way(fd);
        if high.is_some() {
            sys::close(fd);
        }
        TRACE.set(high);
        Ok(Open {
            fd: high.unwrap_or(fd),
            is_opened: high.is_none(),
        })
    }

    /// In bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Makes the file longer by zeros, to `wanted` bytes where possible, but at least to
    /// `needed`. Returns its new length.
    ///
    /// Zeros that are written have their place on the device, and are large folios in the
    /// page cache, of which one fault maps many pages.
    pub(crate) fn extend(
        &self,
        open: &Open,
        needed: u64,
        wanted: u64,
        locked: &Locked<'_>,
    ) -> Result<u64, i32> {
        let length = self.length();
        let allowed = sys::limits(libc::RLIMIT_FSIZE)[0];
        if needed > allowed {
            return Err(libc::EFBIG);
        }
        let (written, result) = write_zeros(open.fd, length, wanted.min(allowed) - length, locked);
        let reached = length + written;
        if reached < needed {
            let _ = sys::truncate(open.fd, length);
            return Err(result.err().unwrap_or(libc::ENOSPC));
        }
        self.length.store(reached, Ordering::Relaxed);
        Ok(reached)
    }

    /// Cuts the file to `length` bytes.
    pub(crate) fn cut(&self, open: &Open, length: u64) {
        if sys::truncate(open.fd, length).is_ok() {
            self.length.store(length, Ordering::Relaxed);
        }
    }
}

/// In a forked child: closes the parent's file.
pub(crate) fn close_parents() {
    TRACE.close();
}

/// With the lock held: makes way for a descriptor of the program's own.
pub(crate) fn make_way(fd: i32) {
    TRACE.make_way(fd);
}

/// Beyond this limit of open files the kernel's table of them, which every fork copies, is
/// not made larger for our sake.
const LARGE_LIMIT: u64 = 32 << 10;
/// Below this one, a program may need all that it is allowed.
const SMALL_LIMIT: u64 = 256;

/// Duplicates a descriptor to a number that the program cannot get, above its limit of open
/// files, which is raised for a moment; where that is not allowed, to one that it does not
/// count on. None where it may count on all.
fn out_of_the_way(fd: i32) -> Option<i32> {
    let [soft, hard] = sys::limits(libc::RLIMIT_NOFILE);
    let raised = soft.saturating_add(8);
    if soft <= LARGE_LIMIT
        && sys::set_limits(libc::RLIMIT_NOFILE, [raised, hard.max(raised)]).is_ok()
    {
        let high = sys::duplicate_above(fd, soft as i32);
        let _ = sys::set_limits(libc::RLIMIT_NOFILE, [soft, hard]);
        if high.is_ok() {
            return high.ok();
        }
    }
    if soft < SMALL_LIMIT {
        return None;
    }
    let most = soft.min(1024) as i32;
    sys::duplicate_above(fd, most - most / 32 - 1).ok()
}

/// Zeros to write; memory that can be written, so that it takes no room in the library's
/// file.
struct Zeros(UnsafeCell<[u8; PART]>);

/// As many parts of a write as there are zeros in a window: what is written at once lies
/// together in memory, and is mapped by one fault.
struct Parts([libc::iovec; 16]);

const PART: usize = 64 << 10;

// SAFETY: never written.
unsafe impl Sync for Zeros {}
// SAFETY: as above.
unsafe impl Sync for Parts {}

static ZEROS: Zeros = Zeros(UnsafeCell::new([0; PART]));
static PARTS: Parts = Parts(
    [libc::iovec {
        iov_base: ZEROS.0.get().cast(),
        iov_len: PART,
    }; 16],
);

/// Writes zeros behind the end of the file; how many were written, and why no more.
fn write_zeros(fd: i32, at: u64, length: u64, locked: &Locked<'_>) -> (u64, Result<(), i32>) {
    let mut done = 0;
    while done < length {
        let rest = (length - done) as usize;
        let less = [libc::iovec {
            iov_len: rest,
            ..PARTS.0[0]
        }];
        let parts = match rest / PART {
            0 => &less,
            whole => &PARTS.0[..whole.min(PARTS.0.len())],
        };
        // SAFETY: there are so many zeros in each part.
        let write = || unsafe { sys::write_at(fd, parts, at + done) };
        // A limit may come at any moment.
        match locked.signals.quietly(write) {
            Ok(0) => return (done, Err(libc::ENOSPC)),
            Ok(written) => done += written as u64,
            Err(libc::EINTR) => {}
            Err(error) => return (done, Err(error)),
        }
    }
    (done, Ok(()))
}
