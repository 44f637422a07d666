//! Dives that take back what led to too much waste.
//!
//! A dive that passes its limit does so where it raised a valley, and what made
//! that valley as it is are the jobs beside and below it. The last of them is
//! taken back, with all that came after it, and the dive goes on from there
//! with another job in its place; jobs elsewhere are then placed as before, as
//! valleys do not touch each other's jobs. A decision that was changed a few
//! times is left as it is, and one before it is changed instead.
//!
//! Taking back costs a copy of the skyline and the needs at the last of the
//! checkpoints before, and the steps from there on.

use super::{Diver, Settings};
use crate::dive::index::{NONE, Rank};
use crate::dive::needs::Needs;
use crate::dive::partial::PartialPacking;
use crate::dive::skyline::{Skyline, Valley};
use crate::instance::Subproblem;

/// Events between two checkpoints.
const DISTANCE: usize = 64;

/// How often one decision is changed.
const CHANGES: usize = 3;

/// Jobs times sections above which checkpoints would take too much memory: some
/// bytes for each 64 of them.
const LARGEST: usize = 1 << 23;

/// What was done to a valley.
struct Event {
    valley: Valley,
    /// The job that was placed; `None` where the valley was raised.
    job: Option<u32>,
    /// Jobs that were tried here before.
    tried: Vec<u32>,
}

struct Checkpoint {
    events: usize,
    skyline: Skyline,
    needs: Needs,
}

impl Diver {
    /// Whether a subproblem is small enough for [`Diver::dive_back`].
    pub(crate) fn may_rewind(subproblem: &Subproblem) -> bool {
        subproblem.len().saturating_mul(subproblem.sections()) <= LARGEST
    }

    /// A dive that is taken back up to `rewinds` times where it passes the
    /// limit.
    pub(crate) fn dive_back(
        &mut self,
        subproblem: &Subproblem,
        ranks: &[Rank],
        settings: &Settings,
        rewinds: usize,
        stop: &mut dyn FnMut() -> bool,
    ) -> Option<PartialPacking> {
        self.begin(subproblem, ranks);
        let mut partial = PartialPacking::of(subproblem);
        let mut events: Vec<Event> = Vec::new();
        let mut checkpoints: Vec<Checkpoint> = Vec::new();
        let mut tried: Vec<u32> = Vec::new();
        let mut left = rewinds;
        let mut steps = 0u32;
        while partial.order.len() < subproblem.len() {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(128) && stop() {
                return None;
            }
            if events.len().is_multiple_of(DISTANCE)
                && checkpoints
                    .last()
                    .is_none_or(|last| last.events < events.len())
            {
                checkpoints.push(Checkpoint {
                    events: events.len(),
                    skyline: self.skyline.clone(),
                    needs: self.needs.clone(),
                });
            }
            let valley = self.skyline.lowest()?;
            for &job in &tried {
                self.index.set(job, NONE);
            }
            let choice = self.choose(subproblem, ranks, &valley, settings);
            for &job in &tried {
                self.index.set(job, ranks[job as usize]);
            }
            if choice.need <= settings.limit {
                match choice.job {
                    Some(job) => self.place(subproblem, &valley, job, &mut partial),
                    None => self.raise(&valley)?,
                }
                events.push(Event {
                    valley,
                    job: choice.job,
                    tried: std::mem::take(&mut tried),
                });
                if self.needs.top() <= settings.limit {
                    continue;
                }
            }
            let at = culprit(subproblem, &events, &valley)?;
            left = left.checked_sub(1)?;
            tried = self.take_back(
                subproblem,
                ranks,
                &mut events,
                &mut checkpoints,
                at,
                &mut partial,
            );
        }
        Some(partial)
    }

    /// Takes back the events from `at` on; returns what must not be tried there.
    fn take_back(
        &mut self,
        subproblem: &Subproblem,
        ranks: &[Rank],
        events: &mut Vec<Event>,
        checkpoints: &mut Vec<Checkpoint>,
        at: usize,
        partial: &mut PartialPacking,
    ) -> Vec<u32> {
        for event in &events[at..] {
            if let Some(job) = event.job {
                self.index.set(job, ranks[job as usize]);
                partial.order.pop();
            }
        }
        while checkpoints.last().is_some_and(|last| last.events > at) {
            checkpoints.pop();
        }
        if let Some(last) = checkpoints.last() {
            self.skyline.clone_from(&last.skyline);
            self.needs.clone_from(&last.needs);
            for event in &events[last.events..at] {
                match event.job {
                    Some(job) => {
                        self.put(subproblem, &event.valley, job);
                    }
                    None => {
                        self.raise(&event.valley);
                    }
                }
            }
        }
        let mut tried = std::mem::take(&mut events[at].tried);
        tried.extend(events[at].job);
        events.truncate(at);
        partial.top = partial
            .order
            .iter()
            .map(|&job| partial.positions[job as usize] + subproblem.size[job as usize])
            .fold(subproblem.ground, i64::max);
        tried
    }
}

/// The last event that placed a job beside or below a valley and may be changed.
fn culprit(subproblem: &Subproblem, events: &[Event], valley: &Valley) -> Option<usize> {
    events.iter().rposition(|event| {
        event.job.is_some_and(|job| {
            let job = job as usize;
            event.tried.len() < CHANGES
                && subproblem.first[job] <= valley.to
                && subproblem.last[job] + 1 >= valley.from
        })
    })
}
