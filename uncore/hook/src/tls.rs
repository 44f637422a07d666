//! What a hook keeps for each thread: a few words without destructors.
//!
//! The model must be initial-exec. A shared library's thread-locals are by
//! default reached through `__tls_get_addr`, which allocates the block of a new
//! thread by malloc, from inside malloc. Stable Rust cannot ask for another
//! model, so the block is defined and addressed in assembly.

use core::cell::Cell;
use core::sync::atomic::{Ordering, compiler_fence};

core::arch::global_asm!(
    ".pushsection .tbss.hook_thread_block,\"awT\",%nobits",
    ".globl hook_thread_block",
    ".hidden hook_thread_block",
    ".type hook_thread_block, %tls_object",
    ".balign 16",
    "hook_thread_block:",
    ".zero 80",
    ".size hook_thread_block, 80",
    ".popsection",
);

/// Words for the back end.
pub const BACKEND_WORDS: usize = 4;

/// A thread's words; all zero in a new thread.
#[repr(C)]
pub struct ThreadBlock {
    /// The identity of the process for which `thread_id` was set: a forked child inherits
    /// the words of its parent's thread, and has another. Process ids are none: a child in a
    /// new namespace may have its parent's.
    identity: Cell<u32>,
    /// The kernel's id of this thread.
    thread_id: Cell<u32>,
    /// Start of the mapping that held this thread's last block, see [`crate::mapping`].
    pub(crate) range_start: Cell<usize>,
    /// Its end; 0 where nothing is cached.
    pub(crate) range_end: Cell<usize>,
    /// Not 0 while this thread looks up the real functions.
    pub(crate) resolving: Cell<u32>,
    /// How many real functions this thread is in, see [`crate::real::is_inside`].
    pub(crate) inside: Cell<u32>,
    /// How many [locks](crate::lock) this thread holds or waits for.
    pub(crate) locks: Cell<u32>,
    /// What its program believes of SIGBUS, see [`crate::masks`].
    pub(crate) sigbus: Cell<u32>,
    /// For the back end, which does with them what it likes.
    pub backend: [Cell<usize>; BACKEND_WORDS],
}

impl ThreadBlock {
    /// The id of this thread, if it was set in the process of this identity, which is not 0.
    #[inline(always)]
    pub fn known_thread_id(&self, identity: u32) -> Option<u32> {
        (self.identity.get() == identity).then(|| self.thread_id.get())
    }

    /// The id of this thread, as it was set last.
    #[inline(always)]
    pub fn thread_id(&self) -> u32 {
        self.thread_id.get()
    }

    /// Sets the id of this thread; returns it.
    pub fn set_thread_id(&self, identity: u32, id: u32) -> u32 {
        // In this order: a signal handler in between sets it again.
        self.identity.set(0);
        self.thread_id.set(id);
        compiler_fence(Ordering::SeqCst);
        self.identity.set(identity);
        id
    }
}

const _: () = assert!(size_of::<ThreadBlock>() <= 80 && align_of::<ThreadBlock>() <= 16);

/// The words of the calling thread, which must not reach another.
#[inline(always)]
pub fn block<'a>() -> &'a ThreadBlock {
    let address: *const ThreadBlock;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: reads the thread pointer and the block's offset from it, which
    // the loader stored in the GOT.
    unsafe {
        core::arch::asm!(
            "mov {0}, fs:[0]",
            "add {0}, qword ptr [rip + hook_thread_block@GOTTPOFF]",
            out(reg) address,
            options(pure, readonly, nostack)
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "adrp {0}, :gottprel:hook_thread_block",
            "ldr {0}, [{0}, :gottprel_lo12:hook_thread_block]",
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
