//! Blocks, and which of them fit together.

use std::collections::BinaryHeap;

use rand::{Rng, RngExt as _};

use crate::instance::Subproblem;

/// A job, or blocks put together, over sections `first` to `last`, inclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) first: u32,
    pub(super) last: u32,
    /// In units.
    pub(super) size: i64,
    pub(super) parts: Parts,
    is_part: bool,
}

/// What a block is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parts {
    Job(u32),
    /// The lower one, and the upper one.
    Stack([u32; 2]),
    /// By time.
    Chain([u32; 2]),
    Pinwheel(Pinwheel),
}

/// Five blocks around one of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinwheel {
    /// The lower one of those that begin first, and what lies on it before the centre.
    pub(super) bottom: u32,
    pub(super) left: u32,
    pub(super) centre: u32,
    /// The upper one of those that end last, and what lies below it behind the centre.
    pub(super) upper: u32,
    pub(super) right: u32,
}

/// Two blocks that fit together, the surest the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    /// How many other sizes, or spans, there might as well have been: large blocks seldom
    /// fit by chance.
    sureness: u64,
    tie: u32,
    kind: Kind,
    members: [u32; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stack,
    Chain,
}

/// Blocks looked at for each job, at most: a few, where few begin or end together.
const STEPS: u64 = 256;

/// Blocks looked at from one look at the clock to the next.
const POLLED: u64 = 1 << 16;

/// All blocks, and those of them that are no part of another.
pub(super) struct Blocks {
    blocks: Vec<Block>,
    /// Those that begin, and end, in each section.
    begin: Vec<Vec<u32>>,
    end: Vec<Vec<u32>>,
    /// Blocks that may be looked at yet, and when the clock is asked next.
    steps: u64,
    ask_at: u64,
}

impl Blocks {
    /// Each job a block.
    pub(super) fn new(subproblem: &Subproblem) -> Blocks {
        let (jobs, sections) = (subproblem.len(), subproblem.sections());
        let steps = STEPS * jobs as u64;
        let mut blocks = Blocks {
            blocks: Vec::with_capacity(2 * jobs),
            begin: vec![Vec::new(); sections],
            end: vec![Vec::new(); sections],
            steps,
            ask_at: steps,
        };
        for job in 0..jobs {
            let span = (subproblem.first[job], subproblem.last[job]);
            blocks.add(span, subproblem.size[job], Parts::Job(job as u32));
        }
        blocks
    }

    pub(super) fn get(&self, block: u32) -> &Block {
        &self.blocks[block as usize]
    }

    /// The blocks that are no part of another.
    pub(super) fn left(&self) -> Vec<u32> {
        let all = 0..self.blocks.len() as u32;
        all.filter(|&block| !self.get(block).is_part).collect()
    }

    /// The problem of the blocks that are left.
    pub(super) fn subproblem(&self, whole: &Subproblem, left: &[u32]) -> Subproblem {
        let any_jobs = vec![0; left.len()];
        let mut subproblem = whole.members(&any_jobs, whole.floor.clone());
        for (index, &block) in left.iter().enumerate() {
            let block = self.get(block);
            subproblem.first[index] = block.first;
            subproblem.last[index] = block.last;
            subproblem.size[index] = block.size;
            subproblem.log_size[index] = (block.size as f32).ln();
            subproblem.log_length[index] = ((block.last - block.first + 1) as f32).ln();
        }
        subproblem.merge_sections();
        subproblem
    }

    /// Puts blocks together until none fit, the surest first. False where that takes too
    /// many steps, or `stop` says so.
    pub(super) fn put_together(
        &mut self,
        random: &mut impl Rng,
        stop: &mut dyn FnMut() -> bool,
    ) -> bool {
        let mut pairs = BinaryHeap::new();
        loop {
            for block in self.left() {
                pairs.extend(self.pairs_of(block, random));
            }
            while let Some(pair) = pairs.pop() {
                if self.is_over(stop) {
                    return false;
                }
                let larger = self.join_pair(&pair);
                pairs.extend(
                    larger
                        .into_iter()
                        .flat_map(|block| self.pairs_of(block, random)),
                );
            }
            // What nothing straight takes back may be a pinwheel.
            let before = self.blocks.len();
            for block in self.left() {
                if self.is_over(stop) {
                    return false;
                }
                if !self.get(block).is_part {
                    self.pinwheel(block, stop);
                }
            }
            if self.blocks.len() == before {
                return true;
            }
        }
    }

