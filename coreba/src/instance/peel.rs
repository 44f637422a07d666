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
//!
//! Peeling only ever takes neighbours away, so what is left in the end does not
//! depend on the order. It goes zone by zone: of the items inside a zone of
//! sections only those are neighbours that begin or end inside it or cross it,
//! so small trees do, zones know nothing of one another, and what is later put
//! back one after the other lies close together.

use std::sync::Mutex;

use super::items::Items;
use crate::portfolio::batch::Threads;

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
    /// All items are the core.
    pub(crate) fn nothing(items: &Items) -> Peeled {
        Peeled {
            core: (0..items.len() as u32).collect(),
            peeled: Vec::new(),
            zones: Vec::new(),
        }
    }

    /// Whether nothing was peeled.
    pub(crate) fn is_empty(&self) -> bool {
        self.peeled.is_empty() && self.zones.iter().all(Vec::is_empty)
    }
}

/// Sections a zone of the first round.
const ZONE: usize = 128;

/// Passes over a zone's candidates at most, and those before the direction changes each time.
const MOST_PASSES: usize = 64;
const FIRST_PASSES: usize = 16;

/// Zones of a round that are one of the next.
const JOINED: usize = 8;

/// An item's whole rectangle: its sections, and its size in units.
pub(crate) fn span(items: &Items, item: u32) -> Option<(u32, u32, u64)> {
    let slabs = items.slabs(item);
    let first = slabs.iter().map(|slab| slab.first).min()?;
    let last = slabs.iter().map(|slab| slab.last).max()?;
    Some((first, last, items.item(item).size))
}

/// Peels at a capacity in bytes, which is at least LOAD: first, zone by zone,
/// items that lie inside one; then those inside larger zones, and so on up to
/// one that holds all. In each by size, the smallest first, again and again
/// until nothing changes, or it has been done often. O(n log n) a pass. What comes out does not depend on
/// `threads`.
pub(crate) fn peel(items: &Items, capacity: u64, threads: &Threads) -> Peeled {
    let sections = items.sections();
    let mut staying = Staying::new(items);
    let mut sizes = vec![ZONE];
    while let Some(&size) = sizes.last()
        && size < sections
    {
        sizes.push(size * JOINED);
    }
    // The candidates of each round's zones.
    let mut rounds: Vec<Vec<Vec<u32>>> = sizes
        .iter()
        .map(|&size| vec![Vec::new(); sections.div_ceil(size)])
        .collect();
    for item in 0..items.len() as u32 {
        let [slab] = items.slabs(item) else { continue };
        if items.item(item).pin.is_some() {
            continue;
        }
        let (first, last) = (slab.first as usize, slab.last as usize);
        let round = sizes.iter().position(|&size| first / size == last / size);
        let round = round.expect("the last zone holds all sections");
        rounds[round][first / sizes[round]].push(item);
    }
    let mut stays = vec![true; items.len()];
    let (mut zones, mut peeled, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for (round, (mut candidates, &size)) in rounds.into_iter().zip(&sizes).enumerate() {
        for (index, rest) in left.drain(..).enumerate() {
            candidates[index / JOINED].extend::<Vec<u32>>(rest);
        }
        let mut these = staying.zones(size, candidates);
        peel_zones(items, capacity, &mut these, threads);
        for zone in these {
            for &item in &zone.peeled {
                stays[item as usize] = false;
            }
            left.push(zone.candidates);
            if round == 0 {
                zones.push(zone.peeled);
            } else {
                peeled.extend(zone.peeled);
            }
        }
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

/// How many, and their total size in units.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    count: u32,
    size: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.count += other.count;
        self.size += other.size;
    }

    fn remove(&mut self, other: Sum) {
        self.count -= other.count;
        self.size -= other.size;
    }

    fn one(size: u64) -> Sum {
        Sum { count: 1, size }
    }
}

/// The items that are not peeled yet, by the sections in which they begin and
/// end.
struct Staying {
    begins: Vec<Sum>,
    ends: Vec<Sum>,
}

impl Staying {
    fn new(items: &Items) -> Staying {
        let mut staying = Staying {
            begins: vec![Sum::default(); items.sections()],
            ends: vec![Sum::default(); items.sections()],
        };
        for item in 0..items.len() as u32 {
            if let Some((first, last, size)) = span(items, item) {
                staying.begins[first as usize].add(Sum::one(size));
                staying.ends[last as usize].add(Sum::one(size));
            }
        }
        staying
    }

    /// Zones of `size` sections, with their candidates.
    fn zones(&mut self, size: usize, candidates: Vec<Vec<u32>>) -> Vec<Zone<'_>> {
        let mut crossing = Sum::default();
        let begins = self.begins.chunks_mut(size);
        let ends = self.ends.chunks_mut(size);
        let zones = begins.zip(ends).zip(candidates).enumerate();
        zones
            .map(|(index, ((begins, ends), candidates))| {
                let before = crossing;
                for (&begins, &ends) in begins.iter().zip(&*ends) {
                    crossing.add(begins);
                    crossing.remove(ends);
                }
                Zone {
                    first: (index * size) as u32,
                    begins,
                    ends,
                    crossing: before,
                    candidates,
                    peeled: Vec::new(),
                }
            })
            .collect()
    }
}

