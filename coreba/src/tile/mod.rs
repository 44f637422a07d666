//! Tilings: rectangles put together to larger ones, until one is left.
//!
//! Where the load is LOAD nearly all the time, a placement at LOAD wastes nothing: it is
//! a tiling. Cutting a rectangle leaves marks by which its pieces are known, so the cuts
//! can be taken back, the last one first:
//!
//! ```text
//!  stack        chain          pinwheel
//! +-------+   +---+------+   +---+--------+
//! |   b   |   |   |      |   | l |   u    |   time from left to right,
//! +-------+   | a |  b   |   |   +---+----+   address upwards
//! |   a   |   |   |      |   |   | c |    |
//! +-------+   +---+------+   +---+---+ r  |
//!                            |   b   |    |
//!                            +-------+----+
//! ```
//!
//! - *Stack*: two blocks of one span, one upon the other.
//! - *Chain*: two blocks of one size, where one ends as the other begins, and no third
//!   block would do.
//! - *Pinwheel*: five blocks that no straight cut parts, found from the one in their
//!   middle: its span and size and those of one neighbour give the other three.
//!
//! None of these changes the load at any time, so the blocks' problem has the bound of
//! the jobs'. What they lose is placements: a wrong guess, of blocks that fit together by
//! chance, leaves pieces over. So the pairs that are the least likely to fit by chance are
//! joined first, and the exact search takes what is left, if that is little; else other
//! guesses are tried a few times. O(n log n) where few blocks begin or end together; where
//! many do, the steps are limited, and the answer is none.

mod blocks;
mod layout;

use rand::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::exact;
use crate::fit::Packing;
use crate::instance::{Core, Items, Subproblem};
use blocks::Blocks;

/// The largest part of LOAD that may be free, on average over the sections, for a
/// problem to be taken for a tiling.
const MOST_FREE: f64 = 0.002;

/// How often blocks are put together, each time with other guesses among equals.
const ROUNDS: u64 = 4;

/// Blocks that are left to the exact search at most.
const MOST_LEFT: usize = 400;

/// A packing of all items within LOAD, if they are a tiling and it is found. O(n) to see
/// that they are none.
pub(crate) fn pack(items: &Items, seed: u64, stop: &mut dyn FnMut() -> bool) -> Option<Packing> {
    if !is_tiling(items) {
        return None;
    }
    let all: Vec<u32> = (0..items.len() as u32).collect();
    let core = Core::new(items, &all)?;
    let mut positions = vec![0; items.len()];
    for component in &core.components {
        let found = put_together(&component.subproblem, seed, stop)?;
        for (&item, at) in component.items.iter().zip(found) {
            positions[item as usize] = at as u64;
        }
    }
    Some(Packing::at(items, positions))
}

/// Whether all items are plain rectangles without alignment, and the load is nearly LOAD
/// all the time. O(n).
fn is_tiling(items: &Items) -> bool {
    if !items.is_plain() || items.is_mixed() {
        return false;
    }
    let mut changes = vec![0i128; items.sections() + 1];
    for slab in items.all_slabs() {
        changes[slab.first as usize] += i128::from(slab.high);
        changes[slab.last as usize + 1] -= i128::from(slab.high);
    }
    let (mut load, mut peak, mut sum) = (0, 0, 0.0);
    for change in &changes[..items.sections()] {
        load += change;
        peak = peak.max(load);
        sum += load as f64;
    }
    sum >= peak as f64 * items.sections() as f64 * (1.0 - MOST_FREE)
}

/// Positions of all jobs of a subproblem within its load, if they are found by putting
/// blocks together.
fn put_together(
    subproblem: &Subproblem,
    seed: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Vec<i64>> {
    let load = subproblem.needs.iter().copied().max().unwrap_or(0);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    for _ in 0..ROUNDS {
        let mut blocks = Blocks::new(subproblem);
        if !blocks.put_together(&mut random, stop) {
            return None;
        }
        let left = blocks.left();
        let positions = match left.len() {
            1 => Some(vec![0]),
            2..=MOST_LEFT => exact::within(&blocks.subproblem(subproblem, &left), load, seed, stop),
            // One wrong guess leaves a few pieces over; so many, that guessing does not pay.
            _ => return None,
        };
        if let Some(positions) = positions {
            let jobs = subproblem.len();
            return Some(layout::positions(&blocks, &left, &positions, jobs));
        }
    }
    None
}
