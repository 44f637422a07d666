//! What a back end is: it answers the calls of the malloc family, each by itself or
//! by passing it on to the real function, and is told of the process's life.
//!
//! A back end calls the real function itself, in the middle of its own work. So it
//! decides the order: what it does before the real `free`, after the real `malloc`
//! or on both sides of the real `realloc` happens there and nowhere else. The calls
//! are monomorphised into the exported functions: a back end whose methods are
//! inlined costs what it does, and nothing for being a back end.

use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use crate::limits::Limit;
use crate::real::Function;
use crate::{real, sys};

/// The least alignment that C promises, in bytes.
const LEAST_ALIGNMENT: usize = 16;

/// An allocation that the program asks for. Sizes and alignments are in bytes, and
/// as the program gave them: they may be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `malloc(size)`
    Malloc {
        /// Bytes asked for.
        size: usize,
    },
    /// `calloc(count, size)`: zeroed.
    Calloc {
        /// How many elements.
        count: usize,
        /// Bytes of each.
        size: usize,
    },
    /// `realloc(NULL, size)`
    Realloc {
        /// Bytes asked for.
        size: usize,
    },
    /// `aligned_alloc(alignment, size)`
    AlignedAlloc {
        /// Alignment asked for.
        alignment: usize,
        /// Bytes asked for.
        size: usize,
    },
    /// `memalign(alignment, size)`
    Memalign {
        /// Alignment asked for.
        alignment: usize,
        /// Bytes asked for.
        size: usize,
    },
    /// `posix_memalign(slot, alignment, size)`: the one call that answers with an
    /// error number, and stores the block at `slot`, which the hook does.
    PosixMemalign {
        /// Where the hook stores the block after a success.
        slot: *mut *mut c_void,
        /// Alignment asked for.
        alignment: usize,
        /// Bytes asked for.
        size: usize,
    },
    /// `valloc(size)`: aligned to a page.
    Valloc {
        /// Bytes asked for.
        size: usize,
    },
    /// `pvalloc(size)`: aligned to a page, and whole pages.
    Pvalloc {
        /// Bytes asked for.
        size: usize,
    },
}

impl Request {
    /// Bytes asked for; none where the product of a `calloc` overflows.
    #[inline(always)]
    pub fn size(self) -> Option<usize> {
        match self {
            Request::Calloc { count, size } => count.checked_mul(size),
            Request::Malloc { size }
            | Request::Realloc { size }
            | Request::AlignedAlloc { size, .. }
            | Request::Memalign { size, .. }
            | Request::PosixMemalign { size, .. }
            | Request::Valloc { size }
            | Request::Pvalloc { size } => Some(size),
        }
    }

    /// The alignment that the block must have.
    #[inline(always)]
    pub fn alignment(self) -> usize {
        match self {
            Request::Malloc { .. } | Request::Calloc { .. } | Request::Realloc { .. } => {
                LEAST_ALIGNMENT
            }
            Request::AlignedAlloc { alignment, .. }
            | Request::Memalign { alignment, .. }
            | Request::PosixMemalign { alignment, .. } => alignment,
            Request::Valloc { .. } | Request::Pvalloc { .. } => sys::page_size(),
        }
    }

    /// The real function that it asks.
    #[inline(always)]
    pub fn function(self) -> Function {
        match self {
            Request::Malloc { .. } => Function::malloc,
            Request::Calloc { .. } => Function::calloc,
            Request::Realloc { .. } => Function::realloc,
            Request::AlignedAlloc { .. } => Function::aligned_alloc,
            Request::Memalign { .. } => Function::memalign,
            Request::PosixMemalign { .. } => Function::posix_memalign,
            Request::Valloc { .. } => Function::valloc,
            Request::Pvalloc { .. } => Function::pvalloc,
        }
    }

    /// Asks the real function.
    ///
    /// # Safety
    /// The program asked for this.
    #[inline(always)]
    pub unsafe fn pass_on(self) -> Answer {
        // SAFETY: the caller passes on what the program asked for.
        unsafe {
            Answer::of(match self {
                Request::Malloc { size } => real::malloc(size),
                Request::Calloc { count, size } => real::calloc(count, size),
                Request::Realloc { size } => real::realloc(null_mut(), size),
                Request::AlignedAlloc { alignment, size } => real::aligned_alloc(alignment, size),
                Request::Memalign { alignment, size } => real::memalign(alignment, size),
                Request::Valloc { size } => real::valloc(size),
                Request::Pvalloc { size } => real::pvalloc(size),
                Request::PosixMemalign {
                    alignment, size, ..
                } => {
                    let mut block = null_mut();
                    let error = real::posix_memalign(&mut block, alignment, size);
                    return Answer { block, error };
                }
            })
        }
    }
}

/// The answer to a [`Request`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The block; null where there is none.
    pub block: *mut c_void,
    /// What `posix_memalign` returns: 0, or an error number. The other functions
    /// say by a null block and `errno`.
    pub error: c_int,
}

impl Answer {
    /// The answer that consists of this block; null means that memory is short.
    #[inline(always)]
    pub fn of(block: *mut c_void) -> Answer {
        Answer {
            block,
            error: if block.is_null() { libc::ENOMEM } else { 0 },
        }
    }
}

/// A block that the program gives back, and by which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// `free(block)`
    Free {
        /// The block.
        block: *mut c_void,
    },
    /// `cfree(block)`
    Cfree {
        /// The block.
        block: *mut c_void,
    },
    /// `free_sized(block, size)`
    FreeSized {
        /// The block.
        block: *mut c_void,
        /// Bytes that were asked for.
        size: usize,
    },
    /// `free_aligned_sized(block, alignment, size)`
    FreeAlignedSized {
        /// The block.
        block: *mut c_void,
        /// Alignment that was asked for.
        alignment: usize,
        /// Bytes that were asked for.
        size: usize,
    },
}

