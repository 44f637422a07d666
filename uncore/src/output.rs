//! The output: a shared mapping of the `.trc` file, filled in place.
//!
//! A large range of addresses maps the file far beyond its end. A record's slot
//! is reserved by adding its length to a cursor and filled by plain stores
//! ([`slots`](crate::slots)): the kernel owns the bytes from then on, so that a process
//! that is killed loses at most the record that each of its threads was writing.
//!
//! The file grows in steps, ahead of the cursor, by blocks that really exist: a
//! store into a hole on a full disk would be a SIGBUS in the traced program. A
//! slot that starts beyond the limit is given up; its thread grows the file, or only
//! raises the limit, and reserves another.
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

use common::trace::wire::MAX_RECORD;

use crate::file::{self, TraceFile};
use crate::notes;
use crate::slots::{self, Cursor, Slot};

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
/// The limit is raised by this many bytes at most, so that the slow path, which writes
/// notes, is taken at least every 16384 events: the shortest record has 17 bytes.
pub(crate) const STEP: u64 = 256 << 10;
/// Bytes behind the limit: for the record that starts right before it, and for one that
/// says why the trace stops.
const SPARE: u64 = 2 * MAX_RECORD as u64;
/// Pages that lie this far behind are dropped from the process's memory (they
/// stay in the kernel's cache), so that a trace hardly counts as memory used.
const KEPT: u64 = 256 << 10;
/// The same in a program that has confined itself, in which that system call may be
/// forbidden: it is put off until it matters.
const KEPT_CONFINED: u64 = 64 << 20;
/// Pages are dropped up to a multiple of this many bytes.
const DROPPED_TO: u64 = 64 << 10;

/// The output of a process. Zeros are valid: none, in which no slot fits. All but the
/// reserving is done by one thread at a time. The file and the cursor lie beside it, so that the words
/// that every event reads share a cache line.
#[repr(C)]
pub(crate) struct Output {
    /// Address of the output's byte 0.
    base: AtomicU64,
    /// Where slots may start, see [`slots::limit`].
    limit: AtomicU64,
    /// Bytes of the output, from its start, that may be written.
    ready: AtomicU64,
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
            ready: AtomicU64::new(0),
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
        file.take(fd, stat, length);
        self.base.store(base as u64, Ordering::Relaxed);
        INHERITED_BASE.store(base as u64, Ordering::Relaxed);
        INHERITED_LENGTH.store(length, Ordering::Relaxed);
        INHERITED_USED.store(0, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the file was cut, and grows in small steps.
    pub(crate) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed) != 0
    }

    /// Sees to it that a slot may start at the cursor. `path` is the file's, with its NUL.
    pub(crate) fn make_room(
        &self,
        file: &TraceFile,
        cursor: &Cursor,
        path: *const u8,
    ) -> Result<(), i32> {
        let at = cursor.reserved();
        if slots::limit(at) < self.limit.load(Ordering::Relaxed) {
            return Ok(());
        }
        let needed = at + SPARE + 1;
        let late = self.is_late();
        let mut ready = self.ready.load(Ordering::Relaxed);
        if needed > ready {
            let before = ready;
            ready = file.length();
            if needed > ready {
                let step = if late {
                    LATE_STEP
                } else {
                    ready.clamp(FIRST_STEP, LAST_STEP)
                };
                ready = file.extend(needed, step, path)?;
            }
            if !late {
                let portion = before.clamp(FIRST_STEP, LAST_PORTION);
                ready = ready.min((needed / portion + 1) * portion);
                let base = self.base.load(Ordering::Relaxed);
                prepare(file.descriptor(path).ok(), base, before, ready);
                self.drop_old_pages(base, before);
            }
            self.ready.store(ready, Ordering::Relaxed);
            INHERITED_USED.store(ready, Ordering::Relaxed);
        }
        let end = ready.min((needed / STEP + 1) * STEP);
        let limit = slots::limit(end - SPARE);
        self.limit.store(limit, Ordering::Release);
        Ok(())
    }

    /// A slot behind all others, in the bytes that are kept for it, when the file cannot
    /// grow: of the longest record, once. None where nothing may be written.
    pub(crate) fn last_slot(&self) -> Option<Slot> {
        let at = self
            .ready
            .load(Ordering::Relaxed)
            .checked_sub(MAX_RECORD as u64)?;
        let base = self.base.load(Ordering::Relaxed);
        Some(Slot::at(base, at, MAX_RECORD))
    }

    /// Bytes of the output that the process has in memory, about.
    pub(crate) fn resident(&self, cursor: &Cursor) -> u64 {
        let end = cursor.reserved().next_multiple_of(4096);
        end.saturating_sub(self.dropped.load(Ordering::Relaxed))
    }

    fn drop_old_pages(&self, base: u64, used: u64) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        let kept = if notes::may_look() {
            KEPT
        } else {
            KEPT_CONFINED
        };
        let end = used.saturating_sub(kept) & !(DROPPED_TO - 1);
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
    /// grows it in small steps. Returns the count of the cursor, which is taken out.
    pub(crate) fn cut(&self, file: &TraceFile, cursor: &Cursor, path: *const u8) -> u64 {
        let Ok(fd) = file.descriptor(path) else {
            return 0;
        };
        let used = cursor.close().min(self.ready.load(Ordering::Relaxed));
        self.limit.store(0, Ordering::Release);
        file.cut(fd, used);
        self.ready.store(used, Ordering::Relaxed);
        self.late.store(1, Ordering::Relaxed);
        cursor.open(used)
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
