//! The search itself: state, decisions, and their undoing. All memory is flat
//! and kept from run to run; the stack of decisions is explicit.
//!
//! A decision costs about the sections of the jobs that it raises times the
//! jobs that live in one.

mod choice;
mod hole;

use super::model::Model;
use super::reasons::{Depths, Reasons};
use super::verdict::{Run, Verdict};
use crate::heuristics::{Heuristic, Without};
use hole::Raise;

/// Floor of a section without unplaced jobs.
const EMPTY: i64 = i64::MAX;

/// Depth of a job that is not placed.
const UNPLACED: u32 = u32::MAX;

/// Nodes between two questions whether to stop, times the number of jobs; and the most,
/// also of sections that are looked at before the first node.
const PATIENCE: u64 = 1 << 18;
const MOST_PATIENCE: u64 = 256;

/// What a section's unplaced jobs say of it.
#[derive(Clone, Copy, Debug)]
struct Summary {
    floor: i64,
    /// How many lie at the floor at least.
    at_floor: u32,
}

/// A decision: which candidates are left to try, and whether the hole is.
#[derive(Clone, Copy, Debug)]
struct Frame {
    section: u32,
    floor: i64,
    /// Its candidates are `candidates[from..to]`; `next` is the next to try.
    from: u32,
    to: u32,
    next: u32,
    /// Lengths of the logs before the decision.
    changes: usize,
    summaries: usize,
}

/// What a decision came to.
enum Step {
    Fine,
    /// The conflict is in `Search::conflict`.
    Failed,
}

/// A search of one model; keeps its memory from run to run.
#[derive(Clone, Debug)]
pub(crate) struct Search<'a> {
    model: &'a Model,
    without: Without,
    /// Where each job lies, or the least position that it may have.
    least: Vec<i64>,
    depth_of: Vec<u32>,
    /// The placed jobs, the last one last.
    placed: Vec<u32>,
    ranks: Vec<u32>,
    reasons: Reasons,
    /// Unplaced jobs of each section, first in its part of `lists`; behind them
    /// those that are placed, the last first.
    lists: Vec<u32>,
    list_from: Vec<u32>,
    live: Vec<u32>,
    /// Where in its sections' lists a job is.
    slots: Vec<u32>,
    slots_from: Vec<u32>,
    total: Vec<i64>,
    /// Unplaced jobs that cross from each section to the next.
    crossing: Vec<u32>,
    summaries: Vec<Summary>,
    summary_log: Vec<(u32, Summary)>,
    frames: Vec<Frame>,
    candidates: Vec<u32>,
    /// For each depth what the children that failed say.
    gathered: Vec<Depths>,
    conflict: Depths,
    touched: Vec<u32>,
    touched_in: Vec<u64>,
    round: u64,
    /// The section whose bound failed last.
    suspect: u32,
    raises: Vec<Raise>,
}

