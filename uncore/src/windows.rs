//! The part of the output that is mapped: windows of it, which follow the cursor.
//!
//! A window is [`LENGTH`] bytes of the file. They are mapped one by one, and in a long trace
//! [some at once](GROUP), which costs less; behind the last, a page more is mapped, into which
//! the record that begins right before its end reaches. Usually there are two mappings: the one
//! that is written, and the next, which takes the place of the one before as soon as nobody
//! can be writing into that any more ([`threads`](crate::threads)).
//! So a trace takes little of the program's address space, however long it is, and hardly
//! counts as memory used. Should a thread stand still in the middle of a record, what comes
//! later stays mapped until it goes on.
//!
//! All but the addresses is used with the lock held only.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hook::sys;

use crate::threads;

/// Bytes of a window: a power of two.
const LENGTH: u64 = 1 << LENGTH_BITS;
const LENGTH_BITS: u32 = 20;
/// Windows that may be mapped at once: 4 GiB, if a thread stands still.
const MOST: usize = 4096;

/// The first window that is mapped, by its number in the file.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// The first behind those that are mapped.
static END: AtomicU64 = AtomicU64::new(0);
/// Where some lay that are unmapped, as in [`MAPPED`]; 0 for nowhere.
static FREE: AtomicUsize = AtomicUsize::new(0);
/// Where byte 0 of the output would lie for each window, by its number modulo [`MOST`].
///
/// None of this is wiped on fork. A child that a signal handler makes in the middle of a
/// reservation goes on to fill its parent's slot, by the same bytes.
static BASES: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];
/// Where the windows lie that this process, or the one that it was forked from, has mapped. For
/// the first of those that were mapped at once, the address, and in its last bits how many; 0
/// for the others, and for none.
static MAPPED: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
/// How many are in it.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// How many windows are mapped at once in a long trace, and where it is long: at a window of
/// this number.
const GROUP: u64 = 4;
const LONG: u64 = 16;

/// Bytes that are mapped for windows, so many at once.
fn mapped_length(windows: u64) -> usize {
    (windows << LENGTH_BITS) as usize + sys::page_size()
}

fn at<T>(ring: &[T; MOST], number: u64) -> &T {
    // The index is below MOST by the modulus: nothing is checked, and nothing can fail.
    &ring[(number % MOST as u64) as usize]
}

/// The address that byte `place` of the output has, which is mapped.
#[inline(always)]
pub(crate) fn address(place: u64) -> *mut u8 {
    let base = at(&BASES, place >> LENGTH_BITS).load(Ordering::Relaxed);
    base.wrapping_add(place) as *mut u8
}

/// Bytes of the output before the first window.
pub(crate) fn start() -> u64 {
    FIRST.load(Ordering::Relaxed) << LENGTH_BITS
}

/// Whether what comes from the first window on is mapped up to byte `end`.
fn reach(end: u64) -> bool {
    END.load(Ordering::Relaxed) << LENGTH_BITS >= end
}

/// With the lock held, `cursor` bytes of the output being reserved: maps windows of the
/// file `fd` up to byte `end`, and one more in the place of one that nobody writes any
/// more, so that the program's address space is not asked for it when it may be used up.
pub(crate) fn follow(fd: i32, cursor: u64, end: u64) -> Result<(), i32> {
    unmap_old(cursor);
    while !reach(end) {
        add(fd)?;
    }
    if !reach(((cursor >> LENGTH_BITS) + 2) << LENGTH_BITS) {
        let _ = add(fd);
    }
    Ok(())
}

fn add(fd: i32) -> Result<(), i32> {
    let number = END.load(Ordering::Relaxed);
    let start = number << LENGTH_BITS;
    let group = match number >= LONG && number.is_multiple_of(GROUP) {
        true => GROUP,
        false => 1,
    };
    if number + group - FIRST.load(Ordering::Relaxed) > MOST as u64 {
        return Err(libc::EDEADLK);
    }
    // There may be place for one, if not for several.
    let mut windows = group;
    let mut mapped = map(fd, start, mapped_length(windows));
    if mapped.is_err() && windows > 1 {
        windows = 1;
        mapped = map(fd, start, mapped_length(windows));
    }
    let address = mapped?;
    let (end, length) = (number + windows, mapped_length(windows));
    if hook::limits::locks_memory() {
        sys::unlock(address, length);
    }
    // SAFETY: the advice changes no contents.
    let _ = unsafe { sys::advise(address, length, libc::MADV_DONTDUMP) };
    hook::mapping::leave_out(address, length);
    let mapping = address | windows as usize;
    at(&MAPPED, number).store(mapping, Ordering::Release);
    COUNT.fetch_add(1, Ordering::Relaxed);
    let base = (address as u64).wrapping_sub(start);
    for number in number..end {
        at(&BASES, number).store(base, Ordering::Relaxed);
    }
    END.store(end, Ordering::Relaxed);
    Ok(())
}

