//! System calls, made directly: libc's wrappers set `errno`, and some are
//! cancellation points, at which a thread would be unwound out of
//! the hook.
//!
//! Results are the kernel's: negative values are negated error numbers.

use crate::vdso;

#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!("hooks support Linux with glibc on x86_64 and aarch64");

/// One system call.
///
/// # Safety
/// As the call itself: pointers must be valid for what the kernel does with them.
#[inline]
pub(crate) unsafe fn call(number: libc::c_long, a: [usize; 6]) -> isize {
    let result: isize;
    let [a0, a1, a2, a3, a4, a5] = a;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel's calling convention; it clobbers rcx and r11 only.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a0, in("rsi") a1, in("rdx") a2, in("r10") a3, in("r8") a4, in("r9") a5,
            lateout("rcx") _, lateout("r11") _,
            options(nostack)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the kernel's calling convention.
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") number,
            inlateout("x0") a0 as isize => result,
            in("x1") a1, in("x2") a2, in("x3") a3, in("x4") a4, in("x5") a5,
            options(nostack)
        );
    }
    result
}

/// The error number in a result, if it is one.
pub fn error(result: isize) -> Option<i32> {
    if (-4095..0).contains(&result) {
        Some(result.wrapping_neg() as i32)
    } else {
        None
    }
}

fn checked(result: isize) -> Result<usize, i32> {
    match error(result) {
        Some(number) => Err(number),
        None => Ok(result as usize),
    }
}

/// Opens `path`, a NUL-terminated string.
///
/// # Safety
/// `path` points to a NUL-terminated string.
pub unsafe fn open(path: *const u8, flags: i32, mode: u32) -> Result<i32, i32> {
    let flags = flags | libc::O_CLOEXEC;
    // SAFETY: the caller vouches for `path`.
    let result = unsafe {
        call(
            libc::SYS_openat,
            [
                libc::AT_FDCWD as usize,
                path as usize,
                flags as usize,
                mode as usize,
                0,
                0,
            ],
        )
    };
    checked(result).map(|fd| fd as i32)
}

/// Removes the directory entry `path`, a NUL-terminated string.
///
/// # Safety
/// `path` points to a NUL-terminated string.
pub unsafe fn unlink(path: *const u8) -> Result<(), i32> {
    // SAFETY: the caller vouches for `path`.
    let result = unsafe {
        call(
            libc::SYS_unlinkat,
            [libc::AT_FDCWD as usize, path as usize, 0, 0, 0, 0],
        )
    };
    checked(result).map(drop)
}

/// Renames a file; `flags` are those of `renameat2`.
///
/// # Safety
/// Both paths point to NUL-terminated strings.
pub unsafe fn rename(from: *const u8, to: *const u8, flags: u32) -> Result<(), i32> {
    let here = libc::AT_FDCWD as usize;
    let arguments = [here, from as usize, here, to as usize, flags as usize, 0];
    // SAFETY: the caller vouches for the paths.
    checked(unsafe { call(libc::SYS_renameat2, arguments) }).map(drop)
}

/// Gives a file a second name.
///
/// # Safety
/// Both paths point to NUL-terminated strings.
pub unsafe fn link(from: *const u8, to: *const u8) -> Result<(), i32> {
    let here = libc::AT_FDCWD as usize;
    let arguments = [here, from as usize, here, to as usize, 0, 0];
    // SAFETY: the caller vouches for the paths.
    checked(unsafe { call(libc::SYS_linkat, arguments) }).map(drop)
}

/// Reads the symbolic link `path` into `buffer`, without a NUL; returns its length.
///
/// # Safety
/// `path` points to a NUL-terminated string.
pub unsafe fn read_link(path: *const u8, buffer: &mut [u8]) -> Result<usize, i32> {
    let arguments = [
        libc::AT_FDCWD as usize,
        path as usize,
        buffer.as_mut_ptr() as usize,
        buffer.len(),
        0,
        0,
    ];
    // SAFETY: the caller vouches for `path`; the buffer is writable for its length.
    checked(unsafe { call(libc::SYS_readlinkat, arguments) })
}

