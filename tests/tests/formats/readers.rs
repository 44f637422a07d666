//! The formats: round trips, what each accepts, and that no conversion changes
//! which jobs conflict.

use common::check;
use common::csv::{self, Layout};
use common::format::Format;
use common::input::{self, Document, Offsets};
use common::job::{Gap, Job, JobId};
use common::lifetimes::{Anomaly, Lifetimes, Unseen};
use common::load::load;
use common::problem::Problem;
use common::row::Rows;
use common::trace::{Block, Call, Note, Reader, Writer};
use proptest::prelude::*;
use sanity::adapt::{Options, adapt};
use tests::oracle::{self, ALL, Constraints};
use tests::traces::{self, free, malloc};

fn read(bytes: &[u8], format: Format, offsets: Offsets) -> Document {
    input::load(bytes, format, offsets).expect("a sound file")
}

fn convert(bytes: &[u8], from: Format, to: Format, offsets: bool) -> Vec<u8> {
    let options = Options {
        offsets,
        ..Options::default()
    };
    let mut output = Vec::new();
    adapt(bytes, from, &mut output, to, &options, &mut |_| ()).expect("a conversion");
    output
}

fn csv_of(problem: &Problem) -> Vec<u8> {
    let layout = Layout::for_jobs(problem.jobs());
    let pinned = problem.jobs().iter().any(|job| job.pin().is_some());
    let layout = if pinned { layout.with_offset() } else { layout };
    let mut writer = csv::Writer::new(Vec::new(), layout).expect("memory");
    for job in problem.jobs() {
        writer.write(job, job.pin(), &[]).expect("memory");
    }
    writer.finish().expect("memory")
}

proptest! {
    #[test]
    fn a_csv_says_everything_that_a_problem_has(problem in oracle::small_problems(8, ALL)) {
        let back = read(&csv_of(&problem), Format::Csv, Offsets::Pins);
        prop_assert_eq!(back.problem, problem);
    }

    #[test]
    fn plain_jobs_survive_csv_to_plc_to_csv(
        problem in oracle::small_problems(8, Constraints { alignments: true, ..Constraints::default() }),
    ) {
        let plc = convert(&csv_of(&problem), Format::Csv, Format::Plc, false);
        prop_assert_eq!(plc.len(), 64 * problem.len());
        let csv = convert(&plc, Format::Plc, Format::Csv, false);
        let back = read(&csv, Format::Csv, Offsets::Pins).problem;
        prop_assert_eq!(load(back.jobs()), load(problem.jobs()));
        prop_assert_eq!(back, problem);
    }

    #[test]
    fn trace_records_survive_writing_and_reading(
        words in proptest::collection::vec((0usize..7, any::<[u64; 7]>()), 0..200),
    ) {
        let calls: Vec<Call> = words
            .iter()
            .map(|(kind, words)| Call::from_words(common::trace::Kind::ALL[*kind], words))
            .collect();
        let mut writer = Writer::new(Vec::new());
        for call in &calls {
            writer.write(call).expect("memory");
        }
        let bytes = writer.finish().expect("memory");
        // Whatever the pieces in which the bytes arrive.
        let read: Result<Vec<Call>, _> =
            Reader::new(Trickle(&bytes)).map(|event| event.map(|event| event.call)).collect();
        prop_assert_eq!(read.expect("sound records"), calls);
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in [
            Format::Trc, Format::Plc, Format::Csv, Format::Iopddl, Format::Xla, Format::Tflite, Format::Pytorch,
            Format::Iree, Format::Executorch,
        ] {
            for offsets in [Offsets::Placement, Offsets::Pins] {
                let _ = input::load(&bytes[..], format, offsets);
            }
        }
    }

    #[test]
    fn the_load_of_groups_and_gaps_is_what_counting_says(problem in oracle::small_problems(8, ALL)) {
        let peak = (0..32).map(|time| load_by_counting(&problem, time)).max();
        prop_assert_eq!(load(problem.jobs()).peak, peak.unwrap_or(0));
    }
}

fn load_by_counting(problem: &Problem, time: u64) -> u64 {
    let height = |job: &Job| {
        job.pieces()
            .filter(|piece| piece.birth <= time && time < piece.death)
            .map(|piece| piece.high - piece.low)
            .sum::<u64>()
    };
    let alone = problem
        .jobs()
        .iter()
        .filter(|job| job.group().is_none())
        .map(height)
        .sum::<u64>();
    let group = |name: &str| {
        problem
            .jobs()
            .iter()
            .filter(|job| job.group() == Some(name))
            .map(height)
            .max()
            .unwrap_or(0)
    };
    alone + group("a") + group("b")
}

