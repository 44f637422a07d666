//! How much of a text a reader takes as one piece.
//!
//! A packed file of some kilobytes can unpack to gigabytes. Rows are bounded by
//! their number only, but one line, one cell or one name must be held whole before
//! it can be understood, so each has a limit, and passing it is an error.

use std::io::{self, BufRead, Read};

use crate::error::{FormatError, Place};

/// Bytes of a line, or of a CSV row over several lines: half a million gaps.
pub const LINE: usize = 16 << 20;

/// Bytes of a CSV header.
pub const HEADER: usize = 1 << 20;

/// Columns of a CSV. Each row keeps what stands in those that are not known.
pub const COLUMNS: usize = 4096;

/// Bytes of an id, of the name of a group, of a cell in a column that is not known,
/// and of a string of JSON. A list of gaps may fill its line.
pub const CELL: usize = 64 << 10;

/// Levels of lists and objects of JSON.
pub const DEPTH: usize = 128;

/// The lines of a text, each with its number from 1 on, without their ends. The
/// first that is not UTF-8 or longer than [`LINE`] is an error.
pub(crate) fn lines<R: BufRead>(input: R) -> Lines<R> {
    Lines { input, number: 0 }
}

pub(crate) struct Lines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn read(&mut self) -> Result<Option<(u64, String)>, FormatError> {
        let mut line = String::new();
        let most = LINE as u64 + 1;
        let mut input = self.input.by_ref().take(most);
        let read = input.read_line(&mut line);
        self.number += 1;
        // A cut inside a character is no fault of the text.
        if input.limit() == 0 && !line.ends_with('\n') {
            let what = format!("a line of more than {LINE} bytes");
            return Err(FormatError::malformed(Place::Line(self.number), what));
        }
        if read? == 0 {
            return Ok(None);
        }
        let end = line.trim_end_matches('\n').trim_end_matches('\r').len();
        line.truncate(end);
        Ok(Some((self.number, line)))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = Result<(u64, String), FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// Gives a reader that buffers no more than so many bytes at a time, and notes when
/// that was not enough.
pub(crate) struct Allowance<R> {
    input: R,
    left: usize,
    exceeded: bool,
}

impl<R> Allowance<R> {
    pub(crate) fn new(input: R, allowed: usize) -> Self {
        Allowance {
            input,
            left: allowed,
            exceeded: false,
        }
    }

    /// Allows so many bytes from here on.
    pub(crate) fn allow(&mut self, bytes: usize) {
        self.left = bytes;
    }

    pub(crate) fn get_ref(&self) -> &R {
        &self.input
    }

    /// Whether a read failed because nothing was left.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded
    }
}

impl<R: Read> Read for Allowance<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            self.exceeded = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        let most = buffer.len().min(self.left);
        let read = self.input.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}

/// Refuses JSON with a string of more than [`CELL`] bytes or with more than [`DEPTH`]
/// levels, before its parser holds them. Only quotes, backslashes and brackets matter.
pub(crate) struct BoundedJson<R> {
    input: R,
    at: u64,
    depth: usize,
    /// Bytes of the string so far, where one is open.
    string: Option<usize>,
    escaped: bool,
}

impl<R> BoundedJson<R> {
    pub(crate) fn new(input: R) -> Self {
        BoundedJson {
            input,
            at: 0,
            depth: 0,
            string: None,
            escaped: false,
        }
    }

    fn pass(&mut self, byte: u8) -> Result<(), String> {
        let Some(length) = &mut self.string else {
            match byte {
                b'"' => self.string = Some(0),
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            let is_deep = self.depth > DEPTH;
            return match is_deep {
                true => Err(format!("more than {DEPTH} levels of lists and objects")),
                false => Ok(()),
            };
        };
        if std::mem::take(&mut self.escaped) {
            *length += 1;
        } else if byte == b'"' {
            self.string = None;
            return Ok(());
        } else {
            *length += 1;
            self.escaped = byte == b'\\';
        }
        match *length > CELL {
            true => Err(format!("a string of more than {CELL} bytes")),
            false => Ok(()),
        }
    }
}

impl<R: Read> Read for BoundedJson<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        for &byte in &buffer[..read] {
            self.pass(byte).map_err(|what| {
                let what = format!("byte {}: {what}", self.at);
                io::Error::new(io::ErrorKind::InvalidData, what)
            })?;
            self.at += 1;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_at_its_limit_and_says_which_it_is() {
        let longest = "é".repeat(LINE / 2);
        let text = format!("a\r\n{longest}\n\nz");
        let read: Result<Vec<_>, _> = lines(text.as_bytes()).collect();
        let read = read.expect("each is within the limit");
        let numbers: Vec<u64> = read.iter().map(|&(number, _)| number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!((&*read[0].1, &*read[2].1, &*read[3].1), ("a", "", "z"));
        // One byte more, which cuts a character in two.
        let text = format!("a\nx{longest}\n");
        let mut read = lines(text.as_bytes());
        read.next().expect("a line").expect("short");
        let error = read.next().expect("a line").expect_err("too long");
        assert_eq!(
            error.to_string(),
            "line 2: a line of more than 16777216 bytes"
        );
    }

    #[test]
    fn strings_and_levels_of_json_end_at_their_limit() {
        let read = |text: String| {
            let mut all = Vec::new();
            BoundedJson::new(text.as_bytes()).read_to_end(&mut all)
        };
        let long = "x".repeat(CELL);
        let escaped = "\\\"".repeat(CELL / 2);
        assert!(read(format!("{{\"{long}\": [\"{escaped}\", \"{long}\"]}}")).is_ok());
        assert!(read(format!("{{\"{long}x\": 1}}")).is_err());
        assert!(
            read(format!("[{}]", "1, ".repeat(CELL))).is_ok(),
            "no string"
        );
    }
}
