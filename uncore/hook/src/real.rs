//! The functions behind the hook: whatever allocator comes next.
//!
//! Each is reached through a pointer that starts out as a stand-in, which looks
//! all of them up at the first call, so that no later call has to ask. While a
//! thread looks them up, the loader may allocate: those calls are served from
//! the static pool.
#![allow(non_snake_case, reason = "C's names")]

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use crate::errno::{self, Errno};
use crate::loader::{self, Object};
use crate::table::types::{Handler, Text, Texts};
use crate::{bootstrap, environment, glibc, mapping, sys, tls};

macro_rules! real {
    (
        looked_up { $($looked_up:tt)* }
        stubs { $($stubs:tt)* }
        detours { $($detours:tt)* }
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

        /// The functions that are looked up.
        #[allow(non_camel_case_types, missing_docs, reason = "C's names")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function {
            $($name,)*
        }

        /// Where each call goes.
        #[doc(hidden)]
        pub struct Functions {
            $(pub(crate) $name: AtomicPtr<c_void>,)*
        }

        /// What was found; null where nothing was.
        static BEHIND: Functions = Functions {
            $($name: AtomicPtr::new(null_mut()),)*
        };

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
                        if BEHIND.$name.load(Ordering::Relaxed).is_null() {
                            look_up(Function::$name);
                        }
                        // SAFETY: the pointers are to other functions now.
                        unsafe { super::$name($($argument),*) }
                    } else {
                        // SAFETY: the caller keeps the C function's rules.
                        unsafe { early::$name($($argument),*) }
                    }
                }
            )*
        }

        /// What stands in for the functions of an allocator that is not glibc's, so that the back
        /// end can know what the allocator calls meanwhile.
        mod guarded {
            use super::*;

            $(
                #[allow(
                    unreachable_code,
                    unused_variables,
                    clippy::diverging_sub_expression,
                    reason = "some do not return"
                )]
                #[allow(clippy::undocumented_unsafe_blocks, reason = "comments are unseen in macros")]
                pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                    let function = BEHIND.$name.load(Ordering::Relaxed);
                    // SAFETY: the pointer is to a function of this type where this stands in.
                    let function: unsafe extern "C" fn($($type),*) -> $result =
                        unsafe { transmute(function) };
                    let depth = &tls::block().inside;
                    depth.set(depth.get() + 1);
                    // SAFETY: the caller keeps the C function's rules.
                    let result = unsafe { function($($argument),*) };
                    depth.set(depth.get() - 1);
                    result
                }
            )*
        }

        /// What stands in while this thread looks them up, and for what libc lacks.
        mod early {
            use super::*;

            $(
                #[allow(unused_variables, reason = "most give nothing")]
                #[allow(clippy::undocumented_unsafe_blocks, reason = "comments are unseen in macros")]
                pub(super) unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                    $early
                }
            )*
        }

        /// The function of this name, if it is hooked, and the real one.
        pub fn hooked(name: &CStr) -> Option<(Function, *mut c_void)> {
            $(if name == symbol(concat!(stringify!($name), "\0")) {
                if BEHIND.$name.load(Ordering::Relaxed).is_null() {
                    look_up(Function::$name);
                }
                return Some((Function::$name, BEHIND.$name.load(Ordering::Relaxed)));
            })*
            None
        }

        /// Where a function is kept, and what may stand in for it.
        struct Place {
            symbol: &'static CStr,
            behind: &'static AtomicPtr<c_void>,
            real: &'static AtomicPtr<c_void>,
            early: *mut c_void,
            guarded: *mut c_void,
        }

        impl Place {
            fn of(function: Function) -> Place {
                match function {
                    $(Function::$name => Place {
                        symbol: symbol(concat!(stringify!($name), "\0")),
                        behind: &BEHIND.$name,
                        real: &REAL.$name,
                        early: early::$name as *mut c_void,
                        guarded: guarded::$name as *mut c_void,
                    },)*
                }
            }
        }

        const ALL: &[Function] = &[$(Function::$name,)*];
    };
}

crate::table!([real]);

/// Looks a function up.
fn look_up(function: Function) {
    put(function, behind(Place::of(function).symbol));
}

/// Puts a function in place that has been looked up; null for none.
fn put(function: Function, found: *mut c_void) {
    let place = Place::of(function);
    let is_own = is_of_allocator(found as usize);
    OWN.fetch_or(u64::from(is_own) << function as u32, Ordering::Relaxed);
    place.behind.store(found, Ordering::Release);
    let real = match found.is_null() {
        true => place.early,
        false if is_own && !ALLOCATOR_IS_LIBC.load(Ordering::Relaxed) => place.guarded,
        false => found,
    };
    place.real.store(real, Ordering::Release);
}

/// Functions that libc may lack, or lacks, are looked up when they are called: a look-up that
/// fails leaves a text, which the next one frees, by a `free` of the program's own perhaps that
/// is not ready either.
const MAY_BE_MISSING: [Function; 8] = [
    Function::cfree,
    Function::free_sized,
    Function::free_aligned_sized,
    Function::close_range,
    Function::closefrom,
    Function::bsd_signal,
    Function::sysv_signal,
    Function::__sysv_signal,
];

/// What a name means behind this library.
fn behind(symbol: &CStr) -> *mut c_void {
    match VERSIONED.load(Ordering::Relaxed) {
        true => loader::next_versioned(symbol),
        false => loader::next(symbol),
    }
}

fn not_supported() -> c_int {
    errno::set(libc::ENOSYS);
    -1
}

