//! How much memory a search of one component may take, before any is taken.
//!
//! For each run, beside what is linear: where jobs are in the lists of their sections
//! (8 bytes a section of a job); for two jobs that meet, an entry in either's neighbours
//! (4 bytes each) and a change of the one by the other (40); for each depth a conflict
//! of as many bits; and what a placement changes of the sections that its neighbours
//! live in (24 bytes each).

use crate::instance::{Paint, Subproblem};

/// An upper estimate in bytes for n jobs. O(n log n + sections).
pub(crate) fn needed(subproblem: &Subproblem) -> u64 {
    let (first, last) = (&subproblem.first, &subproblem.last);
    let spans = first.iter().zip(last);
    let spans: u64 = spans
        .map(|(&first, &last)| u64::from(last - first) + 1)
        .sum();
    let jobs = first.len() as u64;
    let terms = [
        8 * spans,
        48 * pairs(first, last),
        jobs.saturating_mul(jobs) / 8,
        24 * reach(subproblem),
    ];
    terms.into_iter().fold(0, u64::saturating_add)
}

/// Pairs of jobs that share a section: each job and those behind it, in the order of
/// births, that begin no later than it ends.
fn pairs(first: &[u32], last: &[u32]) -> u64 {
    let mut births = first.to_vec();
    births.sort_unstable();
    let begun = |last: &u32| births.partition_point(|birth| birth <= last) as u64;
    let jobs = first.len() as u64;
    // The job that is k-th in that order is not behind itself, nor are the k - 1 before it.
    last.iter().map(begun).sum::<u64>() - jobs * (jobs + 1) / 2
}

/// For each job the sections from the first to the last that one of those lives in that
/// it meets, in all.
fn reach(subproblem: &Subproblem) -> u64 {
    let (first, last) = (&subproblem.first, &subproblem.last);
    let sections = subproblem.sections();
    let mut order: Vec<usize> = (0..first.len()).collect();
    // The first birth, and the last death, of any that lives in a section.
    let (mut births, mut deaths) = (vec![0; sections], vec![0; sections]);
    order.sort_unstable_by_key(|&job| first[job]);
    let mut paint = Paint::new(sections);
    for &job in &order {
        paint.each(first[job], last[job], |at| births[at as usize] = first[job]);
    }
    order.sort_unstable_by_key(|&job| std::cmp::Reverse(last[job]));
    let mut paint = Paint::new(sections);
    for &job in &order {
        paint.each(first[job], last[job], |at| deaths[at as usize] = last[job]);
    }
    let of_job = |(&first, &last): (&u32, &u32)| {
        u64::from(deaths[last as usize] - births[first as usize]) + 1
    };
    first.iter().zip(last).map(of_job).sum()
}
