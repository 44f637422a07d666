//! One line on stderr: the only way in which a hook speaks.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::lock::SignalsBlocked;
use crate::sys;

/// The line under construction, of which there is one at a time: its bytes are no matter
/// for the stack of the thread that speaks, which may have little left. Too long a text
/// is cut, never an error.
pub struct Line {
    used: usize,
    /// No handler of this thread can wait for the line.
    _signals: SignalsBlocked,
}

static BYTES: [AtomicU8; 1024] = [const { AtomicU8::new(0) }; 1024];
/// Somebody has the line under construction.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Times that a speaker gives way to the one before. After that it goes on all the same:
/// a forked child may have inherited a line that nobody completes.
const MOST_WAITS: usize = 1000;

impl Line {
    /// A line that begins with the speaker's name and a colon.
    #[inline(never)]
    pub fn new(speaker: &str) -> Line {
        let signals = SignalsBlocked::new();
        for _ in 0..MOST_WAITS {
            if !TAKEN.swap(true, Ordering::Acquire) {
                break;
            }
            sys::give_way();
        }
        let line = Line {
            used: 0,
            _signals: signals,
        };
        line.text(speaker.as_bytes()).text(b": ")
    }

    /// Appends a text. What could end the line, or steer a terminal, becomes question marks: a
    /// name may hold any bytes.
    #[inline(never)]
    pub fn text(mut self, text: &[u8]) -> Line {
        // One byte is kept for the line feed.
        let room = BYTES.len() - 1;
        let free = BYTES.get(self.used..room).unwrap_or_default();
        let mut before = 0;
        for (to, from) in free.iter().zip(text) {
            // In UTF-8, the controls beyond ASCII are 0xc2 and another byte.
            let is_control =
                from.is_ascii_control() || before == 0xc2 && matches!(from, 0x80..=0x9f);
            let byte = if is_control { b'?' } else { *from };
            to.store(byte, Ordering::Relaxed);
            self.used += 1;
            before = *from;
        }
        self
    }

    /// Appends a number.
    #[inline(never)]
    pub fn number(self, number: u64) -> Line {
        let mut digits = [0; 20];
        self.text(decimal(number, &mut digits))
    }

    /// Appends what went wrong, in words for the errors that users meet.
    #[inline(never)]
    pub fn error(self, number: i32) -> Line {
        let text: &[u8] = match number {
            libc::EACCES | libc::EPERM => b"permission denied",
            libc::ENOENT => b"no such directory, or a link to nothing",
            libc::ENOTDIR => b"a part of the path is not a directory",
            libc::EISDIR => b"it is a directory",
            libc::EBUSY => b"it is an open file of the program's",
            libc::ENOSPC => b"no space left on the device",
            libc::EDQUOT => b"disk quota exceeded",
            libc::EFBIG => b"the file-size limit is reached",
            libc::EROFS => b"read-only file system",
            libc::EMFILE | libc::ENFILE => b"too many open files",
            libc::ENAMETOOLONG => b"the path is too long",
            libc::EEXIST => b"no free file name is left",
            libc::EDEADLK => b"a thread does not come back from a record",
            libc::ENODEV => b"its file system cannot map files",
            libc::ENOMEM => b"no address space left",
            libc::EINVAL | libc::ENXIO => b"it is no regular file",
            _ => return self.text(b"error ").number(number as u64),
        };
        self.text(text)
    }

    /// Writes the line by one system call, unless stderr has become another
    /// file since the program started: it may hold the program's data.
    #[inline(never)]
    pub fn say(self, signals: &SignalsBlocked) {
        if let Some(end) = BYTES.get(self.used) {
            end.store(b'\n', Ordering::Relaxed);
        }
        let now = stderr_identity();
        if now != 0 && now == STDERR.load(Ordering::Relaxed) {
            let length = (self.used + 1).min(BYTES.len());
            // SAFETY: these bytes are there as long as the process.
            let line = unsafe { core::slice::from_raw_parts(BYTES.as_ptr().cast(), length) };
            signals.write_quietly(libc::STDERR_FILENO, line);
        }
        TAKEN.store(false, Ordering::Release);
    }
}

/// Digits of `number` in `digits`.
pub fn decimal(number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut rest = number;
    let mut first = digits.len();
    for (index, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        first = index;
        if rest == 0 {
            break;
        }
    }
    digits.get(first..).unwrap_or_default()
}

/// Which file stderr was when the back end started; 0 for none.
static STDERR: AtomicU64 = AtomicU64::new(0);

/// Remembers which file stderr is: before that, no line is written.
pub fn remember_stderr() {
    STDERR.store(stderr_identity(), Ordering::Relaxed);
}

fn stderr_identity() -> u64 {
    match sys::identity(libc::STDERR_FILENO) {
        Ok((device, inode)) => (device.rotate_left(40) ^ inode) | 1 << 63,
        Err(_) => 0,
    }
}
