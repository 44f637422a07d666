//! Why a placement is not valid.

use crate::job::JobId;
use crate::text::counted;

/// Why a placement is not valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// The placement is not of this problem.
    #[error("{} for {}", counted(*offsets, "offset"), counted(*jobs, "job"))]
    Count {
        /// Jobs in the problem.
        jobs: usize,
        /// Offsets in the placement.
        offsets: usize,
    },
    /// Two conflicting jobs share addresses.
    #[error(
        "jobs {first} and {second} overlap at time {time}: \
         [{first_low}, {first_high}) and [{second_low}, {second_high})"
    )]
    Overlap {
        /// The job placed first in time.
        first: JobId,
        /// The job that is born onto it.
        second: JobId,
        /// The first instant at which both are live.
        time: u64,
        /// Start of the first job's addresses then.
        first_low: u64,
        /// End of the first job's addresses then.
        first_high: u64,
        /// Start of the second job's addresses then.
        second_low: u64,
        /// End of the second job's addresses then.
        second_high: u64,
    },
    /// An address is not a multiple of the alignment.
    #[error(
        "job {id}: start {start} + {}offset {offset} is not a multiple of its alignment {alignment}",
        plus_heap(*.heap)
    )]
    Misaligned {
        /// The job.
        id: JobId,
        /// The start address.
        start: u64,
        /// Its heap.
        heap: u64,
        /// Its offset.
        offset: u64,
        /// Its alignment.
        alignment: u64,
    },
    /// A fixed offset was not kept.
    #[error("job {id}: fixed at offset {pin}, placed at {offset}")]
    Moved {
        /// The job.
        id: JobId,
        /// Where it is fixed.
        pin: u64,
        /// Where it is.
        offset: u64,
    },
    /// The members of a group do not share one offset.
    #[error("jobs {first} and {second} share a group, but not an offset")]
    Split {
        /// One member.
        first: JobId,
        /// Another.
        second: JobId,
    },
    /// A job ends beyond the 64-bit address space.
    #[error("job {id}: offset {offset} + size {size} passes 2^64 - 1")]
    Beyond {
        /// The job.
        id: JobId,
        /// Its offset.
        offset: u64,
        /// Its size.
        size: u64,
    },
}

/// A heap as a part of a sum; 0, as where there is but one, is left out.
fn plus_heap(heap: u64) -> String {
    match heap {
        0 => String::new(),
        heap => format!("heap {heap} + "),
    }
}
