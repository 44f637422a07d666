//! Writing an offline plan into a model.
//!
//! Where the model has a plan of the right length already, its offsets are overwritten. Else one
//! block is put in behind the eight bytes that a model begins with: a root table that refers
//! to all that the old one did, the two vectors `buffers` and `metadata` with one element more,
//! and what these are. Offsets in flatbuffers are relative, so what follows moves
//! as a whole and stays as it is; the block is a multiple of 64 bytes, so alignments stay too.

use super::ModelError;
use super::flatbuffer::{Table, Vector};
use super::model::{MOST_BYTES, Model, PLAN};
use super::requests::{ALIGNMENT, Plan};

/// Fields of the schema's Model, all offsets but the first, which is the version.
const FIELDS: usize = 10;
const SUBGRAPHS: usize = 2;
const BUFFERS: usize = 4;
const METADATA: usize = 6;

/// Where the block goes.
const HEADER: usize = 8;

/// The block's length is a multiple of this, as no content is aligned to more.
const MOST_ALIGNED: usize = 64;

impl Model<'_> {
    /// The model with this offline plan: one offset a tensor, over all subgraphs, in bytes;
    /// `None` for what is planned at run time. O(n).
    ///
    /// # Errors
    /// [`ModelError`] where an offset is not below 2^31, the model has what cannot be moved, or
    /// the file becomes too large.
    ///
    /// # Panics
    /// If there is not one offset a tensor.
    pub fn with_plan(&self, offsets: &[Option<u64>]) -> Result<Vec<u8>, ModelError> {
        assert_eq!(offsets.len(), self.tensors.len(), "one offset a tensor");
        let content = self.content_of_plan(offsets)?;
        let old = self.file.bytes();
        if let Some(plan) = self.plan.as_ref().filter(|plan| plan.is_alone) {
            let mut new = old.to_vec();
            new[plan.at..plan.at + content.len()].copy_from_slice(&content);
            if self.differs_in_plan_only(&new, offsets) {
                return Ok(new);
            }
        }
        self.can_be_moved()?;
        // How far the rest moves is known once the block is there.
        let length = self.block(&content, 0)?.len();
        let block = self.block(&content, length)?;
        if old.len() + block.len() > MOST_BYTES {
            let what = "with the plan, the model takes more than 2^31 - 1 bytes";
            return Err(ModelError::at(old.len(), what));
        }
        let mut new = Vec::with_capacity(old.len() + block.len());
        // The root table lies behind its vtable.
        let root = HEADER + vtable_bytes(FIELDS);
        new.extend((root as u32).to_le_bytes());
        new.extend(&old[4..HEADER]);
        new.extend(block);
        new.extend(&old[HEADER..]);
        if self.differs_in_plan_only(&new, offsets) {
            Ok(new)
        } else {
            let what = "a model whose parts overlap, in which no plan can be put";
            Err(ModelError::at(self.root.at(), what))
        }
    }

    /// The words of a plan, as bytes.
    fn content_of_plan(&self, offsets: &[Option<u64>]) -> Result<Vec<u8>, ModelError> {
        let words = [0, self.subgraphs.len() as u32, self.tensors.len() as u32];
        let mut content: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
        for offset in offsets {
            let word = offset.map_or(Ok(-1), i32::try_from).map_err(|_| {
                let what = format!("an offset of {} bytes, above 2^31 - 1", offset.unwrap_or(0));
                ModelError::at(self.root.at(), what)
            })?;
            content.extend(word.to_le_bytes());
        }
        Ok(content)
    }

    /// Whether a model asks for the same memory as this, and has this plan.
    fn differs_in_plan_only(&self, new: &[u8], offsets: &[Option<u64>]) -> bool {
        let Ok(new) = Model::parse(new) else {
            return false;
        };
        let words = offsets
            .iter()
            .map(|offset| offset.map_or(-1, |offset| offset as i32));
        let plan = new.plan.as_ref().map(|plan| plan.offsets.iter().copied());
        let is_planned = plan.is_some_and(|plan| plan.eq(words));
        let asked = |model: &Model<'_>| model.requests(None, Plan::Dropped).ok();
        is_planned
            && asked(self).map(|all| all.all().to_vec())
                == asked(&new).map(|all| all.all().to_vec())
    }

    fn can_be_moved(&self) -> Result<(), ModelError> {
        let bad = |what: &str| Err(ModelError::at(self.root.at(), what));
        if self.has_far_content {
            return bad("a model with content at fixed positions, which no plan can be put before");
        }
        if self.root.fields() > FIELDS {
            return bad("a model with fields that are not known, which no plan can be put before");
        }
        Ok(())
    }

    /// What is put in at [`HEADER`], if the rest moves so many bytes.
    fn block(&self, plan: &[u8], moved: usize) -> Result<Vec<u8>, ModelError> {
        let mut block = Block {
            bytes: Vec::new(),
            moved,
        };
        let root = block.table(FIELDS);
        block.set_u32(root + 4, self.root.u32(0)?);
        for field in (1..FIELDS).filter(|field| ![BUFFERS, METADATA].contains(field)) {
            match self.root.target(field)? {
                Some(target) => block.refer_to_old(root + 4 + 4 * field, target),
                None => block.leave_out(root, FIELDS, field),
            }
        }
        debug_assert!(
            self.root.target(SUBGRAPHS)?.is_some(),
            "a model has subgraphs"
        );
        let buffers = old_tables(self.root, BUFFERS)?;
        let new_buffer = block.vector(root + 4 + 4 * BUFFERS, &buffers);
        let entries = old_tables(self.root, METADATA)?;
        let entries: Vec<Table<'_>> = entries
            .into_iter()
            .filter(|entry| entry.text(0).ok() != Some(PLAN))
            .collect();
        let new_entry = block.vector(root + 4 + 4 * METADATA, &entries);
        let entry = block.table(2);
        block.refer(new_entry, entry);
        block.set_u32(entry + 8, buffers.len() as u32);
        block.content(entry + 4, PLAN, 4);
        block.bytes.push(0);
        let buffer = block.table(1);
        block.refer(new_buffer, buffer);
        block.content(buffer + 4, plan, ALIGNMENT as usize);
        block.align(MOST_ALIGNED, 0, 0);
        Ok(block.bytes)
    }
}

