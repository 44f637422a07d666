//! The C functions that stand in for the allocator's. Each is thin: the real
//! call, and its record before or after.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use common::trace::wire::{Call, Kind};

use crate::real::{Text, Texts};
use crate::{bootstrap, exit, real, sink, state, sys, toggle, trace};

/// `malloc(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    // SAFETY: the caller keeps C's rules, here and below; what an allocator
    // returns is a live block.
    unsafe {
        let pointer = real::malloc(size);
        if !pointer.is_null() && !bootstrap::owns(pointer) {
            trace::allocated(Kind::Malloc, pointer, size, move |block| Call::Malloc {
                requested: size as u64,
                block,
            });
        }
        pointer
    }
}

/// `free(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(pointer: *mut c_void) {
    if pointer.is_null() || bootstrap::owns(pointer) {
        return;
    }
    trace::freeing(pointer);
    // SAFETY: the caller keeps C's rules.
    unsafe { real::free(pointer) }
}

/// `calloc(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        let pointer = real::calloc(count, size);
        if !pointer.is_null() && !bootstrap::owns(pointer) {
            // The product of a call that succeeded does not overflow.
            let bytes = count.wrapping_mul(size);
            trace::allocated(Kind::Calloc, pointer, bytes, move |block| Call::Calloc {
                count: count as u64,
                element_size: size as u64,
                block,
            });
        }
        pointer
    }
}

/// `realloc(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        if old.is_null() {
            let pointer = real::realloc(old, size);
            if !pointer.is_null() {
                trace::allocated(Kind::Realloc, pointer, size, move |block| Call::Realloc {
                    old: 0,
                    requested: size as u64,
                    block,
                });
            }
            return pointer;
        }
        if bootstrap::owns(old) {
            return move_out_of_pool(old, size);
        }
        let under_way = trace::reallocating(old);
        let pointer = real::realloc(old, size);
        if let Some(under_way) = under_way {
            under_way.done(old, size, pointer);
        }
        pointer
    }
}

#[cold]
unsafe fn move_out_of_pool(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: a block of the pool has at least its size, and the new one `size`.
    unsafe {
        let new = malloc(size);
        if !new.is_null() {
            core::ptr::copy(old.cast::<u8>(), new.cast(), bootstrap::size(old).min(size));
        }
        new
    }
}

/// `reallocarray(3)`: as in glibc, a `realloc` with a check.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(old: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: as in `malloc`.
        Some(bytes) => unsafe { realloc(old, bytes) },
        None => {
            real::set_errno(libc::ENOMEM);
            null_mut()
        }
    }
}

/// `aligned_alloc(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        let pointer = real::aligned_alloc(alignment, size);
        if !pointer.is_null() && !bootstrap::owns(pointer) {
            trace::allocated(Kind::AlignedAlloc, pointer, size, move |block| {
                Call::AlignedAlloc {
                    alignment: alignment as u64,
                    requested: size as u64,
                    block,
                }
            });
        }
        pointer
    }
}

/// Records what `memalign`, `valloc` and `pvalloc` do alike.
///
/// # Safety
/// `pointer` is null or a live block.
unsafe fn record_memalign(pointer: *mut c_void, alignment: usize, size: usize) {
    if !pointer.is_null() && !bootstrap::owns(pointer) {
        // SAFETY: the block is live.
        unsafe {
            trace::allocated(Kind::Memalign, pointer, size, move |block| Call::Memalign {
                alignment: alignment as u64,
                requested: size as u64,
                block,
            });
        }
    }
}

/// `memalign(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        let pointer = real::memalign(alignment, size);
        record_memalign(pointer, alignment, size);
        pointer
    }
}

/// `valloc(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        let pointer = real::valloc(size);
        record_memalign(pointer, page_size(), size);
        pointer
    }
}

/// `pvalloc(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        let pointer = real::pvalloc(size);
        record_memalign(pointer, page_size(), size);
        pointer
    }
}

fn page_size() -> usize {
    // SAFETY: a look-up in the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_PAGESZ) as usize }
}

/// `posix_memalign(3)`
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(
    slot: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    // SAFETY: as in `malloc`; the slot is read only after a success, which
    // stored a pointer there.
    unsafe {
        let result = real::posix_memalign(slot, alignment, size);
        if result == 0 {
            let pointer = slot.read();
            if !pointer.is_null() {
                trace::allocated(Kind::PosixMemalign, pointer, size, move |block| {
                    Call::PosixMemalign {
                        slot: slot as u64,
                        alignment: alignment as u64,
                        requested: size as u64,
                        block,
                    }
                });
            }
        }
        result
    }
}

/// `malloc_usable_size(3)`: only to recognise the blocks of the pool.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(pointer: *mut c_void) -> usize {
    // SAFETY: the caller keeps C's rules.
    unsafe {
        if bootstrap::owns(pointer) {
            return bootstrap::size(pointer);
        }
        real::malloc_usable_size(pointer)
    }
}

/// `_exit(2)`, after the trace was cut to its length.
#[unsafe(no_mangle)]
pub extern "C" fn _exit(status: c_int) -> ! {
    sink::trim(state::current());
    sys::exit_group(status)
}

/// `_Exit(3)`, as [`_exit`].
#[allow(non_snake_case)]
#[unsafe(no_mangle)]
pub extern "C" fn _Exit(status: c_int) -> ! {
    _exit(status)
}

/// `execve(3)`, after the trace was cut to its length: the program that makes
/// the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execve(path: Text, arguments: Texts, environment: Texts) -> c_int {
    sink::trim(state::current());
    // SAFETY: the caller keeps C's rules.
    unsafe { real::execve(path, arguments, environment) }
}

/// `execv(3)`, after the trace was cut to its length: the program that makes
/// the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execv(path: Text, arguments: Texts) -> c_int {
    sink::trim(state::current());
    // SAFETY: the caller keeps C's rules.
    unsafe { real::execv(path, arguments) }
}

/// `execvp(3)`, after the trace was cut to its length: the program that makes
/// the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvp(file: Text, arguments: Texts) -> c_int {
    sink::trim(state::current());
    // SAFETY: the caller keeps C's rules.
    unsafe { real::execvp(file, arguments) }
}

/// `execvpe(3)`, after the trace was cut to its length: the program that makes
/// the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn execvpe(file: Text, arguments: Texts, environment: Texts) -> c_int {
    sink::trim(state::current());
    // SAFETY: the caller keeps C's rules.
    unsafe { real::execvpe(file, arguments, environment) }
}

/// `fexecve(3)`, after the trace was cut to its length: the program that makes
/// the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fexecve(fd: c_int, arguments: Texts, environment: Texts) -> c_int {
    sink::trim(state::current());
    // SAFETY: the caller keeps C's rules.
    unsafe { real::fexecve(fd, arguments, environment) }
}

/// Runs when the library is loaded: whoever allocates nothing learns too
/// whether it is traced.
#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = {
    extern "C" fn construct() {
        if state::warm_up().is_some() {
            exit::register();
            toggle::install();
        }
        exit::after_loading();
    }
    construct
};
