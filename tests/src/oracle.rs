//! Answers that are known without any solver: brute force on a few small jobs,
//! and strategies that make such problems.

use common::job::{Job, Piece};
use common::problem::Problem;
use proptest::prelude::*;

/// Whether two jobs, at these offsets, share an address at some instant: by
/// comparing all their pieces, and nothing cleverer.
pub fn collide(a: (&Job, u64), b: (&Job, u64)) -> bool {
    if a.0.group().is_some() && a.0.group() == b.0.group() {
        return false;
    }
    let overlap = |p: Piece, q: Piece| {
        p.birth < q.death
            && q.birth < p.death
            && a.1 + p.low < b.1 + q.high
            && b.1 + q.low < a.1 + p.high
    };
    a.0.pieces().any(|p| b.0.pieces().any(|q| overlap(p, q)))
}

/// The smallest makespan, by trying all offsets of all jobs; for at most eight
/// jobs with small sizes. `None` where fixed offsets and alignments leave no
/// placement within `enough`.
pub fn optimum(problem: &Problem, start: u64, enough: u64) -> Option<u64> {
    let jobs = problem.jobs();
    let tallest = jobs.iter().map(|job| job.size).max().unwrap_or(0);
    (tallest..=enough).find(|&capacity| {
        let highest: Vec<u64> = jobs.iter().map(|job| capacity - job.size).collect();
        is_placeable(problem, start, &highest)
    })
}

/// Whether at most eight jobs can be placed such that no offset passes its
/// job's highest, which must be below 128: by trying all offsets of all jobs.
/// Offsets that collide with a placed job are struck out of what the others may
/// have, and the job with the fewest left comes next; nothing else is assumed.
pub fn is_placeable(problem: &Problem, start: u64, highest: &[u64]) -> bool {
    let jobs = problem.jobs();
    assert!(jobs.len() <= 8, "brute force takes at most 8 jobs");
    assert!(
        highest.iter().all(|&highest| highest < 128),
        "offsets are bits"
    );
    let pins = problem.pins();
    let domains = jobs
        .iter()
        .zip(highest)
        .zip(pins)
        .map(|((job, &highest), pin)| {
            let allowed = (0..=highest).filter(|&offset| {
                (start + offset).is_multiple_of(job.alignment)
                    && pin.is_none_or(|pin| pin == offset)
            });
            allowed.fold(0, |domain, offset| domain | 1u128 << offset)
        });
    let mut left: Vec<(usize, u128)> = domains.enumerate().collect();
    has_room(jobs, highest, &left) && extend(jobs, &mut left)
}

/// Whether at no instant the jobs without a group are more than there is room
/// for.
fn has_room(jobs: &[Job], highest: &[u64], left: &[(usize, u128)]) -> bool {
    let ends = jobs
        .iter()
        .zip(highest)
        .map(|(job, highest)| highest + job.size);
    let room = ends.max().unwrap_or(0);
    let pieces = || {
        let alone = jobs.iter().filter(|job| job.group().is_none());
        alone.flat_map(|job| job.pieces())
    };
    let load = |at: u64| -> u64 {
        let live = pieces().filter(|piece| piece.birth <= at && at < piece.death);
        live.map(|piece| piece.high - piece.low).sum()
    };
    left.iter().all(|&(_, domain)| domain != 0) && pieces().all(|piece| load(piece.birth) <= room)
}

/// Places the jobs that are left, each at one of the offsets in its domain.
fn extend(jobs: &[Job], left: &mut Vec<(usize, u128)>) -> bool {
    let fewest = (0..left.len()).min_by_key(|&index| left[index].1.count_ones());
    let Some(fewest) = fewest else {
        return true;
    };
    let (job, mut domain) = left.swap_remove(fewest);
    let mut fewer: Vec<(usize, u128)> = Vec::with_capacity(left.len());
    while domain != 0 {
        let offset = u64::from(domain.trailing_zeros());
        domain &= domain - 1;
        fewer.clear();
        fewer.extend(left.iter().map(|&(other, allowed)| {
            let struck = struck_out((&jobs[job], offset), &jobs[other]);
            (other, allowed & !struck)
        }));
        let is_open = fewer.iter().all(|&(_, allowed)| allowed != 0);
        if is_open && extend(jobs, &mut fewer) {
            return true;
        }
    }
    false
}

