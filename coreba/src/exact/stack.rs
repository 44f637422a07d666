//! What alignment forces apart: the jobs of one section, stacked.
//!
//! Jobs that live in one section lie one above the other. Of a set S of them let
//! `end(S)` be the lowest end of a stack of S. Looking at its topmost job,
//!
//! ```text
//! end(S) = min over j in S of  up_j(end(S - j)) + size_j,
//! ```
//!
//! where `up_j(x)` is the lowest position from x on that j's alignment allows: what
//! is below ends no lower than `end(S - j)`, and `up_j` is monotone. So no
//! makespan is below `end` of all jobs of a section ([`bound`]). With jobs of
//! alignment 1 only that is LOAD; with mixed alignments it counts all padding
//! that no order of the stack avoids.
//!
//! From above, below given highest positions, the same gives `start(S)`, the
//! highest position at which the lowest job of a stack of S may begin:
//!
//! ```text
//! start(S) = max over j in S of  down_j(min(start(S - j) - size_j, highest_j)),
//! ```
//!
//! by the lowest job j of the stack. Where all of S have `least > start(S)`,
//! there is no room for them ([`Stacks`]).
//!
//! Either takes 2^k k steps for k jobs. Of more jobs than that allows the
//! coarsest are looked at: a bound for some of them is one for all.

use crate::instance::{Items, Slab};

/// Most jobs of a section that are stacked.
const MOST_JOBS: usize = 16;

/// Steps for all sections together, for the bound and for each capacity: some
/// 50 ms, and 10 ms.
const BOUND_STEPS: usize = 16_000_000;
const TABLE_STEPS: usize = 4_000_000;

/// Most items for which stacking is tried at all.
const MOST_ITEMS: usize = 2000;

/// Nothing of the kind: no room, or a job that is in no stack.
const NONE: u8 = u8::MAX;

/// How many jobs of each section to stack in so many steps, given how many
/// there are.
fn depth(most: usize, sections: impl Iterator<Item = usize> + Clone) -> usize {
    let steps = |depth: usize| -> usize {
        let jobs = sections.clone().map(|jobs| jobs.min(depth));
        jobs.map(|jobs| jobs << jobs).sum()
    };
    let fits = |&depth: &usize| steps(depth) <= most;
    (0..=MOST_JOBS).rev().find(fits).unwrap_or(0)
}

/// A box that must lie at an aligned position.
#[derive(Clone, Copy, Debug)]
struct Block {
    size: u64,
    bytes: u64,
    alignment: u64,
}

/// The lowest makespan in bytes that stacking leaves in any section; 0 where
/// alignments do not differ, or there are too many items. O(n^2) and
/// [`BOUND_STEPS`].
pub(crate) fn bound(items: &Items) -> u64 {
    if items.len() > MOST_ITEMS || !items.is_mixed() {
        return 0;
    }
    let mut sections: Vec<Vec<Block>> = vec![Vec::new(); items.sections()];
    for index in 0..items.len() as u32 {
        // Of a gap's window the low end is anywhere.
        let aligned = |slab: &&Slab| slab.low == 0;
        let mut until = 0;
        for slab in items.slabs(index).iter().filter(aligned) {
            // Slabs of one group may share sections: one of them counts.
            for section in slab.first.max(until)..=slab.last {
                sections[section as usize].push(block(items, index, slab));
            }
            until = until.max(slab.last + 1);
        }
    }
    for blocks in &mut sections {
        blocks.sort_by_key(|block| std::cmp::Reverse((block.alignment, block.size)));
    }
    let depth = depth(BOUND_STEPS, sections.iter().map(Vec::len));
    let ends = sections.iter().map(|blocks| {
        let stacked = &blocks[..blocks.len().min(depth)];
        lowest_end(items, stacked)
    });
    ends.max().unwrap_or(0)
}

fn block(items: &Items, index: u32, slab: &Slab) -> Block {
    let item = items.item(index);
    Block {
        size: slab.high,
        // However little lives here, the makespan is that of the whole item.
        bytes: item.bytes,
        alignment: item.alignment,
    }
}

