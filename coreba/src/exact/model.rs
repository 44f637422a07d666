//! A subproblem at a fixed capacity, laid out for the search.

use rustc_hash::FxHashMap;

use super::stack::{Stacked, Stacks};
use crate::instance::Subproblem;

/// Jobs by index, in units; nothing changes while it is searched.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(super) first: Vec<u32>,
    pub(super) last: Vec<u32>,
    pub(super) size: Vec<i64>,
    /// Alignment, and the residue of allowed positions.
    pub(super) alignment: Vec<(i64, i64)>,
    /// The lowest position, and the highest within the capacity.
    pub(super) lowest: Vec<i64>,
    pub(super) highest: Vec<i64>,
    /// The first job of those that nothing tells apart.
    pub(super) twin: Vec<u32>,
    /// The highest end of any job of a section.
    pub(super) ceiling: Vec<i64>,
    /// Where alignments differ, what stacks of jobs need.
    pub(super) stacks: Option<Stacks>,
    /// Logarithms of lifetime and size.
    pub(super) log_length: Vec<f32>,
    pub(super) log_size: Vec<f32>,
    /// Jobs that share a section with job j:
    /// `neighbours[neighbours_from[j]..neighbours_from[j + 1]]`.
    neighbours: Vec<u32>,
    neighbours_from: Vec<u32>,
}

impl Model {
    /// `None` where a job alone does not fit. The subproblem must have a flat floor at
    /// 0. O(n log n + spans + p log p) time for p pairs of jobs that meet, and O(p) memory.
    pub(crate) fn new(
        subproblem: &Subproblem,
        highest: impl Fn(usize) -> Option<i64>,
    ) -> Option<Model> {
        let jobs = subproblem.len();
        let mut model = Model {
            first: subproblem.first.clone(),
            last: subproblem.last.clone(),
            size: subproblem.size.clone(),
            alignment: (0..jobs).map(|job| subproblem.residue(job)).collect(),
            lowest: Vec::with_capacity(jobs),
            highest: Vec::with_capacity(jobs),
            twin: Vec::with_capacity(jobs),
            ceiling: vec![0; subproblem.sections()],
            stacks: None,
            log_length: subproblem.log_length.clone(),
            log_size: subproblem.log_size.clone(),
            neighbours: Vec::new(),
            neighbours_from: Vec::new(),
        };
        let mut twins = FxHashMap::default();
        for job in 0..jobs {
            let (alignment, residue) = model.alignment[job];
            let lowest = model.align(job, 0);
            let highest = highest(job)?;
            let highest = highest - (highest - residue).rem_euclid(alignment);
            if highest < lowest {
                return None;
            }
            model.lowest.push(lowest);
            model.highest.push(highest);
            let (first, last, size) = (model.first[job], model.last[job], model.size[job]);
            for ceiling in &mut model.ceiling[first as usize..=last as usize] {
                *ceiling = (*ceiling).max(highest + size);
            }
            let kind = (first, last, size, alignment, residue, highest);
            model.twin.push(*twins.entry(kind).or_insert(job as u32));
        }
        (model.neighbours, model.neighbours_from) = neighbours(&model.first, &model.last);
        model.stacks = Stacks::new(Stacked {
            first: &model.first,
            last: &model.last,
            size: &model.size,
            alignment: &model.alignment,
            highest: &model.highest,
            ceiling: &model.ceiling,
        });
        Some(model)
    }

    pub(crate) fn len(&self) -> usize {
        self.size.len()
    }

    pub(super) fn sections(&self) -> usize {
        self.ceiling.len()
    }

    /// The lowest allowed position of a job from `at` on.
    #[inline]
    pub(super) fn align(&self, job: usize, at: i64) -> i64 {
        match self.alignment[job] {
            (1, _) => at,
            (alignment, residue) => at + (residue - at).rem_euclid(alignment),
        }
    }

    #[inline]
    pub(super) fn neighbours(&self, job: usize) -> &[u32] {
        let (from, to) = (self.neighbours_from[job], self.neighbours_from[job + 1]);
        &self.neighbours[from as usize..to as usize]
    }
}

/// For each job those that it shares a section with, ascending, one behind the other,
/// and where each job's begin. O(n log n + p log p) for p pairs.
fn neighbours(first: &[u32], last: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let jobs = first.len();
    let mut order: Vec<u32> = (0..jobs as u32).collect();
    order.sort_unstable_by_key(|&job| first[job as usize]);
    // A job meets those behind it in this order that begin no later than it ends.
    let meets = |at: usize| {
        let end = last[order[at] as usize];
        let behind = order[at + 1..].iter().copied();
        behind.take_while(move |&other| first[other as usize] <= end)
    };
    let mut from = vec![0; jobs + 1];
    for (at, &job) in order.iter().enumerate() {
        for other in meets(at) {
            from[job as usize + 1] += 1;
            from[other as usize + 1] += 1;
        }
    }
    for job in 0..jobs {
        from[job + 1] += from[job];
    }
    let mut next = from.clone();
    let mut met = vec![0; from[jobs] as usize];
    let mut put = |job: u32, other: u32| {
        met[next[job as usize] as usize] = other;
        next[job as usize] += 1;
    };
    for (at, &job) in order.iter().enumerate() {
        for other in meets(at) {
            put(job, other);
            put(other, job);
        }
    }
    for job in 0..jobs {
        met[from[job] as usize..from[job + 1] as usize].sort_unstable();
    }
    (met, from)
}
