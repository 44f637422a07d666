//! A job moves to its hint, and what is in its way goes elsewhere: each blocker
//! to its own hint if it has one, else to the lowest hole within the makespan.
//! Where one finds none, all stays as it was.
//!
//! Items that are fixed or at their hints are never pushed, so the jobs at their
//! hints only become more. A look at an item costs its neighbours.

use super::Wishes;
use crate::fit::Packing;
use crate::instance::{Items, Slab};

/// Looks at one neighbour of an item, in all.
const MOST_WORK: usize = 50_000_000;

/// Rounds over all items.
const ROUNDS: usize = 4;

struct Pushing<'a> {
    items: &'a Items,
    wishes: &'a Wishes,
    positions: &'a mut Vec<u64>,
    /// Items that share a section with each.
    neighbours: Vec<Vec<u32>>,
    /// In bytes.
    limit: u64,
    work: usize,
}

/// Lets items push others aside until nothing changes, or the work is done.
pub(super) fn push(
    items: &Items,
    wishes: &Wishes,
    packing: &mut Packing,
    stop: &mut dyn FnMut() -> bool,
) {
    let wants = |item: &u32, positions: &[u64]| {
        let index = *item as usize;
        wishes.at[index].is_some() && !wishes.is_at(index, positions[index])
    };
    let all = 0..items.len() as u32;
    if !all.clone().any(|item| wants(&item, &packing.positions)) {
        return;
    }
    let mut pushing = Pushing {
        items,
        wishes,
        neighbours: all.clone().map(|item| neighbours(items, item)).collect(),
        positions: &mut packing.positions,
        limit: packing.makespan,
        work: 0,
    };
    for _ in 0..ROUNDS {
        let mut moved = false;
        for item in all
            .clone()
            .filter(|item| pushing.wants(*item))
            .collect::<Vec<_>>()
        {
            if pushing.work > MOST_WORK || stop() {
                return;
            }
            moved |= pushing.move_to_hint(item);
        }
        if !moved {
            return;
        }
    }
}

fn neighbours(items: &Items, item: u32) -> Vec<u32> {
    let meets = |other: &u32| {
        *other != item
            && items.slabs(item).iter().any(|a| {
                let others = items.slabs(*other).iter();
                others
                    .clone()
                    .any(|b| a.first <= b.last && b.first <= a.last)
            })
    };
    (0..items.len() as u32).filter(meets).collect()
}

/// Whether two slabs of items at these positions share addresses and sections.
fn overlap((a, a_at): (&Slab, u64), (b, b_at): (&Slab, u64)) -> bool {
    a.first <= b.last
        && b.first <= a.last
        && a_at + a.low < b_at + b.high
        && b_at + b.low < a_at + a.high
}

impl Pushing<'_> {
    fn wants(&self, item: u32) -> bool {
        let index = item as usize;
        self.wishes.at[index].is_some() && !self.wishes.is_at(index, self.positions[index])
    }

    /// Who is in an item's way at a position.
    fn blockers(&mut self, item: u32, at: u64) -> Vec<u32> {
        let neighbours = &self.neighbours[item as usize];
        self.work += neighbours.len();
        let in_the_way = |other: &u32| {
            let other_at = self.positions[*other as usize];
            self.items.slabs(item).iter().any(|a| {
                let others = self.items.slabs(*other).iter();
                others.clone().any(|b| overlap((a, at), (b, other_at)))
            })
        };
        neighbours.iter().copied().filter(in_the_way).collect()
    }

    /// False where nothing changed.
    fn move_to_hint(&mut self, item: u32) -> bool {
        let Some(hint) = self.wishes.at[item as usize] else {
            return false;
        };
        let mut blockers = self.blockers(item, hint);
        let stays = |&other: &u32| {
            let index = other as usize;
            self.items.item(other).pin.is_some() || self.wishes.is_at(index, self.positions[index])
        };
        if blockers.iter().any(stays) {
            return false;
        }
        let before: Vec<(u32, u64)> = std::iter::once(&item)
            .chain(&blockers)
            .map(|&moved| (moved, self.positions[moved as usize]))
            .collect();
        self.positions[item as usize] = hint;
        blockers.sort_by_key(|&other| (std::cmp::Reverse(self.items.item(other).size), other));
        for index in 0..blockers.len() {
            let Some(at) = self.hole(blockers[index], &blockers[index + 1..]) else {
                for (moved, at) in before {
                    self.positions[moved as usize] = at;
                }
                return false;
            };
            self.positions[blockers[index] as usize] = at;
        }
        true
    }

    /// Where an item may go, with some others away: to its hint, or as low as
    /// can be.
    fn hole(&mut self, item: u32, away: &[u32]) -> Option<u64> {
        let (grid, neighbours) = (self.items.grid(), &self.neighbours[item as usize]);
        self.work += neighbours.len();
        let highest = grid.highest(self.limit, self.items.item(item))?;
        // Positions from the first on, below the second, are forbidden.
        let mut forbidden: Vec<(u64, u64)> = Vec::new();
        for other in neighbours.iter().filter(|other| !away.contains(other)) {
            let at = self.positions[*other as usize];
            for a in self.items.slabs(item) {
                for b in self.items.slabs(*other) {
                    if a.first <= b.last && b.first <= a.last && at + b.high > a.low {
                        let from = (at + b.low + 1).saturating_sub(a.high);
                        forbidden.push((from, at + b.high - a.low));
                    }
                }
            }
        }
        let is_free = |at: u64| forbidden.iter().all(|&(from, to)| at < from || to <= at);
        if let Some(hint) = self.wishes.at[item as usize].filter(|&hint| is_free(hint)) {
            return Some(hint);
        }
        forbidden.sort_unstable();
        let alignment = self.items.item(item).alignment;
        let align = |at: u64| (grid.start + at).next_multiple_of(alignment) - grid.start;
        let mut at = align(0);
        for (from, to) in forbidden {
            if from <= at && at < to {
                at = align(to);
            }
        }
        (at <= highest).then_some(at)
    }
}
