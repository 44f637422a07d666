//! The memory of a traced program over time: live, held, touched, pinned.
//!
//! All in bytes, at each instant t of the jobs' logical clock:
//!
//! * **live(t)**: requested, and usable, bytes of the blocks that are live. LOAD is the
//!   peak of the usable ones.
//! * **held(t)**: what the allocator keeps from the system for its blocks: the sum of
//!   the lengths of its regions, from each one's mapping base to its end. Where a note
//!   tells the end of a region (the break, the heap of an arena), it ends there, or
//!   behind a block that came since, and it stays when it is empty. Where none does, its
//!   end is the highest end of a block in it so far, rounded up to a page, until all of
//!   it is free: so a mapped chunk is held from its birth to its death only. Regions
//!   that overlap are one. Where a trace knows no base, a block's own pages are its region.
//! * **touched(t)**: the pages of held memory in which a block lay at some time since
//!   they were last given back: when their region ended, when its end sank below them,
//!   or when a trim gave the pages back that held no live block: so a note of an end says
//!   by bytes that are given back inside. A block counts as
//!   touching all of its pages, though the program may never write to them.
//! * **pinned(t)** = touched(t) - usable live(t): memory that the system cannot have
//!   back, because the allocator keeps it, mostly as other blocks lie in the same pages
//!   or above them. It is looked at before the first birth of an instant and at the
//!   instant's end, so that the order of what happens at one instant changes nothing.
//!
//! O(log n) an event for n regions and touched ranges, and mostly O(1).

mod ranges;
mod regions;

mod moments;

use std::collections::BTreeMap;

use crate::job::Job;
use crate::placement::Placement;

pub use moments::Moment;
pub use ranges::Touched;
pub use regions::Region;

use moments::Moments;
use ranges::Ranges;
use regions::{Change, Regions};

/// Bytes a page.
pub const PAGE: u64 = 4096;

/// No program has memory below.
const LEAST_ADDRESS: u64 = 1 << 20;

/// Whether heaps are mappings of a program, of which a trace may not know some, and not
/// numbers of pools.
pub(crate) fn are_addresses(mut heaps: impl Iterator<Item = u64> + Clone) -> bool {
    heaps.clone().any(|heap| heap != 0) && heaps.all(|heap| heap == 0 || heap >= LEAST_ADDRESS)
}

/// A largest value, and the first instant that reaches it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peak {
    /// Bytes.
    pub bytes: u64,
    /// On the logical clock.
    pub time: u64,
    /// The value is that before the block came which is born at `time`.
    pub before_birth: bool,
}

impl Peak {
    #[inline]
    fn raise(&mut self, bytes: u64, time: u64, before_birth: bool) {
        if bytes > self.bytes {
            *self = Peak {
                bytes,
                time,
                before_birth,
            };
        }
    }
}

/// What a program's memory was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Memory {
    /// Requested bytes of live blocks.
    pub peak_requested: Peak,
    /// Usable bytes of live blocks: LOAD.
    pub peak_live: Peak,
    /// Held bytes.
    pub peak_held: Peak,
    /// Touched bytes.
    pub peak_touched: Peak,
    /// Pinned bytes.
    pub peak_pinned: Peak,
    /// Pinned bytes as an allocation found them: what is pinned only when a program
    /// frees all at its end does not count.
    pub peak_idle: Peak,
    /// Held bytes that were there before the first event, as far as told ends of heaps
    /// show them: those of a forked child hold its parent's blocks.
    pub inherited: u64,
    /// At the end: usable bytes of live blocks, held, and touched bytes.
    pub end: Moment,
    /// The integral of held over time, in byte ticks.
    pub held_area: u128,
    /// The integral of usable bytes of live blocks over time, in byte ticks.
    pub live_area: u128,
    /// The course of all, in at most some thousand moments.
    pub moments: Vec<Moment>,
    /// The lives of all regions, by the end of each; where they were asked for.
    pub regions: Vec<Region>,
    /// What was touched, and when; where it was asked for.
    pub touched: Vec<Touched>,
}

/// A block, as far as memory goes.
#[derive(Clone, Copy, Debug)]
pub struct LiveBlock {
    /// Its address.
    pub address: u64,
    /// Its usable bytes, at least 1.
    pub usable: u64,
    /// The bytes that were requested.
    pub requested: u64,
    /// The base of its mapping, at most its address; 0 where it is not known.
    pub base: u64,
}

/// Keeps account of a program's memory while its events go by in their order.
#[derive(Debug, Default)]
pub struct Ledger {
    regions: Regions,
    touched: Ranges,
    moments: Moments,
    now: Moment,
    memory: Memory,
    with_history: bool,
    /// A block came at this instant.
    bore: bool,
}

impl Ledger {
    /// One that keeps the lives of regions and touched ranges too, in memory that grows
    /// with their number; without, memory grows with what there is at once.
    pub fn with_history() -> Ledger {
        Ledger {
            with_history: true,
            ..Ledger::default()
        }
    }

