//! A value that every forked child finds as zeros.
//!
//! A forked child inherits its parent's memory, and with it state that it must not
//! use: an open output, a lock that another thread held. Handlers around `fork`
//! would miss `_Fork` and raw `clone`; instead such a value lies in a page that is
//! marked `MADV_WIPEONFORK`. Any child with a memory of its own finds zeros there,
//! whatever way it was made. A child that shares the memory (vfork, posix_spawn)
//! finds its parent's value.

use crate::sys;

/// A type that may be wiped at any moment.
///
/// # Safety
/// All-zero bytes are a valid value, which means "nothing here"; every field is
/// an atomic, or made of atomics.
pub unsafe trait Wipeable: Sync + 'static {}

/// A value of type `T` that lies in pages of its own, which the kernel wipes on fork. Until
/// it is made it holds zeros, and is not to be written.
///
/// It is to be a `static`: what lies there of zeros is memory of no file, and only such
/// memory can be wiped.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
// There are larger pages.
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
pub struct Wiped<T: Wipeable> {
    value: T,
}

impl<T: Wipeable> Wiped<T> {
    /// A value that is not there yet.
    pub const fn new(zeros: T) -> Wiped<T> {
        Wiped { value: zeros }
    }

    /// The value of this process, or zeros.
    #[inline(always)]
    pub fn get(&self) -> &T {
        &self.value
    }

    /// The value of this process, which is from now on wiped on fork.
    ///
    /// # Errors
    /// The kernel's error number where it cannot do so.
    pub fn make(&'static self) -> Result<&'static T, i32> {
        // SAFETY: the advice changes nothing in this process, and the pages are the value's.
        unsafe {
            sys::advise(
                core::ptr::from_ref(self) as usize,
                size_of::<Self>(),
                libc::MADV_WIPEONFORK,
            )
        }?;
        Ok(&self.value)
    }

    /// In a forked child: wipes the value, in case the kernel did not (qemu's user
    /// mode takes the advice and forgets it).
    ///
    /// # Safety
    /// The child has one thread, and does not share its memory; the value was made.
    pub unsafe fn wipe(&'static self) {
        let value = core::ptr::from_ref(&self.value).cast_mut();
        // SAFETY: all-zero bytes are a valid value, and all its fields are atomics, which lie
        // in memory that can be written.
        unsafe { value.write_bytes(0, 1) };
    }
}
