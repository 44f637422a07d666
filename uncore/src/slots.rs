//! Slots of the output: reserved by one addition to a cursor, filled in place by
//! plain stores.
//!
//! The same addition counts: the cursor is a number of bytes, and below it a number of
//! reservations. So whoever reserves a slot knows how many were reserved before it, which
//! is how notes know the number of events.
//!
//! Slots that are reserved and never filled are zeros, which a reader skips.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use common::trace::wire::{Call, Kind, word_bytes};
use hook::real;

use crate::threads::Thread;
use crate::windows;

/// Bits of the cursor that count reservations, below those that count bytes. The slow
/// path takes the count out at least every [`STEP`](crate::output::STEP) bytes, which
/// hold some 15 thousand records: it never runs over.
const COUNT_BITS: u32 = 20;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// Added to the cursor to close it: carries it beyond any limit.
const CLOSED: u64 = 1 << 62;

/// What a cursor is compared with: a slot may start at fewer than `bytes` bytes.
pub(crate) const fn limit(bytes: u64) -> u64 {
    bytes << COUNT_BITS
}

/// Bytes of the output that are reserved so far, and how often some were since the count
/// was last taken. It lies on a cache line of its own: every event writes it.
#[repr(C, align(128))]
pub(crate) struct Cursor(AtomicU64);

impl Cursor {
    pub(crate) const fn new() -> Cursor {
        Cursor(AtomicU64::new(0))
    }

    /// Bytes that are reserved so far.
    pub(crate) fn reserved(&self) -> u64 {
        self.0.load(Ordering::Acquire) >> COUNT_BITS
    }

    /// Takes the count out: how often bytes were reserved, or refused, since the last
    /// time. By one thread at a time.
    pub(crate) fn take_count(&self) -> u64 {
        let count = self.0.load(Ordering::Relaxed) & COUNT;
        self.0.fetch_sub(count, Ordering::AcqRel);
        count
    }

    /// Reserves for a thread `length` bytes of the output that is mapped by `windows`, where
    /// they start before the [`limit`]. Behind it there is room for the longest record.
    #[inline(always)]
    pub(crate) fn reserve(
        &self,
        limit: &AtomicU64,
        thread: &'static Thread,
        length: usize,
    ) -> Option<Slot> {
        let filling = thread.begin();
        let cursor = self.advance(((length as u64) << COUNT_BITS) + 1);
        let at = cursor >> COUNT_BITS;
        // Loaded after the reservation: closing lowers the limit only after it has
        // carried the cursor away.
        if cursor < limit.load(Ordering::Acquire) {
            return Some(Slot {
                address: windows::address(at),
                end: at.wrapping_add(length as u64),
                before: cursor & COUNT,
                thread,
                filling,
            });
        }
        thread.end(filling);
        None
    }

    /// Carries the cursor beyond any limit; says what it was.
    pub(crate) fn close(&self) -> u64 {
        self.0.fetch_add(CLOSED, Ordering::AcqRel) >> COUNT_BITS
    }

    /// Opens the cursor again, at the bytes at which it was closed; returns the count,
    /// which is taken out.
    pub(crate) fn open(&self, used: u64) -> u64 {
        self.0.swap(used << COUNT_BITS, Ordering::AcqRel) & COUNT
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

/// A reserved piece of the output, all zeros until it is filled. Its window stays mapped
/// while it lives.
pub(crate) struct Slot {
    address: *mut u8,
    /// Bytes of the output up to and including the slot.
    end: u64,
    /// The count of the cursor before the slot.
    before: u64,
    thread: &'static Thread,
    /// What the thread was filling before.
    filling: usize,
}

impl Drop for Slot {
    #[inline(always)]
    fn drop(&mut self) {
        self.thread.end(self.filling);
    }
}

impl Slot {
    /// The slot of `length` bytes at byte `at` of the output, which is mapped there.
    pub(crate) fn at(thread: &'static Thread, at: u64, length: usize) -> Slot {
        Slot {
            filling: thread.begin(),
            address: windows::address(at),
            end: at.wrapping_add(length as u64),
            before: 0,
            thread,
        }
    }

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

    /// How many reservations came before the slot since the count was last taken out.
    pub(crate) fn before(&self) -> u64 {
        self.before
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
