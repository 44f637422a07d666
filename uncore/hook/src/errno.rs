//! `errno`, which must be after a call what it would be without the hook.

use core::ffi::c_int;

/// Restores `errno` when dropped.
pub struct Errno(c_int);

impl Errno {
    /// Remembers what `errno` is now.
    pub fn save() -> Errno {
        // SAFETY: libc's location of this thread's `errno` is always valid.
        Errno(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        set(self.0);
    }
}

/// Sets `errno`.
pub fn set(number: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = number };
}