impl Release {
    /// The block.
    #[inline(always)]
    pub fn block(self) -> *mut c_void {
        match self {
            Release::Free { block }
            | Release::Cfree { block }
            | Release::FreeSized { block, .. }
            | Release::FreeAlignedSized { block, .. } => block,
        }
    }

    /// Asks the real function.
    ///
    /// # Safety
    /// The program asked for this.
    #[inline(always)]
    pub unsafe fn pass_on(self) {
        // SAFETY: the caller passes on what the program asked for.
        unsafe {
            match self {
                Release::Free { block } => real::free(block),
                Release::Cfree { block } => real::cfree(block),
                Release::FreeSized { block, size } => real::free_sized(block, size),
                Release::FreeAlignedSized {
                    block,
                    alignment,
                    size,
                } => real::free_aligned_sized(block, alignment, size),
            }
        }
    }
}

/// A block that the program wants to have another size, and by which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// `realloc(old, size)` or `reallocarray`
    Realloc {
        /// The block.
        old: *mut c_void,
        /// Bytes asked for; 0 frees the block, as in glibc.
        size: usize,
    },
}

impl Resize {
    /// The block as it is.
    #[inline(always)]
    pub fn old(self) -> *mut c_void {
        match self {
            Resize::Realloc { old, .. } => old,
        }
    }

    /// Bytes asked for.
    #[inline(always)]
    pub fn size(self) -> usize {
        match self {
            Resize::Realloc { size, .. } => size,
        }
    }

    /// The real function that it asks.
    #[inline(always)]
    pub fn function(self) -> Function {
        match self {
            Resize::Realloc { .. } => Function::realloc,
        }
    }

    /// Asks the real function.
    ///
    /// # Safety
    /// The program asked for this.
    #[inline(always)]
    pub unsafe fn pass_on(self) -> *mut c_void {
        // SAFETY: the caller passes on what the program asked for.
        unsafe {
            match self {
                Resize::Realloc { old, size } => real::realloc(old, size),
            }
        }
    }
}

/// Whoever stands behind the exported functions. Every call that is not answered
/// by the back end goes to the real function, which is what all methods do that a
/// back end does not write itself.
///
/// The methods run inside of a program that knows nothing of them: in any thread,
/// in signal handlers, before `main` and after `exit`, in the child of a vfork. They
/// must not allocate by the functions that are hooked, not panic, not wait for a lock
/// that their own thread may hold, and leave `errno` as the C function leaves it.
///
/// # Safety
/// The methods keep the promises of the C functions: in particular, a block that is
/// answered is aligned and large enough, is nobody else's until it is freed, and is
/// recognised by `free`, `reallocate` and `usable_size`.
pub unsafe trait Backend: 'static {
    /// The library was loaded, and the program has one thread and not begun. Calls
    /// may have come before. Says whether the back end has work in this process:
    /// only then it is told of forks and of the end.
    fn start() -> bool {
        true
    }

    /// In a forked child, before `fork` returns there. A child that was made by
    /// `_Fork` or `clone` is not told: see [`Wiped`](crate::wiped::Wiped).
    fn forked() {}

    /// The process is about to end by `exit`, `quick_exit` or `_exit`, or its program
    /// by one of the exec family, which may fail. So calls may follow, and another
    /// end. The child of a vfork ends, too, in its parent's memory.
    fn ending() {}

    /// The program had the allocator give memory back (`malloc_trim`), and the call is
    /// about to return.
    fn trimmed() {}

    /// The program is about to limit itself by `call`, which says by a negative result that
    /// it did not.
    fn limit(limit: Limit, call: impl FnOnce() -> c_int) -> c_int {
        let _ = limit;
        call()
    }

    /// The program has had all its memory locked.
    fn memory_locked() {}

    /// The program is about to give another of its descriptors the number `fd`, which one of
    /// the back end's own has (see [`descriptors`](crate::descriptors)).
    fn make_way(fd: c_int) {
        let _ = fd;
    }

    /// In a handler of SIGBUS (see [`signals`](crate::signals)): whether `address`, at which
    /// there was a fault, is the back end's own, and can be used now.
    fn mend(address: usize) -> bool {
        let _ = address;
        false
    }

    /// A library is about to be used whose calls of the malloc family do not come here:
    /// it is loaded with a scope of its own, or its functions are asked for directly.
    fn passed_by() {}

    /// Answers an allocation.
    ///
    /// # Safety
    /// The program made this request.
    #[inline(always)]
    unsafe fn allocate(request: Request) -> Answer {
        // SAFETY: the caller's promise.
        unsafe { request.pass_on() }
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// It is a live block, not null, that came from this back end or from the real
    /// functions; it may come from before the library was loaded.
    #[inline(always)]
    unsafe fn free(release: Release) {
        // SAFETY: the caller's promise.
        unsafe { release.pass_on() }
    }

    /// Makes a block of another size of one that is there, or returns null and leaves it.
    ///
    /// # Safety
    /// As for [`free`](Backend::free).
    #[inline(always)]
    unsafe fn reallocate(resize: Resize) -> *mut c_void {
        // SAFETY: the caller's promise.
        unsafe { resize.pass_on() }
    }

    /// How many bytes of a block the program may use.
    ///
    /// # Safety
    /// As for [`free`](Backend::free), but `block` may be null.
    #[inline(always)]
    unsafe fn usable_size(block: *mut c_void) -> usize {
        // SAFETY: the caller's promise.
        unsafe { real::malloc_usable_size(block) }
    }
}
