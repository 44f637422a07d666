//! Every heuristic by name, each of which can be left out, to see what it earns.
//!
//! Leaving one out changes the work, never a verdict. The table of what each is
//! worth is in the README, made by the bench `ablation`.

use std::fmt;
use std::str::FromStr;

macro_rules! heuristics {
    ($($(#[doc = $purpose:literal])+ $variant:ident = $name:literal,)+) => {
        /// A technique that can be left out.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Heuristic {
            $($(#[doc = $purpose])+ $variant,)+
        }

        impl Heuristic {
            /// All of them.
            pub const ALL: &'static [Heuristic] = &[$(Heuristic::$variant,)+];

            /// What the command line calls it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Heuristic::$variant => $name,)+
                }
            }

            /// What it does, in one sentence.
            pub fn purpose(self) -> &'static str {
                match self {
                    $(Heuristic::$variant => concat!($($purpose,)+).trim_start(),)+
                }
            }
        }
    };
}

heuristics! {
    /// Sets aside jobs that fit whatever the others do.
    Peeling = "peeling",
    /// Packs upside down where the target ends inside a unit of the grid.
    UpsideDown = "upside-down",
    /// Makes an allocator's online best fit the first answer.
    Baseline = "baseline",
    /// Places the neediest section's jobs where slack is small.
    SlackRule = "slack-rule",
    /// Passes over jobs that force waste beside them.
    Lookahead = "lookahead",
    /// Redoes the last jobs of the best dive.
    Tails = "tails",
    /// Takes a dive back to where waste came from.
    Rewind = "rewind",
    /// Carries several partial packings on side by side.
    Beam = "beam",
    /// Glues jobs of one size into chains.
    Gluing = "gluing",
    /// Fills the gaps of chains with short jobs.
    Fillers = "fillers",
    /// Draws weights near those that did best.
    Elite = "elite",
    /// Packs in orders near the largest first, beside the dives.
    Orders = "orders",
    /// Squeezes what was packed in an order by first fit, again and again.
    Squeeze = "squeeze",
    /// Lowers a limit and ejects what weighs least, beside the dives.
    Ejection = "ejection",
    /// Puts rectangles together to larger ones where the load is flat.
    Tiling = "tiling",
    /// Searches small cores completely.
    Exact = "exact",
    /// Searches a few items of any kind completely.
    Disjunctive = "disjunctive",
    /// Bounds at every level of a section, not at its floor alone.
    HeadBound = "head-bound",
    /// Bounds that count the padding that mixed alignments force; also before any search.
    StackBound = "stack-bound",
    /// Bounds by items that conflict pairwise, though never all at once; before any search.
    CliqueBound = "clique-bound",
    /// Returns to the deepest decision that a failure involves.
    Backjumping = "backjumping",
    /// Tries one of several equal jobs.
    Twins = "twins",
    /// Begins anew with other orders when a run of the exact search takes long; without it only a deadline ends a run.
    Restarts = "restarts",
    /// Packs all others around the hints that agree with one another.
    HintsAround = "hints-around",
    /// Pushes aside what lies at a hint.
    HintsAside = "hints-aside",
    /// Searches for the most hints that can be kept, of few items.
    HintsMost = "hints-most",
}

impl fmt::Display for Heuristic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no heuristic has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a heuristic: see `Heuristic::ALL`")]
pub struct UnknownHeuristic(String);

impl FromStr for Heuristic {
    type Err = UnknownHeuristic;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Heuristic::ALL.iter().copied();
        all.find(|heuristic| heuristic.name() == name)
            .ok_or_else(|| UnknownHeuristic(name.to_owned()))
    }
}

/// What is left out. Default: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without(u64);

impl Without {
    /// Leaves one more out.
    pub fn insert(&mut self, heuristic: Heuristic) {
        self.0 |= 1 << heuristic as u64;
    }

    /// Whether one is left out.
    pub fn contains(self, heuristic: Heuristic) -> bool {
        self.0 >> heuristic as u64 & 1 == 1
    }

    /// Whether one is used.
    pub(crate) fn keeps(self, heuristic: Heuristic) -> bool {
        !self.contains(heuristic)
    }
}

impl FromIterator<Heuristic> for Without {
    fn from_iter<I: IntoIterator<Item = Heuristic>>(heuristics: I) -> Self {
        let mut without = Without::default();
        heuristics
            .into_iter()
            .for_each(|heuristic| without.insert(heuristic));
        without
    }
}
