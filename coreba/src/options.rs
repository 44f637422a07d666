//! What a caller asks of [`solve`](crate::solve), and what it hears meanwhile.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::heuristics::Without;
use crate::solution::FoundBy;

/// How to solve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The start address in bytes: `start + offset` is what is aligned.
    /// Default 0; at most 2^63 - 1.
    pub start: u64,
    /// Threads to use. Default: those of the machine.
    pub threads: NonZeroUsize,
    /// When to stop, with the best so far. Default: never by the clock, and a
    /// hard problem takes for ever (see [`Options::within`]). The sequence of
    /// work does not depend on it.
    pub deadline: Option<Instant>,
    /// How many evaluations (dives, packings in one order, runs of another search) to
    /// do; reached at the end of a turn of a few. The same limit and seed give the same
    /// placement at any number of threads. Default: no limit.
    pub iterations: Option<u64>,
    /// Seed of all randomness. Default 0.
    pub seed: u64,
    /// Stop once the fragmentation is at most this fraction. Default: only at
    /// the lower bound.
    pub max_fragmentation: Option<f64>,
    /// Which techniques to use. Default: all, by turns.
    pub method: Method,
    /// Heuristics to leave out, to see what they are worth. Default: none.
    pub without: Without,
    /// Offsets in bytes to start from, one a job in the problem's order, `None`
    /// for what is new: an earlier placement of much the same jobs. The answer
    /// is never worse than packing in that order by first fit. Default: none.
    pub warm_start: Option<Vec<Option<u64>>>,
    /// A decision instead of an optimum: is there a placement within this many
    /// bytes? The search ends with the first one, or with a proof that there is
    /// none. Default: look for the smallest makespan.
    pub capacity: Option<u64>,
}

impl Options {
    /// Defaults with a time limit from now on: what a caller that cannot wait
    /// for a proof wants.
    pub fn within(time: Duration) -> Options {
        Options {
            deadline: Instant::now().checked_add(time),
            ..Options::default()
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            start: 0,
            threads: machine(),
            deadline: None,
            iterations: None,
            seed: 0,
            max_fragmentation: None,
            method: Method::Auto,
            without: Without::default(),
            warm_start: None,
            capacity: None,
        }
    }
}

/// How many threads the machine has. Asked once: that reads files, and takes longer than
/// ten jobs do.
fn machine() -> NonZeroUsize {
    static THREADS: OnceLock<NonZeroUsize> = OnceLock::new();
    *THREADS.get_or_init(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// A technique, to be forced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// All of them, by turns: what pays is learned during the run.
    #[default]
    Auto,
    /// Peeling and dives, without the exact search.
    Dive,
    /// Peeling and the exact search, without dives. Where the core is too large
    /// for it, only the placement that any budget gives is left, and
    /// [`Solution::too_large`](crate::Solution::too_large) says so.
    Exact,
    /// First fit and best fit in many orders, squeezed, and ejection search from
    /// the best where all items are plain rectangles.
    Fit,
    /// Boxing again and again, each boxing's loose placement squeezed.
    Boxing,
}

/// Listens to a solve, and may end it. `()` listens to nothing.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// /// Ends a solve when another thread says so.
/// struct Until<'a>(&'a AtomicBool);
///
/// impl coreba::Progress for Until<'_> {
///     fn should_stop(&mut self) -> bool {
///         self.0.load(Ordering::Relaxed)
///     }
/// }
/// ```
pub trait Progress {
    /// A better placement was found.
    fn improved(&mut self, _improvement: &Improvement) {}

    /// So many evaluations (dives or packings in one order) were done so far.
    fn evaluated(&mut self, _evaluations: u64) {}

    /// Whether to stop now, with the best so far. Asked often; must be quick.
    fn should_stop(&mut self) -> bool {
        false
    }
}

impl Progress for () {}

/// A better placement.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Improvement {
    /// Its makespan in bytes.
    pub makespan: u64,
    /// The best proved bound in bytes.
    pub lower_bound: u64,
    /// LOAD in bytes.
    pub load: u64,
    /// Who found it.
    pub found_by: FoundBy,
    /// Evaluations until then.
    pub evaluations: u64,
}
