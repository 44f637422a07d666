//! The formats of compilers that `adapt` reads, and how it tells them.

use std::fs;
use std::path::PathBuf;

use common::format::Format;
use common::input::{self, Document, Offsets};
use common::job::JobId;
use common::text::counted;
use proptest::prelude::*;
use tempfile::TempDir;
use tests::{Ran, run_in};

use super::xla_ties::dump;

pub(super) fn sample(name: &str) -> PathBuf {
    tests::workspace().join("tests/samples").join(name)
}

pub(super) fn sample_bytes(name: &str) -> Vec<u8> {
    fs::read(sample(name)).expect("a sample")
}

/// Runs `adapt` in a folder of its own with the files given.
pub(super) fn adapt(files: &[(&str, &[u8])], arguments: &[&str]) -> Ran {
    let folder = tests::folder(files);
    run_in(folder.path(), "adapt", arguments, b"")
}

pub(super) fn sound(ran: &Ran) -> Document {
    assert_eq!(ran.code, 0, "{}", ran.err);
    input::load(ran.out.as_bytes(), Format::Csv, Offsets::Placement).expect("a sound CSV")
}

pub(super) fn refused(ran: &Ran, expected: &[&str]) {
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
pub(super) fn jobs(document: &Document) -> Vec<(u64, u64, u64, u64)> {
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
    for format in [
        "trc",
        "iopddl",
        "xla",
        "tflite",
        "pytorch",
        "iree",
        "executorch",
    ] {
        let ran = adapt(&[("x.csv", b"")], &["x.csv", "-", "--to", format]);
        refused(&ran, &[format, "only read"]);
    }
}

proptest! {
    #[test]
    fn a_problem_with_a_byte_changed_is_read_or_refused_without_a_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = sample_bytes("contest.json");
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = input::load(&bytes[..], Format::Iopddl, Offsets::Ignored);
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
        ["--hlo", "module.txt"],
        ["--device", "0"],
    ] {
        let arguments = [&["jobs.csv", "jobs.plc"], &option[..]].concat();
        let ran = tests::run_in(folder.path(), "adapt", &arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains(option[0]), "{}", ran.err);
        assert!(!folder.path().join("jobs.plc").exists());
    }
}
