//! What each exported function asks of a back end. The functions are those of the
//! [table](crate::table!), by name; [`export!`](crate::export) makes C functions of
//! them. What all back ends would do alike is done here: null pointers, blocks of
//! the bootstrap pool, overflowing products, the result slot of `posix_memalign`.

use core::ffi::{CStr, c_int, c_void};
use core::ptr::null_mut;

use crate::backend::{Backend, Release, Request, Resize};
use crate::detour::Way;
use crate::loader::{self, Next, Object};
use crate::masks::Inherited;
use crate::real::Function;
use crate::table::types::{Text, Texts};
use crate::{bootstrap, errno, real};

pub use crate::descriptors::{close_range, closefrom, dup2, dup3};
pub use crate::limits::{mlockall, prctl, prlimit, prlimit64, setrlimit, setrlimit64};
pub use crate::masks::{posix_spawn, posix_spawnp, pthread_sigmask, sigprocmask};
pub use crate::signals::{__sysv_signal, bsd_signal, sigaction, signal, sysv_signal};

/// `malloc(3)`
///
/// # Safety
/// As in C, here and below.
#[inline(always)]
pub unsafe fn malloc<B: Backend>(size: usize) -> *mut c_void {
    // SAFETY: the caller keeps C's rules, here and below.
    unsafe { B::allocate(Request::Malloc { size }).block }
}

/// `free(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn free<B: Backend>(block: *mut c_void) {
    // SAFETY: as in `malloc`.
    unsafe { release::<B>(Release::Free { block }) }
}

/// `cfree`, an old name of [`free`] that some allocators still have.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn cfree<B: Backend>(block: *mut c_void) {
    // SAFETY: as in `malloc`.
    unsafe { release::<B>(Release::Cfree { block }) }
}

/// `free_sized`, of C23.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn free_sized<B: Backend>(block: *mut c_void, size: usize) {
    // SAFETY: as in `malloc`.
    unsafe { release::<B>(Release::FreeSized { block, size }) }
}

/// `free_aligned_sized`, of C23.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn free_aligned_sized<B: Backend>(block: *mut c_void, alignment: usize, size: usize) {
    // SAFETY: as in `malloc`.
    unsafe {
        release::<B>(Release::FreeAlignedSized {
            block,
            alignment,
            size,
        });
    }
}

/// Gives a block back, unless it is none, or the pool's.
///
/// # Safety
/// As in C.
#[inline(always)]
pub(crate) unsafe fn release<B: Backend>(release: Release) {
    let block = release.block();
    if block.is_null() || bootstrap::owns(block) {
        return;
    }
    // SAFETY: as in `malloc`.
    unsafe { B::free(release) }
}

/// `calloc(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn calloc<B: Backend>(count: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { B::allocate(Request::Calloc { count, size }).block }
}

/// `realloc(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn realloc<B: Backend>(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe {
        if old.is_null() {
            return B::allocate(Request::Realloc { size }).block;
        }
        if bootstrap::owns(old) {
            return move_out_of_pool::<B>(old, size);
        }
        B::reallocate(Resize::Realloc { old, size })
    }
}

#[cold]
unsafe fn move_out_of_pool<B: Backend>(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: a block of the pool has at least its size, and the new one `size`.
    unsafe {
        let new = malloc::<B>(size);
        if !new.is_null() {
            core::ptr::copy(old.cast::<u8>(), new.cast(), bootstrap::size(old).min(size));
        }
        new
    }
}

/// `reallocarray(3)`. libc's asks `realloc` by its name: that is the hook's, or one of the
/// program's own.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn reallocarray<B: Backend>(old: *mut c_void, count: usize, size: usize) -> *mut c_void {
    if !real::belongs_to_other_allocator(Function::reallocarray) {
        // SAFETY: as in `malloc`.
        return unsafe { real::reallocarray(old, count, size) };
    }
    match count.checked_mul(size) {
        // SAFETY: as in `malloc`.
        Some(bytes) => unsafe { realloc::<B>(old, bytes) },
        None => {
            errno::set(libc::ENOMEM);
            null_mut()
        }
    }
}

/// `aligned_alloc(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn aligned_alloc<B: Backend>(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { B::allocate(Request::AlignedAlloc { alignment, size }).block }
}

/// `memalign(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn memalign<B: Backend>(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { B::allocate(Request::Memalign { alignment, size }).block }
}

/// `valloc(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn valloc<B: Backend>(size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { B::allocate(Request::Valloc { size }).block }
}

/// `pvalloc(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn pvalloc<B: Backend>(size: usize) -> *mut c_void {
    // SAFETY: as in `malloc`.
    unsafe { B::allocate(Request::Pvalloc { size }).block }
}

/// `posix_memalign(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn posix_memalign<B: Backend>(
    slot: *mut *mut c_void,
    alignment: usize,
    size: usize,
) -> c_int {
    // SAFETY: as in `malloc`; the slot is written only after a success.
    unsafe {
        let answer = B::allocate(Request::PosixMemalign {
            slot,
            alignment,
            size,
        });
        if answer.error == 0 {
            slot.write(answer.block);
        }
        answer.error
    }
}

/// `malloc_usable_size(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn malloc_usable_size<B: Backend>(block: *mut c_void) -> usize {
    // SAFETY: as in `malloc`.
    unsafe {
        if bootstrap::owns(block) {
            return bootstrap::size(block);
        }
        B::usable_size(block)
    }
}