    /// Whether the steps are used up, as they are once `stop` says so.
    fn is_over(&mut self, stop: &mut dyn FnMut() -> bool) -> bool {
        if self.steps == 0 || self.steps > self.ask_at {
            return self.steps == 0;
        }
        self.ask_at = self.steps.saturating_sub(POLLED);
        if stop() {
            self.steps = 0;
        }
        self.steps == 0
    }

    fn add(&mut self, (first, last): (u32, u32), size: i64, parts: Parts) -> u32 {
        let index = self.blocks.len() as u32;
        self.blocks.push(Block {
            first,
            last,
            size,
            parts,
            is_part: false,
        });
        self.begin[first as usize].push(index);
        self.end[last as usize].push(index);
        index
    }

    fn remove(&mut self, block: u32) {
        let Block { first, last, .. } = self.blocks[block as usize];
        self.blocks[block as usize].is_part = true;
        for list in [
            &mut self.begin[first as usize],
            &mut self.end[last as usize],
        ] {
            if let Some(at) = list.iter().position(|&other| other == block) {
                list.swap_remove(at);
            }
        }
    }

    /// Makes a block of others.
    fn join(&mut self, members: &[u32], span: (u32, u32), size: i64, parts: Parts) -> u32 {
        for &member in members {
            self.remove(member);
        }
        self.add(span, size, parts)
    }

    /// Counts the look at a list.
    fn look(&mut self, length: usize) {
        self.steps = self.steps.saturating_sub(1 + length as u64);
    }

    /// A block of a span, other than one.
    fn spanning(&mut self, first: u32, last: u32, except: u32) -> Option<u32> {
        self.look(self.begin[first as usize].len());
        let mut blocks = self.begin[first as usize].iter().copied();
        blocks.find(|&block| block != except && self.get(block).last == last)
    }

    /// The pairs of a block with others that fit.
    fn pairs_of(&mut self, block: u32, random: &mut impl Rng) -> Vec<Pair> {
        let Block {
            first, last, size, ..
        } = *self.get(block);
        let mut pairs = Vec::new();
        if let Some(other) = self.spanning(first, last, block) {
            pairs.push(Pair {
                sureness: u64::from(last - first),
                tie: random.random(),
                kind: Kind::Stack,
                members: [block, other],
            });
        }
        let sections = self.begin.len() as u32;
        let boundaries = [(last + 1 < sections).then_some(last), first.checked_sub(1)];
        for boundary in boundaries.into_iter().flatten() {
            if let Some(members) = self.chain_at(boundary, size) {
                pairs.push(Pair {
                    sureness: size as u64,
                    tie: random.random(),
                    kind: Kind::Chain,
                    members,
                });
            }
        }
        pairs
    }

    /// The only block of a size that ends in a section, and the only one that begins in
    /// the next.
    fn chain_at(&mut self, boundary: u32, size: i64) -> Option<[u32; 2]> {
        let before = self.only_of_size(boundary, size, true)?;
        let behind = self.only_of_size(boundary + 1, size, false)?;
        Some([before, behind])
    }

    /// Makes one block of a pair, where it still is one.
    fn join_pair(&mut self, pair: &Pair) -> Option<u32> {
        let members = pair.members;
        let [a, b] = members.map(|block| *self.get(block));
        if a.is_part || b.is_part {
            return None;
        }
        match pair.kind {
            Kind::Stack => {
                let size = a.size + b.size;
                Some(self.join(&members, (a.first, a.last), size, Parts::Stack(members)))
            }
            Kind::Chain => {
                let only = self.chain_at(a.last, a.size)?;
                let span = (a.first, b.last);
                (only == members).then(|| self.join(&members, span, a.size, Parts::Chain(members)))
            }
        }
    }

    /// The block of a size that ends, or begins, in a section, if there is one only.
    fn only_of_size(&mut self, section: u32, size: i64, ends: bool) -> Option<u32> {
        let lists = if ends { &self.end } else { &self.begin };
        let list = &lists[section as usize];
        let mut of_size = list.iter().filter(|&&block| self.get(block).size == size);
        let only = of_size.next().copied();
        let another = of_size.next().is_some();
        let length = list.len();
        self.look(length);
        only.filter(|_| !another)
    }

