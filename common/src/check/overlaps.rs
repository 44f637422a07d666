//! Overlaps of placed jobs: a sweep over births and deaths with an ordered set of
//! the live address ranges, by the rank of where they start. In a valid state those
//! are disjoint, so a new one needs a look at its two neighbours only.

use rayon::slice::ParallelSliceMut as _;
use rustc_hash::FxHashMap;

use super::ranks::RankSet;
use super::violation::Violation;
use crate::job::Job;

/// Looks for two jobs, at these offsets, that share an address at some instant.
/// One address space a heap. O(n log n) time, O(n) memory, in n jobs and gaps.
pub(crate) fn verify(jobs: &[Job], offsets: &[u64]) -> Result<(), Violation> {
    let ground = Ground::new(jobs, offsets)?;
    if ground.pieces.len() < WORTH_A_THREAD {
        return ground.sweep(0, u64::MAX);
    }
    // What overlaps does so before or after any instant: two halves of about as
    // many births each.
    let mut births: Vec<u64> = ground.pieces.iter().map(|piece| piece.birth).collect();
    let half = births.len() / 2;
    let (_, &mut middle, _) = births.select_nth_unstable(half);
    drop(births);
    let (early, late) = rayon::join(
        || ground.sweep(0, middle),
        || ground.sweep(middle, u64::MAX),
    );
    early.and(late)
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
    jobs: &'a [Job],
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
    fn new(jobs: &'a [Job], offsets: &[u64]) -> Result<Ground<'a>, Violation> {
        let mut pieces = Vec::with_capacity(jobs.len());
        for (index, (job, &offset)) in (0u32..).zip(jobs.iter().zip(offsets)) {
            place(index, job, offset, &mut pieces)?;
        }
        let heap = |piece: &PlacedPiece| jobs[piece.job as usize].heap;
        let mut order: Vec<(u64, u64, u32)> = (0u32..)
            .zip(&pieces)
            .map(|(index, piece)| (heap(piece), piece.low, index))
            .collect();
        if order.len() < WORTH_A_THREAD {
            order.sort_unstable();
        } else {
            order.par_sort_unstable();
        }
        let mut starts: Vec<(u64, u64)> = Vec::with_capacity(order.len());
        for (heap, low, index) in order {
            if starts.last() != Some(&(heap, low)) {
                starts.push((heap, low));
            }
            pieces[index as usize].rank = starts.len() as u32 - 1;
        }
        Ok(Ground {
            jobs,
            pieces,
            starts,
            grouped: jobs.iter().any(|job| job.group().is_some()),
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

/// Adds what a job takes at an offset. The verifier's own reading of gaps, which it
/// shares with nobody: before each gap, and after the last, the job takes its whole
/// range; in a gap its window, if it has one.
fn place(
    index: u32,
    job: &Job,
    offset: u64,
    pieces: &mut Vec<PlacedPiece>,
) -> Result<(), Violation> {
    let beyond = || Violation::Beyond {
        id: job.id.clone(),
        offset,
        size: job.size,
    };
    let end = offset.checked_add(job.size).ok_or_else(beyond)?;
    let mut take = |birth: u64, death: u64, low: u64, high: u64| {
        if birth < death && low < high {
            pieces.push(PlacedPiece {
                job: index,
                rank: 0,
                birth,
                death,
                low,
                high,
            });
        }
    };
    let mut since = job.birth;
    for gap in job.gaps() {
        take(since, gap.lower, offset, end);
        if let Some((low, high)) = gap.window {
            take(gap.lower, gap.upper, offset + low, offset + high);
        }
        since = gap.upper;
    }
    take(since, job.death, offset, end);
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
        let group = ground.grouped.then(|| &ground.jobs[piece.job as usize]);
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
        let heap = self.ground.jobs[piece.job as usize].heap;
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
        let id = |job: u32| self.ground.jobs[job as usize].id.clone();
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
