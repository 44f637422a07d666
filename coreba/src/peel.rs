//! Peeling: setting aside jobs that always fit, down to a hard core.
//!
//! **Claim.** Let C be a capacity in bytes, and let item i be one slab without
//! a fixed position, with K positions within C that its alignment A (in units)
//! allows. If
//!
//! ```text
//! sum over neighbours j of ceil((s_j + s_i - 1) / A)  <  K
//! ```
//!
//! then however the neighbours lie, some position within C is left for i.
//!
//! **Proof.** A neighbour j at p_j forbids the positions p with
//! p < p_j + s_j and p_j < p + s_i: the s_j + s_i - 1 integers from
//! p_j - s_i + 1 to p_j + s_j - 1. At most ceil((s_j + s_i - 1) / A) of them
//! are allowed by the alignment. So the neighbours together forbid fewer than
//! K positions. ∎
//!
//! With m neighbours of total size S the left side is at most
//! (S + m (s_i + A - 2)) / A, which two Fenwick trees (by first and by last
//! section) give in O(log n) without listing neighbours. Of the positions from
//! 0 to P = floor((C - lowest - bytes_i) / unit), at least floor((P + 1) / A)
//! are aligned, whatever the start address.
//!
//! Neighbours are counted among the jobs not yet peeled: a peeled job is placed
//! only after those that stayed when it was peeled, so the peeled are placed in
//! the reverse order of peeling. A neighbour with gaps forbids no more than its
//! whole rectangle would, so neighbours may be anything; but an item that is
//! itself of several slabs, or fixed, is not peeled: the claim does not cover
//! it.

use crate::item::Items;

/// What peeling leaves.
#[derive(Clone, Debug)]
pub(crate) struct Peeled {
    /// The hard core, ascending.
    pub(crate) core: Vec<u32>,
    /// The items that were peeled after those of the zones, in the order of
    /// peeling.
    pub(crate) peeled: Vec<u32>,
    /// Zones of sections that share none: of each the items inside it that were
    /// peeled first, in the order of peeling. Once all others are placed the
    /// zones know nothing of one another.
    pub(crate) zones: Vec<Vec<u32>>,
}

impl Peeled {
    /// Whether nothing was peeled.
    pub(crate) fn is_empty(&self) -> bool {
        self.peeled.is_empty() && self.zones.iter().all(Vec::is_empty)
    }
}

/// Sections a zone.
const ZONE: u32 = 128;

/// Sums of counts and sizes over prefixes of sections.
struct Fenwick {
    sums: Vec<(u32, u64)>,
}

impl Fenwick {
    fn new(sections: usize) -> Fenwick {
        Fenwick {
            sums: vec![(0, 0); sections + 1],
        }
    }

    fn add(&mut self, section: u32, size: u64) {
        let mut index = section as usize + 1;
        while index < self.sums.len() {
            self.sums[index].0 += 1;
            self.sums[index].1 += size;
            index += index & index.wrapping_neg();
        }
    }

    fn remove(&mut self, section: u32, size: u64) {
        let mut index = section as usize + 1;
        while index < self.sums.len() {
            self.sums[index].0 -= 1;
            self.sums[index].1 -= size;
            index += index & index.wrapping_neg();
        }
    }

    /// Count and size in sections below `section`.
    fn below(&self, section: u32) -> (u64, u64) {
        let (mut count, mut size) = (0, 0);
        let mut index = section as usize;
        while index > 0 {
            count += u64::from(self.sums[index].0);
            size += self.sums[index].1;
            index &= index - 1;
        }
        (count, size)
    }
}

/// The items that stay, by where their rectangles begin and end.
struct Staying {
    by_first: Fenwick,
    by_last: Fenwick,
    count: u64,
    size: u64,
}

/// An item's whole rectangle: its sections, and its size in units.
pub(crate) fn span(items: &Items, item: u32) -> Option<(u32, u32, u64)> {
    let slabs = items.slabs(item);
    let first = slabs.iter().map(|slab| slab.first).min()?;
    let last = slabs.iter().map(|slab| slab.last).max()?;
    Some((first, last, items.item(item).size))
}

