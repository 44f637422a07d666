//! Why a capacity cannot be met: a few jobs that already do not fit.
//!
//! A deletion filter: infeasibility is monotone (what does not fit does not fit
//! with more jobs either), so a job without which the rest still does not fit
//! can go for good, and one pass over single jobs leaves an irreducible set. The
//! jobs live at the peak are tried first, and halves, quarters and so on before
//! single jobs.

use common::load::load;
use common::problem::Problem;

use crate::{Options, Progress, SolveError, Status, solve};

/// Jobs that cannot be placed together within the capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// Their indices in the problem, ascending.
    pub jobs: Vec<usize>,
    /// Whether every smaller set of them is proved to fit. Where the time was up
    /// before, a job may be too many.
    pub irreducible: bool,
}

/// Looks for jobs that cannot be placed together within
/// [`Options::capacity`]. `None` where it is not proved that all of them
/// cannot, or no capacity is asked for. One decision problem a job of the
/// answer, and some more.
///
/// # Errors
/// Those of [`solve`].
pub fn explain(
    problem: &Problem,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Option<Explanation>, SolveError> {
    if options.capacity.is_none() {
        return Ok(None);
    }
    let mut decide = |jobs: &[usize]| -> Result<Status, SolveError> {
        let part = jobs.iter().map(|&job| problem[job].clone()).collect();
        // Parts of a sound problem are sound.
        let Ok(part) = Problem::new(part) else {
            return Ok(Status::Unknown);
        };
        match solve(&part, options, progress) {
            // Without the others a part can be on a coarser grid, where rounding
            // makes it too large.
            Err(SolveError::TooLarge) if jobs.len() < problem.len() => Ok(Status::Unknown),
            solved => Ok(solved?.status),
        }
    };
    let mut left: Vec<usize> = (0..problem.len()).collect();
    let peak = load(problem.jobs()).at;
    let live = |job: &usize| problem[*job].birth <= peak && peak < problem[*job].death;
    let at_peak: Vec<usize> = left.iter().copied().filter(live).collect();
    if decide(&at_peak)? == Status::Infeasible {
        left = at_peak;
    } else if decide(&left)? != Status::Infeasible {
        return Ok(None);
    }
    let mut chunk = left.len().div_ceil(2);
    loop {
        let (mut from, mut irreducible) = (0, true);
        while from < left.len() {
            let to = left.len().min(from + chunk);
            let without: Vec<usize> = left[..from].iter().chain(&left[to..]).copied().collect();
            match decide(&without)? {
                Status::Infeasible => left = without,
                status => {
                    irreducible &= status != Status::Unknown;
                    from = to;
                }
            }
        }
        if chunk <= 1 {
            return Ok(Some(Explanation {
                jobs: left,
                irreducible,
            }));
        }
        chunk = chunk.div_ceil(2);
    }
}
