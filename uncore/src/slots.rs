//! Slots of the output: reserved by one addition to a cursor, filled in place by
//! plain stores.
//!
//! Slots that are reserved and never filled are zeros, which a reader skips.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use common::trace::wire::{Call, Kind, word_bytes};
use hook::real;

/// Added to the cursor to close it: carries it beyond any limit.
const CLOSED: u64 = 1 << 62;

/// Bytes of the output that are reserved so far. It lies on a cache line of its own:
/// every event writes it.
#[repr(C, align(128))]
pub(crate) struct Cursor(AtomicU64);

impl Cursor {
    pub(crate) const fn new() -> Cursor {
        Cursor(AtomicU64::new(0))
    }

    /// Bytes that are reserved so far.
    pub(crate) fn reserved(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Reserves `length` bytes of the output that starts at `base`, where they end
    /// within `limit`.
    #[inline(always)]
    pub(crate) fn reserve(
        &self,
        base: &AtomicU64,
        limit: &AtomicU64,
        length: usize,
    ) -> Option<Slot> {
        let at = self.advance(length as u64);
        let end = at.wrapping_add(length as u64);
        // Loaded after the reservation: closing lowers the limit only after it has
        // carried the cursor away.
        if end > limit.load(Ordering::Acquire) {
            return None;
        }
        let base = base.load(Ordering::Relaxed);
        Some(Slot {
            address: base.wrapping_add(at) as *mut u8,
            end,
        })
    }

    /// Carries the cursor beyond any limit; says what it was.
    pub(crate) fn close(&self) -> u64 {
        self.0.fetch_add(CLOSED, Ordering::AcqRel)
    }

    /// Opens the cursor again, at `used` bytes.
    pub(crate) fn open(&self, used: u64) {
        self.0.store(used, Ordering::Release);
    }

    /// Adds to the cursor and returns what it was.
    #[inline(always)]
    fn advance(&self, length: u64) -> u64 {
        #[cfg(target_arch = "x86_64")]
        if real::single_threaded() {
            let mut value = length;
            // One instruction without the lock prefix: a signal handler comes
            // before or after it, and no other thread is there to come between.
            // SAFETY: the cursor is an aligned word that lives as long as the process.
            unsafe {
                core::arch::asm!(
                    "xadd qword ptr [{0}], {1}",
                    in(reg) self.0.as_ptr(),
                    inout(reg) value,
                    options(nostack)
                );
            }
            return value;
        }
        self.0.fetch_add(length, Ordering::AcqRel)
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
                    self.word(index).write(word_bytes(word));
                }
            }
            fence(Ordering::Release);
            self.word(last).write(word_bytes(pointer));
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
                self.word(index).write([0; 8]);
            }
            fence(Ordering::Release);
            self.address.write_volatile(0);
        }
    }

    #[inline(always)]
    fn word(&self, index: usize) -> *mut [u8; 8] {
        self.address.wrapping_add(1 + 8 * index).cast()
    }

    /// Whether nothing was reserved since this slot.
    pub(crate) fn is_last(&self, cursor: &Cursor) -> bool {
        cursor.reserved() == self.end
    }
}
