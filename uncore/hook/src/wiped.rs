//! A value that every forked child finds as zeros.
//!
//! A forked child inherits its parent's memory, and with it state that it must not
//! use: an open output, a lock that another thread held. Handlers around `fork`
//! would miss `_Fork` and raw `clone`; instead such a value lies in a page that is
//! marked `MADV_WIPEONFORK`. Any child with a memory of its own finds zeros there,
//! whatever way it was made. A child that shares the memory (vfork, posix_spawn)
//! finds its parent's value.

use core::sync::atomic::{AtomicPtr, Ordering};

use crate::sys;

/// A type that may be wiped at any moment.
///
/// # Safety
/// All-zero bytes are a valid value, which means "nothing here"; every field is
/// an atomic, or made of atomics.
pub unsafe trait Wipeable: Sync + 'static {}

/// A value of type `T` that lies in pages which the kernel wipes on fork. Until
/// the pages are made there is a stand-in, which is never written.
pub struct Wiped<T: Wipeable> {
    current: AtomicPtr<T>,
    stand_in: &'static T,
}

impl<T: Wipeable> Wiped<T> {
    /// A value that is not there yet; `stand_in` holds zeros.
    pub const fn new(stand_in: &'static T) -> Wiped<T> {
        Wiped {
            current: AtomicPtr::new(core::ptr::from_ref(stand_in).cast_mut()),
            stand_in,
        }
    }

    /// The value of this process, or the stand-in.
    #[inline(always)]
    pub fn get(&self) -> &'static T {
        // SAFETY: points to the stand-in or to the pages, neither of which ever
        // goes away; every field is an atomic.
        unsafe { &*self.current.load(Ordering::Acquire) }
    }

    /// The value of this process, whose pages are made where there are none.
    ///
    /// # Errors
    /// The kernel's error number where it has no memory, or cannot wipe it on fork.
    pub fn make(&self) -> Result<&'static T, i32> {
        let stand_in = core::ptr::from_ref(self.stand_in).cast_mut();
        if self.current.load(Ordering::Acquire) != stand_in {
            return Ok(self.get());
        }
        let length = size_of::<T>();
        let made = sys::map_wiped_on_fork(length)?;
        let published = self.current.compare_exchange(
            stand_in,
            made as *mut T,
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if published.is_err() {
            // SAFETY: nobody saw the mapping.
            unsafe { sys::unmap(made, length) };
        }
        Ok(self.get())
    }

    /// In a forked child: wipes the value, in case the kernel did not (qemu's user
    /// mode takes the advice and forgets it).
    ///
    /// # Safety
    /// The child has one thread, and does not share its memory.
    pub unsafe fn wipe(&self) {
        let current = self.current.load(Ordering::Acquire);
        if !core::ptr::eq(current, self.stand_in) {
            // SAFETY: these are the pages; all-zero bytes are a valid value.
            unsafe { current.write_bytes(0, 1) };
        }
    }
}
