#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod boxing;
mod dive;
mod eject;
mod exact;
mod explain;
mod fit;
mod hints;
mod instance;
mod options;
mod portfolio;
mod priority;
mod solution;

use std::time::{Duration, Instant};

use common::check::{self, Violation};
use common::job::{JobId, MAX_VALUE};
use common::load::Bounds;
use common::placement::Placement;
use common::problem::Problem;

pub use exact::Switches;
pub use explain::{Explanation, explain};
pub use options::{Improvement, Method, Options, Progress};
pub use solution::{Solution, Status, Stop};

use instance::Items;

/// Why there is no solution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// Remedy: a smaller start address.
    #[error("start address {0} is beyond 2^63 - 1")]
    Start(u64),
    /// Remedy: another start address, alignment or fixed offset.
    #[error(
        "job {id} is fixed at offset {pin}, and start {start} + {pin} is not a multiple of its alignment {alignment}"
    )]
    PinAlignment {
        /// The job.
        id: JobId,
        /// Where it is fixed.
        pin: u64,
        /// The start address.
        start: u64,
        /// Its alignment.
        alignment: u64,
    },
    /// Remedy: smaller sizes, alignments, fixed offsets or start address.
    #[error(
        "the sum of all sizes, alignments, the start address and the highest fixed offset passes 2^63 - 1"
    )]
    TooLarge,
    /// Remedy: smaller alignments within a group.
    #[error("job {0}: its group's alignments have no common multiple below 2^63")]
    GroupAlignment(JobId),
    /// Remedy: fewer than 2^32 pieces of jobs.
    #[error("{0} jobs are more than the solver can number")]
    TooMany(usize),
    /// A defect of this library: nothing that fails the verifier is given out.
    #[error("defect: the solver's placement is not valid: {0}")]
    Invalid(Violation),
}

/// Places all jobs of `problem` in one address space; heaps are not told
/// apart (see [`Problem::merge_heaps`]). The placement has passed
/// [`check::verify`]. O(n log n) a method and round of squeezing, in practice;
/// O(n log n) memory at worst a thread.
///
/// # Errors
/// [`SolveError`].
pub fn solve(
    problem: &Problem,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Solution, SolveError> {
    let begun = Instant::now();
    check_options(problem, options)?;
    let (bounds, items) = std::thread::scope(|scope| {
        let bounds = scope.spawn(|| Bounds::new(problem.jobs(), options.start));
        let items = Items::new(problem, options.start);
        (
            bounds
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            items,
        )
    });
    let Bounds { load, lower_bound } = bounds;
    let mut solution = Solution {
        placement: Placement::default(),
        makespan: 0,
        load,
        lower_bound,
        static_bound: lower_bound,
        status: Status::Optimal,
        stop: Stop::LowerBound,
        method: "none needed",
        evaluations: 0,
        hinted: 0,
        hints_kept: 0,
        nodes: 0,
        elapsed: Duration::ZERO,
    };
    if !problem.is_empty() {
        let items =
            items.map_err(|error| SolveError::GroupAlignment(problem[error.job].id.clone()))?;
        let most = items.most();
        if most > u128::from(MAX_VALUE) {
            return Err(SolveError::TooLarge);
        }
        // A larger capacity asks no more, and has no place on the grid.
        let reachable;
        let options = match options.capacity {
            Some(capacity) if u128::from(capacity) > most => {
                reachable = Options {
                    capacity: Some(most as u64),
                    ..options.clone()
                };
                &reachable
            }
            _ => options,
        };
        let lower_bound = if options.exact.stack_bound {
            lower_bound.max(exact::stack_bound(&items))
        } else {
            lower_bound
        };
        solution.static_bound = lower_bound;
        // What remains when the search ends: putting a placement together and
        // verifying it, about a microsecond a job.
        let mut remains = Duration::from_nanos(1000 * problem.len() as u64);
        let has_hints = problem.jobs().iter().any(|job| job.hint().is_some());
        if has_hints {
            remains += hints_time(options, begun);
        }
        let deadline = options
            .deadline
            .map(|deadline| deadline.checked_sub(remains).unwrap_or(deadline));
        let outcome = portfolio::run(&items, lower_bound, load.peak, options, deadline, progress);
        solution.makespan = outcome.packing.makespan;
        solution.placement = Placement {
            offsets: items.offsets(&outcome.packing.positions),
        };
        solution.method = outcome.method;
        solution.evaluations = outcome.evaluations;
        solution.lower_bound = lower_bound.max(outcome.lower_bound);
        solution.nodes = outcome.nodes;
        solution.stop = outcome.stop;
        if has_hints {
            settle_hints(problem, options, &mut solution, progress)?;
        }
        check::verify(problem, &solution.placement, options.start).map_err(SolveError::Invalid)?;
    }
    (solution.status, solution.stop) = verdict(&solution, options);
    solution.elapsed = begun.elapsed();
    Ok(solution)
}

/// Time to set aside for moving jobs to their hints: a tenth of what there is.
fn hints_time(options: &Options, begun: Instant) -> Duration {
    const MOST: Duration = Duration::from_millis(400);
    let left = options
        .deadline
        .map(|deadline| deadline.saturating_duration_since(begun));
    left.map_or(Duration::ZERO, |left| MOST.min(left / 10))
}

/// Moves jobs to their hints within the makespan that was reached.
fn settle_hints(
    problem: &Problem,
    options: &Options,
    solution: &mut Solution,
    progress: &mut dyn Progress,
) -> Result<(), SolveError> {
    let offsets = std::mem::take(&mut solution.placement.offsets);
    let mut stop = || {
        let is_late = |deadline: Instant| Instant::now() >= deadline;
        options.deadline.is_some_and(is_late) || progress.should_stop()
    };
    let settled = hints::settle(
        problem,
        options.start,
        offsets,
        solution.makespan,
        &mut stop,
    );
    let settled =
        settled.map_err(|error| SolveError::GroupAlignment(problem[error.job].id.clone()))?;
    (solution.hinted, solution.hints_kept) = hints::count(problem, &settled);
    solution.placement.offsets = settled;
    solution.makespan = solution.placement.makespan(problem);
    Ok(())
}

/// What is known about a solution, and what ended the search for it.
fn verdict(solution: &Solution, options: &Options) -> (Status, Stop) {
    let Solution {
        makespan,
        lower_bound,
        stop,
        ..
    } = *solution;
    match options.capacity {
        Some(capacity) if lower_bound > capacity => (Status::Infeasible, Stop::Infeasible),
        Some(capacity) if makespan > capacity => (Status::Unknown, stop),
        _ if makespan <= lower_bound => (Status::Optimal, Stop::LowerBound),
        _ => (Status::Feasible, stop),
    }
}

fn check_options(problem: &Problem, options: &Options) -> Result<(), SolveError> {
    let start = options.start;
    if start > MAX_VALUE {
        return Err(SolveError::Start(start));
    }
    let pieces: usize = problem
        .jobs()
        .iter()
        .map(|job| 1 + 2 * job.gaps().len())
        .sum();
    if u32::try_from(pieces).is_err() {
        return Err(SolveError::TooMany(pieces));
    }
    for (job, pin) in problem.jobs().iter().zip(problem.pins()) {
        if let Some(pin) = pin
            && !(start + pin).is_multiple_of(job.alignment)
        {
            let (id, alignment) = (job.id.clone(), job.alignment);
            return Err(SolveError::PinAlignment {
                id,
                pin,
                start,
                alignment,
            });
        }
    }
    Ok(())
}
