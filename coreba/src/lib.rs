#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod boxing;
mod dive;
mod eject;
mod exact;
mod explain;
mod fit;
mod heuristics;
mod hints;
mod instance;
mod options;
mod portfolio;
mod priority;
mod solution;
mod solve;
mod tile;

/// The Rust of the page for authors of compilers.
#[cfg(doctest)]
#[doc = include_str!("../compilers.md")]
struct Compilers;

pub use common::check::{self, Violation};
pub use common::job::{Gap, Job, JobFault, JobId};
pub use common::load::Load;
pub use common::placement::Placement;
pub use common::problem::{Problem, ProblemError};

pub use explain::{Explanation, explain};
pub use heuristics::{Heuristic, UnknownHeuristic, Without};
pub use options::{Improvement, Method, Options, Progress};
pub use solution::{Fit, FoundBy, OrderBy, Solution, Squeeze, Status, Stop, TooLarge};
pub use solve::{SolveError, solve};
