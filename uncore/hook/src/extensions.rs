//! Functions that allocate beside those of C: the operators of C++, and those that jemalloc
//! adds. An allocator that brings them along gives their blocks without any call of the malloc
//! family, so that they belong to it; those of libstdc++ and libc++ call malloc, which is
//! enough to see, and are nobody's business here.
//!
//! That a program can use them at all says nothing: each is exported, and what stands behind it
//! is found when it is needed.
//!
//! * *The allocator's own*: the back end is asked, as for a function of the malloc family.
//! * *Another's*: the call goes on there, by a jump, and as if nothing stood before
//!   it: an exception passes through no frame of ours, and the operator finds its caller.
//! * *In the caller's scope only*: a program in C may open a library in C++, and
//!   Python does so for its modules. What the names mean there is asked of the loader, once for
//!   each library (`scope`).
//! * *Nowhere*: it is made of the malloc family.

use core::ffi::{CStr, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::backend::{Backend, Release, Request, Resize};
use crate::detour::Way;
use crate::{calls, loader, real, scope, tls};

/// What a function does, and with which arguments: the first is a block or its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(hidden)]
pub enum Role {
    /// `operator new(size)`, or `(size, alignment)`, which throws an exception where memory is
    /// short; and the one like it that returns null.
    New { is_aligned: bool, quiet: Extension },
    /// The same with `std::nothrow` behind.
    QuietNew { is_aligned: bool },
    /// `operator delete(block, …)`, `dallocx(block, flags)`, `sdallocx(block, size, flags)`
    Delete,
    /// `mallocx(size, flags)`
    Mallocx,
    /// `rallocx(block, size, flags)`
    Rallocx,
    /// `xallocx(block, size, extra, flags)`, which returns the size that the block has.
    Xallocx,
}

macro_rules! extensions {
    (
        looked_up { $($looked_up:tt)* }
        stubs { $($stubs:tt)* }
        own { $($own:tt)* }
        detours { $($detours:tt)* }
        extensions { $($name:ident $role:expr;)* }
    ) => {
        /// A function of this name.
        #[allow(non_camel_case_types, missing_docs, reason = "their names")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Extension {
            $($name,)*
        }

        const ALL: [Extension; COUNT] = [$(Extension::$name,)*];
        const COUNT: usize = [$(stringify!($name),)*].len();

        impl Extension {
            const fn symbol(self) -> &'static CStr {
                match self {
                    $(Extension::$name => real::symbol(concat!(stringify!($name), "\0")),)*
                }
            }

            const fn role(self) -> Role {
                use Extension::*;
                use Role::*;
                match self {
                    $($name => $role,)*
                }
            }
        }
    };
}

crate::table!([extensions]);

/// Where a call goes at once; null where it has to be [`ask`]ed.
#[doc(hidden)]
pub static WAYS: [AtomicPtr<c_void>; COUNT] = [const { AtomicPtr::new(null_mut()) }; COUNT];
/// The allocator's own.
static OWN: [AtomicPtr<c_void>; COUNT] = [const { AtomicPtr::new(null_mut()) }; COUNT];
/// Those that have been looked up: a bit each.
static KNOWN: AtomicU32 = AtomicU32::new(0);

const _: () = assert!(COUNT <= u32::BITS as usize);

impl Extension {
    /// Looks for the function behind the hook, if that is not done.
    fn find(self) {
        let bit = 1 << self as u32;
        if KNOWN.load(Ordering::Acquire) & bit != 0 {
            return;
        }
        real::ready();
        let found = loader::next(self.symbol());
        let place = match real::is_of_allocator(found as usize) {
            true => &OWN[self as usize],
            false => &WAYS[self as usize],
        };
        place.store(found, Ordering::Release);
        KNOWN.fetch_or(bit, Ordering::AcqRel);
    }

    /// The function, where it is the allocator's own; null elsewhere.
    fn own(self) -> *mut c_void {
        OWN[self as usize].load(Ordering::Relaxed)
    }

    /// Calls the allocator's own function, by as many arguments as any takes.
    ///
    /// # Safety
    /// There is such a function, and the program made this call.
    pub(crate) unsafe fn call(self, words: [usize; 4]) -> usize {
        type Any = unsafe extern "C" fn(usize, usize, usize, usize) -> usize;
        let depth = &tls::block().inside;
        depth.set(depth.get() + 1);
        // SAFETY: the function takes the first of these words, or all, and returns a word
        // or nothing.
        let result = unsafe {
            let function: Any = transmute(self.own());
            function(words[0], words[1], words[2], words[3])
        };
        depth.set(depth.get() - 1);
        result
    }
}

/// The allocator's own function of this name.
pub(crate) fn own(name: &CStr) -> Option<*mut c_void> {
    let extension = ALL.into_iter().find(|of| of.symbol() == name)?;
    extension.find();
    let own = extension.own();
    (!own.is_null()).then_some(own)
}

