//! Small inputs through everything that needs neither files nor C: quick enough
//! for Miri, and the same on machines of either byte order.
#![cfg(feature = "formats")]

use std::io::{Read as _, Write as _};

use common::check::{Violation, verify};
use common::csv;
use common::format::{Format, decompress, sniff};
use common::input::{self, Offsets};
use common::job::Job;
use common::lifetimes::Anomaly;
use common::load::{curve, load, lower_bound};
use common::placement::Placement;
use common::plc;
use common::problem::Problem;
use common::row::Rows as _;
use common::trace::{Block, Call, Writer};
use common::xla::{Beside, Choice, LiveRanges};

fn malloc(requested: u64, pointer: u64, usable: u64) -> Call {
    let (thread, mapping_base) = (7, 0x1000);
    Call::Malloc {
        requested,
        block: Block {
            pointer,
            usable,
            thread,
            mapping_base,
        },
    }
}

fn trace(calls: &[Call]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for call in calls {
        writer.write(call).expect("memory takes all");
    }
    writer.finish().expect("memory takes all")
}

#[test]
fn a_trace_is_big_endian_and_its_events_become_jobs() {
    let free = Call::Free {
        pointer: 0x1010,
        thread: 7,
    };
    let mut bytes = trace(&[malloc(20, 0x1010, 24), free, malloc(5, 0x1010, 24)]);
    assert_eq!(bytes[..9], [5, 0, 0, 0, 0, 0, 0, 0, 20]);
    bytes.extend([0, 0, 0x12, 1]);
    let document = input::load(&bytes[..], Format::Trc, Offsets::Placement);
    let document = document.expect("a sound trace");
    let jobs = document.problem.jobs();
    let lifetimes: Vec<_> = jobs.iter().map(|job| (job.birth, job.death)).collect();
    assert_eq!(lifetimes, [(0, 20), (20, 25)]);
    let offsets = document.placement.expect("traced jobs are placed").offsets;
    assert_eq!(offsets, [0x10, 0x10]);
    let anomalies = document.trace.expect("it is a trace").anomalies;
    assert_eq!(anomalies.count(Anomaly::CutRecord), 1);
}

#[test]
fn blocks_that_meet_end_the_older_one_at_any_alignment_of_addresses() {
    let calls: Vec<Call> = (0..40)
        .map(|step| malloc(10, 0x1000 + 0x40 * (step % 7) + step / 8, 24))
        .collect();
    let bytes = trace(&calls);
    let document = input::load(&bytes[..], Format::Trc, Offsets::Placement);
    let document = document.expect("a sound trace");
    let summary = document.trace.expect("it is a trace");
    assert_eq!(summary.anomalies.count(Anomaly::AllocatedWhileLive), 33);
    assert_eq!(summary.never_freed, 7);
    let placement = document.placement.expect("traced jobs are placed");
    assert_eq!(
        common::check::verify_overlaps(&document.problem, &placement),
        Ok(())
    );
}

#[test]
fn a_plc_is_big_endian_and_reads_back() {
    let job = Job::new(1, 2, 3, 0x0405).aligned(8);
    let mut writer = plc::Writer::new(Vec::new());
    writer.write(&job, Some(16)).expect("a .plc can say it");
    let bytes = writer.finish().expect("memory takes all");
    assert_eq!(bytes[24..32], [0, 0, 0, 0, 0, 0, 4, 5]);
    let row = plc::Reader::new(&bytes[..]).next_row().expect("a record");
    let row = row.expect("a record");
    assert_eq!((row.job, row.offset), (job, Some(16)));
}

#[test]
fn a_csv_reads_back_with_all_that_a_job_can_have() {
    let text = "id,lower,upper,size,alignment,gaps,hint,group,note\n\
                a,0,9,8,4,2-3 5-7@0:4,16,g,\"x, y\"\nb,1,4,2,1,,-1,,\n";
    let mut reader = csv::Reader::new(text.as_bytes()).expect("a header");
    let layout = reader.layout().expect("a CSV has columns").clone();
    let mut writer = csv::Writer::new(Vec::new(), layout).expect("memory takes all");
    while let Some(row) = reader.next_row().expect("sound rows") {
        let written = writer.write(&row.job, row.offset, &row.unknown);
        written.expect("memory takes all");
    }
    let written = writer.finish().expect("memory takes all");
    assert_eq!(String::from_utf8(written).expect("text"), text);
}

#[test]
fn packed_input_is_told_by_its_content() {
    let text = b"id,lower,upper,size\n0,0,1,8\n";
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(text).expect("memory takes all");
    let packed = packer.finish().expect("memory takes all");
    let unpacked = decompress(&packed[..]).expect("a packed file");
    let (format, mut whole) = sniff(unpacked).expect("a packed file");
    assert_eq!(format, Some(Format::Csv));
    let mut read = Vec::new();
    whole.read_to_end(&mut read).expect("a packed file");
    assert_eq!(read, text);
    let cut = decompress(&packed[..packed.len() - 3]).expect("it begins well");
    assert!(std::io::read_to_string(cut).is_err());
}

#[test]
fn dumps_of_compilers_become_jobs() {
    let json = br#"{"nodes": {"intervals": [[3, 7], [4, 4]], "usages": [[10, 25], [1]]}}"#;
    let document = input::load(&json[..], Format::Iopddl, Offsets::Ignored).expect("sound");
    assert_eq!(document.problem.jobs(), [Job::new(0, 3, 7, 25)]);

    let ranges = "BufferLiveRange:\n a{}:0-2\n b{}:1-3\n";
    let reading = input::Reading {
        beside: Beside {
            live_ranges: Some(LiveRanges::read(ranges.as_bytes()).expect("sound")),
            ..Beside::default()
        },
        allocation: Choice::Temp,
        ..input::Reading::default()
    };
    let dump = "BufferAssignment:\nallocation 1: size 128, preallocated-temp:\n \
                value: <3 a @0> (size=64,offset=0): f32[16]\n \
                value: <4 b @0> (size=64,offset=64): f32[16]\n";
    let mut rows = input::rows(dump.as_bytes(), Format::Xla, &reading).expect("sound");
    let first = rows.next_row().expect("sound").expect("two values");
    assert_eq!(first.job, Job::new(3, 0, 3, 64).aligned(64));
}

#[test]
fn loads_bounds_and_overlaps_are_found() {
    let jobs = vec![
        Job::new(0, 0, 4, 6).aligned(4),
        Job::new(1, 2, 6, 6).aligned(4),
        Job::new(2, 4, 8, 3).aligned(4),
    ];
    let problem = Problem::new(jobs).expect("sound");
    let jobs = problem.jobs();
    assert_eq!(curve(jobs), [(0, 6), (2, 12), (4, 9), (6, 3), (8, 0)]);
    assert_eq!(load(jobs).peak, 12);
    assert_eq!(lower_bound(jobs, 0), 14);
    let at = |offsets: [u64; 3]| {
        let offsets = offsets.to_vec();
        verify(&problem, &Placement { offsets }, 0)
    };
    assert_eq!(at([0, 8, 0]), Ok(()));
    assert!(matches!(at([0, 4, 0]), Err(Violation::Overlap { .. })));
    assert!(matches!(at([0, 9, 0]), Err(Violation::Misaligned { .. })));
}
