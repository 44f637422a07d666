//! Which heaps a conversion takes, and as what.

use std::collections::BTreeSet;

use common::row::Row;
use common::text::counted;

use super::AdaptError;

/// How many heaps an error names.
const NAMED: usize = 8;

/// Which heaps to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heaps {
    /// Every one, each job in its own.
    #[default]
    All,
    /// One, by its base; the jobs of the others are left out.
    One(u64),
    /// Every one, and all jobs in one heap, 0. Where a job lay in its own heap
    /// says nothing about the one, so offsets are left out.
    Merged,
}

/// Takes the jobs of the heaps that are wanted.
pub(super) struct Sieve {
    heaps: Heaps,
    taken: u64,
    left_out: u64,
    displaced: u64,
    others: BTreeSet<u64>,
    more: bool,
}

impl Sieve {
    pub(super) fn new(heaps: Heaps) -> Sieve {
        Sieve {
            heaps,
            taken: 0,
            left_out: 0,
            displaced: 0,
            others: BTreeSet::new(),
            more: false,
        }
    }

    /// Whether a job is wanted; makes it one of the merged heap.
    pub(super) fn takes(&mut self, row: &mut Row) -> bool {
        match self.heaps {
            Heaps::All => {}
            Heaps::One(heap) if row.job.heap != heap => {
                self.left_out += 1;
                self.name(row.job.heap);
                return false;
            }
            Heaps::One(_) => {}
            Heaps::Merged => {
                row.job.heap = 0;
                self.displaced += u64::from(row.offset.take().is_some());
            }
        }
        self.taken += 1;
        true
    }

    /// Remembers a heap for the error; the first few, so that memory is O(1).
    fn name(&mut self, heap: u64) {
        if self.others.len() < NAMED {
            self.others.insert(heap);
        } else if !self.others.contains(&heap) {
            self.more = true;
        }
    }

    /// What was left out.
    ///
    /// # Errors
    /// [`AdaptError::NoSuchHeap`] where no job lies in the one that is wanted.
    pub(super) fn finish(&self) -> Result<Vec<String>, AdaptError> {
        if let (Heaps::One(wanted), 0) = (self.heaps, self.taken) {
            let there = if self.others.is_empty() {
                "there are no jobs at all".to_owned()
            } else {
                let named: Vec<_> = self
                    .others
                    .iter()
                    .map(|heap| format!("{heap:#x}"))
                    .collect();
                let more = if self.more { " and others" } else { "" };
                format!("there are {}{more}", named.join(", "))
            };
            return Err(AdaptError::NoSuchHeap { wanted, there });
        }
        let mut notes = Vec::new();
        if self.left_out > 0 {
            let jobs = counted(self.left_out, "job");
            notes.push(format!("{jobs} of other heaps left out"));
        }
        if self.displaced > 0 {
            notes.push(format!(
                "{} left out: of no meaning in a merged heap",
                counted(self.displaced, "offset")
            ));
        }
        Ok(notes)
    }
}
