//! Reading a flatbuffer without trusting it: every position is checked against the file's
//! length before it is read. All numbers are little-endian; positions are bytes from the
//! start of the file. Source: the format's description at flatbuffers.dev/internals.

use super::ModelError;

/// A whole file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flatbuffer<'a> {
    bytes: &'a [u8],
}

/// A table: a position, and a vtable that says where its fields are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    file: Flatbuffer<'a>,
    at: usize,
    vtable: usize,
    fields: usize,
}

/// A vector whose elements lie within the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector<'a> {
    file: Flatbuffer<'a>,
    first: usize,
    length: usize,
}

impl<'a> Flatbuffer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Flatbuffer { bytes }
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The table at which the file begins.
    pub(super) fn root(self) -> Result<Table<'a>, ModelError> {
        let at = self.follow(0)?;
        self.table(at)
    }

    fn array<const N: usize>(self, at: usize) -> Result<[u8; N], ModelError> {
        let end = at.checked_add(N);
        end.and_then(|end| self.bytes.get(at..end))
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| {
                let length = self.bytes.len();
                ModelError::at(at, format!("the file ends here, after {length} bytes"))
            })
    }

    pub(super) fn u32(self, at: usize) -> Result<u32, ModelError> {
        self.array(at).map(u32::from_le_bytes)
    }

    fn u16(self, at: usize) -> Result<u16, ModelError> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// Where the forward offset at a position leads.
    fn follow(self, at: usize) -> Result<usize, ModelError> {
        let offset = self.u32(at)? as usize;
        match at.checked_add(offset) {
            Some(target) if offset != 0 && target < self.bytes.len() => Ok(target),
            _ => Err(ModelError::at(
                at,
                format!("an offset of {offset} leads out of the file"),
            )),
        }
    }

    fn table(self, at: usize) -> Result<Table<'a>, ModelError> {
        let back = i64::from(self.array(at).map(i32::from_le_bytes)?);
        let bad = || {
            ModelError::at(
                at,
                format!("a table whose vtable is {back} bytes before it"),
            )
        };
        let vtable = usize::try_from(at as i64 - back).map_err(|_| bad())?;
        let size = usize::from(self.u16(vtable).map_err(|_| bad())?);
        if size < 4 || size % 2 != 0 || vtable + size > self.bytes.len() {
            return Err(ModelError::at(vtable, format!("a vtable of {size} bytes")));
        }
        Ok(Table {
            file: self,
            at,
            vtable,
            fields: (size - 4) / 2,
        })
    }

    fn vector(self, at: usize, element: usize) -> Result<Vector<'a>, ModelError> {
        let length = self.u32(at)? as usize;
        let first = at + 4;
        let bytes = length.checked_mul(element);
        if bytes.is_none_or(|bytes| bytes > self.bytes.len() - first) {
            let what = format!("a vector of {length} elements does not fit into the file");
            return Err(ModelError::at(at, what));
        }
        Ok(Vector {
            file: self,
            first,
            length,
        })
    }
}

impl<'a> Table<'a> {
    pub(super) fn at(self) -> usize {
        self.at
    }

    /// How many fields its vtable knows.
    pub(super) fn fields(self) -> usize {
        self.fields
    }

    /// Where a field stands; `None` where it has its default.
    fn slot(self, field: usize) -> Result<Option<usize>, ModelError> {
        if field >= self.fields {
            return Ok(None);
        }
        let offset = usize::from(self.file.u16(self.vtable + 4 + 2 * field)?);
        Ok((offset != 0).then_some(self.at + offset))
    }

    fn number<const N: usize>(self, field: usize) -> Result<[u8; N], ModelError> {
        match self.slot(field)? {
            Some(at) => self.file.array(at),
            None => Ok([0; N]),
        }
    }

    /// A byte; 0 by default, as all numbers.
    pub(super) fn u8(self, field: usize) -> Result<u8, ModelError> {
        self.number(field).map(|[byte]| byte)
    }

    pub(super) fn u32(self, field: usize) -> Result<u32, ModelError> {
        self.number(field).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, field: usize) -> Result<u64, ModelError> {
        self.number(field).map(u64::from_le_bytes)
    }

    /// Where the offset in a field leads.
    pub(super) fn target(self, field: usize) -> Result<Option<usize>, ModelError> {
        let slot = self.slot(field)?;
        slot.map(|at| self.file.follow(at)).transpose()
    }

    pub(super) fn table(self, field: usize) -> Result<Option<Table<'a>>, ModelError> {
        let target = self.target(field)?;
        target.map(|at| self.file.table(at)).transpose()
    }

    /// A vector of elements of so many bytes each.
    pub(super) fn vector(
        self,
        field: usize,
        element: usize,
    ) -> Result<Option<Vector<'a>>, ModelError> {
        let target = self.target(field)?;
        target.map(|at| self.file.vector(at, element)).transpose()
    }

    /// A text, which may be anything but UTF-8; empty by default.
    pub(super) fn text(self, field: usize) -> Result<&'a [u8], ModelError> {
        Ok(self.vector(field, 1)?.map_or(&[], Vector::bytes))
    }
}

impl<'a> Vector<'a> {
    pub(super) fn len(self) -> usize {
        self.length
    }

    /// The position of the first element.
    pub(super) fn first(self) -> usize {
        self.first
    }

    /// Of a vector of bytes.
    pub(super) fn bytes(self) -> &'a [u8] {
        &self.file.bytes[self.first..self.first + self.length]
    }

    /// Of a vector of four bytes each.
    pub(super) fn u32s(self) -> impl Iterator<Item = u32> + use<'a> {
        let bytes = &self.file.bytes[self.first..self.first + 4 * self.length];
        bytes
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("a chunk of four bytes")))
    }

    /// Of a vector of offsets to tables.
    pub(super) fn tables(self) -> impl Iterator<Item = Result<Table<'a>, ModelError>> + use<'a> {
        (0..self.length).map(move |index| self.table(index))
    }

    pub(super) fn table(self, index: usize) -> Result<Table<'a>, ModelError> {
        let at = self.file.follow(self.first + 4 * index)?;
        self.file.table(at)
    }
}