/// The offsets at which a job would collide with a placed one, or leave it alone
/// in their group.
fn struck_out((placed, at): (&Job, u64), job: &Job) -> u128 {
    if placed.group().is_some() && placed.group() == job.group() {
        return !(1 << at);
    }
    let below = |bits: u64| {
        if bits >= 128 {
            u128::MAX
        } else {
            (1 << bits) - 1
        }
    };
    let mut struck = 0;
    for p in placed.pieces() {
        for q in job.pieces() {
            if p.birth < q.death && q.birth < p.death {
                // Offsets x with x + q.low < at + p.high and at + p.low < x + q.high.
                let end = (at + p.high).saturating_sub(q.low);
                let from = (at + p.low + 1).saturating_sub(q.high);
                struck |= below(end) & !below(from);
            }
        }
    }
    struck
}

/// What a generated problem may have beside sizes and lifetimes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Constraints {
    /// Alignments up to 8.
    pub alignments: bool,
    /// Gaps, half of them with windows.
    pub gaps: bool,
    /// Fixed offsets.
    pub pins: bool,
    /// Groups of jobs.
    pub groups: bool,
}

/// Everything at once.
pub const ALL: Constraints = Constraints {
    alignments: true,
    gaps: true,
    pins: true,
    groups: true,
};

/// Problems of up to `most` jobs with sizes up to 6; those whose
/// pins cannot be kept are left out.
pub fn small_problems(most: usize, constraints: Constraints) -> impl Strategy<Value = Problem> {
    let job = (0u64..12, 1u64..8, 1u64..=6, any::<[u8; 8]>());
    proptest::collection::vec(job, 1..=most).prop_filter_map(
        "pins that cannot be kept",
        move |jobs| {
            let jobs = jobs
                .into_iter()
                .enumerate()
                .map(|(id, (birth, length, size, dice))| {
                    constrained(
                        Job::new(id as u64, birth, birth + length, size),
                        dice,
                        constraints,
                    )
                })
                .collect();
            let problem = Problem::new(jobs).ok()?;
            // A group's pin binds members of other alignments too.
            let kept = problem
                .jobs()
                .iter()
                .zip(problem.pins())
                .all(|(job, pin)| pin.is_none_or(|pin| pin.is_multiple_of(job.alignment)));
            kept.then_some(problem)
        },
    )
}

fn constrained(mut job: Job, dice: [u8; 8], constraints: Constraints) -> Job {
    let length = job.death - job.birth;
    if constraints.alignments {
        job.alignment = [1, 1, 2, 3, 4, 8][usize::from(dice[0]) % 6];
    }
    if constraints.gaps && dice[1].is_multiple_of(3) && length >= 3 {
        let lower = job.birth + u64::from(dice[2]) % (length - 1);
        let upper = lower + 1 + u64::from(dice[3]) % (job.death - lower);
        let low = u64::from(dice[4]) % job.size;
        let high = low + u64::from(dice[5]) % (job.size - low + 1);
        let window = (dice[1].is_multiple_of(2)).then_some((low, high));
        let upper = upper.min(job.death);
        job.extras_mut().gaps.push(common::job::Gap {
            lower,
            upper,
            window,
        });
    }
    if constraints.groups && dice[6].is_multiple_of(4) {
        job.extras_mut().group = Some(["a", "b"][usize::from(dice[6] / 4) % 2].into());
    }
    if constraints.pins && dice[7].is_multiple_of(8) {
        job.extras_mut().pin = Some(job.alignment * (u64::from(dice[7] / 8) % 3));
    }
    job
}

/// The folder with real instances, where it is present.
pub fn data() -> Option<std::path::PathBuf> {
    let folder = crate::workspace().parent()?.join("shared/data");
    if !folder.is_dir() {
        eprintln!("skipped: no real instances at {}", folder.display());
        return None;
    }
    Some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn what_is_struck_out_is_what_collides(problem in small_problems(4, ALL)) {
            let jobs = problem.jobs();
            for (a, b) in jobs.iter().zip(&jobs[1..]) {
                for at in 0..20 {
                    let struck = struck_out((a, at), b);
                    for offset in 0..40 {
                        let grouped = a.group().is_some() && a.group() == b.group();
                        let collides = collide((a, at), (b, offset)) || grouped && at != offset;
                        prop_assert_eq!(struck >> offset & 1 == 1, collides);
                    }
                }
            }
        }
    }
}
