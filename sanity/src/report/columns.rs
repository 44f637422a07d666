//! Columns of numbers for the page, packed: a column is its smallest value and
//! the bytes of what its values are above that, byte by byte from the lowest,
//! all lowest bytes first. Sorted or small numbers then deflate well, and a
//! page unpacks a byte plane in one pass without knowing of 64-bit numbers.

use std::io::{self, Write};

use serde::Serialize;

/// What a page must know to read one column.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Column {
    name: &'static str,
    /// Bytes a value, 0 to 8.
    width: usize,
    /// The smallest value; text, as a page's numbers end at 2^53.
    base: String,
}

/// Columns of one length, one after the other.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) heads: Vec<Column>,
    values: Vec<(u64, Vec<u64>)>,
}

impl Columns {
    /// Appends a column.
    pub(super) fn push(&mut self, name: &'static str, values: impl Iterator<Item = u64>) {
        let values: Vec<u64> = values.collect();
        let base = values.iter().copied().min().unwrap_or(0);
        let largest = values.iter().copied().max().unwrap_or(0) - base;
        self.heads.push(Column {
            name,
            width: (64 - largest.leading_zeros() as usize).div_ceil(8),
            base: base.to_string(),
        });
        self.values.push((base, values));
    }

    /// Writes the planes of all columns.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn write(&self, output: &mut impl Write) -> io::Result<()> {
        let mut plane = Vec::new();
        for (head, (base, values)) in self.heads.iter().zip(&self.values) {
            for byte in 0..head.width {
                plane.clear();
                plane.extend(
                    values
                        .iter()
                        .map(|value| ((value - base) >> (8 * byte)) as u8),
                );
                output.write_all(&plane)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_its_base_and_as_many_planes_as_its_range_needs() {
        let mut columns = Columns::default();
        columns.push("a", [1000, 1255, 1001].into_iter());
        columns.push("b", [7, 7, 7].into_iter());
        columns.push("c", [0, 256, u64::MAX].into_iter());
        let widths: Vec<usize> = columns.heads.iter().map(|head| head.width).collect();
        assert_eq!(widths, [1, 0, 8]);
        let mut bytes = Vec::new();
        columns.write(&mut bytes).expect("memory takes it");
        assert_eq!(bytes.len(), 3 + 24);
        assert_eq!(bytes[..9], [0, 255, 1, 0, 0, 255, 0, 1, 255]);
    }
}
