//! The blocks that are live, by address, and whether a new one meets any.
//!
//! Live blocks are disjoint, so along the address space their first and last
//! bytes alternate. Two bits a granule, "a block begins here" and "a block ends
//! here", therefore tell whether a range is free without a look at the blocks:
//! it is unless a granule in it is marked, or the last marked one before it is
//! marked as a beginning only. That is exact as long as every block begins at
//! the start of a granule.
//!
//! The marks lie in pages of 256 granules, a cache line each, found by hashing
//! and there only while marked. Above them is a radix tree with hashed levels,
//! as in van Emde Boas's tree with a fan-out of 64: a word of level 1 has a bit
//! for each of 64 neighbouring pages, a word of level 2 one for each word of
//! level 1, and so on. O(1) a block, and one look a level where the nearest mark
//! is far. Memory: O(live blocks).
//!
//! A granule is 16 bytes, as malloc aligns, until an address comes that is not
//! aligned so: then all is marked anew with granules of 8 bytes, or of 1.

use rustc_hash::FxHashMap;

/// Bits of a page's number that one level above the pages resolves.
const BITS: u32 = 6;
/// Bits of a granule's number that a page resolves.
const PAGE_BITS: u32 = 8;
const WORDS: usize = 4;

/// What is live at an address.
pub(super) trait Extent: Copy {
    /// Bytes; at least 1.
    fn size(&self) -> u64;
}

#[derive(Clone, Copy, Default)]
struct Page {
    begins: [u64; WORDS],
    ends: [u64; WORDS],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Begin,
    End,
}

impl Page {
    fn word(&mut self, granule: u64, mark: Mark) -> &mut u64 {
        match mark {
            Mark::Begin => &mut self.begins[word(granule)],
            Mark::End => &mut self.ends[word(granule)],
        }
    }

    fn is_empty(&self) -> bool {
        self.begins == [0; WORDS] && self.ends == [0; WORDS]
    }

    /// The last marked place at or before a granule's.
    #[inline]
    fn last_to(&self, granule: u64) -> Option<(u64, Mark)> {
        let mut below = u64::MAX >> (63 - (granule & 63));
        for word in (0..=word(granule)).rev() {
            let marked = (self.begins[word] | self.ends[word]) & below;
            if let Some(highest) = highest(marked) {
                let ends = self.ends[word] & bit(highest) != 0;
                let mark = if ends { Mark::End } else { Mark::Begin };
                return Some(((word as u64) << 6 | highest, mark));
            }
            below = u64::MAX;
        }
        None
    }
}

/// Disjoint blocks by address.
pub(super) struct Blocks<T> {
    blocks: FxHashMap<u64, T>,
    granule_bits: u32,
    pages: FxHashMap<u64, Page>,
    /// Level 1 and up.
    levels: Vec<FxHashMap<u64, u64>>,
}

impl<T: Extent> Default for Blocks<T> {
    fn default() -> Self {
        Blocks::with_granules(4)
    }
}

impl<T: Extent> Blocks<T> {
    fn with_granules(granule_bits: u32) -> Self {
        let levels = (u64::BITS - granule_bits - PAGE_BITS).div_ceil(BITS);
        Blocks {
            blocks: FxHashMap::default(),
            granule_bits,
            pages: FxHashMap::default(),
            levels: (0..levels).map(|_| FxHashMap::default()).collect(),
        }
    }

    /// How many blocks there are.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Adds a block where [`Blocks::overlapped`] says that there is none.
    #[inline]
    pub(super) fn insert(&mut self, address: u64, block: T) {
        self.align(address);
        let (first, last) = self.granules(address, block);
        let number = first >> PAGE_BITS;
        if number == last >> PAGE_BITS
            && let Some(page) = self.pages.get_mut(&number)
        {
            *page.word(first, Mark::Begin) |= bit(first);
            *page.word(last, Mark::End) |= bit(last);
        } else {
            self.mark(first, Mark::Begin);
            self.mark(last, Mark::End);
        }
        self.blocks.insert(address, block);
    }

