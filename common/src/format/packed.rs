//! Unpacking, with the place of what is wrong.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Unpacks `input` if its first bytes are those of gzip or Zstandard; gives
/// any other bytes as they are.
///
/// # Errors
/// Those of the input; of what is packed, with the byte at which it ends too
/// soon, or with how many bytes came of it before.
pub fn decompress<'a>(mut input: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut magic = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = magic.clone();
    let whole = io::Cursor::new(magic).chain(input);
    let taken = Rc::new(Taken::default());
    let packed = Packed {
        input: whole,
        taken: Rc::clone(&taken),
    };
    let decoder: Box<dyn Read + 'a> = match kind.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(packed)?),
        _ => return Ok(Box::new(packed.input)),
    };
    Ok(Box::new(Unpacked {
        decoder,
        taken,
        given: 0,
    }))
}

/// What the decoder has had of its input.
#[derive(Default)]
struct Taken {
    bytes: Cell<u64>,
    /// Whether the input itself failed.
    failed: Cell<bool>,
}

struct Packed<R> {
    input: R,
    taken: Rc<Taken>,
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = &self.taken;
        match self.input.read(buffer) {
            Ok(read) => {
                taken.bytes.set(taken.bytes.get() + read as u64);
                Ok(read)
            }
            Err(error) => {
                let again = error.kind() == io::ErrorKind::Interrupted;
                taken.failed.set(!again);
                Err(error)
            }
        }
    }
}

struct Unpacked<'a> {
    decoder: Box<dyn Read + 'a>,
    taken: Rc<Taken>,
    /// Bytes that came of it so far.
    given: u64,
}

impl Unpacked<'_> {
    fn placed(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        if self.taken.failed.get() || kind == io::ErrorKind::Interrupted {
            return error;
        }
        let what = if kind == io::ErrorKind::UnexpectedEof {
            format!("byte {}: compressed file cut short", self.taken.bytes.get())
        } else {
            // The decoder reads ahead, so where in the file is not known.
            format!("unpacked byte {}: {error}", self.given)
        };
        io::Error::new(kind, what)
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.decoder.read(buffer) {
            Ok(read) => {
                self.given += read as u64;
                Ok(read)
            }
            Err(error) => Err(self.placed(error)),
        }
    }
}
