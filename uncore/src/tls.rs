//! What the tracer keeps for each thread: a few words without destructors.
//!
//! The model must be initial-exec. A shared library's thread-locals are by
//! default reached through `__tls_get_addr`, which allocates the block of a new
//! thread by malloc, from inside malloc. Stable Rust cannot ask for another
//! model, so the block is defined and addressed in assembly.

use core::cell::Cell;

core::arch::global_asm!(
    ".pushsection .tbss.uncore_thread_block,\"awT\",%nobits",
    ".globl uncore_thread_block",
    ".hidden uncore_thread_block",
    ".type uncore_thread_block, %tls_object",
    ".balign 16",
    "uncore_thread_block:",
    ".zero 48",
    ".size uncore_thread_block, 48",
    ".popsection",
);

/// A thread's words; all zero in a new thread.
#[repr(C)]
pub(crate) struct ThreadBlock {
    /// The process for which `thread_id` was asked: a forked child inherits
    /// the words of its parent's thread.
    pub(crate) process_id: Cell<u32>,
    /// The kernel's id of this thread.
    pub(crate) thread_id: Cell<u32>,
    /// Start of the mapping that held this thread's last block, see [`crate::mapping`].
    pub(crate) range_start: Cell<usize>,
    /// Its end; 0 where nothing is cached.
    pub(crate) range_end: Cell<usize>,
    /// Not 0 while this thread looks up the real functions.
    pub(crate) resolving: Cell<u32>,
}

const _: () = assert!(size_of::<ThreadBlock>() <= 48 && align_of::<ThreadBlock>() <= 16);

/// The words of the calling thread.
#[inline(always)]
pub(crate) fn block<'a>() -> &'a ThreadBlock {
    let address: *const ThreadBlock;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads the thread pointer and the block's offset from it, which
    // the loader stored in the GOT.
    unsafe {
        core::arch::asm!(
            "mov {0}, fs:[0]",
            "add {0}, qword ptr [rip + uncore_thread_block@GOTTPOFF]",
            out(reg) address,
            options(pure, readonly, nostack)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "adrp {0}, :gottprel:uncore_thread_block",
            "ldr {0}, [{0}, :gottprel_lo12:uncore_thread_block]",
            "mrs {1}, tpidr_el0",
            "add {0}, {0}, {1}",
            out(reg) address,
            out(reg) _,
            options(pure, readonly, nostack)
        );
    }
    // SAFETY: the block belongs to this thread, is zero-initialised (a valid
    // value) and large enough; the reference does not leave the thread.
    unsafe { &*address }
}
