//! Solving without the interpreter's lock, which is taken back to hear of signals and to
//! tell of progress.

use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::job::MAX_VALUE;
use coreba::{Explanation, Improvement, Options, SolveError, Status, Stop};
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::columns;
use crate::errors::{OptionError, SolverError, bad_problem, bad_row};
use crate::jobs::Jobs;

/// How often signals are looked for and a listener is told: often enough for a person
/// who presses Ctrl-C, and rare beside what taking the lock can cost (5 ms, where another
/// thread holds it).
const EVERY: Duration = Duration::from_millis(50);

/// Where a solve is.
#[pyclass(frozen, get_all, module = "idealloc")]
pub(crate) struct Progress {
    /// Of the best placement so far, in bytes.
    makespan: u64,
    /// The best proved bound on any makespan, in bytes.
    lower_bound: u64,
    /// LOAD in bytes.
    load: u64,
    /// Placements that were tried.
    evaluations: u64,
    /// Since the solve began.
    seconds: f64,
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        format!(
            "Progress(makespan={}, lower_bound={}, load={}, evaluations={}, seconds={:.3})",
            self.makespan, self.lower_bound, self.load, self.evaluations, self.seconds
        )
    }
}

/// Hears of signals, and tells the caller's function.
struct Listener {
    begun: Instant,
    heard: Instant,
    told: bool,
    best: Option<Improvement>,
    progress: Option<Py<PyAny>>,
    interrupt: Option<PyErr>,
    failure: Option<PyErr>,
    stop: bool,
}

impl Listener {
    fn attend(&mut self) {
        Python::attach(|py| {
            let Err(error) = py.check_signals().and_then(|()| self.tell(py)) else {
                return;
            };
            self.stop = true;
            // Ctrl-C may come while the caller's function runs, too.
            if error.is_instance_of::<PyKeyboardInterrupt>(py) {
                self.interrupt = Some(error);
            } else {
                self.failure = Some(error);
            }
        });
        self.heard = Instant::now();
    }

    fn tell(&mut self, py: Python<'_>) -> PyResult<()> {
        let (Some(progress), Some(best)) = (&self.progress, &self.best) else {
            return Ok(());
        };
        self.told = true;
        let now = Progress {
            makespan: best.makespan,
            lower_bound: best.lower_bound,
            load: best.load,
            evaluations: best.evaluations,
            seconds: self.begun.elapsed().as_secs_f64(),
        };
        let answer = progress.call1(py, (now,))?;
        // Whatever else a function happens to return means nothing.
        self.stop |= answer.extract::<bool>(py).unwrap_or(false);
        Ok(())
    }
}

impl coreba::Progress for Listener {
    fn improved(&mut self, improvement: &Improvement) {
        self.best = Some(*improvement);
        if !self.told && !self.stop && self.progress.is_some() {
            self.attend();
        }
    }

    fn evaluated(&mut self, evaluations: u64) {
        if let Some(best) = &mut self.best {
            best.evaluations = evaluations;
        }
    }

    fn should_stop(&mut self) -> bool {
        if !self.stop && self.heard.elapsed() >= EVERY {
            self.attend();
        }
        self.stop
    }
}

impl Listener {
    fn new(begun: Instant, progress: Option<Bound<'_, PyAny>>) -> PyResult<Listener> {
        if let Some(progress) = progress.as_ref().filter(|progress| !progress.is_callable()) {
            let what = format!(
                "progress is {}, which cannot be called",
                columns::shown(progress)
            );
            return Err(OptionError::new_err(what));
        }
        Ok(Listener {
            begun,
            heard: begun,
            told: false,
            best: None,
            progress: progress.map(Bound::unbind),
            interrupt: None,
            failure: None,
            stop: false,
        })
    }
}

/// Offsets, makespan, LOAD, lower bound, status, what ended the search, evaluations,
/// seconds, and the `KeyboardInterrupt` that came meanwhile.
pub(crate) fn solve<'py>(
    py: Python<'py>,
    jobs: &Jobs,
    options: Options,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let mut listener = Listener::new(Instant::now(), progress)?;
    let solution = py.detach(|| coreba::solve(&jobs.problem, &options, &mut listener));
    if let Some(failure) = listener.failure {
        return Err(failure);
    }
    let solution = solution.map_err(|error| refusal(jobs, &error))?;
    let offsets = jobs.spread(solution.placement.offsets);
    (
        columns::to_array(py, &offsets)?,
        solution.makespan,
        solution.load.peak,
        solution.lower_bound,
        status(solution.status),
        stop(solution.stop),
        solution.evaluations,
        solution.elapsed.as_secs_f64(),
        listener.interrupt.map(|error| error.into_value(py)),
    )
        .into_pyobject(py)
}

