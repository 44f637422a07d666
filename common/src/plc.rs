//! `.plc`: jobs in bin-packing notation. Fixed records of eight big-endian
//! unsigned 64-bit words, no header:
//! `id, birth, death, size, heap, offset, alignment, requested size`.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};

use byteorder::{BigEndian, ByteOrder as _};

use crate::error::{FormatError, Place};
use crate::job::{Job, JobId};
use crate::row::{Row, Rows};

/// Bytes a record.
pub const RECORD: usize = 64;

/// The offset that means "not placed".
pub const NOT_PLACED: u64 = u64::MAX;

type Words = [u64; 8];

/// Streaming reader.
///
/// A file of more than one job in which every heap and offset is 0 is read as
/// not placed, unless no two of its jobs live at once. So records wait until one is
/// met that is not 0: O(1) memory for placed files, a record a job for others (see
/// [`Reader::without_offsets`]), and O(n log n) time where all are 0.
pub struct Reader<R> {
    input: BufReader<R>,
    read: u64,
    with_offsets: bool,
    waiting: VecDeque<Words>,
    /// Whether the records that wait are placed, once that is known.
    placed: Option<bool>,
    given: u64,
    at_end: bool,
}

impl<R: Read> Reader<R> {
    /// A reader of `input`, which needs no buffering of its own.
    pub fn new(input: R) -> Self {
        Reader {
            input: BufReader::with_capacity(1 << 18, input),
            read: 0,
            with_offsets: true,
            waiting: VecDeque::new(),
            placed: None,
            given: 0,
            at_end: false,
        }
    }

    /// Reads every job as not placed, with O(1) memory.
    #[must_use]
    pub fn without_offsets(mut self) -> Self {
        self.with_offsets = false;
        self.placed = Some(false);
        self
    }

    fn next_words(&mut self) -> Result<Option<Words>, FormatError> {
        if self.at_end {
            return Ok(None);
        }
        let mut bytes = [0u8; RECORD];
        let mut present = 0;
        while present < RECORD {
            match self.input.read(&mut bytes[present..]) {
                Ok(0) => break,
                Ok(read) => present += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if present < RECORD {
            self.at_end = true;
            if present == 0 {
                return Ok(None);
            }
            let place = self.place(self.read);
            let what = format!("the file ends after {present} of a record's {RECORD} bytes");
            return Err(FormatError::malformed(place, what));
        }
        self.read += 1;
        let mut words = [0; 8];
        BigEndian::read_u64_into(&bytes, &mut words);
        Ok(Some(words))
    }

    fn place(&self, index: u64) -> Place {
        Place::Record {
            number: index + 1,
            at: index * RECORD as u64,
        }
    }

    fn row(&mut self, words: Words) -> Row {
        let [id, birth, death, size, heap, offset, alignment, requested] = words;
        let place = self.place(self.given);
        self.given += 1;
        let placed = self.placed == Some(true) && offset != NOT_PLACED;
        Row {
            job: Job {
                id: JobId::Number(id),
                birth,
                death,
                size,
                requested,
                alignment: alignment.max(1),
                heap,
                extras: None,
            },
            offset: placed.then_some(offset),
            place,
            unknown: Vec::new(),
        }
    }
}

impl<R: Read> Rows for Reader<R> {
    fn next_row(&mut self) -> Result<Option<Row>, FormatError> {
        while self.placed.is_none() {
            match self.next_words()? {
                Some(words) => {
                    if words[4] != 0 || words[5] != 0 {
                        self.placed = Some(true);
                    }
                    self.waiting.push_back(words);
                }
                None => {
                    let lifetimes = self.waiting.iter().map(|words| (words[1], words[2]));
                    self.placed = Some(live_apart(lifetimes.collect()));
                }
            }
        }
        let words = match self.waiting.pop_front() {
            Some(words) => Some(words),
            None => self.next_words()?,
        };
        Ok(words.map(|words| self.row(words)))
    }
}

/// Whether no two jobs of these births and deaths live at once, so that one address is a valid
/// place for all. O(n log n).
pub fn live_apart(mut lifetimes: Vec<(u64, u64)>) -> bool {
    lifetimes.retain(|(birth, death)| birth < death);
    lifetimes.sort_unstable();
    lifetimes.windows(2).all(|pair| pair[0].1 <= pair[1].0)
}

const NO_NUMBER: &str = "an id that is no number";

/// What of a job the format cannot say so that it matters to a placement.
pub fn unsayable(job: &Job) -> Option<&'static str> {
    if matches!(job.id, JobId::Text(_)) {
        Some(NO_NUMBER)
    } else if !job.gaps().is_empty() {
        Some("gaps")
    } else if job.group().is_some() {
        Some("a group")
    } else {
        None
    }
}

/// Streaming writer.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// A writer onto `output`, which should be buffered.
    pub fn new(output: W) -> Self {
        Writer { output, written: 0 }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// [`FormatError::Io`] from the output; [`FormatError::Malformed`] for what
    /// the format cannot say: an id that is no number, gaps, a group.
    pub fn write(&mut self, job: &Job, offset: Option<u64>) -> Result<(), FormatError> {
        let JobId::Number(id) = job.id else {
            return Err(self.cannot_hold(job, NO_NUMBER));
        };
        if let Some(what) = unsayable(job) {
            return Err(self.cannot_hold(job, what));
        }
        let alignment = if job.alignment == 1 { 0 } else { job.alignment };
        let offset = offset.unwrap_or(NOT_PLACED);
        let words: Words = [
            id,
            job.birth,
            job.death,
            job.size,
            job.heap,
            offset,
            alignment,
            job.requested,
        ];
        let mut bytes = [0u8; RECORD];
        BigEndian::write_u64_into(&words, &mut bytes);
        self.output.write_all(&bytes)?;
        self.written += 1;
        Ok(())
    }

    fn cannot_hold(&self, job: &Job, why: &str) -> FormatError {
        let place = Place::Record {
            number: self.written + 1,
            at: self.written * RECORD as u64,
        };
        FormatError::malformed(place, format!("job {}: a .plc cannot hold {why}", job.id))
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}