    /// Takes the block at an address out.
    #[inline]
    pub(super) fn remove(&mut self, address: u64) -> Option<T> {
        let block = self.blocks.remove(&address)?;
        let (first, last) = self.granules(address, block);
        let number = first >> PAGE_BITS;
        if number == last >> PAGE_BITS
            && let Some(page) = self.pages.get_mut(&number)
        {
            *page.word(first, Mark::Begin) &= !bit(first);
            *page.word(last, Mark::End) &= !bit(last);
            if page.is_empty() {
                self.remove_page(number);
            }
        } else {
            self.unmark(first, Mark::Begin);
            self.unmark(last, Mark::End);
        }
        Some(block)
    }

    /// The address of the last block that has a byte in a range; `size` is at
    /// least 1.
    #[inline]
    pub(super) fn overlapped(&mut self, address: u64, size: u64) -> Option<u64> {
        self.align(address);
        let first = address >> self.granule_bits;
        let last = address.saturating_add(size - 1) >> self.granule_bits;
        let (marked, mark) = self.last_mark(last)?;
        if marked < first && mark == Mark::End {
            return None;
        }
        let begin = match mark {
            Mark::Begin => marked,
            Mark::End if self.is_begin(marked) => marked,
            Mark::End => self.last_mark(marked.checked_sub(1)?)?.0,
        };
        Some(begin << self.granule_bits)
    }

    /// Every block with its address, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&u64, &T)> + '_ {
        self.blocks.iter()
    }

    /// Every block with its address, in no order; leaves none.
    pub(super) fn take_all(&mut self) -> FxHashMap<u64, T> {
        std::mem::take(self).blocks
    }

    /// The granules of a block's first and last byte.
    fn granules(&self, address: u64, block: T) -> (u64, u64) {
        let last = address.saturating_add(block.size() - 1);
        (address >> self.granule_bits, last >> self.granule_bits)
    }

    /// Makes the granules so fine that one begins at an address.
    #[inline]
    fn align(&mut self, address: u64) {
        if address.trailing_zeros() < self.granule_bits {
            self.refine(if address.is_multiple_of(8) { 3 } else { 0 });
        }
    }

    #[cold]
    fn refine(&mut self, granule_bits: u32) {
        let mut finer = Blocks::with_granules(granule_bits);
        for (address, block) in self.take_all() {
            finer.insert(address, block);
        }
        *self = finer;
    }

    fn is_begin(&self, granule: u64) -> bool {
        let page = self.pages.get(&(granule >> PAGE_BITS));
        page.is_some_and(|page| page.begins[word(granule)] & bit(granule) != 0)
    }

    fn mark(&mut self, granule: u64, mark: Mark) {
        let number = granule >> PAGE_BITS;
        if let Some(page) = self.pages.get_mut(&number) {
            *page.word(granule, mark) |= bit(granule);
            return;
        }
        let mut page = Page::default();
        *page.word(granule, mark) |= bit(granule);
        self.add_page(number, page);
    }

    fn unmark(&mut self, granule: u64, mark: Mark) {
        let number = granule >> PAGE_BITS;
        if let Some(page) = self.pages.get_mut(&number) {
            *page.word(granule, mark) &= !bit(granule);
            if page.is_empty() {
                self.remove_page(number);
            }
        }
    }

    #[inline(never)]
    fn add_page(&mut self, number: u64, page: Page) {
        self.pages.insert(number, page);
        let mut key = number;
        for level in &mut self.levels {
            let word = level.entry(key >> BITS).or_default();
            let was_empty = *word == 0;
            *word |= 1 << (key & 63);
            if !was_empty {
                break;
            }
            key >>= BITS;
        }
    }

    #[inline(never)]
    fn remove_page(&mut self, number: u64) {
        self.pages.remove(&number);
        let mut key = number;
        for level in &mut self.levels {
            let word = level.entry(key >> BITS).or_default();
            *word &= !(1 << (key & 63));
            if *word != 0 {
                break;
            }
            level.remove(&(key >> BITS));
            key >>= BITS;
        }
    }

    /// The last marked granule at or before one, and whether a block ends there.
    #[inline]
    fn last_mark(&self, granule: u64) -> Option<(u64, Mark)> {
        let number = granule >> PAGE_BITS;
        let page = self.pages.get(&number);
        match page.and_then(|page| page.last_to(granule)) {
            Some((place, mark)) => Some((number << PAGE_BITS | place, mark)),
            None => self.last_mark_before_page(number),
        }
    }

    fn last_mark_before_page(&self, number: u64) -> Option<(u64, Mark)> {
        let mut key = number;
        for (height, level) in self.levels.iter().enumerate() {
            let below = (1 << (key & 63)) - 1;
            let word = level.get(&(key >> BITS)).map_or(0, |word| word & below);
            key >>= BITS;
            if let Some(bit) = highest(word) {
                return self.last_mark_under(key << BITS | bit, height);
            }
        }
        None
    }

    /// The last marked granule under a word of a level, of which 0 is the pages.
    fn last_mark_under(&self, mut key: u64, height: usize) -> Option<(u64, Mark)> {
        for level in self.levels[..height].iter().rev() {
            key = key << BITS | highest(*level.get(&key)?)?;
        }
        let (place, mark) = self.pages.get(&key)?.last_to(u64::MAX)?;
        Some((key << PAGE_BITS | place, mark))
    }
}