/// Every function that gives a block is glibc's own, and blocks are laid out as we know
/// it: their headers may be read.
static GLIBC: AtomicBool = AtomicBool::new(false);
/// The functions are looked up.
static RESOLVED: AtomicBool = AtomicBool::new(false);
/// They are looked up by their version, see [`loader::next_versioned`].
static VERSIONED: AtomicBool = AtomicBool::new(false);
/// The object of the real `malloc`.
static ALLOCATOR: loader::Place = loader::Place::new();
/// It is libc.
static ALLOCATOR_IS_LIBC: AtomicBool = AtomicBool::new(false);
/// Which functions lie in the object of the real `malloc`: a bit each.
static OWN: AtomicU64 = AtomicU64::new(0);
/// libc's word on whether the process has one thread; see [`single_threaded`].
static SINGLE_THREADED: AtomicPtr<c_char> = AtomicPtr::new((&raw const NEVER).cast_mut().cast());
static NEVER: u8 = 0;

/// Whether all blocks are glibc's own.
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

/// Whether an address lies in the object of the real `malloc`.
pub fn is_of_allocator(address: usize) -> bool {
    ALLOCATOR.get().holds(address)
}

/// Whether this thread is in a real function of an allocator that is not glibc's: calls that
/// come in between are the allocator's own, which may be made of one another. They are not
/// the program's, which learns of their outcome only.
pub fn is_inside() -> bool {
    tls::block().inside.get() != 0
}

/// Whether a function belongs to the allocator: it lies in the object of the real `malloc`.
/// An allocator that lacks a function leaves it to the next object, whose blocks are
/// not its own.
pub fn is_own(function: Function) -> bool {
    OWN.load(Ordering::Relaxed) & 1 << function as u32 != 0
}

/// Whether a function is another allocator's than libc's.
pub(crate) fn belongs_to_other_allocator(function: Function) -> bool {
    is_own(function) && !ALLOCATOR_IS_LIBC.load(Ordering::Relaxed)
}

/// Whether the usable size of blocks can be told which this function gives or takes.
pub fn tells_usable(function: Function) -> bool {
    is_own(function) && is_own(Function::malloc_usable_size)
}

/// Bytes that were set aside for a live block, which this function gave or takes;
/// `requested` where nobody can tell.
///
/// # Safety
/// `pointer` is such a block of the real functions.
#[inline(always)]
pub unsafe fn usable(function: Function, pointer: *mut c_void, requested: usize) -> usize {
    if is_glibc() {
        // SAFETY: the caller says that the block is live, and it is glibc's.
        return unsafe { glibc::usable(pointer as usize) };
    }
    if tells_usable(function) {
        // tcmalloc says 0 of blocks that it made before it was set up.
        // SAFETY: as above.
        return unsafe { malloc_usable_size(pointer) }.max(requested);
    }
    requested
}

/// Looks the real functions up. False while this thread is doing so already.
#[cold]
fn resolve() -> bool {
    if RESOLVED.load(Ordering::Acquire) {
        return true;
    }
    let thread = tls::block();
    if thread.resolving.get() != 0 {
        return false;
    }
    thread.resolving.set(1);
    let errno = Errno::save();
    mapping::learn_break_start();
    // A char of libc's, where there is one.
    let single = loader::default(c"__libc_single_threaded");
    if !single.is_null() {
        SINGLE_THREADED.store(single.cast(), Ordering::Relaxed);
    }
    let libc = Object::of(loader::next(c"gnu_get_libc_version") as usize);
    let mut malloc = loader::next(c"malloc") as usize;
    if libc.holds(malloc) {
        let versioned = loader::next_versioned(c"malloc") as usize;
        if !libc.holds(versioned) {
            malloc = versioned;
            VERSIONED.store(true, Ordering::Relaxed);
        }
    }
    let allocator = Object::of(malloc);
    ALLOCATOR.set(allocator);
    ALLOCATOR_IS_LIBC.store(libc == allocator, Ordering::Relaxed);
    // All are looked up before the first is put in place: none of the loader's own
    // allocations reaches the back end half-way.
    let found: [*mut c_void; ALL.len()] = core::array::from_fn(|index| match ALL[index] {
        function if MAY_BE_MISSING.contains(&function) => null_mut(),
        function => behind(Place::of(function).symbol),
    });
    for (function, found) in ALL.iter().zip(found) {
        if !MAY_BE_MISSING.contains(function) {
            put(*function, found);
        }
    }
    GLIBC.store(
        libc == allocator
            && GIVING.iter().all(|&function| is_own(function))
            && !tunables_change_layout(),
        Ordering::Release,
    );
    RESOLVED.store(true, Ordering::Release);
    drop(errno);
    thread.resolving.set(0);
    true
}

/// Looks the real functions up, if that is not done.
pub fn ready() {
    if !RESOLVED.load(Ordering::Acquire) {
        resolve();
    }
}

/// Whether the program's own `malloc` is another than ours: a program that
/// brings its allocator along never calls us.
pub fn is_bypassed() -> bool {
    let bound = loader::default(c"malloc") as usize;
    bound != 0 && !Object::ours().holds(bound) && loader::is_definition(bound)
}

impl Function {
    /// Whether it gives or takes blocks.
    pub fn is_of_family(self) -> bool {
        let takes = [
            Function::free,
            Function::cfree,
            Function::free_sized,
            Function::free_aligned_sized,
        ];
        takes.contains(&self) || (GIVING.contains(&self) && self != Function::malloc_usable_size)
    }
}

/// The functions that give blocks, or tell of them.
const GIVING: [Function; 9] = [
    Function::malloc,
    Function::calloc,
    Function::realloc,
    Function::aligned_alloc,
    Function::memalign,
    Function::posix_memalign,
    Function::valloc,
    Function::pvalloc,
    Function::malloc_usable_size,
];

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