    /// Joins the pinwheel around a block. Where many blocks begin and end beside it, as many
    /// as their product may be looked at: no more than there are steps.
    fn pinwheel(&mut self, centre: u32, stop: &mut dyn FnMut() -> bool) -> Option<u32> {
        let Block {
            first, last, size, ..
        } = *self.get(centre);
        if first == 0 || last + 1 >= self.begin.len() as u32 {
            return None;
        }
        self.look(self.end[last as usize].len());
        for at in 0..self.end[last as usize].len() {
            let bottom = self.end[last as usize][at];
            let begun = self.get(bottom).first;
            if bottom == centre || begun >= first {
                continue;
            }
            if self.is_over(stop) {
                return None;
            }
            let Some(left) = self.spanning(begun, first - 1, bottom) else {
                continue;
            };
            let upper_size = self.get(left).size - size;
            let right_size = self.get(bottom).size + size;
            let found = self.far_side(centre, upper_size, right_size, stop);
            if let Some((upper, right)) = found {
                let pinwheel = Pinwheel {
                    bottom,
                    left,
                    centre,
                    upper,
                    right,
                };
                let span = (begun, self.get(upper).last);
                let size = self.get(bottom).size + self.get(left).size;
                let members = [bottom, left, centre, upper, right];
                return Some(self.join(&members, span, size, Parts::Pinwheel(pinwheel)));
            }
        }
        None
    }

    /// The two blocks of a pinwheel that end last, by their sizes.
    fn far_side(
        &mut self,
        centre: u32,
        upper_size: i64,
        right_size: i64,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<(u32, u32)> {
        let Block { first, last, .. } = *self.get(centre);
        self.look(self.begin[first as usize].len());
        for at in 0..self.begin[first as usize].len() {
            let upper = self.begin[first as usize][at];
            let Block {
                last: ended, size, ..
            } = *self.get(upper);
            if upper == centre || size != upper_size || ended <= last {
                continue;
            }
            if self.is_over(stop) {
                return None;
            }
            let right = self.spanning(last + 1, ended, upper);
            if let Some(right) = right.filter(|&right| self.get(right).size == right_size) {
                return Some((upper, right));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use common::job::Job;
    use common::problem::Problem;

    use super::*;
    use crate::instance::Items;

    /// A block in the middle of n that may be below it, n above it, and n behind it, of
    /// which no three fit; and one at each other time, so that no two times are one.
    fn nearly_pinwheels(n: u64) -> Vec<Job> {
        let mut jobs = vec![Job::new(0, n, n + 1, 10)];
        let mut add = |birth, death, size| {
            jobs.push(Job::new(jobs.len() as u64, birth, death, size));
        };
        for k in 0..n {
            add(k, n + 1, 1000 + k);
            add(k, n, 500);
            add(n, n + 2 + k, 490);
            add(n + 1, 2 * n + 2 + k, 2000 + k);
        }
        for time in (0..3 * n + 2).filter(|&time| time != n) {
            add(time, time + 1, 5000 + time);
        }
        jobs
    }

    #[test]
    fn a_pinwheel_is_looked_for_in_the_steps_that_there_are() {
        let problem = Problem::new(nearly_pinwheels(200)).expect("sound");
        let items = Items::new(&problem, 0).expect("small numbers");
        let members: Vec<u32> = (0..items.len() as u32).collect();
        let subproblem = Subproblem::new(&items, &members).expect("plain");
        let mut blocks = Blocks::new(&subproblem);
        blocks.steps = u64::MAX;
        blocks.ask_at = u64::MAX;
        let mut asked = 0;
        let mut stop = || {
            asked += 1;
            asked > 3
        };
        let centre = blocks.blocks.iter().position(|block| block.size == 10);
        let centre = centre.expect("none is smaller") as u32;
        assert_eq!(blocks.pinwheel(centre, &mut stop), None);
        // As often as it took to hear that it is over, and not once more.
        assert_eq!((asked, blocks.steps), (4, 0));
    }
}
