//! One line on stderr: the only way in which a hook speaks.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::lock::SignalsBlocked;
use crate::sys;

/// The line under construction. Too long a text is cut, never an error.
pub struct Line {
    bytes: [u8; 1024],
    used: usize,
}

impl Line {
    /// A line that begins with the speaker's name and a colon.
    pub fn new(speaker: &str) -> Line {
        Line {
            bytes: [0; 1024],
            used: 0,
        }
        .text(speaker.as_bytes())
        .text(b": ")
    }

    /// Appends a text; its line feeds become question marks.
    pub fn text(mut self, text: &[u8]) -> Line {
        // One byte is kept for the line feed.
        let room = self.bytes.len() - 1;
        let free = self.bytes.get_mut(self.used..room).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(text) {
            *to = if *from == b'\n' { b'?' } else { *from };
            self.used += 1;
        }
        self
    }

    /// Appends a number.
    pub fn number(self, number: u64) -> Line {
        let mut digits = [0; 20];
        self.text(decimal(number, &mut digits))
    }

    /// Appends what went wrong, in words for the errors that users meet.
    pub fn error(self, number: i32) -> Line {
        let text: &[u8] = match number {
            libc::EACCES | libc::EPERM => b"permission denied",
            libc::ENOENT => b"no such directory",
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
            libc::ENODEV => b"its file system cannot map files",
            libc::ENOMEM => b"no address space left",
            libc::EINVAL | libc::ENXIO => b"it is no regular file",
            _ => return self.text(b"error ").number(number as u64),
        };
        self.text(text)
    }

    /// Writes the line by one system call, unless stderr has become another
    /// file since the program started: it may hold the program's data.
    pub fn say(mut self, signals: &SignalsBlocked) {
        if let Some(end) = self.bytes.get_mut(self.used) {
            *end = b'\n';
        }
        let now = stderr_identity();
        let line = self.bytes.get(..=self.used).unwrap_or_default();
        if now != 0 && now == STDERR.load(Ordering::Relaxed) {
            signals.write_quietly(libc::STDERR_FILENO, line);
        }
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
    match sys::fstat(libc::STDERR_FILENO) {
        Ok(stat) => (stat.st_dev.rotate_left(40) ^ stat.st_ino) | 1 << 63,
        Err(_) => 0,
    }
}
