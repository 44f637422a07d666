//! Turns the caller's memory into a problem and options.
//!
//! Everything is read before anything is written, so the caller may give one array as
//! input and output. Slices of the caller's memory do not leave this module.

use std::ptr;
use std::time::{Duration, Instant};

use coreba::{Gap, Job, Placement};

use crate::abi::{self, Code, DEFAULT_TIMEOUT_SECONDS, Versioned};
use crate::fault::{Fault, index};
use crate::listener::Callback;

/// No struct of any version is larger; what claims to be was not initialised.
const LARGEST: usize = 4096;

/// The jobs that take memory, each named by its index, and how many jobs there were.
pub(crate) struct Input {
    pub(crate) problem: coreba::Problem,
    pub(crate) count: usize,
}

/// How to solve, and who listens.
pub(crate) struct Asked {
    pub(crate) solver: coreba::Options,
    pub(crate) listener: Option<Callback>,
}

/// Whether a pointer is aligned and not NULL.
pub(crate) fn is_usable<T>(pointer: *const T) -> bool {
    !pointer.is_null() && pointer.is_aligned()
}

/// The size that the struct says it has.
///
/// # Safety
/// `pointer` is NULL or points to a `T` of some version that says its size.
pub(crate) unsafe fn declared_size<T: Versioned>(pointer: *const T) -> Result<usize, Fault> {
    let (name, least) = (T::NAME, T::LEAST);
    if !is_usable(pointer) {
        let message = format!("{name} is NULL or not aligned to {} bytes", align_of::<T>());
        return Err(Fault::new(Code::Pointer, message));
    }
    // SAFETY: as this function asks: a `T` starts with its size.
    let size = unsafe { pointer.cast::<usize>().read() };
    // Every field ends at a multiple, or shares one with a field of half its size: a
    // struct that was cut in a field is refused.
    if size < least || size > LARGEST || !size.is_multiple_of(align_of::<T>()) {
        let message = format!("{name}: struct_size is {size}: set it to sizeof(idealloc_{name})");
        return Err(Fault::new(Code::StructSize, message));
    }
    Ok(size)
}

/// Reads a struct of another version: what it lacks is 0, and what it has beyond this
/// one must be.
///
/// # Safety
/// As for [`declared_size`], and nobody writes it meanwhile.
unsafe fn read<T: Versioned>(pointer: *const T) -> Result<T, Fault> {
    // SAFETY: as this function asks.
    let size = unsafe { declared_size(pointer)? };
    let known = size.min(size_of::<T>());
    // SAFETY: zeroed memory is a `T`; `known` bytes are in both; what lies behind them, up
    // to `size`, is the caller's.
    let (value, rest) = unsafe {
        let mut value: T = std::mem::zeroed();
        let from = pointer.cast::<u8>();
        ptr::copy_nonoverlapping(from, ptr::from_mut(&mut value).cast::<u8>(), known);
        let rest = std::slice::from_raw_parts(from.add(known), size - known);
        (value, rest)
    };
    if rest.iter().any(|&byte| byte != 0) {
        let message = format!(
            "{}: a field is set that version {} of the library does not have: use a newer library",
            T::NAME,
            env!("CARGO_PKG_VERSION")
        );
        return Err(Fault::new(Code::StructSize, message));
    }
    Ok(value)
}

/// An array that must be there, unless it has no elements.
///
/// # Safety
/// `pointer` is NULL or points to so many elements, which nobody writes during `'a`.
unsafe fn array<'a, T>(name: &str, pointer: *const T, count: usize) -> Result<&'a [T], Fault> {
    if count == 0 {
        return Ok(&[]);
    }
    if !is_usable(pointer) {
        let message = format!(
            "{name} is NULL or not aligned to {} bytes, and has {count} elements",
            align_of::<T>()
        );
        return Err(Fault::new(Code::Pointer, message));
    }
    if count > isize::MAX as usize / size_of::<T>().max(1) {
        let message = format!("{name}: {count} elements are more than memory can hold");
        return Err(Fault::new(Code::TooLarge, message));
    }
    // SAFETY: it is aligned, not NULL, and not larger than any memory.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// Values that only some jobs have.
struct Partial<'a> {
    has: &'a [u8],
    values: &'a [u64],
}

impl Partial<'_> {
    fn get(&self, index: usize) -> Option<u64> {
        (*self.has.get(index)? != 0).then(|| self.values[index])
    }
}

/// A pair of arrays, of which both are there or none.
///
/// # Safety
/// As for [`array`], of both.
unsafe fn pair<'a>(
    name: &str,
    has: *const u8,
    values: *const u64,
    count: usize,
) -> Result<Partial<'a>, Fault> {
    if has.is_null() && values.is_null() {
        return Ok(Partial {
            has: &[],
            values: &[],
        });
    }
    // SAFETY: as this function asks.
    unsafe {
        let has = array(&format!("has_{name}"), has, count)?;
        let values = array(name, values, count)?;
        Ok(Partial { has, values })
    }
}

