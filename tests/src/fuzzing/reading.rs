//! What the targets share: input that comes in drops, and rows read to the end.

use std::io::{self, Read};

use common::csv::Layout;
use common::error::FormatError;
use common::format::Format;
use common::input::{Reading, rows};
use common::row::Row;

/// Gives a few bytes a read, and is interrupted before each.
pub(super) struct Drops<'a> {
    bytes: &'a [u8],
    most: usize,
    interrupted: bool,
}

impl<'a> Drops<'a> {
    /// The size of the drops follows from the bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Drops {
            bytes,
            most: 1 + bytes.len() % 70,
            interrupted: false,
        }
    }
}

impl Read for Drops<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted ^= true;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let some = self.bytes.len().min(self.most);
        let read = self.bytes[..some].as_ref().read(buffer)?;
        self.bytes = &self.bytes[read..];
        Ok(read)
    }
}

/// All rows, and the columns where the input is a CSV.
pub(super) type Table = (Vec<Row>, Option<Layout>);

/// Reads to the end; what stops it, in words.
pub(super) fn table(input: impl Read, format: Format, reading: &Reading) -> Result<Table, String> {
    let read = || -> Result<Table, FormatError> {
        let mut source = rows(input, format, reading)?;
        let mut table = Vec::new();
        while let Some(row) = source.next_row()? {
            table.push(row);
        }
        let layout = source.layout().cloned();
        Ok((table, layout))
    };
    read().map_err(|error| one_line(&error))
}

/// An error with its causes, as a program tells it.
pub(super) fn one_line(error: &FormatError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| {
        error.source()
    });
    let text: Vec<_> = causes.map(ToString::to_string).collect();
    text.join(": ")
}

/// Reads at once and in drops: the same comes out.
pub(super) fn table_however_read(
    bytes: &[u8],
    format: Format,
    reading: &Reading,
) -> Result<Table, String> {
    let table = table(bytes, format, reading);
    assert_eq!(table, self::table(Drops::new(bytes), format, reading));
    table
}

/// Rows without their places, which differ from file to file.
pub(super) fn anywhere(mut rows: Vec<Row>) -> Vec<Row> {
    for row in &mut rows {
        row.place = common::error::Place::Byte(0);
    }
    rows
}