    /// A block comes. Times never fall from call to call.
    #[inline]
    pub fn born(&mut self, time: u64, block: &LiveBlock) {
        self.pass(time);
        if !self.bore {
            self.look_at_pinned();
            self.memory.peak_idle.raise(self.now.pinned, time, true);
            self.bore = true;
        }
        let (low, high) = pages(block);
        let base = match block.base {
            0 => low,
            base => base.min(low) & !(PAGE - 1),
        };
        self.regions.born(time, base, low, high);
        self.touched.add(time, low, high);
        self.now.live = self.now.live.saturating_add(block.requested);
        self.now.usable = self.now.usable.saturating_add(block.usable);
        self.changed(false);
    }

    /// A block goes.
    #[inline]
    pub fn died(&mut self, time: u64, block: &LiveBlock) {
        self.pass(time);
        self.now.live = self.now.live.saturating_sub(block.requested);
        self.now.usable = self.now.usable.saturating_sub(block.usable);
        let change = self.regions.died(time, block.address);
        self.give_back(time, change);
        self.changed(true);
    }

    /// A note tells the end of the region that starts at `base`.
    pub fn told(&mut self, time: u64, base: u64, end: u64) {
        self.pass(time);
        let end = end.checked_next_multiple_of(PAGE).unwrap_or(!(PAGE - 1));
        let change = self.regions.told(time, base & !(PAGE - 1), end);
        self.give_back(time, change);
        self.changed(true);
    }

    /// A device takes a region whole, to be held and touched until [`Ledger::unmapped`]: its
    /// memory is there whether blocks lie in it or not.
    pub fn mapped(&mut self, time: u64, base: u64, end: u64) {
        self.pass(time);
        self.regions.mapped(time, base, end);
        self.touched.add(time, base, end);
        self.changed(false);
    }

    /// What was mapped is given back, whole or a part of it, whatever lies in it.
    pub fn unmapped(&mut self, time: u64, base: u64, end: u64) {
        self.pass(time);
        while let Some(change) = self.regions.unmapped(time, base, end) {
            self.give_back(time, change);
        }
        self.changed(true);
    }

    /// What is held now was there before the first event.
    pub fn inherits_what_is_held(&mut self) {
        self.regions.inherit();
    }

    /// The pages of the regions that start at these bases were given back, but for those
    /// in which a block lies; `live` are the addresses and sizes of all live blocks.
    /// O(n log n) for n blocks.
    pub fn trimmed(
        &mut self,
        time: u64,
        bases: impl IntoIterator<Item = u64>,
        live: impl Iterator<Item = (u64, u64)>,
    ) {
        self.pass(time);
        let mut kept: Vec<(u64, u64)> = live
            .map(|(address, size)| page_range(address, size))
            .collect();
        kept.sort_unstable();
        for base in bases {
            let Some((low, high)) = self.regions.around(base) else {
                continue;
            };
            let first = kept.partition_point(|&(_, to)| to <= low);
            let inside = kept[first..].iter().copied();
            let inside = inside.take_while(|&(from, _)| from < high);
            let mut free_from = low;
            for (from, to) in inside.chain([(high, high)]) {
                self.give_back(time, Change::GivenBack(free_from, from, None));
                free_from = free_from.max(to);
            }
        }
        self.changed(true);
    }

    /// What it is now.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// What it was, once the last event went by, at the instant `time`.
    pub fn finish(mut self, time: u64) -> Memory {
        self.pass(time);
        self.look_at_pinned();
        self.moments.add(self.now);
        let mut memory = self.memory;
        memory.end = self.now;
        memory.inherited = self.regions.inherited();
        memory.moments = self.moments.finish();
        if self.with_history {
            // What is never given back outlives the clock.
            let time = time.saturating_add(1);
            memory.regions.extend(self.regions.lives(time));
            let left = self.touched.iter();
            memory
                .touched
                .extend(left.map(|(low, high, birth)| Touched {
                    low,
                    high,
                    birth,
                    death: time,
                }));
        }
        memory
    }

    #[inline]
    fn pass(&mut self, time: u64) {
        let ticks = u128::from(time.saturating_sub(self.now.time));
        if ticks > 0 {
            self.look_at_pinned();
            self.bore = false;
            self.moments.add(self.now);
            self.memory.held_area =
                (self.memory.held_area).saturating_add(ticks * u128::from(self.now.held));
            self.memory.live_area =
                (self.memory.live_area).saturating_add(ticks * u128::from(self.now.usable));
            self.now.time = time;
        }
    }

    /// Where what happens at one instant is whole: before its first birth, or at its end.
    #[inline]
    fn look_at_pinned(&mut self) {
        let Ledger { now, memory, .. } = self;
        (memory.peak_pinned).raise(now.pinned, now.time, !self.bore);
    }