/// Why the capacity cannot be met. Ctrl-C raises.
pub(crate) fn explain(
    py: Python<'_>,
    jobs: &Jobs,
    options: &Options,
) -> PyResult<Option<Explanation>> {
    let mut listener = Listener::new(Instant::now(), None)?;
    let explanation = py.detach(|| coreba::explain(&jobs.problem, options, &mut listener));
    match listener.failure.or(listener.interrupt) {
        Some(error) => Err(error),
        None => explanation.map_err(|error| refusal(jobs, &error)),
    }
}

fn refusal(jobs: &Jobs, error: &SolveError) -> PyErr {
    match error {
        SolveError::Invalid(_) => SolverError::new_err(error.to_string()),
        SolveError::Start(_) => OptionError::new_err(error.to_string()),
        SolveError::PinAlignment {
            id,
            pin,
            start,
            alignment,
        } => {
            let row = jobs.rows().position(|job| job.id == *id).unwrap_or(0);
            let what = format_args!(
                "start {start} + offset {pin} is not a multiple of alignment {alignment}"
            );
            bad_row(row, what)
        }
        _ => bad_problem(error),
    }
}

/// The solver's options, by their names in Python; what is not there or `None` has its
/// default.
pub(crate) fn options(given: Option<&Bound<'_, PyDict>>) -> PyResult<Options> {
    // Counting the machine's processors reads files, which takes ten times as long as to
    // plan ten buffers.
    static DEFAULT: LazyLock<Options> = LazyLock::new(Options::default);
    let mut options = DEFAULT.clone();
    for (name, value) in given.into_iter().flatten() {
        if value.is_none() {
            continue;
        }
        let name: &str = &name.extract::<String>()?;
        match name {
            "start" => options.start = bytes(name, &value)?,
            "seed" => options.seed = number(name, &value, 0..=u64::MAX)?,
            "threads" => options.threads = threads(name, &value)?,
            "timeout" => {
                let timeout = seconds(name, &value)?;
                options.deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
            }
            "iterations" => options.iterations = Some(number(name, &value, 0..=u64::MAX)?),
            "capacity" => options.capacity = Some(bytes(name, &value)?),
            _ => return Err(OptionError::new_err(format!("no option is called {name}"))),
        }
    }
    Ok(options)
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Optimal => "optimal",
        Status::Feasible => "feasible",
        Status::Infeasible => "infeasible",
        _ => "unknown",
    }
}

fn stop(stop: Stop) -> &'static str {
    match stop {
        Stop::LowerBound => "lower_bound",
        Stop::CapacityMet => "capacity",
        Stop::Infeasible => "infeasible",
        Stop::Timeout => "timeout",
        Stop::Iterations => "iterations",
        Stop::GoodEnough => "good_enough",
        Stop::Interrupted => "interrupted",
        _ => "exhausted",
    }
}

/// An option that is an integer.
fn number(name: &str, value: &Bound<'_, PyAny>, range: RangeInclusive<u64>) -> PyResult<u64> {
    if let Ok(number) = value.extract::<u64>()
        && range.contains(&number)
    {
        return Ok(number);
    }
    let (value, from, to) = (columns::shown(value), range.start(), range.end());
    let what = format!("{name} is {value}, not an integer from {from} to {to}");
    Err(OptionError::new_err(what))
}

/// An option in bytes.
pub(crate) fn bytes(name: &str, value: &Bound<'_, PyAny>) -> PyResult<u64> {
    number(name, value, 0..=MAX_VALUE)
}

fn threads(name: &str, value: &Bound<'_, PyAny>) -> PyResult<NonZeroUsize> {
    let count = number(name, value, 1..=u64::from(u16::MAX))?;
    Ok(NonZeroUsize::new(count as usize).unwrap_or(NonZeroUsize::MIN))
}

/// A length of time; infinite is none.
fn seconds(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<Duration>> {
    let seconds = value
        .extract::<f64>()
        .ok()
        .filter(|seconds| *seconds >= 0.0);
    match seconds {
        // What no clock can say is never.
        Some(seconds) => Ok(Duration::try_from_secs_f64(seconds).ok()),
        None => {
            let what = format!(
                "{name} is {}, not seconds of at least 0",
                columns::shown(value)
            );
            Err(OptionError::new_err(what))
        }
    }
}
