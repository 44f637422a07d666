//! Packed input: told by its content, unpacked whole, or found to be cut short.

use std::io::{self, Read, Write as _};

use common::format::{Format, decompress, sniff};
use common::trace::Reader;

use super::reading::Drops;
use super::traced::parse;

/// More is not unpacked: a few bytes can stand for terabytes.
const MOST: u64 = 1 << 20;

/// Any bytes as packed ones, and packed.
pub fn packed(bytes: &[u8]) {
    let unpacked = unpack(bytes);
    let in_drops = unpack(Drops::new(bytes));
    assert_eq!(unpacked.as_ref().ok(), in_drops.as_ref().ok());
    let is_packed = bytes.starts_with(&[0x1f, 0x8b]) || bytes.starts_with(b"\x28\xb5\x2f\xfd");
    if !is_packed {
        assert_eq!(unpacked.expect("taken as they are"), bytes);
    }
    sniffed(bytes);
    for packed in [gzip(bytes), zstd(bytes)] {
        assert_eq!(unpack(&packed[..]).expect("packed well"), bytes);
        assert_eq!(unpack(Drops::new(&packed)).expect("packed well"), bytes);
        let twice = [&packed[..], &packed].concat();
        assert_eq!(unpack(&twice[..]).expect("two parts"), bytes.repeat(2));
        let place = bytes.iter().fold(packed.len(), |sum, &byte| {
            sum.wrapping_mul(31).wrapping_add(usize::from(byte))
        });
        cut(bytes, &packed[..4 + place % (packed.len() - 4)]);
        cut(bytes, &packed[..packed.len() - 1]);
    }
}

/// The format is told, or not, and no byte is lost.
fn sniffed(bytes: &[u8]) {
    let (format, mut whole) = sniff(Drops::new(bytes)).expect("memory does not fail");
    assert_eq!(
        format,
        Format::of_content(&bytes[..bytes.len().min(1 << 12)])
    );
    let mut read = Vec::new();
    whole.read_to_end(&mut read).expect("memory does not fail");
    assert_eq!(read, bytes);
}

/// Packed bytes that end early are an error; of a trace, what they hold is used.
fn cut(bytes: &[u8], packed: &[u8]) {
    unpack(packed).expect_err("what is cut short is not whole");
    let Ok(input) = decompress(packed) else {
        return;
    };
    let mut reader = Reader::new(input);
    let mut events = Vec::new();
    while let Ok(Some(event)) = reader.next_event() {
        events.push((event.at, event.call));
    }
    let (all, _) = parse(bytes);
    assert!(all.starts_with(&events));
}

fn unpack(input: impl Read) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    decompress(input)?.take(MOST).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory takes all");
    packer.finish().expect("memory takes all")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes all")
}
