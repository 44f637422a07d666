//! Where to decide next, and in which order to try.

use super::super::reasons::Depths;
use super::{EMPTY, Frame, Search, Summary};
use crate::heuristics::Heuristic;

impl Search<'_> {
    /// Opens the next decision.
    pub(super) fn open_frame(&mut self) {
        let section = self.best_section();
        let floor = self.summaries[section as usize].floor;
        let from = self.candidates.len() as u32;
        let at = section as usize;
        let list = self.list_from[at] as usize..(self.list_from[at] + self.live[at]) as usize;
        for &job in &self.lists[list] {
            if self.least[job as usize] != floor {
                continue;
            }
            let twin = self.model.twin[job as usize];
            let known = self.without.keeps(Heuristic::Twins)
                && self.candidates[from as usize..]
                    .iter()
                    .any(|&other| self.model.twin[other as usize] == twin);
            if !known {
                self.candidates.push(job);
            }
        }
        let ranks = &self.ranks;
        self.candidates[from as usize..].sort_unstable_by_key(|&job| ranks[job as usize]);
        let depth = self.frames.len();
        if self.gathered.len() <= depth {
            self.gathered.push(Depths::default());
        }
        self.gathered[depth].clear();
        self.frames.push(Frame {
            section,
            floor,
            from,
            to: self.candidates.len() as u32,
            next: from,
            changes: self.reasons.len(),
            summaries: self.summary_log.len(),
        });
    }

    /// The section with the fewest candidates in any valley; of equal ones that with
    /// the least slack.
    fn best_section(&self) -> u32 {
        let sections = self.model.sections() as u32;
        let mut best = (u32::MAX, i64::MAX, 0);
        let mut in_run = best;
        // Whether the run of equal floors began with a step down or at a cut.
        let mut is_low = true;
        for section in 0..sections {
            let at = section as usize;
            let Summary { floor, at_floor } = self.summaries[at];
            let cut_before = section == 0 || self.crossing[at - 1] == 0;
            let before = if section == 0 {
                EMPTY
            } else {
                self.summaries[at - 1].floor
            };
            if cut_before || floor != before {
                is_low = cut_before || floor < before;
                in_run = (u32::MAX, i64::MAX, 0);
            }
            if floor == EMPTY {
                continue;
            }
            let slack = self.model.ceiling[at] - floor - self.total[at];
            in_run = in_run.min((at_floor, slack, section));
            let after = if section + 1 == sections || self.crossing[at] == 0 {
                EMPTY
            } else {
                self.summaries[at + 1].floor
            };
            if is_low && floor < after {
                best = best.min(in_run);
            }
        }
        debug_assert!(best.0 < u32::MAX, "the lowest section is in a valley");
        best.2
    }
}
