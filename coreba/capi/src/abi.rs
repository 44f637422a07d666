//! What crosses the border: structs, enumerations and constants, as C sees them.
//!
//! Every struct starts with its size, so that it can grow at its end: a program that was
//! compiled with another version's header and this library understand each other. No
//! struct has padding behind its first field on 64-bit systems, where new fields could be
//! taken for garbage.

use std::ffi::{c_char, c_int, c_void};

/// The version of this header.
pub const VERSION_MAJOR: u32 = 0;
/// See IDEALLOC_VERSION_MAJOR. While that is 0, a minor version may change anything.
pub const VERSION_MINOR: u32 = 1;
/// See IDEALLOC_VERSION_MAJOR.
pub const VERSION_PATCH: u32 = 0;

/// How long a solve may take where its options name neither a timeout nor a number of
/// iterations, in seconds.
pub const DEFAULT_TIMEOUT_SECONDS: u32 = 3;

/// Bytes of a message, the ending 0 included.
pub const MESSAGE_BYTES: usize = 256;

/// A struct that starts with `struct_size`, and may grow.
///
/// # Safety
/// It is `repr(C)`, its first field is a `usize`, and zeroed memory is a value of it.
pub(crate) unsafe trait Versioned: Copy {
    /// What C calls it, without the prefix.
    const NAME: &'static str;
    /// The smallest size that makes sense.
    const LEAST: usize = size_of::<usize>();
}

/// Jobs to place: buffers with a size and a lifetime. A zeroed problem has no jobs.
///
/// Every array has `count` elements. Arrays behind `size` may be NULL: then no job has what
/// they say. Of a pair such as `has_pin` and `pin` both are NULL or none is; a job has the
/// value where its flag is not 0.
///
/// A job of size 0 takes no memory. Its offset is 0, and nothing else of it is looked at.
///
/// No value, and no sum of sizes with their alignments, may pass 2^63 - 1: a negative number
/// that was cast is refused.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    /// sizeof(idealloc_problem).
    pub struct_size: usize,
    /// How many jobs there are; less than 2^32.
    pub count: usize,
    /// The first instant at which each job is live, on any clock.
    pub lower: *const u64,
    /// The first instant at which it is live no more; more than its `lower`.
    pub upper: *const u64,
    /// Its bytes.
    pub size: *const u64,
    /// start + offset is a multiple of it; at least 1. NULL: any address will do.
    pub alignment: *const u64,
    /// Which jobs are in a group.
    pub has_group: *const u8,
    /// Jobs of the same number share one offset, and may be live at the same time.
    pub group: *const u64,
    /// Which jobs are fixed.
    pub has_pin: *const u8,
    /// The offset at which a job is fixed.
    pub pin: *const u64,
    /// Which jobs have a preferred offset.
    pub has_hint: *const u8,
    /// An offset that the job gets where that costs nothing.
    pub hint: *const u64,
    /// How many gaps there are, of all jobs together.
    pub gap_count: usize,
    /// The gaps, in any order. NULL where there are none.
    pub gaps: *const Gap,
}

// SAFETY: it is `repr(C)`, starts with a `usize`, and holds numbers and raw pointers.
unsafe impl Versioned for Problem {
    const NAME: &'static str = "problem";
    const LEAST: usize = std::mem::offset_of!(Problem, alignment);
}

/// A part `[lower, upper)` of a job's lifetime in which others may have its memory. The gaps
/// of one job are inside its lifetime, and do not overlap.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Gap {
    /// The job's index.
    pub job: usize,
    /// The gap's start.
    pub lower: u64,
    /// Its end, exclusive.
    pub upper: u64,
    /// The bytes `[window_low, window_high)` of the job that it keeps meanwhile; both 0: none.
    pub window_low: u64,
    /// See `window_low`.
    pub window_high: u64,
}

/// How to solve. A zeroed one, its `struct_size` aside, has the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// sizeof(idealloc_options).
    pub struct_size: usize,
    /// The address of offset 0, or any that is as well aligned: start + offset is what is
    /// aligned. At most 2^63 - 1.
    pub start: u64,
    /// The seed of all randomness.
    pub seed: u64,
    /// With `has_iterations`: how many placements to try at most. The same number and seed,
    /// without a timeout, give the same offsets on any machine and with any number of threads.
    pub iterations: u64,
    /// With `has_capacity`: look for a placement of at most so many bytes, and stop at the
    /// first one, or at a proof that there is none.
    pub capacity: u64,
    /// With `has_timeout`: stop after so many seconds with the best placement so far. 0 gives
    /// the first one, INFINITY (math.h) sets no limit.
    pub timeout_seconds: f64,
    /// How many threads to use; 0: as many as the process could use when it first called.
    pub threads: u32,
    /// Whether `timeout_seconds` counts: not 0 means yes. With neither timeout nor iterations
    /// the limit is IDEALLOC_DEFAULT_TIMEOUT_SECONDS.
    pub has_timeout: u32,
    /// Whether `iterations` counts.
    pub has_iterations: u32,
    /// Whether `capacity` counts.
    pub has_capacity: u32,
    /// Called now and then during the search, and at every better placement, by the thread that
    /// called idealloc_solve; between two calls may be a step of the search. What it returns, if
    /// it is not 0, stops the search with the best placement so far. It must return: no longjmp,
    /// no C++ exception. NULL: nobody listens.
    pub progress: Option<
        unsafe extern "C" fn(progress: *const Progress, progress_data: *mut c_void) -> c_int,
    >,
    /// Given to `progress` as it is.
    pub progress_data: *mut c_void,
}