/// Maps windows at a multiple of their length, where that is possible: of a large folio
/// that lies across two tables of pages the kernel maps page by page.
fn map(fd: i32, start: u64, length: usize) -> Result<usize, i32> {
    let (mut wanted, free) = parts(FREE.swap(0, Ordering::Relaxed));
    if wanted == 0 || free != length {
        let room = length + LENGTH as usize;
        if let Ok(reserved) = sys::reserve(room) {
            wanted = reserved.next_multiple_of(LENGTH as usize);
            // SAFETY: nobody knows of it.
            unsafe { sys::unmap(reserved, room) };
        }
    }
    sys::map_file(fd, start, length, wanted)
}

fn unmap_old(cursor: u64) {
    // Of the first that are mapped at once: place, length, and the first window behind them.
    let first_of = |first: u64| {
        let (address, length) = parts(at(&MAPPED, first).load(Ordering::Relaxed));
        (address, length, first + (length as u64 >> LENGTH_BITS))
    };
    let mut first = FIRST.load(Ordering::Relaxed);
    let (mut address, mut length, mut end) = first_of(first);
    if end > cursor >> LENGTH_BITS {
        return;
    }
    let filled = threads::filled(cursor);
    // A record that begins in a mapping may end in the next one, not before it.
    while end > first && end << LENGTH_BITS <= filled {
        let mapping = at(&MAPPED, first).swap(0, Ordering::AcqRel);
        COUNT.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: all slots of the windows are filled, and none is reserved there again.
        unsafe { sys::unmap(address, length) };
        FREE.store(mapping, Ordering::Relaxed);
        FIRST.store(end, Ordering::Relaxed);
        first = end;
        (address, length, end) = first_of(first);
    }
}

/// Address and length of a mapping, as it is remembered.
fn parts(mapping: usize) -> (usize, usize) {
    let windows = mapping & (sys::page_size() - 1);
    (mapping - windows, mapped_length(windows as u64))
}

/// What the program wants locked in memory is its own: the windows are not.
pub(crate) fn unlock() {
    for mapping in mapped() {
        let (address, length) = parts(mapping.load(Ordering::Acquire));
        sys::unlock(address, length);
    }
}

/// What is mapped.
fn mapped() -> impl Iterator<Item = &'static AtomicUsize> {
    // They are few, and found where the ring is at.
    let count = COUNT.load(Ordering::Relaxed);
    MAPPED
        .iter()
        .filter(|mapping| mapping.load(Ordering::Acquire) != 0)
        .take(count)
}

/// Whether an address lies in a window.
pub(crate) fn hold(address: usize) -> bool {
    mapped().any(|mapping| {
        let (start, length) = parts(mapping.load(Ordering::Acquire));
        address.wrapping_sub(start) < length
    })
}

/// Puts private memory in the place of all windows: records under way are lost, and nothing
/// else happens.
pub(crate) fn cover() {
    for mapping in mapped() {
        let (address, length) = parts(mapping.load(Ordering::Acquire));
        // SAFETY: it is a mapping of the tracer's.
        unsafe { sys::cover(address, length) };
    }
}

/// In a forked child: gives its parent's windows back. Where it was forked in the middle of
/// a record, which goes on in the child, private memory takes their place.
pub(crate) fn leave_parents(is_filling: bool) {
    if is_filling {
        cover();
    }
    for mapping in mapped() {
        let (address, length) = parts(mapping.swap(0, Ordering::Relaxed));
        if !is_filling {
            // SAFETY: nobody writes there.
            unsafe { sys::unmap(address, length) };
        }
    }
    FIRST.store(0, Ordering::Relaxed);
    END.store(0, Ordering::Relaxed);
    FREE.store(0, Ordering::Relaxed);
    COUNT.store(0, Ordering::Relaxed);
}
