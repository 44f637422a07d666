//! What `adapt` makes of traces: clocks, sizes, heaps, and files cut short.

use std::io::Write as _;
use std::path::Path;

use benches::generate;
use common::format::Format;
use common::input::{self, Offsets, Reading};
use common::job::Job;
use common::lifetimes::{Clock, Options, Size};
use common::load::load;
use common::text::counted;
use common::trace::{Block, Call};
use proptest::prelude::*;
use tempfile::TempDir;
use tests::{Ran, run_in, traces};

/// The jobs of a trace by id, for id is the order of allocation.
fn jobs(trace: &[u8], clock: Clock, size: Size) -> Vec<Job> {
    let reading = Reading {
        trace: Options {
            clock,
            size,
            ..Options::default()
        },
        ..Reading::default()
    };
    let mut rows = input::rows(trace, Format::Trc, &reading).expect("a trace");
    let mut jobs = Vec::new();
    while let Some(row) = rows.next_row().expect("sound") {
        jobs.push(row.job);
    }
    jobs.sort_by(|a, b| a.id.cmp(&b.id));
    jobs
}

fn conflict(a: &Job, b: &Job) -> bool {
    a.birth < b.death && b.birth < a.death
}

/// Calls on a few addresses, of which some meet live blocks.
fn calls() -> impl Strategy<Value = Vec<Call>> {
    let call = (0u64..4, 0u64..12, 0u64..12, 0u64..200).prop_map(|(kind, at, other, requested)| {
        let block = Block {
            pointer: 0x1000 + 64 * at,
            usable: requested.max(24),
            thread: at % 3,
            mapping_base: 0x1000,
        };
        let old = 0x1000 + 64 * other;
        match kind {
            0 | 1 => Call::Malloc { requested, block },
            2 => Call::Free {
                pointer: old,
                thread: 0,
            },
            _ => Call::Realloc {
                old,
                requested,
                block,
            },
        }
    });
    proptest::collection::vec(call, 0..60)
}

proptest! {
    #[test]
    fn the_same_jobs_conflict_on_either_clock(calls in calls()) {
        let trace = traces::of(calls);
        let bytes = jobs(&trace, Clock::Bytes, Size::Usable);
        let events = jobs(&trace, Clock::Events, Size::Usable);
        prop_assert_eq!(bytes.len(), events.len());
        for (number, (a, other_a)) in bytes.iter().zip(&events).enumerate() {
            // On this clock a job is born at its number.
            prop_assert_eq!(other_a.birth, number as u64);
            for (b, other_b) in bytes.iter().zip(&events) {
                prop_assert_eq!(conflict(a, b), conflict(other_a, other_b));
            }
        }
        prop_assert_eq!(load(&bytes).peak, load(&events).peak);
    }

    #[test]
    fn a_requested_size_is_what_was_asked_for_at_least_1(calls in calls()) {
        let trace = traces::of(calls);
        let usable = jobs(&trace, Clock::Bytes, Size::Usable);
        let requested = jobs(&trace, Clock::Bytes, Size::Requested);
        for (a, b) in usable.iter().zip(&requested) {
            prop_assert_eq!(b.size, a.requested.max(1));
            prop_assert_eq!((a.birth, a.death, a.heap), (b.birth, b.death, b.heap));
        }
    }
}

fn adapt(folder: &Path, arguments: &[&str]) -> Ran {
    run_in(folder, "adapt", arguments, b"")
}

fn made(events: u64) -> (TempDir, Vec<u8>) {
    let folder = TempDir::new().expect("a folder");
    let trace = traces::of(generate::trace::events(events, 7));
    std::fs::write(folder.path().join("a.trc"), &trace).expect("a file");
    (folder, trace)
}

