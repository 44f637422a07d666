//! Where each region of memory lies in a picture. Addresses of a process are
//! far apart and used again, so that a picture cannot show them as they are:
//! regions of memory that live at once lie one above the other, and those that
//! never do may share a place.
//!
//! Regions that live for more than half of the time lie at the bottom, by
//! address: any two of them live at once, so this wastes nothing. Above them
//! each region gets, at its birth, the lowest gap that the living ones leave
//! (first fit). Gaps are kept by powers of two; of the power that the region
//! itself has only the [`LOOKED_AT`] lowest are tried. O(n log n).

use std::collections::{BTreeMap, BTreeSet};

use common::job::Job;
use common::memory::{Memory, Region, Touched, region_of_each};
use common::placement::Placement;

use super::stack::Stack;

/// Gaps of a region's own power of two that are tried: this bounds the time of
/// a search, and what it misses is at most twice as large as the region.
const LOOKED_AT: usize = 32;

/// All regions, and the height of the picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    pub(super) regions: Vec<Region>,
    /// Where each begins in the picture.
    pub(super) below: Vec<u64>,
    /// The region of each job.
    pub(super) of_job: Vec<u32>,
    pub(super) height: u64,
    /// Whether the regions have lives of their own and absolute addresses;
    /// else they are heaps, as the jobs name them.
    pub(super) lived: bool,
}

impl Layout {
    pub(super) fn new(jobs: &[Job], placement: &Placement, memory: Option<&Memory>) -> Layout {
        match memory.filter(|memory| !memory.regions.is_empty()) {
            Some(memory) => Layout::lived(jobs, placement, memory),
            None => Layout::heaps(jobs, placement),
        }
    }

    fn heaps(jobs: &[Job], placement: &Placement) -> Layout {
        let stack = Stack::new(jobs, placement);
        let birth = jobs.iter().map(|job| job.birth).min().unwrap_or(0);
        let death = jobs.iter().map(|job| job.death).max().unwrap_or(0);
        let region = |heap: &super::stack::StackedHeap| Region {
            base: heap.base,
            end: heap.base.saturating_add(heap.makespan),
            birth,
            death,
        };
        Layout {
            regions: stack.heaps.iter().map(region).collect(),
            below: stack.heaps.iter().map(|heap| heap.below).collect(),
            of_job: jobs
                .iter()
                .map(|job| stack.index(job.heap) as u32)
                .collect(),
            height: stack.makespan(),
            lived: false,
        }
    }

    fn lived(jobs: &[Job], placement: &Placement, memory: &Memory) -> Layout {
        let mut regions = memory.regions.clone();
        let mut of_job = region_of_each(&regions, jobs, placement);
        adopt(&mut regions, &mut of_job, jobs, placement);
        let (below, height) = pack(&regions);
        Layout {
            regions,
            below,
            of_job,
            height,
            lived: true,
        }
    }

    /// Where an offset of a job lies within its region.
    pub(super) fn within(&self, index: usize, job: &Job, offset: u64) -> u64 {
        match self.lived {
            true => {
                let base = self.regions[self.of_job[index] as usize].base;
                job.heap.saturating_add(offset).saturating_sub(base)
            }
            false => offset,
        }
    }

    /// Where a job lies in the picture.
    pub(super) fn address(&self, index: usize, job: &Job, offset: u64) -> u64 {
        let below = self
            .of_job
            .get(index)
            .map_or(0, |&region| self.below[region as usize]);
        below.saturating_add(self.within(index, job, offset))
    }

    /// Touched pages as they lie in the picture, cut at the regions' limits; by
    /// birth.
    pub(super) fn touched(&self, touched: &[Touched]) -> Vec<Touched> {
        let mut events: Vec<(u64, u8, u32)> = Vec::new();
        for (index, region) in (0u32..).zip(&self.regions) {
            events.extend([(region.birth, 2, index), (region.death, 0, index)]);
        }
        for (index, pages) in (0u32..).zip(touched) {
            events.extend([(pages.birth, 3, index), (pages.death, 1, index)]);
        }
        events.sort_unstable();
        let (mut mapped, mut pages) = (Living::default(), Living::default());
        let mut seen = Vec::with_capacity(touched.len());
        for (_, kind, index) in events {
            match kind {
                0 => mapped.remove(self.regions[index as usize].base, index),
                1 => pages.remove(touched[index as usize].low, index),
                2 => {
                    let region = self.regions[index as usize];
                    let over = pages.overlapping(region.base, region.end);
                    seen.extend(over.map(|page| self.cut(&touched[page as usize], index)));
                    mapped.insert(region.base, region.end, index);
                }
                _ => {
                    let page = touched[index as usize];
                    let over = mapped.overlapping(page.low, page.high);
                    seen.extend(over.map(|region| self.cut(&page, region)));
                    pages.insert(page.low, page.high, index);
                }
            }
        }
        seen.retain(|page| page.birth < page.death && page.low < page.high);
        seen.sort_by_key(|page| page.birth);
        seen
    }

