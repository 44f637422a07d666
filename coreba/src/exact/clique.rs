//! What groups force apart: items that conflict pairwise, though no instant has all of
//! them live.
//!
//! An item that is a group is live now and again. Of three items each two may be live at
//! once, and never all three: LOAD sees two of them, a placement has to keep three apart.
//!
//! Let `d(u, v)` be the largest height of u in any section that it shares with v, both
//! measured from their offsets. If u lies below v, `p_v >= p_u + d(u, v)`. So in a set K
//! of items that conflict pairwise, each but the topmost takes at least
//! `m(u) = min over v in K of d(u, v)`, and
//!
//! ```text
//! makespan >= sum over u in K of m(u)  +  min over u in K of (size(u) - m(u)).
//! ```
//!
//! The sets are found greedily, from every item, in a few orders: the heaviest set is
//! NP-hard to find, and any is a bound.

use std::cmp::Reverse;

use crate::instance::{Items, Slab};

/// Most items, and slabs, that are looked at: each pair of slabs is, once.
const MOST_ITEMS: usize = 1500;
const MOST_SLABS: usize = 6000;

/// The largest makespan in bytes that a set of items forces; 0 where each item is one
/// slab, which LOAD sees already, or where there are too many. O(slabs^2).
pub(crate) fn bound(items: &Items) -> u64 {
    let count = items.len();
    let is_large = count > MOST_ITEMS || items.all_slabs().len() > MOST_SLABS;
    if is_large || items.all_slabs().len() == count {
        return 0;
    }
    let conflicts = Conflicts::new(items);
    let mut best = 0;
    for order in conflicts.orders(items) {
        for first in 0..count as u32 {
            let clique = conflicts.clique(first, &order);
            best = best.max(conflicts.height(items, &clique));
        }
    }
    best
}

/// Which items conflict, and by how much.
struct Conflicts {
    count: usize,
    /// `d(u, v)` in units at `u * count + v`; 0 where the two do not conflict.
    heights: Vec<u64>,
    /// By item, a bit for each that it conflicts with.
    neighbours: Vec<Vec<u64>>,
}

impl Conflicts {
    fn new(items: &Items) -> Conflicts {
        let count = items.len();
        // Of a gap's window the low end may be anywhere.
        let aligned = |slab: &&Slab| slab.low == 0;
        let mut heights = vec![0; count * count];
        let mut neighbours = vec![vec![0; count.div_ceil(64)]; count];
        for u in 0..count {
            for v in 0..u {
                let (mut of_u, mut of_v) = (0, 0);
                for a in items.slabs(u as u32).iter().filter(aligned) {
                    for b in items.slabs(v as u32).iter().filter(aligned) {
                        if a.first <= b.last && b.first <= a.last {
                            (of_u, of_v) = (a.high.max(of_u), b.high.max(of_v));
                        }
                    }
                }
                if of_u > 0 && of_v > 0 {
                    heights[u * count + v] = of_u;
                    heights[v * count + u] = of_v;
                    neighbours[u][v / 64] |= 1 << (v % 64);
                    neighbours[v][u / 64] |= 1 << (u % 64);
                }
            }
        }
        Conflicts {
            count,
            heights,
            neighbours,
        }
    }

    /// Orders in which items join a set: the largest first, those of the most conflicts
    /// first, and those of the largest product of the two.
    fn orders(&self, items: &Items) -> [Vec<u32>; 3] {
        let of = |index: u32| {
            let bits = self.neighbours[index as usize].iter();
            let degree: u32 = bits.map(|word| word.count_ones()).sum();
            (items.item(index).size, u64::from(degree))
        };
        let by = |key: fn((u64, u64)) -> (u128, u64)| {
            let mut order: Vec<u32> = (0..self.count as u32).collect();
            order.sort_by_key(|&index| (Reverse(key(of(index))), index));
            order
        };
        [
            by(|(size, degree)| (size.into(), degree)),
            by(|(size, degree)| (degree.into(), size)),
            by(|(size, degree)| (u128::from(size) * u128::from(degree), size)),
        ]
    }

    /// Items that conflict pairwise: the first, and whoever joins in order.
    fn clique(&self, first: u32, order: &[u32]) -> Vec<u32> {
        let mut clique = vec![first];
        let mut open = self.neighbours[first as usize].clone();
        for &next in order {
            let index = next as usize;
            if open[index / 64] >> (index % 64) & 1 == 1 {
                clique.push(next);
                for (open, neighbours) in open.iter_mut().zip(&self.neighbours[index]) {
                    *open &= neighbours;
                }
            }
        }
        clique
    }

    /// The least makespan of a set of items that conflict pairwise, in bytes.
    fn height(&self, items: &Items, clique: &[u32]) -> u64 {
        let grid = items.grid();
        let least = |u: u32| {
            let others = clique.iter().filter(|&&v| v != u);
            let heights = others.map(|&v| self.heights[u as usize * self.count + v as usize]);
            heights.min().unwrap_or(0)
        };
        let (mut sum, mut topmost) = (0, i128::MAX);
        for &u in clique {
            let bytes = i128::from(least(u)) * i128::from(grid.unit);
            sum += bytes;
            topmost = topmost.min(i128::from(items.item(u).bytes) - bytes);
        }
        u64::try_from(sum + topmost + i128::from(grid.lowest)).unwrap_or(0)
    }
}
