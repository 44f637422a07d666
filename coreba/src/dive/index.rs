//! The jobs that are not placed yet, by where they begin and end.
//!
//! An implicit kd-tree over the points (first section, last section), each node
//! with its bounding box and the best rank among its unplaced jobs. Asks for
//! the best rank in a box: about a microsecond. Removal walks up one path.

/// No job.
pub(super) const NONE: Rank = Rank::MAX;

/// Which job is preferred, the lowest first: the upper half orders keys, the
/// lower half is the job, so that ranks are distinct and tell whose they are.
pub(crate) type Rank = u64;

/// The rank of a job by a key: the larger key comes first.
pub(crate) fn rank(key: f32, job: u32) -> Rank {
    let bits = key.to_bits();
    let descending = if bits >> 31 == 1 {
        bits
    } else {
        !(bits | 1 << 31)
    };
    u64::from(descending) << 32 | u64::from(job)
}

/// The job that a rank belongs to.
pub(super) fn job_of(rank: Rank) -> u32 {
    rank as u32
}

/// Points a leaf.
const LEAF: usize = 8;

#[derive(Clone, Copy, Debug)]
struct Node {
    first: (u32, u32),
    last: (u32, u32),
    best: Rank,
}

const EMPTY: Node = Node {
    first: (u32::MAX, 0),
    last: (u32::MAX, 0),
    best: NONE,
};

/// A box of points, each side inclusive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) first: (u32, u32),
    pub(super) last: (u32, u32),
}

impl Span {
    /// Jobs inside `[from, to)`.
    pub(super) fn inside(from: u32, to: u32) -> Span {
        Span {
            first: (from, to - 1),
            last: (from, to - 1),
        }
    }

    /// Jobs inside `[from, to)` that are live in `section`.
    pub(super) fn covering(from: u32, to: u32, section: u32) -> Span {
        Span {
            first: (from, section),
            last: (section, to - 1),
        }
    }

    fn meets(&self, node: &Node) -> bool {
        self.first.0 <= node.first.1
            && node.first.0 <= self.first.1
            && self.last.0 <= node.last.1
            && node.last.0 <= self.last.1
    }

    fn holds(&self, node: &Node) -> bool {
        self.first.0 <= node.first.0
            && node.first.1 <= self.first.1
            && self.last.0 <= node.last.0
            && node.last.1 <= self.last.1
    }

    fn has(&self, point: &Point) -> bool {
        self.first.0 <= point.first
            && point.first <= self.first.1
            && self.last.0 <= point.last
            && point.last <= self.last.1
    }
}

#[derive(Clone, Copy, Debug)]
struct Point {
    first: u32,
    last: u32,
    job: u32,
    rank: Rank,
}

/// The index. Ranks are distinct; the lowest is best.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    points: Vec<Point>,
    /// A complete binary tree, root at 1; leaf i holds the points of its share.
    nodes: Vec<Node>,
    leaves: usize,
    /// Where a job's point is.
    slot: Vec<u32>,
}

impl Index {
    /// Indexes jobs by their spans. O(n log n).
    pub(super) fn new(first: &[u32], last: &[u32]) -> Index {
        let count = first.len();
        let mut points: Vec<Point> = (0..count)
            .map(|job| Point {
                first: first[job],
                last: last[job],
                job: job as u32,
                rank: NONE,
            })
            .collect();
        let leaves = count.div_ceil(LEAF).next_power_of_two();
        split(&mut points, leaves, true);
        let mut slot = vec![0; count];
        for (at, point) in points.iter().enumerate() {
            slot[point.job as usize] = at as u32;
        }
        let mut index = Index {
            points,
            nodes: vec![EMPTY; 2 * leaves],
            leaves,
            slot,
        };
        for leaf in 0..leaves {
            let (from, to) = index.share(leaf);
            for point in &index.points[from..to] {
                let node = &mut index.nodes[leaves + leaf];
                node.first = (node.first.0.min(point.first), node.first.1.max(point.first));
                node.last = (node.last.0.min(point.last), node.last.1.max(point.last));
            }
        }
        for node in (1..leaves).rev() {
            let (a, b) = (index.nodes[2 * node], index.nodes[2 * node + 1]);
            let both = |a: (u32, u32), b: (u32, u32)| (a.0.min(b.0), a.1.max(b.1));
            index.nodes[node] = Node {
                first: both(a.first, b.first),
                last: both(a.last, b.last),
                best: NONE,
            };
        }
        index
    }

