//! The report on traces that are not the whole truth: every figure that is no more than a
//! bound, or no more than what was seen, says so.

use common::trace::{Call, Note};
use serde_json::Value;
use tests::{folder, run_in, traces};

/// A trace that begins with a note and holds a block of 100 KiB, the free of an unknown
/// block, and a block over a live one.
fn trace(first: &[Call], last: &[Call]) -> Vec<u8> {
    let block = |pointer| {
        let mut block = traces::block(pointer, 102_400);
        block.mapping_base = 0x7f00_0000_0000;
        Call::Malloc {
            requested: 102_400,
            block,
        }
    };
    let process = Note::Process {
        id: 7,
        parent: 6,
        started: 1,
        page: 4096,
    };
    let resident = Note::Resident {
        bytes: 1 << 20,
        anonymous: 0,
        most: 1 << 20,
    };
    let calls = [
        block(0x7f00_0000_1000),
        traces::free(0x9010),
        block(0x7f00_0000_1000),
        resident.call(7),
    ];
    traces::of([&[process.call(7)], first, &calls, last].concat())
}

fn partial(reason: u64) -> Call {
    Note::Partial { reason }.call(7)
}

/// The first lines, and the JSON.
fn told(bytes: Vec<u8>) -> (String, Value) {
    let files = folder(&[("a.trc", bytes)]);
    let text = run_in(files.path(), "report", &["a.trc"], b"");
    assert_eq!(text.code, 0, "{}", text.err);
    let json = run_in(files.path(), "report", &["a.trc", "--format", "json"], b"");
    let json = serde_json::from_str(&json.out).expect("JSON");
    (text.out, json)
}

#[test]
fn a_trace_that_stops_tells_the_least_of_every_peak() {
    let unfinished = [trace(&[], &[]), vec![0; 10_000]].concat();
    for (bytes, reason, resident) in [
        (
            trace(&[], &[partial(2)]),
            "stopped for lack of space",
            "at least",
        ),
        (trace(&[], &[partial(3)]), "stopped at a limit", "at least"),
        (trace(&[partial(4)], &[]), "started and stopped", "at most"),
        (unfinished, "its end is missing", "at least"),
    ] {
        let (text, json) = told(bytes);
        assert!(text.contains("\npartial        "), "{text}");
        assert!(text.contains(reason), "{text}");
        assert!(
            text.contains("\npeak live      100 KiB at least, "),
            "{text}"
        );
        assert!(
            text.contains("\npeak held      104 KiB at least, "),
            "{text}"
        );
        assert!(
            text.contains(&format!("; resident 1.00 MiB {resident}\n")),
            "{text}"
        );
        assert!(
            text.contains("\ncould save     as far as recorded, "),
            "{text}"
        );
        assert!(text.contains("at most, as far as recorded, "), "{text}");
        assert!(text.contains(" touched, as far as recorded\n"), "{text}");
        assert_eq!(json["memory"]["coverage"], "at_least");
        assert_eq!(json["process"]["partial"].as_array().map(Vec::len), Some(1));
        // What is odd stays odd.
        assert_eq!(json["trace"]["oddities"].as_array().map(Vec::len), Some(2));
        assert_eq!(json["trace"]["unseen"]["births"], 0);
    }
}

#[test]
fn where_calls_pass_by_figures_are_of_what_was_recorded() {
    let (text, json) = told(trace(&[partial(1)], &[]));
    let first =
        "\npartial        calls pass the tracer by: 1 birth and 1 end of blocks are known\n";
    assert!(text.contains(first), "{text}");
    assert!(
        text.contains("\npeak live      100 KiB recorded, "),
        "{text}"
    );
    assert!(
        text.contains("\npeak held      104 KiB recorded, "),
        "{text}"
    );
    assert!(text.contains("; resident 1.00 MiB at most\n"), "{text}");
    assert!(
        text.contains("\nnot seen       1 birth and 1 end of blocks\n"),
        "{text}"
    );
    assert!(!text.contains("\nodd "), "{text}");
    assert_eq!(json["memory"]["coverage"], "recorded");
    let trace = &json["trace"];
    assert_eq!(trace["oddities"].as_array().map(Vec::len), Some(0));
    assert_eq!(trace["unseen"]["births"], 1);
    assert_eq!(trace["unseen"]["ends"], 1);
}

#[test]
fn a_trace_that_is_whole_says_nothing_of_it() {
    let (text, json) = told(trace(&[], &[]));
    assert!(!text.contains("partial"), "{text}");
    assert!(!text.contains("recorded, "), "{text}");
    assert_eq!(json["memory"]["coverage"], "whole");
}

#[test]
fn of_many_processes_those_with_a_partial_trace_are_marked() {
    let files = folder(&[
        ("a.trc", trace(&[], &[])),
        ("b.trc", trace(&[partial(1)], &[])),
        ("c.trc", vec![0; 4096]),
        ("d.trc", Vec::new()),
    ]);
    let names = ["a.trc", "b.trc", "c.trc", "d.trc"];
    let ran = run_in(files.path(), "report", &names, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ends = |end: &str| ran.out.lines().filter(|line| line.ends_with(end)).count();
    assert_eq!(ends(" a.trc"), 1, "{}", ran.out);
    assert_eq!(ends(" b.trc (partial)"), 1, "{}", ran.out);
    assert_eq!(ends(" c.trc (partial)"), 1, "{}", ran.out);
    assert_eq!(ends(" d.trc"), 1, "{}", ran.out);
}

#[test]
fn a_trace_of_zeros_and_an_empty_one_are_reported_with_a_clear_word() {
    let (text, json) = told(vec![0; 70_000]);
    let begin = "program        not recorded (no allocation)\n\
                 partial        killed, or goes on: its end is missing\n";
    assert!(text.starts_with(begin), "{text}");
    assert_eq!(json["memory"]["coverage"], "at_least");
    let (text, json) = told(Vec::new());
    assert!(
        text.starts_with("program        not recorded: the trace is empty\n"),
        "{text}"
    );
    assert_eq!(json["process"], Value::Null);
    assert_eq!(json["memory"]["coverage"], "whole");
}
