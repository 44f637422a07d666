//! The hole: none of a section's candidates lies at its floor.

use super::{EMPTY, Frame, Search, Step, UNPLACED};

/// What a hole derives for one candidate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raise {
    job: u32,
    /// The lowest support by a job that is no candidate.
    next: i64,
    /// The least position that follows.
    least: i64,
}

impl Search<'_> {
    /// Raises all candidates of a section, those that are twins of others
    /// included: none of them lies at the floor.
    pub(super) fn raise(&mut self, frame: &Frame, depth: u32) -> Step {
        self.derive_raises(frame);
        self.round += 1;
        let raises = std::mem::take(&mut self.raises);
        let mut step = Step::Fine;
        for raise in &raises {
            let before = self.least[raise.job as usize];
            self.reasons.push(raise.job, depth, before, i64::MIN);
            step = self.lift(raise.job, raise.least);
            if let Step::Failed = step {
                break;
            }
        }
        self.raises = raises;
        match step {
            Step::Fine => self.settle(),
            Step::Failed => Step::Failed,
        }
    }

    /// What the hole derives for each candidate; not above the first position
    /// that is too high.
    fn derive_raises(&mut self, frame: &Frame) {
        let model = self.model;
        let mut raises = std::mem::take(&mut self.raises);
        raises.clear();
        for &job in self.list(frame.section as usize) {
            let index = job as usize;
            if self.least[index] != frame.floor {
                continue;
            }
            let too_high = model.highest[index] + 1;
            let next = model
                .neighbours(index)
                .iter()
                .filter(|&&other| self.may_support(other, frame))
                .map(|&other| model.align(index, self.top(other)))
                .fold(too_high, i64::min);
            raises.push(Raise {
                job,
                next,
                least: next,
            });
        }
        // The two lowest tops of candidates on others.
        let (mut best, mut second) = ((EMPTY, 0), EMPTY);
        for raise in &raises {
            let top = raise.next + model.size[raise.job as usize];
            if top < best.0 {
                second = best.0;
                best = (top, raise.job);
            } else {
                second = second.min(top);
            }
        }
        for raise in &mut raises {
            let top = if best.1 == raise.job { second } else { best.0 };
            if top != EMPTY {
                let on_candidate = model.align(raise.job as usize, top);
                raise.least = raise.least.min(on_candidate);
            }
        }
        self.raises = raises;
    }

    /// The lowest end that an unplaced job may have.
    fn top(&self, job: u32) -> i64 {
        self.least[job as usize] + self.model.size[job as usize]
    }

    /// Whether a neighbour of a candidate is unplaced and none itself.
    fn may_support(&self, job: u32, frame: &Frame) -> bool {
        let index = job as usize;
        let (first, last) = (self.model.first[index], self.model.last[index]);
        let is_candidate =
            self.least[index] == frame.floor && first <= frame.section && frame.section <= last;
        self.depth_of[index] == UNPLACED && !is_candidate
    }

    /// Adds what a hole's raises, and so the completeness of its decision, rest
    /// on.
    pub(super) fn explain_hole(&mut self, frame: &Frame) {
        let model = self.model;
        self.derive_raises(frame);
        let raises = std::mem::take(&mut self.raises);
        for raise in &raises {
            let index = raise.job as usize;
            self.explain(raise.job, frame.floor);
            // How high supports outside must leave this candidate, for its own
            // raise and for those of the candidates that it may support.
            let supported = raises
                .iter()
                .filter(|other| other.job != raise.job)
                .map(|other| other.least - model.size[index])
                .fold(raise.least, i64::max)
                .min(raise.next);
            for &other in model.neighbours(index) {
                let at = other as usize;
                let level = supported - model.size[at];
                if level <= model.lowest[at] {
                    continue;
                }
                if self.depth_of[at] != UNPLACED {
                    self.conflict.insert(self.depth_of[at]);
                } else if self.may_support(other, frame) {
                    self.explain(other, level.min(self.least[at]));
                }
            }
        }
        self.raises = raises;
    }
}
