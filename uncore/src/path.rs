//! File names without allocation: a NUL-terminated byte string of bounded length.

use hook::message::decimal;
use hook::sys;

/// Two paths and a name fit (the mark of a run holds two); the kernel refuses
/// a single path of more than `PATH_MAX` bytes by itself.
const CAPACITY: usize = 2 * libc::PATH_MAX as usize + 64;

/// A path under construction.
pub(crate) struct Path {
    bytes: [u8; CAPACITY],
    length: usize,
}

/// The path is too long.
#[derive(Debug)]
pub(crate) struct TooLong;

impl Path {
    pub(crate) const fn new() -> Path {
        Path {
            bytes: [0; CAPACITY],
            length: 0,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.length = 0;
    }

    /// Cuts the path back to `length` bytes.
    pub(crate) fn cut(&mut self, length: usize) {
        self.length = self.length.min(length);
        if let Some(byte) = self.bytes.get_mut(self.length) {
            *byte = 0;
        }
    }

    pub(crate) fn push(&mut self, text: &[u8]) -> Result<(), TooLong> {
        let end = self.length.wrapping_add(text.len());
        let Some(byte) = self.bytes.get_mut(end) else {
            return Err(TooLong);
        };
        *byte = 0;
        // Not `copy_from_slice`, which panics where lengths differ.
        for (to, from) in self.bytes.iter_mut().skip(self.length).zip(text) {
            *to = *from;
        }
        self.length = end;
        Ok(())
    }

    pub(crate) fn push_number(&mut self, number: u64) -> Result<(), TooLong> {
        self.push(decimal(number, &mut [0; 20]))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The path as C has it. Something must have been pushed.
    pub(crate) fn as_c(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    /// Appends `template` with every `%p` replaced by the process id; says
    /// whether there was one.
    pub(crate) fn expand(&mut self, template: &[u8], process_id: u32) -> Result<bool, TooLong> {
        let mut rest = template;
        let mut expanded = false;
        while let Some(at) = rest.windows(2).position(|pair| pair == b"%p") {
            self.push(rest.get(..at).unwrap_or_default())?;
            self.push_number(u64::from(process_id))?;
            rest = rest.get(at + 2..).unwrap_or_default();
            expanded = true;
        }
        self.push(rest)?;
        Ok(expanded)
    }

    /// Appends the working directory and a slash.
    pub(crate) fn push_working_directory(&mut self) -> Result<(), i32> {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        let length = sys::working_directory(free)?;
        if free.first() != Some(&b'/') {
            // "(unreachable)": the directory lies outside of the root.
            return Err(libc::ENOENT);
        }
        if length > 1 {
            self.length += length;
        }
        self.push(b"/").map_err(|TooLong| libc::ENAMETOOLONG)
    }

    /// Appends what the symbolic link `link` says.
    pub(crate) fn push_link(&mut self, link: &Path) -> Result<(), i32> {
        let free = self.bytes.get_mut(self.length..).unwrap_or_default();
        // SAFETY: a path has its NUL.
        let length = unsafe { sys::read_link(link.as_c(), free) }?;
        if length == 0 || length >= free.len() {
            return Err(libc::ENAMETOOLONG);
        }
        self.length += length;
        self.cut(self.length);
        Ok(())
    }
}
