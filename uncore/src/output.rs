//! The output: a shared mapping of the `.trc` file, filled in place.
//!
//! A large range of addresses maps the file far beyond its end. A record's slot
//! is reserved by adding its length to a cursor and filled by plain stores
//! ([`slots`](crate::slots)): the kernel owns the bytes from then on, so that a process
//! that is killed loses at most the record that each of its threads was writing.
//!
//! The file grows in steps, ahead of the cursor, by blocks that really exist: a
//! store into a hole on a full disk would be a SIGBUS in the traced program. A
//! slot that reaches beyond the file is given up; its thread grows the file and
//! reserves another.
//!
//! At exit the file is cut to what was used. From the moment at which the cursor
//! is closed (by an addition that carries it beyond any limit) until it is open
//! again at the exact end, every reservation fails and waits for the lock. What
//! comes later still finds room, in small steps.
//!
//! A file that somebody else truncates while it is written is beyond help: the
//! kernel answers with SIGBUS.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use hook::sys;

use crate::file::{self, TraceFile};
use crate::slots::{Cursor, Slot};

/// Addresses to reserve, bytes; halved while refused.
const ADDRESSES: u64 = 256 << 30;
const LEAST_ADDRESSES: u64 = 1 << 20;
/// First growth of the file, bytes.
const FIRST_STEP: u64 = 64 << 10;
/// Largest growth of the file at once, bytes.
const LAST_STEP: u64 = 32 << 20;
/// First growth after the file was cut, bytes.
const LATE_STEP: u64 = 4 << 10;
/// Pages of the file are made ready to be written in portions, which grow to
/// this many bytes.
const LAST_PORTION: u64 = 1 << 20;
/// Pages that lie this far behind are dropped from the process's memory (they
/// stay in the kernel's cache), so that a trace does not count as memory used.
const KEPT: u64 = 64 << 20;

/// The output of a process. Zeros are valid: none, in which no slot fits. All but the
/// reserving is done by one thread at a time. The file and the cursor lie beside it, so that the words
/// that every event reads share a cache line.
#[repr(C)]
pub(crate) struct Output {
    /// Address of the output's byte 0.
    base: AtomicU64,
    /// Bytes of the output, from its start, that may be written.
    limit: AtomicU64,
    /// Bytes of addresses that are mapped.
    mapped: AtomicU64,
    /// Bytes from the start whose pages were dropped.
    dropped: AtomicU64,
    /// Not 0 once the file was cut: it then grows in small steps.
    late: AtomicU32,
}

/// The last mapping made by this process or one that it was forked from: not
/// wiped on fork.
static INHERITED_BASE: AtomicU64 = AtomicU64::new(0);
static INHERITED_LENGTH: AtomicU64 = AtomicU64::new(0);
static INHERITED_USED: AtomicU64 = AtomicU64::new(0);

impl Output {
    pub(crate) const fn new() -> Output {
        Output {
            base: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            mapped: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            late: AtomicU32::new(0),
        }
    }

    /// Reserves `length` bytes of the output if they are ready.
    #[inline(always)]
    pub(crate) fn try_reserve(&self, cursor: &Cursor, length: usize) -> Option<Slot> {
        cursor.reserve(&self.base, &self.limit, length)
    }

    /// Whether there is an output.
    pub(crate) fn is_attached(&self) -> bool {
        self.base.load(Ordering::Relaxed) != 0
    }

