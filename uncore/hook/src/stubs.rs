//! Exported functions that stand before a real one without a frame of their own: a few
//! instructions that look at an argument, and jump. So a thread that is unwound from the real
//! function, where that is a cancellation point, is not unwound through ours, and what the
//! caller's frame looks like is as without us.

/// What the stubs are made of.
#[doc(hidden)]
pub mod parts {
    use core::mem::offset_of;

    pub use crate::descriptors::close_kept;
    pub use crate::limits::told_syscall;
    pub use crate::real::{Functions, REAL};

    pub use crate::descriptors::{FIRST, SECOND};

    /// Where the pointers to the real functions lie in [`REAL`].
    pub const CLOSE: usize = offset_of!(Functions, close);
    /// As above.
    pub const SYSCALL: usize = offset_of!(Functions, syscall);
}

/// The stubs of [`export!`](crate::export).
#[doc(hidden)]
#[macro_export]
macro_rules! stubs {
    ($backend:ty) => {
        /// `close(2)`: those that are kept are passed over.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn close(fd: c_int) -> c_int {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!(
                "cmp edi, dword ptr [rip + {first}]",
                "je 2f",
                "cmp edi, dword ptr [rip + {second}]",
                "je 2f",
                "3:",
                "jmp qword ptr [rip + {real} + {offset}]",
                "2:",
                "test edi, edi",
                "js 3b",
                "jmp {kept}",
                first = sym $crate::parts::FIRST,
                second = sym $crate::parts::SECOND,
                real = sym $crate::parts::REAL,
                offset = const $crate::parts::CLOSE,
                kept = sym $crate::parts::close_kept,
            );
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!(
                "adrp x9, {first}",
                "ldr w9, [x9, :lo12:{first}]",
                "cmp w0, w9",
                "b.eq 2f",
                "adrp x9, {second}",
                "ldr w9, [x9, :lo12:{second}]",
                "cmp w0, w9",
                "b.eq 2f",
                "3:",
                "adrp x16, {real}",
                "add x16, x16, :lo12:{real}",
                "ldr x16, [x16, {offset}]",
                "br x16",
                "2:",
                "tbnz w0, #31, 3b",
                "b {kept}",
                first = sym $crate::parts::FIRST,
                second = sym $crate::parts::SECOND,
                real = sym $crate::parts::REAL,
                offset = const $crate::parts::CLOSE,
                kept = sym $crate::parts::close_kept,
            );
        }

        /// `syscall(2)`: those that a back end is told of take the way of their functions.
        #[unsafe(no_mangle)]
        #[unsafe(naked)]
        unsafe extern "C" fn syscall(
            number: usize,
            a: usize,
            b: usize,
            c: usize,
            d: usize,
            e: usize,
            f: usize,
        ) -> isize {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!(
                "cmp rdi, {seccomp}",
                "je 2f",
                "cmp rdi, {prctl}",
                "je 2f",
                "cmp rdi, {setrlimit}",
                "je 2f",
                "cmp rdi, {prlimit}",
                "je 2f",
                "cmp rdi, {mlockall}",
                "je 2f",
                "cmp rdi, {close}",
                "je 2f",
                "cmp rdi, {close_range}",
                "je 2f",
                "cmp rdi, {dup2}",
                "je 2f",
                "cmp rdi, {dup3}",
                "je 2f",
                "jmp qword ptr [rip + {real} + {offset}]",
                "2:",
                "jmp {told}",
                seccomp = const libc::SYS_seccomp,
                prctl = const libc::SYS_prctl,
                setrlimit = const libc::SYS_setrlimit,
                prlimit = const libc::SYS_prlimit64,
                mlockall = const libc::SYS_mlockall,
                close = const libc::SYS_close,
                close_range = const libc::SYS_close_range,
                dup2 = const libc::SYS_dup2,
                dup3 = const libc::SYS_dup3,
                real = sym $crate::parts::REAL,
                offset = const $crate::parts::SYSCALL,
                told = sym $crate::parts::told_syscall::<$backend>,
            );
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!(
                "cmp x0, {seccomp}",
                "b.eq 2f",
                "cmp x0, {prctl}",
                "b.eq 2f",
                "cmp x0, {setrlimit}",
                "b.eq 2f",
                "cmp x0, {prlimit}",
                "b.eq 2f",
                "cmp x0, {mlockall}",
                "b.eq 2f",
                "cmp x0, {close}",
                "b.eq 2f",
                "cmp x0, {close_range}",
                "b.eq 2f",
                "cmp x0, {dup3}",
                "b.eq 2f",
                "adrp x16, {real}",
                "add x16, x16, :lo12:{real}",
                "ldr x16, [x16, {offset}]",
                "br x16",
                "2:",
                "b {told}",
                seccomp = const libc::SYS_seccomp,
                prctl = const libc::SYS_prctl,
                setrlimit = const libc::SYS_setrlimit,
                prlimit = const libc::SYS_prlimit64,
                mlockall = const libc::SYS_mlockall,
                close = const libc::SYS_close,
                close_range = const libc::SYS_close_range,
                dup3 = const libc::SYS_dup3,
                real = sym $crate::parts::REAL,
                offset = const $crate::parts::SYSCALL,
                told = sym $crate::parts::told_syscall::<$backend>,
            );
        }
    };
}
