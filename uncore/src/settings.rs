//! What the environment asks for.
//!
//! | variable | meaning |
//! |---|---|
//! | `TRACEFILE` | where to write; `%p` becomes the process id |
//! | `IDEALLOC_FOLLOW` | `0`: only the first process of a run is traced |
//! | `IDEALLOC_TOGGLE` | a signal (name or number) that starts and stops recording; it starts stopped |
//! | `IDEALLOC_RUN` | set by the tracer for the programs that this one executes |
//!
//! The first process of a run replaces an existing file, unless a living process
//! writes it: then it says so, and appends `.` and its process id to the name.
//! Its descendants replace nothing: they know by `IDEALLOC_RUN` (programs started by exec) or by the memory
//! that they inherit (forked children) that they are none. Where the name has no
//! `%p` they append `.` and their process id; where that name is taken, as after
//! an exec, which keeps the process id, they take the next free of `.1`, `.2`, …
//! `IDEALLOC_RUN` is the value of TRACEFILE, a line feed, and the same name as an
//! absolute path, so that a change of directory scatters nothing, and a TRACEFILE
//! that somebody sets anew begins a new run. Where the first process can make no file of
//! that name, which it says, no path follows, and its descendants are not traced either.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use hook::environment::{self, variable};
use hook::lock::SignalsBlocked;

use crate::message;
use crate::path::{Path, TooLong};

/// The names that are made of the environment.
struct Names {
    /// The absolute path, `%p` not expanded.
    template: Path,
    /// `IDEALLOC_RUN=...` for programs to come.
    mark: Path,
}

struct Shared(UnsafeCell<Names>);

// SAFETY: written once, with the state's lock held, before `CONFIGURED` is set; read
// after that.
unsafe impl Sync for Shared {}

static NAMES: Shared = Shared(UnsafeCell::new(Names {
    template: Path::new(),
    mark: Path::new(),
}));

/// The environment was read: by this process, or by one that it was forked from.
static CONFIGURED: AtomicBool = AtomicBool::new(false);
static FIRST: AtomicBool = AtomicBool::new(false);
static FOLLOW: AtomicBool = AtomicBool::new(true);
/// The signal that toggles; 0 for none.
static TOGGLE: AtomicI32 = AtomicI32::new(0);

const MARK: &[u8] = b"IDEALLOC_RUN";

/// Whether the environment was read, by this process or one that it was forked from.
pub(crate) fn are_read() -> bool {
    CONFIGURED.load(Ordering::Relaxed)
}

/// Whether this program is the first of its run, and traced.
pub(crate) fn is_first() -> bool {
    FIRST.load(Ordering::Relaxed)
}

/// Whether other processes than the first are traced.
pub(crate) fn follows() -> bool {
    FOLLOW.load(Ordering::Relaxed)
}

/// The signal that starts and stops recording, which waits for it then.
pub(crate) fn toggle() -> Option<c_int> {
    Some(TOGGLE.load(Ordering::Relaxed)).filter(|&signal| signal != 0)
}

/// The absolute path that was asked for, `%p` not expanded.
pub(crate) fn template() -> &'static [u8] {
    if !are_read() {
        return b"";
    }
    // SAFETY: nobody writes it any more.
    unsafe { (*NAMES.0.get()).template.bytes() }
}

/// With the state's lock held: the run can make no file of this name, and its first
/// process has said so.
pub(crate) fn refuse() {
    // SAFETY: the lock is held, and nobody reads the mark before the program's environment
    // is extended.
    let names = unsafe { &mut *NAMES.0.get() };
    let whole = names.mark.bytes().len();
    let kept = whole.saturating_sub(names.template.bytes().len());
    names.mark.cut(kept);
}

