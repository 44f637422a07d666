//! A problem: jobs that were found sound. Past this gate nobody checks again.

use std::collections::{HashMap, HashSet, TryReserveError};
use std::ops::Index;

use crate::check::overlaps;
use crate::check::violation::Violation;
use crate::job::{Job, JobFault, JobId, MAX_VALUE};

/// Why jobs do not make a problem.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemError {
    /// A job is unsound by itself.
    #[error(transparent)]
    Job(#[from] JobFault),
    /// Remedy: give every job an id of its own.
    #[error("duplicate id {0}")]
    DuplicateId(JobId),
    /// Remedy: scale the sizes down. While the sum of all sizes, each with its
    /// alignment less one, stays below 2^63, no placement that a solver tries
    /// can overflow.
    #[error("job {0}: the sum of all sizes (with room for alignment) passes 2^63 - 1 here")]
    SumOverflow(JobId),
    /// Remedy: a group shares one offset, so its members' pins are equal.
    #[error("jobs {first} and {second} of group {group:?} are fixed at different offsets")]
    GroupPins {
        /// The group.
        group: Box<str>,
        /// One member.
        first: JobId,
        /// Another.
        second: JobId,
    },
    /// Remedy: free one of the two, or `--ignore-offsets`.
    #[error("fixed offsets conflict (--ignore-offsets frees them): {0}")]
    Pins(Violation),
}

/// Takes jobs one by one and refuses the unsound: the check behind
/// [`Problem::new`], for those who stream and keep no jobs.
///
/// Memory: one bit an id where ids are dense. A file chooses its ids, so they are
/// hashed with a key that it cannot know, and cannot collide on purpose.
#[derive(Debug, Default)]
pub struct Gate {
    numbers: HashMap<u64, u64>,
    texts: HashSet<Box<str>>,
    ids_are_unique: bool,
    total: u64,
}

impl Gate {
    /// A gate for jobs that their source has numbered itself: it does not look
    /// for duplicate ids, and needs no memory.
    pub fn for_unique_ids() -> Gate {
        Gate {
            ids_are_unique: true,
            ..Gate::default()
        }
    }

    /// Gets the memory that one more job needs here.
    ///
    /// # Errors
    /// Where there is none.
    pub fn reserve(&mut self) -> Result<(), TryReserveError> {
        if !self.ids_are_unique {
            self.numbers.try_reserve(1)?;
            self.texts.try_reserve(1)?;
        }
        Ok(())
    }

    /// Checks `job` by itself and against those before it, and puts its gaps
    /// in order. O(1).
    ///
    /// # Errors
    /// [`ProblemError`], which names the job.
    pub fn admit(&mut self, job: &mut Job) -> Result<(), ProblemError> {
        job.admit()?;
        let new = match &job.id {
            _ if self.ids_are_unique => true,
            JobId::Number(number) => {
                let bits = self.numbers.entry(number >> 6).or_default();
                let bit = 1 << (number & 63);
                let new = *bits & bit == 0;
                *bits |= bit;
                new
            }
            JobId::Text(text) => self.texts.insert(text.clone()),
        };
        if !new {
            return Err(ProblemError::DuplicateId(job.id.clone()));
        }
        self.total = [job.size, job.alignment - 1]
            .iter()
            .try_fold(self.total, |sum, &part| sum.checked_add(part))
            .filter(|&sum| sum <= MAX_VALUE)
            .ok_or_else(|| ProblemError::SumOverflow(job.id.clone()))?;
        Ok(())
    }
}

/// Sound jobs, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    jobs: Vec<Job>,
}

impl Problem {
    /// The only gate: every job past it is sound. O(n).
    ///
    /// # Errors
    /// [`ProblemError`] for the first job that is not.
    pub fn new(jobs: Vec<Job>) -> Result<Problem, ProblemError> {
        let mut gate = Gate::default();
        let mut jobs = jobs;
        for job in &mut jobs {
            gate.admit(job)?;
        }
        Problem::from_admitted(jobs)
    }

    /// The last of the checks, for jobs that each passed one [`Gate`].
    pub(crate) fn from_admitted(jobs: Vec<Job>) -> Result<Problem, ProblemError> {
        let mut pins: HashMap<&str, &Job> = HashMap::new();
        for job in &jobs {
            if let (Some(group), Some(pin)) = (job.group(), job.pin()) {
                let first = *pins.entry(group).or_insert(job);
                if first.pin() != Some(pin) {
                    return Err(ProblemError::GroupPins {
                        group: group.into(),
                        first: first.id.clone(),
                        second: job.id.clone(),
                    });
                }
            }
        }
        check_pins(&jobs)?;
        Ok(Problem { jobs })
    }

    /// The same jobs in one address space: every heap becomes 0.
    ///
    /// # Errors
    /// [`ProblemError::Pins`] where fixed offsets of several heaps conflict in one.
    pub fn merge_heaps(mut self) -> Result<Problem, ProblemError> {
        for job in &mut self.jobs {
            job.heap = 0;
        }
        Problem::from_admitted(self.jobs)
    }

    /// The fixed offset of each job: its own, or that of its group.
    pub fn pins(&self) -> impl Iterator<Item = Option<u64>> + '_ {
        pins(&self.jobs)
    }

    /// The jobs.
    pub fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// How many jobs there are.
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there is no job.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Gives the jobs back.
    pub fn into_jobs(self) -> Vec<Job> {
        self.jobs
    }
}

/// See [`Problem::pins`].
pub(crate) fn pins(jobs: &[Job]) -> impl Iterator<Item = Option<u64>> + '_ {
    let of_groups: HashMap<&str, u64> = jobs
        .iter()
        .filter_map(|job| Some((job.group()?, job.pin()?)))
        .collect();
    jobs.iter()
        .map(move |job| job.pin().or_else(|| of_groups.get(job.group()?).copied()))
}

/// Refuses fixed jobs that cannot all stay where they are.
fn check_pins(jobs: &[Job]) -> Result<(), ProblemError> {
    let (pinned, offsets): (Vec<Job>, Vec<u64>) = jobs
        .iter()
        .zip(pins(jobs))
        .filter_map(|(job, pin)| Some((job.clone(), pin?)))
        .unzip();
    overlaps::verify(&pinned, &offsets).map_err(ProblemError::Pins)
}

impl Index<usize> for Problem {
    type Output = Job;

    fn index(&self, index: usize) -> &Job {
        &self.jobs[index]
    }
}
