//! Dropping: a quick squeeze, for when first fit takes too long.
//!
//! In the order of loose offsets each job falls until it rests on one that fell
//! before, without a look at holes further down. Whatever it rests on lay below
//! it in the loose placement and has not risen, so no job ends above its loose
//! offset: the dropped placement keeps what the theorems say of the boxes, but
//! for alignment.

use crate::fit::Packing;
use crate::instance::Items;

/// The height over sections that is taken so far.
struct Tops {
    /// Root at 1, leaves from `width` on: the largest in the subtree.
    largest: Vec<u64>,
    /// What holds for the whole subtree.
    throughout: Vec<u64>,
    width: usize,
}

impl Tops {
    fn new(sections: usize) -> Tops {
        let width = sections.next_power_of_two().max(1);
        Tops {
            largest: vec![0; 2 * width],
            throughout: vec![0; 2 * width],
            width,
        }
    }

    /// The largest from `first` to `last`, inclusive. O(log n).
    fn largest(&self, first: u32, last: u32) -> u64 {
        let mut left = first as usize + self.width;
        let mut right = last as usize + self.width;
        let mut largest = self.largest[left].max(self.largest[right]);
        while left > 0 {
            largest = largest
                .max(self.throughout[left])
                .max(self.throughout[right]);
            if left >> 1 != right >> 1 {
                if left & 1 == 0 {
                    largest = largest.max(self.largest[left + 1]);
                }
                if right & 1 == 1 {
                    largest = largest.max(self.largest[right - 1]);
                }
            }
            left >>= 1;
            right >>= 1;
        }
        largest
    }

    /// Raises `first` to `last`, inclusive, to a height above all of them.
    /// O(log n).
    fn raise(&mut self, first: u32, last: u32, top: u64) {
        let mut left = first as usize + self.width;
        let mut right = last as usize + self.width;
        self.raise_node(left, top);
        self.raise_node(right, top);
        while left > 1 {
            if left >> 1 != right >> 1 {
                if left & 1 == 0 {
                    self.raise_node(left + 1, top);
                }
                if right & 1 == 1 {
                    self.raise_node(right - 1, top);
                }
            }
            left >>= 1;
            right >>= 1;
            self.largest[left] = self.largest[left].max(top);
            self.largest[right] = self.largest[right].max(top);
        }
    }

    fn raise_node(&mut self, node: usize, top: u64) {
        self.largest[node] = self.largest[node].max(top);
        self.throughout[node] = self.throughout[node].max(top);
    }
}

/// Drops the items in an order, which must hold all of them. `None` where one
/// has a fixed position. An item with gaps keeps its whole hull. O(n log n).
pub(crate) fn dropped(items: &Items, order: &[u32]) -> Option<Packing> {
    if items.iter().any(|item| item.pin.is_some()) {
        return None;
    }
    let mut tops = Tops::new(items.sections());
    let mut packing = Packing {
        positions: vec![0; items.len()],
        makespan: 0,
    };
    let grid = items.grid();
    for &index in order {
        let item = items.item(index);
        // What has no slab is in nobody's way, but has an address too.
        let span = crate::instance::peel::span(items, index);
        let below = span.map_or(0, |(first, last, _)| tops.largest(first, last));
        let address = (grid.start + below).checked_next_multiple_of(item.alignment)?;
        let at = address - grid.start;
        if let Some((first, last, size)) = span {
            tops.raise(first, last, at + size);
        }
        packing.positions[index as usize] = at;
        packing.makespan = packing.makespan.max(grid.end(at, item));
    }
    Some(packing)
}
