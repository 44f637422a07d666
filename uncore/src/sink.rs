//! The output: a shared mapping of the `.trc` file, filled in place.
//!
//! A large range of addresses maps the file far beyond its end. A record's slot
//! is reserved by adding its length to a cursor and filled by plain stores: the
//! kernel owns the bytes from then on, so that a process that is killed loses at
//! most the record that each of its threads was writing. Slots that are reserved
//! and never filled are zeros, which a reader skips.
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

mod grow;

use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence};

use common::trace::wire::{Call, Kind};

use crate::config;
use crate::message::Line;
use crate::state::{self, State};
use crate::sys;

/// Addresses to reserve, bytes; halved while refused.
const ADDRESSES: u64 = 256 << 30;
const LEAST_ADDRESSES: u64 = 1 << 20;
/// Added to the cursor to close it.
const CLOSED: u64 = 1 << 62;

/// What growing the file needs; used with the lock held only. Zeros are valid.
pub(crate) struct Output {
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
    /// Bytes of addresses that are mapped.
    mapped: AtomicU64,
    /// Length of the file.
    length: AtomicU64,
    /// Bytes from the start whose pages were dropped.
    dropped: AtomicU64,
    /// Not 0 once the file was cut: it then grows in small steps.
    late: AtomicU32,
    /// Where it was cut.
    cut_at: AtomicU64,
}

impl Output {
    pub(crate) const fn new() -> Output {
        Output {
            fd: AtomicI32::new(0),
            device: AtomicU64::new(0),
            inode: AtomicU64::new(0),
            mapped: AtomicU64::new(0),
            length: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            late: AtomicU32::new(0),
            cut_at: AtomicU64::new(0),
        }
    }
}

/// A reserved piece of the output, all zeros until it is filled.
pub(crate) struct Slot {
    address: *mut u8,
    /// Bytes of the output up to and including the slot.
    end: u64,
}

impl Slot {
    /// Stores the record: the sentinel first and the pointer last, so that a
    /// record that a kill cuts short changes nothing.
    ///
    /// # Safety
    /// The record is no longer than the slot.
    #[inline(always)]
    pub(crate) unsafe fn fill(&self, call: &Call) {
        let kind = call.kind();
        let last = kind.pointer_word();
        let mut pointer = 0;
        // SAFETY: the slot is mapped and writable for the length of the record.
        unsafe {
            self.address.write_volatile(kind.sentinel());
            fence(Ordering::Release);
            for (index, word) in call.words().into_iter().enumerate().take(kind.words()) {
                if index == last {
                    pointer = word;
                } else {
                    self.word(index).write_unaligned(word.to_be());
                }
            }
            fence(Ordering::Release);
            self.word(last).write_unaligned(pointer.to_be());
        }
    }

    /// Makes the slot, which holds the record of a free, a hole again. At no
    /// moment does it hold anything else than a record or zeros: for a while it
    /// is a realloc that returned null, which changes nothing.
    ///
    /// # Safety
    /// The slot is as long as the record of a realloc.
    pub(crate) unsafe fn empty(&self) {
        // SAFETY: the slot is mapped and writable for the length of a realloc's record.
        unsafe {
            self.address.write_volatile(Kind::Realloc.sentinel());
            fence(Ordering::Release);
            for index in 0..Kind::Free.words() {
                self.word(index).write_unaligned(0);
            }
            fence(Ordering::Release);
            self.address.write_volatile(0);
        }
    }

    #[inline(always)]
    fn word(&self, index: usize) -> *mut u64 {
        self.address.wrapping_add(1 + 8 * index).cast()
    }

    /// Whether nothing was reserved since this slot.
    pub(crate) fn is_last(&self, state: &State) -> bool {
        state.cursor.0.load(Ordering::Acquire) == self.end
    }
}

/// Reserves `length` bytes of the output, or `None` when tracing has stopped.
pub(crate) fn reserve(state: &State, length: usize) -> Option<Slot> {
    match try_reserve(state, length) {
        Some(slot) => Some(slot),
        None => reserve_slowly(state, length),
    }
}

/// Reserves `length` bytes of the output if they are ready.
#[inline(always)]
pub(crate) fn try_reserve(state: &State, length: usize) -> Option<Slot> {
    let at = advance(&state.cursor.0, length as u64);
    let end = at.wrapping_add(length as u64);
    // Loaded after the reservation: closing lowers the limit only after it has
    // carried the cursor away.
    if end > state.limit.load(Ordering::Acquire) {
        return None;
    }
    let base = state.base.load(Ordering::Relaxed);
    Some(Slot {
        address: base.wrapping_add(at) as *mut u8,
        end,
    })
}

/// Adds to the cursor and returns what it was.
#[inline(always)]
fn advance(cursor: &AtomicU64, length: u64) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if crate::real::single_threaded() {
        let mut value = length;
        // One instruction without the lock prefix: a signal handler comes
        // before or after it, and no other thread is there to come between.
        // SAFETY: the cursor is an aligned word that lives as long as the process.
        unsafe {
            core::arch::asm!(
                "xadd qword ptr [{0}], {1}",
                in(reg) cursor.as_ptr(),
                inout(reg) value,
                options(nostack)
            );
        }
        return value;
    }
    cursor.fetch_add(length, Ordering::AcqRel)
}

#[cold]
#[inline(never)]
fn reserve_slowly(state: &State, length: usize) -> Option<Slot> {
    loop {
        if !make_room(state, length as u64) {
            return None;
        }
        if let Some(slot) = try_reserve(state, length) {
            return Some(slot);
        }
    }
}

