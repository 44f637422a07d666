//! Items: what the solver places, on a grid of addresses and of time.
//!
//! An item is one job, or all jobs of one group (they share one offset). It
//! occupies rectangles ("slabs") over *sections*: compressed time, in which a
//! new section starts only where a birth follows a death. The sections are the
//! maximal cliques of the interval graph, so two slabs conflict in time exactly
//! where they share a section, and usually there are far fewer sections than
//! instants.
//!
//! Addresses are counted in units of the *grid*. Where all alignments share a
//! divisor g > 1, every address is a multiple of g, so sizes may be rounded up
//! to it, and the lowest offset is the first that makes `start + offset` a
//! multiple. Else, where g divides every size, alignment, window and pin, any
//! placement can be pushed down onto multiples of g. What rounding adds to a
//! job is its *slack*: the topmost job does not need it, so heights are
//! compared in bytes ([`Grid::height`]).

use std::ops::Range;

use common::job::{Job, Piece};
use common::load::gcd;
use common::problem::Problem;
use rustc_hash::FxHashMap;

/// Units of addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Bytes a unit.
    pub(crate) unit: u64,
    /// The offset in bytes of unit 0.
    pub(crate) lowest: u64,
    /// `(start + lowest) / unit`, to which coarser alignments apply.
    pub(crate) start: u64,
}

impl Grid {
    /// With `hints`, offsets that are hints lie on the grid where alignments
    /// leave that open.
    fn of(jobs: &[Job], start: u64, hints: bool) -> Grid {
        let windows = || {
            jobs.iter()
                .flat_map(|job| job.gaps())
                .filter_map(|gap| gap.window)
        };
        let mut unit = jobs.iter().fold(0, |unit, job| gcd(unit, job.alignment));
        if unit > 1 {
            // Lower ends of windows must stay on the grid to stay exact.
            unit = windows().fold(unit, |unit, (low, _)| gcd(unit, low));
            let lowest = start.next_multiple_of(unit) - start;
            return Grid {
                unit,
                lowest,
                start: (start + lowest) / unit,
            };
        }
        let mut unit = start;
        for job in jobs {
            if unit == 1 {
                break;
            }
            unit = gcd(unit, job.size);
            if job.alignment > 1 {
                unit = gcd(unit, job.alignment);
            }
            if let Some(pin) = job.pin() {
                unit = gcd(unit, pin);
            }
            if let Some(hint) = job.hint().filter(|_| hints) {
                unit = gcd(unit, hint);
            }
        }
        unit = windows()
            .fold(unit, |unit, (low, high)| gcd(gcd(unit, low), high))
            .max(1);
        Grid {
            unit,
            lowest: 0,
            start: start / unit,
        }
    }

    /// The offset in bytes of a position in units.
    pub(crate) fn offset(&self, at: u64) -> u64 {
        self.lowest + at * self.unit
    }

    /// The makespan in bytes that an item at `at` needs.
    pub(crate) fn height(&self, at: u64, item: &Item) -> u64 {
        self.offset(at) + item.bytes
    }
}

impl Grid {
    /// The highest position at which an item's height is within `limit` bytes.
    pub(crate) fn highest(&self, limit: u64, item: &Item) -> Option<u64> {
        Some(limit.checked_sub(item.bytes)?.checked_sub(self.lowest)? / self.unit)
    }
}

/// A rectangle of sections and address, relative to the item's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slab {
    /// First section, and last, inclusive.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Address range `[low, high)` in units.
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// One thing to place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Units from the offset to the end of its largest member.
    pub(crate) size: u64,
    /// The same in bytes, without rounding.
    pub(crate) bytes: u64,
    /// Least common multiple of its members' alignments, in units.
    pub(crate) alignment: u64,
    /// Earliest birth and latest death, in clock ticks.
    pub(crate) birth: u64,
    pub(crate) death: u64,
    /// A fixed position, in units.
    pub(crate) pin: Option<u64>,
    /// Its slabs are `Items::slabs[slabs.0..slabs.1]`.
    slabs: (u32, u32),
}

impl Item {
    /// Ticks between birth and death.
    pub(crate) fn lifetime(&self) -> u64 {
        self.death - self.birth
    }
}

/// All items of a problem.
#[derive(Clone, Debug)]
pub(crate) struct Items {
    grid: Grid,
    items: Vec<Item>,
    slabs: Vec<Slab>,
    /// Which item a job belongs to.
    item_of_job: Vec<u32>,
    sections: usize,
}

/// Items whose jobs are looked at together.
const AT_ONCE: usize = 64;

/// The alignments of a group have no common multiple below 2^63.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoCommonAlignment {
    /// Index of a job of the group.
    pub(crate) job: usize,
}