// SAFETY: it is `repr(C)`, starts with a `usize`, and holds numbers, a raw pointer and a
// function's address, which may be absent.
unsafe impl Versioned for Options {
    const NAME: &'static str = "options";
}

/// How far a search is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The size of this struct in the library that calls.
    pub struct_size: usize,
    /// With `has_makespan`: the smallest makespan so far, in bytes.
    pub makespan: u64,
    /// With `has_makespan`: what was proved by then: no makespan is smaller.
    pub lower_bound: u64,
    /// How many placements were tried.
    pub evaluations: u64,
    /// Not 0 once there is a placement.
    pub has_makespan: u32,
    /// 0.
    pub reserved: u32,
}

/// What came out.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// sizeof(idealloc_result), set by the caller.
    pub struct_size: usize,
    /// Bytes that the placement takes: the largest offset + size.
    pub makespan: u64,
    /// The largest sum of sizes that are live at the same time.
    pub load: u64,
    /// No makespan is smaller than so many bytes: at least `load`.
    pub lower_bound: u64,
    /// How many placements were tried.
    pub evaluations: u64,
    /// How long the call took.
    pub seconds: f64,
    /// What is known about the placement.
    pub status: Status,
    /// What ended the search.
    pub stop: Stop,
}

// SAFETY: it is `repr(C)`, starts with a `usize`, holds numbers and enumerations that have
// a variant for 0.
unsafe impl Versioned for Outcome {
    const NAME: &'static str = "result";
}

/// What is known about a placement.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No placement is smaller: the makespan is the lower bound.
    Optimal = 0,
    /// The placement is valid, and within the capacity if there is one. A smaller one may exist.
    Feasible = 1,
    /// There is no placement within the capacity: that is proved. This one is valid, and too
    /// large.
    Infeasible = 2,
    /// The search ended before it knew whether a placement is within the capacity. This one is
    /// valid, and too large.
    Unknown = 3,
}

/// What ended a search.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The makespan met the lower bound.
    LowerBound = 0,
    /// There was nothing left to try.
    Exhausted = 1,
    /// The placement is within the capacity.
    CapacityMet = 2,
    /// It was proved that none is.
    Infeasible = 3,
    /// The time was up.
    Timeout = 4,
    /// The iterations were done.
    Iterations = 5,
    /// The listener said so.
    Interrupted = 6,
    /// Something that this header does not know.
    Other = 7,
}

/// How a call went. The message of an idealloc_error says more.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// All went well.
    Ok = 0,
    /// A pointer is NULL that must not be, or is not aligned as its type asks.
    Pointer = 1,
    /// A struct's `struct_size` is not set, or the struct sets a field of a newer version.
    StructSize = 2,
    /// An option's value is refused.
    Option = 3,
    /// A job, or a gap, is not sound.
    Job = 4,
    /// Fixed offsets contradict each other.
    Conflict = 5,
    /// Too many jobs, or a sum passes 2^63 - 1.
    TooLarge = 6,
    /// There is not enough memory for the jobs.
    OutOfMemory = 7,
    /// Two jobs that live at the same time share addresses.
    Overlap = 8,
    /// A job's address is not a multiple of its alignment.
    Misaligned = 9,
    /// A fixed job is somewhere else.
    Moved = 10,
    /// Two jobs of a group do not share an offset.
    Split = 11,
    /// A job ends beyond 2^64 - 1.
    Beyond = 12,
    /// A fault of this library: please report it.
    Defect = 13,
}

/// What went wrong. It needs no initialisation but that of `struct_size`, and is written by
/// every call, also by one that went well.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Error {
    /// sizeof(idealloc_error), set by the caller.
    pub struct_size: usize,
    /// What the call returned.
    pub code: Code,
    /// How many of `jobs` are set: 0, 1 or 2.
    pub job_count: u32,
    /// The indices of the jobs that it is about.
    pub jobs: [usize; 2],
    /// One line that names the job, the field and the value; empty where all went well.
    pub message: [c_char; MESSAGE_BYTES],
}

// SAFETY: it is `repr(C)`, starts with a `usize`, holds numbers and an enumeration that has
// a variant for 0.
unsafe impl Versioned for Error {
    const NAME: &'static str = "error";
    // A message always has its end.
    const LEAST: usize = size_of::<Error>();
}
