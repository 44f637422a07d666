//! Streaming reader of `.trc`: parses whole blocks of input, keeps nothing
//! but one block.

use std::io::{self, Read};

use super::wire::{self, Call, Kind, MAX_RECORD};

/// One record, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Byte offset of the record's sentinel.
    pub at: u64,
    /// What was called.
    pub call: Call,
}

/// A record that the end of the file cuts short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutRecord {
    /// Byte offset of the record's sentinel.
    pub at: u64,
    /// Bytes of it that are there.
    pub present: usize,
    /// Bytes that the sentinel announces.
    pub needed: usize,
}

/// Why a trace cannot be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A byte stands in a sentinel's place that is none: the file is corrupt,
    /// or no `.trc`.
    #[error("byte {at}: {byte:#04x} is no record's first byte: not a .trc file, or a damaged one")]
    BadSentinel {
        /// Byte offset.
        at: u64,
        /// What stands there.
        byte: u8,
    },
}

const BLOCK: usize = 1 << 18;

/// Iterator over the events of a trace, in file order. O(1) memory.
///
/// Zero bytes in a sentinel's place are skipped. A record cut short at the end
/// of the file ends the iteration and is told by [`Reader::cut`]; so does the
/// end of a compressed file that is cut short ([`Reader::compression_cut_at`]).
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    buffer: Box<[u8]>,
    /// The unread bytes are `buffer[start..end]`.
    start: usize,
    end: usize,
    /// Byte offset in the file of `buffer[0]`.
    buffer_at: u64,
    at_eof: bool,
    cut: Option<CutRecord>,
    compression_cut_at: Option<u64>,
}

impl<R: Read> Reader<R> {
    /// A reader of `input`, which needs no buffering of its own.
    pub fn new(input: R) -> Self {
        Reader {
            input,
            buffer: vec![0; BLOCK].into_boxed_slice(),
            start: 0,
            end: 0,
            buffer_at: 0,
            at_eof: false,
            cut: None,
            compression_cut_at: None,
        }
    }

    /// The record that the end of the input cut short, once that end is met.
    pub fn cut(&self) -> Option<CutRecord> {
        self.cut
    }

    /// Where the unpacked bytes end, if the input is compressed and is itself
    /// cut short: a process killed while it packs leaves such a file.
    pub fn compression_cut_at(&self) -> Option<u64> {
        self.compression_cut_at
    }

    /// Byte offset of the next unread byte.
    pub fn position(&self) -> u64 {
        self.buffer_at + self.start as u64
    }

    /// The next event, or `None` at the end of the trace.
    ///
    /// # Errors
    /// [`TraceError`]; the reader is then at its end.
    pub fn next_event(&mut self) -> Result<Option<Event>, TraceError> {
        loop {
            let unread = &self.buffer[self.start..self.end];
            let Some(holes) = unread.iter().position(|&byte| byte != 0) else {
                self.start = self.end;
                if self.at_eof {
                    return Ok(None);
                }
                self.refill()?;
                continue;
            };
            self.start += holes;
            let record = &self.buffer[self.start..self.end];
            let at = self.buffer_at + self.start as u64;
            let Some(kind) = Kind::from_sentinel(record[0]) else {
                let byte = record[0];
                self.stop();
                return Err(TraceError::BadSentinel { at, byte });
            };
            if let Some(call) = wire::decode(kind, &record[1..]) {
                self.start += kind.record_len();
                return Ok(Some(Event { at, call }));
            }
            if self.at_eof {
                self.cut = Some(CutRecord {
                    at,
                    present: record.len(),
                    needed: kind.record_len(),
                });
                self.stop();
                return Ok(None);
            }
            self.refill()?;
        }
    }

    fn stop(&mut self) {
        self.at_eof = true;
        self.start = self.end;
    }

    /// Moves the unread bytes (less than a record) to the front and reads more.
    fn refill(&mut self) -> Result<(), TraceError> {
        debug_assert!(self.end - self.start < MAX_RECORD);
        self.buffer.copy_within(self.start..self.end, 0);
        self.buffer_at += self.start as u64;
        self.end -= self.start;
        self.start = 0;
        while self.end < MAX_RECORD {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_eof = true;
                    break;
                }
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Only what unpacks says so: the end of a file is no error. Where
                // nothing came of it, there is nothing to use.
                Err(error)
                    if error.kind() == io::ErrorKind::UnexpectedEof
                        && self.buffer_at + self.end as u64 > 0 =>
                {
                    self.compression_cut_at = Some(self.buffer_at + self.end as u64);
                    self.at_eof = true;
                    break;
                }
                Err(error) => {
                    self.stop();
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}
