//! The independent verifier: shares nothing with any solver.
//!
//! A sweep over births and deaths with an ordered set of the live address
//! ranges. In a valid state those are disjoint, so a new one needs a look at
//! its two neighbours only: O(n log n) time, O(live) memory beside the events.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::job::{JobId, Piece};
use crate::placement::Placement;
use crate::problem::Problem;

/// Why a placement is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The placement is not of this problem.
    #[error("{offsets} offsets for {jobs} jobs")]
    Count {
        /// Jobs in the problem.
        jobs: usize,
        /// Offsets in the placement.
        offsets: usize,
    },
    /// Two conflicting jobs share addresses.
    #[error(
        "jobs {first} and {second} overlap at time {time}: \
         [{first_low}, {first_high}) and [{second_low}, {second_high})"
    )]
    Overlap {
        /// The job placed first in time.
        first: JobId,
        /// The job that is born onto it.
        second: JobId,
        /// The first instant at which both are live.
        time: u64,
        /// Start of the first job's addresses then.
        first_low: u64,
        /// End of the first job's addresses then.
        first_high: u64,
        /// Start of the second job's addresses then.
        second_low: u64,
        /// End of the second job's addresses then.
        second_high: u64,
    },
    /// An address is not a multiple of the alignment.
    #[error(
        "job {id}: start {start} + offset {offset} is not a multiple of its alignment {alignment}"
    )]
    Misaligned {
        /// The job.
        id: JobId,
        /// The start address.
        start: u64,
        /// Its offset.
        offset: u64,
        /// Its alignment.
        alignment: u64,
    },
    /// A fixed offset was not kept.
    #[error("job {id}: fixed at offset {pin}, placed at {offset}")]
    Moved {
        /// The job.
        id: JobId,
        /// Where it is fixed.
        pin: u64,
        /// Where it is.
        offset: u64,
    },
    /// The members of a group do not share one offset.
    #[error("jobs {first} and {second} share a group, but not an offset")]
    Split {
        /// One member.
        first: JobId,
        /// Another.
        second: JobId,
    },
    /// A job ends beyond the 64-bit address space.
    #[error("job {id}: offset {offset} + size {size} passes 2^64 - 1")]
    Beyond {
        /// The job.
        id: JobId,
        /// Its offset.
        offset: u64,
        /// Its size.
        size: u64,
    },
}

/// Checks a placement against everything that the problem says, with one
/// address space a heap. Alignment applies to `start + heap + offset`.
///
/// # Errors
/// The first [`Violation`] found.
pub fn verify(problem: &Problem, placement: &Placement, start: u64) -> Result<(), Violation> {
    let (jobs, offsets) = (problem.len(), placement.offsets.len());
    if jobs != offsets {
        return Err(Violation::Count { jobs, offsets });
    }
    verify_each(problem, placement, start)?;
    verify_overlaps(problem, placement)
}

/// Checks overlaps only, as for a traced placement, whose addresses the
/// allocator chose. One address space a heap.
///
/// # Errors
/// The first [`Violation`] found.
pub fn verify_overlaps(problem: &Problem, placement: &Placement) -> Result<(), Violation> {
    let pieces: Vec<(u32, Piece)> = (0u32..)
        .zip(problem.jobs())
        .flat_map(|(index, job)| job.pieces().map(move |piece| (index, piece)))
        .collect();
    if pieces.len() < WORTH_A_THREAD {
        return sweep(problem, placement, &pieces, 0, u64::MAX);
    }
    // What overlaps does so before or after any instant: two halves of about as
    // many births each.
    let mut births: Vec<u64> = pieces.iter().map(|(_, piece)| piece.birth).collect();
    let half = births.len() / 2;
    let (_, &mut middle, _) = births.select_nth_unstable(half);
    drop(births);
    std::thread::scope(|scope| {
        let late = scope.spawn(|| sweep(problem, placement, &pieces, middle, u64::MAX));
        let early = sweep(problem, placement, &pieces, 0, middle);
        let late = late
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        early.and(late)
    })
}

/// Pieces from which a second thread pays.
const WORTH_A_THREAD: usize = 100_000;

/// Looks for overlaps at instants from `from` on and before `until`.
fn sweep(
    problem: &Problem,
    placement: &Placement,
    pieces: &[(u32, Piece)],
    from: u64,
    until: u64,
) -> Result<(), Violation> {
    // Times are below 2^63: the lowest bit puts deaths before the births of the
    // same instant.
    let mut events: Vec<(u64, u32)> = Vec::with_capacity(2 * pieces.len());
    for (index, (_, piece)) in (0u32..).zip(pieces) {
        if piece.birth < until && from < piece.death {
            events.push((piece.birth.max(from) << 1 | 1, index));
            if piece.death < until {
                events.push((piece.death << 1, index));
            }
        }
    }
    events.sort_unstable();
    let mut sweep = Sweep {
        problem,
        placement,
        live: BTreeMap::new(),
        groups: FxHashMap::default(),
    };
    for (key, index) in events {
        let (job, Piece { low, high, .. }) = pieces[index as usize];
        sweep.apply(&Event {
            time: key >> 1,
            born: key & 1 == 1,
            job: job as usize,
            low,
            high,
        })?;
    }
    Ok(())
}

