//! The library's functions as C calls them, without a C compiler: what the C programs in
//! the workspace's `tests` do not reach.

mod against_rust;
mod boundary;
mod header;
mod misuse;

use std::ffi::CStr;
use std::ptr;

use crate::abi::{Code, Error, Gap, Options, Outcome, Problem, Versioned};
use crate::{idealloc_solve, idealloc_verify};

/// A struct as C makes one: zeroed, but for its size.
fn zeroed<T: Versioned>() -> T {
    // SAFETY: zeroed memory is a value of it, and it starts with its size.
    unsafe {
        let mut value: T = std::mem::zeroed();
        ptr::from_mut(&mut value)
            .cast::<usize>()
            .write(size_of::<T>());
        value
    }
}

/// The arrays of a problem. Those that are empty are given as NULL.
#[derive(Clone, Debug, Default)]
struct Arrays {
    lower: Vec<u64>,
    upper: Vec<u64>,
    size: Vec<u64>,
    alignment: Vec<u64>,
    has_group: Vec<u8>,
    group: Vec<u64>,
    has_pin: Vec<u8>,
    pin: Vec<u64>,
    has_hint: Vec<u8>,
    hint: Vec<u64>,
    gaps: Vec<Gap>,
}

impl Arrays {
    /// Jobs of lower, upper and size.
    fn of(jobs: &[(u64, u64, u64)]) -> Arrays {
        let mut arrays = Arrays::default();
        for &(lower, upper, size) in jobs {
            arrays.lower.push(lower);
            arrays.upper.push(upper);
            arrays.size.push(size);
        }
        arrays
    }

    fn problem(&self) -> Problem {
        fn pointer<T>(of: &[T]) -> *const T {
            match of.is_empty() {
                true => ptr::null(),
                false => of.as_ptr(),
            }
        }
        let mut problem: Problem = zeroed();
        problem.count = self.size.len();
        problem.lower = pointer(&self.lower);
        problem.upper = pointer(&self.upper);
        problem.size = pointer(&self.size);
        problem.alignment = pointer(&self.alignment);
        problem.has_group = pointer(&self.has_group);
        problem.group = pointer(&self.group);
        problem.has_pin = pointer(&self.has_pin);
        problem.pin = pointer(&self.pin);
        problem.has_hint = pointer(&self.has_hint);
        problem.hint = pointer(&self.hint);
        problem.gap_count = self.gaps.len();
        problem.gaps = pointer(&self.gaps);
        problem
    }
}

/// What an error says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: Code,
    jobs: Vec<usize>,
    message: String,
}

fn said(code: Code, error: &Error) -> Said {
    assert_eq!(code, error.code);
    // SAFETY: the array is the error's, and the library ends its text with a 0.
    let message = unsafe { CStr::from_ptr(error.message.as_ptr()) };
    Said {
        code,
        jobs: error.jobs[..error.job_count as usize].to_vec(),
        message: message.to_str().expect("text").to_owned(),
    }
}

/// Solves; on failure, nothing may have been written.
fn solve(problem: &Problem, options: &Options) -> Result<(Vec<u64>, Outcome), Said> {
    const UNTOUCHED: u64 = 0xdead_beef;
    let mut offsets = vec![UNTOUCHED; problem.count.min(1 << 20)];
    let (mut result, mut error): (Outcome, Error) = (zeroed(), zeroed());
    result.makespan = UNTOUCHED;
    // SAFETY: the arrays are the test's, and as long as they are said to be.
    let code = unsafe {
        let to = offsets.as_mut_ptr();
        idealloc_solve(problem, options, to, &mut result, &mut error)
    };
    let said = said(code, &error);
    if code == Code::Ok {
        assert_eq!(said.message, "");
        return Ok((offsets, result));
    }
    assert!(offsets.iter().all(|&offset| offset == UNTOUCHED));
    assert_eq!(result.makespan, UNTOUCHED);
    assert!(!said.message.is_empty() && said.message.is_ascii());
    Err(said)
}

fn verify(problem: &Problem, start: u64, offsets: &[u64]) -> Said {
    let mut error: Error = zeroed();
    // SAFETY: the arrays are the test's, and as long as they are said to be.
    let code = unsafe { idealloc_verify(problem, start, offsets.as_ptr(), &mut error) };
    said(code, &error)
}

/// So much work, whatever the time.
fn iterations(iterations: u64) -> Options {
    let mut options: Options = zeroed();
    options.has_iterations = 1;
    options.iterations = iterations;
    options
}
