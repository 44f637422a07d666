//! The loader's look-ups: by name, and of the object that holds an address.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

unsafe extern "C" {
    fn dladdr1(
        address: *const c_void,
        info: *mut libc::Dl_info,
        extra: *mut *mut c_void,
        flags: c_int,
    ) -> c_int;
}

/// `dladdr1` gives the entry of the symbol table, too.
const RTLD_DL_SYMENT: c_int = 1;

/// libc's own `dlsym`; null while it is not looked up.
static DLSYM: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// `dlsym(3)` of libc. By name it is the hooked one, also here.
///
/// # Safety
/// As in C.
pub unsafe fn look_up(handle: *mut c_void, symbol: &CStr) -> *mut c_void {
    let mut function = DLSYM.load(Ordering::Relaxed);
    if function.is_null() {
        let version = VERSIONS[0].as_ptr();
        // SAFETY: a look-up by name and version.
        function = unsafe { libc::dlvsym(libc::RTLD_NEXT, c"dlsym".as_ptr(), version) };
        DLSYM.store(function, Ordering::Relaxed);
    }
    // SAFETY: it is null or that function.
    let function: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void> =
        unsafe { transmute(function) };
    match function {
        // SAFETY: the caller's promise.
        Some(function) => unsafe { function(handle, symbol.as_ptr()) },
        None => null_mut(),
    }
}

/// What a name means behind this library; null for nothing.
pub fn next(symbol: &CStr) -> *mut c_void {
    // SAFETY: a look-up by name.
    unsafe { look_up(libc::RTLD_NEXT, symbol) }
}

/// A function of the next library, looked up when it is first asked for.
pub struct Next {
    symbol: &'static CStr,
    found: AtomicPtr<c_void>,
}

impl Next {
    /// A function of this name.
    pub const fn new(symbol: &'static CStr) -> Next {
        Next {
            symbol,
            found: AtomicPtr::new(null_mut()),
        }
    }

    /// The function.
    pub fn get(&self) -> *const c_void {
        let mut found = self.found.load(Ordering::Relaxed);
        if found.is_null() {
            found = next(self.symbol);
            self.found.store(found, Ordering::Relaxed);
        }
        found
    }
}

/// The versions that a reference to a function of libc may ask for: those of libraries
/// which stand in for libc's functions, and are themselves a part of glibc.
const VERSIONS: [&CStr; 2] = if cfg!(target_arch = "x86_64") {
    [c"GLIBC_2.2.5", c"GLIBC_2.16"]
} else {
    [c"GLIBC_2.17", c"GLIBC_2.17"]
};

/// What a reference to a name of libc's means behind this library. A look-up by name alone
/// passes over definitions that are only there for references of their version, as all in
/// `libc_malloc_debug.so.0` are.
pub fn next_versioned(symbol: &CStr) -> *mut c_void {
    // SAFETY: a look-up by name.
    let of = |version: &CStr| unsafe {
        libc::dlvsym(libc::RTLD_NEXT, symbol.as_ptr(), version.as_ptr())
    };
    let found = VERSIONS.into_iter().map(of).find(|found| !found.is_null());
    found.unwrap_or_else(|| next(symbol))
}

/// What a name means to the program; null for nothing.
pub fn default(symbol: &CStr) -> *mut c_void {
    // SAFETY: a look-up by name.
    unsafe { look_up(libc::RTLD_DEFAULT, symbol) }
}

/// Whether a function lies at this address, which a look-up gave. A program that is not
/// position-independent and takes the address of a function of a library gives its name
/// to an entry of its own linkage table, which leads there: its symbol is undefined, and
/// has an address nevertheless.
pub fn is_definition(address: usize) -> bool {
    let mut symbol: *mut libc::Elf64_Sym = null_mut();
    let mut info = NO_INFO;
    // SAFETY: both are writable, and the flag asks for this type.
    let found = unsafe {
        dladdr1(
            address as *const c_void,
            &mut info,
            (&raw mut symbol).cast(),
            RTLD_DL_SYMENT,
        )
    };
    if found == 0 || symbol.is_null() {
        return true;
    }
    // SAFETY: an entry of the symbol table of an object that is loaded.
    unsafe { (*symbol).st_shndx != SHN_UNDEF }
}

const SHN_UNDEF: u16 = 0;

const NO_INFO: libc::Dl_info = libc::Dl_info {
    dli_fname: null(),
    dli_fbase: null_mut(),
    dli_sname: null(),
    dli_saddr: null_mut(),
};

/// The addresses of a program or library that is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    start: usize,
    end: usize,
}

impl Object {
    /// The object that holds `address`; one that holds nothing where there is none.
    pub fn of(address: usize) -> Object {
        let mut info = NO_INFO;
        // SAFETY: `info` is writable.
        if unsafe { libc::dladdr(address as *const c_void, &mut info) } == 0 {
            return Object { start: 0, end: 0 };
        }
        let start = info.dli_fbase as usize;
        // SAFETY: the object is loaded, and begins there.
        let length = unsafe { length(info.dli_fbase.cast()) };
        Object {
            start,
            end: start.saturating_add(length),
        }
    }

    /// This library.
    pub fn ours() -> Object {
        // Not the address of a function that is hooked: those names mean the program's
        // here, too.
        Object::of(Object::ours as fn() -> Object as usize)
    }

    /// Whether the object holds `address`.
    pub fn holds(self, address: usize) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// An [`Object`] that is found once; holds nothing before.
pub struct Place {
    start: AtomicUsize,
    end: AtomicUsize,
}

impl Place {
    /// Holds nothing.
    #[allow(
        clippy::new_without_default,
        reason = "nothing is the only value to start with"
    )]
    pub const fn new() -> Place {
        Place {
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
        }
    }

    /// The object is found.
    pub fn set(&self, object: Object) {
        self.start.store(object.start, Ordering::Relaxed);
        self.end.store(object.end, Ordering::Release);
    }

    /// The object.
    pub fn get(&self) -> Object {
        let end = self.end.load(Ordering::Acquire);
        Object {
            start: self.start.load(Ordering::Relaxed),
            end,
        }
    }
}

/// Bytes of addresses that an object takes, as its header says; 0 where it has none.
///
/// # Safety
/// An object is loaded here.
unsafe fn length(header: *const libc::Elf64_Ehdr) -> usize {
    // SAFETY: the first segment of an object begins with its header, which tells of the
    // others; where it does not, there are other bytes.
    unsafe {
        if (*header).e_ident.first_chunk() != Some(b"\x7fELF") {
            return 0;
        }
        let segments = header.cast::<u8>().add((*header).e_phoff as usize);
        let segments = segments.cast::<libc::Elf64_Phdr>();
        let (mut first, mut end) = (u64::MAX, 0);
        for index in 0..(*header).e_phnum {
            let segment = &*segments.add(index.into());
            if segment.p_type == libc::PT_LOAD {
                first = first.min(segment.p_vaddr & !4095);
                end = end.max(segment.p_vaddr + segment.p_memsz);
            }
        }
        end.saturating_sub(first) as usize
    }
}
