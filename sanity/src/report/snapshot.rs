//! A program's memory at one instant, page by page: which pages are touched, which
//! blocks lie in them, and who alone keeps those that are mostly free.

use std::collections::BTreeMap;

use common::input::Document;
use common::memory::{Memory, PAGE, Peak};

use super::classes;

/// Heaps of glibc's secondary arenas start at multiples of this.
const ARENA: u64 = 64 << 20;
/// A block from this size on gets a mapping of its own, as glibc starts out.
pub(super) const MAPPED: u64 = 128 << 10;

/// The pages at an instant.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// By size class of the requested sizes: what its blocks alone keep.
    pub(super) pins: BTreeMap<usize, Kept>,
    /// Free bytes of mostly free pages that blocks of several classes share.
    pub(super) shared: u64,
    /// Bytes of touched pages without a block.
    pub(super) empty: u64,
    /// Those of them above which there is no block in the same touched range.
    pub(super) top: u64,
    /// The ranges of touched pages without a block, by address.
    stretches: Vec<(u64, u64)>,
    /// Touched bytes of arenas' heaps, less the blocks in them, the most first.
    pub(super) arenas: Vec<u64>,
}

/// What the blocks of a class keep, which no other block does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// Blocks in pages that are mostly free and hold blocks of this class only.
    pub(super) blocks: u64,
    /// The free bytes of those pages.
    pub(super) bytes: u64,
    /// The smallest requested size among the blocks.
    pub(super) smallest: u64,
    /// The largest.
    pub(super) largest: u64,
}

/// A page in which a block begins or ends.
#[derive(Clone, Copy)]
struct Page {
    address: u64,
    live: u64,
    class: Option<usize>,
    /// Blocks that begin here.
    blocks: u64,
    /// One that began in the page before this one in the list ends here.
    ends_one: bool,
    smallest: u64,
    largest: u64,
}

/// A live block.
#[derive(Clone, Copy)]
struct Block {
    address: u64,
    size: u64,
    requested: u64,
}

impl Snapshot {
    /// The pages when a peak was reached. O(n log n) for n jobs.
    pub(super) fn at(document: &Document, memory: &Memory, peak: Peak) -> Snapshot {
        let blocks = live(document, peak);
        let mut snapshot = Snapshot::default();
        let (pages, covered) = pages(&blocks);
        snapshot.count_all(&pages);
        let touched = touched(memory, peak);
        snapshot.count_empty(&touched, &covered);
        snapshot.count_arenas(&arenas(memory, peak), &touched, &blocks);
        snapshot
    }

    fn count_all(&mut self, pages: &[Page]) {
        let mut counted = false;
        for page in pages {
            counted = self.count(page, counted);
        }
    }

    /// Counts a page that is mostly free and whose blocks are of one class, and says
    /// whether it was that; `counted` says so of the page before.
    fn count(&mut self, page: &Page, counted: bool) -> bool {
        let free = PAGE.saturating_sub(page.live);
        if free < PAGE / 2 {
            return false;
        }
        let Some(class) = page.class else {
            self.shared += free;
            return false;
        };
        let kept = self.pins.entry(class).or_insert(Kept {
            smallest: u64::MAX,
            ..Kept::default()
        });
        // A block that lies in two such pages is one.
        kept.blocks += page.blocks + u64::from(page.ends_one && !counted);
        kept.bytes += free;
        kept.smallest = kept.smallest.min(page.smallest);
        kept.largest = kept.largest.max(page.largest);
        true
    }

    /// `covered` are the ranges of pages with a block in them.
    fn count_empty(&mut self, touched: &[(u64, u64)], covered: &[(u64, u64)]) {
        let mut next = 0;
        for &(low, high) in touched {
            let mut at = low;
            while next < covered.len() && covered[next].1 <= at {
                next += 1;
            }
            let mut look = next;
            while at < high {
                let stop = match covered.get(look) {
                    Some(&(from, _)) if from < high => from.max(at),
                    _ => high,
                };
                self.empty += stop - at;
                if at < stop {
                    self.stretches.push((at, stop));
                }
                if stop == high {
                    self.top += stop - at;
                }
                match covered.get(look) {
                    Some(&(_, to)) if stop < high => at = to,
                    _ => break,
                }
                look += 1;
            }
        }
    }

    /// Bytes of empty pages that these blocks, which are gone, lay on.
    pub(super) fn left_by(&self, mut gone: Vec<(u64, u64)>) -> u64 {
        gone.sort_unstable();
        let (mut bytes, mut next, mut covered) = (0, 0, 0);
        for (low, high) in gone {
            let mut low = low.max(covered);
            covered = covered.max(high);
            while low < high && next < self.stretches.len() {
                let (from, to) = self.stretches[next];
                let part = from.max(low)..to.min(high);
                bytes += part.end.saturating_sub(part.start);
                if to > high {
                    break;
                }
                low = low.max(to);
                next += 1;
            }
        }
        bytes
    }

    /// `heaps` are those of secondary arenas, by address; all else is the main one's.
    fn count_arenas(&mut self, heaps: &[(u64, u64)], touched: &[(u64, u64)], blocks: &[Block]) {
        if heaps.is_empty() {
            return;
        }
        let main = heaps.len();
        let arena = |address: u64| {
            let next = heaps.partition_point(|&(base, _)| base <= address);
            let before = next.checked_sub(1).filter(|&at| address < heaps[at].1);
            before.unwrap_or(main)
        };
        let mut free = vec![0u64; main + 1];
        for &(low, high) in touched {
            free[arena(low)] += high - low;
        }
        for block in blocks {
            let free = &mut free[arena(block.address)];
            *free = free.saturating_sub(block.size);
        }
        free.sort_unstable_by_key(|&bytes| std::cmp::Reverse(bytes));
        self.arenas = free;
    }
}

