//! `Jobs`: a problem as Python holds it, row by row.
//!
//! A row of size 0 takes no memory. No solver hears of it: it is kept aside, and its
//! offset is where it is fixed, else that of its group, else 0.

use std::collections::HashMap;
use std::path::PathBuf;

use common::check;
use common::job::{Job, JobId};
use common::layout::Layout;
use common::placement::Placement;
use common::problem::{Gate, Problem, ProblemError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyInt, PyList, PyString, PyTuple};

use crate::columns::{self, Lack};
use crate::errors::{self, PlacementError, bad_job, bad_jobs, bad_problem, bad_row};
use crate::{files, solve};

/// Sound jobs, in the order of the rows they came from.
#[pyclass(frozen, module = "idealloc._idealloc")]
pub(crate) struct Jobs {
    /// The rows that take memory.
    pub(crate) problem: Problem,
    /// The others, by row, ascending.
    empty: Vec<(usize, Job)>,
    /// Whether the caller named them; else a job's id is its row.
    is_named: bool,
    /// The columns of the file that they came from.
    pub(crate) layout: Option<Layout>,
    /// What stood in the columns that the format does not know, a row a job.
    pub(crate) unknown: Vec<Vec<Box<str>>>,
}

/// The gate of `common`, past those rows that take no memory.
pub(crate) struct Sieve {
    gate: Gate,
    placed: Vec<Job>,
    empty: Vec<(usize, Job)>,
    is_named: bool,
}

/// A job that is not sound, and why.
pub(crate) struct Refused {
    job: Job,
    pub(crate) refusal: ProblemError,
}

impl Sieve {
    /// For jobs that are named, or whose ids are their rows.
    pub(crate) fn new(is_named: bool) -> Sieve {
        Sieve {
            gate: if is_named {
                Gate::default()
            } else {
                Gate::for_unique_ids()
            },
            placed: Vec::new(),
            empty: Vec::new(),
            is_named,
        }
    }

