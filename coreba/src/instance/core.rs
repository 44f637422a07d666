//! The hard core of a problem, as rectangles, and its components.

use std::sync::Arc;

use super::items::Items;
use super::subproblem::Subproblem;

/// What peeling leaves, where all of it is plain rectangles.
pub(crate) struct Core {
    /// Ascending.
    pub(crate) items: Vec<u32>,
    /// All of it, the right way up; job k is `items[k]`.
    pub(crate) whole: Arc<Subproblem>,
    /// Parts that no job joins, split once for all who search.
    pub(crate) components: Vec<Component>,
}

/// A part of the core, and which item each of its jobs is.
#[derive(Clone)]
pub(crate) struct Component {
    pub(crate) subproblem: Arc<Subproblem>,
    pub(crate) items: Vec<u32>,
}

impl Core {
    /// `None` where an item is not one plain rectangle, or numbers are too large.
    /// O(n log n).
    pub(crate) fn new(items: &Items, core: &[u32]) -> Option<Core> {
        let whole = Arc::new(Subproblem::new(items, core)?);
        Some(Core {
            components: components(&whole, |job| core[job as usize]),
            items: core.to_vec(),
            whole,
        })
    }
}

/// Splits a subproblem where no job crosses; `item` says which item a job is.
/// O(n log n).
pub(crate) fn components(whole: &Arc<Subproblem>, item: impl Fn(u32) -> u32) -> Vec<Component> {
    let parts = match whole.components() {
        None => vec![(Arc::clone(whole), (0..whole.len() as u32).collect())],
        Some(parts) => {
            let parts = parts.into_iter();
            parts.map(|(part, jobs)| (Arc::new(part), jobs)).collect()
        }
    };
    let of_items = |(subproblem, jobs): (Arc<Subproblem>, Vec<u32>)| Component {
        subproblem,
        items: jobs.into_iter().map(&item).collect(),
    };
    parts.into_iter().map(of_items).collect()
}
