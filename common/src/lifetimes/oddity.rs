//! What is odd about a trace, counted by kind.

use std::fmt;

/// What is odd about a trace, though it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Oddity {
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

impl Oddity {
    const ALL: [Oddity; 7] = [
        Oddity::UnknownFree,
        Oddity::UnknownRealloc,
        Oddity::AllocatedWhileLive,
        Oddity::UsableBelowRequested,
        Oddity::BelowMapping,
        Oddity::CutRecord,
        Oddity::CutCompression,
    ];
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Oddity::UnknownFree => "free of an unknown pointer (ignored)",
            Oddity::UnknownRealloc => "realloc of an unknown pointer (taken as an allocation)",
            Oddity::AllocatedWhileLive => "block allocated where one is live (the old one ends)",
            Oddity::UsableBelowRequested => "usable size below the requested size (raised to it)",
            Oddity::BelowMapping => "pointer below its mapping (taken as a mapping of its own)",
            Oddity::CutRecord => "record cut short by the end of the file (left out)",
            Oddity::CutCompression => "compressed file cut short (used up to there)",
        })
    }
}

/// How often one kind of oddity was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub count: u64,
    /// Byte offset of the first record of the kind.
    pub first_at: u64,
}

/// The oddities of a trace, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    counts: [Option<Count>; Oddity::ALL.len()],
}

impl Oddities {
    pub(super) fn add(&mut self, oddity: Oddity, at: u64) {
        self.counts[oddity as usize]
            .get_or_insert(Count {
                count: 0,
                first_at: at,
            })
            .count += 1;
    }

    /// The kinds that were met, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Oddity, Count)> + '_ {
        Oddity::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.counts[kind as usize]?)))
    }

    /// How often one kind was met.
    pub fn count(&self, oddity: Oddity) -> u64 {
        self.counts[oddity as usize].map_or(0, |count| count.count)
    }

    /// Whether nothing odd was met.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(Option::is_none)
    }
}
