//! All items of a problem, on a grid of addresses and over sections of time.

use std::collections::HashMap;
use std::ops::Range;

use common::job::{Job, Piece};
use common::load::gcd;
use common::problem::Problem;

use super::grid::Grid;
use super::item::{Item, Slab};
use super::sections::{slabs_over_sections, sort};

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
        let (slabs, sections) = slabs_over_sections(&pieces, grid.unit);
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
        sort(&mut keys);
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
        let mut groups: HashMap<&str, u32> = HashMap::new();
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
