//! Colouring an interval graph: the fewest rows such that no two jobs of a row
//! share a section.
//!
//! Taking a free row at every birth uses as many rows as jobs live at once,
//! which no colouring can undercut (folklore; the classes of Dilworth's theorem
//! for interval orders).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::jobs::Job;

/// Rows of jobs.
#[derive(Clone, Debug)]
pub(crate) struct Colouring {
    /// By the order in which the jobs came.
    pub(crate) row: Vec<u32>,
    /// How many rows there are: the most jobs live at once.
    pub(crate) rows: u32,
}

/// Gives each job the lowest row that is free at its birth. The jobs must come
/// by birth. O(n log n).
pub(crate) fn colour<'a>(jobs: impl Iterator<Item = &'a Job>) -> Colouring {
    let mut colouring = Colouring {
        row: Vec::new(),
        rows: 0,
    };
    let mut busy: BinaryHeap<Reverse<(u32, u32)>> = BinaryHeap::new();
    let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    for job in jobs {
        while let Some(&Reverse((last, row))) = busy.peek()
            && last < job.first
        {
            busy.pop();
            free.push(Reverse(row));
        }
        let row = free.pop().map_or(colouring.rows, |Reverse(row)| row);
        colouring.rows = colouring.rows.max(row + 1);
        colouring.row.push(row);
        busy.push(Reverse((job.last, row)));
    }
    colouring
}
