//! A cut: rectangles over sections on top of a given floor.
//!
//! The hard core of a problem is one, with a flat floor. What is left of a
//! partial packing is one too: the floor is its skyline, and sections that the
//! jobs left do not tell apart are merged, so that redoing the last hundred
//! jobs costs what a problem of a hundred jobs does.

use common::load::gcd;
use rustc_hash::FxHashMap;

use crate::dive::{Descent, Member};
use crate::item::Items;
use crate::sections::{Maxima, Paint};

/// Jobs by index; all arrays of jobs have one length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    /// First and last section of each job, inclusive.
    pub(crate) first: Vec<u32>,
    pub(crate) last: Vec<u32>,
    /// In units.
    pub(crate) size: Vec<i64>,
    /// Alignment in units, and a position that it allows; empty where no job
    /// has an alignment above 1.
    alignment: Vec<(i64, i64)>,
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
}

/// Sums that dives form stay far from the ends of `i64` below this.
const LARGEST_TOTAL: u128 = 1 << 60;

impl Cut {
    /// The cut of some items with a flat floor at 0; `None` where an item is
    /// not one plain rectangle, or sizes are too large to add up safely.
    pub(crate) fn new(items: &Items, members: &[u32]) -> Option<Cut> {
        let mut cut = Cut::default();
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
            cut.first.push(slab.first);
            cut.last.push(slab.last);
            cut.size.push(i64::try_from(item.size).ok()?);
            let alignment = i64::try_from(item.alignment).ok()?;
            cut.alignment
                .push((alignment, alignment - start % alignment));
            cut.log_size.push((item.size as f32).ln());
            cut.log_length
                .push(((slab.last - slab.first + 1) as f32).ln());
        }
        if total > LARGEST_TOTAL {
            return None;
        }
        if cut.alignment.iter().all(|&(alignment, _)| alignment == 1) {
            cut.alignment = Vec::new();
        }
        cut.floor = vec![0; items.sections()];
        cut.merge_sections();
        cut.measure_pressure();
        Some(cut)
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

    /// For each section its floor and the load above it.
    pub(crate) fn needs(&self) -> Vec<i64> {
        let mut change = vec![0; self.sections() + 1];
        for ((&first, &last), &size) in self.first.iter().zip(&self.last).zip(&self.size) {
            change[first as usize] += size;
            change[last as usize + 1] -= size;
        }
        let mut load = 0;
        let mut needs = change;
        needs.pop();
        for (need, &floor) in needs.iter_mut().zip(&self.floor) {
            load += *need;
            *need = load + floor;
        }
        needs
    }

    /// Lets the lengths that keys see count mostly the sections in which a target
    /// leaves little slack: those with none count whole, those with a share
    /// `slack` of the target count half.
    pub(crate) fn weigh_sections(&mut self, target: i64, slack: f64) {
        let mut sum = 0.0;
        let sums: Vec<f64> = std::iter::once(0.0)
            .chain(self.needs().into_iter().map(|need| {
                let left = (target - need).max(0) as f64 / target as f64;
                sum += slack / (left + slack);
                sum
            }))
            .collect();
        for job in 0..self.len() {
            let (first, last) = (self.first[job] as usize, self.last[job] as usize);
            let weight = (sums[last + 1] - sums[first]).max(f64::MIN_POSITIVE);
            self.log_length[job] = weight.ln() as f32;
        }
    }

    fn measure_pressure(&mut self) {
        let needs = self.needs();
        let peak = needs.iter().copied().max().unwrap_or(1).max(1) as f32;
        let sparse = Maxima::new(needs);
        self.pressure = self
            .first
            .iter()
            .zip(&self.last)
            .map(|(&first, &last)| sparse.largest(first, last) as f32 / peak)
            .collect();
    }

