//! The part of the output that is mapped: windows of it, which follow the cursor.
//!
//! A window is [`LENGTH`] bytes of the file, and a page more, into which the record that
//! begins right before its end reaches. Usually there are two: the one that is written, and
//! the next, which takes the place of the one before as soon as nobody can be writing into
//! that any more ([`threads`](crate::threads)).
//! So a trace takes little of the program's address space, however long it is, and hardly
//! counts as memory used. Should a thread stand still in the middle of a record, what comes
//! later stays mapped until it goes on.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use hook::sys;

use crate::threads;

/// Bytes of a window: a power of two.
const LENGTH: u64 = 1 << LENGTH_BITS;
const LENGTH_BITS: u32 = 20;
/// Windows that may be mapped at once: 4 GiB, if a thread stands still.
const MOST: usize = 4096;

/// Windows of an output, by their number in the file modulo [`MOST`]. Zeros are valid: none.
/// Changed with the lock held only.
pub(crate) struct Windows {
    /// The first that is mapped.
    first: AtomicU64,
    /// The first behind those that are mapped.
    end: AtomicU64,
    /// Where one lay that is unmapped; 0 for nowhere.
    free: AtomicU64,
    /// Where byte 0 of the output would lie; 0 for none.
    bases: [AtomicU64; MOST],
}

/// Where the windows lie that this process, or the one that it was forked from, has mapped:
/// the same ring, not wiped on fork. 0 for none.
static MAPPED: [AtomicUsize; MOST] = [const { AtomicUsize::new(0) }; MOST];
/// How many are in it.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Bytes that are mapped for a window.
fn mapped_length() -> usize {
    LENGTH as usize + sys::page_size()
}

fn at<T>(ring: &[T; MOST], number: u64) -> &T {
    // The index is below MOST by the modulus: nothing is checked, and nothing can fail.
    &ring[(number % MOST as u64) as usize]
}

impl Windows {
    pub(crate) const fn new() -> Windows {
        Windows {
            first: AtomicU64::new(0),
            end: AtomicU64::new(0),
            free: AtomicU64::new(0),
            bases: [const { AtomicU64::new(0) }; MOST],
        }
    }

    /// The address that byte `place` of the output has; none where it is not mapped.
    #[inline(always)]
    pub(crate) fn address(&self, place: u64) -> Option<*mut u8> {
        let base = at(&self.bases, place >> LENGTH_BITS).load(Ordering::Relaxed);
        (base != 0).then(|| base.wrapping_add(place) as *mut u8)
    }

    /// Bytes of the output before the first window.
    pub(crate) fn start(&self) -> u64 {
        self.first.load(Ordering::Relaxed) << LENGTH_BITS
    }

    /// Whether what comes from the first window on is mapped up to byte `end`.
    fn reach(&self, end: u64) -> bool {
        self.end.load(Ordering::Relaxed) << LENGTH_BITS >= end
    }

    /// With the lock held, `cursor` bytes of the output being reserved: maps windows of the
    /// file `fd` up to byte `end`, and one more in the place of one that nobody writes any
    /// more, so that the program's address space is not asked for it when it may be used up.
    pub(crate) fn follow(&self, fd: i32, cursor: u64, end: u64) -> Result<(), i32> {
        self.unmap_old(cursor);
        while !self.reach(end) {
            self.add(fd)?;
        }
        if self.end.load(Ordering::Relaxed) - self.first.load(Ordering::Relaxed) < 2 {
            let _ = self.add(fd);
        }
        Ok(())
    }

    fn add(&self, fd: i32) -> Result<(), i32> {
        let number = self.end.load(Ordering::Relaxed);
        if number - self.first.load(Ordering::Relaxed) >= MOST as u64 {
            return Err(libc::EDEADLK);
        }
        let start = number << LENGTH_BITS;
        let address = self.map(fd, start)?;
        if hook::limits::locks_memory() {
            sys::unlock(address, mapped_length());
        }
        // SAFETY: the advice changes no contents.
        let _ = unsafe { sys::advise(address, mapped_length(), libc::MADV_DONTDUMP) };
        hook::mapping::leave_out(address, mapped_length());
        at(&MAPPED, number).store(address, Ordering::Release);
        COUNT.fetch_add(1, Ordering::Relaxed);
        let base = (address as u64).wrapping_sub(start);
        at(&self.bases, number).store(base, Ordering::Relaxed);
        self.end.store(number + 1, Ordering::Relaxed);
        Ok(())
    }

    /// Maps a window at a multiple of its length, where that is possible: of a large folio
    /// that lies across two tables of pages the kernel maps page by page.
    fn map(&self, fd: i32, start: u64) -> Result<usize, i32> {
        let length = mapped_length();
        let mut wanted = self.free.swap(0, Ordering::Relaxed) as usize;
        if wanted == 0 {
            let room = length + LENGTH as usize;
            if let Ok(reserved) = sys::reserve(room) {
                wanted = reserved.next_multiple_of(LENGTH as usize);
                // SAFETY: nobody knows of it.
                unsafe { sys::unmap(reserved, room) };
            }
        }
        sys::map_file(fd, start, length, wanted)
    }

    fn unmap_old(&self, cursor: u64) {
        let mut first = self.first.load(Ordering::Relaxed);
        if first >= cursor >> LENGTH_BITS {
            return;
        }
        let filled = threads::filled(cursor);
        // A record that begins in a window may end in the next one, not before it.
        while (first + 1) << LENGTH_BITS <= filled {
            at(&self.bases, first).store(0, Ordering::Relaxed);
            let address = at(&MAPPED, first).swap(0, Ordering::AcqRel);
            COUNT.fetch_sub(1, Ordering::Relaxed);
            // SAFETY: all slots of the window are filled, and none is reserved there again.
            unsafe { sys::unmap(address, mapped_length()) };
            self.free.store(address as u64, Ordering::Relaxed);
            first += 1;
            self.first.store(first, Ordering::Relaxed);
        }
    }
}

/// What the program wants locked in memory is its own: the windows are not.
pub(crate) fn unlock() {
    for window in mapped() {
        sys::unlock(window.load(Ordering::Acquire), mapped_length());
    }
}

/// Windows that are mapped.
fn mapped() -> impl Iterator<Item = &'static AtomicUsize> {
    // Those that are there are few, and found where the ring is at.
    let count = COUNT.load(Ordering::Relaxed);
    MAPPED
        .iter()
        .filter(|window| window.load(Ordering::Acquire) != 0)
        .take(count)
}

/// Whether an address lies in a window.
pub(crate) fn hold(address: usize) -> bool {
    mapped().any(|window| address.wrapping_sub(window.load(Ordering::Acquire)) < mapped_length())
}

/// Puts private memory in the place of all windows: records under way are lost, and nothing
/// else happens.
pub(crate) fn cover() {
    for window in mapped() {
        // SAFETY: a window is a mapping of the tracer's.
        unsafe { sys::cover(window.load(Ordering::Acquire), mapped_length()) };
    }
}

/// In a forked child: gives its parent's windows back. Where it was forked in the middle of
/// a record, which goes on in the child, private memory takes their place.
pub(crate) fn leave_parents(is_filling: bool) {
    if is_filling {
        cover();
    }
    for window in mapped() {
        let address = window.swap(0, Ordering::Relaxed);
        if !is_filling {
            // SAFETY: nobody writes there.
            unsafe { sys::unmap(address, mapped_length()) };
        }
    }
    COUNT.store(0, Ordering::Relaxed);
}
