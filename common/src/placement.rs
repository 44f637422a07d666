//! A placement: one offset a job.

use crate::problem::Problem;

/// Offsets in bytes, relative to the start address, in the problem's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// One offset a job.
    pub offsets: Vec<u64>,
}

impl Placement {
    /// The makespan: the largest `offset + size`, 0 without jobs. Heaps are
    /// taken as one address space. O(n).
    pub fn makespan(&self, problem: &Problem) -> u64 {
        self.offsets
            .iter()
            .zip(problem.jobs())
            .map(|(&offset, job)| offset.saturating_add(job.size))
            .max()
            .unwrap_or(0)
    }
}
