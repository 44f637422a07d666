//! Dives: packing the core from the bottom up, and searching over how.
//!
//! In: a [`Subproblem`](crate::instance::Subproblem) and a target in units. Out:
//! positions in units. A [`Diver`] packs greedily once; [`local_search`] varies
//! priorities, redoes tails and glues jobs into [`chains`]. Nothing here knows
//! of items, bytes or other searchers.

mod chains;
mod classes;
mod diver;
mod index;
pub(crate) mod local_search;
mod needs;
mod partial;
mod rule;
mod searcher;
mod skyline;

pub(crate) use searcher::Dives;
