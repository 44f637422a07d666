//! The skyline: for each section the height up to which it is filled, as a list
//! of valleys (maximal runs of sections of one height), with a heap that gives
//! the lowest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Height of what is no valley's first section.
const NO_VALLEY: i64 = i64::MIN;

/// Height of what lies beyond the first and the last section.
pub(super) const WALL: i64 = i64::MAX;

/// A maximal run of sections `[from, to)` of one height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Valley {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) height: i64,
}

/// All valleys, linked both ways by their sections.
#[derive(Clone, Debug, Default)]
pub(super) struct Skyline {
    /// At a valley's first section: its height.
    height: Vec<i64>,
    /// At a valley's first section: its end.
    end: Vec<u32>,
    /// At a valley's end: its first section.
    begin: Vec<u32>,
    /// Lowest and then leftmost first; entries that no longer hold are passed over.
    heap: BinaryHeap<Reverse<(i64, u32)>>,
}

impl Skyline {
    /// Starts over with these heights. O(n).
    pub(super) fn reset(&mut self, heights: &[i64]) {
        let sections = heights.len();
        self.height.clear();
        self.height.resize(sections, NO_VALLEY);
        self.end.clear();
        self.end.resize(sections, 0);
        self.begin.clear();
        self.begin.resize(sections + 1, 0);
        self.heap.clear();
        let mut from = 0;
        while from < sections {
            let mut to = from + 1;
            while to < sections && heights[to] == heights[from] {
                to += 1;
            }
            self.put(Valley {
                from: from as u32,
                to: to as u32,
                height: heights[from],
            });
            from = to;
        }
    }

    fn put(&mut self, valley: Valley) {
        self.height[valley.from as usize] = valley.height;
        self.end[valley.from as usize] = valley.to;
        self.begin[valley.to as usize] = valley.from;
        self.heap.push(Reverse((valley.height, valley.from)));
    }

    /// The lowest valley, the leftmost of several.
    pub(super) fn lowest(&mut self) -> Option<Valley> {
        while let Some(&Reverse((height, from))) = self.heap.peek() {
            if self.height[from as usize] == height {
                return Some(Valley {
                    from,
                    to: self.end[from as usize],
                    height,
                });
            }
            self.heap.pop();
        }
        None
    }

    /// The valley on the left, if any.
    fn left(&self, valley: &Valley) -> Option<Valley> {
        if valley.from == 0 {
            return None;
        }
        let from = self.begin[valley.from as usize];
        Some(Valley {
            from,
            to: valley.from,
            height: self.height[from as usize],
        })
    }

    /// The valley on the right, if any.
    fn right(&self, valley: &Valley) -> Option<Valley> {
        let from = valley.to;
        let height = *self.height.get(from as usize)?;
        Some(Valley {
            from,
            to: self.end[from as usize],
            height,
        })
    }

    /// Heights on the left and on the right; [`WALL`] at the ends.
    pub(super) fn walls(&self, valley: &Valley) -> (i64, i64) {
        let height = |valley: Option<Valley>| valley.map_or(WALL, |valley| valley.height);
        (height(self.left(valley)), height(self.right(valley)))
    }

    /// Raises the sections `[from, to)` of a valley to a height.
    pub(super) fn raise(&mut self, valley: &Valley, from: u32, to: u32, height: i64) {
        let (left, right) = (self.left(valley), self.right(valley));
        self.height[valley.from as usize] = NO_VALLEY;
        let mut raised = Valley { from, to, height };
        if valley.from < from {
            self.put(Valley {
                from: valley.from,
                to: from,
                height: valley.height,
            });
        } else if let Some(left) = left
            && left.height == height
        {
            raised.from = left.from;
        }
        if to < valley.to {
            self.put(Valley {
                from: to,
                to: valley.to,
                height: valley.height,
            });
        } else if let Some(right) = right
            && right.height == height
        {
            self.height[right.from as usize] = NO_VALLEY;
            raised.to = right.to;
        }
        self.put(raised);
    }
}
