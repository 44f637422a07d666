//! A subproblem: rectangles over sections on top of a given floor.
//!
//! The hard core of a problem is one, with a flat floor. What is left of a
//! partial packing is one too: the floor is its skyline, and sections that the
//! jobs left do not tell apart are merged, so that redoing the last hundred
//! jobs costs what a problem of a hundred jobs does.

use common::load::gcd;

use super::items::Items;
use super::sections::Maxima;

/// Jobs by index; all arrays of jobs have one length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subproblem {
    /// First and last section of each job, inclusive.
    pub(crate) first: Vec<u32>,
    pub(crate) last: Vec<u32>,
    /// In units.
    pub(crate) size: Vec<i64>,
    /// Alignment in units, and a position that it allows; empty where no job
    /// has an alignment above 1.
    pub(super) alignment: Vec<(i64, i64)>,
    /// Logarithm of each job's size in units.
    pub(crate) log_size: Vec<f32>,
    /// Logarithm of how many sections each job spanned before any merging: its
    /// lifetime, as keys see it.
    pub(crate) log_length: Vec<f32>,
    /// The largest load during each job's life, over LOAD.
    pub(crate) pressure: Vec<f32>,
    /// Height of each section.
    pub(crate) floor: Vec<i64>,
    /// The largest height of any section, those that no job lives in and that
    /// merging forgets included.
    pub(crate) ground: i64,
    /// For each section its floor and the load above it: no packing is lower.
    pub(crate) needs: Vec<i64>,
}

/// Sums that dives form stay far from the ends of `i64` below this.
const LARGEST_TOTAL: u128 = 1 << 60;

impl Subproblem {
    /// The subproblem of some items with a flat floor at 0; `None` where an item is
    /// not one plain rectangle, or sizes are too large to add up safely.
    pub(crate) fn new(items: &Items, members: &[u32]) -> Option<Subproblem> {
        let mut subproblem = Subproblem::default();
        let mut total = u128::from(items.grid().start);
        let start = i64::try_from(items.grid().start).ok()?;
        for &index in members {
            let item = items.item(index);
            let [slab] = items.slabs(index) else {
                return None;
            };
            if item.pin.is_some() || slab.low != 0 || slab.high != item.size {
                return None;
            }
            total += u128::from(item.size) + u128::from(item.alignment);
            subproblem.first.push(slab.first);
            subproblem.last.push(slab.last);
            subproblem.size.push(i64::try_from(item.size).ok()?);
            let alignment = i64::try_from(item.alignment).ok()?;
            subproblem
                .alignment
                .push((alignment, alignment - start % alignment));
            subproblem.log_size.push((item.size as f32).ln());
            subproblem
                .log_length
                .push(((slab.last - slab.first + 1) as f32).ln());
        }
        if total > LARGEST_TOTAL {
            return None;
        }
        if subproblem
            .alignment
            .iter()
            .all(|&(alignment, _)| alignment == 1)
        {
            subproblem.alignment = Vec::new();
        }
        subproblem.floor = vec![0; items.sections()];
        subproblem.merge_sections();
        subproblem.measure_pressure();
        Some(subproblem)
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len()
    }

    pub(crate) fn sections(&self) -> usize {
        self.floor.len()
    }

    /// The lowest position from `height` on that a job's alignment allows.
    #[inline]
    pub(crate) fn align(&self, job: usize, height: i64) -> i64 {
        match self.alignment.get(job) {
            None | Some((1, _)) => height,
            Some(&(alignment, allowed)) => height + (allowed - height).rem_euclid(alignment),
        }
    }

    fn measure_pressure(&mut self) {
        let peak = self.needs.iter().copied().max().unwrap_or(1).max(1) as f32;
        let sparse = Maxima::new(self.needs.clone());
        self.pressure = self
            .first
            .iter()
            .zip(&self.last)
            .map(|(&first, &last)| sparse.largest(first, last) as f32 / peak)
            .collect();
    }

    /// Whether a job's alignment allows a position.
    pub(super) fn allows(&self, job: usize, at: i64) -> bool {
        self.align(job, at) == at
    }

    /// A job's alignment and the residue of the positions that it allows.
    pub(crate) fn residue(&self, job: usize) -> (i64, i64) {
        self.alignment
            .get(job)
            .map_or((1, 0), |&(alignment, allowed)| {
                (alignment, allowed.rem_euclid(alignment))
            })
    }

    /// Least common multiple of the alignments; `None` beyond 2^40.
    pub(crate) fn common_alignment(&self) -> Option<i64> {
        self.alignment
            .iter()
            .try_fold(1, |multiple: i64, &(alignment, _)| {
                let divisor = gcd(multiple as u64, alignment as u64) as i64;
                (multiple / divisor)
                    .checked_mul(alignment)
                    .filter(|&multiple| multiple <= 1 << 40)
            })
    }

    /// The subproblem of some of the jobs on another floor.
    pub(crate) fn part(&self, members: &[u32], floor: Vec<i64>) -> Subproblem {
        let mut part = self.members(members, floor);
        part.merge_sections();
        part
    }