    /// Makes the freshly opened, empty regular file `fd` the output.
    pub(crate) fn attach(&self, file: &TraceFile, fd: i32, stat: &libc::stat) -> Result<(), i32> {
        let address_limit = sys::limit(libc::RLIMIT_AS);
        let mut length = ADDRESSES;
        if address_limit != u64::MAX {
            // The program's own share stays large.
            length = length.min(address_limit / 16);
        }
        let base = loop {
            length = length.max(LEAST_ADDRESSES) & !(LEAST_ADDRESSES - 1);
            match sys::map(length as usize, Some(fd)) {
                Ok(base) => break base,
                // Under valgrind what passes its own address space is no valid length.
                Err(libc::ENOMEM | libc::EINVAL) if length > LEAST_ADDRESSES => length /= 2,
                Err(error) => return Err(error),
            }
        };
        file.take(fd, stat);
        self.mapped.store(length, Ordering::Relaxed);
        self.base.store(base as u64, Ordering::Relaxed);
        INHERITED_BASE.store(base as u64, Ordering::Relaxed);
        INHERITED_LENGTH.store(length, Ordering::Relaxed);
        INHERITED_USED.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Sees to it that `length` bytes behind the cursor may be written. `path` is the
    /// file's, with its NUL.
    pub(crate) fn make_room(
        &self,
        file: &TraceFile,
        cursor: &Cursor,
        length: u64,
        path: *const u8,
    ) -> Result<(), i32> {
        let needed = cursor.reserved().wrapping_add(length);
        if needed <= self.limit.load(Ordering::Relaxed) {
            return Ok(());
        }
        let late = self.late.load(Ordering::Relaxed) != 0;
        let mut end = file.length();
        if needed > end {
            let step = if late {
                LATE_STEP
            } else {
                end.clamp(FIRST_STEP, LAST_STEP)
            };
            let mapped = self.mapped.load(Ordering::Relaxed);
            end = file.extend(needed, step, mapped, path)?;
        }
        let old_limit = self.limit.load(Ordering::Relaxed);
        let mut limit = end;
        if !late {
            let portion = old_limit.clamp(FIRST_STEP, LAST_PORTION);
            limit = end.min((needed / portion + 1) * portion);
            let base = self.base.load(Ordering::Relaxed);
            prepare(file.descriptor(path).ok(), base, old_limit, limit);
            self.drop_old_pages(base, old_limit);
        }
        self.limit.store(limit, Ordering::Release);
        INHERITED_USED.store(limit, Ordering::Relaxed);
        Ok(())
    }

    fn drop_old_pages(&self, base: u64, used: u64) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let end = used.saturating_sub(KEPT) & !(LAST_STEP - 1);
        if end > dropped {
            // SAFETY: the pages are the file's; dropping them from the mapping
            // loses nothing, and a late store brings its page back.
            let advised = unsafe {
                sys::advise(
                    (base + dropped) as usize,
                    (end - dropped) as usize,
                    libc::MADV_DONTNEED,
                )
            };
            if advised.is_ok() {
                self.dropped.store(end, Ordering::Relaxed);
            }
        }
    }

    /// Cuts the file, whose `path` has its NUL, to what was used. What comes later
    /// grows it in small steps.
    pub(crate) fn cut(&self, file: &TraceFile, cursor: &Cursor, path: *const u8) {
        let Ok(fd) = file.descriptor(path) else {
            return;
        };
        let used = cursor.close().min(self.limit.load(Ordering::Relaxed));
        self.limit.store(used, Ordering::Release);
        file.cut(fd, used);
        self.late.store(1, Ordering::Relaxed);
        cursor.open(used);
    }
}

/// In a forked child: takes the parent's output out of reach. Should the child
/// have been forked by a signal handler in the middle of a record, that record
/// goes to private memory, in the place of what was used; all other addresses
/// are given back, and the file is closed.
pub(crate) fn leave_parents() {
    file::close_parents();
    let base = INHERITED_BASE.swap(0, Ordering::Relaxed) as usize;
    let length = INHERITED_LENGTH.swap(0, Ordering::Relaxed) as usize;
    let used = INHERITED_USED.swap(0, Ordering::Relaxed) as usize;
    if base == 0 {
        return;
    }
    let granule = LEAST_ADDRESSES as usize;
    let used = used.next_multiple_of(granule).min(length);
    // SAFETY: the range is a mapping of the tracer's, and a slot of it lies in
    // what was used.
    unsafe {
        if used > 0 {
            sys::cover(base, used);
        }
        if length > used {
            sys::unmap(base + used, length - used);
        }
    }
}

/// Makes pages ready for stores. Zeros written here are large folios in the page
/// cache, of which one fault maps many pages; a store into fallocated blocks
/// would fault page by page, at two to three times the cost. Where the write
/// fails, the kernel is asked to do the faults at once, or else they just come.
fn prepare(fd: Option<i32>, base: u64, from: u64, to: u64) {
    if fd.is_some_and(|fd| file::write_zeros(fd, from, to - from).is_ok()) {
        return;
    }
    let first = (base + from) & !4095;
    let length = (base + to - first) as usize;
    // SAFETY: populating changes no contents.
    let _ = unsafe { sys::advise(first as usize, length, libc::MADV_POPULATE_WRITE) };
}
