//! What its caller gave this process, and a program that it runs is to get.
//!
//! Rust's runtime opens `/dev/null` in the place of a closed standard stream, and ignores
//! SIGPIPE. How it was before that is looked up before it begins.

#![warn(missing_docs, clippy::undocumented_unsafe_blocks)]

use std::mem::MaybeUninit;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering};

/// Standard streams that the caller has closed.
static CLOSED: [AtomicBool; 3] = [const { AtomicBool::new(false) }; 3];
static IGNORES_SIGPIPE: AtomicBool = AtomicBool::new(false);

/// Runs before `main`, and so before the runtime begins.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    for (fd, closed) in (0..).zip(&CLOSED) {
        // SAFETY: no memory is passed.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        closed.store(flags == -1, Ordering::Relaxed);
    }
    IGNORES_SIGPIPE.store(ignores(libc::SIGPIPE), Ordering::Relaxed);
}

/// Whether the caller has closed this standard stream. False for other descriptors.
pub fn has_closed(fd: i32) -> bool {
    let closed = usize::try_from(fd).ok().and_then(|fd| CLOSED.get(fd));
    closed.is_some_and(|closed| closed.load(Ordering::Relaxed))
}

/// Whether this process ignores a signal now.
pub fn ignores(signal: i32) -> bool {
    // SAFETY: zeros are a valid sigaction, which the call fills.
    unsafe {
        let mut now = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
        libc::sigaction(signal, null(), &mut now);
        now.sa_sigaction == libc::SIG_IGN
    }
}

/// Gives what the runtime has changed back. Only for the program, right before it starts:
/// safe between fork and exec.
pub fn restore() {
    for (fd, closed) in (0..).zip(&CLOSED) {
        if closed.load(Ordering::Relaxed) {
            // SAFETY: nothing in this process uses the descriptor any more.
            unsafe { libc::close(fd) };
        }
    }
    let disposition = match IGNORES_SIGPIPE.load(Ordering::Relaxed) {
        true => libc::SIG_IGN,
        false => libc::SIG_DFL,
    };
    // SAFETY: no memory is passed.
    unsafe { libc::signal(libc::SIGPIPE, disposition) };
}
