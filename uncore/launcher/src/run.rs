//! The program under the tracer: its environment, signals, and its end.

use std::ffi::OsString;
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode, ExitStatus};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::Context;

use crate::image::Image;
use crate::plan::Plan;
use crate::stop;

/// How the program ended.
#[derive(Debug)]
pub(crate) struct End(ExitStatus);

impl End {
    /// Ends this process in the same way.
    pub(crate) fn pass_on(self) -> ExitCode {
        if let Some(signal) = self.0.signal() {
            // SAFETY: plain calls; the set is valid.
            unsafe {
                // The program has left its core file, if it was to leave one.
                libc::prctl(libc::PR_SET_DUMPABLE, 0);
                libc::signal(signal, libc::SIG_DFL);
                let mut only = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
                libc::sigemptyset(&mut only);
                libc::sigaddset(&mut only, signal);
                libc::pthread_sigmask(libc::SIG_UNBLOCK, &only, null_mut());
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
    let image = Image::new(plan, arguments)?;
    let mut command = Command::new(&plan.program);
    // From the first handler to the moment at which it knows the program, signals
    // wait; the program itself starts as if nothing had been done to them.
    let blocked = Blocked::new();
    let handled = forward_signals();
    let before = blocked.before;
    // Where it is ignored, nobody can wait for the program's end.
    let ignores_children = caller::ignores(libc::SIGCHLD);
    // SAFETY: no memory is passed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    let alarm = take_alarm();
    let start = move || {
        // SAFETY: the calls may be made between fork and exec; the structures are valid.
        unsafe {
            for &signal in &handled {
                libc::signal(signal, libc::SIG_DFL);
            }
            if ignores_children {
                libc::signal(libc::SIGCHLD, libc::SIG_IGN);
            }
            caller::restore();
            libc::setitimer(libc::ITIMER_REAL, &alarm, null_mut());
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, null_mut());
        }
        Err(image.execute())
    };
    // SAFETY: the closure neither allocates nor locks.
    unsafe { command.pre_exec(start) };
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
    loop {
        // SAFETY: zeros are a valid siginfo, which the kernel fills.
        unsafe {
            let mut info = MaybeUninit::<libc::siginfo_t>::zeroed().assume_init();
            let any = libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT;
            if libc::waitid(libc::P_PID, child, &mut info, any) != 0 {
                if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted {
                    continue;
                }
                return;
            }
            if info.si_code != libc::CLD_STOPPED {
                return;
            }
            // Told once.
            let stops = libc::WSTOPPED | libc::WNOHANG;
            libc::waitid(libc::P_PID, child, &mut info, stops);
            if info.si_pid() != 0 && info.si_code == libc::CLD_STOPPED {
                stop::stop_too(info.si_pid(), info.si_status());
            }
        }
    }
}

/// The alarm that the caller has set for the program, and this process does not get.
fn take_alarm() -> libc::itimerval {
    // SAFETY: zeros are a valid itimerval, and mean none.
    unsafe {
        let none = MaybeUninit::<libc::itimerval>::zeroed().assume_init();
        let mut before = none;
        libc::setitimer(libc::ITIMER_REAL, &none, &mut before);
        before
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

/// Signals that go on to the program: all that can be handled but those of job control
/// that continue, of a child's end, of a closed pipe, of a fault, and libc's own two.
fn forwarded() -> impl Iterator<Item = i32> {
    let others = [
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGCONT,
        libc::SIGCHLD,
        libc::SIGPIPE,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGTRAP,
        libc::SIGSYS,
        32,
        33,
    ];
    (1..=libc::SIGRTMAX()).filter(move |signal| !others.contains(signal))
}

/// Ends this process by the signals that are to end it: the program has ended, and there
/// is nobody left to whom they could go on. What was ignored stays so.
pub(crate) fn let_signals_end() {
    for signal in forwarded().filter(|&signal| !caller::ignores(signal)) {
        // SAFETY: no memory is passed.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
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
    // Signals that are ignored stay so, for the program too.
    let handled: Vec<_> = forwarded()
        .filter(|&signal| !caller::ignores(signal))
        .collect();
    for &signal in &handled {
        // SAFETY: zeros are a valid sigaction; the handler does what is allowed in one.
        unsafe {
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = forward as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(signal, &action, null_mut());
        }
    }
    handled
}