/// Gives one byte at a time.
struct Trickle<'a>(&'a [u8]);

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(1);
        self.0.read(&mut buffer[..count])
    }
}

#[test]
fn a_trace_record_has_the_bytes_of_the_format() {
    let block = Block {
        pointer: 0x0102,
        usable: 24,
        thread: 7,
        mapping_base: 0x0100,
    };
    let mut writer = Writer::new(Vec::new());
    writer
        .write(&Call::Malloc {
            requested: 20,
            block,
        })
        .expect("memory");
    writer
        .write(&Call::Free {
            pointer: 0x0102,
            thread: 7,
        })
        .expect("memory");
    let bytes = writer.finish().expect("memory");
    let words = |words: &[u64]| {
        words
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect::<Vec<_>>()
    };
    let mut expected = vec![0x05];
    expected.extend(words(&[20, 0x0102, 24, 7, 0x0100]));
    expected.push(0x12);
    expected.extend(words(&[0x0102, 7]));
    assert_eq!(bytes, expected);
}

#[test]
fn inclusive_and_exclusive_ends_mean_the_same_jobs() {
    let exclusive = b"id,lower,upper,size\n0,0,3,4\n1,3,5,4\n";
    let inclusive = b"buffer,start,end,size\n0,0,2,4\n1,3,4,4\n";
    let (a, b) = (
        read(exclusive, Format::Csv, Offsets::Pins).problem,
        read(inclusive, Format::Csv, Offsets::Pins).problem,
    );
    assert_eq!(a, b);
    assert_eq!(load(a.jobs()).peak, 4);
    // The header decides what is written, too.
    let back = convert(inclusive, Format::Csv, Format::Csv, false);
    assert_eq!(back, inclusive);
}

#[test]
fn columns_stand_in_any_order_and_unknown_ones_are_kept() {
    let text = b"note,size,upper,lower,id\nfirst,4,3,0,a\n\"x,y\",8,5,1,7\n";
    let document = read(text, Format::Csv, Offsets::Pins);
    assert_eq!(document.problem[0].id, JobId::Text("a".into()));
    assert_eq!(document.problem[1].id, JobId::Number(7));
    assert_eq!(convert(text, Format::Csv, Format::Csv, false), text);
}

#[test]
fn gaps_and_windows_are_read_by_the_rule_of_the_header() {
    let text = b"id,lower,upper,size,gaps\n0,0,10,8,2-4 6-8@0:3\n";
    let job = &read(text, Format::Csv, Offsets::Pins).problem[0];
    let expected = [
        Gap {
            lower: 2,
            upper: 4,
            window: None,
        },
        Gap {
            lower: 6,
            upper: 8,
            window: Some((0, 3)),
        },
    ];
    assert_eq!(job.gaps(), expected);
    let inclusive = b"id,lower,end,size,gaps\n0,0,9,8,2-3 6-7@0:3\n";
    assert_eq!(
        read(inclusive, Format::Csv, Offsets::Pins).problem[0].gaps(),
        expected
    );
}

#[test]
fn csv_offsets_are_written_only_when_asked_for() {
    let text = b"id,lower,upper,size,offset\n0,0,3,4,0\n1,0,3,4,4\n";
    let without = convert(text, Format::Csv, Format::Csv, false);
    assert_eq!(without, b"id,lower,upper,size\n0,0,3,4\n1,0,3,4\n");
    assert_eq!(convert(text, Format::Csv, Format::Csv, true), text);
}

fn plc_of(records: &[[u64; 8]]) -> Vec<u8> {
    records
        .iter()
        .flatten()
        .flat_map(|word| word.to_be_bytes())
        .collect()
}

