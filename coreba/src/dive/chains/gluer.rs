//! Joining jobs to chains, while there is slack for the gaps.

use rand::{Rng, RngExt as _};
use rustc_hash::FxHashMap;

use super::fillers::{Fillers, Part};
use super::gluing::{Gluing, Member};
use crate::dive::needs::Needs;
use crate::instance::Subproblem;

/// No job.
const NOTHING: u32 = u32::MAX;

/// Two jobs of one kind that a chain may join, and what the gap between them
/// costs.
struct Joint {
    before: u32,
    after: u32,
    cost: f32,
}

pub(super) struct Gluer<'a> {
    subproblem: &'a Subproblem,
    gluing: &'a Gluing,
    /// What sections need, the slack that gaps leave included.
    needs: Needs,
    /// Which needs gaps may not pass.
    allowed: i64,
    /// The next job of a job's chain.
    next: Vec<u32>,
    /// Whether no job comes before.
    begins: Vec<bool>,
    fillers: Fillers,
    /// What fills the gap after a job.
    fills: Vec<(u32, Member)>,
}

impl<'a> Gluer<'a> {
    /// No job is joined yet.
    pub(super) fn new(subproblem: &'a Subproblem, gluing: &'a Gluing, target: i64) -> Gluer<'a> {
        let kept =
            |need: i64| (((target - need).max(0) as f64 * gluing.keep) as i64).min(gluing.most);
        let mut needs = Needs::default();
        needs.reset(subproblem.needs.iter().map(|&need| need + kept(need)));
        Gluer {
            subproblem,
            gluing,
            needs,
            allowed: target - gluing.reserve,
            next: vec![NOTHING; subproblem.len()],
            begins: vec![true; subproblem.len()],
            fillers: Fillers::new(subproblem, gluing.fill),
            fills: Vec::new(),
        }
    }

    /// The chains. Where short jobs may fill gaps, the others are glued first.
    pub(super) fn glue(mut self, random: &mut impl Rng) -> Vec<Vec<Member>> {
        if !self.fillers.is_empty() {
            self.close(random, |gluer, job| !gluer.fillers.is_short(job));
        }
        self.close(random, |_, _| true);
        self.fills.sort_by_key(|&(before, _)| before);
        (0..self.subproblem.len() as u32)
            .filter(|&job| self.begins[job as usize] && self.part(job) != Part::Fills)
            .map(|job| self.chain(job))
            .collect()
    }

    /// The chain that begins with a job.
    fn chain(&self, first: u32) -> Vec<Member> {
        let mut chain = Vec::new();
        let mut job = first;
        while job != NOTHING {
            chain.push(Member { job, rise: 0 });
            if !self.fills.is_empty() {
                let from = self.fills.partition_point(|&(before, _)| before < job);
                let fills = self.fills[from..].iter();
                let fills = fills.take_while(|&&(before, _)| before == job);
                chain.extend(fills.map(|&(_, member)| member));
            }
            job = self.next[job as usize];
        }
        chain
    }

    fn part(&self, job: u32) -> Part {
        self.fillers.part[job as usize]
    }

    /// Joins jobs that are in, the cheapest gaps first.
    fn close(&mut self, random: &mut impl Rng, is_in: impl Fn(&Self, u32) -> bool) {
        let mut joints = self.joints(random, is_in);
        joints.sort_by(|a, b| a.cost.total_cmp(&b.cost).then(a.after.cmp(&b.after)));
        for Joint { before, after, .. } in joints {
            let fills = [before, after].map(|job| self.part(job) == Part::Fills);
            if fills == [false, false] && self.bridge(before, after) {
                self.next[before as usize] = after;
                self.begins[after as usize] = false;
                self.fillers.part[before as usize] = Part::Joined;
                self.fillers.part[after as usize] = Part::Joined;
            }
        }
    }

    /// Takes up the slack for the gap between two jobs, less what fills it; false
    /// where there is too little.
    fn bridge(&mut self, before: u32, after: u32) -> bool {
        let (from, to) = gap(self.subproblem, before, after);
        if from >= to {
            return true;
        }
        let size = self.subproblem.size[before as usize];
        let fits = self.needs.largest(from, to).0 + size <= self.allowed;
        let filled = match self.fillers.is_empty() {
            true => Vec::new(),
            false => self.fillers.fill(self.subproblem, before, (from, to)),
        };
        if !fits && filled.is_empty() {
            return false;
        }
        self.waste(1, size, (from, to), &filled);
        if !fits && self.needs.largest(from, to).0 > self.allowed {
            self.waste(-1, size, (from, to), &filled);
            for member in filled {
                self.fillers.part[member.job as usize] = Part::Free;
            }
            return false;
        }
        self.fills
            .extend(filled.into_iter().map(|member| (before, member)));
        true
    }

    /// Adds to the needs `times` what a gap of this size wastes.
    fn waste(&mut self, times: i64, size: i64, (from, to): (u32, u32), filled: &[Member]) {
        self.needs.add(from, to, times * size);
        for member in filled {
            let job = member.job as usize;
            let (first, end) = (self.subproblem.first[job], self.subproblem.last[job] + 1);
            self.needs
                .add(first, end, -times * self.subproblem.size[job]);
        }
    }

    /// Disjunctive each job that is in with the one of its kind that ended last before
    /// it and is not paired yet, where the gap is not too long.
    fn joints(&self, random: &mut impl Rng, is_in: impl Fn(&Self, u32) -> bool) -> Vec<Joint> {
        let (subproblem, gluing) = (self.subproblem, self.gluing);
        let jobs = || (0..subproblem.len() as u32).filter(|&job| self.part(job) != Part::Fills);
        let jobs = || jobs().filter(|&job| is_in(self, job));
        let mut births: Vec<u32> = jobs().filter(|&job| self.begins[job as usize]).collect();
        let mut deaths: Vec<u32> = jobs()
            .filter(|&job| self.next[job as usize] == NOTHING)
            .collect();
        births.sort_by_key(|&job| (subproblem.first[job as usize], job));
        deaths.sort_by_key(|&job| (subproblem.last[job as usize], job));
        let mut kinds: FxHashMap<(i64, i64, i64), usize> = FxHashMap::default();
        let kind_of: Vec<usize> = (0..subproblem.len())
            .map(|job| {
                let (alignment, residue) = subproblem.residue(job);
                let count = kinds.len();
                *kinds
                    .entry((subproblem.size[job], alignment, residue))
                    .or_insert(count)
            })
            .collect();
        // Of each kind the jobs that ended and are not paired, the last one last.
        let mut ended: Vec<Vec<u32>> = vec![Vec::new(); kinds.len()];
        let mut deaths = deaths.into_iter().peekable();
        let mut joints = Vec::new();
        for after in births {
            let first = subproblem.first[after as usize];
            while let Some(job) = deaths.next_if(|&job| subproblem.last[job as usize] < first) {
                ended[kind_of[job as usize]].push(job);
            }
            let Some(before) = ended[kind_of[after as usize]].pop() else {
                continue;
            };
            let (from, to) = gap(subproblem, before, after);
            if to - from > gluing.gap {
                continue;
            }
            let mut cost =
                ((to - from) as f32).ln() + gluing.size * subproblem.log_size[after as usize];
            if gluing.noise > 0.0 {
                cost += gluing.noise * random.random_range(-1.0..1.0f32);
            }
            joints.push(Joint {
                before,
                after,
                cost,
            });
        }
        joints
    }
}

/// The sections between two jobs, the end exclusive.
pub(super) fn gap(subproblem: &Subproblem, before: u32, after: u32) -> (u32, u32) {
    (
        subproblem.last[before as usize] + 1,
        subproblem.first[after as usize],
    )
}
