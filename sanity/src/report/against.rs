//! Two placements of the same jobs, side by side.

use std::collections::BTreeMap;
use std::fmt;

use common::input::Document;
use common::job::{Gap, Job, JobId};
use common::text::counted;
use serde::Serialize;

use super::stack::Stack;
use super::timeline::share;
use super::{Placed, Report, Span, size_class};

/// The other placement: its document and what was measured of it.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    /// What it is called.
    pub name: &'a str,
    /// The same jobs, in any order, with other offsets.
    pub document: &'a Document,
    /// What was measured of it.
    pub report: &'a Report,
}

/// Why two files are no placements of the same jobs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// Remedy: give placements of one problem.
    #[error("job {0} is missing in {1}")]
    Missing(JobId, String),
    /// Remedy: give placements of one problem.
    #[error("job {0} is in {1} only")]
    Additional(JobId, String),
    /// Remedy: convert neither file in a way that changes its jobs.
    #[error("job {id}: {field} is {here} here, and {there} in {name}")]
    Differs {
        /// The job.
        id: JobId,
        /// Which of its fields.
        field: &'static str,
        /// What it is in this placement.
        here: String,
        /// What it is in the other.
        there: String,
        /// What the other is called.
        name: String,
    },
    /// Remedy: place every job, or leave `--against` out.
    #[error("not every job has an offset: nothing to compare with {0}")]
    NotPlacedHere(String),
    /// Remedy: place every job, or leave `--against` out.
    #[error("not every job of {0} has an offset: nothing to compare with")]
    NotPlaced(String),
}

/// What changes for one size class.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct ClassChange {
    /// The sizes of the class.
    #[serde(flatten)]
    pub span: Span,
    /// Jobs.
    pub jobs: u64,
    /// Jobs that reach above the smaller makespan in the larger placement.
    pub jobs_above: u64,
    /// Its share of the area above the smaller makespan.
    pub above_share: f64,
    /// By how many bytes its jobs lie lower in the other placement, as the mean
    /// weighted by area.
    pub lowered_by: f64,
}

/// Another placement of the same jobs.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Against {
    /// What it is called.
    pub name: String,
    /// How the jobs lie in it.
    pub placement: Placed,
    /// Bytes that it takes less than this one; below 0 where it takes more.
    pub saved_bytes: i128,
    /// Pages that it takes less.
    pub saved_pages: i128,
    /// Bytes saved over this makespan.
    pub saved_share: f64,
    /// Jobs whose heap or offset differs.
    pub moved: u64,
    /// Size classes: those with the largest share above first, then those
    /// whose area times the way down is largest.
    pub classes: Vec<ClassChange>,
}

impl Against {
    /// Compares with what was measured here. O(n log n).
    pub(super) fn new(
        document: &Document,
        report: &Report,
        other: &Other<'_>,
    ) -> Result<Against, Mismatch> {
        let pairs = pairs(document, other)?;
        let name = || other.name.to_owned();
        let here = document.placement.as_ref();
        let here = here.ok_or_else(|| Mismatch::NotPlacedHere(name()))?;
        let there = other.document.placement.as_ref();
        let there = there.ok_or_else(|| Mismatch::NotPlaced(name()))?;
        let placement = other.report.placement.clone();
        let placement = placement.ok_or_else(|| Mismatch::NotPlaced(name()))?;
        let (jobs, other_jobs) = (document.problem.jobs(), other.document.problem.jobs());
        let stack = Stack::new(jobs, here);
        let other_stack = Stack::new(other_jobs, there);
        let mut changes = Changes::new(stack.makespan(), other_stack.makespan());
        for &(index, counterpart) in &pairs {
            let (job, twin) = (&jobs[index as usize], &other_jobs[counterpart as usize]);
            let (offset, other_offset) = (
                here.offsets[index as usize],
                there.offsets[counterpart as usize],
            );
            changes.moved += u64::from((job.heap, offset) != (twin.heap, other_offset));
            let address = stack.below(job.heap).saturating_add(offset);
            let other_address = other_stack.below(twin.heap).saturating_add(other_offset);
            changes.add(job, address, other_address);
        }
        let (before, pages) = report
            .taken()
            .ok_or_else(|| Mismatch::NotPlacedHere(name()))?;
        let after = other.report.taken();
        let (after, pages_after) = after.ok_or_else(|| Mismatch::NotPlaced(name()))?;
        let makespan = report
            .placement
            .as_ref()
            .map_or(0, |placed| placed.makespan);
        let saved_bytes = i128::from(before) - i128::from(after);
        Ok(Against {
            name: name(),
            saved_bytes,
            saved_pages: i128::from(pages) - i128::from(pages_after),
            saved_share: share(saved_bytes as f64, makespan as f64),
            moved: changes.moved,
            classes: changes.classes(),
            placement,
        })
    }
}

