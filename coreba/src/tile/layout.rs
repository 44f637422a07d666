//! Where the jobs of blocks lie, from where the blocks do.

use super::blocks::{Blocks, Parts, Pinwheel};

/// The positions of all jobs. O(jobs).
pub(super) fn positions(blocks: &Blocks, left: &[u32], at: &[i64], jobs: usize) -> Vec<i64> {
    let mut positions = vec![0; jobs];
    let mut open: Vec<(u32, i64)> = left.iter().copied().zip(at.iter().copied()).collect();
    while let Some((block, at)) = open.pop() {
        match blocks.get(block).parts {
            Parts::Job(job) => positions[job as usize] = at,
            Parts::Stack([lower, upper]) => {
                open.push((lower, at));
                open.push((upper, at + blocks.get(lower).size));
            }
            Parts::Chain(pair) => open.extend(pair.map(|block| (block, at))),
            Parts::Pinwheel(pinwheel) => {
                let Pinwheel {
                    bottom,
                    left,
                    centre,
                    upper,
                    right,
                } = pinwheel;
                let on_bottom = at + blocks.get(bottom).size;
                open.push((bottom, at));
                open.push((left, on_bottom));
                open.push((centre, on_bottom));
                open.push((upper, on_bottom + blocks.get(centre).size));
                open.push((right, at));
            }
        }
    }
    positions
}
