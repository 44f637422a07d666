//! Holding back signals, and a lock that holds them back while it is held, so
//! that no handler of its thread can wait for it. SIGBUS is let through: see
//! [`crate::signals`].

use core::sync::atomic::{AtomicU32, Ordering};

use crate::sys::{bit, call, write};
use crate::tls;

/// All signals held back while this value lives. The kernel's mask is set
/// directly, so that the signals that libc keeps for itself are held back too.
pub struct SignalsBlocked {
    /// The mask before; none where nothing was done.
    before: Option<u64>,
}

impl SignalsBlocked {
    /// Holds all signals back from now on.
    #[allow(clippy::new_without_default, reason = "it is an act, not a value")]
    pub fn new() -> SignalsBlocked {
        // A SIGBUS that is held back is fatal, and one comes where the trace's file is cut; the
        // program may hold it back all the same.
        let all = !bit(libc::SIGBUS);
        let mut before = 0u64;
        let arguments = [
            libc::SIG_BLOCK as usize,
            &raw const all as usize,
            &raw mut before as usize,
            size_of::<u64>(),
            0,
            0,
        ];
        // SAFETY: both masks have the kernel's size, which is passed.
        let _ = unsafe { call(libc::SYS_rt_sigprocmask, arguments) };
        SignalsBlocked {
            before: Some(before),
        }
    }

    /// Makes a system call that writes to a file, and takes back the SIGPIPE or SIGXFSZ that
    /// it raised in this thread, unless one was pending before.
    pub fn quietly<T>(&self, write: impl FnOnce() -> Result<T, i32>) -> Result<T, i32> {
        let mut pending = 0u64;
        let arguments = [&raw mut pending as usize, size_of::<u64>(), 0, 0, 0, 0];
        // SAFETY: the mask has the kernel's size, which is passed.
        let _ = unsafe { call(libc::SYS_rt_sigpending, arguments) };
        let result = write();
        let raised = match result {
            Err(libc::EPIPE) => bit(libc::SIGPIPE),
            Err(libc::EFBIG) => bit(libc::SIGXFSZ),
            _ => 0,
        };
        if raised & !pending != 0 {
            let at_once = [0u64; 2];
            let arguments = [
                &raw const raised as usize,
                0,
                &raw const at_once as usize,
                size_of::<u64>(),
                0,
                0,
            ];
            // SAFETY: mask and time have the kernel's layout.
            let _ = unsafe { call(libc::SYS_rt_sigtimedwait, arguments) };
        }
        result
    }

    /// Writes `bytes`, [`quietly`](SignalsBlocked::quietly).
    pub fn write_quietly(&self, fd: i32, bytes: &[u8]) {
        let _ = self.quietly(|| write(fd, bytes));
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        let Some(before) = self.before else { return };
        let arguments = [
            libc::SIG_SETMASK as usize,
            &raw const before as usize,
            0,
            size_of::<u64>(),
            0,
            0,
        ];
        // SAFETY: the mask has the kernel's size, which is passed.
        let _ = unsafe { call(libc::SYS_rt_sigprocmask, arguments) };
    }
}

/// A lock for the slow paths. All-zero bytes are an open lock, which is what a
/// forked child finds in its wiped state.
#[repr(transparent)]
pub struct Lock(AtomicU32);

const OPEN: u32 = 0;
const TAKEN: u32 = 1;
const CONTENDED: u32 = 2;

impl Lock {
    /// An open lock.
    #[allow(clippy::new_without_default, reason = "zeros say the same")]
    pub const fn new() -> Lock {
        Lock(AtomicU32::new(OPEN))
    }

    /// Takes the lock, with all signals held back, so that no handler of this
    /// thread can wait for it.
    pub fn take(&self) -> Locked<'_> {
        let signals = SignalsBlocked::new();
        let locks = &tls::block().locks;
        locks.set(locks.get() + 1);
        if self
            .0
            .compare_exchange(OPEN, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            while self.0.swap(CONTENDED, Ordering::Acquire) != OPEN {
                self.futex(libc::FUTEX_WAIT, CONTENDED);
            }
        }
        Locked {
            lock: self,
            signals,
        }
    }

    /// Takes the lock without a system call, where it is open; signals come meanwhile.
    pub fn try_quietly(&self) -> Option<Locked<'_>> {
        self.0
            .compare_exchange(OPEN, TAKEN, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        Some(Locked {
            lock: self,
            signals: SignalsBlocked { before: None },
        })
    }

    fn futex(&self, operation: i32, value: u32) {
        let operation = operation | libc::FUTEX_PRIVATE_FLAG;
        let arguments = [
            self.0.as_ptr() as usize,
            operation as usize,
            value as usize,
            0,
            0,
            0,
        ];
        // SAFETY: the word outlives the call; no time-out is passed.
        let _ = unsafe { call(libc::SYS_futex, arguments) };
    }
}

/// The lock is held and signals are blocked while this value lives.
pub struct Locked<'a> {
    lock: &'a Lock,
    /// Held back; released after the lock: fields are dropped after `drop`.
    pub signals: SignalsBlocked,
}

/// Whether this thread holds a lock that others wait for. A call of the program's that comes
/// meanwhile was made by a function of its own that stands in for one of libc's, and must not
/// wait.
pub fn is_held_here() -> bool {
    tls::block().locks.get() != 0
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.signals.before.is_some() {
            let locks = &tls::block().locks;
            locks.set(locks.get() - 1);
        }
        if self.lock.0.swap(OPEN, Ordering::Release) == CONTENDED {
            self.lock.futex(libc::FUTEX_WAKE, 1);
        }
    }
}