    /// Whether a job's alignment allows a position.
    fn allows(&self, job: usize, at: i64) -> bool {
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

    /// The same jobs upside down, below a ceiling `top` units high: a position
    /// p becomes `top - p - size`. Only jobs that `may_touch` the ceiling may
    /// lie at 0. Where the load fills every unit, one of those must: such jobs
    /// are chosen, left out of the cut and given beside it. `None` where no
    /// choice does for all such sections.
    pub(crate) fn upside_down(
        &self,
        top: i64,
        may_touch: impl Fn(usize) -> bool,
    ) -> Option<(Cut, Vec<u32>, Vec<u32>)> {
        let chosen = self.touching(top, may_touch)?;
        let mut floor = vec![1; self.sections()];
        for &job in &chosen {
            let job = job as usize;
            floor[self.first[job] as usize..=self.last[job] as usize].fill(self.size[job]);
        }
        let mut left_out = chosen.clone();
        left_out.sort_unstable();
        let members: Vec<u32> = (0..self.len() as u32)
            .filter(|job| left_out.binary_search(job).is_err())
            .collect();
        let mut cut = self.members(&members, floor);
        for (job, (alignment, allowed)) in cut.alignment.iter_mut().enumerate() {
            *allowed = (top - *allowed - cut.size[job]).rem_euclid(*alignment);
        }
        cut.merge_sections();
        Some((cut, members, chosen))
    }

    /// Jobs that touch the ceiling, one after another in time, such that every
    /// section that is full up to it has one.
    fn touching(&self, top: i64, may_touch: impl Fn(usize) -> bool) -> Option<Vec<u32>> {
        let needs = self.needs();
        let full: Vec<u32> = (0..needs.len() as u32)
            .filter(|&section| needs[section as usize] >= top)
            .collect();
        let sections = self.sections() as u32;
        // The bound that makes the ceiling may be below a job that has gaps, or a group.
        let fits = |job: usize| self.size[job] <= top && self.allows(job, top - self.size[job]);
        let touches = |job: usize| may_touch(job) && fits(job);
        let candidates: Vec<u32> = (0..self.len() as u32)
            .filter(|&job| touches(job as usize))
            .collect();
        // A walk over ends of chosen jobs: from each, the first full section
        // beyond must be covered by a job that begins beyond.
        let mut came_by: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
        let mut stack = vec![0u32];
        let mut done = None;
        while let Some(end) = stack.pop() {
            let Some(&section) = full.get(full.partition_point(|&section| section < end)) else {
                done = Some(end);
                break;
            };
            let mut next: Vec<u32> = candidates
                .iter()
                .copied()
                .filter(|&job| {
                    let (first, last) = (self.first[job as usize], self.last[job as usize]);
                    end <= first && first <= section && section <= last
                })
                .collect();
            next.sort_by_key(|&job| self.last[job as usize]);
            for job in next {
                let reached = (self.last[job as usize] + 1).min(sections);
                came_by.entry(reached).or_insert_with(|| {
                    stack.push(reached);
                    (end, job)
                });
            }
        }
        let mut end = done?;
        let mut chosen = Vec::new();
        while let Some(&(from, job)) = came_by.get(&end) {
            chosen.push(job);
            end = from;
        }
        Some(chosen)
    }

    /// What is left after the first `from` jobs of a descent, and which job of
    /// this cut each of its jobs is. O(n + sections).
    pub(crate) fn tail(&self, descent: &Descent, from: usize) -> (Cut, Vec<u32>) {
        let placed = &descent.order[..from];
        let mut left = vec![true; self.len()];
        for &job in placed {
            left[job as usize] = false;
        }
        let members: Vec<u32> = (0..self.len() as u32)
            .filter(|&job| left[job as usize])
            .collect();
        let tail = self.part(&members, self.skyline(placed, &descent.positions));
        (tail, members)
    }

    /// By how much a descent passes a target, summed over sections.
    pub(crate) fn excess(&self, descent: &Descent, target: i64) -> i128 {
        let tops = self.skyline(&descent.order, &descent.positions);
        tops.into_iter()
            .map(|top| i128::from((top - target).max(0)))
            .sum()
    }

    /// The cut of some of the jobs on another floor.
    pub(crate) fn part(&self, members: &[u32], floor: Vec<i64>) -> Cut {
        let mut part = self.members(members, floor);
        part.merge_sections();
        part
    }

    fn members(&self, members: &[u32], floor: Vec<i64>) -> Cut {
        let pick = |job: &u32| *job as usize;
        let mut part = Cut {
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
        };
        if !self.alignment.is_empty() {
            part.alignment = members
                .iter()
                .map(|job| self.alignment[pick(job)])
                .collect();
        }
        part
    }

    /// The cut whose jobs are chains of this cut's jobs, each placed as one from
    /// the first section of its first job to the last of its last.
    pub(crate) fn chained(&self, chains: &[Vec<Member>]) -> Cut {
        let firsts: Vec<u32> = chains
            .iter()
            .filter_map(|chain| chain.first().map(|member| member.job))
            .collect();
        let mut cut = self.members(&firsts, self.floor.clone());
        cut.ground = self.ground;
        for (index, chain) in chains.iter().enumerate() {
            let last = chain
                .iter()
                .map(|member| self.last[member.job as usize])
                .max();
            cut.last[index] = last.unwrap_or(cut.last[index]);
            cut.log_length[index] = ((cut.last[index] - cut.first[index] + 1) as f32).ln();
            let pressures = chain
                .iter()
                .map(|member| self.pressure[member.job as usize]);
            cut.pressure[index] = pressures.fold(0.0, f32::max);
        }
        cut.merge_sections();
        cut
    }

    /// Splits the cut where no job crosses: each part, and which job of this
    /// cut each of its jobs is. O(n log n).
    pub(crate) fn components(&self) -> Vec<(Cut, Vec<u32>)> {
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
            return vec![(self.clone(), (0..self.len() as u32).collect())];
        }
        parts
            .into_iter()
            .map(|(mut members, _)| {
                members.sort_unstable();
                let first = members.iter().map(|&job| self.first[job as usize]).min();
                let last = members.iter().map(|&job| self.last[job as usize]).max();
                let (first, last) = (first.unwrap_or(0), last.unwrap_or(0));
                let mut part = self.clone_range(&members, first, last);
                part.merge_sections();
                (part, members)
            })
            .collect()
    }

    /// Some of the jobs, which all lie between two sections, inclusive.
    fn clone_range(&self, members: &[u32], first: u32, last: u32) -> Cut {
        let floor = self.floor[first as usize..=last as usize].to_vec();
        let mut part = self.members(members, floor);
        for section in part.first.iter_mut().chain(&mut part.last) {
            *section -= first;
        }
        part
    }

    /// The skyline after placing some jobs: each section's last job decides, so they are gone through from the last to the first,
    /// each painting what is not painted yet.
    fn skyline(&self, placed: &[u32], positions: &[i64]) -> Vec<i64> {
        let mut floor = self.floor.clone();
        let mut paint = Paint::new(self.sections());
        for &job in placed.iter().rev() {
            let job = job as usize;
            let top = positions[job] + self.size[job];
            paint.each(self.first[job], self.last[job], |section| {
                floor[section as usize] = top
            });
        }
        floor
    }

    /// Merges neighbouring sections where that changes nothing: a section whose
    /// jobs are all in its neighbour too, and whose floor is not higher, asks
    /// for nothing that the neighbour does not. (With equal jobs the higher
    /// floor binds both, as every job that lies on one lies on the other.)
    fn merge_sections(&mut self) {
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
    }
}
