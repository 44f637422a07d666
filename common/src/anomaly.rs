//! What a trace tells beside its jobs: how much it holds, and anomalies, counted by
//! kind.

use std::fmt;

use crate::text::counted;

/// What is odd about a trace, though it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Anomaly {
    /// A free of a pointer at which no block is live: ignored.
    UnknownFree,
    /// A realloc of a pointer at which no block is live: taken as an allocation.
    UnknownRealloc,
    /// A block allocated over one that is live, or a part of it: the old job ends.
    AllocatedWhileLive,
    /// A usable size below the requested one: the requested one counts.
    UsableBelowRequested,
    /// A pointer below its mapping's base: the block is a heap of its own.
    BelowMapping,
    /// A record that the end of the file cuts short: everything before it counts.
    CutRecord,
    /// A compressed file that ends before its content does: what it holds counts.
    CutCompression,
}

impl Anomaly {
    const ALL: [Anomaly; 7] = [
        Anomaly::UnknownFree,
        Anomaly::UnknownRealloc,
        Anomaly::AllocatedWhileLive,
        Anomaly::UsableBelowRequested,
        Anomaly::BelowMapping,
        Anomaly::CutRecord,
        Anomaly::CutCompression,
    ];
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Anomaly::UnknownFree => "free of an unknown pointer (ignored)",
            Anomaly::UnknownRealloc => "realloc of an unknown pointer (taken as an allocation)",
            Anomaly::AllocatedWhileLive => "block allocated where one is live (the old one ends)",
            Anomaly::UsableBelowRequested => "usable size below the requested size (raised to it)",
            Anomaly::BelowMapping => "pointer below its mapping (taken as a mapping of its own)",
            Anomaly::CutRecord => "record cut short by the end of the file (left out)",
            Anomaly::CutCompression => "compressed file cut short (used up to there)",
        })
    }
}

/// How often one kind of anomaly was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub count: u64,
    /// Byte offset of the first record of the kind.
    pub first_at: u64,
}

/// The anomalies of a trace, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies {
    counts: [Option<Count>; Anomaly::ALL.len()],
}

impl Anomalies {
    pub(crate) fn add(&mut self, anomaly: Anomaly, at: u64) {
        self.counts[anomaly as usize]
            .get_or_insert(Count {
                count: 0,
                first_at: at,
            })
            .count += 1;
    }

    /// The kinds that were met, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Anomaly, Count)> + '_ {
        Anomaly::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.counts[kind as usize]?)))
    }

    /// How often one kind was met.
    pub fn count(&self, anomaly: Anomaly) -> u64 {
        self.counts[anomaly as usize].map_or(0, |count| count.count)
    }

    /// Whether nothing odd was met.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(Option::is_none)
    }
}

/// Births and ends of blocks that are missing where calls pass the tracer by, as far as the
/// trace shows it: from the note on that says so, they are no anomalies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Blocks that were freed or reallocated, and whose birth the trace does not have: a
    /// free of one changes nothing, a realloc is an allocation.
    pub births: u64,
    /// Blocks at whose address another was allocated, and whose end the trace does not
    /// have: they end there.
    pub ends: u64,
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (births, ends) = (counted(self.births, "birth"), counted(self.ends, "end"));
        write!(f, "{births} and {ends} of blocks are known to be missing")
    }
}

/// What a trace tells beside its jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceSummary {
    /// Records read.
    pub events: u64,
    /// Jobs, one an allocation.
    pub allocations: u64,
    /// Jobs that were never freed: the last that are given out.
    pub never_freed: u64,
    /// Threads that made a recorded call.
    pub threads: u64,
    /// What was odd.
    pub anomalies: Anomalies,
    /// What is missing where calls pass the tracer by.
    pub unseen: Unseen,
}
