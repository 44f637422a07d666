//! The independent verifier: shares nothing with any solver, not even the reading
//! of gaps. O(n log n) time, O(n) memory.

pub(crate) mod overlaps;
mod ranks;
pub(crate) mod violation;

use std::collections::HashMap;

use crate::memory;
use crate::placement::Placement;
use crate::problem::Problem;
pub use violation::Violation;

/// Checks a placement against everything that the problem says, with one
/// address space a heap. Alignment applies to `start + heap + offset`, but to
/// `start + offset` where heaps are no addresses of a program but numbers of pools: each
/// pool begins at a multiple of every alignment.
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
    overlaps::verify(problem.jobs(), &placement.offsets)
}

fn verify_each(problem: &Problem, placement: &Placement, start: u64) -> Result<(), Violation> {
    let mut groups: HashMap<&str, usize> = HashMap::new();
    let are_addresses = memory::are_addresses(problem.jobs().iter().map(|job| job.heap));
    for (index, (job, &offset)) in problem.jobs().iter().zip(&placement.offsets).enumerate() {
        let heap = if are_addresses { job.heap } else { 0 };
        let address = u128::from(start) + u128::from(heap) + u128::from(offset);
        if address % u128::from(job.alignment) != 0 {
            let (id, alignment) = (job.id.clone(), job.alignment);
            return Err(Violation::Misaligned {
                id,
                start,
                heap,
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
