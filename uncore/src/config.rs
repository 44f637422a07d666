//! What the environment asks for, and the name of each process's file.
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
//! that somebody sets anew begins a new run.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::message::{self, Line};
use crate::path::{Path, TooLong};
use crate::state::State;
use crate::sys::{self, Locked, SignalsBlocked};
use crate::{claim, sink, toggle};

/// Outcome of [`open`].
pub(crate) enum Opened {
    /// The environment is not there yet: ask again at the next call.
    NotYet,
    /// This process is not traced.
    No,
    Yes {
        /// There are blocks that the trace will not know.
        stands_alone: bool,
        /// Recording starts with the first signal.
        starts_paused: bool,
    },
}

struct Config {
    /// The absolute path, `%p` not expanded.
    template: Path,
    /// The file of this process.
    output: Path,
    /// The name that a first process wants for it.
    wanted: Path,
    /// `IDEALLOC_RUN=...` for programs to come.
    mark: Path,
}

struct Shared(UnsafeCell<Config>);

// SAFETY: used with the state's lock held, or before there are two threads.
unsafe impl Sync for Shared {}

static CONFIG: Shared = Shared(UnsafeCell::new(Config {
    template: Path::new(),
    output: Path::new(),
    wanted: Path::new(),
    mark: Path::new(),
}));

/// The environment was read: by this process, or by one that it was forked from.
static CONFIGURED: AtomicBool = AtomicBool::new(false);
static FIRST: AtomicBool = AtomicBool::new(false);
static FOLLOW: AtomicBool = AtomicBool::new(true);

const MARK: &[u8] = b"IDEALLOC_RUN";

unsafe extern "C" {
    static mut environ: *const *const c_char;
}

fn environment() -> *const *const c_char {
    // SAFETY: read as one word; libc allows it at any time.
    unsafe { (&raw const environ).read_volatile() }
}

/// The value of an environment variable.
pub(crate) fn variable(name: &[u8]) -> Option<&'static [u8]> {
    let mut entry = environment();
    if entry.is_null() {
        return None;
    }
    loop {
        // SAFETY: the environment is an array of strings that ends with a null.
        let text = unsafe { entry.read() };
        if text.is_null() {
            return None;
        }
        // SAFETY: as above.
        let text = unsafe { CStr::from_ptr(text) }.to_bytes();
        if let Some(value) = text
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix(b"="))
        {
            return Some(value);
        }
        // SAFETY: the entry was not the last.
        entry = unsafe { entry.add(1) };
    }
}

/// The path of this process's file.
pub(crate) fn output_path<'a>(_locked: &'a Locked<'_>) -> &'a [u8] {
    // SAFETY: the lock is held.
    unsafe { (*CONFIG.0.get()).output.bytes() }
}

/// The same for C; to be used with the lock held.
pub(crate) fn output_path_unlocked() -> *const u8 {
    // SAFETY: only the address is taken.
    unsafe { (*CONFIG.0.get()).output.as_c() }
}

/// Whether this program is the first of its run, and traced.
pub(crate) fn is_first() -> bool {
    FIRST.load(Ordering::Relaxed)
}

/// With the lock held: opens the file of this process.
pub(crate) fn open(state: &State, locked: &Locked<'_>) -> Opened {
    // SAFETY: the lock is held.
    let config = unsafe { &mut *CONFIG.0.get() };
    let forked = CONFIGURED.load(Ordering::Relaxed);
    let mut first = false;
    if forked {
        sink::leave_parents_output();
        if !FOLLOW.load(Ordering::Relaxed) {
            return Opened::No;
        }
    } else {
        if environment().is_null() {
            return Opened::NotYet;
        }
        message::remember_stderr();
        match configure(config, &locked.signals) {
            Some(is_first) => first = is_first,
            None => return Opened::No,
        }
        CONFIGURED.store(true, Ordering::Relaxed);
        FIRST.store(first, Ordering::Relaxed);
        if !first && !FOLLOW.load(Ordering::Relaxed) {
            return Opened::No;
        }
    }
    let attached = open_file(config, first, &locked.signals)
        .and_then(|(fd, stat)| sink::attach(state, fd, &stat).inspect_err(|_| sys::close(fd)));
    if let Err(error) = attached {
        Line::new()
            .text(b"cannot write ")
            .text(config.output.bytes())
            .text(b" (")
            .error(error)
            .text(b"); running untraced")
            .say(&locked.signals);
        return Opened::No;
    }
    Opened::Yes {
        stands_alone: forked,
        starts_paused: toggle::is_wanted(),
    }
}

