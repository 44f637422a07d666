//! Jobs of the boxing: items, and the boxes that hold them or other boxes.
//!
//! Times are sections, both ends inclusive: two jobs conflict where they share
//! a section. Heights are units of the grid.

use crate::instance::Items;
use crate::instance::peel;

/// An item's hull, or a box.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) height: u64,
}

#[cfg(test)]
impl Job {
    pub(crate) fn is_live(&self, section: u32) -> bool {
        self.first <= section && section <= self.last
    }
}

/// What is inside a box.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents<'a> {
    /// Jobs of at most `row_height` each.
    pub(crate) members: &'a [u32],
    /// The height that each member was rounded up to.
    pub(crate) row_height: u64,
}

/// Items (numbered as they are in the problem) and all boxes made so far
/// (numbered from the number of items on, a box after what it holds).
#[derive(Clone, Debug)]
pub(crate) struct Jobs {
    jobs: Vec<Job>,
    items: usize,
    row_heights: Vec<u64>,
    /// Box b holds `members[starts[b]..starts[b + 1]]`.
    starts: Vec<usize>,
    members: Vec<u32>,
}

impl Jobs {
    /// The hulls of all items. O(n).
    pub(crate) fn of_items(items: &Items) -> Jobs {
        let hulls = (0..items.len() as u32).map(|item| {
            // What has no slab is in nobody's way, wherever it is.
            let (first, last, height) = peel::span(items, item).unwrap_or((0, 0, 1));
            Job {
                first,
                last,
                height,
            }
        });
        Jobs::new(hulls.collect())
    }

    pub(crate) fn new(jobs: Vec<Job>) -> Jobs {
        Jobs {
            items: jobs.len(),
            jobs,
            row_heights: Vec::new(),
            starts: vec![0],
            members: Vec::new(),
        }
    }

    pub(crate) fn all(&self) -> &[Job] {
        &self.jobs
    }

    pub(crate) fn job(&self, job: u32) -> &Job {
        &self.jobs[job as usize]
    }

    /// How many of the jobs are items.
    pub(crate) fn items(&self) -> usize {
        self.items
    }

    /// What a box holds; `None` for an item.
    pub(crate) fn contents(&self, job: u32) -> Option<Contents<'_>> {
        let index = (job as usize).checked_sub(self.items)?;
        Some(Contents {
            members: &self.members[self.starts[index]..self.starts[index + 1]],
            row_height: self.row_heights[index],
        })
    }

    /// Adds a box that lives as long as its members, which must not be none,
    /// and gives its number.
    pub(crate) fn add_box(&mut self, members: &[u32], height: u64, row_height: u64) -> u32 {
        let (mut first, mut last) = (u32::MAX, 0);
        for &member in members {
            let member = self.job(member);
            debug_assert!(member.height <= row_height && row_height <= height);
            first = first.min(member.first);
            last = last.max(member.last);
        }
        self.members.extend_from_slice(members);
        self.starts.push(self.members.len());
        self.row_heights.push(row_height);
        self.jobs.push(Job {
            first,
            last,
            height,
        });
        self.jobs.len() as u32 - 1
    }
}