/// Which word of a page is a granule's.
fn word(granule: u64) -> usize {
    (granule >> 6) as usize % WORDS
}

/// A granule's bit in its word.
fn bit(granule: u64) -> u64 {
    1 << (granule & 63)
}

fn highest(word: u64) -> Option<u64> {
    word.checked_ilog2().map(u64::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Blocks, Extent};

    impl Extent for u64 {
        fn size(&self) -> u64 {
            *self
        }
    }

    fn ranges() -> impl Strategy<Value = (u64, u64)> {
        // Close together, far apart, and at the very end; now and then unaligned.
        let address = prop_oneof![
            12 => (0u64..600).prop_map(|at| 0x7f00_0000_0000 + 16 * at),
            6 => (0u64..16).prop_map(|at| (at << 44) + 16 * at),
            1 => (0u64..64).prop_map(|at| 0x1000 + 8 * at),
            1 => (0u64..64).prop_map(|at| u64::MAX - at),
        ];
        let size = prop_oneof![4 => 1u64..200, 1 => 1u64..20_000, 1 => any::<u64>().prop_map(|size| size | 1)];
        (address, size)
    }

    /// How many blocks come and go.
    const STEPS: usize = if cfg!(miri) { 20 } else { 200 };

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn overlaps_are_those_that_comparing_all_blocks_finds(
            steps in proptest::collection::vec((ranges(), any::<bool>()), 0..STEPS),
        ) {
            let (mut blocks, mut sorted) = (Blocks::default(), BTreeMap::new());
            for ((address, size), keep) in steps {
                let last = address.saturating_add(size - 1);
                loop {
                    let overlapped = sorted
                        .iter()
                        .filter(|&(&other, &of)| {
                            other <= last && u64::saturating_add(other, of - 1) >= address
                        })
                        .map(|(&other, _)| other)
                        .next_back();
                    prop_assert_eq!(blocks.overlapped(address, size), overlapped);
                    let Some(other) = overlapped else { break };
                    prop_assert_eq!(blocks.remove(other), sorted.remove(&other));
                }
                prop_assert_eq!(blocks.remove(address), None);
                if keep {
                    blocks.insert(address, size);
                    sorted.insert(address, size);
                }
                prop_assert_eq!(blocks.len(), sorted.len());
            }
            let all: BTreeMap<u64, u64> = blocks.take_all().into_iter().collect();
            prop_assert_eq!(all, sorted);
        }

        #[test]
        fn no_page_outlives_its_blocks(ranges in proptest::collection::vec(ranges(), 0..STEPS / 4)) {
            let mut blocks = Blocks::default();
            let mut taken = Vec::new();
            for (address, size) in ranges {
                if blocks.overlapped(address, size).is_none() {
                    blocks.insert(address, size);
                    taken.push(address);
                }
            }
            for address in taken {
                prop_assert!(blocks.remove(address).is_some());
            }
            prop_assert!(blocks.pages.is_empty());
            prop_assert!(blocks.levels.iter().all(|level| level.is_empty()));
        }
    }
}
