//! What every search method is: a searcher, which works turn by turn.
//!
//! In a turn a searcher plans tasks from what is known (the [`Incumbent`]), all
//! threads perform them, and it takes in what they found, in the order of the
//! tasks. It says what was found and what that cost. Which searcher has the next
//! turn is none of its business: that is the schedule's. A task's randomness is
//! its own, so the sequence of work depends on the seed alone.

use super::batch::Crew;
use super::incumbent::Incumbent;
use super::turn::Turn;

/// A search method.
pub(crate) trait Searcher {
    /// A piece of work that any thread may do.
    type Task: Sync;
    /// What comes of it.
    type Found: Send;

    /// The tasks of the next turn; none where nothing is left to try.
    fn plan(&mut self, incumbent: &Incumbent<'_>, crew: &mut Crew<'_>) -> Vec<Self::Task>;

    /// Does a task, or gives up where `stop` says so.
    fn perform(&self, task: &Self::Task, stop: &mut dyn FnMut() -> bool) -> Option<Self::Found>;

    /// Whether this leaves nothing to do for the tasks behind.
    fn ends(&self, found: &Self::Found) -> bool;

    /// Takes in what a turn found; `None` for what was not finished.
    fn merge(
        &mut self,
        tasks: Vec<Self::Task>,
        found: Vec<Option<Self::Found>>,
        incumbent: &Incumbent<'_>,
    ) -> Turn;
}

/// A [`Searcher`] of whatever tasks, as the schedule sees it.
pub(crate) trait Turns {
    /// Takes a turn; `None` where nothing is left to try.
    fn turn(&mut self, incumbent: &Incumbent<'_>, crew: &mut Crew<'_>) -> Option<Turn>;
}

impl<S: Searcher + Sync> Turns for S {
    fn turn(&mut self, incumbent: &Incumbent<'_>, crew: &mut Crew<'_>) -> Option<Turn> {
        let tasks = self.plan(incumbent, crew);
        if tasks.is_empty() {
            return None;
        }
        let this = &*self;
        let found = crew.run(
            &tasks,
            |task, stop| this.perform(task, stop),
            |found| this.ends(found),
        );
        Some(self.merge(tasks, found, incumbent))
    }
}
