//! The formats of compilers that `adapt` reads, and how it tells them.

use std::fs;
use std::path::PathBuf;

use common::check;
use common::format::Format;
use common::input::{self, Document, Offsets};
use common::job::JobId;
use common::problem::Gate;
use common::row::Rows as _;
use common::text::counted;
use common::xla::{self, LiveRanges};
use proptest::prelude::*;
use tempfile::TempDir;
use tests::{Ran, run_in};

fn sample(name: &str) -> PathBuf {
    tests::workspace().join("tests/samples").join(name)
}

fn sample_bytes(name: &str) -> Vec<u8> {
    fs::read(sample(name)).expect("a sample")
}

/// Runs `adapt` in a folder of its own with the files given.
fn adapt(files: &[(&str, &[u8])], arguments: &[&str]) -> Ran {
    let folder = tests::folder(files);
    run_in(folder.path(), "adapt", arguments, b"")
}

fn sound(ran: &Ran) -> Document {
    assert_eq!(ran.code, 0, "{}", ran.err);
    input::load(ran.out.as_bytes(), Format::Csv, Offsets::Placement).expect("a sound CSV")
}

fn refused(ran: &Ran, expected: &[&str]) {
    assert_eq!(ran.code, 2, "{}", ran.err);
    // At most the header: what goes to standard output cannot be taken back.
    assert!(ran.out.lines().count() <= 1, "{}", ran.out);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    for expected in expected {
        assert!(
            ran.err.contains(expected),
            "{:?} lacks {expected:?}",
            ran.err
        );
    }
}

fn of_contest(json: &str) -> Ran {
    let file = ("p.json", json.as_bytes());
    adapt(&[file], &["p.json", "-", "--to", "csv", "-q"])
}

/// Id, birth, death and size of each job.
fn jobs(document: &Document) -> Vec<(u64, u64, u64, u64)> {
    let number = |id: &JobId| match id {
        JobId::Number(number) => *number,
        JobId::Text(text) => panic!("{text} is no number"),
    };
    document
        .problem
        .jobs()
        .iter()
        .map(|job| (number(&job.id), job.birth, job.death, job.size))
        .collect()
}

#[test]
fn both_headers_of_minimalloc_are_read() {
    // Its benchmarks, with exclusive ends; its README's example, with inclusive ones.
    let exclusive = b"id,lower,upper,size\nb1,0,3,4\nb2,3,9,4\n";
    let inclusive = b"buffer_id,start,end,size\nb1,0,2,4\nb2,3,8,4\n";
    let read = |text: &[u8]| {
        let ran = adapt(&[("x.csv", text)], &["x.csv", "-", "--to", "csv"]);
        sound(&ran).problem
    };
    assert_eq!(read(exclusive), read(inclusive));
    assert_eq!(read(exclusive)[1].death, 9);
}

#[test]
fn a_contest_node_is_a_job_of_one_of_its_usages() {
    let json = sample_bytes("contest.json");
    for (usage, sizes) in [
        ("largest", [48, 20, 64, 7]),
        ("smallest", [16, 20, 8, 0]),
        ("first", [16, 20, 64, 5]),
    ] {
        let arguments = ["x.json", "-", "--to", "csv", "--usage", usage];
        let ran = adapt(&[("x.json", &json)], &arguments);
        let intervals = [(0, 0, 4), (1, 2, 6), (3, 4, 9), (5, 6, 9)];
        let expected: Vec<_> = std::iter::zip(intervals, sizes)
            .filter(|&(_, size)| size > 0)
            .map(|((id, birth, death), size)| (id, birth, death, size))
            .collect();
        assert_eq!(jobs(&sound(&ran)), expected, "{usage}");
        let unused = 1 + sizes.iter().filter(|&&size| size == 0).count();
        for told in [
            "1 node with an empty lifetime: left out".to_owned(),
            counted(unused, "node") + " with no usage: left out",
        ] {
            assert!(ran.err.contains(&told), "{usage}: {}", ran.err);
        }
    }
}

