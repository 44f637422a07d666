//! The functions behind the hook: whatever allocator comes next.
//!
//! Each is reached through a pointer that starts out as a stand-in, which looks
//! all of them up at the first call, so that no later call has to ask. While a
//! thread looks them up, the loader may allocate: those calls are served from
//! the static pool.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::mem::transmute;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::errno::{self, Errno};
use crate::table::types::{Handler, Text, Texts};
use crate::{bootstrap, environment, glibc, tls};

macro_rules! real {
    (
        looked_up { $($looked_up:tt)* }
        stubs { $($stubs:tt)* }
        own { $($own:tt)* }
    ) => {
        real_functions! { $($looked_up)* $($stubs)* }
    };
}

macro_rules! real_functions {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty, early $early:block;)*) => {
        $(
            /// The real function of this name.
            ///
            /// # Safety
            /// As the C function.
            #[inline(always)]
            #[allow(clippy::undocumented_unsafe_blocks, reason = "comments are unseen in macros")]
            pub unsafe fn $name($($argument: $type),*) -> $result {
                let function = REAL.$name.load(Ordering::Relaxed);
                // SAFETY: the pointer is to a function of this type, always.
                let function: unsafe extern "C" fn($($type),*) -> $result =
                    unsafe { transmute(function) };
                // SAFETY: the caller keeps the C function's rules.
                unsafe { function($($argument),*) }
            }
        )*

        /// Where each call goes.
        #[doc(hidden)]
        pub struct Functions {
            $(pub(crate) $name: AtomicPtr<c_void>,)*
        }

        #[doc(hidden)]
        pub static REAL: Functions = Functions {
            $($name: AtomicPtr::new(first::$name as *mut c_void),)*
        };

        /// What stands in for each function until all are looked up.
        mod first {
            use super::*;

            $(
                #[cold]
                #[allow(clippy::undocumented_unsafe_blocks, reason = "comments are unseen in macros")]
                pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                    if resolve() {
                        // SAFETY: the pointers are to other functions now.
                        return unsafe { super::$name($($argument),*) };
                    }
                    // SAFETY: the caller keeps the C function's rules.
                    unsafe { early::$name($($argument),*) }
                }
            )*
        }

        /// What stands in while this thread looks them up, and for what libc lacks.
        mod early {
            use super::*;

            $(
                #[allow(unused_variables, reason = "most give nothing")]
                pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                    $early
                }
            )*
        }

        fn look_up_all() {
            // All are looked up before the first is put in place: none of the
            // loader's own allocations reaches the back end half-way.
            let found = [$((&REAL.$name, symbol(concat!(stringify!($name), "\0")), early::$name as *mut c_void),)*]
                .map(|(place, symbol, early)| {
                    let found = look_up(symbol);
                    (place, if found.is_null() { early } else { found })
                });
            for (place, function) in found {
                place.store(function, Ordering::Release);
            }
        }
    };
}

crate::table!([real]);

fn not_supported() -> c_int {
    errno::set(libc::ENOSYS);
    -1
}

/// The allocator is glibc's own, laid out as we know it: a block's header may
/// be read.
static GLIBC: AtomicBool = AtomicBool::new(false);
/// The allocator can tell the usable size of its blocks.
static TELLS_USABLE: AtomicBool = AtomicBool::new(false);
/// libc's word on whether the process has one thread; see [`single_threaded`].
static SINGLE_THREADED: AtomicPtr<c_char> = AtomicPtr::new((&raw const NEVER).cast_mut().cast());
static NEVER: u8 = 0;

/// Whether the allocator is glibc's own.
#[inline(always)]
pub fn is_glibc() -> bool {
    GLIBC.load(Ordering::Relaxed)
}

/// Whether the process has a single thread, as far as libc knows.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
pub fn single_threaded() -> bool {
    // SAFETY: points to `NEVER` or to libc's `__libc_single_threaded`, which
    // only this thread changes while it is true.
    unsafe { SINGLE_THREADED.load(Ordering::Relaxed).read_volatile() != 0 }
}

/// Whether the allocator tells the usable size of its blocks.
pub fn tells_usable() -> bool {
    TELLS_USABLE.load(Ordering::Relaxed)
}

/// Bytes that the allocator set aside for a live block; `requested` where it
/// cannot tell.
///
/// # Safety
/// `pointer` is a live block of the real allocator.
#[inline(always)]
pub unsafe fn usable(pointer: *mut c_void, requested: usize) -> usize {
    if is_glibc() {
        // SAFETY: the caller says that the block is live, and it is glibc's.
        return unsafe { glibc::usable(pointer as usize) };
    }
    if TELLS_USABLE.load(Ordering::Relaxed) {
        // tcmalloc says 0 of blocks that it made before it was set up.
        // SAFETY: as above.
        return unsafe { malloc_usable_size(pointer) }.max(requested);
    }
    requested
}

/// Looks the real functions up. False while this thread is doing so already.
#[cold]
fn resolve() -> bool {
    let thread = tls::block();
    if thread.resolving.get() != 0 {
        return false;
    }
    thread.resolving.set(1);
    let errno = Errno::save();
    // SAFETY: the symbol, where there is one, is a char of libc's.
    let single = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
    if !single.is_null() {
        SINGLE_THREADED.store(single.cast(), Ordering::Relaxed);
    }
    let allocator = object_of(look_up(c"malloc"));
    GLIBC.store(
        !allocator.is_null()
            && allocator == object_of(look_up(c"gnu_get_libc_version"))
            && !tunables_change_layout(),
        Ordering::Relaxed,
    );
    TELLS_USABLE.store(
        allocator == object_of(look_up(c"malloc_usable_size")),
        Ordering::Relaxed,
    );
    look_up_all();
    drop(errno);
    thread.resolving.set(0);
    true
}

/// Whether the program's own `malloc` is another than ours: a program that
/// brings its allocator along never calls us.
pub fn is_bypassed() -> bool {
    // Not the address of `malloc`: that name means the program's here, too.
    let ours = resolve as *mut c_void;
    // SAFETY: a look-up by name.
    let bound = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"malloc".as_ptr()) };
    !bound.is_null() && object_of(bound) != object_of(ours)
}

fn look_up(symbol: &CStr) -> *mut c_void {
    // SAFETY: a look-up by name.
    unsafe { libc::dlsym(libc::RTLD_NEXT, symbol.as_ptr()) }
}

/// Where the object that holds `address` is loaded; null for none.
fn object_of(address: *mut c_void) -> *mut c_void {
    if address.is_null() {
        return null_mut();
    }
    let mut info = libc::Dl_info {
        dli_fname: null(),
        dli_fbase: null_mut(),
        dli_sname: null(),
        dli_saddr: null_mut(),
    };
    // SAFETY: `info` is writable.
    match unsafe { libc::dladdr(address, &mut info) } {
        0 => null_mut(),
        _ => info.dli_fbase,
    }
}

/// With huge pages, glibc's heaps have another alignment; with memory tagging,
/// its headers another tag.
fn tunables_change_layout() -> bool {
    let Some(tunables) = environment::variable(b"GLIBC_TUNABLES") else {
        return false;
    };
    let names = |name: &[u8]| tunables.windows(name.len()).any(|part| part == name);
    names(b"hugetlb") || names(b"mem.tagging")
}

/// The C string of a literal that ends with a NUL.
const fn symbol(name: &str) -> &CStr {
    match CStr::from_bytes_with_nul(name.as_bytes()) {
        Ok(symbol) => symbol,
        Err(_) => c"",
    }
}