#[test]
fn a_generated_trace_has_nothing_odd_and_its_placement_is_valid() {
    let (folder, trace) = made(20_000);
    assert_eq!(trace, traces::of(generate::trace::events(20_000, 7)));
    let ran = adapt(folder.path(), &["a.trc", "a.plc", "--strict"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report = run_in(folder.path(), "report", &["a.plc"], b"");
    assert_eq!(report.code, 0, "{}{}", report.out, report.err);
}

#[test]
fn load_stays_what_it_is_from_format_to_format() {
    let (folder, trace) = made(5_000);
    let before = load(&jobs(&trace, Clock::Bytes, Size::Usable)).peak;
    for (from, to) in [("a.trc", "b.plc"), ("b.plc", "c.csv"), ("c.csv", "d.plc")] {
        let ran = adapt(folder.path(), &[from, to]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let bytes = std::fs::read(folder.path().join(to)).expect("an output");
        let format = Format::of_path(Path::new(to)).expect("a format");
        let document = input::load(&bytes[..], format, Offsets::Ignored).expect("sound");
        assert_eq!(load(document.problem.jobs()).peak, before, "{to}");
    }
}

#[test]
fn one_heap_can_be_selected_by_its_base() {
    let (folder, trace) = made(5_000);
    let all = jobs(&trace, Clock::Bytes, Size::Usable);
    let heap = all[0].heap;
    let expected = all.iter().filter(|job| job.heap == heap).count();
    for base in [heap.to_string(), format!("{heap:#x}")] {
        let ran = adapt(folder.path(), &["a.trc", "h.plc", "--heap", &base]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let others = format!("{} jobs of other heaps", all.len() - expected);
        assert!(ran.err.contains(&others), "{}", ran.err);
        let bytes = std::fs::read(folder.path().join("h.plc")).expect("an output");
        assert_eq!(bytes.len(), 64 * expected);
    }
}

#[test]
fn a_heap_that_is_not_there_is_an_error_that_names_those_that_are() {
    let (folder, trace) = made(500);
    let heap = jobs(&trace, Clock::Bytes, Size::Usable)[0].heap;
    let ran = adapt(folder.path(), &["a.trc", "h.plc", "--heap", "0x123"]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
    assert!(
        ran.err
            .contains("a.trc: no job lies in heap 0x123: there are")
    );
    assert!(ran.err.contains(&format!("{heap:#x}")), "{}", ran.err);
    assert!(!folder.path().join("h.plc").exists());
    let ran = adapt(folder.path(), &["a.trc", "h.plc", "--heap", "0xheap"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("0xheap"), "{}", ran.err);
}

#[test]
fn merged_heaps_are_one_without_a_placement() {
    let (folder, trace) = made(5_000);
    let ran = adapt(folder.path(), &["a.trc", "m.plc", "--merge-heaps"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let bytes = std::fs::read(folder.path().join("m.plc")).expect("an output");
    let document = input::load(&bytes[..], Format::Plc, Offsets::Placement).expect("sound");
    assert_eq!(document.placed, 0);
    assert!(document.problem.jobs().iter().all(|job| job.heap == 0));
    let all = jobs(&trace, Clock::Bytes, Size::Usable);
    let told = counted(all.len(), "offset") + " left out";
    assert!(ran.err.contains(&told), "{}", ran.err);
    let ran = adapt(
        folder.path(),
        &["a.trc", "m.csv", "--merge-heaps", "--offsets"],
    );
    assert_eq!(ran.code, 2);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).expect("memory");
    packer.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

#[test]
fn a_cut_compressed_trace_is_used_up_to_the_cut() {
    // Much more than one block of a compressor.
    let (folder, trace) = made(60_000);
    let file = folder.path().join("cut.trc");
    for (name, packed) in [("gzip", gzip(&trace)), ("zstd", zstd(&trace))] {
        for share in [3, 2] {
            std::fs::write(&file, &packed[..packed.len() - packed.len() / share]).expect("a file");
            let ran = adapt(folder.path(), &["cut.trc", "cut.plc"]);
            assert_eq!(ran.code, 0, "{name}: {}", ran.err);
            assert!(
                ran.err.contains("compressed file cut short"),
                "{name}: {}",
                ran.err
            );
            let jobs = std::fs::metadata(folder.path().join("cut.plc"))
                .expect("there")
                .len()
                / 64;
            assert!(jobs > 5_000, "{name}: {jobs} jobs");
            let ran = adapt(folder.path(), &["cut.trc", "no.plc", "--strict"]);
            assert_eq!(ran.code, 2, "{name}");
            assert!(!folder.path().join("no.plc").exists());
        }
    }
}

#[test]
fn a_cut_compressed_csv_stays_an_error() {
    let folder = TempDir::new().expect("a folder");
    let rows: String = (0..5_000)
        .map(|id| format!("{id},0,{},8\n", id + 1))
        .collect();
    let packed = gzip(format!("id,lower,upper,size\n{rows}").as_bytes());
    std::fs::write(folder.path().join("x.csv"), &packed[..packed.len() / 2]).expect("a file");
    let ran = adapt(folder.path(), &["x.csv", "x.plc"]);
    let place = packed.len() / 2;
    let told = format!("adapt: x.csv: byte {place}: compressed file cut short\n");
    assert_eq!((ran.code, ran.err), (2, told));
}

#[test]
fn quiet_tells_only_what_is_odd() {
    let (folder, mut trace) = made(500);
    let ran = adapt(folder.path(), &["a.trc", "a.plc", "--quiet"]);
    assert_eq!((ran.code, &*ran.err), (0, ""));
    trace.push(0x05);
    std::fs::write(folder.path().join("a.trc"), &trace).expect("a file");
    let ran = adapt(folder.path(), &["a.trc", "a.plc", "--quiet"]);
    assert_eq!((ran.code, ran.err.lines().count()), (0, 1), "{}", ran.err);
    assert!(ran.err.contains("record cut short"), "{}", ran.err);
}
