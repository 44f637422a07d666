//! Which way up the core is packed.

use rustc_hash::FxHashMap;

use super::subproblem::Subproblem;

/// The core upside down.
///
/// Where the bound ends inside a unit of the grid, only jobs with enough
/// rounding slack may reach into the last unit. Upside down that is a rule
/// about the floor, which is easy to keep: sections that the load fills begin
/// with such a job, all others one unit higher.
pub(crate) struct UpsideDown {
    pub(crate) subproblem: Subproblem,
    /// Which job of the core each job of the subproblem is.
    pub(crate) members: Vec<u32>,
    /// Jobs of the core that touch the ceiling, left out of the subproblem.
    pub(crate) touching: Vec<u32>,
    ceiling: i64,
    /// By which it may rise: a multiple of every alignment.
    step: i64,
}

impl UpsideDown {
    /// The core below a ceiling in units, of which the last unit reaches `beyond`
    /// bytes above the target; `slack` says how many bytes of its last unit a job
    /// does not need. `None` where the core is to be packed the right way up.
    pub(crate) fn new(
        core: &Subproblem,
        beyond: u64,
        ceiling: i64,
        slack: impl Fn(usize) -> u64,
    ) -> Option<UpsideDown> {
        if beyond == 0 {
            return None;
        }
        let step = core.common_alignment()?;
        let (subproblem, members, touching) =
            upside_down(core, ceiling, |job| slack(job) >= beyond)?;
        Some(UpsideDown {
            subproblem,
            members,
            touching,
            ceiling,
            step,
        })
    }

    /// The true position of what lies at `at`, where the packing is `top` high.
    pub(crate) fn upright(&self, at: i64, size: i64, top: i64) -> i64 {
        // Raised by whole steps, which keep every alignment.
        let steps = ((top - self.ceiling).max(0) + self.step - 1) / self.step;
        self.ceiling + steps * self.step - at - size
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
