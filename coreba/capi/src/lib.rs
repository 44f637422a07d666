//! The C library: arrays of jobs in, offsets out, over [`coreba::solve`] and the
//! verifier. `include/idealloc.h` is made from this file and `abi`.
//!
//! Sizes and offsets are in bytes, lifetimes half-open `[lower, upper)`. Nothing here
//! decides anything about a placement: `input` turns a caller's memory into a problem and
//! options, `output` writes what came out, `fault` says what went wrong, and `listener`
//! passes progress on. A call keeps no memory and no state, but for how many threads there are.
#![warn(
    missing_docs,
    unreachable_pub,
    clippy::undocumented_unsafe_blocks,
    clippy::missing_safety_doc
)]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod abi;
mod fault;
mod input;
mod listener;
mod output;
#[cfg(test)]
mod tests;

use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::abi::{Code, Error, Options, Outcome, Problem};
use crate::fault::Fault;
use crate::listener::Listener;

/// The version of the library that runs, as "0.1.0": a static string. IDEALLOC_VERSION_MAJOR
/// and its like are those of the header that the program was compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn idealloc_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Computes one offset a job, such that jobs which live at the same time do not overlap
/// and the makespan is as small as the limits allow. The placement has passed the
/// independent verifier.
///
/// `options` may be NULL for the defaults, `result` and `error` where they are not wanted.
/// `offsets` has room for `problem->count` values, and may be one of the problem's arrays.
/// On failure only `error` is written. Any number of threads may call at the same time.
///
/// With a capacity, IDEALLOC_CODE_OK does not mean that the placement is within it: see
/// `result->status`.
///
/// # Safety
/// Every pointer is NULL where that is allowed, or points to what it is said to point to,
/// of which nobody else writes anything during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idealloc_solve(
    problem: *const Problem,
    options: *const Options,
    offsets: *mut u64,
    result: *mut Outcome,
    error: *mut Error,
) -> Code {
    let work = || {
        let begun = Instant::now();
        // SAFETY: the caller's pointers are as this function asks.
        let (input, options, result) = unsafe {
            let input = input::problem(problem)?;
            let options = input::options(options, begun)?;
            output::check(offsets, input.count)?;
            (input, options, output::Slot::new(result)?)
        };
        let mut listener = options.listener.map(Listener::new);
        let mut nobody = ();
        let progress: &mut dyn coreba::Progress = match &mut listener {
            Some(listener) => listener,
            None => &mut nobody,
        };
        let solution = coreba::solve(&input.problem, &options.solver, progress)?;
        // SAFETY: as above, and `check` has seen `offsets`.
        unsafe {
            output::offsets(offsets, &input, &solution.placement);
            result.write(output::result(&solution, begun.elapsed()));
        }
        Ok(())
    };
    // SAFETY: as above.
    unsafe { guarded(error, work) }
}

/// Checks a placement against everything that `problem` says, with code that shares nothing
/// with the solver: overlaps, alignment of `start + offset`, fixed offsets, groups. Hints ask
/// for nothing. The first violation found is the code, and `error` names its jobs.
///
/// `offsets` holds `problem->count` values; those of jobs of size 0 are not looked at. `error`
/// may be NULL. Any number of threads may call at the same time.
///
/// # Safety
/// Every pointer is NULL where that is allowed, or points to what it is said to point to,
/// of which nobody else writes anything during the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn idealloc_verify(
    problem: *const Problem,
    start: u64,
    offsets: *const u64,
    error: *mut Error,
) -> Code {
    let work = || {
        // SAFETY: the caller's pointers are as this function asks.
        let (input, placement) = unsafe {
            let input = input::problem(problem)?;
            let placement = input::placement(offsets, &input)?;
            (input, placement)
        };
        Ok(coreba::check::verify(&input.problem, &placement, start)?)
    };
    // SAFETY: as above.
    unsafe { guarded(error, work) }
}

/// Does the work, and tells `error` how it went. A panic, which would be a defect, ends here.
///
/// # Safety
/// `error` is NULL, or points to an error that nobody else uses.
unsafe fn guarded(error: *mut Error, work: impl FnOnce() -> Result<(), Fault>) -> Code {
    // SAFETY: `error` is as this function asks.
    let slot = match unsafe { output::Slot::new(error) } {
        Ok(slot) => slot,
        Err(fault) => return fault.code,
    };
    // What the work was about is dropped, and what it wrote to stays as it is: nothing
    // that a panic left half done is looked at again.
    let outcome = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Fault::panicked()));
    let report = match outcome {
        Ok(()) => Fault::none(),
        Err(fault) => fault,
    };
    // SAFETY: as above.
    unsafe { slot.write(report.to_c()) };
    report.code
}