/// The lowest end of a stack of all blocks, in bytes.
fn lowest_end(items: &Items, blocks: &[Block]) -> u64 {
    let grid = items.grid();
    let up = |block: &Block, at: u64| {
        let address = grid.start + at;
        address.next_multiple_of(block.alignment) - grid.start
    };
    let without = |set: usize| {
        let members = blocks.iter().enumerate();
        members.filter_map(move |(index, block)| {
            (set >> index & 1 == 1).then_some((set & !(1 << index), block))
        })
    };
    let all = (1usize << blocks.len()) - 1;
    let mut end = vec![0; all + 1];
    for set in 1..all {
        let ends = without(set).map(|(rest, block)| up(block, end[rest]) + block.size);
        end[set] = ends.min().unwrap_or(0);
    }
    let heights = without(all).map(|(rest, block)| grid.offset(up(block, end[rest])) + block.bytes);
    heights.min().unwrap_or(0)
}

/// The jobs of a model, by index: what stacks are made of.
#[derive(Clone, Copy)]
pub(super) struct Stacked<'a> {
    /// First and last section, inclusive.
    pub(super) first: &'a [u32],
    pub(super) last: &'a [u32],
    pub(super) size: &'a [i64],
    /// Alignment, and the residue of allowed positions.
    pub(super) alignment: &'a [(i64, i64)],
    /// The highest positions.
    pub(super) highest: &'a [i64],
    /// By section.
    pub(super) ceiling: &'a [i64],
}

/// The highest position up to `at` of an alignment and residue.
pub(super) fn down((alignment, residue): (i64, i64), at: i64) -> i64 {
    at - (at - residue).rem_euclid(alignment)
}

/// For each section `start(S)` of all sets of the jobs that are stacked there.
#[derive(Clone, Debug, Default)]
pub(super) struct Stacks {
    /// `starts[from[section]..from[section + 1]]`, by set.
    starts: Vec<i64>,
    from: Vec<u32>,
    /// Which bit a job has in each of its sections, from `bits_from` on.
    bits: Vec<u8>,
    bits_from: Vec<u32>,
}

impl Stacks {
    /// `None` where alignments do not differ, or there are too many jobs.
    pub(super) fn new(model: Stacked<'_>) -> Option<Stacks> {
        if model.first.len() > MOST_ITEMS || model.alignment.iter().all(|&(step, _)| step == 1) {
            return None;
        }
        let mut sections: Vec<Vec<u32>> = vec![Vec::new(); model.ceiling.len()];
        let mut stacks = Stacks {
            bits_from: vec![0],
            from: vec![0],
            ..Stacks::default()
        };
        for job in 0..model.first.len() {
            for section in model.first[job]..=model.last[job] {
                sections[section as usize].push(job as u32);
                stacks.bits.push(NONE);
            }
            stacks.bits_from.push(stacks.bits.len() as u32);
        }
        let depth = depth(TABLE_STEPS, sections.iter().map(Vec::len));
        for (section, jobs) in sections.iter_mut().enumerate() {
            let coarseness = |&job: &u32| {
                let index = job as usize;
                std::cmp::Reverse((model.alignment[index].0, model.size[index]))
            };
            jobs.sort_by_key(coarseness);
            jobs.truncate(depth);
            for (bit, &job) in jobs.iter().enumerate() {
                let at =
                    stacks.bits_from[job as usize] + section as u32 - model.first[job as usize];
                stacks.bits[at as usize] = bit as u8;
            }
            stacks.push(model, section, jobs);
        }
        Some(stacks)
    }

    /// Appends a section's table.
    fn push(&mut self, model: Stacked<'_>, section: usize, jobs: &[u32]) {
        let from = self.starts.len();
        self.starts.push(model.ceiling[section]);
        for set in 1..1usize << jobs.len() {
            let members = jobs
                .iter()
                .enumerate()
                .filter(|(bit, _)| set >> bit & 1 == 1);
            let starts = members.map(|(bit, &job)| {
                let rest = self.starts[from + (set & !(1 << bit))];
                let job = job as usize;
                down(
                    model.alignment[job],
                    (rest - model.size[job]).min(model.highest[job]),
                )
            });
            let start = starts.max().unwrap_or(0);
            self.starts.push(start);
        }
        self.from.push(self.starts.len() as u32);
    }

    /// The set of a job alone in one of its sections, of which `first` is the first;
    /// 0 where it is not stacked.
    #[inline]
    pub(super) fn set_of(&self, first: u32, section: u32, job: u32) -> u32 {
        let index = job as usize;
        let at = self.bits_from[index] + section - first;
        match self.bits[at as usize] {
            NONE => 0,
            bit => 1 << bit,
        }
    }

    /// The highest start of a stack of a set of a section's jobs.
    #[inline]
    pub(super) fn start(&self, section: u32, set: u32) -> i64 {
        self.starts[(self.from[section as usize] + set) as usize]
    }
}