/// For each job, by id, its index here and there.
pub(super) fn pairs(document: &Document, other: &Other<'_>) -> Result<Vec<(u32, u32)>, Mismatch> {
    let (jobs, other_jobs) = (document.problem.jobs(), other.document.problem.jobs());
    let name = || other.name.to_owned();
    let (here, there) = (by_id(jobs), by_id(other_jobs));
    for (&index, &counterpart) in here.iter().zip(&there) {
        let (job, twin) = (&jobs[index as usize], &other_jobs[counterpart as usize]);
        match job.id.cmp(&twin.id) {
            std::cmp::Ordering::Less => return Err(Mismatch::Missing(job.id.clone(), name())),
            std::cmp::Ordering::Greater => {
                return Err(Mismatch::Additional(twin.id.clone(), name()));
            }
            std::cmp::Ordering::Equal => same(job, twin, other.name)?,
        }
    }
    if let Some(&index) = here.get(there.len()) {
        return Err(Mismatch::Missing(jobs[index as usize].id.clone(), name()));
    }
    if let Some(&index) = there.get(here.len()) {
        let id = other_jobs[index as usize].id.clone();
        return Err(Mismatch::Additional(id, name()));
    }
    Ok(here.into_iter().zip(there).collect())
}

fn by_id(jobs: &[Job]) -> Vec<u32> {
    let mut indices: Vec<u32> = (0..jobs.len() as u32).collect();
    indices.sort_by(|&a, &b| jobs[a as usize].id.cmp(&jobs[b as usize].id));
    indices
}

fn same(job: &Job, twin: &Job, name: &str) -> Result<(), Mismatch> {
    let differing = Field::ALL
        .into_iter()
        .find(|field| field.of(job) != field.of(twin));
    match differing {
        None => Ok(()),
        Some(field) => Err(Mismatch::Differs {
            id: job.id.clone(),
            field: field.name(),
            here: field.of(job).to_string(),
            there: field.of(twin).to_string(),
            name: name.to_owned(),
        }),
    }
}

/// What makes two jobs the same to a placement.
#[derive(Clone, Copy)]
enum Field {
    Birth,
    Death,
    Size,
    Gaps,
    Group,
}

impl Field {
    const ALL: [Field; 5] = [
        Field::Birth,
        Field::Death,
        Field::Size,
        Field::Gaps,
        Field::Group,
    ];

    fn name(self) -> &'static str {
        match self {
            Field::Birth => "birth",
            Field::Death => "death",
            Field::Size => "size",
            Field::Gaps => "gaps",
            Field::Group => "group",
        }
    }

    fn of(self, job: &Job) -> Value<'_> {
        match self {
            Field::Birth => Value::Number(job.birth),
            Field::Death => Value::Number(job.death),
            Field::Size => Value::Number(job.size),
            Field::Gaps => Value::Gaps(job.gaps()),
            Field::Group => Value::Group(job.group()),
        }
    }
}

#[derive(PartialEq)]
enum Value<'a> {
    Number(u64),
    Gaps(&'a [Gap]),
    Group(Option<&'a str>),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Gaps([]) | Value::Group(None) => f.write_str("none"),
            Value::Gaps(gaps) => {
                let (lower, upper) = (gaps[0].lower, gaps[0].upper);
                let spans = counted(gaps.len(), "span");
                write!(f, "{spans} from {lower}-{upper} on")
            }
            Value::Group(Some(group)) => write!(f, "{group:?}"),
        }
    }
}

#[derive(Default)]
struct Change {
    jobs: u64,
    jobs_above: u64,
    above: u128,
    area: f64,
    /// Area times the way down.
    lowered: f64,
}

struct Changes {
    /// The smaller makespan.
    limit: u64,
    /// Whether this placement is the larger one.
    here_is_larger: bool,
    moved: u64,
    by_class: BTreeMap<Span, Change>,
}

impl Changes {
    fn new(here: u64, there: u64) -> Changes {
        Changes {
            limit: here.min(there),
            here_is_larger: here >= there,
            moved: 0,
            by_class: BTreeMap::new(),
        }
    }

    /// Called in the order of ids, so that no rounding depends on the rows'.
    fn add(&mut self, job: &Job, here: u64, there: u64) {
        let larger = if self.here_is_larger { here } else { there };
        let change = self.by_class.entry(size_class(job.size)).or_default();
        change.jobs += 1;
        let mut is_above = false;
        for piece in job.pieces() {
            let top = larger.saturating_add(piece.high);
            let bottom = larger.saturating_add(piece.low).max(self.limit);
            let ticks = u128::from(piece.death - piece.birth);
            if top > bottom {
                is_above = true;
                change.above = change
                    .above
                    .saturating_add(u128::from(top - bottom) * ticks);
            }
        }
        change.jobs_above += u64::from(is_above);
        let area = super::measure::area(job) as f64;
        change.area += area;
        change.lowered += area * (here as f64 - there as f64);
    }

    fn classes(self) -> Vec<ClassChange> {
        let changes = self.by_class.values();
        let above = changes.fold(0u128, |sum, change| sum.saturating_add(change.above));
        let mut classes: Vec<(Span, Change)> = self.by_class.into_iter().collect();
        classes.sort_by(|(_, a), (_, b)| {
            let above = b.above.cmp(&a.above);
            above.then(b.lowered.total_cmp(&a.lowered))
        });
        classes
            .into_iter()
            .map(|(span, change)| ClassChange {
                span,
                jobs: change.jobs,
                jobs_above: change.jobs_above,
                above_share: share(change.above as f64, above as f64),
                lowered_by: share(change.lowered, change.area),
            })
            .collect()
    }
}
