//! Heaps laid one above the other, so that one number tells an address.

use common::job::Job;
use common::placement::Placement;

/// One heap and where it lies in the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StackedHeap {
    /// Where its mapping starts.
    pub(super) base: u64,
    /// Sum of the makespans of the heaps below.
    pub(super) below: u64,
    /// Its own makespan.
    pub(super) makespan: u64,
}

/// All heaps, by base.
#[derive(Clone, Debug, Default)]
pub(super) struct Stack {
    pub(super) heaps: Vec<StackedHeap>,
}

impl Stack {
    /// O(n log heaps).
    pub(super) fn new(jobs: &[Job], placement: &Placement) -> Stack {
        let mut makespans = std::collections::BTreeMap::<u64, u64>::new();
        // Neighbours mostly lie in one heap.
        let (mut heap, mut highest) = (None, 0);
        for (job, &offset) in jobs.iter().zip(&placement.offsets) {
            if heap != Some(job.heap) {
                if let Some(heap) = heap {
                    raise(&mut makespans, heap, highest);
                }
                (heap, highest) = (Some(job.heap), 0);
            }
            highest = highest.max(offset.saturating_add(job.size));
        }
        if let Some(heap) = heap {
            raise(&mut makespans, heap, highest);
        }
        let mut below = 0u64;
        let heaps = makespans
            .into_iter()
            .map(|(base, makespan)| {
                let heap = StackedHeap {
                    base,
                    below,
                    makespan,
                };
                below = below.saturating_add(makespan);
                heap
            })
            .collect();
        Stack { heaps }
    }

    /// Sum of the makespans.
    pub(super) fn makespan(&self) -> u64 {
        self.heaps
            .last()
            .map_or(0, |heap| heap.below.saturating_add(heap.makespan))
    }

    /// The index of a heap that holds jobs.
    pub(super) fn index(&self, base: u64) -> usize {
        let index = self.heaps.partition_point(|heap| heap.base < base);
        index.min(self.heaps.len().saturating_sub(1))
    }

    /// Where a heap that holds jobs begins in the stack.
    pub(super) fn below(&self, base: u64) -> u64 {
        self.heaps
            .get(self.index(base))
            .map_or(0, |heap| heap.below)
    }
}

fn raise(makespans: &mut std::collections::BTreeMap<u64, u64>, heap: u64, highest: u64) {
    let makespan = makespans.entry(heap).or_default();
    *makespan = (*makespan).max(highest);
}
