//! Short jobs that fill the gaps of chains.

use super::gluing::Member;
use crate::instance::Subproblem;

/// Jobs looked at for each job of the subproblem, before no more gaps are filled.
const LOOKS: usize = 64;

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Free,
    /// Joined to another job of its kind.
    Joined,
    /// In a gap.
    Fills,
}

/// Addresses over sections `[from, to)`, `[low, high)` in units above a
/// chain's position.
#[derive(Clone, Copy, Debug)]
struct Rectangle {
    from: u32,
    to: u32,
    low: i64,
    high: i64,
}

/// Which jobs may fill gaps, and what each job is.
pub(super) struct Fillers {
    /// By their first section.
    by_first: Vec<u32>,
    is_short: Vec<bool>,
    pub(super) part: Vec<Part>,
    looks: usize,
}

impl Fillers {
    /// The shortest `share` of the jobs, and all that are no longer. O(n log n).
    pub(super) fn new(subproblem: &Subproblem, share: f64) -> Fillers {
        let count = ((subproblem.len() as f64 * share) as usize).min(subproblem.len());
        let length = |job: &u32| subproblem.last[*job as usize] - subproblem.first[*job as usize];
        let mut by_first: Vec<u32> = (0..subproblem.len() as u32).collect();
        let mut is_short = vec![false; subproblem.len()];
        match count.checked_sub(1) {
            None => by_first.clear(),
            Some(last) => {
                let (_, longest, _) = by_first.select_nth_unstable_by_key(last, length);
                let longest = length(longest);
                by_first.retain(|job| length(job) <= longest);
                by_first.sort_unstable_by_key(|&job| (subproblem.first[job as usize], job));
                by_first
                    .iter()
                    .for_each(|&job| is_short[job as usize] = true);
            }
        }
        Fillers {
            by_first,
            is_short,
            part: vec![Part::Free; subproblem.len()],
            looks: LOOKS.saturating_mul(subproblem.len()),
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    pub(super) fn is_short(&self, job: u32) -> bool {
        self.is_short[job as usize]
    }

    /// Fills the sections `[from, to)` of a chain of jobs like `like`: the largest
    /// area that fits first, then what is left before, after and above it.
    pub(super) fn fill(
        &mut self,
        subproblem: &Subproblem,
        like: u32,
        (from, to): (u32, u32),
    ) -> Vec<Member> {
        let mut filled = Vec::new();
        let high = subproblem.size[like as usize];
        let mut left = vec![Rectangle {
            from,
            to,
            low: 0,
            high,
        }];
        while let Some(rectangle) = left.pop() {
            let Some(member) = self.largest(subproblem, like, rectangle) else {
                continue;
            };
            let job = member.job as usize;
            self.part[job] = Part::Fills;
            filled.push(member);
            let (first, end) = (subproblem.first[job], subproblem.last[job] + 1);
            let low = member.rise + subproblem.size[job];
            left.push(Rectangle {
                from: first,
                to: end,
                low,
                ..rectangle
            });
            left.push(Rectangle {
                from: end,
                ..rectangle
            });
            left.push(Rectangle {
                to: first,
                ..rectangle
            });
        }
        filled
    }

    /// The free filler of the largest area in a rectangle.
    fn largest(
        &mut self,
        subproblem: &Subproblem,
        like: u32,
        rectangle: Rectangle,
    ) -> Option<Member> {
        let Rectangle {
            from,
            to,
            low,
            high,
        } = rectangle;
        let (alignment, residue) = subproblem.residue(like as usize);
        let start = self
            .by_first
            .partition_point(|&job| subproblem.first[job as usize] < from);
        let mut largest: Option<(i128, Member)> = None;
        for &job in &self.by_first[start..] {
            let index = job as usize;
            if subproblem.first[index] >= to || self.looks == 0 {
                break;
            }
            self.looks -= 1;
            // What the chain's alignment says must be enough for the filler's.
            let (needed, allowed) = subproblem.residue(index);
            if self.part[index] != Part::Free
                || subproblem.last[index] >= to
                || alignment % needed != 0
            {
                continue;
            }
            let rise = low + (allowed - residue - low).rem_euclid(needed);
            let sections = subproblem.last[index] - subproblem.first[index] + 1;
            let area = i128::from(subproblem.size[index]) * i128::from(sections);
            let fits = rise + subproblem.size[index] <= high;
            if fits && largest.is_none_or(|(most, _)| area > most) {
                largest = Some((area, Member { job, rise }));
            }
        }
        largest.map(|(_, member)| member)
    }
}
