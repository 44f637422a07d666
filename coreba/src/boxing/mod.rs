//! Boxing: dynamic storage allocation with a guarantee relative to LOAD.
//!
//! Buchsbaum, Karloff, Kenyon, Reingold and Thorup, "OPT versus LOAD in Dynamic
//! Storage Allocation", SIAM J. Comput. 2004, made practical in arXiv
//! 2504.04874. Jobs are put into *boxes*, which are jobs of a larger height and
//! a longer life, boxes into larger boxes, until all boxes have one height.
//! Those are coloured as intervals, which wastes nothing; unboxed again, every
//! item has a loose offset, and first fit squeezes the air out.
//!
//! One file a result:
//!
//! | file | result |
//! |---|---|
//! | [`lemma1`] | one height, all live at a common time |
//! | [`theorem2`] | one height, any lifetimes |
//! | [`corollary15`] | many heights, boxes of one height |
//! | [`theorem16`] | rounds of boxing for any ratio of heights |
//! | [`unbox`] | loose offsets |
//! | [`mod@drop`] | a quick squeeze that keeps the guarantee |
//! | [`search`] | restarts, and orders for first fit |
//!
//! Times are sections, heights are units of the grid (see [`crate::instance`]).
//! Constants are proved where they are stated, in place of the paper's
//! O-notation, so that tests can hold the code to them.
//!
//! **What the practical variant changes, and why.**
//!
//! - The guarantee of Theorem 16 needs jobs that are tiny beside LOAD; on real
//!   instances it says nothing. So e is not chosen by it but searched for what
//!   shrinks r most, with a dummy job where r is too small for any e.
//! - Random critical times join the ends of the gaps, so that the levels of
//!   Theorem 2 are few, and boxes are cut where nothing lives in them.
//! - What comes out is an order, not a placement. First fit in the order of loose
//!   offsets is the squeeze proper; derived orders (by class, by level) are
//!   squeezed as well, and restarts with other parameters keep the best.
//! - The hard core alone is boxed by turns with all items: what is peeled always
//!   fits, so the boxes are spent on what does not.
//!
//! **When it wins.** Measured beside the other techniques for 3 s each
//! (`benches/results/2026-11-23-boxing.csv`; the machine was busy): against the
//! order search it wins on what is made to be bad for first fit (0 % over the
//! bound instead of 1.67 %), on two of minimalloc's six files, on one of two of
//! the contest's and on one trace of four; with equal work, on training steps and
//! a compiler's file with gaps added. It loses on the guillotine classes, and in
//! so short a time on two compilers' files by one or two per cent: some hundred
//! restarts, which are to make up for what the single boxing of the theory is
//! worse, take longer there. On flat loads (malloc-like) and on guillotine cuts
//! of a hundred thousand jobs or more it finds nothing better than an online best
//! fit. Where all jobs are plain the dives beat it everywhere, or meet the bound
//! sooner. So it is a method to compare with, and a member of the portfolio only
//! where orders are searched, with turns that become rare where it does not pay.
//!
//! An item of several rectangles (gaps, groups) is boxed as its hull, one of
//! fixed position is not boxed; alignment, start address and all else is the
//! squeeze's to honour.

#[cfg(test)]
mod against_orders;
mod colour;
mod corollary15;
mod drop;
mod jobs;
mod lemma1;
mod search;
mod searcher;
#[cfg(test)]
mod tests;
mod theorem16;
mod theorem2;
mod unbox;

pub(crate) use searcher::Boxings;
