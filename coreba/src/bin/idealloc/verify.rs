//! `idealloc --verify`: is a given placement of the input's jobs valid?

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use common::check;
use common::csv;
use common::format::{self, Format};
use common::input::{self, Document, Offsets};
use common::job::{Job, JobId};
use common::placement::Placement;
use common::problem::Problem;
use common::text::counted;

/// Reads a placement.
fn read(path: &Path, options: csv::Options) -> anyhow::Result<Document> {
    let name = || path.display().to_string();
    let Some(format) = Format::of_path(path) else {
        bail!(
            "{}: the name does not end in .csv, .plc or .trc",
            path.display()
        );
    };
    let file = format::open(path).with_context(name)?;
    input::load_with(file, format, Offsets::Placement, options).with_context(name)
}

/// The offsets that an earlier placement gives to the jobs of the input, by id.
pub(crate) fn earlier(
    document: &Document,
    path: &Path,
    options: csv::Options,
) -> anyhow::Result<Vec<Option<u64>>> {
    let placed = read(path, options)?;
    let Some(placement) = placed.placement else {
        bail!("{}: not every job has an offset", path.display());
    };
    let offsets: HashMap<&JobId, u64> = placed
        .problem
        .jobs()
        .iter()
        .map(|job| &job.id)
        .zip(placement.offsets)
        .collect();
    Ok(document
        .problem
        .jobs()
        .iter()
        .map(|job| offsets.get(&job.id).copied())
        .collect())
}

/// Checks the placement in a file against the jobs of the input; `Ok(None)` is
/// valid, else what is wrong first.
pub(crate) fn verify(
    document: &Document,
    path: &Path,
    options: csv::Options,
    start: u64,
) -> anyhow::Result<Option<String>> {
    let placed = read(path, options)?;
    let problem = &document.problem;
    let Some(placement) = &placed.placement else {
        if problem.is_empty() && placed.problem.is_empty() {
            return Ok(None);
        }
        let (have, jobs) = (placed.placed, placed.problem.len());
        let jobs = counted(jobs, "job");
        return Ok(Some(format!("offsets for only {have} of {jobs}")));
    };
    let by_id: HashMap<&JobId, usize> = placed
        .problem
        .jobs()
        .iter()
        .enumerate()
        .map(|(index, job)| (&job.id, index))
        .collect();
    let mut offsets = Vec::with_capacity(problem.len());
    let mut jobs = Vec::with_capacity(problem.len());
    for job in problem.jobs() {
        let Some(&index) = by_id.get(&job.id) else {
            return Ok(Some(format!("job {} is not placed", job.id)));
        };
        let other = &placed.problem[index];
        let same = |job: &Job| (job.birth, job.death, job.size);
        if same(job) != same(other) {
            return Ok(Some(format!(
                "job {} is another job in the placement",
                job.id
            )));
        }
        offsets.push(placement.offsets[index]);
        // Each heap of the placement is an address space of its own.
        jobs.push(Job {
            heap: other.heap,
            ..job.clone()
        });
    }
    if placed.problem.len() != problem.len() {
        let (placed, jobs) = (counted(placed.problem.len(), "job"), problem.len());
        return Ok(Some(format!("{placed} placed, but the problem has {jobs}")));
    }
    let problem = match Problem::new(jobs) {
        Ok(problem) => problem,
        Err(error) => return Ok(Some(error.to_string())),
    };
    // On all threads, which the verifier takes where it runs on one of them.
    let verdict = rayon::scope(|_| check::verify(&problem, &Placement { offsets }, start));
    Ok(verdict.err().map(|violation| violation.to_string()))
}
