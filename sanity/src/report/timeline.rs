//! What births and deaths alone tell: conflicts, churn, spreads. All by
//! sorting, never by looking at pairs: O(n log n) time, O(n) memory.

use common::job::Job;
use serde::Serialize;

/// How fast the jobs come and go.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Churn {
    /// Jobs over LOAD: allocations per byte of LOAD.
    pub jobs_over_load: f64,
    /// Sum of the requested sizes over LOAD: how often the memory was filled.
    pub requested_over_load: f64,
    /// Jobs in whose lifetime, after its first instant, no other is born.
    pub freed_at_once: u64,
    /// Their share of the jobs.
    pub freed_at_once_share: f64,
}

/// How hard the jobs are to place.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Hardness {
    /// The smallest size.
    pub smallest: u64,
    /// The median size: the lower one of two.
    pub median: u64,
    /// Standard deviation of the sizes over their mean.
    pub size_spread: f64,
    /// Standard deviation of the deaths over the whole time, from the first
    /// birth to the last death.
    pub death_spread: f64,
    /// Pairs of jobs that conflict.
    pub conflicts: u64,
    /// Conflicting pairs over all pairs.
    pub conflict_density: f64,
}

/// The jobs' births, deaths and sizes, sorted.
pub(super) struct Timeline {
    /// Each birth with its death, by birth.
    lives: Vec<(u64, u64)>,
    deaths: Vec<u64>,
    sizes: Vec<u64>,
}

impl Timeline {
    pub(super) fn new(jobs: &[Job]) -> Timeline {
        // Files mostly come by birth or by death: a sort that keeps runs is
        // quicker then.
        let mut lives: Vec<(u64, u64)> = jobs.iter().map(|job| (job.birth, job.death)).collect();
        lives.sort_by_key(|life| life.0);
        let mut deaths: Vec<u64> = jobs.iter().map(|job| job.death).collect();
        deaths.sort();
        let mut sizes: Vec<u64> = jobs.iter().map(|job| job.size).collect();
        sizes.sort_unstable();
        Timeline {
            lives,
            deaths,
            sizes,
        }
    }

    pub(super) fn churn(&self, jobs: &[Job], load: u64) -> Churn {
        let requested: u128 = jobs.iter().map(|job| u128::from(job.requested)).sum();
        let freed_at_once = self.freed_at_once();
        Churn {
            jobs_over_load: share(jobs.len() as f64, load as f64),
            requested_over_load: share(requested as f64, load as f64),
            freed_at_once,
            freed_at_once_share: share(freed_at_once as f64, jobs.len() as f64),
        }
    }

    fn freed_at_once(&self) -> u64 {
        let mut next = u64::MAX;
        let mut count = 0;
        for born_together in self.lives.chunk_by(|a, b| a.0 == b.0).rev() {
            let at_once = born_together.iter().filter(|life| life.1 <= next);
            count += at_once.count() as u64;
            next = born_together[0].0;
        }
        count
    }

    pub(super) fn hardness(&self, jobs: &[Job]) -> Hardness {
        let count = jobs.len() as u64;
        let first = self.lives.first().map_or(0, |life| life.0);
        let last = self.deaths.last().copied().unwrap_or(0);
        let conflicts = conflicts(self.lives.iter().map(|life| life.0), &self.deaths)
            - conflicts_in_groups(jobs);
        let (mean, deviation) = deviation(&self.sizes);
        Hardness {
            smallest: self.sizes.first().copied().unwrap_or(0),
            median: self
                .sizes
                .get(jobs.len().saturating_sub(1) / 2)
                .copied()
                .unwrap_or(0),
            size_spread: share(deviation, mean),
            death_spread: share(self::deviation(&self.deaths).1, (last - first) as f64),
            conflicts,
            conflict_density: share(conflicts as f64, pairs(count) as f64),
        }
    }
}

/// `part / whole`, and 0 where there is no whole.
pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

fn pairs(count: u64) -> u64 {
    count * count.saturating_sub(1) / 2
}

/// Two jobs do not conflict when one dies before or when the other is born:
/// for each birth, the deaths up to it are just the pairs that it ends.
fn conflicts(births: impl Iterator<Item = u64>, deaths: &[u64]) -> u64 {
    let mut dead = 0;
    let mut apart = 0;
    for birth in births {
        while dead < deaths.len() && deaths[dead] <= birth {
            dead += 1;
        }
        apart += dead as u64;
    }
    pairs(deaths.len() as u64) - apart
}

/// Members of a group never conflict with each other.
fn conflicts_in_groups(jobs: &[Job]) -> u64 {
    let mut members: Vec<(&str, u64, u64)> = jobs
        .iter()
        .filter_map(|job| Some((job.group()?, job.birth, job.death)))
        .collect();
    members.sort_unstable();
    members
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| {
            let mut deaths: Vec<u64> = group.iter().map(|member| member.2).collect();
            deaths.sort_unstable();
            conflicts(group.iter().map(|member| member.1), &deaths)
        })
        .sum()
}

/// Mean and standard deviation of sorted values; sorted, so that the order of
/// the jobs cannot change a rounding.
fn deviation(sorted: &[u64]) -> (f64, f64) {
    if sorted.is_empty() {
        return (0.0, 0.0);
    }
    let count = sorted.len() as f64;
    let sum: u128 = sorted.iter().map(|&value| u128::from(value)).sum();
    let mean = sum as f64 / count;
    let squares: f64 = sorted
        .iter()
        .map(|&value| (value as f64 - mean).powi(2))
        .sum();
    (mean, (squares / count).sqrt())
}