/// Reads the environment; says whether this is the first process of its run.
/// `None`, and a line on stderr, where there is nothing to do.
fn configure(config: &mut Config, signals: &SignalsBlocked) -> Option<bool> {
    // SAFETY: a look-up in the auxiliary vector.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        Line::new()
            .text(b"a privileged program is not traced")
            .say(signals);
        return None;
    }
    let Some(given) = variable(b"TRACEFILE").filter(|value| !value.is_empty()) else {
        Line::new()
            .text(b"TRACEFILE is not set; running untraced")
            .say(signals);
        return None;
    };
    FOLLOW.store(
        variable(b"IDEALLOC_FOLLOW") != Some(b"0"),
        Ordering::Relaxed,
    );
    let inherited = variable(MARK)
        .and_then(|mark| mark.strip_prefix(given))
        .and_then(|rest| rest.strip_prefix(b"\n"));
    let template = match inherited {
        Some(absolute) => config
            .template
            .push(absolute)
            .map_err(|TooLong| libc::ENAMETOOLONG),
        None => make_absolute(&mut config.template, given),
    };
    let marked = template.and_then(|()| {
        make_mark(&mut config.mark, given, config.template.bytes())
            .map_err(|TooLong| libc::ENAMETOOLONG)
    });
    if let Err(error) = marked {
        Line::new()
            .text(b"cannot write ")
            .text(given)
            .text(b" (")
            .error(error)
            .text(b"); running untraced")
            .say(signals);
        return None;
    }
    if inherited.is_none() {
        toggle::tell_if_unknown(signals);
    }
    Some(inherited.is_none())
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

/// Makes this process's file, empty and locked; `config.output` is its name in
/// any case. See [`claim`].
fn open_file(
    config: &mut Config,
    first: bool,
    signals: &SignalsBlocked,
) -> Result<(i32, libc::stat), i32> {
    let long = |TooLong| libc::ENAMETOOLONG;
    let process_id = sys::process_id();
    let Config {
        template,
        output,
        wanted,
        ..
    } = config;
    output.clear();
    let has_id = output.expand(template.bytes(), process_id).map_err(long)?;
    if first {
        claim::resolve(output, wanted)?;
        wanted.clear();
        wanted.push(output.bytes()).map_err(long)?;
    }
    if first || !has_id {
        output.push(b".").map_err(long)?;
        output.push_number(u64::from(process_id)).map_err(long)?;
    }
    let made = claim::create(output);
    if first {
        let taken = made.and_then(|_| claim::take_name(output, wanted));
        if taken == Ok(false) {
            Line::new()
                .text(wanted.bytes())
                .text(b" is being written by another process; this one writes ")
                .text(output.bytes())
                .say(signals);
        } else {
            if let (Ok(fd), Err(_)) = (made, taken) {
                // SAFETY: a path has its NUL; the file is ours.
                let _ = unsafe { sys::unlink(output.as_c()) };
                sys::close(fd);
            }
            output.clear();
            output.push(wanted.bytes()).map_err(long)?;
            taken?;
        }
    }
    let fd = made?;
    let stat = sys::fstat(fd).inspect_err(|_| sys::close(fd))?;
    Ok((fd, stat))
}

/// Marks the environment, so that programs that this one executes know that
/// they are not the first. Called once, by the constructor: the strings and the
/// new array of pointers are memory of our own, so that neither the program's
/// heap nor its trace shows a block that it did not ask for.
pub(crate) fn mark_environment() {
    // SAFETY: the constructor runs before the program has a second thread.
    let mark = unsafe { &(*CONFIG.0.get()).mark };
    if !CONFIGURED.load(Ordering::Relaxed) || variable(MARK) == mark.bytes().get(MARK.len() + 1..) {
        return;
    }
    let old = environment();
    let mut count = 0;
    // SAFETY: the array ends with a null.
    while unsafe { !old.add(count).read().is_null() } {
        count += 1;
    }
    let Ok(new) = sys::map((count + 2) * size_of::<*const c_char>(), None) else {
        return;
    };
    let new = new as *mut *const c_char;
    let mut used = 0;
    for index in 0..count {
        // SAFETY: `index` lies in the old array, and `used <= index` in the new.
        unsafe {
            let text = old.add(index).read();
            let name = CStr::from_ptr(text).to_bytes();
            if !name
                .strip_prefix(MARK)
                .is_some_and(|rest| rest.starts_with(b"="))
            {
                new.add(used).write(text);
                used += 1;
            }
        }
    }
    // SAFETY: the new array has room for two more, and is zero behind them.
    unsafe { new.add(used).write(mark.as_c().cast()) };
    // SAFETY: there is one thread; libc allows the variable to be replaced.
    unsafe { (&raw mut environ).write_volatile(new) };
}
