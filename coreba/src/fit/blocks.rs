//! Blocks of neighbouring sections, such that few slabs begin or end inside one.

use crate::instance::{Items, Slab};

/// Ends of slabs that a block of several sections may have.
const BLOCK_ENDS: u32 = 256;

/// The blocks of sections.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    of_section: Vec<u32>,
    /// First section of each block, and the number of sections.
    begin: Vec<u32>,
}

impl Blocks {
    /// Blocks with few ends of slabs in each. O(n).
    pub(super) fn new(items: &Items) -> Blocks {
        let sections = items.sections();
        let mut ends = vec![0u32; sections];
        for slab in items.all_slabs() {
            ends[slab.first as usize] += 1;
            ends[slab.last as usize] += 1;
        }
        let mut blocks = Blocks {
            of_section: Vec::with_capacity(sections),
            begin: Vec::new(),
        };
        let mut sum = 0;
        for (section, &ends) in ends.iter().enumerate() {
            sum += ends;
            if section == 0 || sum > BLOCK_ENDS {
                blocks.begin.push(section as u32);
                sum = ends;
            }
            blocks.of_section.push(blocks.begin.len() as u32 - 1);
        }
        blocks.begin.push(sections as u32);
        blocks
    }

    pub(super) fn len(&self) -> usize {
        self.begin.len() - 1
    }

    /// Where a slab's sections lie.
    pub(super) fn cover(&self, slab: &Slab) -> Cover {
        let (first, last) = (slab.first, slab.last);
        let (from, to) = (
            self.of_section[first as usize],
            self.of_section[last as usize],
        );
        let starts = self.begin[from as usize] == first;
        let ends = self.begin[to as usize + 1] == last + 1;
        Cover {
            from,
            to,
            // One past the other where no block is whole.
            whole_from: from + u32::from(!starts),
            whole_to: (to + 1).saturating_sub(u32::from(!ends)),
        }
    }
}

/// The blocks that a slab touches, `from` to `to` inclusive, and those that it
/// covers whole, `whole_from` to `whole_to` exclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cover {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) whole_from: u32,
    pub(super) whole_to: u32,
}

impl Cover {
    /// The blocks covered in part: at most two.
    pub(super) fn parts(&self) -> impl Iterator<Item = u32> {
        let part = |block: u32| block < self.whole_from || block >= self.whole_to;
        let left = part(self.from).then_some(self.from);
        let right = (self.to != self.from && part(self.to)).then_some(self.to);
        left.into_iter().chain(right)
    }
}