    /// Takes the next row; a refused job comes back.
    pub(crate) fn take(&mut self, mut job: Job) -> Result<(), Box<Refused>> {
        if job.size == 0 {
            self.empty.push((self.placed.len() + self.empty.len(), job));
            return Ok(());
        }
        match self.gate.admit(&mut job) {
            Ok(()) => self.placed.push(job),
            Err(refusal) => return Err(Box::new(Refused { job, refusal })),
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Jobs, ProblemError> {
        Ok(Jobs {
            problem: Problem::new(self.placed)?,
            empty: self.empty,
            is_named: self.is_named,
            layout: None,
            unknown: Vec::new(),
        })
    }
}

impl Jobs {
    /// The jobs, or the row at fault. O(n).
    fn new(jobs: Vec<Job>, is_named: bool) -> PyResult<Jobs> {
        let mut sieve = Sieve::new(is_named);
        sieve.placed.reserve_exact(jobs.len());
        for (row, job) in jobs.into_iter().enumerate() {
            sieve
                .take(job)
                .map_err(|refused| bad_job(row, is_named, &refused.job.id, &refused.refusal))?;
        }
        sieve.finish().map_err(|refusal| bad_jobs(&refusal))
    }

    pub(crate) fn count(&self) -> usize {
        self.problem.len() + self.empty.len()
    }

    /// All rows in their order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Job> {
        let mut placed = self.problem.jobs().iter();
        let mut empty = self.empty.iter().peekable();
        (0..self.count()).filter_map(move |row| match empty.next_if(|(at, _)| *at == row) {
            Some((_, job)) => Some(job),
            None => placed.next(),
        })
    }

    /// An offset a row, from those of the rows that take memory.
    pub(crate) fn spread(&self, offsets: Vec<u64>) -> Vec<u64> {
        if self.empty.is_empty() {
            return offsets;
        }
        let jobs = self.problem.jobs().iter().zip(&offsets);
        let groups: HashMap<&str, u64> = jobs
            .filter_map(|(job, &offset)| Some((job.group()?, offset)))
            .collect();
        let of_group = |job: &Job| groups.get(job.group()?).copied();
        let mut placed = offsets.iter().copied();
        let mut empty = self.empty.iter().peekable();
        let row = |row| match empty.next_if(|(at, _)| *at == row) {
            Some((_, job)) => job.pin().or_else(|| of_group(job)).or(Some(0)),
            None => placed.next(),
        };
        (0..self.count()).filter_map(row).collect()
    }

    /// The offsets of the rows that take memory.
    fn gather(&self, offsets: Vec<u64>) -> Vec<u64> {
        let mut empty = self.empty.iter().peekable();
        let rows = offsets.into_iter().enumerate();
        rows.filter(|(row, _)| empty.next_if(|(at, _)| at == row).is_none())
            .map(|(_, offset)| offset)
            .collect()
    }
}

/// Row, birth, death, low, high, id.
type NamedPiece = (usize, u64, u64, u64, u64, String);

#[pymethods]
impl Jobs {
    #[new]
    #[pyo3(signature = (lower, upper, size, id=None, alignment=None, offset=None, hint=None, group=None, gaps=None, requested=None))]
    #[expect(clippy::too_many_arguments)]
    fn from_columns(
        lower: &Bound<'_, PyAny>,
        upper: &Bound<'_, PyAny>,
        size: &Bound<'_, PyAny>,
        id: Option<&Bound<'_, PyAny>>,
        alignment: Option<&Bound<'_, PyAny>>,
        offset: Option<&Bound<'_, PyAny>>,
        hint: Option<&Bound<'_, PyAny>>,
        group: Option<&Bound<'_, PyAny>>,
        gaps: Option<&Bound<'_, PyAny>>,
        requested: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Jobs> {
        let lower = columns::required("lower", lower)?;
        let rows = lower.len();
        let upper = columns::required("upper", upper)?;
        columns::same_length("upper", upper.len(), rows)?;
        let size = columns::required("size", size)?;
        columns::same_length("size", size.len(), rows)?;
        let mut jobs: Vec<Job> = (0..rows)
            .map(|row| Job::new(row as u64, lower[row], upper[row], size[row]))
            .collect();
        if let Some(alignment) = alignment {
            set_alignment(&mut jobs, alignment)?;
        }
        if let Some(requested) = columns::optional("requested", requested, Lack::Missing, rows)? {
            for (job, requested) in jobs.iter_mut().zip(requested) {
                job.requested = requested.unwrap_or(job.size);
            }
        }
        let extras = [("offset", offset), ("hint", hint)];
        for (name, column) in extras {
            let Some(column) = columns::optional(name, column, Lack::Negative, rows)? else {
                continue;
            };
            for (job, value) in jobs.iter_mut().zip(column) {
                match value {
                    Some(offset) if name == "offset" => job.extras_mut().pin = Some(offset),
                    Some(hint) => job.extras_mut().hint = Some(hint),
                    None => {}
                }
            }
        }
        if let Some(groups) = columns::groups(group, rows)? {
            for (job, group) in jobs.iter_mut().zip(groups) {
                if group.is_some() {
                    job.extras_mut().group = group;
                }
            }
        }
        if let Some(gaps) = columns::gaps(gaps, rows)? {
            for (job, gaps) in jobs.iter_mut().zip(gaps) {
                if !gaps.is_empty() {
                    job.extras_mut().gaps = gaps;
                }
            }
        }
        let is_named = match id {
            Some(ids) => name_each(&mut jobs, ids)?,
            None => false,
        };
        Jobs::new(jobs, is_named)
    }

    /// The jobs of a CSV: of a file's name, or its content.
    #[staticmethod]
    fn read(
        py: Python<'_>,
        path: Option<PathBuf>,
        content: Option<&[u8]>,
        lifetimes: Option<&Bound<'_, PyAny>>,
        allow_empty: bool,
    ) -> PyResult<(Jobs, Vec<String>)> {
        let options = files::options(lifetimes, allow_empty)?;
        files::read(py, path.as_deref(), content, options)
    }

    /// The CSV of the jobs, with offsets where they are given: to a file, or as bytes.
    #[pyo3(signature = (path, offsets=None))]
    fn write<'py>(
        &self,
        py: Python<'py>,
        path: Option<PathBuf>,
        offsets: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let offsets = offsets.map(|offsets| self.offsets(offsets)).transpose()?;
        files::write(py, self, path.as_deref(), offsets.as_deref())
    }