/// Locks an open file for this descriptor, its duplicates and mappings alone;
/// `EWOULDBLOCK` where somebody else has it locked.
pub fn lock(fd: i32) -> Result<(), i32> {
    let operation = libc::LOCK_EX | libc::LOCK_NB;
    // SAFETY: no memory is passed.
    let result = unsafe {
        call(
            libc::SYS_flock,
            [fd as usize, operation as usize, 0, 0, 0, 0],
        )
    };
    checked(result).map(drop)
}

/// What lies at `path`, without following a symbolic link at its end.
///
/// # Safety
/// `path` points to a NUL-terminated string.
#[inline(never)]
pub unsafe fn lstat(path: *const u8) -> Result<libc::stat, i32> {
    // SAFETY: the caller's promise.
    unsafe { stat_at(path, libc::AT_SYMLINK_NOFOLLOW) }
}

/// What lies at `path`, to which the kernel follows symbolic links.
///
/// # Safety
/// `path` points to a NUL-terminated string.
#[inline(never)]
pub unsafe fn stat(path: *const u8) -> Result<libc::stat, i32> {
    // SAFETY: the caller's promise.
    unsafe { stat_at(path, 0) }
}

unsafe fn stat_at(path: *const u8, flags: i32) -> Result<libc::stat, i32> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the caller vouches for `path`; `stat` has the kernel's layout.
    let result = unsafe {
        call(
            libc::SYS_newfstatat,
            [
                libc::AT_FDCWD as usize,
                path as usize,
                stat.as_mut_ptr() as usize,
                flags as usize,
                0,
                0,
            ],
        )
    };
    // SAFETY: all-zero bytes are a valid `stat`.
    checked(result).map(|_| unsafe { stat.assume_init() })
}

/// What the descriptor `fd` refers to.
#[inline]
pub fn fstat(fd: i32) -> Result<libc::stat, i32> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: `stat` is writable and has the kernel's layout.
    let result = unsafe {
        call(
            libc::SYS_fstat,
            [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0],
        )
    };
    // SAFETY: all-zero bytes are a valid `stat`.
    checked(result).map(|_| unsafe { stat.assume_init() })
}

/// Which file the descriptor `fd` refers to: its device and inode.
#[inline(never)]
pub fn identity(fd: i32) -> Result<(u64, u64), i32> {
    fstat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}

