//! The independent verifier: shares nothing with any solver.
//!
//! A sweep over births and deaths with an ordered set of the live address
//! ranges, by the rank of where they start. In a valid state those are
//! disjoint, so a new one needs a look at its two neighbours only: O(n log n)
//! time, O(n) memory.

mod ranks;

use rustc_hash::FxHashMap;

use crate::job::{Job, JobId, Piece};
use crate::placement::Placement;
use crate::problem::Problem;
use crate::text::counted;
use ranks::RankSet;

/// Why a placement is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The placement is not of this problem.
    #[error("{} for {}", counted(*offsets, "offset"), counted(*jobs, "job"))]
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
        "job {id}: start {start} + {}offset {offset} is not a multiple of its alignment {alignment}",
        plus_heap(*.heap)
    )]
    Misaligned {
        /// The job.
        id: JobId,
        /// The start address.
        start: u64,
        /// Its heap.
        heap: u64,
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

/// A heap as a part of a sum; 0, as where there is but one, is left out.
fn plus_heap(heap: u64) -> String {
    match heap {
        0 => String::new(),
        heap => format!("heap {heap} + "),
    }
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
    let ground = Ground::new(problem, placement)?;
    if ground.pieces.len() < WORTH_A_THREAD {
        return ground.sweep(0, u64::MAX);
    }
    // What overlaps does so before or after any instant: two halves of about as
    // many births each.
    let mut births: Vec<u64> = ground.pieces.iter().map(|piece| piece.birth).collect();
    let half = births.len() / 2;
    let (_, &mut middle, _) = births.select_nth_unstable(half);
    drop(births);
    std::thread::scope(|scope| {
        let late = scope.spawn(|| ground.sweep(middle, u64::MAX));
        let early = ground.sweep(0, middle);
        let late = late
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        early.and(late)
    })
}

/// Pieces from which a second thread pays.
const WORTH_A_THREAD: usize = 100_000;

/// A piece of a job, where the placement has it.
struct PlacedPiece {
    job: u32,
    /// The rank of its start among all.
    rank: u32,
    birth: u64,
    death: u64,
    low: u64,
    high: u64,
}

/// All pieces, and where they start.
struct Ground<'a> {
    problem: &'a Problem,
    pieces: Vec<PlacedPiece>,
    /// Every heap and address at which a piece starts, ascending.
    starts: Vec<(u64, u64)>,
    /// Whether any job has a group.
    grouped: bool,
}

/// A birth or a death. What a sweep needs of most is here: pieces lie scattered.
struct Event {
    /// The time, and below it whether it is a birth: times are below 2^63, and
    /// deaths come before the births of the same instant.
    key: u64,
    rank: u32,
    piece: u32,
}