    /// Raises `PlacementError` where these offsets are not a valid placement.
    fn verify(
        &self,
        py: Python<'_>,
        offsets: &Bound<'_, PyAny>,
        start: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let start = solve::bytes("start", start)?;
        let offsets = self.gather(self.offsets(offsets)?);
        let placement = Placement { offsets };
        py.detach(|| check::verify(&self.problem, &placement, start))
            .map_err(|violation| PlacementError::new_err(violation.to_string()))
    }

    /// See `solve::solve`; `options` are those of `solve::Request`.
    #[pyo3(signature = (progress, **options))]
    fn solve<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Bound<'py, PyAny>>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        solve::solve(py, self, solve::options(options)?, progress)
    }

    /// Rows that do not fit together within the capacity, and whether all of them do
    /// without any one; `None` where that is not proved.
    #[pyo3(signature = (**options))]
    fn explain(
        &self,
        py: Python<'_>,
        options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Option<(Vec<usize>, bool)>> {
        let Some(found) = solve::explain(py, self, &solve::options(options)?)? else {
            return Ok(None);
        };
        let mut empty = self.empty.iter().map(|(row, _)| *row).peekable();
        let placed = (0..self.count()).filter(|row| empty.next_if_eq(row).is_none());
        let rows: Vec<usize> = placed.collect();
        let rows = found.jobs.iter().map(|&job| rows[job]).collect();
        Ok(Some((rows, found.irreducible)))
    }

    /// The rectangles that a placement covers.
    fn pieces(&self, offsets: &Bound<'_, PyAny>) -> PyResult<Vec<NamedPiece>> {
        let offsets = self.offsets(offsets)?;
        let rows = self.rows().zip(offsets).enumerate();
        let pieces = rows.flat_map(|(row, (job, offset))| {
            let pieces = job.pieces().filter(|piece| piece.low < piece.high);
            pieces.map(move |piece| {
                let (low, high) = (offset + piece.low, offset + piece.high);
                (row, piece.birth, piece.death, low, high, job.id.to_string())
            })
        });
        Ok(pieces.collect())
    }

    fn __len__(&self) -> usize {
        self.count()
    }

    /// What `from_columns` takes, each a list or, where no row has any, `None`.
    fn columns<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let rows = || self.rows();
        let numbers = |of: fn(&Job) -> u64| PyList::new(py, rows().map(of));
        let some = |is_there: bool, list: PyResult<Bound<'py, PyList>>| {
            is_there.then_some(list).transpose()
        };
        let ids = rows().map(|job| match &job.id {
            JobId::Number(number) => Ok(number.into_pyobject(py)?.into_any()),
            JobId::Text(text) => Ok(PyString::new(py, text).into_any()),
        });
        let ids = ids.collect::<PyResult<Vec<_>>>()?;
        let gaps = rows().map(|job| {
            let gaps = job.gaps().iter();
            gaps.map(|gap| (gap.lower, gap.upper, gap.window))
                .collect::<Vec<_>>()
        });
        (
            numbers(|job| job.birth)?,
            numbers(|job| job.death)?,
            numbers(|job| job.size)?,
            some(self.is_named, PyList::new(py, ids))?,
            some(
                rows().any(|job| job.alignment != 1),
                numbers(|job| job.alignment),
            )?,
            some(
                rows().any(|job| job.pin().is_some()),
                PyList::new(py, rows().map(Job::pin)),
            )?,
            some(
                rows().any(|job| job.hint().is_some()),
                PyList::new(py, rows().map(Job::hint)),
            )?,
            some(
                rows().any(|job| job.group().is_some()),
                PyList::new(py, rows().map(Job::group)),
            )?,
            some(
                rows().any(|job| !job.gaps().is_empty()),
                PyList::new(py, gaps),
            )?,
            some(
                rows().any(|job| job.requested != job.size),
                numbers(|job| job.requested),
            )?,
        )
            .into_pyobject(py)
    }

    /// For pickle.
    fn __reduce__<'py>(
        slf: &Bound<'py, Self>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let (py, jobs) = (slf.py(), slf.get());
        let columns = jobs.columns(py)?;
        let Some(layout) = &jobs.layout else {
            return Ok((slf.get_type().into_any(), columns));
        };
        let header = PyBytes::new(py, &files::header(layout)?);
        let unknown = PyList::new(
            py,
            jobs.unknown
                .iter()
                .map(|row| row.iter().map(|cell| &**cell).collect::<Vec<_>>()),
        )?;
        let restore = slf.get_type().getattr("_restore")?;
        Ok((restore, (columns, header, unknown).into_pyobject(py)?))
    }

    #[staticmethod]
    fn _restore(
        columns: &Bound<'_, PyTuple>,
        header: &[u8],
        unknown: Vec<Vec<String>>,
    ) -> PyResult<Jobs> {
        let jobs = columns.py().get_type::<Jobs>().call1(columns)?;
        let jobs = jobs.cast::<Jobs>()?.get();
        let texts = |row: Vec<String>| row.into_iter().map(Into::into).collect();
        Ok(Jobs {
            problem: jobs.problem.clone(),
            empty: jobs.empty.clone(),
            is_named: jobs.is_named,
            layout: files::layout(header)?,
            unknown: unknown.into_iter().map(texts).collect(),
        })
    }
}

