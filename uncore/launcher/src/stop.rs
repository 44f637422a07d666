//! Job control: where the program is stopped, this process stops, too, so that the caller
//! sees what it would see without it; and where one of the two goes on, both do.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// How often it is looked whether the program goes on, in ns.
const PAUSE: i64 = 50_000_000;

/// Stops this process as the program `child`, which `signal` stopped, until somebody
/// continues one of them.
pub(crate) fn stop_too(child: i32, signal: i32) {
    let Some(watcher) = watch(child) else {
        return;
    };
    // SAFETY: plain calls; all structures are valid, and zeros are, too.
    unsafe {
        // A group without a shell takes no other signal for a stop.
        let same_group = libc::getpgid(child) == libc::getpgrp();
        let signal = if same_group { signal } else { libc::SIGSTOP };
        let mut handled = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        let mut only = MaybeUninit::<libc::sigset_t>::zeroed().assume_init();
        let mut blocked = only;
        let default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        libc::sigaction(signal, &default, &mut handled);
        libc::sigemptyset(&mut only);
        libc::sigaddset(&mut only, signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &only, &mut blocked);
        libc::raise(signal);
        // Continued.
        libc::pthread_sigmask(libc::SIG_SETMASK, &blocked, null_mut());
        libc::sigaction(signal, &handled, null_mut());
        libc::kill(watcher, libc::SIGKILL);
        libc::waitpid(watcher, null_mut(), 0);
        if !goes_on(child) {
            libc::kill(child, libc::SIGCONT);
        }
    }
}

/// Whether the program was continued since it was last stopped.
fn goes_on(child: i32) -> bool {
    // SAFETY: zeros are a valid siginfo, which the kernel fills.
    unsafe {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed().assume_init();
        let options = libc::WCONTINUED | libc::WNOHANG;
        libc::waitid(libc::P_PID, child as u32, &mut info, options) == 0 && info.si_pid() == child
    }
}

/// Starts a process that continues this one, which can do nothing while it is stopped, when
/// the program goes on or ends. None where nobody could tell.
fn watch(child: i32) -> Option<i32> {
    let status = CString::new(format!("/proc/{child}/stat")).ok()?;
    if !is_stopped(&status)? {
        return None;
    }
    // SAFETY: the new process makes calls only that are allowed after a fork.
    unsafe {
        let this = libc::getpid();
        match libc::fork() {
            0 => {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                let pause = libc::timespec {
                    tv_sec: 0,
                    tv_nsec: PAUSE,
                };
                while libc::getppid() == this {
                    libc::nanosleep(&pause, null_mut());
                    // Until it is heard: this process ends it.
                    if is_stopped(&status) != Some(true) {
                        libc::kill(this, libc::SIGCONT);
                    }
                }
                libc::_exit(0)
            }
            watcher => (watcher > 0).then_some(watcher),
        }
    }
}

/// Whether a process is stopped, by what `/proc` says of it. Safe after a fork.
fn is_stopped(status: &CString) -> Option<bool> {
    let mut text = [0u8; 512];
    // SAFETY: the path has its NUL, and the buffer is writable for its length.
    let length = unsafe {
        let fd = libc::open(status.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return None;
        }
        let length = libc::read(fd, text.as_mut_ptr().cast(), text.len());
        libc::close(fd);
        length
    };
    let text = text.get(..usize::try_from(length).ok()?)?;
    // The name of the program, in brackets, may hold anything.
    let name_end = text.iter().rposition(|&byte| byte == b')')?;
    Some(text.get(name_end + 2)? == &b'T')
}