fn old_tables<'a>(root: Table<'a>, field: usize) -> Result<Vec<Table<'a>>, ModelError> {
    let vector = root.vector(field, 4)?;
    vector.map_or(Ok(Vec::new()), |vector: Vector<'_>| {
        vector.tables().collect()
    })
}

const fn vtable_bytes(fields: usize) -> usize {
    // A vtable begins with its own and its table's size; tables are aligned to four bytes.
    (4 + 2 * fields).next_multiple_of(4)
}

/// The block; positions are within it.
struct Block {
    bytes: Vec<u8>,
    moved: usize,
}

impl Block {
    fn set_u32(&mut self, at: usize, value: u32) {
        self.bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// Lets the offset at a position lead forward to another one of the block.
    fn refer(&mut self, at: usize, target: usize) {
        self.set_u32(at, (target - at) as u32);
    }

    /// Lets the offset at a position lead to what stood at one of the old file.
    fn refer_to_old(&mut self, at: usize, target: usize) {
        // Both lie below 2^31, so what leads back, before the block is as long as it
        // will be, is cut short only then.
        let target = target + self.moved;
        self.set_u32(at, target.wrapping_sub(HEADER + at) as u32);
    }

    /// Adds zeros until the file's length, and so much more, is a multiple of an alignment.
    fn align(&mut self, alignment: usize, more: usize, header: usize) {
        let length = self.bytes.len();
        let aligned = (header + length + more).next_multiple_of(alignment) - header - more;
        self.bytes.resize(aligned, 0);
    }

    /// Adds a table of fields of four bytes, all there, and its vtable before it.
    fn table(&mut self, fields: usize) -> usize {
        self.align(4, 0, HEADER);
        let vtable = self.bytes.len();
        let sizes = [4 + 2 * fields, 4 + 4 * fields];
        let slots = (0..fields).map(|field| 4 + 4 * field);
        for word in sizes.into_iter().chain(slots) {
            self.bytes.extend((word as u16).to_le_bytes());
        }
        let at = vtable + vtable_bytes(fields);
        self.bytes.resize(at + 4 + 4 * fields, 0);
        self.set_u32(at, (at - vtable) as u32);
        at
    }

    /// Makes a field of a table its default.
    fn leave_out(&mut self, table: usize, fields: usize, field: usize) {
        let slot = table - vtable_bytes(fields) + 4 + 2 * field;
        self.bytes[slot..slot + 2].fill(0);
    }

    /// Adds a vector of references to old tables and one to come, whose position is returned.
    fn vector(&mut self, referred_from: usize, old: &[Table<'_>]) -> usize {
        self.align(4, 0, HEADER);
        let at = self.bytes.len();
        self.refer(referred_from, at);
        self.bytes.extend((old.len() as u32 + 1).to_le_bytes());
        let first = self.bytes.len();
        self.bytes.resize(first + 4 * (old.len() + 1), 0);
        for (place, table) in old.iter().enumerate() {
            self.refer_to_old(first + 4 * place, table.at());
        }
        first + 4 * old.len()
    }

    /// Adds a vector of bytes, of which the first is aligned so.
    fn content(&mut self, referred_from: usize, content: &[u8], alignment: usize) {
        self.align(alignment, 4, HEADER);
        let at = self.bytes.len();
        self.refer(referred_from, at);
        self.bytes.extend((content.len() as u32).to_le_bytes());
        self.bytes.extend(content);
    }
}
