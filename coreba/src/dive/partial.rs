//! A partial packing: what a dive has placed so far, and what that leaves.

use crate::instance::{Paint, Subproblem};

/// What a dive placed: jobs in the order of placing, positions by job.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartialPacking {
    pub(crate) order: Vec<u32>,
    pub(crate) positions: Vec<i64>,
    pub(crate) top: i64,
}

impl PartialPacking {
    /// Nothing of a subproblem's jobs.
    pub(crate) fn of(subproblem: &Subproblem) -> PartialPacking {
        PartialPacking {
            order: Vec::with_capacity(subproblem.len()),
            positions: vec![0; subproblem.len()],
            top: subproblem.ground,
        }
    }

    /// Adds a packing of what this one left; `members` says which job of this
    /// one's subproblem each of its jobs is.
    pub(crate) fn extend(&mut self, more: &PartialPacking, members: &[u32]) {
        for &job in &more.order {
            let member = members[job as usize];
            self.order.push(member);
            self.positions[member as usize] = more.positions[job as usize];
        }
        self.top = self.top.max(more.top);
    }

    /// What is left of a subproblem after the first `from` jobs, on top of them,
    /// and which of its jobs each of those left is. O(n + sections).
    pub(crate) fn tail(&self, subproblem: &Subproblem, from: usize) -> (Subproblem, Vec<u32>) {
        let placed = &self.order[..from];
        let mut left = vec![true; subproblem.len()];
        for &job in placed {
            left[job as usize] = false;
        }
        let members: Vec<u32> = (0..subproblem.len() as u32)
            .filter(|&job| left[job as usize])
            .collect();
        let tail = subproblem.part(&members, self.skyline(subproblem, placed));
        (tail, members)
    }

    /// By how much it passes a target, summed over sections.
    pub(crate) fn excess(&self, subproblem: &Subproblem, target: i64) -> i128 {
        let tops = self.skyline(subproblem, &self.order);
        tops.into_iter()
            .map(|top| i128::from((top - target).max(0)))
            .sum()
    }

    /// The skyline after placing some jobs: each section's last job decides, so
    /// they are gone through from the last to the first, each painting what is
    /// not painted yet.
    fn skyline(&self, subproblem: &Subproblem, placed: &[u32]) -> Vec<i64> {
        let mut floor = subproblem.floor.clone();
        let mut paint = Paint::new(subproblem.sections());
        for &job in placed.iter().rev() {
            let job = job as usize;
            let top = self.positions[job] + subproblem.size[job];
            paint.each(subproblem.first[job], subproblem.last[job], |section| {
                floor[section as usize] = top
            });
        }
        floor
    }
}