    fn cut(&self, pages: &Touched, index: u32) -> Touched {
        let (region, below) = (self.regions[index as usize], self.below[index as usize]);
        let place = |address: u64| {
            below.saturating_add(address.clamp(region.base, region.end) - region.base)
        };
        Touched {
            low: place(pages.low),
            high: place(pages.high),
            birth: pages.birth.max(region.birth),
            death: pages.death.min(region.death),
        }
    }
}

/// Disjoint ranges of addresses that live at once.
#[derive(Default)]
struct Living(BTreeMap<u64, (u64, u32)>);

impl Living {
    fn insert(&mut self, low: u64, high: u64, index: u32) {
        self.0.insert(low, (high, index));
    }

    fn remove(&mut self, low: u64, index: u32) {
        if self.0.get(&low).is_some_and(|entry| entry.1 == index) {
            self.0.remove(&low);
        }
    }

    fn overlapping(&self, low: u64, high: u64) -> impl Iterator<Item = u32> + '_ {
        let below = self.0.range(..high).rev();
        below
            .take_while(move |(_, entry)| entry.0 > low)
            .map(|(_, entry)| entry.1)
    }
}

/// Gives jobs that no region holds one of their own, a heap each.
fn adopt(regions: &mut Vec<Region>, of_job: &mut [u32], jobs: &[Job], placement: &Placement) {
    let none = regions.len() as u32;
    let mut adopted = BTreeMap::<u64, u32>::new();
    for (index, region) in of_job.iter_mut().enumerate() {
        if *region != none {
            continue;
        }
        let job = &jobs[index];
        let low = job.heap.saturating_add(placement.offsets[index]);
        let (birth, death, end) = (job.birth, job.death, low.saturating_add(job.size));
        *region = *adopted.entry(job.heap).or_insert_with(|| {
            regions.push(Region {
                base: low,
                end,
                birth,
                death,
            });
            regions.len() as u32 - 1
        });
        let home = &mut regions[*region as usize];
        (home.base, home.end) = (home.base.min(low), home.end.max(end));
        (home.birth, home.death) = (home.birth.min(birth), home.death.max(death));
    }
}

/// Where each region begins, and the height of all.
pub(super) fn pack(regions: &[Region]) -> (Vec<u64>, u64) {
    let from = regions.iter().map(|region| region.birth).min().unwrap_or(0);
    let to = regions.iter().map(|region| region.death).max().unwrap_or(0);
    // Together they fit into the numbers there are.
    let most = u64::MAX / 2 / (regions.len() as u64).max(1);
    let size = |index: usize| {
        let region = &regions[index];
        region.end.saturating_sub(region.base).min(most)
    };
    let mut below = vec![0u64; regions.len()];
    let is_long = |index: &usize| {
        let life = regions[*index].death.saturating_sub(regions[*index].birth);
        life > (to - from) / 2
    };
    let (mut long, mut short): (Vec<usize>, Vec<usize>) = (0..regions.len()).partition(is_long);
    long.sort_by_key(|&index| regions[index].base);
    let mut floor = 0u64;
    for index in long {
        below[index] = floor;
        floor = floor.saturating_add(size(index));
    }
    short.sort_by_key(|&index| (regions[index].birth, regions[index].base));
    let mut deaths = short.clone();
    deaths.sort_by_key(|&index| regions[index].death);
    let (mut gaps, mut dead) = (Gaps::new(floor), 0);
    for index in short {
        while dead < deaths.len() && regions[deaths[dead]].death <= regions[index].birth {
            // One that has no life, or has not come yet, holds nothing.
            let gone = deaths[dead];
            if regions[gone].birth < regions[gone].death {
                gaps.free(below[gone], size(gone));
            }
            dead += 1;
        }
        if regions[index].birth < regions[index].death {
            below[index] = gaps.take(size(index));
        }
    }
    (below, gaps.highest)
}

/// The gaps between what is taken, each at most once and never beside another.
struct Gaps {
    /// Size of each, by where it begins.
    sizes: BTreeMap<u64, u64>,
    /// Where those begin whose size is from 2^k to below 2^(k + 1).
    by_power: Vec<BTreeSet<u64>>,
    /// From here on nothing is taken.
    top: u64,
    highest: u64,
}

impl Gaps {
    fn new(floor: u64) -> Gaps {
        Gaps {
            sizes: BTreeMap::new(),
            by_power: vec![BTreeSet::new(); 64],
            top: floor,
            highest: floor,
        }
    }

    /// Takes the lowest gap found, or what lies above all.
    fn take(&mut self, size: u64) -> u64 {
        if size == 0 {
            return self.top;
        }
        let power = size.ilog2() as usize;
        let own = self.by_power[power].iter().take(LOOKED_AT);
        let own = own.copied().find(|low| self.sizes[low] >= size);
        let larger = self.by_power[power + 1..].iter();
        let lowest = larger
            .filter_map(|gaps| gaps.first().copied())
            .chain(own)
            .min();
        let Some(low) = lowest else {
            let low = self.top;
            self.top = low.saturating_add(size);
            self.highest = self.highest.max(self.top);
            return low;
        };
        let whole = self.remove(low);
        if whole > size {
            self.insert(low + size, whole - size);
        }
        low
    }

