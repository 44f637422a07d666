//! The functions behind the tracer: whatever allocator comes next.
//!
//! Each is reached through a pointer that starts out as a stand-in, which looks
//! all of them up at the first call, so that no later call has to ask. While a
//! thread looks them up, the loader may allocate: those calls are served from
//! the static pool.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::{bootstrap, tls};

/// Restores `errno` when dropped.
pub(crate) struct Errno(c_int);

impl Errno {
    pub(crate) fn save() -> Errno {
        // SAFETY: libc's location of this thread's `errno` is always valid.
        Errno(unsafe { *libc::__errno_location() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        set_errno(self.0);
    }
}

pub(crate) fn set_errno(number: c_int) {
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = number };
}

macro_rules! real {
    ($($name:ident: $slot:ident, $symbol:literal, $stand_in:ident,
       ($($argument:ident: $type:ty),*) -> $result:ty, else $otherwise:expr;)*) => {
        $(
            static $slot: AtomicPtr<c_void> = AtomicPtr::new($stand_in as *mut c_void);

            /// The real function of this name.
            ///
            /// # Safety
            /// As the C function.
            #[inline(always)]
            #[allow(clippy::undocumented_unsafe_blocks, reason = "unseen in a macro")]
            pub(crate) unsafe fn $name($($argument: $type),*) -> $result {
                let function = $slot.load(Ordering::Relaxed);
                // SAFETY: the slot holds a function of this type, always.
                let function: unsafe extern "C" fn($($type),*) -> $result =
                    unsafe { transmute(function) };
                // SAFETY: the caller keeps the C function's rules.
                unsafe { function($($argument),*) }
            }

            #[cold]
            #[allow(clippy::undocumented_unsafe_blocks, reason = "unseen in a macro")]
            unsafe extern "C" fn $stand_in($($argument: $type),*) -> $result {
                if resolve() {
                    // SAFETY: the slots hold other functions now.
                    return unsafe { $name($($argument),*) };
                }
                $otherwise
            }
        )*

        fn look_up_all() {
            // All are looked up before the first is put in place: none of the
            // loader's own allocations is traced.
            $(let $name = look_up($symbol);)*
            $(
                let missing: unsafe extern "C" fn($($type),*) -> $result = {
                    unsafe extern "C" fn missing($($argument: $type),*) -> $result {
                        $otherwise
                    }
                    missing
                };
                $slot.store(
                    if $name.is_null() { missing as *mut c_void } else { $name },
                    Ordering::Release,
                );
            )*
        }
    };
}

real! {
    malloc: MALLOC, c"malloc", first_malloc, (size: usize) -> *mut c_void,
        else bootstrap::allocate(size, 1);
    free: FREE, c"free", first_free, (pointer: *mut c_void) -> (),
        else { let _ = pointer; };
    calloc: CALLOC, c"calloc", first_calloc, (count: usize, size: usize) -> *mut c_void,
        else match count.checked_mul(size) {
            Some(bytes) => bootstrap::allocate(bytes, 1),
            None => null_mut(),
        };
    realloc: REALLOC, c"realloc", first_realloc,
        (pointer: *mut c_void, size: usize) -> *mut c_void,
        else { let _ = (pointer, size); null_mut() };
    aligned_alloc: ALIGNED_ALLOC, c"aligned_alloc", first_aligned_alloc,
        (alignment: usize, size: usize) -> *mut c_void,
        else bootstrap::allocate(size, alignment);
    memalign: MEMALIGN, c"memalign", first_memalign,
        (alignment: usize, size: usize) -> *mut c_void,
        else bootstrap::allocate(size, alignment);
    posix_memalign: POSIX_MEMALIGN, c"posix_memalign", first_posix_memalign,
        (slot: *mut *mut c_void, alignment: usize, size: usize) -> c_int,
        else { let _ = (slot, alignment, size); libc::ENOMEM };
    valloc: VALLOC, c"valloc", first_valloc, (size: usize) -> *mut c_void,
        else { let _ = size; null_mut() };
    pvalloc: PVALLOC, c"pvalloc", first_pvalloc, (size: usize) -> *mut c_void,
        else { let _ = size; null_mut() };
    malloc_usable_size: USABLE, c"malloc_usable_size", first_usable,
        (pointer: *mut c_void) -> usize,
        else { let _ = pointer; 0 };
    execve: EXECVE, c"execve", first_execve,
        (path: Text, arguments: Texts, environment: Texts) -> c_int,
        else { let _ = (path, arguments, environment); not_supported() };
    execv: EXECV, c"execv", first_execv, (path: Text, arguments: Texts) -> c_int,
        else { let _ = (path, arguments); not_supported() };
    execvp: EXECVP, c"execvp", first_execvp, (file: Text, arguments: Texts) -> c_int,
        else { let _ = (file, arguments); not_supported() };
    execvpe: EXECVPE, c"execvpe", first_execvpe,
        (file: Text, arguments: Texts, environment: Texts) -> c_int,
        else { let _ = (file, arguments, environment); not_supported() };
    fexecve: FEXECVE, c"fexecve", first_fexecve,
        (fd: c_int, arguments: Texts, environment: Texts) -> c_int,
        else { let _ = (fd, arguments, environment); not_supported() };
}

/// C's `const char *`.
pub(crate) type Text = *const c_char;
/// C's `char *const []`.
pub(crate) type Texts = *const *const c_char;

fn not_supported() -> c_int {
    set_errno(libc::ENOSYS);
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
pub(crate) fn is_glibc() -> bool {
    GLIBC.load(Ordering::Relaxed)
}

/// Whether the process has a single thread, as far as libc knows.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
#[inline(always)]
pub(crate) fn single_threaded() -> bool {
    // SAFETY: points to `NEVER` or to libc's `__libc_single_threaded`, which
    // only this thread changes while it is true.
    unsafe { SINGLE_THREADED.load(Ordering::Relaxed).read_volatile() != 0 }
}

/// Whether the allocator tells the usable size of its blocks.
pub(crate) fn tells_usable() -> bool {
    TELLS_USABLE.load(Ordering::Relaxed)
}

/// Bytes that the allocator set aside for a live block; `requested` where it
/// cannot tell.
///
/// # Safety
/// `pointer` is a live block of the real allocator.
#[inline(always)]
pub(crate) unsafe fn usable(pointer: *mut c_void, requested: usize) -> usize {
    if is_glibc() {
        // SAFETY: the caller says that the block is live, and it is glibc's.
        return unsafe { crate::mapping::glibc_usable(pointer as usize) };
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
pub(crate) fn is_bypassed() -> bool {
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
    let Some(tunables) = crate::config::variable(b"GLIBC_TUNABLES") else {
        return false;
    };
    let names = |name: &[u8]| tunables.windows(name.len()).any(|part| part == name);
    names(b"hugetlb") || names(b"mem.tagging")
}
