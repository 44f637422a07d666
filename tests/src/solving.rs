//! Solving where the work is limited and the time is not, so that the same
//! seed gives the same answer.

use common::check;
use common::load::load;
use common::problem::Problem;
use coreba::{Options, Solution, solve};

/// The defaults, with a limit of work and a seed.
pub fn options(iterations: u64, seed: u64) -> Options {
    let mut options = Options::default();
    options.iterations = Some(iterations);
    options.seed = seed;
    options
}

/// Solves, and checks what holds of every solution.
pub fn solved(problem: &Problem, options: &Options) -> Solution {
    let solution = solve(problem, options, &mut ()).expect("the problem is sound");
    let verified = check::verify(problem, &solution.placement, options.start);
    assert_eq!(verified, Ok(()));
    assert_eq!(solution.makespan, solution.placement.makespan(problem));
    assert!(solution.lower_bound >= load(problem.jobs()).peak);
    assert!(solution.makespan >= solution.lower_bound);
    solution
}
