//! Which way up the core is packed.

use rustc_hash::FxHashMap;

use super::items::Items;
use super::subproblem::Subproblem;

/// Which way up the core is packed.
///
/// Where the bound ends inside a unit of the grid, only jobs with enough
/// rounding slack may reach into the last unit. Upside down that is a rule
/// about the floor, which is easy to keep: sections that the load fills begin
/// with such a job, all others one unit higher.
pub(crate) struct Orientation {
    pub(crate) subproblem: Subproblem,
    /// Which item each job of the subproblem is.
    pub(crate) members: Vec<u32>,
    /// Items that touch the ceiling, left out of the subproblem.
    pub(crate) touching: Vec<u32>,
    /// The ceiling and the step by which it may rise; `None` for upright.
    pub(crate) ceiling: Option<(i64, i64)>,
}

impl Orientation {
    pub(crate) fn new(
        items: &Items,
        core: &[u32],
        subproblem: Subproblem,
        bound: u64,
        target: i64,
    ) -> Orientation {
        let grid = items.grid();
        // Bytes of the last unit that lie above the bound.
        let beyond = grid.offset(target as u64) - bound;
        let slack = |job: usize| {
            let item = items.item(core[job]);
            item.size * grid.unit - item.bytes
        };
        if beyond > 0
            && let Some(step) = subproblem.common_alignment()
            && let Some((flipped, members, touching)) =
                upside_down(&subproblem, target, |job| slack(job) >= beyond)
        {
            let items_of = |jobs: Vec<u32>| jobs.iter().map(|&job| core[job as usize]).collect();
            return Orientation {
                subproblem: flipped,
                members: items_of(members),
                touching: items_of(touching),
                ceiling: Some((target, step)),
            };
        }
        Orientation {
            subproblem,
            members: core.to_vec(),
            touching: Vec::new(),
            ceiling: None,
        }
    }

    /// The true position of what lies at `at`, where the packing is `top` high.
    pub(crate) fn upright(&self, at: i64, size: i64, top: i64) -> i64 {
        match self.ceiling {
            None => at,
            Some((ceiling, step)) => {
                // Raised by whole steps, which keep every alignment.
                let raised = ceiling + ((top - ceiling).max(0) + step - 1) / step * step;
                raised - at - size
            }
        }
    }
}

/// The same jobs upside down, below a ceiling `top` units high: a position
/// p becomes `top - p - size`. Only jobs that `may_touch` the ceiling may
/// lie at 0. Where the load fills every unit, one of those must: such jobs
/// are chosen, left out of the subproblem and given beside it. `None` where no
/// choice does for all such sections.
fn upside_down(
    whole: &Subproblem,
    top: i64,
    may_touch: impl Fn(usize) -> bool,
) -> Option<(Subproblem, Vec<u32>, Vec<u32>)> {
    let chosen = touching(whole, top, may_touch)?;
    let mut floor = vec![1; whole.sections()];
    for &job in &chosen {
        let job = job as usize;
        floor[whole.first[job] as usize..=whole.last[job] as usize].fill(whole.size[job]);
    }
    let mut left_out = chosen.clone();
    left_out.sort_unstable();
    let members: Vec<u32> = (0..whole.len() as u32)
        .filter(|job| left_out.binary_search(job).is_err())
        .collect();
    let mut subproblem = whole.members(&members, floor);
    for (job, (alignment, allowed)) in subproblem.alignment.iter_mut().enumerate() {
        *allowed = (top - *allowed - subproblem.size[job]).rem_euclid(*alignment);
    }
    subproblem.merge_sections();
    Some((subproblem, members, chosen))
}

/// Jobs that touch the ceiling, one after another in time, such that every
/// section that is full up to it has one.
fn touching(whole: &Subproblem, top: i64, may_touch: impl Fn(usize) -> bool) -> Option<Vec<u32>> {
    let needs = &whole.needs;
    let full: Vec<u32> = (0..needs.len() as u32)
        .filter(|&section| needs[section as usize] >= top)
        .collect();
    let sections = whole.sections() as u32;
    // The bound that makes the ceiling may be below a job that has gaps, or a group.
    let fits = |job: usize| whole.size[job] <= top && whole.allows(job, top - whole.size[job]);
    let touches = |job: usize| may_touch(job) && fits(job);
    let candidates: Vec<u32> = (0..whole.len() as u32)
        .filter(|&job| touches(job as usize))
        .collect();
    // A walk over ends of chosen jobs: from each, the first full section
    // beyond must be covered by a job that begins beyond.
    let mut came_by: FxHashMap<u32, (u32, u32)> = FxHashMap::default();
    let mut stack = vec![0u32];
    let mut done = None;
    while let Some(end) = stack.pop() {
        let Some(&section) = full.get(full.partition_point(|&section| section < end)) else {
            done = Some(end);
            break;
        };
        let mut next: Vec<u32> = candidates
            .iter()
            .copied()
            .filter(|&job| {
                let (first, last) = (whole.first[job as usize], whole.last[job as usize]);
                end <= first && first <= section && section <= last
            })
            .collect();
        next.sort_by_key(|&job| whole.last[job as usize]);
        for job in next {
            let reached = (whole.last[job as usize] + 1).min(sections);
            came_by.entry(reached).or_insert_with(|| {
                stack.push(reached);
                (end, job)
            });
        }
    }
    let mut end = done?;
    let mut chosen = Vec::new();
    while let Some(&(from, job)) = came_by.get(&end) {
        chosen.push(job);
        end = from;
    }
    Some(chosen)
}