impl Staying {
    fn new(items: &Items) -> Staying {
        let mut staying = Staying {
            by_first: Fenwick::new(items.sections()),
            by_last: Fenwick::new(items.sections()),
            count: 0,
            size: 0,
        };
        for item in 0..items.len() as u32 {
            if let Some((first, last, size)) = span(items, item) {
                staying.by_first.add(first, size);
                staying.by_last.add(last, size);
                staying.count += 1;
                staying.size += size;
            }
        }
        staying
    }

    fn remove(&mut self, (first, last, size): (u32, u32, u64)) {
        self.by_first.remove(first, size);
        self.by_last.remove(last, size);
        self.count -= 1;
        self.size -= size;
    }

    /// How many others share a section with this one, and their total size.
    fn neighbours(&self, (first, last, size): (u32, u32, u64)) -> (u64, u64) {
        let (before, size_before) = self.by_last.below(first);
        let (until, size_until) = self.by_first.below(last + 1);
        (until - before - 1, size_until - size_before - size)
    }
}

/// Peels at a capacity in bytes, which is at least LOAD: first, zone by zone,
/// items that lie inside one; then all. Each by size, the smallest first, again
/// and again until nothing changes. O(n log n) a pass.
pub(crate) fn peel(items: &Items, capacity: u64) -> Peeled {
    let mut staying = Staying::new(items);
    let mut zones: Vec<Vec<u32>> = vec![Vec::new(); items.sections().div_ceil(ZONE as usize)];
    let mut candidates: Vec<u32> = Vec::new();
    for item in 0..items.len() as u32 {
        let [slab] = items.slabs(item) else { continue };
        if items.item(item).pin.is_some() {
            continue;
        }
        if slab.first / ZONE == slab.last / ZONE {
            zones[(slab.first / ZONE) as usize].push(item);
        } else {
            candidates.push(item);
        }
    }
    for zone in &mut zones {
        let mut inside = std::mem::take(zone);
        peel_all(items, capacity, &mut staying, &mut inside, zone);
        candidates.append(&mut inside);
    }
    let mut peeled = Vec::new();
    peel_all(items, capacity, &mut staying, &mut candidates, &mut peeled);
    let mut stays = vec![true; items.len()];
    for &item in peeled.iter().chain(zones.iter().flatten()) {
        stays[item as usize] = false;
    }
    let core = (0..items.len() as u32)
        .filter(|&item| stays[item as usize])
        .collect();
    Peeled {
        core,
        peeled,
        zones,
    }
}

/// Moves what always fits from `candidates` to `peeled`.
fn peel_all(
    items: &Items,
    capacity: u64,
    staying: &mut Staying,
    candidates: &mut Vec<u32>,
    peeled: &mut Vec<u32>,
) {
    candidates.sort_unstable_by_key(|&item| (items.item(item).size, item));
    loop {
        let before = peeled.len();
        candidates.retain(|&item| {
            let fits = always_fits(items, staying, item, capacity);
            if fits {
                if let Some(span) = span(items, item) {
                    staying.remove(span);
                }
                peeled.push(item);
            }
            !fits
        });
        if peeled.len() == before || candidates.is_empty() {
            return;
        }
    }
}

fn always_fits(items: &Items, staying: &Staying, index: u32, capacity: u64) -> bool {
    let item = items.item(index);
    let Some(highest) = items.grid().highest(capacity, item) else {
        return false;
    };
    let Some(span) = span(items, index) else {
        return false;
    };
    let (count, size) = staying.neighbours(span);
    let alignment = u128::from(item.alignment);
    let positions = (u128::from(highest) + 1) / alignment;
    // An integer below or equal to this quotient's floor.
    let forbidden = (u128::from(size)
        + u128::from(count) * (u128::from(item.size) + alignment - 2))
        / alignment;
    forbidden < positions
}
