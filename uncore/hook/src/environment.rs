//! The process's environment, read and extended without libc's functions, which
//! allocate or take locks.

use core::ffi::{CStr, c_char};

use crate::sys;

unsafe extern "C" {
    static mut environ: *const *const c_char;
}

fn array() -> *const *const c_char {
    // SAFETY: read as one word; libc allows it at any time.
    unsafe { (&raw const environ).read_volatile() }
}

/// Whether there is an environment: before libc is set up there is none, and a
/// call then has to ask again later.
pub fn is_there() -> bool {
    !array().is_null()
}

/// The value of an environment variable.
pub fn variable(name: &[u8]) -> Option<&'static [u8]> {
    let mut entry = array();
    if entry.is_null() {
        return None;
    }
    loop {
        // SAFETY: the environment is an array of strings that ends with a null.
        let text = unsafe { entry.read() };
        if text.is_null() {
            return None;
        }
        // SAFETY: as above.
        let text = unsafe { CStr::from_ptr(text) }.to_bytes();
        if let Some(value) = text
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(b"="))
        {
            return Some(value);
        }
        // SAFETY: the entry was not the last.
        entry = unsafe { entry.add(1) };
    }
}

/// Puts `entry`, which is `name=value`, in the place of the variable `name`, for
/// the program and those that it executes. The new array of pointers is memory
/// of our own, so that neither the program's heap nor a trace of it shows a block
/// that the program did not ask for. Without memory, nothing changes.
///
/// # Safety
/// The process has one thread.
pub unsafe fn set(name: &[u8], entry: &'static CStr) {
    let old = array();
    if old.is_null() {
        return;
    }
    let mut count = 0;
    // SAFETY: the array ends with a null.
    while unsafe { !old.add(count).read().is_null() } {
        count += 1;
    }
    let Ok(new) = sys::map((count + 2) * size_of::<*const c_char>()) else {
        return;
    };
    let new = new as *mut *const c_char;
    let mut used = 0;
    for index in 0..count {
        // SAFETY: `index` lies in the old array, and `used <= index` in the new.
        unsafe {
            let text = old.add(index).read();
            let is_same = CStr::from_ptr(text)
                .to_bytes()
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(b"="));
            if !is_same {
                new.add(used).write(text);
                used += 1;
            }
        }
    }
    // SAFETY: the new array has room for two more, and is zero behind them.
    unsafe { new.add(used).write(entry.as_ptr()) };
    // SAFETY: there is one thread; libc allows the variable to be replaced.
    unsafe { (&raw mut environ).write_volatile(new) };
}