    /// The points of a leaf; the same halving as in [`split`].
    fn share(&self, leaf: usize) -> (usize, usize) {
        let (mut from, mut to, mut leaves, mut at) = (0, self.points.len(), self.leaves, leaf);
        while leaves > 1 {
            leaves /= 2;
            let middle = from + (to - from) / 2;
            if at < leaves {
                to = middle;
            } else {
                from = middle;
                at -= leaves;
            }
        }
        (from, to)
    }

    /// Makes all jobs unplaced, with these ranks. O(n).
    pub(super) fn reset(&mut self, ranks: &[Rank]) {
        for point in &mut self.points {
            point.rank = ranks[point.job as usize];
        }
        for leaf in 0..self.leaves {
            self.refresh_leaf(leaf);
        }
        for node in (1..self.leaves).rev() {
            self.nodes[node].best = self.nodes[2 * node].best.min(self.nodes[2 * node + 1].best);
        }
    }

    fn refresh_leaf(&mut self, leaf: usize) {
        let (from, to) = self.share(leaf);
        let best = self.points[from..to].iter().map(|point| point.rank).min();
        self.nodes[self.leaves + leaf].best = best.unwrap_or(NONE);
    }

    /// The leaf that holds a slot.
    fn leaf_of(&self, slot: usize) -> usize {
        let (mut from, mut to, mut leaf, mut leaves) = (0, self.points.len(), 0, self.leaves);
        while leaves > 1 {
            leaves /= 2;
            let middle = from + (to - from) / 2;
            if slot < middle {
                to = middle;
            } else {
                from = middle;
                leaf += leaves;
            }
        }
        leaf
    }

    /// Gives a job a rank; [`NONE`] takes it out.
    pub(super) fn set(&mut self, job: u32, rank: Rank) {
        let slot = self.slot[job as usize] as usize;
        self.points[slot].rank = rank;
        let leaf = self.leaf_of(slot);
        self.refresh_leaf(leaf);
        let mut node = (self.leaves + leaf) / 2;
        while node > 0 {
            let best = self.nodes[2 * node].best.min(self.nodes[2 * node + 1].best);
            if self.nodes[node].best == best {
                break;
            }
            self.nodes[node].best = best;
            node /= 2;
        }
    }

    /// The best rank in a box, [`NONE`] where there is none.
    pub(super) fn best(&self, span: Span) -> Rank {
        let mut best = NONE;
        let mut stack = [0u32; 64];
        stack[0] = 1;
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let index = stack[depth] as usize;
            let node = &self.nodes[index];
            if node.best >= best || !span.meets(node) {
                continue;
            }
            if span.holds(node) {
                best = node.best;
                continue;
            }
            if index >= self.leaves {
                let (from, to) = self.share(index - self.leaves);
                for point in &self.points[from..to] {
                    if point.rank < best && span.has(point) {
                        best = point.rank;
                    }
                }
                continue;
            }
            // The better child is looked at first.
            let (a, b) = (2 * index, 2 * index + 1);
            let (near, far) = if self.nodes[a].best <= self.nodes[b].best {
                (a, b)
            } else {
                (b, a)
            };
            stack[depth] = far as u32;
            stack[depth + 1] = near as u32;
            depth += 2;
        }
        best
    }
}

/// Sorts points so that each leaf's share is compact: halves by one coordinate
/// and then the other. Depth is log2 of the number of leaves.
fn split(points: &mut [Point], leaves: usize, by_first: bool) {
    if leaves <= 1 || points.len() <= 1 {
        return;
    }
    let middle = points.len() / 2;
    if by_first {
        points.select_nth_unstable_by_key(middle, |point| (point.first, point.last, point.job));
    } else {
        points.select_nth_unstable_by_key(middle, |point| (point.last, point.first, point.job));
    }
    let (left, right) = points.split_at_mut(middle);
    split(left, leaves / 2, !by_first);
    split(right, leaves / 2, !by_first);
}
