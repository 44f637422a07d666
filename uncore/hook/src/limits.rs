//! The calls by which a program limits or confines itself: a back end is told before, as
//! long as it may still do what it then may not.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::backend::Backend;
use crate::real;

/// What the program is about to do to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Make no system calls but four (`SECCOMP_MODE_STRICT`). The kernel takes the clock of
    /// the processor away, too, by which libc tells the time without one.
    Strict,
    /// Filter system calls: one that it does not make itself may kill it.
    Filter,
    /// Gain no new rights any more, which goes before a filter.
    NoNewRights,
    /// Write no files beyond some size.
    FileSize,
    /// Not read the clock of the processor (`PR_SET_TSC`).
    NoClock,
}

/// The program has its memory locked, also what is mapped later.
static LOCKS_MEMORY: AtomicBool = AtomicBool::new(false);

/// Whether memory that is mapped now is locked.
pub fn locks_memory() -> bool {
    LOCKS_MEMORY.load(Ordering::Relaxed)
}

/// `SECCOMP_SET_MODE_STRICT` and `SECCOMP_SET_MODE_FILTER`; other operations only ask.
const SECCOMP_SETS: usize = 2;

const PR_SET_SYSCALL_USER_DISPATCH: c_int = 59;

fn filter(is_strict: bool) -> Limit {
    match is_strict {
        true => Limit::Strict,
        false => Limit::Filter,
    }
}

/// `prctl(2)`. In C it takes any number of arguments; passed on are four, in the
/// registers in which they come, as libc does.
///
/// # Safety
/// As in C, here and below.
#[inline(always)]
pub unsafe fn prctl<B: Backend>(
    option: c_int,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
) -> c_int {
    // SAFETY: the caller keeps C's rules, here and below.
    let call = || unsafe { real::prctl(option, first, second, third, fourth) };
    match option {
        libc::PR_SET_SECCOMP => B::limit(filter(first == libc::SECCOMP_MODE_STRICT as usize), call),
        libc::PR_SET_NO_NEW_PRIVS if first == 1 => B::limit(Limit::NoNewRights, call),
        libc::PR_SET_TSC if first == libc::PR_TSC_SIGSEGV as usize => {
            B::limit(Limit::NoClock, call)
        }
        // System calls from outside of some range become signals.
        PR_SET_SYSCALL_USER_DISPATCH if first != 0 => B::limit(Limit::Filter, call),
        _ => call(),
    }
}

unsafe fn limit_file_size<B: Backend>(
    resource: c_int,
    limits: *const libc::rlimit,
    call: impl FnOnce() -> c_int,
) -> c_int {
    // SAFETY: the caller's; libc reads it, too.
    let is_limit = resource == libc::RLIMIT_FSIZE as c_int
        && !limits.is_null()
        && unsafe { (*limits).rlim_cur } != libc::RLIM_INFINITY;
    if is_limit {
        B::limit(Limit::FileSize, call)
    } else {
        call()
    }
}

/// `setrlimit(2)`
///
/// # Safety
/// As in C.
pub unsafe fn setrlimit<B: Backend>(resource: c_int, limits: *const libc::rlimit) -> c_int {
    // SAFETY: as above.
    unsafe { limit_file_size::<B>(resource, limits, || real::setrlimit(resource, limits)) }
}

/// `setrlimit64(2)`: the same where words have 64 bits.
///
/// # Safety
/// As in C.
pub unsafe fn setrlimit64<B: Backend>(resource: c_int, limits: *const libc::rlimit) -> c_int {
    // SAFETY: as above.
    unsafe { setrlimit::<B>(resource, limits) }
}

/// `prlimit(2)`
///
/// # Safety
/// As in C.
pub unsafe fn prlimit<B: Backend>(
    process: c_int,
    resource: c_int,
    new: *const libc::rlimit,
    old: *mut libc::rlimit,
) -> c_int {
    // Of another process it is none of our concern, and harmless.
    // SAFETY: as above.
    unsafe { limit_file_size::<B>(resource, new, || real::prlimit(process, resource, new, old)) }
}

/// `prlimit64(2)`: the same where words have 64 bits.
///
/// # Safety
/// As in C.
pub unsafe fn prlimit64<B: Backend>(
    process: c_int,
    resource: c_int,
    new: *const libc::rlimit,
    old: *mut libc::rlimit,
) -> c_int {
    // SAFETY: as above.
    unsafe { prlimit::<B>(process, resource, new, old) }
}

/// `mlockall(2)`
///
/// # Safety
/// As in C.
pub unsafe fn mlockall<B: Backend>(flags: c_int) -> c_int {
    // SAFETY: as above.
    let result = unsafe { real::mlockall(flags) };
    if result == 0 {
        LOCKS_MEMORY.store(flags & libc::MCL_FUTURE != 0, Ordering::Relaxed);
        B::memory_locked();
    }
    result
}

/// `syscall(2)` with the number of a call that a back end is told of. Others go to the real
/// function without coming here.
///
/// # Safety
/// As in C.
pub unsafe extern "C" fn told_syscall<B: Backend>(
    number: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    use crate::descriptors;
    // SAFETY: the calls are those of C functions, with their arguments.
    let result = unsafe {
        match number as libc::c_long {
            libc::SYS_seccomp if a < SECCOMP_SETS => B::limit(filter(a == 0), || {
                real::syscall(number, a, b, c, d, e, f) as c_int
            }),
            libc::SYS_prctl => prctl::<B>(a as c_int, b, c, d, e),
            libc::SYS_setrlimit => setrlimit::<B>(a as c_int, b as *const libc::rlimit),
            libc::SYS_prlimit64 => prlimit::<B>(
                a as c_int,
                b as c_int,
                c as *const libc::rlimit,
                d as *mut libc::rlimit,
            ),
            libc::SYS_mlockall => mlockall::<B>(a as c_int),
            libc::SYS_close => descriptors::close_any(a as c_int),
            libc::SYS_close_range => descriptors::close_range::<B>(a as u32, b as u32, c as c_int),
            #[cfg(target_arch = "x86_64")]
            libc::SYS_dup2 => descriptors::dup2::<B>(a as c_int, b as c_int),
            libc::SYS_dup3 => descriptors::dup3::<B>(a as c_int, b as c_int, c as c_int),
            _ => return real::syscall(number, a, b, c, d, e, f),
        }
    };
    result as isize
}