/// Reads a problem. O(n), and O(g log n) for its gaps.
///
/// # Safety
/// `problem` is NULL or as `idealloc.h` says.
pub(crate) unsafe fn problem(problem: *const abi::Problem) -> Result<Input, Fault> {
    // SAFETY: as this function asks.
    let given = unsafe { read(problem)? };
    let count = given.count;
    if u32::try_from(count).is_err() {
        let message = format!("{count} jobs are more than the solver can number");
        return Err(Fault::new(Code::TooLarge, message));
    }
    // SAFETY: as this function asks.
    let mut jobs = unsafe { jobs(&given)? };
    // SAFETY: as this function asks.
    let gaps = unsafe { array("gaps", given.gaps, given.gap_count)? };
    add_gaps(&mut jobs, gaps, count)?;
    Ok(Input {
        problem: coreba::Problem::new(jobs)?,
        count,
    })
}

/// The jobs without their gaps, but for those of size 0.
///
/// # Safety
/// The arrays are as `idealloc.h` says.
unsafe fn jobs(given: &abi::Problem) -> Result<Vec<Job>, Fault> {
    let count = given.count;
    // SAFETY: as this function asks.
    let (lower, upper, sizes, alignments, groups, pins, hints) = unsafe {
        let alignment = match given.alignment.is_null() {
            true => &[],
            false => array("alignment", given.alignment, count)?,
        };
        (
            array("lower", given.lower, count)?,
            array("upper", given.upper, count)?,
            array("size", given.size, count)?,
            alignment,
            pair("group", given.has_group, given.group, count)?,
            pair("pin", given.has_pin, given.pin, count)?,
            pair("hint", given.has_hint, given.hint, count)?,
        )
    };
    let mut jobs = Vec::new();
    if jobs.try_reserve_exact(count).is_err() {
        let message = format!("there is no memory for {count} jobs");
        return Err(Fault::new(Code::OutOfMemory, message));
    }
    for (index, &size) in sizes.iter().enumerate().filter(|&(_, &size)| size > 0) {
        let mut job = Job::new(index as u64, lower[index], upper[index], size);
        if let Some(&alignment) = alignments.get(index) {
            job = job.aligned(alignment);
        }
        if let Some(group) = groups.get(index) {
            job = job.grouped(&group.to_string());
        }
        if let Some(pin) = pins.get(index) {
            job = job.pinned(pin);
        }
        if let Some(hint) = hints.get(index) {
            job = job.hinted(hint);
        }
        jobs.push(job);
    }
    Ok(jobs)
}

/// Gives every gap to its job; those of jobs that take no memory are left out.
fn add_gaps(jobs: &mut [Job], gaps: &[abi::Gap], count: usize) -> Result<(), Fault> {
    for (at, gap) in gaps.iter().enumerate() {
        if gap.job >= count {
            let message = format!("gap {at}: there is no job {}: there are {count}", gap.job);
            return Err(Fault::new(Code::Job, message));
        }
        let Ok(place) = jobs.binary_search_by_key(&gap.job, |job| index(&job.id)) else {
            continue;
        };
        let window = (gap.window_low, gap.window_high);
        jobs[place].extras_mut().gaps.push(Gap {
            lower: gap.lower,
            upper: gap.upper,
            window: (window != (0, 0)).then_some(window),
        });
    }
    Ok(())
}

/// Reads options.
///
/// # Safety
/// `options` is NULL or as `idealloc.h` says.
pub(crate) unsafe fn options(options: *const abi::Options, begun: Instant) -> Result<Asked, Fault> {
    let given = if options.is_null() {
        None
    } else {
        // SAFETY: as this function asks.
        Some(unsafe { read(options)? })
    };
    let mut solver = coreba::Options::default();
    let mut listener = None;
    let mut timeout = f64::from(DEFAULT_TIMEOUT_SECONDS);
    if let Some(given) = given {
        solver.start = given.start;
        solver.seed = given.seed;
        solver.iterations = (given.has_iterations != 0).then_some(given.iterations);
        solver.capacity = (given.has_capacity != 0).then_some(given.capacity);
        if let Ok(threads) = (given.threads as usize).try_into() {
            solver.threads = threads;
        }
        listener = given.progress.map(|function| Callback {
            function,
            data: given.progress_data,
        });
        if given.has_timeout != 0 {
            timeout = given.timeout_seconds;
        } else if given.has_iterations != 0 {
            timeout = f64::INFINITY;
        }
    }
    solver.deadline = deadline(timeout, begun)?;
    Ok(Asked { solver, listener })
}

/// When so many seconds are over; never if that is beyond what the clock can tell.
fn deadline(seconds: f64, begun: Instant) -> Result<Option<Instant>, Fault> {
    if seconds.is_nan() || seconds < 0.0 {
        let message =
            format!("timeout_seconds is {seconds}: give 0 or more, or INFINITY for no limit");
        return Err(Fault::new(Code::Option, message));
    }
    let time = Duration::try_from_secs_f64(seconds).ok();
    Ok(time.and_then(|time| begun.checked_add(time)))
}

/// Reads the offsets of the jobs that take memory.
///
/// # Safety
/// `offsets` is NULL or has as many elements as there are jobs.
pub(crate) unsafe fn placement(offsets: *const u64, input: &Input) -> Result<Placement, Fault> {
    // SAFETY: as this function asks.
    let given = unsafe { array("offsets", offsets, input.count)? };
    let jobs = input.problem.jobs().iter();
    Ok(Placement {
        offsets: jobs.map(|job| given[index(&job.id)]).collect(),
    })
}
