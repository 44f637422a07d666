//! The most hints that a placement within the makespan keeps, for few items.
//!
//! A depth-first search over sets of granted hints, granting first, with the
//! complete search of [`Disjunctive`] to say whether a set can be kept. A set that a
//! placement at hand keeps needs no search. Subproblem off where all hints left would
//! not make it more than the best set known.

use super::Wishes;
use crate::exact::{Disjunctive, Verdict};
use crate::fit::Packing;
use crate::instance::Items;

/// Most items.
const MOST_ITEMS: usize = 60;

/// Disjunctive that are looked at in all, about 5 ns each.
const MOST_WORK: u64 = 30_000_000;

/// Choices of a search for one set.
const MOST_CHOICES: u64 = 2000;

struct Most<'a> {
    wishes: &'a Wishes,
    pairs: Disjunctive,
    /// Items that wish something, those at their hints first.
    hinted: Vec<u32>,
    granted: Vec<(u32, u64)>,
    best: Vec<u64>,
    kept: u64,
    work: u64,
}

/// Keeps the placement with the most jobs at their hints.
pub(super) fn keep(
    items: &Items,
    wishes: &Wishes,
    packing: &mut Packing,
    stop: &mut dyn FnMut() -> bool,
) {
    let mut hinted: Vec<u32> = (0..items.len() as u32)
        .filter(|&item| wishes.at[item as usize].is_some())
        .collect();
    let is_kept = |item: u32| wishes.is_at(item as usize, packing.positions[item as usize]);
    if items.len() > MOST_ITEMS || hinted.iter().all(|&item| is_kept(item)) {
        return;
    }
    let Ok(Some(pairs)) = Disjunctive::new(items, packing.makespan) else {
        return;
    };
    hinted.sort_by_key(|&item| !is_kept(item));
    let left = hinted
        .iter()
        .map(|&item| u64::from(wishes.jobs[item as usize]))
        .sum();
    let mut most = Most {
        wishes,
        pairs,
        hinted,
        granted: Vec::new(),
        best: packing.positions.clone(),
        kept: wishes.kept(&packing.positions),
        work: 0,
    };
    let witness = packing.positions.clone();
    most.grant(0, 0, left, &witness, stop);
    packing.positions = most.best;
}

impl Most<'_> {
    /// Decides on the hinted items from one on: those before keep `kept` jobs at
    /// their hints, as `witness` does, and those from here on would add `left`.
    fn grant(
        &mut self,
        from: usize,
        kept: u64,
        left: u64,
        witness: &[u64],
        stop: &mut dyn FnMut() -> bool,
    ) {
        let in_witness = self.wishes.kept(witness);
        if in_witness > self.kept {
            (self.best, self.kept) = (witness.to_vec(), in_witness);
        }
        if kept + left <= self.kept || self.work > MOST_WORK {
            return;
        }
        let Some(&item) = self.hinted.get(from) else {
            return;
        };
        let index = item as usize;
        let Some(hint) = self.wishes.at[index] else {
            return;
        };
        let wishes = self.wishes;
        let left = left - u64::from(wishes.jobs[index]);
        let others = wishes.others(item).iter().map(|&(_, at, jobs)| (at, jobs));
        for (at, jobs) in std::iter::once((hint, wishes.jobs[index])).chain(others) {
            let kept = kept + u64::from(jobs);
            self.granted.push((item, at));
            if witness[index] == at {
                self.grant(from + 1, kept, left, witness, stop);
            } else if let Some(found) = self.search(stop) {
                self.grant(from + 1, kept, left, &found, stop);
            }
            self.granted.pop();
        }
        self.grant(from + 1, kept, left, witness, stop);
    }

    /// A placement that keeps all that is granted.
    fn search(&mut self, stop: &mut dyn FnMut() -> bool) -> Option<Vec<u64>> {
        if self.work > MOST_WORK || stop() {
            return None;
        }
        let mut pairs = self.pairs.clone();
        for &(item, hint) in &self.granted {
            pairs.fix(item, i64::try_from(hint).ok()?);
        }
        let run = pairs.run(MOST_CHOICES, stop);
        self.work += (run.nodes + 1) * (2 * pairs.len() as u64 + 16);
        match run.verdict {
            Verdict::Placed(positions) => Some(positions.into_iter().map(|at| at as u64).collect()),
            Verdict::Infeasible | Verdict::Open => None,
        }
    }
}
