//! The one list of functions that a hook stands in for. Everything that has to
//! know them all is made of it: the exported functions ([`export!`](crate::export)),
//! the look-ups of the real functions ([`real`](crate::real)), and the names that
//! tests check ([`NAMES`]).
//!
//! To hook another function, add a row here, and say in [`calls`](crate::calls)
//! what its call means to a back end.

/// Calls the macro in brackets with what follows the brackets, and the table.
///
/// * `looked_up`: functions that have a real one behind them. `early` is what a
///   call gives while the real functions are being looked up by the calling
///   thread (the loader allocates then), and where libc lacks the function.
/// * `stubs`: the same, but their symbols are in [`stubs`](crate::stubs): nearly all calls
///   are to reach the real function as if nothing stood before it.
/// * `detours`: functions that look at their return address: see [`detour`](crate::detour).
#[doc(hidden)]
#[macro_export]
macro_rules! table {
    ([$($with:tt)+] $($given:tt)*) => {
        $($with)+! {
            $($given)*
            looked_up {
                malloc(size: usize) -> *mut c_void,
                    early { bootstrap::allocate(size, 1) };
                free(block: *mut c_void) -> (),
                    early {};
                calloc(count: usize, size: usize) -> *mut c_void,
                    early {
                        match count.checked_mul(size) {
                            Some(bytes) => bootstrap::allocate(bytes, 1),
                            None => null_mut(),
                        }
                    };
                realloc(old: *mut c_void, size: usize) -> *mut c_void,
                    early { null_mut() };
                reallocarray(old: *mut c_void, count: usize, size: usize) -> *mut c_void,
                    early { null_mut() };
                aligned_alloc(alignment: usize, size: usize) -> *mut c_void,
                    early { bootstrap::allocate(size, alignment) };
                memalign(alignment: usize, size: usize) -> *mut c_void,
                    early { bootstrap::allocate(size, alignment) };
                posix_memalign(slot: *mut *mut c_void, alignment: usize, size: usize) -> c_int,
                    early { libc::ENOMEM };
                valloc(size: usize) -> *mut c_void,
                    early { null_mut() };
                pvalloc(size: usize) -> *mut c_void,
                    early { null_mut() };
                cfree(block: *mut c_void) -> (),
                    early { unsafe { super::free(block) } };
                free_sized(block: *mut c_void, size: usize) -> (),
                    early { unsafe { super::free(block) } };
                free_aligned_sized(block: *mut c_void, alignment: usize, size: usize) -> (),
                    early { unsafe { super::free(block) } };
                malloc_usable_size(block: *mut c_void) -> usize,
                    early { 0 };
                malloc_trim(pad: usize) -> c_int,
                    early { 0 };
                execve(path: Text, arguments: Texts, environment: Texts) -> c_int,
                    early { not_supported() };
                execv(path: Text, arguments: Texts) -> c_int,
                    early { not_supported() };
                execvp(file: Text, arguments: Texts) -> c_int,
                    early { not_supported() };
                execvpe(file: Text, arguments: Texts, environment: Texts) -> c_int,
                    early { not_supported() };
                fexecve(fd: c_int, arguments: Texts, environment: Texts) -> c_int,
                    early { not_supported() };
                posix_spawn(process: *mut libc::pid_t, path: Text, actions: *const c_void, attributes: *const c_void, arguments: Texts, environment: Texts) -> c_int,
                    early { libc::ENOSYS };
                posix_spawnp(process: *mut libc::pid_t, file: Text, actions: *const c_void, attributes: *const c_void, arguments: Texts, environment: Texts) -> c_int,
                    early { libc::ENOSYS };
                prctl(option: c_int, first: usize, second: usize, third: usize, fourth: usize) -> c_int,
                    early { not_supported() };
                setrlimit(resource: c_int, limits: *const libc::rlimit) -> c_int,
                    early { not_supported() };
                setrlimit64(resource: c_int, limits: *const libc::rlimit) -> c_int,
                    early { not_supported() };
                prlimit(process: c_int, resource: c_int, new: *const libc::rlimit, old: *mut libc::rlimit) -> c_int,
                    early { not_supported() };
                prlimit64(process: c_int, resource: c_int, new: *const libc::rlimit, old: *mut libc::rlimit) -> c_int,
                    early { not_supported() };
                mlockall(flags: c_int) -> c_int,
                    early { not_supported() };
                close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int,
                    early { not_supported() };
                closefrom(first: c_int) -> (),
                    early {};
                dup2(old: c_int, new: c_int) -> c_int,
                    early { not_supported() };
                dup3(old: c_int, new: c_int, flags: c_int) -> c_int,
                    early { not_supported() };
                sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int,
                    early { not_supported() };
                sigprocmask(how: c_int, set: *const libc::sigset_t, old: *mut libc::sigset_t) -> c_int,
                    early { not_supported() };
                pthread_sigmask(how: c_int, set: *const libc::sigset_t, old: *mut libc::sigset_t) -> c_int,
                    early { libc::ENOSYS };
                signal(signal: c_int, handler: Handler) -> Handler,
                    early { libc::SIG_ERR };
                bsd_signal(signal: c_int, handler: Handler) -> Handler,
                    early { libc::SIG_ERR };
                sysv_signal(signal: c_int, handler: Handler) -> Handler,
                    early { libc::SIG_ERR };
                __sysv_signal(signal: c_int, handler: Handler) -> Handler,
                    early { libc::SIG_ERR };
                _exit(status: c_int) -> !,
                    early { sys::exit_group(status) };
                _Exit(status: c_int) -> !,
                    early { sys::exit_group(status) };
            }
            stubs {
                close(fd: c_int) -> c_int,
                    early { not_supported() };
                syscall(number: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> isize,
                    early { not_supported() as isize };
            }
            detours {
                dlsym;
                dlopen;
                dlmopen;
            }
        }
    };
}

/// The types that the table's rows are written in.
pub mod types {
    pub use core::ffi::{c_char, c_int, c_uint, c_void};

    pub use crate::signals::Handler;

    /// C's `const char *`.
    pub type Text = *const c_char;
    /// C's `char *const []`.
    pub type Texts = *const *const c_char;
}

macro_rules! names {
    (
        looked_up { $($looked_up:ident($($a:ident: $t:ty),*) -> $r:ty, early $early:block;)* }
        stubs { $($stub:ident($($c:ident: $v:ty),*) -> $q:ty, early $late:block;)* }
        detours { $($detour:ident;)* }
    ) => {
        /// The symbols that every hook exports.
        pub const NAMES: &[&str] = &[
            $(stringify!($looked_up),)*
            $(stringify!($stub),)*
            $(stringify!($detour),)*
        ];
    };
}

table!([names]);

/// Makes a hook of the crate that it is called in, a `cdylib`: exports every
/// function of the table, each of which asks the given
/// [`Backend`](crate::Backend), and has the back end started when the library is
/// loaded. To be called once in a library.
#[macro_export]
macro_rules! export {
    ($backend:ty) => {
        $crate::table!([$crate::export_table]($backend));
    };
}

/// The rest of [`export!`](crate::export), where the table is at hand.
#[doc(hidden)]
#[macro_export]
macro_rules! export_table {
    (
        ($backend:ty)
        looked_up { $($looked_up:ident($($a:ident: $t:ty),*) -> $r:ty, early $early:block;)* }
        stubs { $($stub:ident($($c:ident: $v:ty),*) -> $q:ty, early $late:block;)* }
        detours { $($detour:ident;)* }
    ) => {
        const _: () = {
            use $crate::libc;
            use $crate::types::{Handler, Text, Texts, c_int, c_uint, c_void};

            $crate::stubs!($backend);

            $crate::export_each!(
                ($backend)
                $($looked_up($($a: $t),*) -> $r;)*
            );
            $($crate::export_detour!($detour, $crate::calls::$detour::<$backend>);)*

            /// Runs when the library is loaded, also in a program that allocates
            /// nothing.
            #[used]
            #[unsafe(link_section = ".init_array")]
            static CONSTRUCTOR: extern "C" fn() = $crate::lifecycle::load::<$backend>;
        };
    };
}

/// The exported functions of [`export!`](crate::export).
#[doc(hidden)]
#[macro_export]
macro_rules! export_each {
    (($backend:ty) $($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[unsafe(no_mangle)]
            #[allow(non_snake_case, reason = "C's names")]
            unsafe extern "C" fn $name($($argument: $type),*) -> $result {
                // SAFETY: the caller keeps the rules of the C function.
                unsafe { $crate::calls::$name::<$backend>($($argument),*) }
            }
        )*
    };
}
