//! Writes what came out into the caller's memory.

use std::ptr;
use std::time::Duration;

use coreba::{Placement, Solution};

use crate::abi::{Code, Outcome, Status, Stop, Versioned};
use crate::fault::{Fault, index};
use crate::input::{Input, declared_size, is_usable};

/// A struct of the caller's that is written, at the size that the caller gave it; nothing
/// where it gave NULL.
#[derive(Clone, Copy)]
pub(crate) struct Slot<T> {
    to: *mut T,
    size: usize,
}

impl<T: Versioned> Slot<T> {
    /// Looks at the size only.
    ///
    /// # Safety
    /// `to` is NULL or points to a `T` of some version that says its size.
    pub(crate) unsafe fn new(to: *mut T) -> Result<Slot<T>, Fault> {
        if to.is_null() {
            return Ok(Slot { to, size: 0 });
        }
        // SAFETY: as this function asks.
        let size = unsafe { declared_size(to)? };
        Ok(Slot { to, size })
    }

    /// Writes as much of `value` as the caller has room for, behind the size. What a newer
    /// version would have behind it becomes 0.
    ///
    /// # Safety
    /// As for [`Slot::new`], and nobody else uses the struct.
    pub(crate) unsafe fn write(self, value: T) {
        if self.to.is_null() {
            return;
        }
        let head = size_of::<usize>();
        let known = self.size.min(size_of::<T>());
        let (from, to) = (ptr::from_ref(&value).cast::<u8>(), self.to.cast::<u8>());
        // SAFETY: `size` bytes are the caller's, and `known` are no more than either has.
        unsafe {
            ptr::copy_nonoverlapping(from.add(head), to.add(head), known - head);
            ptr::write_bytes(to.add(known), 0, self.size - known);
        }
    }
}

/// Refuses an array of offsets that cannot be written, before any work is done.
pub(crate) fn check(offsets: *mut u64, count: usize) -> Result<(), Fault> {
    if count == 0 || is_usable(offsets) {
        return Ok(());
    }
    let message = "offsets is NULL or not aligned to 8 bytes: give it an element a job";
    Err(Fault::new(Code::Pointer, message))
}

/// Writes one offset a job; 0 for those of size 0, which are in no placement.
///
/// # Safety
/// `offsets` has room for as many as there are jobs, and nobody else uses it.
pub(crate) unsafe fn offsets(offsets: *mut u64, input: &Input, placement: &Placement) {
    let is_whole = input.problem.len() == input.count;
    if !is_whole {
        // SAFETY: as this function asks. It is not NULL: `count` is not 0.
        unsafe { ptr::write_bytes(offsets, 0, input.count) };
    }
    for (job, &offset) in input.problem.jobs().iter().zip(&placement.offsets) {
        // SAFETY: as this function asks; an index is less than `count`.
        unsafe { offsets.add(index(&job.id)).write(offset) };
    }
}

/// What C is told of a solution. `struct_size` is the caller's.
pub(crate) fn result(solution: &Solution, elapsed: Duration) -> Outcome {
    Outcome {
        struct_size: 0,
        makespan: solution.makespan,
        load: solution.load.peak,
        lower_bound: solution.lower_bound,
        evaluations: solution.evaluations,
        seconds: elapsed.as_secs_f64(),
        status: match solution.status {
            coreba::Status::Optimal => Status::Optimal,
            coreba::Status::Feasible => Status::Feasible,
            coreba::Status::Infeasible => Status::Infeasible,
            // A status that is not known here promises nothing.
            _ => Status::Unknown,
        },
        stop: match solution.stop {
            coreba::Stop::LowerBound => Stop::LowerBound,
            coreba::Stop::Exhausted => Stop::Exhausted,
            coreba::Stop::CapacityMet => Stop::CapacityMet,
            coreba::Stop::Infeasible => Stop::Infeasible,
            coreba::Stop::Timeout => Stop::Timeout,
            coreba::Stop::Iterations => Stop::Iterations,
            coreba::Stop::Interrupted => Stop::Interrupted,
            _ => Stop::Other,
        },
    }
}