/// Closes a descriptor.
pub fn close(fd: i32) {
    // SAFETY: no memory is passed.
    let _ = unsafe { call(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Duplicates `fd` to the first free number at or above `least`, closed on exec.
pub fn duplicate_above(fd: i32, least: i32) -> Result<i32, i32> {
    let arguments = [
        fd as usize,
        libc::F_DUPFD_CLOEXEC as usize,
        least as usize,
        0,
        0,
        0,
    ];
    // SAFETY: no memory is passed.
    checked(unsafe { call(libc::SYS_fcntl, arguments) }).map(|fd| fd as i32)
}

/// Reads into `buffer` from a place of the file on; returns the number of bytes read.
pub fn read_at(fd: i32, buffer: &mut [u8], at: u64) -> Result<usize, i32> {
    let arguments = [
        fd as usize,
        buffer.as_mut_ptr() as usize,
        buffer.len(),
        at as usize,
        0,
        0,
    ];
    // SAFETY: the buffer is writable for its length.
    checked(unsafe { call(libc::SYS_pread64, arguments) })
}

/// Reads into `buffer`; returns the number of bytes read.
pub fn read(fd: i32, buffer: &mut [u8]) -> Result<usize, i32> {
    let arguments = [
        fd as usize,
        buffer.as_mut_ptr() as usize,
        buffer.len(),
        0,
        0,
        0,
    ];
    // SAFETY: the buffer is writable for its length.
    checked(unsafe { call(libc::SYS_read, arguments) })
}

/// Writes `bytes`; returns the number of bytes written.
pub fn write(fd: i32, bytes: &[u8]) -> Result<usize, i32> {
    let arguments = [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0];
    // SAFETY: the buffer is readable for its length.
    checked(unsafe { call(libc::SYS_write, arguments) })
}

/// Writes these parts one after the other at byte `at` of a file; how many bytes were written.
///
/// # Safety
/// Every part is readable for its length.
pub unsafe fn write_at(fd: i32, parts: &[libc::iovec], at: u64) -> Result<usize, i32> {
    // The offset is passed in two words, of which a 64-bit kernel takes the first.
    let arguments = [
        fd as usize,
        parts.as_ptr() as usize,
        parts.len(),
        at as usize,
        0,
        0,
    ];
    // SAFETY: the caller's promise.
    checked(unsafe { call(libc::SYS_pwritev, arguments) })
}

/// Sets the file's length in bytes.
pub fn truncate(fd: i32, length: u64) -> Result<(), i32> {
    // SAFETY: no memory is passed.
    let result = unsafe {
        call(
            libc::SYS_ftruncate,
            [fd as usize, length as usize, 0, 0, 0, 0],
        )
    };
    checked(result).map(drop)
}

/// `mmap`, at `address` where that is free or the flags demand it.
unsafe fn map_at(
    address: usize,
    length: usize,
    protection: i32,
    flags: i32,
    fd: i32,
    start: u64,
) -> Result<usize, i32> {
    let flags = flags | libc::MAP_NORESERVE;
    let arguments = [
        address,
        length,
        protection as usize,
        flags as usize,
        fd as isize as usize,
        start as usize,
    ];
    // SAFETY: the caller vouches for what is mapped over.
    checked(unsafe { call(libc::SYS_mmap, arguments) })
}

const WRITABLE: i32 = libc::PROT_READ | libc::PROT_WRITE;
const ANONYMOUS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;

/// Maps `length` bytes of anonymous private memory. Nothing is reserved.
pub fn map(length: usize) -> Result<usize, i32> {
    // SAFETY: the kernel chooses a free range.
    unsafe { map_at(0, length, WRITABLE, ANONYMOUS, -1, 0) }
}

/// Maps `length` bytes of anonymous memory, which forked children share.
pub fn map_shared(length: usize) -> Result<usize, i32> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    // SAFETY: the kernel chooses a free range.
    unsafe { map_at(0, length, WRITABLE, flags, -1, 0) }
}

/// Keeps `length` bytes of addresses, which cannot be used.
pub fn reserve(length: usize) -> Result<usize, i32> {
    // SAFETY: the kernel chooses a free range.
    unsafe { map_at(0, length, libc::PROT_NONE, ANONYMOUS, -1, 0) }
}

/// Maps `length` bytes of the file `fd` from byte `start` on, which is a multiple of the
/// page size, shared; at `address` if that is free, elsewhere if not.
pub fn map_file(fd: i32, start: u64, length: usize, address: usize) -> Result<usize, i32> {
    // SAFETY: the kernel takes a free range.
    unsafe { map_at(address, length, WRITABLE, libc::MAP_SHARED, fd, start) }
}

/// Has memory of our own locked no more.
pub fn unlock(start: usize, length: usize) {
    // SAFETY: no contents are changed.
    let _ = unsafe { call(libc::SYS_munlock, [start, length, 0, 0, 0, 0]) };
}

/// Puts anonymous private memory in the place of a mapping of our own.
///
/// # Safety
/// `start .. start + length` is a mapping that nobody else uses.
pub unsafe fn cover(start: usize, length: usize) {
    // SAFETY: the caller vouches that the range is ours.
    let _ = unsafe { map_at(start, length, WRITABLE, ANONYMOUS | libc::MAP_FIXED, -1, 0) };
}

/// Gives back a mapping of our own.
///
/// # Safety
/// Nobody uses `start .. start + length` any more.
pub unsafe fn unmap(start: usize, length: usize) {
    // SAFETY: the caller vouches that the range is ours and unused.
    let _ = unsafe { call(libc::SYS_munmap, [start, length, 0, 0, 0, 0]) };
}

/// `madvise` on a mapping of our own.
///
/// # Safety
/// The advice must not lose data that is still wanted.
pub unsafe fn advise(start: usize, length: usize, advice: i32) -> Result<(), i32> {
    // SAFETY: the caller vouches for the advice.
    let result = unsafe { call(libc::SYS_madvise, [start, length, advice as usize, 0, 0, 0]) };
    checked(result).map(drop)
}

/// Maps `length` bytes of anonymous private memory that a forked child finds as
/// zeros, whatever way it was made.
pub fn map_wiped_on_fork(length: usize) -> Result<usize, i32> {
    let address = map(length)?;
    // SAFETY: the fresh mapping is ours and holds nothing yet.
    match unsafe { advise(address, length, libc::MADV_WIPEONFORK) } {
        Ok(()) => Ok(address),
        Err(error) => {
            // SAFETY: nobody saw the mapping.
            unsafe { unmap(address, length) };
            Err(error)
        }
    }
}

/// Bytes of a page of memory.
pub fn page_size() -> usize {
    // SAFETY: a look-up in the auxiliary vector.
    unsafe { libc::getauxval(libc::AT_PAGESZ) as usize }
}

/// The current end of the program break.
pub fn program_break() -> usize {
    // SAFETY: an argument of 0 changes nothing.
    unsafe { call(libc::SYS_brk, [0; 6]) as usize }
}

/// The kernel's id of this process.
pub fn process_id() -> u32 {
    // SAFETY: no memory is passed.
    unsafe { call(libc::SYS_getpid, [0; 6]) as u32 }
}

/// The kernel's id of this process's parent.
pub fn parent_id() -> u32 {
    // SAFETY: no memory is passed.
    unsafe { call(libc::SYS_getppid, [0; 6]) as u32 }
}

/// A clock, in ns.
fn clock(which: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    vdso::clock_gettime(which, &mut time);
    (time.tv_sec as u64)
        .wrapping_mul(1_000_000_000)
        .wrapping_add(time.tv_nsec as u64)
}

/// A clock that never goes back, in ns.
pub fn monotonic() -> u64 {
    clock(libc::CLOCK_MONOTONIC)
}

/// Time since 1970, in ns.
pub fn wall_clock() -> u64 {
    clock(libc::CLOCK_REALTIME)
}

/// The end of the program break as libc knows it, which asks nobody.
pub fn known_break() -> usize {
    // SAFETY: an increment of 0 changes nothing.
    unsafe { libc::sbrk(0) as usize }
}

/// Which pages from `start` on are in memory, in bit 0 of a byte for each: as many as
/// `pages` has bytes. `ENOMEM` where something is not mapped.
pub fn in_core(start: usize, pages: &mut [u8]) -> Result<(), i32> {
    let arguments = [
        start,
        pages.len() * page_size(),
        pages.as_mut_ptr() as usize,
        0,
        0,
        0,
    ];
    // SAFETY: a byte is writable for each page; nothing else is touched.
    checked(unsafe { call(libc::SYS_mincore, arguments) }).map(drop)
}

/// The kernel's id of this thread.
pub fn thread_id() -> u32 {
    // SAFETY: no memory is passed.
    unsafe { call(libc::SYS_gettid, [0; 6]) as u32 }
}

/// The soft and the hard limit on `resource`; unlimited (`u64::MAX`) where they cannot be
/// read.
pub fn limits(resource: libc::__rlimit_resource_t) -> [u64; 2] {
    let mut limits = [u64::MAX; 2];
    let arguments = [0, resource as usize, 0, limits.as_mut_ptr() as usize, 0, 0];
    // SAFETY: `limits` has the layout of the kernel's `rlimit64`.
    let _ = unsafe { call(libc::SYS_prlimit64, arguments) };
    limits
}

/// Sets the soft and the hard limit on `resource`.
pub fn set_limits(resource: libc::__rlimit_resource_t, limits: [u64; 2]) -> Result<(), i32> {
    let arguments = [0, resource as usize, limits.as_ptr() as usize, 0, 0, 0];
    // SAFETY: `limits` has the layout of the kernel's `rlimit64`.
    checked(unsafe { call(libc::SYS_prlimit64, arguments) }).map(drop)
}

/// Whether this is a thread of the process that has not ended.
pub fn is_thread(process_id: u32, thread_id: u32) -> bool {
    let arguments = [process_id as usize, thread_id as usize, 0, 0, 0, 0];
    // SAFETY: signal 0 is none.
    error(unsafe { call(libc::SYS_tgkill, arguments) }) != Some(libc::ESRCH)
}

/// The bit of a signal in the kernel's masks.
pub const fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Changes the signals that this thread holds back; returns what they were.
pub fn mask(how: i32, signals: u64) -> u64 {
    let mut before = 0u64;
    let arguments = [
        how as usize,
        &raw const signals as usize,
        &raw mut before as usize,
        size_of::<u64>(),
        0,
        0,
    ];
    // SAFETY: both masks have the kernel's size, which is passed.
    let _ = unsafe { call(libc::SYS_rt_sigprocmask, arguments) };
    before
}

/// Sends a signal that came with this information once more, to where it was sent.
///
/// # Safety
/// The information is valid.
pub unsafe fn send_again(signal: i32, info: *const libc::siginfo_t) {
    let (process, signal) = (process_id() as usize, signal as usize);
    let thread = thread_id() as usize;
    // SAFETY: the caller's promise.
    unsafe {
        if (*info).si_code == libc::SI_TKILL {
            let arguments = [process, thread, signal, info as usize, 0, 0];
            let _ = call(libc::SYS_rt_tgsigqueueinfo, arguments);
        } else if call(
            libc::SYS_rt_sigqueueinfo,
            [process, signal, info as usize, 0, 0, 0],
        ) < 0
        {
            // Another thread than the first may not say that somebody else sent it.
            let _ = call(libc::SYS_kill, [process, signal, 0, 0, 0, 0]);
        }
    }
}

/// Sends a signal to the calling thread.
pub fn raise(signal: i32) {
    let arguments = [
        process_id() as usize,
        thread_id() as usize,
        signal as usize,
        0,
        0,
        0,
    ];
    // SAFETY: no memory is passed.
    let _ = unsafe { call(libc::SYS_tgkill, arguments) };
}

/// The working directory, NUL-terminated, in `buffer`; returns its length
/// without the NUL.
pub fn working_directory(buffer: &mut [u8]) -> Result<usize, i32> {
    let arguments = [buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0, 0];
    // SAFETY: the buffer is writable for its length.
    checked(unsafe { call(libc::SYS_getcwd, arguments) }).map(|length| length.saturating_sub(1))
}

/// Lets other threads run.
pub fn give_way() {
    // SAFETY: no memory is passed.
    let _ = unsafe { call(libc::SYS_sched_yield, [0; 6]) };
}

/// Ends the process without further ado.
pub fn exit_group(status: i32) -> ! {
    loop {
        // SAFETY: no memory is passed.
        let _ = unsafe { call(libc::SYS_exit_group, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Whether this thread runs on the stack that it has for signals.
pub fn is_on_signal_stack() -> bool {
    let mut stack = libc::stack_t {
        ss_sp: core::ptr::null_mut(),
        ss_flags: 0,
        ss_size: 0,
    };
    let arguments = [0, &raw mut stack as usize, 0, 0, 0, 0];
    // SAFETY: the kernel writes what there is.
    let result = checked(unsafe { call(libc::SYS_sigaltstack, arguments) });
    result.is_err() || stack.ss_flags & libc::SS_ONSTACK != 0
}
