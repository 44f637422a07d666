//! Overlaps of placed jobs: a sweep over births and deaths with an ordered set of
//! the live address ranges, by the rank of where they start. In a valid state those
//! are disjoint, so a new one needs a look at its two neighbours only. Members of a
//! group may overlap one another; then a tree tells whose the ranges nearby are.

use std::collections::HashMap;

use rayon::slice::ParallelSliceMut as _;

use super::ranks::RankSet;
use super::violation::Violation;
use crate::job::Job;

/// Looks for two jobs, at these offsets, that share an address at some instant.
/// One address space a heap. O(n log n) time, O(n) memory, in n jobs and gaps. Long work is
/// divided among the threads of the pool that this is called in, see [`is_divided`].
pub(crate) fn verify(jobs: &[Job], offsets: &[u64]) -> Result<(), Violation> {
    let ground = Ground::new(jobs, offsets)?;
    if !is_divided(ground.pieces.len()) {
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

/// Whether work on so many pieces is divided: only in a pool that the caller has. The one
/// that rayon would start for the whole process never ends, and is lost to a process that
/// is forked, which would wait for it in vain.
fn is_divided(pieces: usize) -> bool {
    /// From here on a second thread pays.
    const WORTH_A_THREAD: usize = 100_000;
    pieces >= WORTH_A_THREAD && rayon::current_thread_index().is_some()
}

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
    /// Every heap and address at which a piece starts, ascending; one a piece where
    /// there are groups.
    starts: Vec<(u64, u64)>,
    /// The owner of each job, where there are groups; see [`Owners`].
    owners: Option<Vec<u32>>,
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
        let owners = owners(jobs);
        let heap = |piece: &PlacedPiece| jobs[piece.job as usize].heap;
        let mut order: Vec<(u64, u64, u32)> = (0u32..)
            .zip(&pieces)
            .map(|(index, piece)| (heap(piece), piece.low, index))
            .collect();
        if is_divided(order.len()) {
            order.par_sort_unstable();
        } else {
            order.sort_unstable();
        }
        let mut starts: Vec<(u64, u64)> = Vec::with_capacity(order.len());
        for (heap, low, index) in order {
            if owners.is_some() || starts.last() != Some(&(heap, low)) {
                starts.push((heap, low));
            }
            pieces[index as usize].rank = starts.len() as u32 - 1;
        }
        Ok(Ground {
            jobs,
            pieces,
            starts,
            owners,
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
        let owners = self.owners.as_ref();
        let mut sweep = Sweep {
            ground: self,
            live: RankSet::new(self.starts.len()),
            ranges: vec![Range { high: 0, job: 0 }; self.starts.len()],
            owners: owners.map(|owners| Owners::new(owners, self.starts.len())),
        };
        for event in &events {
            sweep.apply(event)?;
        }
        Ok(())
    }
}

/// The first job of each job's group, or the job itself; `None` without groups.
fn owners(jobs: &[Job]) -> Option<Vec<u32>> {
    if jobs.iter().all(|job| job.group().is_none()) {
        return None;
    }
    let mut first: HashMap<&str, u32> = HashMap::new();
    let of_job = (0u32..).zip(jobs).map(|(index, job)| match job.group() {
        Some(group) => *first.entry(group).or_insert(index),
        None => index,
    });
    Some(of_job.collect())
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

struct Sweep<'a> {
    ground: &'a Ground<'a>,
    /// The ranks of the starts of the live ranges.
    live: RankSet,
    /// The live ranges, by rank.
    ranges: Vec<Range>,
    /// Whose the live ranges are, where members of a group may overlap one another.
    owners: Option<Owners<'a>>,
}

impl Sweep<'_> {
    fn apply(&mut self, event: &Event) -> Result<(), Violation> {
        let (time, born) = (event.key >> 1, event.key & 1 == 1);
        let rank = event.rank as usize;
        if !born {
            self.live.remove(rank);
            if let Some(owners) = &mut self.owners {
                owners.remove(rank);
            }
            return Ok(());
        }
        let piece = &self.ground.pieces[event.piece as usize];
        let (high, job) = (piece.high, piece.job);
        let range = Range { high, job };
        let rival = match &self.owners {
            None => self.neighbour(rank, high),
            Some(owners) => self.rival(owners, rank, range),
        };
        if let Some(other) = rival {
            return Err(self.overlap(other, rank, range, time));
        }
        self.live.insert(rank);
        self.ranges[rank] = range;
        if let Some(owners) = &mut self.owners {
            owners.insert(rank, range);
        }
        Ok(())
    }

    /// A live range that is in the way of a new one, where all are disjoint: then only
    /// the neighbours can be.
    fn neighbour(&self, rank: usize, high: u64) -> Option<usize> {
        let starts = &self.ground.starts;
        let (heap, low) = starts[rank];
        let below = self
            .live
            .up_to(rank)
            .filter(|&other| starts[other].0 == heap && self.ranges[other].high > low);
        let above = self
            .live
            .from(rank)
            .filter(|&other| starts[other].0 == heap && starts[other].1 < high);
        below.or(above)
    }

    /// The same where those of one owner may overlap, and only those of different
    /// owners are disjoint.
    fn rival(&self, owners: &Owners<'_>, rank: usize, range: Range) -> Option<usize> {
        let starts = &self.ground.starts;
        let (heap, low) = starts[rank];
        let owner = owners.of_job[range.job as usize];
        let is_others = |&other: &usize| owners.of_job[self.ranges[other].job as usize] != owner;
        // What starts below and reaches up to here is of the owner of the nearest, as
        // it would else be in the way of that one.
        let nearest = self
            .live
            .up_to(rank)
            .filter(|&other| starts[other].0 == heap);
        if nearest.filter(is_others).is_some() {
            let first = starts.partition_point(|start| start.0 < heap);
            if owners.summary(first, rank).high > low {
                let mut below = self.live_from(first);
                return below.find(|&other| self.ranges[other].high > low);
            }
        }
        let end = starts.partition_point(|&start| start < (heap, range.high));
        let within = owners.summary(rank, end);
        if within.least < owner || within.most > owner {
            return self.live_from(rank).find(is_others);
        }
        None
    }

    /// The ranks of the live ranges from one on. O(n), so only where one is in the way.
    fn live_from(&self, rank: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.live.from(rank), |&at| self.live.from(at + 1))
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

/// Whose the live ranges are: a tree over their ranks. O(log n) an operation.
struct Owners<'a> {
    /// The owner of each job: the first job of its group, or itself.
    of_job: &'a [u32],
    /// The root is at 1, the children of i at 2i and 2i + 1, rank r at the half and r.
    nodes: Vec<Summary>,
}

/// What some live ranges have in common.
#[derive(Clone, Copy)]
struct Summary {
    /// The highest end.
    high: u64,
    /// The lowest and the highest owner.
    least: u32,
    most: u32,
}

impl Summary {
    const NOTHING: Summary = Summary {
        high: 0,
        least: u32::MAX,
        most: 0,
    };

    fn and(self, other: Summary) -> Summary {
        Summary {
            high: self.high.max(other.high),
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}

impl<'a> Owners<'a> {
    fn new(of_job: &'a [u32], ranks: usize) -> Owners<'a> {
        Owners {
            of_job,
            nodes: vec![Summary::NOTHING; 2 * ranks.next_power_of_two()],
        }
    }

    fn insert(&mut self, rank: usize, range: Range) {
        let owner = self.of_job[range.job as usize];
        let summary = Summary {
            high: range.high,
            least: owner,
            most: owner,
        };
        self.set(rank, summary);
    }

    fn remove(&mut self, rank: usize) {
        self.set(rank, Summary::NOTHING);
    }

    fn set(&mut self, rank: usize, summary: Summary) {
        let mut at = rank + self.nodes.len() / 2;
        self.nodes[at] = summary;
        while at > 1 {
            at /= 2;
            self.nodes[at] = self.nodes[2 * at].and(self.nodes[2 * at + 1]);
        }
    }

    /// Of the live ranges whose ranks are from `first` on and before `end`.
    fn summary(&self, first: usize, end: usize) -> Summary {
        let half = self.nodes.len() / 2;
        let (mut first, mut end) = (first + half, end + half);
        let mut summary = Summary::NOTHING;
        while first < end {
            if first % 2 == 1 {
                summary = summary.and(self.nodes[first]);
                first += 1;
            }
            if end % 2 == 1 {
                end -= 1;
                summary = summary.and(self.nodes[end]);
            }
            (first, end) = (first / 2, end / 2);
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::job::Gap;

    /// Jobs of few instants and bytes, some in groups whose members may be anywhere.
    fn placed_job(id: u64, dice: [u8; 8]) -> (Job, u64) {
        let [birth, length, size, offset, group, heap, gap, window] = dice.map(u64::from);
        let mut job = Job::new(id, birth % 8, birth % 8 + 2 + length % 6, 1 + size % 6);
        job.heap = heap % 2 * 4;
        if let Some(group) = ["a", "b"].get(group as usize % 4) {
            job = job.grouped(group);
        }
        if gap % 2 == 0 {
            let lower = job.birth + gap / 2 % (job.death - job.birth);
            let (low, high) = (window / 2 % job.size, job.size);
            job = job.with_gap(Gap {
                lower,
                upper: lower + 1,
                window: (window % 2 == 0).then_some((low, high)),
            });
        }
        (job, offset % 16)
    }

    fn collide((a, at): (&Job, u64), (b, other_at): (&Job, u64)) -> bool {
        let is_alias = a.group().is_some() && a.group() == b.group();
        let meets = a.pieces().any(|one| {
            b.pieces().any(|two| {
                one.birth < two.death
                    && two.birth < one.death
                    && at + one.low < other_at + two.high
                    && other_at + two.low < at + one.high
            })
        });
        !is_alias && a.heap == b.heap && meets
    }

    proptest! {
        #![proptest_config(crate::property_tests())]
        #[test]
        fn jobs_overlap_where_a_pair_does(
            dice in prop::collection::vec(any::<[u8; 8]>(), 0..9),
        ) {
            let placed = (0..).zip(dice).map(|(id, dice)| placed_job(id, dice));
            let (jobs, offsets): (Vec<Job>, Vec<u64>) = placed.unzip();
            let at = |index: usize| (&jobs[index], offsets[index]);
            let pairs = (0..jobs.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
            let clash = pairs.clone().any(|(a, b)| collide(at(a), at(b)));
            match verify(&jobs, &offsets) {
                Ok(()) => prop_assert!(!clash),
                Err(Violation::Overlap { first, second, .. }) => {
                    let index = |id| jobs.iter().position(|job| job.id == id).expect("known");
                    prop_assert!(collide(at(index(first)), at(index(second))));
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
