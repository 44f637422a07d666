//! What `idealloc.tflm` is made of: models of TensorFlow Lite, by `common::tflite`.

use std::io::Write;
use std::path::PathBuf;

use common::error::FormatError;
use common::format::{Output, Replacing};
use common::tflite::{self, Log, LogError, ModelError, Plan, Requests};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors::{OptionError, bad_file, file_error};

/// A model, and what there is to be planned of it.
#[pyclass(frozen, module = "idealloc._idealloc")]
pub(crate) struct TfliteModel {
    bytes: Py<PyBytes>,
    requests: Requests,
    /// With the model's own plan, or why that is refused.
    own: Option<Result<Requests, ModelError>>,
    is_for_ethos_u: bool,
}

/// A tensor's number, or `None` for a scratch buffer; its name, size, and first and last step.
type Buffer = (Option<usize>, String, u64, i64, i64);

#[pymethods]
impl TfliteModel {
    /// Reads a model, and a log of its plan.
    #[new]
    #[pyo3(signature = (model, log=None))]
    fn new(py: Python<'_>, model: Bound<'_, PyBytes>, log: Option<&[u8]>) -> PyResult<Self> {
        let bytes = model.as_bytes();
        py.detach(|| {
            let log = log.map(Log::read).transpose().map_err(bad_log)?;
            let read = tflite::Model::parse(bytes).map_err(bad_model)?;
            let requests = |plan| read.requests(log.as_ref(), plan);
            Ok((
                requests(Plan::Dropped).map_err(bad_model)?,
                read.has_plan().then(|| requests(Plan::Kept)),
                read.is_for_ethos_u(),
            ))
        })
        .map(|(requests, own, is_for_ethos_u)| TfliteModel {
            bytes: model.unbind(),
            requests,
            own,
            is_for_ethos_u,
        })
    }

    /// What is to be planned, in the order in which the library's planner hears of it.
    fn buffers(&self) -> Vec<Buffer> {
        let all = self.requests.all().iter();
        all.map(|one| (one.tensor, one.name.clone(), one.size, one.first, one.last))
            .collect()
    }

    /// Lifetimes, half-open, and sizes: three columns, a row a buffer.
    fn columns(&self) -> (Vec<u64>, Vec<u64>, Vec<u64>) {
        let jobs = self.requests.jobs();
        let column = |of: fn(&common::job::Job) -> u64| jobs.iter().map(of).collect();
        (
            column(|job| job.birth),
            column(|job| job.death),
            column(|job| job.size),
        )
    }

    fn notes(&self) -> Vec<String> {
        self.requests.notes().to_vec()
    }

    #[getter]
    fn is_for_ethos_u(&self) -> bool {
        self.is_for_ethos_u
    }

    #[getter]
    fn has_plan(&self) -> bool {
        self.own.is_some()
    }

    /// Why the library refuses the model's own plan; `None` where there is none, or it does not.
    fn refusal(&self) -> Option<String> {
        let refusal = self.own.as_ref()?.as_ref().err()?;
        Some(refusal.to_string())
    }

    /// The head that the library takes if the model's own plan is kept, in bytes, and where it
    /// puts the buffers; that is `None` where it plans other buffers than without.
    fn by_own_plan(&self, py: Python<'_>) -> PyResult<Option<(u64, Option<Vec<u64>>)>> {
        let Some(Ok(own)) = &self.own else {
            return Ok(None);
        };
        let offsets = py.detach(|| place(own))?;
        let is_alike = own.all().len() == self.requests.all().len();
        Ok(Some((own.head(&offsets), is_alike.then_some(offsets))))
    }

    /// Where the library puts the buffers, by itself or with these offsets in a plan, one a
    /// buffer. O(n²).
    #[pyo3(signature = (offsets=None))]
    fn place(&self, py: Python<'_>, offsets: Option<Vec<u64>>) -> PyResult<Vec<u64>> {
        py.detach(|| match offsets {
            Some(offsets) => place(&self.requests.planned(&offsets)),
            None => place(&self.requests),
        })
    }

    /// The memory that offsets take, one a buffer.
    fn head(&self, offsets: Vec<u64>) -> u64 {
        self.requests.head(&offsets)
    }

    /// The model with a plan of these offsets, one a buffer.
    fn with_plan<'py>(&self, py: Python<'py>, offsets: Vec<u64>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.bytes.bind(py).as_bytes();
        let written = py.detach(|| {
            let planned = self.requests.planned(&offsets).offsets_of_tensors();
            tflite::Model::parse(bytes)?.with_plan(&planned)
        });
        Ok(PyBytes::new(py, &written.map_err(bad_model)?))
    }
}

fn place(requests: &Requests) -> PyResult<Vec<u64>> {
    requests.greedy().ok_or_else(|| {
        let (count, most) = (requests.all().len(), tflite::greedy::MOST);
        let what =
            format!("{count} buffers: more than {most} would keep the library's planner too long");
        file_error(what)
    })
}

fn bad_model(error: ModelError) -> PyErr {
    file_error(error.to_string())
}

fn bad_log(error: LogError) -> PyErr {
    OptionError::new_err(format!("log: {error}"))
}

/// Writes all of these files, or none of them.
#[pyfunction]
pub(crate) fn write_files(py: Python<'_>, files: Vec<(PathBuf, Vec<u8>)>) -> PyResult<()> {
    py.detach(|| {
        let mut outputs = Vec::new();
        for (path, content) in &files {
            let write = || -> Result<Output, FormatError> {
                let mut output = Output::create(path, Replacing::default())?;
                output.write_all(content)?;
                Ok(output)
            };
            let output = write().map_err(|error| bad_file(Some(path), error))?;
            outputs.push((path, output));
        }
        for (path, output) in outputs {
            let committed = output.commit();
            committed.map_err(|error| bad_file(Some(path), error.into()))?;
        }
        Ok(())
    })
}