    fn give_back(&mut self, time: u64, change: Change) {
        let Change::GivenBack(low, high, life) = change else {
            return;
        };
        let Ledger {
            touched, memory, ..
        } = self;
        let kept = self.with_history;
        if let Some(life) = life
            && kept
            && life.birth < life.death
        {
            memory.regions.push(life);
        }
        touched.remove(low, high, |low, high, birth| {
            if kept && birth < time {
                memory.touched.push(Touched {
                    low,
                    high,
                    birth,
                    death: time,
                });
            }
        });
    }

    #[inline]
    fn changed(&mut self, before_birth: bool) {
        self.now.held = self.regions.bytes();
        self.now.touched = self.touched.bytes();
        let Ledger { now, memory, .. } = self;
        now.pinned = now.touched.saturating_sub(now.usable);
        for (peak, bytes) in [
            (&mut memory.peak_requested, now.live),
            (&mut memory.peak_live, now.usable),
            (&mut memory.peak_held, now.held),
            (&mut memory.peak_touched, now.touched),
        ] {
            peak.raise(bytes, now.time, before_birth);
        }
    }
}

/// From the first page of a block to behind its last.
fn pages(block: &LiveBlock) -> (u64, u64) {
    page_range(block.address, block.usable)
}

fn page_range(address: u64, size: u64) -> (u64, u64) {
    let end = address.saturating_add(size.max(1));
    let end = end.checked_next_multiple_of(PAGE).unwrap_or(!(PAGE - 1));
    let low = address & !(PAGE - 1);
    (low.min(end - PAGE), end)
}

fn block(job: &Job, offset: u64) -> LiveBlock {
    LiveBlock {
        address: job.heap.saturating_add(offset),
        usable: job.size,
        requested: job.requested,
        base: job.heap,
    }
}

/// The memory of jobs that lie where a traced program had them: as of a trace without
/// notes. O(n log n).
pub fn of_jobs(jobs: &[Job], placement: &Placement) -> Memory {
    let mut births: Vec<u32> = (0..jobs.len() as u32).collect();
    let mut deaths = births.clone();
    births.sort_by_key(|&index| jobs[index as usize].birth);
    deaths.sort_by_key(|&index| jobs[index as usize].death);
    let block = |index: u32| block(&jobs[index as usize], placement.offsets[index as usize]);
    let mut ledger = Ledger::with_history();
    let mut dead = deaths.iter().copied().peekable();
    for birth in births {
        let time = jobs[birth as usize].birth;
        while let Some(index) = dead.next_if(|&index| jobs[index as usize].death <= time) {
            ledger.died(jobs[index as usize].death, &block(index));
        }
        ledger.born(time, &block(birth));
    }
    let end = deaths.last().map_or(0, |&index| jobs[index as usize].death);
    // Those that die at the very end may be those that were never freed.
    while let Some(index) = dead.next_if(|&index| jobs[index as usize].death < end) {
        ledger.died(jobs[index as usize].death, &block(index));
    }
    ledger.finish(end)
}

/// In which of the regions each job lies; one past the last where it is in none.
/// O((n + r) log (n + r)) for n jobs and r regions.
pub fn region_of_each(regions: &[Region], jobs: &[Job], placement: &Placement) -> Vec<u32> {
    let none = regions.len() as u32;
    let mut region_of = vec![none; jobs.len()];
    let by = |key: fn(&Region) -> u64| {
        let mut order: Vec<u32> = (0..none).collect();
        order.sort_by_key(|&index| key(&regions[index as usize]));
        order
    };
    let (births, deaths) = (by(|region| region.birth), by(|region| region.death));
    let mut births = births.into_iter().peekable();
    let mut deaths = deaths.into_iter().peekable();
    let mut order: Vec<u32> = (0..jobs.len() as u32).collect();
    order.sort_by_key(|&index| jobs[index as usize].birth);
    let mut live: BTreeMap<u64, u32> = BTreeMap::new();
    for index in order {
        let (job, offset) = (&jobs[index as usize], placement.offsets[index as usize]);
        let at = |region: u32| &regions[region as usize];
        loop {
            // Of the same instant, what ends goes first.
            let death = deaths.peek().map(|&region| at(region).death);
            let birth = births.peek().map(|&region| at(region).birth);
            match (birth, death) {
                (_, Some(death))
                    if death <= job.birth && birth.is_none_or(|birth| death <= birth) =>
                {
                    let region = deaths.next().unwrap_or_default();
                    let base = at(region).base;
                    if live.get(&base) == Some(&region) {
                        live.remove(&base);
                    }
                }
                (Some(birth), _) if birth <= job.birth => {
                    let region = births.next().unwrap_or_default();
                    live.insert(at(region).base, region);
                }
                _ => break,
            }
        }
        let address = job.heap.saturating_add(offset);
        if let Some((_, &region)) = live.range(..=address).next_back()
            && address < at(region).end
        {
            region_of[index as usize] = region;
        }
    }
    region_of
}

#[cfg(test)]
mod tests;