/// Sees to it that `length` bytes behind the cursor may be written; says
/// whether tracing goes on.
fn make_room(state: &State, length: u64) -> bool {
    let locked = state.lock();
    // A child of a fork in a signal handler may come here with a wiped state.
    if !state.is_open() && !state::initialise(state, &locked) {
        return false;
    }
    let needed = state.cursor.0.load(Ordering::Acquire).wrapping_add(length);
    if needed <= state.limit.load(Ordering::Relaxed) {
        return true;
    }
    match grow::grow(state, needed) {
        Ok(()) => true,
        Err(error) => {
            state::switch_off(state);
            Line::new()
                .text(b"tracing stops: the trace cannot grow (")
                .error(error)
                .text(b"); it is whole up to here: ")
                .text(config::output_path(&locked))
                .say(&locked.signals);
            false
        }
    }
}

/// The output's descriptor, if it still is that: a program may close all its
/// descriptors, and open a file of its own that gets our number.
fn descriptor(output: &Output, path: *const u8) -> Result<i32, i32> {
    let is_ours = |fd: i32| {
        sys::fstat(fd).is_ok_and(|stat| {
            stat.st_dev == output.device.load(Ordering::Relaxed)
                && stat.st_ino == output.inode.load(Ordering::Relaxed)
        })
    };
    let fd = output.fd.load(Ordering::Relaxed);
    if is_ours(fd) {
        return Ok(fd);
    }
    // SAFETY: the path was kept with its NUL.
    let fd = unsafe { sys::open(path, libc::O_RDWR | libc::O_NONBLOCK, 0) }?;
    if !is_ours(fd) {
        sys::close(fd);
        return Err(libc::ENOENT);
    }
    let fd = out_of_the_way(fd);
    output.fd.store(fd, Ordering::Relaxed);
    INHERITED_FD.store(fd, Ordering::Relaxed);
    Ok(fd)
}

/// Moves a descriptor to a number that programs do not count on.
fn out_of_the_way(fd: i32) -> i32 {
    let most = sys::limit(libc::RLIMIT_NOFILE).min(1024) as i32;
    match sys::duplicate_above(fd, most - most / 32 - 1) {
        Ok(high) => {
            sys::close(fd);
            high
        }
        Err(_) => fd,
    }
}

/// With the lock held: makes the freshly opened, empty regular file `fd` the
/// output of this process.
pub(crate) fn attach(state: &State, fd: i32, stat: &libc::stat) -> Result<(), i32> {
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
    let output = &state.output;
    let fd = out_of_the_way(fd);
    output.fd.store(fd, Ordering::Relaxed);
    INHERITED_FD.store(fd, Ordering::Relaxed);
    INHERITED_DEVICE.store(stat.st_dev, Ordering::Relaxed);
    INHERITED_INODE.store(stat.st_ino, Ordering::Relaxed);
    output.device.store(stat.st_dev, Ordering::Relaxed);
    output.inode.store(stat.st_ino, Ordering::Relaxed);
    output.mapped.store(length, Ordering::Relaxed);
    state.base.store(base as u64, Ordering::Relaxed);
    INHERITED_BASE.store(base as u64, Ordering::Relaxed);
    INHERITED_LENGTH.store(length, Ordering::Relaxed);
    INHERITED_USED.store(0, Ordering::Relaxed);
    Ok(())
}

/// The last mapping made by this process or one that it was forked from: not
/// wiped on fork.
static INHERITED_BASE: AtomicU64 = AtomicU64::new(0);
static INHERITED_LENGTH: AtomicU64 = AtomicU64::new(0);
static INHERITED_USED: AtomicU64 = AtomicU64::new(0);
static INHERITED_FD: AtomicI32 = AtomicI32::new(-1);
static INHERITED_DEVICE: AtomicU64 = AtomicU64::new(0);
static INHERITED_INODE: AtomicU64 = AtomicU64::new(0);

/// In a forked child: takes the parent's output out of reach. Should the child
/// have been forked by a signal handler in the middle of a record, that record
/// goes to private memory, in the place of what was used; all other addresses
/// are given back, and the descriptor is closed.
pub(crate) fn leave_parents_output() {
    let fd = INHERITED_FD.swap(-1, Ordering::Relaxed);
    let is_parents = sys::fstat(fd).is_ok_and(|stat| {
        stat.st_dev == INHERITED_DEVICE.load(Ordering::Relaxed)
            && stat.st_ino == INHERITED_INODE.load(Ordering::Relaxed)
    });
    if is_parents {
        sys::close(fd);
    }
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

/// Cuts the file to what was used, on the way out of the process or of its
/// program. Tracing goes on in small steps.
pub(crate) fn trim(state: &State) {
    if state.base.load(Ordering::Relaxed) == 0 {
        return;
    }
    let _locked = state.lock();
    // The child of a vfork must not cut its parent's file.
    if !state.is_open() || state.process_id.load(Ordering::Relaxed) != sys::process_id() {
        return;
    }
    let output = &state.output;
    let Ok(fd) = descriptor(output, config::output_path_unlocked()) else {
        return;
    };
    let reserved = state.cursor.0.fetch_add(CLOSED, Ordering::AcqRel);
    let used = reserved.min(state.limit.load(Ordering::Relaxed));
    state.limit.store(used, Ordering::Release);
    if sys::truncate(fd, used).is_ok() {
        output.length.store(used, Ordering::Relaxed);
    }
    output.late.store(1, Ordering::Relaxed);
    output.cut_at.store(used, Ordering::Relaxed);
    state.cursor.0.store(used, Ordering::Release);
}
