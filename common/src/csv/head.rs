//! What precedes the rows of a CSV: byte order marks, blank lines, comments, and
//! the header line, which tells the delimiter.

use std::io::{self, Read};

use crate::layout::Layout;
use crate::limits::HEADER;
use crate::units::whole_number;

/// Bytes that are read at a time.
const CHUNK: u64 = 8 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a comment begins with, at the start of a line.
pub(super) const COMMENT: u8 = b'#';

/// The start of a CSV, up to its header and whatever was read behind it.
#[derive(Default)]
pub(super) struct Head {
    /// The bytes from the header on; none where there is no header.
    pub(super) bytes: Vec<u8>,
    /// Lines before the header.
    pub(super) skipped: u64,
    /// What separates the columns.
    pub(super) delimiter: u8,
    /// Whether lines end in CR alone, as on old Macs. The CSV reader would take all
    /// that follows for the comment, so there are none.
    pub(super) ends_in_cr: bool,
    /// The number in omnimalloc's first line, `# pool_offset=N`.
    pub(super) pool_offset: Option<u64>,
}

impl Head {
    /// Reads up to the header line, and to its end unless it is longer than
    /// [`HEADER`]. O(length), and no line but the header is kept.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn read(mut input: impl Read) -> io::Result<Head> {
        let mut head = Head::default();
        let mut bytes = Vec::new();
        let (mut at, mut scanned) = (0, 0);
        let mut more = |bytes: &mut Vec<u8>| input.by_ref().take(CHUNK).read_to_end(bytes);
        let is_whole = loop {
            let Some(length) = first_end(&bytes[scanned..]) else {
                if bytes.len() - at > HEADER {
                    break false;
                }
                drop(bytes.drain(..at));
                (at, scanned) = (0, bytes.len());
                if more(&mut bytes)? == 0 {
                    break true;
                }
                continue;
            };
            let end = scanned + length;
            let line = unmarked(&bytes[at..end]);
            if !is_passed_over(line) {
                break true;
            }
            head.pool_offset = head.pool_offset.or_else(|| pool_offset(line));
            head.skipped += u64::from(bytes[end] == b'\n');
            (at, scanned) = (end + 1, end + 1);
        };
        let rest = unmarked(&bytes[at..]);
        // The last line, which lacks its end.
        if is_whole && is_passed_over(&rest[..first_end(rest).unwrap_or(rest.len())]) {
            head.pool_offset = head.pool_offset.or_else(|| pool_offset(rest));
            return Ok(head);
        }
        let marks = bytes.len() - at - rest.len();
        drop(bytes.drain(..at + marks));
        let end = header(&bytes).len();
        if bytes.len() == end + 1 {
            more(&mut bytes)?;
        }
        head.delimiter = Layout::delimiter(&bytes[..end]);
        head.ends_in_cr = bytes.get(end) == Some(&b'\r') && bytes.get(end + 1) != Some(&b'\n');
        head.bytes = bytes;
        Ok(head)
    }
}

/// Whether the first bytes of a file hold the header of a CSV.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    Head::read(bytes).is_ok_and(|head| Layout::is_header(header(&head.bytes), head.delimiter))
}

/// The header line at the start of `bytes`, which a name in quotes may spread over several.
fn header(bytes: &[u8]) -> &[u8] {
    let mut is_quoted = false;
    let end = bytes.iter().position(|&byte| {
        is_quoted ^= byte == b'"';
        !is_quoted && is_end(byte)
    });
    let end = end.or_else(|| first_end(bytes));
    &bytes[..end.unwrap_or(bytes.len())]
}

fn is_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn first_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&byte| is_end(byte))
}

/// The line without byte order marks at its start.
fn unmarked(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(BYTE_ORDER_MARK) {
        line = rest;
    }
    line
}

fn is_passed_over(line: &[u8]) -> bool {
    line.trim_ascii().is_empty() || line.first() == Some(&COMMENT)
}

fn pool_offset(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    let setting = text.strip_prefix('#')?.trim();
    whole_number(setting.strip_prefix("pool_offset=")?.trim())
}
