//! What went wrong: a code, the jobs that it is about, and a line for a person.

use std::ffi::c_char;

use coreba::check::Violation;
use coreba::{JobFault, JobId, ProblemError, SolveError};

use crate::abi::{Code, Error, MESSAGE_BYTES};

/// See the module.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    jobs: Vec<usize>,
    message: String,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Fault {
        Fault {
            code,
            jobs: Vec::new(),
            message: message.into(),
        }
    }

    /// The same about some jobs, at most two.
    pub(crate) fn about(mut self, jobs: &[usize]) -> Fault {
        self.jobs = jobs.to_vec();
        self
    }

    /// All went well.
    pub(crate) fn none() -> Fault {
        Fault::new(Code::Ok, "")
    }

    pub(crate) fn panicked() -> Fault {
        let message = "defect: the library panicked, and said on standard error where";
        Fault::new(Code::Defect, message)
    }

    /// As C sees it. `struct_size` is the caller's.
    pub(crate) fn to_c(&self) -> Error {
        let mut error = Error {
            struct_size: 0,
            code: self.code,
            job_count: 0,
            jobs: [0; 2],
            message: [0; MESSAGE_BYTES],
        };
        for (to, &job) in error.jobs.iter_mut().zip(&self.jobs) {
            *to = job;
            error.job_count += 1;
        }
        // The last byte stays 0. Messages are ASCII, so no character is cut in two.
        let bytes = self.message.bytes().take(MESSAGE_BYTES - 1);
        for (to, byte) in error.message.iter_mut().zip(bytes) {
            *to = byte as c_char;
        }
        error
    }
}

/// The index of a job: `input` gives no other ids.
pub(crate) fn index(id: &JobId) -> usize {
    match id {
        JobId::Number(number) => *number as usize,
        JobId::Text(_) => unreachable!("every job is named by its index"),
    }
}

impl From<JobFault> for Fault {
    fn from(fault: JobFault) -> Fault {
        let job = match &fault {
            JobFault::ZeroSize(id) | JobFault::ZeroAlignment(id) => Some(index(id)),
            JobFault::EmptyLifetime { id, .. }
            | JobFault::TooLarge { id, .. }
            | JobFault::BelowRequested { id, .. }
            | JobFault::BadGap { id, .. }
            | JobFault::BadPin { id, .. } => Some(index(id)),
            _ => None,
        };
        let message = match &fault {
            // By the names of the arrays.
            JobFault::EmptyLifetime { id, birth, death } => {
                format!("job {id}: upper {death} is not after lower {birth}")
            }
            JobFault::TooLarge { id, field, value } => {
                let field = if *field == "death" { "upper" } else { field };
                format!("job {id}: {field} {value} is beyond 2^63 - 1")
            }
            other => other.to_string(),
        };
        Fault::new(Code::Job, message).about(job.as_slice())
    }
}

impl From<ProblemError> for Fault {
    fn from(error: ProblemError) -> Fault {
        match error {
            ProblemError::Job(fault) => fault.into(),
            ProblemError::SumOverflow(ref id) => {
                Fault::new(Code::TooLarge, error.to_string()).about(&[index(id)])
            }
            ProblemError::GroupPins {
                group,
                first,
                second,
            } => {
                let message = format!(
                    "jobs {first} and {second} of group {group} are fixed at different offsets"
                );
                Fault::new(Code::Conflict, message).about(&[index(&first), index(&second)])
            }
            ProblemError::Pins(violation) => {
                let fault = Fault::from(violation);
                let message = format!("fixed offsets conflict: {}", fault.message);
                Fault::new(Code::Conflict, message).about(&fault.jobs)
            }
            other => Fault::new(Code::Defect, format!("defect: {other}")),
        }
    }
}

impl From<SolveError> for Fault {
    fn from(error: SolveError) -> Fault {
        let (code, job) = match &error {
            SolveError::Start(_) => (Code::Option, None),
            SolveError::PinAlignment { id, .. } => (Code::Job, Some(index(id))),
            SolveError::GroupAlignment(id) => (Code::Job, Some(index(id))),
            SolveError::TooLarge | SolveError::TooMany(_) => (Code::TooLarge, None),
            _ => (Code::Defect, None),
        };
        Fault::new(code, error.to_string()).about(job.as_slice())
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Fault {
        let (code, jobs) = match &violation {
            Violation::Overlap { first, second, .. } => {
                (Code::Overlap, vec![index(first), index(second)])
            }
            Violation::Misaligned { id, .. } => (Code::Misaligned, vec![index(id)]),
            Violation::Moved { id, .. } => (Code::Moved, vec![index(id)]),
            Violation::Split { first, second } => (Code::Split, vec![index(first), index(second)]),
            Violation::Beyond { id, .. } => (Code::Beyond, vec![index(id)]),
            _ => (Code::Defect, Vec::new()),
        };
        Fault::new(code, violation.to_string()).about(&jobs)
    }
}
