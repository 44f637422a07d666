//! The unplaced jobs, by which positions their alignment allows.
//!
//! A valley's floor is one position. Jobs of a class that allows it are asked
//! for first; only where none of them fits would a job waste what its alignment
//! skips. Nearly always there is one class.

use rustc_hash::FxHashMap;

use super::index::{Index, NONE, Rank, Span};
use crate::instance::Subproblem;

/// Classes with an index of their own; the rest share the last.
const MOST: usize = 8;

/// Jobs whose alignment allows the same positions.
#[derive(Clone, Debug)]
struct Class {
    index: Index,
    /// Alignment and residue; (1, 0) for what is taken to fit anywhere.
    allowed: (i64, i64),
    jobs: Vec<u32>,
    ranks: Vec<Rank>,
}

/// All unplaced jobs.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    classes: Vec<Class>,
    /// A job's class, and its number there.
    place: Vec<(u32, u32)>,
}

impl Classes {
    /// O(n log n).
    pub(super) fn new(subproblem: &Subproblem) -> Classes {
        let mut counts: FxHashMap<(i64, i64), usize> = FxHashMap::default();
        for job in 0..subproblem.len() {
            *counts.entry(subproblem.residue(job)).or_default() += 1;
        }
        let mut kinds: Vec<((i64, i64), usize)> = counts.into_iter().collect();
        kinds.sort_unstable_by_key(|&(kind, count)| (std::cmp::Reverse(count), kind));
        kinds.truncate(MOST - 1);
        let others = kinds.len();
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); others + 1];
        let mut place = Vec::with_capacity(subproblem.len());
        for job in 0..subproblem.len() {
            let residue = subproblem.residue(job);
            let class = kinds
                .iter()
                .position(|&(kind, _)| kind == residue)
                .unwrap_or(others);
            place.push((class as u32, members[class].len() as u32));
            members[class].push(job as u32);
        }
        let classes = members
            .into_iter()
            .enumerate()
            .filter(|(_, jobs)| !jobs.is_empty())
            .map(|(class, jobs)| {
                let pick =
                    |of: &[u32]| jobs.iter().map(|&job| of[job as usize]).collect::<Vec<_>>();
                Class {
                    index: Index::new(&pick(&subproblem.first), &pick(&subproblem.last)),
                    allowed: kinds.get(class).map_or((1, 0), |&(kind, _)| kind),
                    ranks: Vec::with_capacity(jobs.len()),
                    jobs,
                }
            })
            .collect();
        Classes { classes, place }
    }

    /// Makes all jobs unplaced, with these ranks. O(n).
    pub(super) fn reset(&mut self, ranks: &[Rank]) {
        for class in &mut self.classes {
            class.ranks.clear();
            class
                .ranks
                .extend(class.jobs.iter().map(|&job| ranks[job as usize]));
            class.index.reset(&class.ranks);
        }
    }

    /// Gives a job a rank; [`NONE`] takes it out.
    pub(super) fn set(&mut self, job: u32, rank: Rank) {
        let (class, number) = self.place[job as usize];
        self.classes[class as usize].index.set(number, rank);
    }

    /// Whether any job is in a box.
    pub(super) fn any(&self, span: Span) -> bool {
        self.classes
            .iter()
            .any(|class| class.index.best(span) != NONE)
    }

    /// The best rank in a box, of jobs that allow a height if there are any.
    pub(super) fn best(&self, span: Span, height: i64) -> Rank {
        if let [class] = &self.classes[..] {
            return class.index.best(span);
        }
        let allows = |class: &&Class| {
            let (alignment, residue) = class.allowed;
            (height - residue).rem_euclid(alignment) == 0
        };
        let best_of = |of: &mut dyn Iterator<Item = &Class>| {
            of.map(|class| class.index.best(span)).min().unwrap_or(NONE)
        };
        match best_of(&mut self.classes.iter().filter(allows)) {
            NONE => best_of(&mut self.classes.iter().filter(|class| !allows(class))),
            rank => rank,
        }
    }
}
