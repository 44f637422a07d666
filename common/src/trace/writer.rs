//! Writing `.trc` from a program that may allocate: generators and tests. The
//! tracer writes in place, by the same [`wire`](super::wire) encoding.

use std::io::{self, Write};

use super::wire::{self, Call, MAX_RECORD};

/// Writes records one behind another.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
}

impl<W: Write> Writer<W> {
    /// A writer onto `output`, which should be buffered.
    pub fn new(output: W) -> Self {
        Writer { output }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, call: &Call) -> io::Result<()> {
        let mut bytes = [0; MAX_RECORD];
        let len = wire::encode(call, &mut bytes);
        self.output.write_all(&bytes[..len])
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