impl Items {
    /// Items and sections of a problem. O(n log n) time, O(n) memory.
    pub(crate) fn new(problem: &Problem, start: u64) -> Result<Items, NoCommonAlignment> {
        Items::on(problem, Grid::of(problem.jobs(), start, false))
    }

    /// The same, with the same numbers, on a grid that holds the hints too.
    pub(crate) fn with_hints(problem: &Problem, start: u64) -> Result<Items, NoCommonAlignment> {
        Items::on(problem, Grid::of(problem.jobs(), start, true))
    }

    fn on(problem: &Problem, grid: Grid) -> Result<Items, NoCommonAlignment> {
        let members = Members::of(problem);
        let mut items = Vec::with_capacity(members.count);
        let mut pieces: Vec<Piece> = Vec::with_capacity(problem.len());
        for begin in (0..members.count).step_by(AT_ONCE) {
            let chunk = begin..members.count.min(begin + AT_ONCE);
            // Jobs lie scattered. A short look at each of some waits for many of
            // them at a time, and leaves them in the cache.
            let jobs = members.of_items(chunk.clone()).iter();
            pieces.reserve(
                jobs.map(|&job| 1 + 2 * problem[job as usize].gaps().len())
                    .sum(),
            );
            for index in chunk {
                let from = pieces.len() as u32;
                let jobs = members.of_items(index..index + 1);
                pieces.extend(jobs.iter().flat_map(|&job| problem[job as usize].pieces()));
                items.push(item(problem, &grid, jobs, (from, pieces.len() as u32))?);
            }
        }
        let (slabs, sections) = sections(&pieces, grid.unit);
        Ok(Items {
            grid,
            items,
            slabs,
            item_of_job: members.item_of_job,
            sections,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }

    pub(crate) fn sections(&self) -> usize {
        self.sections
    }

    /// Whether alignments differ.
    pub(crate) fn is_mixed(&self) -> bool {
        self.items.iter().any(|item| item.alignment > 1)
    }

    /// Whether every item is one rectangle, and none fixed.
    pub(crate) fn is_plain(&self) -> bool {
        (0..).zip(&self.items).all(|(index, item)| {
            item.pin.is_none()
                && matches!(self.slabs(index), [slab] if (slab.low, slab.high) == (0, item.size))
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    pub(crate) fn item(&self, index: u32) -> &Item {
        &self.items[index as usize]
    }

    pub(crate) fn slabs(&self, index: u32) -> &[Slab] {
        let (from, to) = self.items[index as usize].slabs;
        &self.slabs[from as usize..to as usize]
    }

    pub(crate) fn all_slabs(&self) -> &[Slab] {
        &self.slabs
    }

    /// No address, with the start, that any packing reaches is above this, in
    /// bytes: all items stacked, each with room for its alignment, above the
    /// highest fixed one.
    pub(crate) fn most(&self) -> u128 {
        let unit = u128::from(self.grid.unit);
        let bytes = |units: u64| u128::from(units) * unit;
        let (mut stacked, mut fixed) = (0, 0);
        for item in &self.items {
            stacked += bytes(item.size) + bytes(item.alignment);
            fixed = fixed.max(bytes(item.pin.unwrap_or(0)) + bytes(item.size));
        }
        bytes(self.grid.start) + u128::from(self.grid.lowest) + stacked + fixed
    }

    /// What is said of each job, for the items: of several jobs of one item what
    /// is said of the last.
    pub(crate) fn of_jobs<T: Copy>(&self, jobs: &[Option<T>]) -> Vec<Option<T>> {
        let mut items = vec![None; self.items.len()];
        for (&item, &job) in self.item_of_job.iter().zip(jobs) {
            items[item as usize] = job.or(items[item as usize]);
        }
        items
    }

    /// The item of each job.
    pub(crate) fn of_each_job(&self) -> &[u32] {
        &self.item_of_job
    }

    /// Positions of the items in units, from offsets of the jobs in bytes.
    pub(crate) fn positions(&self, offsets: &[u64]) -> Vec<u64> {
        let mut positions = vec![0; self.items.len()];
        for (&item, &offset) in self.item_of_job.iter().zip(offsets) {
            positions[item as usize] = (offset - self.grid.lowest) / self.grid.unit;
        }
        positions
    }

    /// Offsets of the jobs in bytes, from positions of the items in units.
    pub(crate) fn offsets(&self, positions: &[u64]) -> Vec<u64> {
        self.item_of_job
            .iter()
            .map(|&item| self.grid.offset(positions[item as usize]))
            .collect()
    }
}

fn item(
    problem: &Problem,
    grid: &Grid,
    jobs: &[u32],
    slabs: (u32, u32),
) -> Result<Item, NoCommonAlignment> {
    let first: &Job = &problem[jobs[0] as usize];
    let mut item = Item {
        size: 0,
        bytes: first.size,
        alignment: first.alignment,
        birth: first.birth,
        death: first.death,
        pin: first.pin(),
        slabs,
    };
    for &index in &jobs[1..] {
        let job = &problem[index as usize];
        item.bytes = item.bytes.max(job.size);
        item.birth = item.birth.min(job.birth);
        item.death = item.death.max(job.death);
        item.pin = item.pin.or(job.pin());
        let divisor = gcd(item.alignment, job.alignment);
        item.alignment = (item.alignment / divisor)
            .checked_mul(job.alignment)
            .filter(|&multiple| multiple <= common::job::MAX_VALUE)
            .ok_or(NoCommonAlignment {
                job: index as usize,
            })?;
    }
    item.size = item.bytes.div_ceil(grid.unit);
    // On a grid that comes from the sizes some alignments may be 1.
    item.alignment = (item.alignment / grid.unit).max(1);
    item.pin = item.pin.map(|pin| (pin - grid.lowest) / grid.unit);
    Ok(item)
}

/// The jobs of each item, item by item.
struct Members {
    count: usize,
    item_of_job: Vec<u32>,
    jobs: Vec<u32>,
    starts: Vec<u32>,
}

impl Members {
    /// Numbers the items. The numbering does not depend on the order in which
    /// the problem gives its jobs, so nothing that follows does.
    fn of(problem: &Problem) -> Members {
        let jobs = problem.jobs();
        let mut keys: Vec<(u64, u64, u32)> = (0..)
            .zip(jobs)
            .map(|(index, job)| (job.birth, job.death, index))
            .collect();
        keys.sort_unstable();
        for twins in keys.chunk_by_mut(|a, b| (a.0, a.1) == (b.0, b.1)) {
            twins.sort_unstable_by(|a, b| {
                let (a, b) = (&jobs[a.2 as usize], &jobs[b.2 as usize]);
                let key = |job: &Job| (job.size, job.alignment, job.pin());
                key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
            });
        }
        let canonical: Vec<u32> = keys.into_iter().map(|(_, _, job)| job).collect();
        if jobs.iter().all(|job| job.group().is_none()) {
            return Members::alone(canonical);
        }
        let mut groups: FxHashMap<&str, u32> = FxHashMap::default();
        let mut item_of_job = vec![0; jobs.len()];
        let mut count = 0;
        for &job in &canonical {
            let new = match jobs[job as usize].group() {
                Some(group) => *groups.entry(group).or_insert(count),
                None => count,
            };
            item_of_job[job as usize] = new;
            count = count.max(new + 1);
        }
        let count = count as usize;
        let mut starts = vec![0u32; count + 1];
        for &item in &item_of_job {
            starts[item as usize + 1] += 1;
        }
        for index in 0..count {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut members = vec![0; jobs.len()];
        for job in canonical {
            let slot = &mut next[item_of_job[job as usize] as usize];
            members[*slot as usize] = job;
            *slot += 1;
        }
        Members {
            count,
            item_of_job,
            jobs: members,
            starts,
        }
    }

    /// Every job an item of its own.
    fn alone(jobs: Vec<u32>) -> Members {
        let mut item_of_job = vec![0; jobs.len()];
        for (item, &job) in (0..).zip(&jobs) {
            item_of_job[job as usize] = item;
        }
        Members {
            count: jobs.len(),
            item_of_job,
            starts: (0..=jobs.len() as u32).collect(),
            jobs,
        }
    }

    fn of_items(&self, items: Range<usize>) -> &[u32] {
        &self.jobs[self.starts[items.start] as usize..self.starts[items.end] as usize]
    }
}

/// Maps pieces to sections and units; returns the slabs and how many sections
/// there are.
fn sections(pieces: &[Piece], unit: u64) -> (Vec<Slab>, usize) {
    let mut slabs: Vec<Slab> = pieces
        .iter()
        .map(|piece| Slab {
            first: 0,
            last: 0,
            low: piece.low / unit,
            high: piece.high.div_ceil(unit),
        })
        .collect();
    let times = |of: fn(&Piece) -> u64| {
        let mut times: Vec<(u64, u32)> = pieces.iter().map(of).zip(0..).collect();
        times.sort_unstable();
        times
    };
    // Births are mostly in order already.
    let births = times(|piece| piece.birth);
    let deaths = times(|piece| piece.death);
    let mut deaths = deaths.into_iter().peekable();
    let mut section = 0;
    for (birth, index) in births {
        let mut death_seen = false;
        while let Some((_, dead)) = deaths.next_if(|&(death, _)| death <= birth) {
            slabs[dead as usize].last = section;
            death_seen = true;
        }
        section += u32::from(death_seen);
        slabs[index as usize].first = section;
    }
    for (_, dead) in deaths {
        slabs[dead as usize].last = section;
    }
    (
        slabs,
        if pieces.is_empty() {
            0
        } else {
            section as usize + 1
        },
    )
}