    fn free(&mut self, mut low: u64, mut size: u64) {
        if size == 0 {
            return;
        }
        if self.sizes.contains_key(&low.saturating_add(size)) {
            size += self.remove(low + size);
        }
        if let Some((&before, &gap)) = self.sizes.range(..low).next_back()
            && before + gap == low
        {
            self.remove(before);
            (low, size) = (before, size + gap);
        }
        if low.saturating_add(size) == self.top {
            self.top = low;
        } else {
            self.insert(low, size);
        }
    }

    fn insert(&mut self, low: u64, size: u64) {
        self.sizes.insert(low, size);
        self.by_power[size.ilog2() as usize].insert(low);
    }

    fn remove(&mut self, low: u64) -> u64 {
        let size = self.sizes.remove(&low).unwrap_or(0);
        if size > 0 {
            self.by_power[size.ilog2() as usize].remove(&low);
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn region(base: u64, size: u64, birth: u64, death: u64) -> Region {
        Region {
            base,
            end: base + size,
            birth,
            death,
        }
    }

    fn load(regions: &[Region]) -> u64 {
        let at = |time: u64| {
            let live = regions.iter().filter(|r| r.birth <= time && time < r.death);
            live.map(|r| r.end - r.base).sum::<u64>()
        };
        regions.iter().map(|r| at(r.birth)).max().unwrap_or(0)
    }

    proptest! {
        #[test]
        fn regions_that_live_at_once_never_overlap_and_the_height_is_bounded(
            lives in prop::collection::vec((0u64..200, 0u64..150, 0u64..40), 0..120),
            alike in any::<bool>(),
        ) {
            let regions: Vec<Region> = (0u64..)
                .zip(lives)
                .map(|(i, (birth, life, size))| region(1000 * i, if alike { 16 } else { size }, birth, birth + life))
                .collect();
            let (below, height) = pack(&regions);
            let live = |r: &Region| r.birth < r.death && r.base < r.end;
            for (i, a) in regions.iter().enumerate().filter(|(_, r)| live(r)) {
                prop_assert!(below[i] + (a.end - a.base) <= height);
                for (j, b) in regions.iter().enumerate().skip(i + 1).filter(|(_, r)| live(r)) {
                    let together = a.birth < b.death && b.birth < a.death;
                    let apart = below[i] + (a.end - a.base) <= below[j]
                        || below[j] + (b.end - b.base) <= below[i];
                    prop_assert!(!together || apart, "{a:?} {b:?}");
                }
            }
            let all: u64 = regions.iter().filter(|r| live(r)).map(|r| r.end - r.base).sum();
            let long: u64 = regions.iter().filter(|r| r.birth == r.death).map(|r| r.end - r.base).sum();
            prop_assert!(height <= all + long);
            if alike {
                // The long-lived ones, all at once, and first fit of equal sizes.
                prop_assert!(height <= 2 * load(&regions), "{height}");
            }
        }
    }

    #[test]
    fn regions_one_after_the_other_share_one_place_above_what_lives_long() {
        let mut regions: Vec<Region> = (0..200)
            .map(|i| region(1 << 40, 40, 10 * i, 10 * i + 9))
            .collect();
        regions.push(region(4096, 8, 0, 1500));
        let (below, height) = pack(&regions);
        assert_eq!(height, 48);
        assert_eq!(below[200], 0);
        assert!(below[..200].iter().all(|&low| low == 8));
    }

    #[test]
    fn a_block_lies_in_the_region_that_lives_then_and_pages_are_cut_at_its_limits() {
        let regions = vec![region(4096, 8192, 0, 10), region(4096, 8192, 10, 30)];
        let job = |birth: u64, death: u64| {
            let mut job = Job::new(birth, birth, death, 64);
            job.heap = 4096;
            job
        };
        let jobs = [job(0, 10), job(12, 20), job(10, 30)];
        let placement = Placement {
            offsets: vec![0, 64, 8192],
        };
        let mut memory = Memory::default();
        memory.regions = regions;
        let layout = Layout::new(&jobs, &placement, Some(&memory));
        assert_eq!(layout.of_job, [0, 1, 2], "the last one lies in none");
        assert_eq!(layout.regions[2], region(4096 + 8192, 64, 10, 30));
        assert_eq!(layout.within(1, &jobs[1], 64), 64);
        let pages = |low, high, birth, death| Touched {
            low,
            high,
            birth,
            death,
        };
        let seen = layout.touched(&[pages(0, 8192, 5, 15)]);
        let times: Vec<_> = seen
            .iter()
            .map(|page| (page.birth, page.death, page.high - page.low))
            .collect();
        assert_eq!(times, [(5, 10, 4096), (10, 15, 4096)]);
    }

    #[test]
    fn regions_larger_than_all_addresses_are_packed_all_the_same() {
        let regions: Vec<Region> = (0..50)
            .map(|i| Region {
                base: i,
                end: u64::MAX - i,
                birth: i % 7,
                death: i % 7 + 1 + i % 3,
            })
            .collect();
        let (below, height) = pack(&regions);
        assert_eq!(below.len(), regions.len());
        assert!(below.iter().all(|&below| below < height));
    }
}