impl<'a> Search<'a> {
    /// O(n^2) at worst: the lists of all sections.
    pub(crate) fn new(model: &'a Model, without: Without) -> Search<'a> {
        let (jobs, sections) = (model.len(), model.sections());
        let mut list_from = vec![0u32; sections + 1];
        let mut slots_from = vec![0u32; jobs + 1];
        for job in 0..jobs {
            let (first, last) = (model.first[job], model.last[job]);
            slots_from[job + 1] = slots_from[job] + last - first + 1;
            for section in first..=last {
                list_from[section as usize + 1] += 1;
            }
        }
        for section in 0..sections {
            list_from[section + 1] += list_from[section];
        }
        Search {
            model,
            without,
            least: Vec::new(),
            depth_of: Vec::new(),
            placed: Vec::new(),
            ranks: Vec::new(),
            reasons: Reasons::default(),
            lists: vec![0; list_from[sections] as usize],
            list_from,
            live: vec![0; sections],
            slots: vec![0; slots_from[jobs] as usize],
            slots_from,
            total: vec![0; sections],
            crossing: vec![0; sections],
            summaries: Vec::new(),
            summary_log: Vec::new(),
            frames: Vec::new(),
            candidates: Vec::new(),
            gathered: Vec::new(),
            conflict: Depths::default(),
            touched: Vec::new(),
            touched_in: vec![0; sections],
            round: 0,
            suspect: 0,
            raises: Vec::new(),
        }
    }

    fn reset(&mut self) {
        let model = self.model;
        let jobs = model.len();
        self.least.clone_from(&model.lowest);
        self.depth_of.clear();
        self.depth_of.resize(jobs, UNPLACED);
        self.placed.clear();
        self.reasons.reset(jobs);
        self.live.fill(0);
        self.total.fill(0);
        self.crossing.fill(0);
        for job in 0..jobs {
            let (first, last) = (model.first[job], model.last[job]);
            for section in first..=last {
                let at = section as usize;
                let slot = self.list_from[at] + self.live[at];
                self.lists[slot as usize] = job as u32;
                self.slots[(self.slots_from[job] + section - first) as usize] = slot;
                self.live[at] += 1;
                self.total[at] += model.size[job];
                self.crossing[at] += u32::from(section < last);
            }
        }
        // Each section's is made before the first decision.
        let none = Summary {
            floor: EMPTY,
            at_floor: 0,
        };
        self.summaries.clear();
        self.summaries.resize(model.sections(), none);
        self.summary_log.clear();
        self.frames.clear();
        self.candidates.clear();
        self.conflict.clear();
    }

    /// One run from the root, which tries the candidates of low ranks first and
    /// takes up to `limit` decisions.
    pub(crate) fn run(
        &mut self,
        ranks: Vec<u32>,
        limit: u64,
        stop: &mut dyn FnMut() -> bool,
    ) -> Run {
        self.ranks = ranks;
        self.reset();
        let mut run = Run {
            verdict: Verdict::Open,
            nodes: 0,
            extra: 0,
            deepest: 0,
        };
        for section in 0..self.model.sections() as u32 {
            if u64::from(section) % MOST_PATIENCE == MOST_PATIENCE - 1 && stop() {
                return run;
            }
            if !self.fits(section) {
                run.verdict = Verdict::Infeasible;
                return run;
            }
        }
        let patience = (PATIENCE / self.model.len().max(1) as u64).clamp(1, MOST_PATIENCE);
        let mut next_question = patience;
        loop {
            run.deepest = run.deepest.max(self.placed.len());
            if self.placed.len() == self.model.len() {
                run.verdict = Verdict::Placed(self.least.clone());
                return run;
            }
            self.open_frame();
            while let Step::Failed = self.try_next(&mut run.nodes) {
                if !self.back_out() {
                    run.verdict = Verdict::Infeasible;
                    return run;
                }
                if run.nodes >= limit {
                    return run;
                }
            }
            if run.nodes >= limit {
                return run;
            }
            if run.nodes >= next_question {
                next_question = run.nodes + patience;
                if stop() {
                    return run;
                }
            }
        }
    }

    /// Tries the next child of the last decision.
    fn try_next(&mut self, nodes: &mut u64) -> Step {
        let depth = self.frames.len() as u32 - 1;
        let frame = &mut self.frames[depth as usize];
        let next = frame.next;
        frame.next += 1;
        if next < frame.to {
            *nodes += 1;
            let (floor, job) = (frame.floor, self.candidates[next as usize]);
            return self.place(job, floor, depth);
        }
        let frame = *frame;
        if next == frame.to && !self.is_full(&frame) {
            *nodes += 1;
            return self.raise(&frame, depth);
        }
        // All children have failed.
        std::mem::swap(&mut self.conflict, &mut self.gathered[depth as usize]);
        if self.is_full(&frame) {
            self.explain_full(&frame);
        } else {
            self.explain_hole(&frame);
        }
        self.conflict.remove(depth);
        self.candidates.truncate(frame.from as usize);
        self.frames.pop();
        Step::Failed
    }

    /// Undoes decisions until one has a child left that may help; false where
    /// none has.
    fn back_out(&mut self) -> bool {
        let deepest = if self.without.keeps(Heuristic::Backjumping) {
            self.conflict.deepest()
        } else {
            (self.frames.len() as u32).checked_sub(1)
        };
        let Some(deepest) = deepest else {
            return false;
        };
        self.frames.truncate(deepest as usize + 1);
        let frame = self.frames[deepest as usize];
        self.candidates.truncate(frame.to as usize);
        self.undo(&frame, deepest);
        self.conflict.remove(deepest);
        self.gathered[deepest as usize].unite(&self.conflict);
        true
    }

    /// Puts a job at the floor of a valley.
    fn place(&mut self, job: u32, floor: i64, depth: u32) -> Step {
        let model = self.model;
        let index = job as usize;
        let (first, last) = (model.first[index], model.last[index]);
        self.depth_of[index] = depth;
        self.placed.push(job);
        self.round += 1;
        for section in first..=last {
            let at = section as usize;
            self.live[at] -= 1;
            self.total[at] -= model.size[index];
            self.crossing[at] -= u32::from(section < last);
            let slot = self.slots[(self.slots_from[index] + section - first) as usize];
            let end = self.list_from[at] + self.live[at];
            self.swap_slots(section, slot, end);
            self.touch(section);
        }
        let top = floor + model.size[index];
        for &other in model.neighbours(index) {
            let meets = other as usize;
            if self.depth_of[meets] != UNPLACED {
                continue;
            }
            let least = model.align(meets, top);
            let before = self.least[meets];
            if least > before {
                let needs = floor - model.size[meets] + 1;
                self.reasons.push(other, depth, before, needs);
                if let Step::Failed = self.lift(other, least) {
                    return Step::Failed;
                }
            }
        }
        self.settle()
    }

    fn swap_slots(&mut self, section: u32, slot: u32, end: u32) {
        let other = self.lists[end as usize];
        let job = self.lists[slot as usize];
        self.put(section, other, slot as usize);
        self.put(section, job, end as usize);
    }

    /// Raises an unplaced job, once the reason is noted.
    fn lift(&mut self, job: u32, least: i64) -> Step {
        let index = job as usize;
        self.least[index] = least;
        let highest = self.model.highest[index];
        if least > highest {
            self.conflict.clear();
            self.explain(job, highest + 1);
            return Step::Failed;
        }
        for section in self.model.first[index]..=self.model.last[index] {
            self.touch(section);
        }
        Step::Fine
    }

    #[inline]
    fn touch(&mut self, section: u32) {
        let stamp = &mut self.touched_in[section as usize];
        if *stamp != self.round {
            *stamp = self.round;
            self.touched.push(section);
        }
    }

    /// Brings touched sections up to date, and checks their bounds.
    fn settle(&mut self) -> Step {
        let mut touched = std::mem::take(&mut self.touched);
        // The section that failed last is likely to fail again.
        let suspect = touched.iter().position(|&section| section == self.suspect);
        if let Some(suspect) = suspect {
            touched.swap(0, suspect);
        }
        let mut step = Step::Fine;
        for &section in &touched {
            let at = section as usize;
            self.summary_log.push((section, self.summaries[at]));
            if !self.fits(section) {
                self.suspect = section;
                step = Step::Failed;
                break;
            }
        }
        touched.clear();
        self.touched = touched;
        step
    }

    fn explain(&mut self, job: u32, level: i64) {
        let lowest = self.model.lowest[job as usize];
        self.reasons.explain(job, lowest, level, &mut self.conflict);
    }

    fn list(&self, section: usize) -> &[u32] {
        let from = self.list_from[section];
        &self.lists[from as usize..(from + self.live[section]) as usize]
    }

    /// Orders a section's unplaced jobs by their least positions, the highest
    /// first. They were in order before the last few changes, so inserting is
    /// cheap; a job leaves from the end, where the floor is.
    fn sort(&mut self, section: usize) {
        let from = self.list_from[section] as usize;
        let to = from + self.live[section] as usize;
        for index in from + 1..to {
            let job = self.lists[index];
            let least = self.least[job as usize];
            let mut at = index;
            while at > from {
                let above = self.lists[at - 1];
                if self.least[above as usize] >= least {
                    break;
                }
                self.put(section as u32, above, at);
                at -= 1;
            }
            if at < index {
                self.put(section as u32, job, at);
            }
        }
    }

    #[inline]
    fn put(&mut self, section: u32, job: u32, slot: usize) {
        let index = job as usize;
        self.lists[slot] = job;
        let at = self.slots_from[index] + section - self.model.first[index];
        self.slots[at as usize] = slot as u32;
    }

    /// Brings a section up to date. Whether its unplaced jobs may fit; if not,
    /// the conflict says why.
    fn fits(&mut self, section: u32) -> bool {
        let at = section as usize;
        self.sort(at);
        let list = self.list(at);
        let Some(&lowest) = list.last() else {
            self.summaries[at] = Summary {
                floor: EMPTY,
                at_floor: 0,
            };
            return true;
        };
        let floor = self.least[lowest as usize];
        let candidates = list.iter().rev();
        let at_floor = candidates
            .take_while(|&&job| self.least[job as usize] == floor)
            .count() as u32;
        let (ceiling, total) = (self.model.ceiling[at], self.total[at]);
        // The first of the list that fail together, and a level from which on
        // they would already have no room.
        let mut failing = None;
        if floor + total > ceiling {
            failing = Some((list.len(), ceiling - total + 1));
        }
        if self.without.keeps(Heuristic::HeadBound)
            && self.least[list[0] as usize] + total > ceiling
        {
            let mut sum = 0;
            for (index, &job) in list.iter().enumerate() {
                sum += self.model.size[job as usize];
                if self.least[job as usize] + sum > ceiling {
                    failing = Some((index + 1, ceiling - sum + 1));
                    break;
                }
            }
        }
        if failing.is_none() && self.without.keeps(Heuristic::StackBound) {
            failing = self.fails_stacked(section);
        }
        self.summaries[at] = Summary { floor, at_floor };
        match failing {
            None => true,
            Some((count, level)) => self.blame(section, count, level),
        }
    }

    /// The same by what stacks of a section's unplaced jobs need.
    fn fails_stacked(&self, section: u32) -> Option<(usize, i64)> {
        let stacks = self.model.stacks.as_ref()?;
        let mut set = 0;
        for (index, &job) in self.list(section as usize).iter().enumerate() {
            set |= stacks.set_of(self.model.first[job as usize], section, job);
            let start = stacks.start(section, set);
            if self.least[job as usize] > start {
                return Some((index + 1, start + 1));
            }
        }
        None
    }

    /// The conflict: the first `count` of a section's unplaced jobs have no room
    /// from a level on, and none of them may lie lower.
    fn blame(&mut self, section: u32, count: usize, level: i64) -> bool {
        self.conflict.clear();
        let from = self.list_from[section as usize] as usize;
        for slot in from..from + count {
            let job = self.lists[slot];
            debug_assert!(self.least[job as usize] >= level);
            self.explain(job, level);
        }
        false
    }

    /// Whether the unplaced jobs of a decision's section leave no room at all:
    /// one of them must lie at the floor.
    fn is_full(&self, frame: &Frame) -> bool {
        let at = frame.section as usize;
        if frame.floor + self.total[at] >= self.model.ceiling[at] {
            return true;
        }
        let Some(stacks) = self
            .model
            .stacks
            .as_ref()
            .filter(|_| self.without.keeps(Heuristic::StackBound))
        else {
            return false;
        };
        let jobs = self.list(at).iter();
        let set = jobs.fold(0, |set, &job| {
            set | stacks.set_of(self.model.first[job as usize], frame.section, job)
        });
        stacks.start(frame.section, set) <= frame.floor
    }

    fn explain_full(&mut self, frame: &Frame) {
        let at = frame.section as usize;
        for slot in self.list_from[at]..self.list_from[at] + self.live[at] {
            let job = self.lists[slot as usize];
            let above = i64::from(self.least[job as usize] > frame.floor);
            self.explain(job, frame.floor + above);
        }
    }

    /// Takes back what was done from a decision on.
    fn undo(&mut self, frame: &Frame, depth: u32) {
        self.touched.clear();
        while self.reasons.len() > frame.changes {
            let Some(change) = self.reasons.pop() else {
                break;
            };
            self.least[change.job as usize] = change.before;
        }
        while self.summary_log.len() > frame.summaries {
            let Some((section, summary)) = self.summary_log.pop() else {
                break;
            };
            self.summaries[section as usize] = summary;
        }
        while let Some(&job) = self.placed.last() {
            if self.depth_of[job as usize] < depth {
                break;
            }
            self.placed.pop();
            self.unplace(job as usize);
        }
    }

    /// Behind its sections' lists is the job that left them last.
    fn unplace(&mut self, job: usize) {
        let (first, last) = (self.model.first[job], self.model.last[job]);
        self.depth_of[job] = UNPLACED;
        for section in first..=last {
            let at = section as usize;
            self.live[at] += 1;
            self.total[at] += self.model.size[job];
            self.crossing[at] += u32::from(section < last);
        }
    }
}
