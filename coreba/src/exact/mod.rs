//! Complete search at a fixed capacity: a placement, or a proof that none is
//! within it.
//!
//! Plain rectangles are searched by valley branching ([`valley`]); items of
//! several slabs, windows and pins by the orders of pairs ([`disjunctive`]). What
//! follows argues that the first misses nothing.
//!
//! **Setting.** Job j takes `size_j` units from its position `p_j` on over a
//! span of sections; `p_j` obeys its alignment and is at most `highest_j`,
//! which the capacity in bytes gives exactly. `align_j(x)` is the lowest
//! allowed position from x on.
//!
//! **Bottom-justified placements.** If a placement exists, moving jobs down
//! while any can move by one step of its alignment ends in one where each job
//! lies at `align_j(0)` or at `align_j(p_k + size_k)` for a job k below it that
//! shares a section: the step down is blocked by a job that ends at or below
//! `p_j` and above the position one step lower. So it is enough never to lose
//! one bottom-justified placement P. Kept along the branch that P takes:
//! placed jobs lie as in P, and `least_j <= p_j` for all others.
//!
//! **Branching.** The floor of a section is the smallest `least_j` of its
//! unplaced jobs. Take a maximal run of sections of one floor f between higher
//! ones (or where no unplaced job crosses), and in it one section s. Its
//! *candidates* D are the unplaced jobs with `least = f`. Either one of D lies
//! at f in P, which is one branch each, or none does: the *hole*.
//! - Candidate i at f. Its span lies inside the run, since its sections have
//!   floors of at most f. So any unplaced k that shares a section has
//!   `p_k >= f`, is not below i, and `p_k >= align_k(f + size_i)`.
//! - Hole. Each j in D has `p_j > f`, above every placed job that it meets
//!   (those have raised `least_j`), so in P it lies on an unplaced job k that it
//!   meets. If k is not in D, `p_j >= next_j`, the least of
//!   `align_j(least_k + size_k)` over those. Else follow the chain of supports
//!   down through D to its last member i, which lies on a job outside D:
//!   `p_j >= align_j(next_i + size_i)`. So `least_j` becomes the least of
//!   `next_j` and, over other i in D, `align_j(next_i + size_i)`.
//! - If the unplaced jobs of s fill it from f to its ceiling, or no stack of them
//!   starts above f ([`stack`]), one of them lies at f, and the hole is not tried.
//!
//! Jobs equal in span, size, alignment and highest position (*twins*) have
//! equal `least` while both are unplaced, as every rule treats them alike. With
//! P, P with two such candidates swapped is bottom-justified and obeys all that
//! is kept: only the first twin is tried.
//!
//! **Pruning.** The unplaced jobs of a section with `least >= w` need room from
//! w to the section's ceiling (the highest end of any of its jobs): the *head
//! bound*. Without that technique only w = floor is looked at. Where alignments
//! differ, the room includes padding that no order avoids ([`stack`]).
//!
//! **Conflicts.** Depth d's decision is the fact `p_i = f`, or, for a hole, the
//! facts `p_j >= least_j` that it derives. A conflict is a set of depths whose
//! facts alone leave no bottom-justified P. `p_k >= w` is explained by the
//! earliest change of `least_k` that reaches w: if a hole, by its depth; if i
//! placed at f, by its depth and by what explains `p_k > f - size_k` before,
//! which is all that puts k above i. A failed bound is explained by the jobs
//! that fail it, at the smallest level that still fails. If a child's conflict
//! lacks its own depth it is one for the ancestor too, and the siblings are not
//! tried. Else, with all children failed, the conflict is the union of theirs,
//! less this depth, and what makes the branching complete:
//! - in a full section, that its candidates are not below f and its other
//!   unplaced jobs above f;
//! - for a hole, `p_j >= f` for j in D, the depths of the placed jobs that D
//!   meets (elsewhere they might support), and for the unplaced k outside D
//!   levels from which supports reach what was derived. A job that could not
//!   support lower even from its lowest position needs none.
//!
//! Twins add nothing: up to the decision no fact tells them apart, so the
//! conflict of the one that was tried is, with the names swapped, the other's.
//!
//! Where no unplaced job crosses from a section to the next, the parts are
//! independent, and conflicts never mix them.

mod clique;
mod disjunctive;
mod few;
mod goal;
mod memory;
mod model;
mod order;
mod prover;
mod reasons;
mod stack;
#[cfg(test)]
mod tests;
mod valley;
mod verdict;
mod within;

pub(crate) use clique::bound as clique_bound;
pub(crate) use disjunctive::Disjunctive;
pub(crate) use few::Few;
pub(crate) use prover::{Prover, too_large};
pub(crate) use stack::bound as stack_bound;
pub(crate) use verdict::Verdict;
pub(crate) use within::within;
