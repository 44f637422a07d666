//! The bytes of a pickle: what an opcode reads behind itself, and where it stands.

use std::io::{self, BufRead, Read};

use crate::error::{FormatError, Place};

/// Bytes of a line of the text protocols: a number or a string.
const LINE: usize = 1 << 16;

/// The bytes of a pickle, and how many were read.
pub(super) struct Bytes<R> {
    input: R,
    at: u64,
}

impl<R: BufRead> Bytes<R> {
    pub(super) fn new(input: R) -> Self {
        Bytes { input, at: 0 }
    }

    /// How many were read.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    fn ended(&self) -> FormatError {
        let what = "the pickle ends before its STOP: is the file whole?";
        FormatError::malformed(Place::Byte(self.at), what)
    }

    pub(super) fn byte(&mut self) -> Result<u8, FormatError> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut bytes = [0; N];
        match self.input.read_exact(&mut bytes) {
            Ok(()) => self.at += N as u64,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.ended());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(bytes)
    }

    /// So many bytes, of which the first are kept where all of them fit into `kept`.
    pub(super) fn take<'a>(
        &mut self,
        length: u64,
        kept: &'a mut [u8],
    ) -> Result<&'a [u8], FormatError> {
        if length > kept.len() as u64 {
            self.skip(length)?;
            return Ok(&[]);
        }
        let kept = &mut kept[..length as usize];
        match self.input.read_exact(kept) {
            Ok(()) => self.at += length,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(self.ended());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(kept)
    }

    pub(super) fn skip(&mut self, mut length: u64) -> Result<(), FormatError> {
        while length > 0 {
            let there = match self.input.fill_buf() {
                Ok(bytes) => bytes.len(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if there == 0 {
                return Err(self.ended());
            }
            let part = length.min(there as u64);
            self.input.consume(part as usize);
            self.at += part;
            length -= part;
        }
        Ok(())
    }

    /// A line of the text protocols, without its end.
    pub(super) fn line(&mut self) -> Result<Vec<u8>, FormatError> {
        let mut line = Vec::new();
        let mut input = self.input.by_ref().take(LINE as u64 + 1);
        let read = input.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            if read > LINE {
                let what = format!("a line of more than {LINE} bytes");
                return Err(FormatError::malformed(Place::Byte(self.at), what));
            }
            self.at += read as u64;
            return Err(self.ended());
        }
        self.at += read as u64;
        Ok(line)
    }
}
