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

/// The jobs' births, deaths and sizes, each sorted by itself.
pub(super) struct Timeline {
    births: Vec<u64>,
    deaths: Vec<u64>,
    sizes: Vec<u64>,
}

impl Timeline {
    pub(super) fn new(jobs: &[Job]) -> Timeline {
        let sorted = |field: fn(&Job) -> u64| {
            let mut values: Vec<u64> = jobs.iter().map(field).collect();
            values.sort_unstable();
            values
        };
        Timeline {
            births: sorted(|job| job.birth),
            deaths: sorted(|job| job.death),
            sizes: sorted(|job| job.size),
        }
    }

    pub(super) fn churn(&self, jobs: &[Job], load: u64) -> Churn {
        let requested: u128 = jobs.iter().map(|job| u128::from(job.requested)).sum();
        let freed_at_once = self.freed_at_once(jobs);
        Churn {
            jobs_over_load: share(jobs.len() as f64, load as f64),
            requested_over_load: share(requested as f64, load as f64),
            freed_at_once,
            freed_at_once_share: share(freed_at_once as f64, jobs.len() as f64),
        }
    }

    fn freed_at_once(&self, jobs: &[Job]) -> u64 {
        let mut distinct = self.births.clone();
        distinct.dedup();
        let mut count = 0;
        // Jobs mostly come in an order near that of their births or deaths, so
        // the next birth is mostly near the last one looked up.
        let mut at = 0;
        for job in jobs {
            if !(at < distinct.len() && distinct[at] == job.birth) {
                at = distinct.partition_point(|&birth| birth < job.birth);
            }
            at += 1;
            count += u64::from(distinct.get(at).is_none_or(|&next| next >= job.death));
        }
        count
    }

    pub(super) fn hardness(&self, jobs: &[Job]) -> Hardness {
        let count = jobs.len() as u64;
        let first = self.births.first().copied().unwrap_or(0);
        let last = self.deaths.last().copied().unwrap_or(0);
        let conflicts = conflicts(&self.births, &self.deaths) - conflicts_in_groups(jobs);
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
fn conflicts(births: &[u64], deaths: &[u64]) -> u64 {
    let mut dead = 0;
    let mut apart = 0;
    for &birth in births {
        while dead < deaths.len() && deaths[dead] <= birth {
            dead += 1;
        }
        apart += dead as u64;
    }
    pairs(births.len() as u64) - apart
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
            let births: Vec<u64> = group.iter().map(|member| member.1).collect();
            let mut deaths: Vec<u64> = group.iter().map(|member| member.2).collect();
            deaths.sort_unstable();
            conflicts(&births, &deaths)
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