impl<'a> Ground<'a> {
    fn new(problem: &'a Problem, placement: &Placement) -> Result<Ground<'a>, Violation> {
        let mut pieces = Vec::with_capacity(problem.len());
        for (index, (job, &offset)) in (0u32..).zip(problem.jobs().iter().zip(&placement.offsets)) {
            for piece in job.pieces() {
                pieces.push(placed(index, job, &piece, offset)?);
            }
        }
        let heap = |piece: &PlacedPiece| problem[piece.job as usize].heap;
        let mut order: Vec<(u64, u64, u32)> = (0u32..)
            .zip(&pieces)
            .map(|(index, piece)| (heap(piece), piece.low, index))
            .collect();
        order.sort_unstable();
        let mut starts: Vec<(u64, u64)> = Vec::with_capacity(order.len());
        for (heap, low, index) in order {
            if starts.last() != Some(&(heap, low)) {
                starts.push((heap, low));
            }
            pieces[index as usize].rank = starts.len() as u32 - 1;
        }
        Ok(Ground {
            problem,
            pieces,
            starts,
            grouped: problem.jobs().iter().any(|job| job.group().is_some()),
        })
    }

    /// Looks for overlaps at instants from `from` on and before `until`.
    fn sweep(&self, from: u64, until: u64) -> Result<(), Violation> {
        let mut events: Vec<Event> = Vec::with_capacity(2 * self.pieces.len());
        let seen = || {
            let all = (0u32..).zip(&self.pieces);
            all.filter(|(_, piece)| piece.birth < until && from < piece.death)
        };
        let dead = seen().filter(|(_, piece)| piece.death < until);
        let event = |key: u64, index: u32, piece: &PlacedPiece| Event {
            key,
            rank: piece.rank,
            piece: index,
        };
        // Births and deaths apart: often one of them is in order, and the sort
        // keeps what is.
        events.extend(
            seen().map(|(index, piece)| event(piece.birth.max(from) << 1 | 1, index, piece)),
        );
        events.extend(dead.map(|(index, piece)| event(piece.death << 1, index, piece)));
        events.sort_by_key(|event| event.key);
        let mut sweep = Sweep {
            ground: self,
            live: RankSet::new(self.starts.len()),
            ranges: vec![Range { high: 0, job: 0 }; self.starts.len()],
            groups: FxHashMap::default(),
        };
        for event in &events {
            sweep.apply(event)?;
        }
        Ok(())
    }
}

fn placed(index: u32, job: &Job, piece: &Piece, offset: u64) -> Result<PlacedPiece, Violation> {
    let beyond = || Violation::Beyond {
        id: job.id.clone(),
        offset,
        size: job.size,
    };
    Ok(PlacedPiece {
        job: index,
        rank: 0,
        birth: piece.birth,
        death: piece.death,
        low: offset.checked_add(piece.low).ok_or_else(beyond)?,
        high: offset.checked_add(piece.high).ok_or_else(beyond)?,
    })
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
                heap: job.heap,
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

/// An address range that is live: where it ends, and whose it is.
#[derive(Clone, Copy)]
struct Range {
    high: u64,
    job: u32,
}

/// Where a range starts, where it ends, and whose it is.
type JobRange = (u64, u64, u32);

struct Sweep<'a> {
    ground: &'a Ground<'a>,
    /// The ranks of the starts of the live ranges, which are disjoint within a
    /// heap.
    live: RankSet,
    /// The live ranges, by rank.
    ranges: Vec<Range>,
    /// Live ranges of each group's members in one heap, which may overlap one
    /// another.
    groups: FxHashMap<(u64, &'a str), Vec<JobRange>>,
}

impl<'a> Sweep<'a> {
    fn apply(&mut self, event: &Event) -> Result<(), Violation> {
        let (time, born) = (event.key >> 1, event.key & 1 == 1);
        let (ground, rank) = (self.ground, event.rank as usize);
        if !born && !ground.grouped {
            self.live.remove(rank);
            return Ok(());
        }
        let piece = &ground.pieces[event.piece as usize];
        let group = ground.grouped.then(|| &ground.problem[piece.job as usize]);
        match group.and_then(Job::group) {
            Some(group) => self.apply_to_group(group, time, born, piece),
            None if born => {
                let (high, job) = (piece.high, piece.job);
                self.insert(rank, Range { high, job }, time)
            }
            None => {
                self.live.remove(rank);
                Ok(())
            }
        }
    }

    /// Takes the group's ranges out, changes them, and puts their union back.
    fn apply_to_group(
        &mut self,
        group: &'a str,
        time: u64,
        born: bool,
        piece: &PlacedPiece,
    ) -> Result<(), Violation> {
        let heap = self.ground.problem[piece.job as usize].heap;
        let starts = &self.ground.starts;
        // Every start of a union is that of a piece.
        let rank = |low: u64| starts.partition_point(|&start| start < (heap, low));
        let mut ranges = self.groups.remove(&(heap, group)).unwrap_or_default();
        for (low, _, _) in union(&ranges) {
            self.live.remove(rank(low));
        }
        let range = (piece.low, piece.high, piece.job);
        if born {
            ranges.push(range);
        } else if let Some(index) = ranges.iter().position(|&other| other == range) {
            ranges.swap_remove(index);
        }
        for (low, high, job) in union(&ranges) {
            self.insert(rank(low), Range { high, job }, time)?;
        }
        self.groups.insert((heap, group), ranges);
        Ok(())
    }

    fn insert(&mut self, rank: usize, range: Range, time: u64) -> Result<(), Violation> {
        let starts = &self.ground.starts;
        let (heap, low) = starts[rank];
        // All live ranges start before this one ends or not at all in its way;
        // they are disjoint, so only the neighbours can be.
        let below = self
            .live
            .up_to(rank)
            .filter(|&other| starts[other].0 == heap && self.ranges[other].high > low);
        let above = self
            .live
            .from(rank)
            .filter(|&other| starts[other].0 == heap && starts[other].1 < range.high);
        if let Some(other) = below.or(above) {
            return Err(self.overlap(other, rank, range, time));
        }
        self.live.insert(rank);
        self.ranges[rank] = range;
        Ok(())
    }

    fn overlap(&self, other: usize, rank: usize, range: Range, time: u64) -> Violation {
        let first = self.ranges[other];
        let id = |job: u32| self.ground.problem[job as usize].id.clone();
        Violation::Overlap {
            first: id(first.job),
            second: id(range.job),
            time,
            first_low: self.ground.starts[other].1,
            first_high: first.high,
            second_low: self.ground.starts[rank].1,
            second_high: range.high,
        }
    }
}

/// The union of address ranges as disjoint ones, each with one of its jobs.
fn union(ranges: &[JobRange]) -> Vec<JobRange> {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut disjoint: Vec<JobRange> = Vec::new();
    for (low, high, job) in sorted {
        match disjoint.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(high),
            _ => disjoint.push((low, high, job)),
        }
    }
    disjoint
}