#[test]
fn the_problem_around_a_contest_file_may_be_missing() {
    let nodes = r#""nodes": {"usages": [[8]], "intervals": [[1, 2]]}"#;
    for json in [
        format!("{{\"edges\": {{}}, {nodes}}}"),
        format!("{{\"problem\": {{{nodes}, \"name\": \"x\"}}, \"solution\": [1]}}"),
    ] {
        assert_eq!(jobs(&sound(&of_contest(&json))), [(0, 1, 2, 8)], "{json}");
    }
}

#[test]
fn what_is_wrong_with_a_contest_file_is_told_with_its_place() {
    let with = |intervals: &str, usages: &str| {
        format!("{{\n\"nodes\": {{\"intervals\": {intervals},\n\"usages\": {usages}}}}}")
    };
    for (json, expected) in [
        (
            with("[[3, 1]]", "[[4]]"),
            "column 31: interval [3, 1] ends before",
        ),
        (
            with("[[0, 1.5]]", "[[4]]"),
            "invalid type: floating point `1.5`",
        ),
        (
            with("[[0, 1]]", "[[-4]]"),
            "line 3, column 15: invalid value: integer `-4`",
        ),
        (
            with("[[0, 1]]", "[[]]"),
            "line 3, column 13: a node without usages",
        ),
        (
            with("[[0, 1], [0, 1]]", "[[4]]"),
            "2 intervals, but usages of 1 node",
        ),
        (with("[[0]]", "[[4]]"), "line 2"),
        (
            with("[[0, 1]]", "[[9223372036854775808]]"),
            "node 0: job 0: size 9223372036854775808",
        ),
        (
            "{\"nodes\": {\"usages\": []}}".to_owned(),
            "missing field `intervals`",
        ),
        ("{\"problem\": {}}".to_owned(), "no \"nodes\""),
        ("{\"problem\": ".to_owned(), "EOF"),
        (with("[]", "[]") + "x", "trailing characters"),
        (
            "[1]".to_owned(),
            "invalid type: sequence, expected an object with \"problem\"",
        ),
    ] {
        refused(&of_contest(&json), &["adapt: p.json: ", expected]);
    }
}

