//! Solving a problem: bounds, the portfolio, hints, and the verifier.

use std::time::{Duration, Instant};

use common::check::{self, Violation};
use common::job::{JobId, MAX_VALUE};
use common::load::Bounds;
use common::placement::Placement;
use common::problem::Problem;

use crate::heuristics::Heuristic;
use crate::instance::{Items, NoCommonAlignment};
use crate::options::{Options, Progress};
use crate::portfolio::batch::Crew;
use crate::solution::{Solution, Status, Stop};
use crate::{exact, hints, portfolio};

/// Jobs for which a second thread pays at once.
const WORTH_A_THREAD: usize = 20_000;

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
    let mut crew = Crew::new(options, progress);
    let is_long = problem.len() >= WORTH_A_THREAD;
    let (bounds, items) = crew.threads().join(
        is_long,
        || Bounds::new(problem.jobs(), options.start),
        || Items::new(problem, options.start),
    );
    let mut solution = Solution::of_nothing(&bounds);
    if !problem.is_empty() {
        let items = items.map_err(|error| no_alignment(problem, error))?;
        let most = items.most();
        if most > u128::from(MAX_VALUE) {
            return Err(SolveError::TooLarge);
        }
        let mut options = options.clone();
        // A larger capacity asks no more, and has no place on the grid.
        options.capacity = options.capacity.map(|capacity| capacity.min(most as u64));
        if options.without.keeps(Heuristic::StackBound) {
            let stacked = exact::stack_bound(&items);
            solution.static_bound = solution.static_bound.max(stacked);
        }
        if options.without.keeps(Heuristic::CliqueBound) {
            let cliques = exact::clique_bound(&items);
            solution.static_bound = solution.static_bound.max(cliques);
        }
        let has_hints = problem.jobs().iter().any(|job| job.hint().is_some());
        crew.set_deadline(search_deadline(problem.len(), has_hints, &options, begun));
        let (bound, load) = (solution.static_bound, solution.load.peak);
        let outcome = portfolio::run(&items, bound, load, &options, &mut crew);
        crew.set_deadline(options.deadline);
        let mut offsets = items.offsets(&outcome.packing.positions);
        solution.makespan = outcome.packing.makespan;
        solution.found_by = outcome.found_by;
        solution.evaluations = outcome.evaluations;
        solution.lower_bound = outcome.bound;
        solution.nodes = outcome.nodes;
        solution.too_large = outcome.too_large;
        solution.stop = outcome.stop;
        if has_hints {
            let settled = hints::settle(problem, &options, offsets, solution.makespan, &mut || {
                crew.should_stop()
            });
            let settled = settled.map_err(|error| no_alignment(problem, error))?;
            (solution.hinted, solution.hints_kept) = (settled.hinted, settled.kept);
            offsets = settled.offsets;
        }
        solution.placement = Placement { offsets };
        solution.makespan = solution.placement.makespan(problem);
        let verified = || check::verify(problem, &solution.placement, options.start);
        let verified = crew.threads().within(verified);
        verified.map_err(SolveError::Invalid)?;
    }
    if solution.makespan <= solution.lower_bound {
        solution.too_large = None;
    }
    (solution.status, solution.stop) = verdict(&solution, options);
    solution.elapsed = begun.elapsed();
    Ok(solution)
}

/// When the search must end, so that what remains is done in time: putting a
/// placement together and verifying it, about a microsecond a job, and moving jobs
/// to their hints, a tenth of what there is.
fn search_deadline(
    jobs: usize,
    has_hints: bool,
    options: &Options,
    begun: Instant,
) -> Option<Instant> {
    const MOST: Duration = Duration::from_millis(400);
    let deadline = options.deadline?;
    let left = deadline.saturating_duration_since(begun);
    let mut remains = Duration::from_micros(jobs as u64);
    if has_hints {
        remains += MOST.min(left / 10);
    }
    Some(deadline.checked_sub(remains).unwrap_or(deadline))
}

fn no_alignment(problem: &Problem, error: NoCommonAlignment) -> SolveError {
    SolveError::GroupAlignment(problem[error.job].id.clone())
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