    /// Some of the jobs on a floor over the same sections, which are still to be
    /// merged ([`Subproblem::merge_sections`]).
    pub(crate) fn members(&self, members: &[u32], floor: Vec<i64>) -> Subproblem {
        let pick = |job: &u32| *job as usize;
        let mut part = Subproblem {
            first: members.iter().map(|job| self.first[pick(job)]).collect(),
            last: members.iter().map(|job| self.last[pick(job)]).collect(),
            size: members.iter().map(|job| self.size[pick(job)]).collect(),
            alignment: Vec::new(),
            log_size: members.iter().map(|job| self.log_size[pick(job)]).collect(),
            log_length: members
                .iter()
                .map(|job| self.log_length[pick(job)])
                .collect(),
            pressure: members.iter().map(|job| self.pressure[pick(job)]).collect(),
            ground: floor.iter().copied().max().unwrap_or(0),
            floor,
            needs: Vec::new(),
        };
        if !self.alignment.is_empty() {
            part.alignment = members
                .iter()
                .map(|job| self.alignment[pick(job)])
                .collect();
        }
        part
    }

    /// Splits the subproblem where no job crosses: each part, and which job of this
    /// subproblem each of its jobs is; `None` where that is all in one. O(n log n).
    pub(super) fn components(&self) -> Option<Vec<(Subproblem, Vec<u32>)>> {
        let mut by_first: Vec<u32> = (0..self.len() as u32).collect();
        by_first.sort_by_key(|&job| self.first[job as usize]);
        let mut parts: Vec<(Vec<u32>, u32)> = Vec::new();
        for job in by_first {
            let (first, last) = (self.first[job as usize], self.last[job as usize]);
            match parts.last_mut() {
                Some((members, end)) if first <= *end => {
                    members.push(job);
                    *end = last.max(*end);
                }
                _ => parts.push((vec![job], last)),
            }
        }
        if parts.len() == 1 {
            return None;
        }
        let parts = parts.into_iter().map(|(mut members, _)| {
            members.sort_unstable();
            let first = members.iter().map(|&job| self.first[job as usize]).min();
            let last = members.iter().map(|&job| self.last[job as usize]).max();
            let (first, last) = (first.unwrap_or(0), last.unwrap_or(0));
            let mut part = self.clone_range(&members, first, last);
            part.merge_sections();
            (part, members)
        });
        Some(parts.collect())
    }

    /// Some of the jobs, which all lie between two sections, inclusive.
    fn clone_range(&self, members: &[u32], first: u32, last: u32) -> Subproblem {
        let floor = self.floor[first as usize..=last as usize].to_vec();
        let mut part = self.members(members, floor);
        for section in part.first.iter_mut().chain(&mut part.last) {
            *section -= first;
        }
        part
    }

    /// Merges neighbouring sections where that changes nothing: a section whose
    /// jobs are all in its neighbour too, and whose floor is not higher, asks
    /// for nothing that the neighbour does not. (With equal jobs the higher
    /// floor binds both, as every job that lies on one lies on the other.) Then
    /// sums up what each section needs. O(n + sections).
    pub(crate) fn merge_sections(&mut self) {
        let sections = self.sections();
        let mut births = vec![0u32; sections + 1];
        let mut deaths = vec![0u32; sections + 1];
        for (&first, &last) in self.first.iter().zip(&self.last) {
            births[first as usize] += 1;
            deaths[last as usize + 1] += 1;
        }
        let mut merged: Vec<u32> = Vec::with_capacity(sections);
        let mut floor: Vec<i64> = Vec::new();
        let (mut live, mut death_seen) = (0, false);
        for section in 0..sections {
            let (born, died) = (births[section], deaths[section]);
            live = live + born - died;
            let here = self.floor[section];
            death_seen |= died > 0;
            let joins = match floor.last_mut() {
                None => false,
                Some(_) if live == 0 => true,
                // Equal sets, unless deaths were passed on the way here: then
                // the group's floor may be bound by jobs that are gone.
                Some(group) if born == 0 && !death_seen => {
                    *group = (*group).max(here);
                    true
                }
                Some(group) if born == 0 => here <= *group,
                Some(group) if !death_seen && *group <= here => {
                    *group = here;
                    true
                }
                Some(_) => false,
            };
            if !joins {
                floor.push(here);
                death_seen = false;
            }
            merged.push(floor.len() as u32 - 1);
        }
        for (first, last) in self.first.iter_mut().zip(&mut self.last) {
            *first = merged[*first as usize];
            *last = merged[*last as usize];
        }
        self.floor = floor;
        self.sum_needs();
    }

    fn sum_needs(&mut self) {
        self.needs.clear();
        self.needs.resize(self.sections() + 1, 0);
        for ((&first, &last), &size) in self.first.iter().zip(&self.last).zip(&self.size) {
            self.needs[first as usize] += size;
            self.needs[last as usize + 1] -= size;
        }
        self.needs.pop();
        let mut load = 0;
        for (need, &floor) in self.needs.iter_mut().zip(&self.floor) {
            load += *need;
            *need = load + floor;
        }
    }
}