impl Jobs {
    fn offsets(&self, offsets: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
        let py = offsets.py();
        let refused = |error: PyErr| match error.is_instance_of::<errors::ProblemError>(py) {
            true => PlacementError::new_err(error.value(py).to_string()),
            false => error,
        };
        let offsets = columns::required("offset", offsets).map_err(refused)?;
        if offsets.len() != self.count() {
            let what = format!("{} offsets for {} rows", offsets.len(), self.count());
            return Err(PlacementError::new_err(what));
        }
        Ok(offsets)
    }
}

/// One alignment for all rows, or one each.
fn set_alignment(jobs: &mut [Job], alignment: &Bound<'_, PyAny>) -> PyResult<()> {
    if columns::is_number(alignment)? {
        let alignment = solve::bytes("alignment", alignment)?;
        jobs.iter_mut().for_each(|job| job.alignment = alignment);
        return Ok(());
    }
    let each = columns::optional("alignment", Some(alignment), Lack::Missing, jobs.len())?;
    for (job, alignment) in jobs.iter_mut().zip(each.unwrap_or_default()) {
        job.alignment = alignment.unwrap_or(1);
    }
    Ok(())
}

/// Ids of texts or integers, in the order of the rows; `None` is a row's number.
fn name_each(jobs: &mut [Job], ids: &Bound<'_, PyAny>) -> PyResult<bool> {
    let mut ids_of = ids.try_iter()?;
    for (row, job) in jobs.iter_mut().enumerate() {
        let Some(id) = ids_of.next().transpose()? else {
            return Err(bad_problem(format!(
                "id has {row} rows, but lower has more"
            )));
        };
        if id.is_none() {
            continue;
        }
        if !(id.is_instance_of::<PyString>()
            || id.is_instance_of::<PyInt>()
            || id.hasattr("__index__")?)
        {
            let what = format!(
                "id {} is neither a text nor an integer",
                columns::shown(&id)
            );
            return Err(bad_row(row, what));
        }
        let text = id.str()?;
        let Ok(text) = text.to_str() else {
            let what = format!("id {} is not UTF-8 text", columns::shown(&id));
            return Err(bad_row(row, what));
        };
        job.id = JobId::parse(text);
    }
    if ids_of.next().is_some() {
        return Err(bad_problem(format!(
            "id has more than {} rows, as lower has",
            jobs.len()
        )));
    }
    Ok(true)
}