/// Neighbouring sections, and the candidates inside.
struct Zone<'a> {
    first: u32,
    begins: &'a mut [Sum],
    ends: &'a mut [Sum],
    /// Items that begin before the zone and end in it or behind.
    crossing: Sum,
    candidates: Vec<u32>,
    peeled: Vec<u32>,
}

fn peel_zones(items: &Items, capacity: u64, zones: &mut [Zone<'_>], threads: &Threads) {
    let most = 1 + zones.len() / 16;
    let next = Mutex::new(zones.iter_mut());
    let work = || {
        let mut peeler = Peeler::default();
        loop {
            // Nothing panics while it holds the lock.
            let zone = next.lock().unwrap_or_else(|held| held.into_inner()).next();
            let Some(zone) = zone else { return };
            peeler.peel(items, capacity, zone);
        }
    };
    threads.each(most, work);
}

/// Sums over prefixes of a zone's sections.
#[derive(Default)]
struct Fenwick {
    sums: Vec<Sum>,
}

impl Fenwick {
    /// Starts anew. O(sections).
    fn fill(&mut self, sums: &[Sum]) {
        self.sums.clear();
        self.sums.push(Sum::default());
        self.sums.extend(sums);
        for index in 1..self.sums.len() {
            let above = index + (index & index.wrapping_neg());
            if above < self.sums.len() {
                let sum = self.sums[index];
                self.sums[above].add(sum);
            }
        }
    }

    fn remove(&mut self, section: u32, sum: Sum) {
        let mut index = section as usize + 1;
        while index < self.sums.len() {
            self.sums[index].remove(sum);
            index += index & index.wrapping_neg();
        }
    }

    /// The sum of the sections below `section`.
    fn below(&self, section: u32) -> Sum {
        let mut below = Sum::default();
        let mut index = section as usize;
        while index > 0 {
            below.add(self.sums[index]);
            index &= index - 1;
        }
        below
    }
}

/// An item that may be peeled. Sections are counted from the zone's first.
#[derive(Clone, Copy)]
struct Candidate {
    size: u64,
    /// What a neighbour forbids beyond its own size: s_i + A - 2.
    beyond: u64,
    /// K A: what neighbours forbid must stay below.
    room: u64,
    item: u32,
    first: u32,
    last: u32,
}

impl Candidate {
    /// `None` where the item is too large for the capacity.
    fn new(items: &Items, index: u32, capacity: u64, zone: u32) -> Option<Candidate> {
        let item = items.item(index);
        let (first, last, size) = span(items, index)?;
        let highest = items.grid().highest(capacity, item)?;
        Some(Candidate {
            size,
            beyond: size + item.alignment - 2,
            room: (highest + 1) / item.alignment * item.alignment,
            item: index,
            first: first - zone,
            last: last - zone,
        })
    }
}

/// Peels zones, one after the other, and keeps its memory.
#[derive(Default)]
struct Peeler {
    begins: Fenwick,
    ends: Fenwick,
    candidates: Vec<Candidate>,
}

impl Peeler {
    /// Moves what always fits from the zone's candidates to its `peeled`.
    fn peel(&mut self, items: &Items, capacity: u64, zone: &mut Zone<'_>) {
        self.begins.fill(zone.begins);
        self.ends.fill(zone.ends);
        self.candidates.clear();
        let candidates = zone.candidates.drain(..);
        self.candidates.extend(
            candidates.filter_map(|item| Candidate::new(items, item, capacity, zone.first)),
        );
        self.candidates
            .sort_unstable_by_key(|candidate| (candidate.size, candidate.item));
        // Where each gives way to one other only, as along a chain, there would be as many passes
        // as items: what is not peeled stays, and is packed as all others are.
        for pass in 0..MOST_PASSES {
            let before = zone.peeled.len();
            // A chain that gives way from its end does so at once in the other direction.
            if pass >= FIRST_PASSES {
                self.candidates.reverse();
            }
            self.candidates.retain(|candidate| {
                let mut neighbours = zone.crossing;
                neighbours.add(self.begins.below(candidate.last + 1));
                neighbours.remove(self.ends.below(candidate.first));
                neighbours.remove(Sum::one(candidate.size));
                // Both sides times A; the left side's floor is below K just if
                // it is below K A itself.
                let forbidden = u128::from(neighbours.size)
                    + u128::from(neighbours.count) * u128::from(candidate.beyond);
                let fits = forbidden < u128::from(candidate.room);
                if fits {
                    let sum = Sum::one(candidate.size);
                    self.begins.remove(candidate.first, sum);
                    self.ends.remove(candidate.last, sum);
                    zone.begins[candidate.first as usize].remove(sum);
                    zone.ends[candidate.last as usize].remove(sum);
                    zone.peeled.push(candidate.item);
                }
                !fits
            });
            if zone.peeled.len() == before || self.candidates.is_empty() {
                break;
            }
        }
        let stay = self.candidates.iter().map(|candidate| candidate.item);
        zone.candidates.extend(stay);
    }
}
