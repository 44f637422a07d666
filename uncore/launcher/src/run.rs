//! The program under the tracer: its environment, signals, and its end.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::Context;

use crate::plan::Plan;

/// How the program ended.
#[derive(Debug)]
pub(crate) struct End(ExitStatus);

impl End {
    /// Ends this process in the same way.
    pub(crate) fn pass_on(self) -> ExitCode {
        if let Some(signal) = self.0.signal() {
            // The program has left its core file, if it was to leave one.
            let none = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            // SAFETY: plain calls; the structure is valid.
            unsafe {
                libc::setrlimit(libc::RLIMIT_CORE, &none);
                libc::signal(signal, libc::SIG_DFL);
                libc::raise(signal);
            }
            return ExitCode::from(128u8.saturating_add(u8::try_from(signal).unwrap_or(127)));
        }
        ExitCode::from(
            self.0
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(2),
        )
    }
}

/// Runs the program of `plan` with these arguments, the first of which is its name.
pub(crate) fn run(plan: &Plan, arguments: &[OsString]) -> anyhow::Result<End> {
    let mut command = Command::new(&plan.program);
    let mut arguments = arguments.iter();
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    command.args(arguments);
    command
        .env("LD_PRELOAD", plan.preload())
        .env("TRACEFILE", &plan.trace);
    // This run is a new one, even inside of another.
    command
        .env_remove("IDEALLOC_RUN")
        .env_remove("IDEALLOC_FOLLOW");
    if !plan.follow {
        command.env("IDEALLOC_FOLLOW", "0");
    }
    if let Some(signal) = &plan.toggle {
        command.env("IDEALLOC_TOGGLE", signal);
    }
    // From the first handler to the moment at which it knows the program, signals
    // wait; the program itself starts as if nothing had been done to them.
    let blocked = Blocked::new();
    let handled = forward_signals();
    let before = blocked.before;
    let reset = move || {
        // SAFETY: both calls may be made between fork and exec; the set is valid.
        unsafe {
            for &signal in &handled {
                libc::signal(signal, libc::SIG_DFL);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
        }
        Ok(())
    };
    // SAFETY: the closure neither allocates nor locks.
    unsafe { command.pre_exec(reset) };
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot run {}", plan.program.display()))?;
    CHILD.store(i32::try_from(child.id()).unwrap_or(0), Ordering::Relaxed);
    drop(blocked);
    await_end(child.id());
    // Its process id may be somebody else's as soon as it is waited for.
    CHILD.store(0, Ordering::Relaxed);
    let status = child.wait().context("waiting for the program")?;
    Ok(End(status))
}

/// Waits for the end of a child, and leaves its status to be asked for.
fn await_end(child: u32) {
    // SAFETY: zeros are a valid siginfo, which the kernel fills.
    unsafe {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed().assume_init();
        while libc::waitid(libc::P_PID, child, &mut info, libc::WEXITED | libc::WNOWAIT) != 0
            && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted
        {}
    }
}

/// All signals wait while this value lives.
struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    fn new() -> Blocked {
        // SAFETY: both sets are valid and are filled by the calls.
        unsafe {
            let mut all = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
            let mut before = all;
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
            Blocked { before }
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the set is valid.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, null_mut()) };
    }
}

/// The program's process id, while it runs.
static CHILD: AtomicI32 = AtomicI32::new(0);

/// Ends this process by the signals that are to end it: the program has ended, and there
/// is nobody left to whom they could go on.
pub(crate) fn let_signals_end() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: zeros are a valid sigaction. What was ignored stays so.
        unsafe {
            let mut now = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            libc::sigaction(signal, std::ptr::null(), &mut now);
            if now.sa_sigaction != libc::SIG_IGN {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
    }
}

/// Signals sent to this process go on to the program. Those that the terminal
/// sends reach the whole process group, and so the program, by themselves.
/// Returns the signals that are handled now.
fn forward_signals() -> Vec<i32> {
    extern "C" fn forward(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        let child = CHILD.load(Ordering::Relaxed);
        // SAFETY: the kernel passes a valid siginfo; kill is async-signal-safe.
        unsafe {
            let sent_by_process = (*info).si_code <= 0;
            if sent_by_process && child > 0 {
                libc::kill(child, signal);
            }
        }
    }
    let mut handled = Vec::new();
    for signal in [
        libc::SIGINT,
        libc::SIGTERM,
        libc::SIGHUP,
        libc::SIGQUIT,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGWINCH,
        libc::SIGALRM,
    ] {
        // SAFETY: zeros are a valid sigaction; the handler does what is allowed
        // in a handler. Signals that are ignored stay so, for the program too.
        unsafe {
            let mut before = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            libc::sigaction(signal, std::ptr::null(), &mut before);
            if before.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = forward as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(signal, &action, null_mut());
        }
        handled.push(signal);
    }
    handled
}