/// What becomes of a call of the function of this `NUMBER`, whose arguments are the first
/// of these.
///
/// # Safety
/// As the function's.
#[doc(hidden)]
pub unsafe extern "C" fn ask<B: Backend, const NUMBER: usize>(
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    caller: usize,
) -> Way {
    let extension = const { ALL[NUMBER] };
    if extension.own().is_null()
        // SAFETY: the caller's promise.
        && let Some(way) = unsafe { elsewhere::<B>(extension, caller) }
    {
        return way;
    }
    // What the allocator gives itself is not the program's.
    if real::is_of_allocator(caller) {
        return Way::on(extension.own());
    }
    let words = [a, b, c, d];
    // SAFETY: the allocator has the function, here and below.
    unsafe {
        match const { ALL[NUMBER].role() } {
            Role::New { is_aligned, quiet } => {
                quiet.find();
                // With a reference to `std::nothrow` behind, which has no bytes.
                let quiet_words = [a, if is_aligned { b } else { 0 }, 0, 0];
                let alignment = if is_aligned { b } else { 0 };
                let made = if quiet.own().is_null() {
                    null_mut()
                } else {
                    new::<B>(quiet, quiet_words, alignment)
                };
                match made.is_null() {
                    // It knows how to say that there is none.
                    true => Way::on(extension.own()),
                    false => Way::back(made as usize),
                }
            }
            Role::QuietNew { is_aligned } => {
                let alignment = if is_aligned { b } else { 0 };
                Way::back(new::<B>(extension, words, alignment) as usize)
            }
            Role::Mallocx => Way::back(new::<B>(extension, words, alignment_of_flags(b)) as usize),
            Role::Delete => {
                calls::release::<B>(Release::Extended { extension, words });
                Way::back(0)
            }
            Role::Rallocx => {
                Way::back(B::reallocate(Resize::Extended { extension, words }) as usize)
            }
            Role::Xallocx => {
                B::reallocate(Resize::Extended { extension, words });
                Way::back(B::usable_size(a as *mut c_void))
            }
        }
    }
}

unsafe fn new<B: Backend>(
    extension: Extension,
    words: [usize; 4],
    alignment: usize,
) -> *mut c_void {
    let request = Request::Extended {
        extension,
        words,
        alignment,
    };
    // SAFETY: the caller's promise.
    unsafe { B::allocate(request).block }
}

/// The alignment in bytes that `MALLOCX_ALIGN` and `MALLOCX_LG_ALIGN` put into the flags: its
/// logarithm, in the last bits. 0 where there is none.
fn alignment_of_flags(flags: usize) -> usize {
    match flags & 63 {
        0 => 0,
        bits => 1 << bits,
    }
}

/// `MALLOCX_ZERO`
const ZERO: usize = 0x40;

impl Extension {
    /// Whether the call, which has these arguments, asks for bytes that are zero.
    pub(crate) fn wants_zeros(self, words: [usize; 4]) -> bool {
        let flags = match self.role() {
            Role::Mallocx => words[1],
            Role::Rallocx => words[2],
            Role::Xallocx => words[3],
            Role::New { .. } | Role::QuietNew { .. } | Role::Delete => 0,
        };
        flags & ZERO != 0
    }

    /// Whether the block that it makes larger or smaller must stay where it is.
    pub(crate) fn stays(self) -> bool {
        self.role() == Role::Xallocx
    }
}

/// Where a call goes on whose function is not the allocator's; none where it is.
///
/// # Safety
/// As the function's.
#[cold]
#[inline(never)]
unsafe fn elsewhere<B: Backend>(extension: Extension, caller: usize) -> Option<Way> {
    extension.find();
    if !extension.own().is_null() {
        return None;
    }
    let next = WAYS[extension as usize].load(Ordering::Acquire);
    if !next.is_null() {
        return Some(Way::on(next));
    }
    let found = scope::look_up(caller, extension as usize, extension.symbol());
    if !found.is_null() {
        return Some(Way::on(found));
    }
    Some(Way::on(match extension.role() {
        Role::New { is_aligned, .. } | Role::QuietNew { is_aligned } => match is_aligned {
            true => made::new_aligned::<B> as *const c_void,
            false => made::new::<B> as *const c_void,
        },
        Role::Delete => made::delete::<B> as *const c_void,
        Role::Mallocx => made::mallocx::<B> as *const c_void,
        Role::Rallocx => made::rallocx::<B> as *const c_void,
        Role::Xallocx => made::xallocx::<B> as *const c_void,
    }))
}

/// The functions where nobody has them: a program may ask whether there is one of this name,
/// and finds ours.
mod made {
    use super::*;

    pub(super) unsafe extern "C" fn new<B: Backend>(size: usize) -> *mut c_void {
        // SAFETY: the caller keeps the function's rules, here and below.
        unsafe { calls::malloc::<B>(size) }
    }

    pub(super) unsafe extern "C" fn new_aligned<B: Backend>(
        size: usize,
        alignment: usize,
    ) -> *mut c_void {
        // SAFETY: as above.
        unsafe { calls::memalign::<B>(alignment, size) }
    }

    pub(super) unsafe extern "C" fn delete<B: Backend>(block: *mut c_void) {
        // SAFETY: as above.
        unsafe { calls::free::<B>(block) }
    }

    pub(super) unsafe extern "C" fn mallocx<B: Backend>(size: usize, flags: c_int) -> *mut c_void {
        let flags = flags as usize;
        // SAFETY: as above; the block has that many bytes.
        unsafe {
            let block = match alignment_of_flags(flags) {
                0 => calls::malloc::<B>(size),
                alignment => calls::memalign::<B>(alignment, size),
            };
            if !block.is_null() && flags & ZERO != 0 {
                block.cast::<u8>().write_bytes(0, size);
            }
            block
        }
    }

    pub(super) unsafe extern "C" fn rallocx<B: Backend>(
        old: *mut c_void,
        size: usize,
        flags: c_int,
    ) -> *mut c_void {
        // SAFETY: as above; both blocks have the bytes that are copied.
        unsafe {
            let before = calls::malloc_usable_size::<B>(old);
            let block = mallocx::<B>(size, flags);
            if !block.is_null() {
                block
                    .cast::<u8>()
                    .copy_from_nonoverlapping(old.cast(), before.min(size));
                calls::free::<B>(old);
            }
            block
        }
    }

    /// Never changes a size, as that function may.
    pub(super) unsafe extern "C" fn xallocx<B: Backend>(block: *mut c_void) -> usize {
        // SAFETY: as above.
        unsafe { calls::malloc_usable_size::<B>(block) }
    }
}
