//! What a complete search says in the end.

/// What a search ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Positions in units, by job.
    Placed(Vec<i64>),
    /// The whole tree is exhausted: no placement is within the capacity.
    Infeasible,
    /// The limit of nodes was reached, or the search was stopped.
    Open,
}

/// What a run did.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) verdict: Verdict,
    /// Decisions that were tried.
    pub(crate) nodes: u64,
    /// What propagation cost beyond what it usually does, in decisions.
    pub(crate) extra: u64,
    /// The most jobs that were placed at once.
    pub(crate) deepest: usize,
}

impl Run {
    /// What it cost, in decisions.
    pub(super) fn cost(&self) -> u64 {
        self.nodes + self.extra
    }

    /// Refuted without a search: something alone does not fit.
    pub(super) fn refuted() -> Run {
        Run {
            verdict: Verdict::Infeasible,
            nodes: 0,
            extra: 0,
            deepest: 0,
        }
    }
}