#[test]
fn a_plc_whose_heaps_and_offsets_are_all_zero_is_not_placed() {
    let two = plc_of(&[[0, 0, 2, 8, 0, 0, 0, 8], [1, 0, 2, 8, 0, 0, 16, 8]]);
    let document = read(&two, Format::Plc, Offsets::Placement);
    assert_eq!((document.placed, document.placement), (0, None));
    assert_eq!(document.problem[1].alignment, 16);
    // One job alone may well lie at 0.
    let one = plc_of(&[[0, 0, 2, 8, 0, 0, 0, 8]]);
    assert_eq!(read(&one, Format::Plc, Offsets::Placement).placed, 1);
    // So may those of which no two live at once.
    let apart = plc_of(&[[0, 3, 5, 8, 0, 0, 0, 8], [1, 0, 3, 8, 0, 0, 0, 8]]);
    let document = read(&apart, Format::Plc, Offsets::Placement);
    let placement = document.placement.expect("placed");
    assert_eq!(check::verify(&document.problem, &placement, 0), Ok(()));
    // One that does not lie at 0 says that the others do.
    let placed = plc_of(&[[0, 0, 2, 8, 0, 0, 0, 8], [1, 0, 2, 8, 0, 8, 0, 8]]);
    let document = read(&placed, Format::Plc, Offsets::Placement);
    let placement = document.placement.expect("placed");
    assert_eq!(placement.offsets, [0, 8]);
    assert_eq!(check::verify(&document.problem, &placement, 0), Ok(()));
    // 2^64 - 1 is no place.
    let unplaced = plc_of(&[[0, 0, 2, 8, 0, u64::MAX, 0, 8]]);
    assert_eq!(read(&unplaced, Format::Plc, Offsets::Placement).placed, 0);
}

#[test]
fn empty_traces_and_plcs_are_zero_jobs() {
    for format in [Format::Trc, Format::Plc] {
        assert!(
            read(b"", format, Offsets::Placement).problem.is_empty(),
            "{format}"
        );
    }
}

fn lifetimes(bytes: &[u8]) -> (Vec<(u64, u64, u64)>, common::lifetimes::TraceSummary) {
    let mut rows = Lifetimes::new(bytes);
    let mut jobs = Vec::new();
    while let Some(row) = rows.next_row().expect("sound") {
        let JobId::Number(id) = row.job.id else {
            panic!("traced ids are numbers")
        };
        jobs.push((id, row.job.birth, row.job.death));
    }
    jobs.sort_unstable();
    (jobs, *rows.summary())
}

#[test]
fn the_clock_of_a_trace_counts_bytes_requested() {
    let bytes = traces::of([
        malloc(10, 0x1010),
        malloc(0, 0x1040),
        free(0x1010),
        malloc(5, 0x1010),
    ]);
    let (jobs, summary) = lifetimes(&bytes);
    // malloc(0) advances the clock by 1; the rest lives to the final value, 16.
    assert_eq!(jobs, [(0, 0, 11), (1, 10, 16), (2, 11, 16)]);
    assert_eq!(
        (summary.events, summary.allocations, summary.never_freed),
        (4, 3, 2)
    );
    assert!(summary.anomalies.is_empty());
}

#[test]
fn a_realloc_ends_one_job_and_begins_another() {
    let block = Block {
        pointer: 0x1100,
        usable: 40,
        thread: 1,
        mapping_base: 0x1000,
    };
    let realloc = |old| Call::Realloc {
        old,
        requested: 40,
        block,
    };
    let (jobs, summary) = lifetimes(&traces::of([malloc(10, 0x1010), realloc(0x1010)]));
    assert_eq!(jobs, [(0, 0, 10), (1, 10, 50)]);
    assert!(summary.anomalies.is_empty());
    // A failed one, or one of nothing, is no anomaly either.
    let failed = Call::Realloc {
        old: 0x1010,
        requested: 9,
        block: Block::default(),
    };
    let (jobs, summary) = lifetimes(&traces::of([malloc(10, 0x1010), failed, realloc(0)]));
    assert_eq!(jobs, [(0, 0, 50), (1, 10, 50)]);
    assert!(summary.anomalies.is_empty());
}

#[test]
fn anomalies_are_counted_with_the_offset_of_the_first() {
    let block = Block {
        pointer: 0x1300,
        usable: 40,
        thread: 1,
        mapping_base: 0x1000,
    };
    let mut bytes = traces::of([
        malloc(10, 0x1010),
        free(0x9999),
        malloc(10, 0x1010),
        Call::Realloc {
            old: 0x5555,
            requested: 40,
            block,
        },
        free(0x7777),
        free(0),
    ]);
    let whole = bytes.len() as u64;
    bytes.extend_from_slice(&[0x05, 1, 2, 3]);
    let (jobs, summary) = lifetimes(&bytes);
    assert_eq!(jobs.len(), 3);
    let odd = |anomaly| {
        summary
            .anomalies
            .iter()
            .find(|(kind, _)| *kind == anomaly)
            .map(|(_, c)| (c.count, c.first_at))
    };
    assert_eq!(odd(Anomaly::UnknownFree), Some((2, 41)));
    assert_eq!(odd(Anomaly::AllocatedWhileLive), Some((1, 58)));
    assert_eq!(odd(Anomaly::UnknownRealloc), Some((1, 99)));
    assert_eq!(odd(Anomaly::CutRecord), Some((1, whole)));
}