#[test]
fn xlas_placement_is_valid_and_as_high_as_its_allocation() {
    let file = sample("scan-buffer-assignment.txt").display().to_string();
    let ran = adapt(&[], &[&file, "-", "--to", "csv", "--offsets"]);
    let document = sound(&ran);
    let placement = document.placement.expect("placed");
    assert_eq!(check::verify(&document.problem, &placement, 0), Ok(()));
    let tops = document.problem.jobs().iter().zip(&placement.offsets);
    // "allocation 9: size 24772, preallocated-temp"
    assert_eq!(
        tops.map(|(job, offset)| offset + job.size).max(),
        Some(24772)
    );
    assert!(
        ran.err.contains("32 values joined to the job of an alias"),
        "{}",
        ran.err
    );
    assert!(
        document
            .problem
            .jobs()
            .iter()
            .all(|job| job.alignment == 64)
    );
    // The same as a .plc, through the tools.
    let folder = TempDir::new().expect("a folder");
    let ran = run_in(folder.path(), "adapt", &[&file, "x.plc"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let report = run_in(folder.path(), "report", &["x.plc"], b"");
    assert_eq!(report.code, 0, "{}", report.err);
    assert!(report.out.contains("24772 bytes"), "{}", report.out);
}

#[test]
fn the_shared_xla_sample_is_read_where_it_is_there() {
    let file = tests::workspace().join("../shared/data/xla/mlp-buffer-assignment.txt");
    if !file.exists() {
        eprintln!("SKIPPED: no {}", file.display());
        return;
    }
    let file = file.display().to_string();
    let document = sound(&adapt(&[], &[&file, "-", "--to", "csv", "--offsets"]));
    let placement = document.placement.expect("placed");
    assert_eq!(check::verify(&document.problem, &placement, 0), Ok(()));
    let tops = document.problem.jobs().iter().zip(&placement.offsets);
    assert_eq!(
        tops.map(|(job, offset)| offset + job.size).max(),
        Some(181504)
    );
}

/// A dump of one preallocated allocation with these values: name, size, offset
/// and live range.
fn dump(values: &[(&str, u64, u64, &str)]) -> [(&'static str, Vec<u8>); 2] {
    let (mut assignment, mut ranges) = (
        "BufferAssignment:\nallocation 0: size 8, constant:\n value: <7 c @0> (size=8,offset=0): \
         f32[2]\nallocation 1: size 64, preallocated-temp:\n"
            .to_owned(),
        "HloLiveRange (max 9):\n  BufferLiveRange:\n".to_owned(),
    );
    for (number, (name, size, offset, range)) in values.iter().enumerate() {
        let place = format!("(size={size},offset={offset}): f32[1]{{0}}");
        assignment += &format!(" value: <{number} {name} @0> {place}\n");
        let name = name.strip_suffix(" (phi)").unwrap_or(name);
        let index = if name.ends_with('}') { "" } else { "{}" };
        ranges += &format!("    {name}{index}:{range}\n");
    }
    ranges += "  Live ranges at 3 (peak):\n    a: 8 bytes\n";
    [
        ("x-buffer-assignment.txt", assignment.into_bytes()),
        ("x-live-range.txt", ranges.into_bytes()),
    ]
}

fn of_dump(values: &[(&str, u64, u64, &str)], more: &[&str]) -> Ran {
    let [assignment, ranges] = dump(values);
    let mut arguments = vec!["x-buffer-assignment.txt", "-", "--to", "csv", "--offsets"];
    arguments.extend(more);
    adapt(
        &[(assignment.0, &assignment.1), (ranges.0, &ranges.1)],
        &arguments,
    )
}

#[test]
fn aliases_of_one_size_are_one_job_and_touching_values_are_two() {
    let ran = of_dump(
        &[
            ("a.1", 64, 0, "0-3"),
            ("loop{0,1} (phi)", 64, 0, "3-5"),
            // Begins after the others have ended: memory used again.
            ("b", 64, 0, "6-8"),
        ],
        &[],
    );
    assert_eq!(jobs(&sound(&ran)), [(0, 0, 6, 64), (2, 6, 9, 64)]);
    assert!(ran.out.contains("a.1{} loop{0,1}"), "{}", ran.out);
}

#[test]
fn aliases_of_several_sizes_share_a_group_and_stay_a_valid_placement() {
    // While only the small one is live, another lies above it.
    let values = [
        ("large", 64, 0, "0-3"),
        ("small", 16, 0, "3-6"),
        ("above", 48, 16, "4-6"),
    ];
    let document = sound(&of_dump(&values, &[]));
    let group = |index: usize| document.problem[index].group();
    assert!(group(0).is_some() && group(0) == group(1) && group(2).is_none());
    let placement = document.placement.clone().expect("placed");
    assert_eq!(check::verify(&document.problem, &placement, 0), Ok(()));
}

#[test]
fn an_allocation_is_chosen_by_number_and_a_value_without_a_range_is_an_error() {
    let values = [("a", 64, 0, "0-3")];
    refused(
        &of_dump(&values, &["--allocation", "0"]),
        &["x-buffer-assignment.txt: line 3: value \"c{}\" has no live range"],
    );
    refused(
        &of_dump(&values, &["--allocation", "4"]),
        &["no allocation 4: they go up to 1"],
    );
    let ran = of_dump(&values, &["--allocation", "all"]);
    assert_eq!(jobs(&sound(&ran)), [(0, 0, 4, 64)]);
    assert!(
        ran.err.contains("1 value without a live range"),
        "{}",
        ran.err
    );
}

#[test]
fn values_that_do_not_fill_their_allocation_are_told() {
    let ran = of_dump(&[("a", 32, 0, "0-3")], &[]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("is of 64 bytes, but its values end at 32"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_wrong_with_a_dump_is_told_with_its_file_and_line() {
    let [(name, assignment), (_, ranges)] = dump(&[("a", 64, 0, "0-3")]);
    let csv = [name, "-", "--to", "csv"];
    refused(
        &adapt(&[(name, &assignment)], &csv),
        &[name, "--live-range"],
    );
    let broken = String::from_utf8(ranges.clone())
        .expect("text")
        .replace("0-3", "0+3");
    refused(
        &adapt(
            &[(name, &assignment), ("x-live-range.txt", broken.as_bytes())],
            &csv,
        ),
        &["x-live-range.txt: line 3: \"a{}:0+3\" is not NAME{INDEX}:FROM-TO"],
    );
    let broken = String::from_utf8(assignment)
        .expect("text")
        .replace("=64", "=6x");
    let files = [(name, broken.as_bytes()), ("other.txt", &ranges)];
    refused(
        &adapt(&files, &[&csv[..], &["--live-range", "other.txt"]].concat()),
        &[
            "x-buffer-assignment.txt: line 5: ",
            "(size=6x",
            "is not value: <NUMBER",
        ],
    );
}

#[test]
fn content_tells_a_format_that_the_name_does_not() {
    let [(_, assignment), (_, ranges)] = dump(&[("a", 64, 0, "0-3")]);
    let contest = sample_bytes("contest.json");
    let csv = b"size,lower,upper,id\n4,0,1,x\n".to_vec();
    for (content, count) in [(assignment, 1), (contest, 4), (csv, 1)] {
        let files = [("jobs.txt", &content[..]), ("r.txt", &ranges)];
        let arguments = ["jobs.txt", "-", "--to", "csv", "--live-range", "r.txt"];
        assert_eq!(sound(&adapt(&files, &arguments)).problem.len(), count);
        // Also from standard input, and against what the option says.
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("r.txt"), &ranges).expect("a file");
        let arguments = ["-", "-", "--to", "csv", "--live-range", "r.txt"];
        let ran = run_in(folder.path(), "adapt", &arguments, &content);
        assert_eq!(sound(&ran).problem.len(), count);
        let ran = adapt(&files, &["jobs.txt", "-", "--to", "csv", "--from", "plc"]);
        assert_eq!(ran.code, 2, "{}", ran.err);
    }
}

#[test]
fn a_format_that_is_only_read_is_not_written() {
    for format in ["trc", "iopddl", "xla", "tflite"] {
        let ran = adapt(&[("x.csv", b"")], &["x.csv", "-", "--to", format]);
        refused(&ran, &[format, "only read"]);
    }
}

proptest! {
    #[test]
    fn a_dump_or_problem_with_a_byte_changed_is_read_or_refused_without_a_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let change = |mut bytes: Vec<u8>| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        };
        let _ = input::load(&change(sample_bytes("contest.json"))[..], Format::Iopddl, Offsets::Ignored);
        let assignment = change(sample_bytes("scan-buffer-assignment.txt"));
        let ranges = LiveRanges::read(&change(sample_bytes("scan-live-range.txt"))[..]);
        let Ok(ranges) = ranges else { return Ok(()) };
        if let Ok(mut rows) = xla::Reader::new(&assignment[..], &ranges, xla::Choice::All) {
            while let Ok(Some(mut row)) = rows.next_row() {
                let _ = Gate::default().admit(&mut row.job);
            }
        }
    }
}

#[test]
fn an_option_of_another_format_is_refused() {
    let jobs = "id,lower,upper,size\n0,0,3,4\n";
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("jobs.csv"), jobs).expect("a file");
    for option in [
        ["--clock", "events"],
        ["--size", "requested"],
        ["--usage", "first"],
        ["--allocation", "all"],
        ["--log", "jobs.csv"],
    ] {
        let arguments = [&["jobs.csv", "jobs.plc"], &option[..]].concat();
        let ran = tests::run_in(folder.path(), "adapt", &arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains(option[0]), "{}", ran.err);
        assert!(!folder.path().join("jobs.plc").exists());
    }
}
