//! Items: what the solver places.
//!
//! An item is one job, or all jobs of one group (they share one offset). It
//! occupies rectangles over *sections*: compressed time, in which a new section
//! starts only where a birth follows a death. The sections are the maximal
//! cliques of the interval graph, so two rectangles conflict in time exactly
//! where they share a section, and usually there are far fewer sections than
//! instants.

use common::job::{Job, Piece};
use common::problem::Problem;

/// A rectangle of sections and address, relative to the item's offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slab {
    /// First section, and last, inclusive.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Address range `[low, high)` in bytes.
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// One thing to place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Bytes from the offset to the end of its largest member.
    pub(crate) size: u64,
    /// Least common multiple of its members' alignments.
    pub(crate) alignment: u64,
    /// Earliest birth and latest death, in clock ticks.
    pub(crate) birth: u64,
    pub(crate) death: u64,
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
    items: Vec<Item>,
    slabs: Vec<Slab>,
    /// Which item a job belongs to.
    item_of_job: Vec<u32>,
    sections: usize,
}

/// The alignments of a group have no common multiple below 2^63.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoCommonAlignment {
    /// Index of a job of the group.
    pub(crate) job: usize,
}

impl Items {
    /// Items and sections of a problem. O(n log n) time, O(n) memory.
    pub(crate) fn new(problem: &Problem) -> Result<Items, NoCommonAlignment> {
        let members = Members::of(problem);
        let mut items = Vec::with_capacity(members.count);
        let mut pieces: Vec<Piece> = Vec::with_capacity(problem.len());
        for index in 0..members.count {
            let from = pieces.len() as u32;
            let jobs = members.of_item(index);
            pieces.extend(jobs.iter().flat_map(|&job| problem[job as usize].pieces()));
            items.push(item(problem, jobs, (from, pieces.len() as u32))?);
        }
        let (slabs, sections) = sections(&pieces);
        Ok(Items {
            items,
            slabs,
            item_of_job: members.item_of_job,
            sections,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn sections(&self) -> usize {
        self.sections
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

    /// Offsets of the jobs from offsets of the items.
    pub(crate) fn spread(&self, offsets: &[u64]) -> Vec<u64> {
        self.item_of_job
            .iter()
            .map(|&item| offsets[item as usize])
            .collect()
    }
}

fn item(problem: &Problem, jobs: &[u32], slabs: (u32, u32)) -> Result<Item, NoCommonAlignment> {
    let first: &Job = &problem[jobs[0] as usize];
    let mut item = Item {
        size: first.size,
        alignment: first.alignment,
        birth: first.birth,
        death: first.death,
        pin: first.pin(),
        slabs,
    };
    for &index in &jobs[1..] {
        let job = &problem[index as usize];
        item.size = item.size.max(job.size);
        item.birth = item.birth.min(job.birth);
        item.death = item.death.max(job.death);
        item.pin = item.pin.or(job.pin());
        let divisor = common::load::gcd(item.alignment, job.alignment);
        item.alignment = (item.alignment / divisor)
            .checked_mul(job.alignment)
            .filter(|&multiple| multiple <= common::job::MAX_VALUE)
            .ok_or(NoCommonAlignment {
                job: index as usize,
            })?;
    }
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
    fn of(problem: &Problem) -> Members {
        let mut grouped: Vec<(&str, u32)> = Vec::new();
        for (index, job) in problem.jobs().iter().enumerate() {
            if let Some(group) = job.group() {
                grouped.push((group, index as u32));
            }
        }
        grouped.sort_unstable();
        // The first member of each group stands for it.
        let mut leader: Vec<u32> = (0..problem.len() as u32).collect();
        for group in grouped.chunk_by(|a, b| a.0 == b.0) {
            for &(_, job) in group {
                leader[job as usize] = group[0].1;
            }
        }
        let mut item_of_job = vec![0; problem.len()];
        let mut count = 0;
        for job in 0..problem.len() {
            if leader[job] as usize == job {
                item_of_job[job] = count;
                count += 1;
            } else {
                item_of_job[job] = item_of_job[leader[job] as usize];
            }
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
        let mut jobs = vec![0; problem.len()];
        for (job, &item) in item_of_job.iter().enumerate() {
            jobs[next[item as usize] as usize] = job as u32;
            next[item as usize] += 1;
        }
        Members {
            count,
            item_of_job,
            jobs,
            starts,
        }
    }

    fn of_item(&self, item: usize) -> &[u32] {
        &self.jobs[self.starts[item] as usize..self.starts[item + 1] as usize]
    }
}

/// Maps pieces to sections; returns the slabs and how many sections there are.
fn sections(pieces: &[Piece]) -> (Vec<Slab>, usize) {
    let mut slabs: Vec<Slab> = pieces
        .iter()
        .map(|piece| Slab {
            first: 0,
            last: 0,
            low: piece.low,
            high: piece.high,
        })
        .collect();
    // Times are below 2^63: one bit is left to put deaths before births.
    let mut events: Vec<(u64, u32)> = Vec::with_capacity(2 * pieces.len());
    for (index, piece) in pieces.iter().enumerate() {
        events.push((piece.birth << 1 | 1, index as u32));
        events.push((piece.death << 1, index as u32));
    }
    events.sort_unstable();
    let (mut section, mut death_seen) = (0, false);
    for &(key, index) in &events {
        if key & 1 == 0 {
            slabs[index as usize].last = section;
            death_seen = true;
        } else {
            section += u32::from(death_seen);
            death_seen = false;
            slabs[index as usize].first = section;
        }
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
