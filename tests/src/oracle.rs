//! Answers that are known without any solver: brute force on a few small jobs,
//! and strategies that make such problems.

use common::job::{Job, Piece};
use common::load::lower_bound;
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
/// placement below `enough`.
pub fn optimum(problem: &Problem, start: u64, enough: u64) -> Option<u64> {
    assert!(problem.len() <= 8, "brute force takes at most 8 jobs");
    let jobs = problem.jobs();
    (lower_bound(jobs, start)..=enough)
        .find(|&capacity| fits(jobs, start, capacity, &mut Vec::new()))
}

/// Whether the jobs from the first without an offset on can be placed within a
/// capacity.
fn fits(jobs: &[Job], start: u64, capacity: u64, offsets: &mut Vec<u64>) -> bool {
    let Some(job) = jobs.get(offsets.len()) else {
        return true;
    };
    let Some(highest) = capacity.checked_sub(job.size) else {
        return false;
    };
    let shared = (0..offsets.len())
        .find(|&other| job.group().is_some() && jobs[other].group() == job.group())
        .map(|other| offsets[other]);
    let fixed = job.pin().or(shared);
    let range = fixed.map_or(0..=highest, |offset| offset..=offset.min(highest));
    for offset in range {
        let aligned = (start + offset).is_multiple_of(job.alignment);
        let agrees = shared.is_none_or(|shared| shared == offset);
        let clear = jobs
            .iter()
            .zip(&*offsets)
            .all(|(other, &at)| !collide((job, offset), (other, at)));
        if aligned && agrees && clear {
            offsets.push(offset);
            if fits(jobs, start, capacity, offsets) {
                return true;
            }
            offsets.pop();
        }
    }
    false
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
