//! What a caller asks of [`solve`](crate::solve), and what it hears meanwhile.

use std::num::NonZeroUsize;

/// How to solve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The start address in bytes: `start + offset` is what is aligned.
    /// Default 0; at most 2^63 - 1.
    pub start: u64,
    /// Threads to use. Default: those of the machine.
    pub threads: NonZeroUsize,
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Options { start: 0, threads }
    }
}

/// Listens to a solve, and may end it. `()` listens to nothing.
pub trait Progress {
    /// A better placement was found.
    fn improved(&mut self, _improvement: &Improvement) {}

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
    /// The method that found it.
    pub method: &'static str,
}
