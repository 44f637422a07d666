//! Converting: whatever is converted at all keeps its jobs, and which of them
//! conflict.

use common::format::Format;
use common::input::{self, Document, Offsets};
use common::iopddl::Usage;
use common::job::Job;
use common::load::load;
use sanity::adapt::{Heaps, Options, adapt};

/// One byte that says from which format, one that says how, and then any bytes.
pub fn convert(bytes: &[u8]) {
    let [from, how, bytes @ ..] = bytes else {
        return;
    };
    let from = FORMATS[usize::from(*from) % FORMATS.len()];
    let to = [Format::Plc, Format::Csv][usize::from(how & 1)];
    let mut options = Options {
        offsets: how & 2 != 0,
        lossy: how & 4 != 0,
        ..Options::default()
    };
    options.heaps =
        [Heaps::All, Heaps::All, Heaps::Merged, Heaps::One(0)][usize::from(how >> 3 & 3)];
    options.reading.usage = Usage::Largest;
    let mut output = Vec::new();
    let Ok(summary) = adapt(bytes, from, &mut output, to, &options, &mut |_| ()) else {
        return;
    };
    let converted = input::load(&output[..], to, Offsets::Placement);
    let converted = converted.expect("what is written can be read");
    assert_eq!(summary.jobs, converted.problem.len() as u64);
    if options.heaps == Heaps::One(0) {
        return;
    }
    let read = input::load(bytes, from, Offsets::Placement).expect("what converts can be read");
    compare(&read, &converted, &options, to);
}

/// The formats that one file tells, and the seeds' first bytes.
pub(super) const FORMATS: [Format; 4] = [Format::Csv, Format::Plc, Format::Trc, Format::Iopddl];

fn compare(read: &Document, converted: &Document, options: &Options, to: Format) {
    let merged = options.heaps == Heaps::Merged;
    assert_eq!(read.problem.len(), converted.problem.len());
    for (job, same) in read.problem.jobs().iter().zip(converted.problem.jobs()) {
        assert_eq!(without_constraints(job), without_constraints(same));
        let heap = if merged { 0 } else { job.heap };
        if to == Format::Plc || keeps(converted, "heap") {
            assert_eq!(same.heap, heap);
        }
        if !options.lossy {
            assert_eq!(job.id, same.id);
            assert_eq!((job.gaps(), job.group()), (same.gaps(), same.group()));
            assert_eq!(job.hint(), same.hint());
        }
    }
    let (before, after) = (load(read.problem.jobs()), load(converted.problem.jobs()));
    if options.lossy && to == Format::Plc {
        assert!(after.peak >= before.peak, "a loss adds conflicts");
    } else {
        assert_eq!(after, before);
    }
    let placed = to == Format::Plc && !options.lossy || to == Format::Csv && options.offsets;
    if placed && !merged {
        assert_eq!(read.placement, converted.placement);
    }
}

/// Whether a CSV has a column.
fn keeps(document: &Document, column: &str) -> bool {
    let layout = document.layout.as_ref();
    layout.is_some_and(|layout| format!("{layout:?}").contains(&format!("\"{column}\"")))
}

/// What every format says of a job.
fn without_constraints(job: &Job) -> (u64, u64, u64, u64, u64) {
    (job.birth, job.death, job.size, job.requested, job.alignment)
}
