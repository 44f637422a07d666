//! What a name means to a library that was loaded with a scope of its own: a name that the
//! program's own scope has not, and that is found in the library, or in those that it needs.
//!
//! Asking the loader takes its lock, and longer than allocating: what it said is kept for each
//! library, until one may have taken the place of another.

use core::ffi::{CStr, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use crate::errno::Errno;
use crate::loader::{self, DLCLOSE, DLOPEN, Object};

/// Libraries that are kept.
const MOST: usize = 64;
/// Names that are asked for at most, by number.
const NAMES: usize = 32;

/// What a library was told. Others may read while it is written: then the version is odd, or
/// another afterwards.
struct Scope {
    version: AtomicUsize,
    /// When it was written: see [`GENERATION`].
    generation: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    /// By number; null where nothing was asked.
    found: [AtomicPtr<c_void>; NAMES],
}

static SCOPES: [Scope; MOST] = [const {
    Scope {
        version: AtomicUsize::new(0),
        generation: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        found: [const { AtomicPtr::new(null_mut()) }; NAMES],
    }
}; MOST];
/// Which is written next where none is free.
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// Somebody is writing. A child that was forked meanwhile keeps nothing.
static WRITING: AtomicBool = AtomicBool::new(false);
/// What was kept before it changed is not valid any more.
static GENERATION: AtomicUsize = AtomicUsize::new(1);
/// A library may have gone away since.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// The program is about to close a library.
pub(crate) fn closing() {
    CLOSED.store(true, Ordering::Relaxed);
}

/// The program is about to open a library, which may take the place of one that it closed.
pub(crate) fn opening() {
    if CLOSED.swap(false, Ordering::Relaxed) {
        GENERATION.fetch_add(1, Ordering::Release);
    }
}

/// What `symbol`, whose number is `number`, means to the library that holds the address
/// `caller`; null for nothing.
pub(crate) fn look_up(caller: usize, number: usize, symbol: &CStr) -> *mut c_void {
    let known = kept(caller, number);
    if !known.is_null() {
        return known;
    }
    let generation = GENERATION.load(Ordering::Acquire);
    let found = ask(caller, symbol);
    if !found.is_null() {
        keep(Object::of(caller), generation, number, found);
    }
    found
}

fn kept(caller: usize, number: usize) -> *mut c_void {
    let generation = GENERATION.load(Ordering::Acquire);
    for scope in &SCOPES {
        let version = scope.version.load(Ordering::Acquire);
        let start = scope.start.load(Ordering::Acquire);
        if start == 0 {
            break;
        }
        if caller < start
            || caller >= scope.end.load(Ordering::Acquire)
            || scope.generation.load(Ordering::Acquire) != generation
        {
            continue;
        }
        let found = scope.found[number].load(Ordering::Acquire);
        if version.is_multiple_of(2) && scope.version.load(Ordering::Acquire) == version {
            return found;
        }
    }
    null_mut()
}

fn keep(library: Object, generation: usize, number: usize, found: *mut c_void) {
    if WRITING.swap(true, Ordering::Acquire) {
        return;
    }
    let (start, end) = library.range();
    let is_it = |scope: &&Scope| {
        scope.start.load(Ordering::Relaxed) == start
            && scope.end.load(Ordering::Relaxed) == end
            && scope.generation.load(Ordering::Relaxed) == generation
    };
    let is_free = |scope: &&Scope| scope.generation.load(Ordering::Relaxed) != generation;
    let scope = SCOPES.iter().find(is_it);
    let scope = scope.unwrap_or_else(|| {
        let free = SCOPES
            .iter()
            .find(is_free)
            .unwrap_or_else(|| &SCOPES[NEXT.fetch_add(1, Ordering::Relaxed) % MOST]);
        free.version.fetch_add(1, Ordering::AcqRel);
        for place in &free.found {
            place.store(null_mut(), Ordering::Release);
        }
        free.start.store(start, Ordering::Release);
        free.end.store(end, Ordering::Release);
        free.generation.store(generation, Ordering::Release);
        free.version.fetch_add(1, Ordering::AcqRel);
        free
    });
    scope.found[number].store(found, Ordering::Release);
    WRITING.store(false, Ordering::Release);
}

/// Asks the loader.
fn ask(caller: usize, symbol: &CStr) -> *mut c_void {
    type Open = unsafe extern "C" fn(*const core::ffi::c_char, c_int) -> *mut c_void;
    type Close = unsafe extern "C" fn(*mut c_void) -> c_int;
    let _errno = Errno::save();
    let Some(name) = loader::name_of_object(caller) else {
        return null_mut();
    };
    // SAFETY: they are these functions; the name is that of a library which is loaded, and
    // which its own caller keeps loaded, and the handle is closed once.
    unsafe {
        let open: Option<Open> = transmute(DLOPEN.get());
        let close: Option<Close> = transmute(DLCLOSE.get());
        let (Some(open), Some(close)) = (open, close) else {
            return null_mut();
        };
        let handle = open(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() {
            // Nobody else is to hear of it.
            libc::dlerror();
            return null_mut();
        }
        let found = loader::look_up(handle, symbol);
        if found.is_null() {
            libc::dlerror();
        }
        close(handle);
        match Object::ours().holds(found as usize) {
            true => null_mut(),
            false => found,
        }
    }
}