#[test]
fn a_block_over_a_part_of_live_ones_ends_them() {
    // Blocks of 24 bytes at 0x1010 and 0x1030; one of 100 from 0x1020 meets both.
    let (jobs, summary) = lifetimes(&traces::of([
        malloc(10, 0x1010),
        malloc(10, 0x1030),
        malloc(100, 0x1020),
    ]));
    assert_eq!(jobs, [(0, 0, 20), (1, 10, 20), (2, 20, 120)]);
    assert_eq!(summary.anomalies.count(Anomaly::AllocatedWhileLive), 2);
    // What only touches does not overlap.
    let (_, summary) = lifetimes(&traces::of([
        malloc(24, 0x1100),
        malloc(24, 0x1118),
        malloc(24, 0x10e8),
    ]));
    assert!(summary.anomalies.is_empty());
}

#[test]
fn where_calls_pass_by_a_birth_or_an_end_that_was_not_seen_is_no_anomaly() {
    let calls = [
        malloc(10, 0x1010),
        free(0x9999),
        malloc(100, 0x1000),
        Call::Realloc {
            old: 0x5555,
            requested: 40,
            block: traces::block(0x1300, 40),
        },
    ];
    let note = |reason| Note::Partial { reason }.call(1);
    let (jobs, summary) = lifetimes(&traces::of([&[note(1)], &calls[..]].concat()));
    assert!(summary.anomalies.is_empty());
    assert_eq!((summary.unseen.births, summary.unseen.ends), (2, 1));
    // Anywhere else it is one, and the jobs are the same.
    for others in [
        [&calls[..], &[note(1)]].concat(),
        [&[note(2), note(3), note(4)], &calls[..]].concat(),
    ] {
        let (same, summary) = lifetimes(&traces::of(others));
        assert_eq!(jobs, same);
        assert_eq!(summary.anomalies.iter().count(), 3);
        assert_eq!(summary.unseen, Unseen::default());
    }
    // What the tracer's way past has nothing to do with stays one.
    let below = Call::Malloc {
        requested: 50,
        block: Block {
            mapping_base: 0x2000,
            ..traces::block(0x1010, 40)
        },
    };
    let (_, summary) = lifetimes(&traces::of([note(1), below]));
    assert_eq!(summary.anomalies.count(Anomaly::UsableBelowRequested), 1);
    assert_eq!(summary.anomalies.count(Anomaly::BelowMapping), 1);
}

#[test]
fn holes_of_zeros_are_skipped() {
    let mut bytes = vec![0; 1000];
    bytes.extend(traces::of([malloc(10, 0x1010)]));
    bytes.extend(vec![0; 300_000]);
    bytes.extend(traces::of([free(0x1010)]));
    bytes.extend(vec![0; 70]);
    let (jobs, summary) = lifetimes(&bytes);
    assert_eq!(jobs, [(0, 0, 10)]);
    assert!(summary.anomalies.is_empty());
}

#[test]
fn compressed_input_is_told_by_its_content() {
    use std::io::Write as _;
    let bytes = traces::of([malloc(10, 0x1010), free(0x1010)]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).expect("memory");
    let packed = gzip.finish().expect("memory");
    let unpacked = common::format::decompress(&packed[..]).expect("gzip");
    assert_eq!(
        input::load(unpacked, Format::Trc, Offsets::Ignored)
            .expect("sound")
            .problem
            .len(),
        1
    );
    let plain = common::format::decompress(&bytes[..]).expect("plain");
    assert_eq!(
        input::load(plain, Format::Trc, Offsets::Ignored)
            .expect("sound")
            .problem
            .len(),
        1
    );
}

#[test]
fn a_plc_refuses_what_it_cannot_say() {
    for text in [
        "id,lower,upper,size\nx,0,3,4\n",
        "id,lower,upper,size,gaps\n0,0,3,4,1-2\n",
        "id,lower,upper,size,group\n0,0,3,4,g\n",
        "id,lower,upper,size,hint\n0,0,3,4,64\n",
    ] {
        let (from, to, options) = (Format::Csv, Format::Plc, Options::default());
        let error = adapt(text.as_bytes(), from, Vec::new(), to, &options, &mut |_| ());
        let error = error.expect_err(text).to_string();
        assert!(error.starts_with("line 2: job "), "{error}");
    }
}