/// With the state's lock held, once: reads the environment. False, and a line on
/// stderr, where there is nothing to do.
pub(crate) fn read(signals: &SignalsBlocked) -> bool {
    // SAFETY: the lock is held, and nobody else looks before `CONFIGURED` is set.
    let names = unsafe { &mut *NAMES.0.get() };
    // SAFETY: a look-up in the auxiliary vector.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        message::line()
            .text(b"a privileged program is not traced")
            .say(signals);
        return false;
    }
    let Some(given) = variable(b"TRACEFILE").filter(|value| !value.is_empty()) else {
        message::line()
            .text(b"TRACEFILE is not set; running untraced")
            .say(signals);
        return false;
    };
    FOLLOW.store(
        variable(b"IDEALLOC_FOLLOW") != Some(b"0"),
        Ordering::Relaxed,
    );
    let inherited = variable(MARK)
        .and_then(|mark| mark.strip_prefix(given))
        .and_then(|rest| rest.strip_prefix(b"\n"));
    if inherited == Some(b"") {
        return false;
    }
    let template = match inherited {
        Some(absolute) => names
            .template
            .push(absolute)
            .map_err(|TooLong| libc::ENAMETOOLONG),
        None => make_absolute(&mut names.template, given),
    };
    let marked = template.and_then(|()| {
        make_mark(&mut names.mark, given, names.template.bytes())
            .map_err(|TooLong| libc::ENAMETOOLONG)
    });
    if let Err(error) = marked {
        message::line()
            .text(b"cannot write ")
            .text(given)
            .text(b" (")
            .error(error)
            .text(b"); running untraced")
            .say(signals);
        return false;
    }
    read_toggle(inherited.is_none(), signals);
    FIRST.store(inherited.is_none(), Ordering::Relaxed);
    CONFIGURED.store(true, Ordering::Relaxed);
    true
}

/// Says so, in the first process, where what was asked for is no signal.
fn read_toggle(first: bool, signals: &SignalsBlocked) {
    let given = variable(b"IDEALLOC_TOGGLE").unwrap_or_default();
    match signal_of(given) {
        Some(signal) => TOGGLE.store(signal, Ordering::Relaxed),
        None if first && !given.is_empty() => message::line()
            .text(b"IDEALLOC_TOGGLE=")
            .text(given)
            .text(b" names no signal that can be used; recording from the start")
            .say(signals),
        None => {}
    }
}

/// The signal of this name or number, if a program can handle it.
fn signal_of(value: &[u8]) -> Option<c_int> {
    let name = value.strip_prefix(b"SIG").unwrap_or(value);
    Some(match name {
        b"USR1" => libc::SIGUSR1,
        b"USR2" => libc::SIGUSR2,
        b"HUP" => libc::SIGHUP,
        b"WINCH" => libc::SIGWINCH,
        b"URG" => libc::SIGURG,
        b"IO" => libc::SIGIO,
        b"PROF" => libc::SIGPROF,
        b"ALRM" => libc::SIGALRM,
        b"VTALRM" => libc::SIGVTALRM,
        digits => {
            let number = digits
                .iter()
                .try_fold(0, |number: c_int, digit| match digit {
                    b'0'..=b'9' if number < 100 => Some(number * 10 + c_int::from(digit - b'0')),
                    _ => None,
                })?;
            // Nobody can handle the first two, and the others are libc's own.
            let no_ones = [libc::SIGKILL, libc::SIGSTOP, 32, 33];
            if !(1..=64).contains(&number) || no_ones.contains(&number) {
                return None;
            }
            number
        }
    })
}

fn make_absolute(template: &mut Path, given: &[u8]) -> Result<(), i32> {
    if given.first() != Some(&b'/') {
        template.push_working_directory()?;
    }
    template.push(given).map_err(|TooLong| libc::ENAMETOOLONG)
}

fn make_mark(mark: &mut Path, given: &[u8], absolute: &[u8]) -> Result<(), TooLong> {
    for part in [MARK, b"=", given, b"\n", absolute] {
        mark.push(part)?;
    }
    Ok(())
}

/// Marks the environment, so that programs that this one executes know that
/// they are not the first.
///
/// # Safety
/// The process has one thread.
pub(crate) unsafe fn mark_environment() {
    if !are_read() {
        return;
    }
    // SAFETY: nobody writes it any more.
    let mark = unsafe { &(*NAMES.0.get()).mark };
    if variable(MARK) == mark.bytes().get(MARK.len() + 1..) {
        return;
    }
    // SAFETY: a path has its NUL, and this one stays.
    let entry = unsafe { CStr::from_ptr(mark.as_c().cast()) };
    // SAFETY: the caller's promise.
    unsafe { environment::set(MARK, entry) };
}
