//! The wire format of protocol buffers, read field by field from a stream: what
//! nobody asks for, such as the constants of a module, is passed over unread.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>.

use std::io::{self, BufRead, BufReader, Read};

use crate::error::{FormatError, Place};
use crate::limits::CELL;

/// Bytes of a name.
const NAME: u64 = 4096;

/// A message that is read, and where in its file the reader stands.
pub(super) struct Wire<R> {
    input: BufReader<R>,
    at: u64,
}

/// Up to where a message reaches, in bytes of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    end: u64,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// A number.
    Number(u64),
    /// Bytes: a text, a message, or numbers one behind the other.
    Bytes(Message),
    /// A number of fixed width, passed over.
    Fixed,
}

impl<R: Read> Wire<R> {
    pub(super) fn new(input: R) -> Wire<R> {
        Wire {
            input: BufReader::with_capacity(1 << 16, input),
            at: 0,
        }
    }

    /// The message that is the whole file.
    pub(super) fn whole() -> Message {
        Message { end: u64::MAX }
    }

    /// What is buffered, at least a byte of it but at the end of the file.
    fn filled(&mut self) -> io::Result<&[u8]> {
        while let Err(error) = self.input.fill_buf() {
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        Ok(self.input.buffer())
    }

    /// The byte that is read next.
    pub(super) fn place(&self) -> Place {
        Place::Byte(self.at)
    }

    pub(super) fn malformed(&self, what: impl Into<String>) -> FormatError {
        FormatError::malformed(self.place(), what)
    }

    /// The number of the next field of a message and its value; `None` at its end.
    /// Bytes must be read, or passed over, before the next field.
    pub(super) fn field(&mut self, of: Message) -> Result<Option<(u64, Field)>, FormatError> {
        if self.at == of.end || (of.end == u64::MAX && self.filled()?.is_empty()) {
            return Ok(None);
        }
        let tag = self.number(of)?;
        let field = match tag & 7 {
            0 => Field::Number(self.number(of)?),
            1 => self.fixed(8, of)?,
            2 => {
                let length = self.number(of)?;
                let end = self.at.checked_add(length).filter(|&end| end <= of.end);
                let end = end.ok_or_else(|| {
                    self.malformed(format!("a field of {length} bytes passes its message"))
                })?;
                Field::Bytes(Message { end })
            }
            5 => self.fixed(4, of)?,
            kind => return Err(self.malformed(format!("no protocol buffer: wire type {kind}"))),
        };
        Ok(Some((tag >> 3, field)))
    }

    fn fixed(&mut self, length: u64, of: Message) -> Result<Field, FormatError> {
        let end = self.at.saturating_add(length);
        if end > of.end {
            return Err(self.malformed("a number passes its message"));
        }
        self.skip(Message { end })?;
        Ok(Field::Fixed)
    }

    /// A number: seven bits a byte, the lowest first.
    fn number(&mut self, of: Message) -> Result<u64, FormatError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            if self.at == of.end {
                return Err(self.malformed("a number passes its message"));
            }
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.malformed("a number of more than ten bytes"))
    }

    fn byte(&mut self) -> Result<u8, FormatError> {
        let next = self.filled()?.first().copied();
        let Some(byte) = next else {
            return Err(self.malformed("the file ends inside a message"));
        };
        self.input.consume(1);
        self.at += 1;
        Ok(byte)
    }

    /// Passes over bytes.
    pub(super) fn skip(&mut self, bytes: Message) -> Result<(), FormatError> {
        while self.at < bytes.end {
            let there = self.filled()?.len();
            if there == 0 {
                return Err(self.malformed("the file ends inside a message"));
            }
            let left = usize::try_from(bytes.end - self.at).unwrap_or(usize::MAX);
            let length = there.min(left);
            self.input.consume(length);
            self.at += length as u64;
        }
        Ok(())
    }

    /// How many bytes of a message are not read yet.
    pub(super) fn length(&self, of: Message) -> u64 {
        of.end - self.at
    }

    /// Passes over the value of a field.
    pub(super) fn skip_field(&mut self, field: Field) -> Result<(), FormatError> {
        match field {
            Field::Bytes(bytes) => self.skip(bytes),
            Field::Number(_) | Field::Fixed => Ok(()),
        }
    }

    /// A name: one that stands in many places is kept once for each.
    pub(super) fn name(&mut self, field: Field) -> Result<Box<str>, FormatError> {
        let bytes = self.message(field)?;
        if self.length(bytes) > NAME {
            return Err(self.malformed(format!("a name of more than {NAME} bytes")));
        }
        self.text(field)
    }

    /// A text.
    pub(super) fn text(&mut self, field: Field) -> Result<Box<str>, FormatError> {
        let Field::Bytes(bytes) = field else {
            return Err(self.malformed("a number where a text should be"));
        };
        let length = bytes.end - self.at;
        if length > CELL as u64 {
            return Err(self.malformed(format!("a text of more than {CELL} bytes")));
        }
        let mut text = Vec::new();
        while self.at < bytes.end {
            text.push(self.byte()?);
        }
        let text = String::from_utf8(text).map_err(|_| self.malformed("a text is not UTF-8"))?;
        Ok(text.into())
    }

    /// The message in a field.
    pub(super) fn message(&self, field: Field) -> Result<Message, FormatError> {
        match field {
            Field::Bytes(bytes) => Ok(bytes),
            Field::Number(_) | Field::Fixed => {
                Err(self.malformed("a number where a message should be"))
            }
        }
    }

    /// The number in a field.
    pub(super) fn whole_number(&self, field: Field) -> Result<u64, FormatError> {
        match field {
            Field::Number(number) => Ok(number),
            Field::Bytes(_) | Field::Fixed => Err(self.malformed("no number where one should be")),
        }
    }

    /// As [`Self::whole_number`], of 32 bits.
    pub(super) fn small_number(&self, field: Field) -> Result<u32, FormatError> {
        let number = self.whole_number(field)?;
        u32::try_from(number).map_err(|_| self.malformed(format!("{number} passes 2^32 - 1")))
    }

    /// Adds the number or the numbers of a field that is there several times, or
    /// has all in one.
    pub(super) fn numbers(&mut self, field: Field, into: &mut Vec<u64>) -> Result<(), FormatError> {
        match field {
            Field::Number(number) => into.push(number),
            Field::Bytes(bytes) => {
                while self.at < bytes.end {
                    let number = self.number(bytes)?;
                    into.push(number);
                }
            }
            Field::Fixed => return Err(self.malformed("no number where some should be")),
        }
        Ok(())
    }

    /// As [`Self::numbers`], of 32 bits each.
    pub(super) fn small_numbers(
        &mut self,
        field: Field,
        into: &mut Vec<u32>,
    ) -> Result<(), FormatError> {
        let mut numbers = Vec::new();
        self.numbers(field, &mut numbers)?;
        for number in numbers {
            into.push(self.small_number(Field::Number(number))?);
        }
        Ok(())
    }

    /// Calls `take` with each field of a message.
    pub(super) fn each(
        &mut self,
        of: Message,
        mut take: impl FnMut(&mut Self, u64, Field) -> Result<(), FormatError>,
    ) -> Result<(), FormatError> {
        while let Some((number, field)) = self.field(of)? {
            take(self, number, field)?;
        }
        Ok(())
    }
}