/// The heaps of secondary arenas at a peak, by address.
fn arenas(memory: &Memory, peak: Peak) -> Vec<(u64, u64)> {
    let there = memory.regions.iter().filter(|region| {
        region.birth <= peak.time && peak.time < region.death && region.base % ARENA == 0
    });
    let mut heaps: Vec<(u64, u64)> = there.map(|heap| (heap.base, heap.end)).collect();
    heaps.sort_unstable();
    heaps
}

/// The blocks that are live at a peak, by address.
fn live(document: &Document, peak: Peak) -> Vec<Block> {
    let jobs = document.problem.jobs();
    let Some(placement) = &document.placement else {
        return Vec::new();
    };
    let never_freed = document.trace.map_or(0, |trace| trace.never_freed);
    let freed = jobs.len().saturating_sub(never_freed as usize);
    let mut blocks: Vec<Block> = jobs
        .iter()
        .zip(&placement.offsets)
        .enumerate()
        .filter(|(index, (job, _))| {
            let born = job.birth < peak.time + u64::from(!peak.before_birth);
            born && (peak.time < job.death || *index >= freed)
        })
        .map(|(_, (job, &offset))| Block {
            address: job.heap.saturating_add(offset),
            size: job.size,
            requested: job.requested,
        })
        .collect();
    blocks.sort_unstable_by_key(|block| block.address);
    blocks
}

/// The touched ranges at a peak, by address.
fn touched(memory: &Memory, peak: Peak) -> Vec<(u64, u64)> {
    let there = memory.touched.iter().filter(|touched| {
        let born = touched.birth < peak.time + u64::from(!peak.before_birth);
        born && peak.time < touched.death
    });
    let mut ranges: Vec<(u64, u64)> = there.map(|touched| (touched.low, touched.high)).collect();
    ranges.sort_unstable();
    // Neighbours that were touched one after the other are one range.
    ranges.dedup_by(|next, kept| {
        let meets = next.0 <= kept.1;
        if meets {
            kept.1 = kept.1.max(next.1);
        }
        meets
    });
    ranges
}

/// The pages in which blocks begin or end, and the ranges of pages with any block.
fn pages(blocks: &[Block]) -> (Vec<Page>, Vec<(u64, u64)>) {
    let mut pages: Vec<Page> = Vec::new();
    let mut covered: Vec<(u64, u64)> = Vec::new();
    for block in blocks {
        let last_byte = block.address.saturating_add(block.size - 1);
        let (first, last) = (block.address & !(PAGE - 1), last_byte & !(PAGE - 1));
        let end = last.saturating_add(PAGE);
        match covered.last_mut() {
            Some(range) if first <= range.1 => range.1 = range.1.max(end),
            _ => covered.push((first, end)),
        }
        if first == last {
            add(&mut pages, first, block, block.size, true);
        } else {
            add(&mut pages, first, block, first + PAGE - block.address, true);
            add(&mut pages, last, block, last_byte - last + 1, false);
        }
    }
    (pages, covered)
}

fn add(pages: &mut Vec<Page>, address: u64, block: &Block, live: u64, begins: bool) {
    let class = Some(classes::class_index(block.requested));
    match pages.last_mut() {
        Some(page) if page.address == address => {
            page.live += live;
            page.blocks += u64::from(begins);
            page.ends_one |= !begins;
            page.smallest = page.smallest.min(block.requested);
            page.largest = page.largest.max(block.requested);
            if page.class != class {
                page.class = None;
            }
        }
        _ => pages.push(Page {
            address,
            live,
            class,
            blocks: u64::from(begins),
            ends_one: !begins,
            smallest: block.requested,
            largest: block.requested,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(address: u64, size: u64, requested: u64) -> Block {
        Block {
            address,
            size,
            requested,
        }
    }

    #[test]
    fn a_page_is_kept_by_the_class_that_is_alone_in_it() {
        let blocks = [
            // Alone in page 1; two of one class in page 2; two classes in page 3.
            block(0x1100, 40, 32),
            block(0x2000, 40, 32),
            block(0x2800, 40, 25),
            block(0x3000, 40, 32),
            block(0x3800, 104, 100),
            // Full pages, and a last one that is mostly free.
            block(0x5000, 0x2010, 0x2010),
        ];
        let (pages, covered) = pages(&blocks);
        assert_eq!(covered, [(0x1000, 0x4000), (0x5000, 0x8000)]);
        let mut snapshot = Snapshot::default();
        snapshot.count_all(&pages);
        let small = snapshot.pins[&classes::class_index(32)];
        assert_eq!((small.blocks, small.bytes), (3, 2 * (PAGE - 40) - 40));
        assert_eq!((small.smallest, small.largest), (25, 32));
        assert_eq!(snapshot.shared, PAGE - 144);
        let large = snapshot.pins[&classes::class_index(0x2010)];
        assert_eq!((large.blocks, large.bytes), (1, PAGE - 16));
        snapshot.count_empty(
            &[(0x0, 0x2000), (0x4000, 0x9000), (0x40000, 0x60000)],
            &covered,
        );
        assert_eq!(snapshot.empty, 3 * PAGE + (128 << 10));
        assert_eq!(snapshot.top, PAGE + (128 << 10));
        // Blocks that are gone lay on the last two, and on what is not empty.
        let gone = vec![
            (0x48000, 0x70000),
            (0x40000, 0x49000),
            (0x5000, 0x8800),
            (0x0, 0x100),
        ];
        assert_eq!(snapshot.left_by(gone), 0x20000 + 0x800 + 0x100);
    }
}