fn verify_each(problem: &Problem, placement: &Placement, start: u64) -> Result<(), Violation> {
    let mut groups: FxHashMap<&str, usize> = FxHashMap::default();
    for (index, (job, &offset)) in problem.jobs().iter().zip(&placement.offsets).enumerate() {
        let address = u128::from(start) + u128::from(job.heap) + u128::from(offset);
        if address % u128::from(job.alignment) != 0 {
            let (id, alignment) = (job.id.clone(), job.alignment);
            return Err(Violation::Misaligned {
                id,
                start,
                offset,
                alignment,
            });
        }
        if let Some(pin) = job.pin()
            && pin != offset
        {
            return Err(Violation::Moved {
                id: job.id.clone(),
                pin,
                offset,
            });
        }
        if let Some(group) = job.group() {
            let first = *groups.entry(group).or_insert(index);
            if placement.offsets[first] != offset {
                let (first, second) = (problem[first].id.clone(), job.id.clone());
                return Err(Violation::Split { first, second });
            }
        }
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Event {
    time: u64,
    born: bool,
    job: usize,
    low: u64,
    high: u64,
}

/// An address range that is live: where it ends, and whose it is.
#[derive(Clone, Copy)]
struct Range {
    high: u64,
    job: usize,
}

struct Sweep<'a> {
    problem: &'a Problem,
    placement: &'a Placement,
    /// Live ranges by heap and start; disjoint within a heap.
    live: BTreeMap<(u64, u64), Range>,
    /// Live ranges of each group's members, which may overlap one another.
    groups: FxHashMap<&'a str, Vec<(u64, u64, usize)>>,
}

impl<'a> Sweep<'a> {
    fn apply(&mut self, event: &Event) -> Result<(), Violation> {
        let job = &self.problem[event.job];
        let offset = self.placement.offsets[event.job];
        let beyond = || Violation::Beyond {
            id: job.id.clone(),
            offset,
            size: job.size,
        };
        let low = offset.checked_add(event.low).ok_or_else(beyond)?;
        let high = offset.checked_add(event.high).ok_or_else(beyond)?;
        match job.group() {
            None if event.born => self.insert(low, high, event.job, event.time),
            None => {
                self.live.remove(&(job.heap, low));
                Ok(())
            }
            Some(group) => self.apply_to_group(group, event, low, high),
        }
    }

    /// Takes the group's ranges out, changes them, and puts their union back.
    fn apply_to_group(
        &mut self,
        group: &'a str,
        event: &Event,
        low: u64,
        high: u64,
    ) -> Result<(), Violation> {
        let heap = self.problem[event.job].heap;
        let mut ranges = self.groups.remove(group).unwrap_or_default();
        for (low, _, _) in union(&ranges) {
            self.live.remove(&(heap, low));
        }
        if event.born {
            ranges.push((low, high, event.job));
        } else if let Some(index) = ranges
            .iter()
            .position(|&range| range == (low, high, event.job))
        {
            ranges.swap_remove(index);
        }
        for (low, high, job) in union(&ranges) {
            self.insert(low, high, job, event.time)?;
        }
        self.groups.insert(group, ranges);
        Ok(())
    }

    fn insert(&mut self, low: u64, high: u64, job: usize, time: u64) -> Result<(), Violation> {
        let heap = self.problem[job].heap;
        // All live ranges start before `high` or not at all in our way; of
        // those the highest ends last, as they are disjoint.
        let neighbour = self.live.range((heap, 0)..(heap, high)).next_back();
        if let Some((&(_, other_low), other)) = neighbour
            && other.high > low
        {
            return Err(Violation::Overlap {
                first: self.problem[other.job].id.clone(),
                second: self.problem[job].id.clone(),
                time,
                first_low: other_low,
                first_high: other.high,
                second_low: low,
                second_high: high,
            });
        }
        self.live.insert((heap, low), Range { high, job });
        Ok(())
    }
}

/// The union of address ranges as disjoint ones, each with one of its jobs.
fn union(ranges: &[(u64, u64, usize)]) -> Vec<(u64, u64, usize)> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut disjoint: Vec<(u64, u64, usize)> = Vec::new();
    for (low, high, job) in sorted {
        match disjoint.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(high),
            _ => disjoint.push((low, high, job)),
        }
    }
    disjoint
}
