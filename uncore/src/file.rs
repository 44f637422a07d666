//! The file of a trace: a descriptor that stays ours in a program that does with its
//! descriptors what it likes, and growth by blocks that really exist.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use hook::sys;

/// A descriptor of our own, and which file it is: a program may close all its descriptors,
/// and open a file of its own that gets our number. Zeros are valid: none.
pub(crate) struct Descriptor {
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

impl Descriptor {
    pub(crate) const fn new() -> Descriptor {
        Descriptor {
            fd: AtomicI32::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
        }
    }

    /// Takes an open file of ours.
    pub(crate) fn take(&self, fd: i32, stat: &libc::stat) {
        self.device.store(stat.st_dev, Ordering::Relaxed);
        self.inode.store(stat.st_ino, Ordering::Relaxed);
        self.fd.store(fd, Ordering::Relaxed);
    }

    fn is(&self, fd: i32) -> bool {
        sys::fstat(fd).is_ok_and(|stat| {
            stat.st_dev == self.device.load(Ordering::Relaxed)
                && stat.st_ino == self.inode.load(Ordering::Relaxed)
        })
    }

    /// The descriptor, if it still is that file.
    pub(crate) fn still(&self) -> Option<i32> {
        let fd = self.fd.load(Ordering::Relaxed);
        let is_there = self.inode.load(Ordering::Relaxed) != 0;
        (is_there && self.is(fd)).then_some(fd)
    }

    /// Closes it, if it still is that file, and forgets it.
    pub(crate) fn close(&self) {
        let still = self.still();
        self.inode.store(0, Ordering::Relaxed);
        if let Some(fd) = still {
            sys::close(fd);
        }
    }
}

/// An open file. Zeros are valid: none. Used by one thread at a time.
pub(crate) struct TraceFile {
    descriptor: Descriptor,
    /// In bytes.
    length: AtomicU64,
    /// The most bytes that it may have: those of the mapping.
    most: AtomicU64,
}

/// What a forked child has to close: the last file of this process or of one that it
/// was forked from. Not wiped on fork.
static INHERITED: Descriptor = Descriptor::new();

impl TraceFile {
    pub(crate) const fn new() -> TraceFile {
        TraceFile {
            descriptor: Descriptor::new(),
            length: AtomicU64::new(0),
            most: AtomicU64::new(0),
        }
    }

    /// Takes the freshly opened, empty regular file `fd`, which may have `most` bytes.
    pub(crate) fn take(&self, fd: i32, stat: &libc::stat, most: u64) {
        self.most.store(most, Ordering::Relaxed);
        let fd = out_of_the_way(fd);
        for descriptor in [&self.descriptor, &INHERITED] {
            descriptor.take(fd, stat);
        }
    }

    /// The descriptor; where it is not that file any more, the file is opened anew by its
    /// `path`, which has its NUL.
    pub(crate) fn descriptor(&self, path: *const u8) -> Result<i32, i32> {
        if let Some(fd) = self.descriptor.still() {
            return Ok(fd);
        }
        // SAFETY: the caller's promise.
        let fd = unsafe { sys::open(path, libc::O_RDWR | libc::O_NONBLOCK, 0) }?;
        if !self.descriptor.is(fd) {
            sys::close(fd);
            return Err(libc::ENOENT);
        }
        let fd = out_of_the_way(fd);
        for descriptor in [&self.descriptor, &INHERITED] {
            descriptor.fd.store(fd, Ordering::Relaxed);
        }
        Ok(fd)
    }

    /// In bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Makes the file longer, by `step` where possible, but at least to `needed` bytes.
    /// Returns its new length.
    pub(crate) fn extend(&self, needed: u64, step: u64, path: *const u8) -> Result<u64, i32> {
        let length = self.length();
        let most = self.most.load(Ordering::Relaxed);
        let allowed = sys::limit(libc::RLIMIT_FSIZE);
        if needed > allowed {
            return Err(libc::EFBIG);
        }
        if needed > most {
            return Err(libc::ENOMEM);
        }
        let fd = self.descriptor(path)?;
        let mut wanted = length
            .max(needed)
            .saturating_add(step)
            .min(allowed)
            .min(most);
        loop {
            match make_blocks(fd, length, wanted - length) {
                Ok(()) => break,
                Err(error) => {
                    // A part may have been added.
                    let _ = sys::truncate(fd, length);
                    if wanted == needed {
                        return Err(error);
                    }
                    // Half of what was wanted beyond the need.
                    wanted = needed + (wanted - needed) / 2;
                }
            }
        }
        self.length.store(wanted, Ordering::Relaxed);
        Ok(wanted)
    }

    /// Cuts the file to `length` bytes.
    pub(crate) fn cut(&self, fd: i32, length: u64) {
        if sys::truncate(fd, length).is_ok() {
            self.length.store(length, Ordering::Relaxed);
        }
    }
}

/// In a forked child: closes the parent's file.
pub(crate) fn close_parents() {
    INHERITED.close();
}

/// Moves a descriptor to a number that programs do not count on.
pub(crate) fn out_of_the_way(fd: i32) -> i32 {
    let most = sys::limit(libc::RLIMIT_NOFILE).min(1024) as i32;
    match sys::duplicate_above(fd, most - most / 32 - 1) {
        Ok(high) => {
            sys::close(fd);
            high
        }
        Err(_) => fd,
    }
}

fn make_blocks(fd: i32, at: u64, length: u64) -> Result<(), i32> {
    match sys::allocate(fd, at, length) {
        Err(libc::EOPNOTSUPP | libc::ENOSYS) => write_zeros(fd, at, length),
        result => result,
    }
}

/// Zeros to write; memory that can be written, so that it takes no room in the
/// library's file.
struct Zeros(UnsafeCell<[u8; 64 << 10]>);

// SAFETY: never written.
unsafe impl Sync for Zeros {}

static ZEROS: Zeros = Zeros(UnsafeCell::new([0; 64 << 10]));

/// Writes zeros to bytes of the file that hold nothing yet.
pub(crate) fn write_zeros(fd: i32, at: u64, length: u64) -> Result<(), i32> {
    // SAFETY: never written.
    let zeros: &[u8] = unsafe { &*ZEROS.0.get() };
    let mut done = 0;
    while done < length {
        match sys::write_repeatedly_at(fd, zeros, length - done, at + done) {
            Ok(0) => return Err(libc::ENOSPC),
            Ok(written) => done += written as u64,
            Err(libc::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