/// `malloc_trim(3)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn malloc_trim<B: Backend>(pad: usize) -> c_int {
    // SAFETY: as in `malloc`.
    let released = unsafe { real::malloc_trim(pad) };
    if released != 0 {
        B::trimmed();
    }
    released
}

/// `_exit(2)`
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn _exit<B: Backend>(status: c_int) -> ! {
    B::ending();
    // SAFETY: as in `malloc`.
    unsafe { real::_exit(status) }
}

/// `_Exit(3)`
///
/// # Safety
/// As in C.
#[allow(non_snake_case, reason = "C's name")]
#[inline(always)]
pub unsafe fn _Exit<B: Backend>(status: c_int) -> ! {
    B::ending();
    // SAFETY: as in `malloc`.
    unsafe { real::_Exit(status) }
}

/// `execve(3)`: the program that makes the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn execve<B: Backend>(path: Text, arguments: Texts, environment: Texts) -> c_int {
    B::ending();
    let _mask = Inherited::new();
    // SAFETY: as in `malloc`.
    unsafe { real::execve(path, arguments, environment) }
}

/// `execv(3)`: the program that makes the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn execv<B: Backend>(path: Text, arguments: Texts) -> c_int {
    B::ending();
    let _mask = Inherited::new();
    // SAFETY: as in `malloc`.
    unsafe { real::execv(path, arguments) }
}

/// `execvp(3)`: the program that makes the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn execvp<B: Backend>(file: Text, arguments: Texts) -> c_int {
    B::ending();
    let _mask = Inherited::new();
    // SAFETY: as in `malloc`.
    unsafe { real::execvp(file, arguments) }
}

/// `execvpe(3)`: the program that makes the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn execvpe<B: Backend>(file: Text, arguments: Texts, environment: Texts) -> c_int {
    B::ending();
    let _mask = Inherited::new();
    // SAFETY: as in `malloc`.
    unsafe { real::execvpe(file, arguments, environment) }
}

/// `fexecve(3)`: the program that makes the call ends there, if it succeeds.
///
/// # Safety
/// As in C.
#[inline(always)]
pub unsafe fn fexecve<B: Backend>(fd: c_int, arguments: Texts, environment: Texts) -> c_int {
    B::ending();
    let _mask = Inherited::new();
    // SAFETY: as in `malloc`.
    unsafe { real::fexecve(fd, arguments, environment) }
}

/// `dlsym(3)`. Who asks a library itself for a function that the program's calls reach by
/// way of the hook gets the hook's: foreign function interfaces ask in this way.
///
/// # Safety
/// As in C.
pub unsafe extern "C" fn dlsym<B: Backend>(
    handle: *mut c_void,
    name: Text,
    _: usize,
    _: usize,
    caller: usize,
) -> Way {
    static DLSYM: Next = Next::new(c"dlsym");
    if handle != libc::RTLD_DEFAULT && handle != libc::RTLD_NEXT && !name.is_null() {
        // SAFETY: the caller passes a string.
        let name = unsafe { CStr::from_ptr(name) };
        if let Some((function, real)) = real::hooked(name) {
            // SAFETY: as in `malloc`; with such a handle, who asks makes no difference.
            let found = unsafe { loader::look_up(handle, name) };
            // An allocator asks for what stands behind itself.
            if !found.is_null() && !real::is_of_allocator(caller) {
                return Way::back(instead::<B>(name, function, real, found) as usize);
            }
            return Way::back(found as usize);
        }
    }
    Way::on(DLSYM.get())
}

/// What a look-up of a hooked function gives that found another one, or the real one.
fn instead<B: Backend>(
    name: &CStr,
    function: Function,
    real: *mut c_void,
    found: *mut c_void,
) -> *mut c_void {
    let ours = Object::ours();
    if found == real {
        let bound = loader::default(name) as usize;
        // Not where the program has a function of its own of this name.
        if ours.holds(bound) || !loader::is_definition(bound) {
            return bound as *mut c_void;
        }
    } else if function.is_of_family()
        && !ours.holds(found as usize)
        && loader::is_definition(found as usize)
    {
        B::passed_by();
    }
    found
}

/// `dlopen(3)`, which looks up libraries for its caller.
///
/// # Safety
/// As in C.
pub unsafe extern "C" fn dlopen<B: Backend>(
    file: Text,
    flags: c_int,
    _: usize,
    _: usize,
    _: usize,
) -> Way {
    static DLOPEN: Next = Next::new(c"dlopen");
    if !file.is_null() && flags & libc::RTLD_DEEPBIND != 0 && flags & libc::RTLD_NOLOAD == 0 {
        B::passed_by();
    }
    Way::on(DLOPEN.get())
}

/// `dlmopen(3)`: with another name space than the program's, libc is loaded again.
///
/// # Safety
/// As in C.
pub unsafe extern "C" fn dlmopen<B: Backend>(
    namespace: libc::Lmid_t,
    _: Text,
    flags: c_int,
    _: usize,
    _: usize,
) -> Way {
    static DLMOPEN: Next = Next::new(c"dlmopen");
    if namespace != libc::LM_ID_BASE || flags & libc::RTLD_DEEPBIND != 0 {
        B::passed_by();
    }
    Way::on(DLMOPEN.get())
}
