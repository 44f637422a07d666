//! `adapt`, of traces that are not the whole truth.

use common::trace::{Call, Note};
use tests::{Ran, folder, run_in, traces};

fn adapt(files: &tempfile::TempDir, arguments: &[&str]) -> Ran {
    run_in(files.path(), "adapt", arguments, b"")
}

fn partial(reason: u64) -> Call {
    Note::Partial { reason }.call(7)
}

/// Two blocks whose birth is missing, one of them reallocated, and one whose end is.
fn halves() -> [Call; 5] {
    let realloc = Call::Realloc {
        old: 0x8000,
        requested: 40,
        block: traces::block(0x3010, 40),
    };
    [
        traces::malloc(10, 0x1010),
        traces::free(0x9010),
        traces::malloc(10, 0x1010),
        realloc,
        traces::free(0x1010),
    ]
}

fn trace(before: &[Call], after: &[Call]) -> Vec<u8> {
    let process = Note::Process {
        id: 7,
        parent: 6,
        started: 1,
        page: 4096,
    };
    let calls = [&[process.call(7)], before, after].concat();
    traces::of(calls)
}

#[test]
fn where_calls_pass_by_blocks_known_by_halves_are_nothing_odd() {
    let files = folder(&[
        ("by.trc", trace(&[partial(1)], &halves())),
        ("plain.trc", trace(&[], &halves())),
    ]);
    let ran = adapt(&files, &["by.trc", "by.plc", "--strict", "--quiet"]);
    assert_eq!(
        (ran.code, &*ran.err),
        (
            0,
            "adapt: by.trc: partial: calls pass the tracer by: 2 births and 1 end of blocks \
             are known to be missing\n"
        )
    );
    // The jobs are the same as of a trace that does not say so, which is odd.
    let ran = adapt(&files, &["plain.trc", "plain.plc"]);
    assert_eq!((ran.code, ran.err.lines().count()), (0, 4), "{}", ran.err);
    let bytes = |name: &str| std::fs::read(files.path().join(name)).expect("jobs");
    assert_eq!(bytes("by.plc"), bytes("plain.plc"));
    let ran = adapt(&files, &["plain.trc", "no.plc", "--strict"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(!files.path().join("no.plc").exists());
}

#[test]
fn a_trace_is_not_the_whole_truth_from_the_note_on_only() {
    let files = folder(&[
        ("late.trc", trace(&halves(), &[partial(1)])),
        ("space.trc", trace(&[partial(2)], &halves())),
        ("limit.trc", trace(&[partial(3)], &halves())),
        ("toggled.trc", trace(&[partial(4)], &halves())),
    ]);
    for (name, reason) in [
        ("late.trc", "calls pass the tracer by"),
        ("space.trc", "tracing stopped for lack of space"),
        ("limit.trc", "tracing stopped at a limit"),
        ("toggled.trc", "recording was started and stopped"),
    ] {
        let ran = adapt(&files, &[name, "no.plc", "--strict"]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.err);
        assert!(ran.err.contains(&format!("{name}: partial: {reason}")));
        assert!(ran.err.contains("2 x") || ran.err.contains("1 x free of an unknown"));
    }
}

#[test]
fn other_anomalies_stay_anomalies_where_calls_pass_by() {
    let mut cut = trace(&[partial(1)], &halves());
    cut.push(0x05);
    let files = folder(&[("cut.trc", cut)]);
    let ran = adapt(&files, &["cut.trc", "no.plc", "--strict"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("1 x record cut short"), "{}", ran.err);
}

#[test]
fn a_trace_killed_in_its_youth_has_no_end_however_few_zeros_follow() {
    let begun = trace(&[], &[traces::malloc(10, 0x1010)]);
    let told = "partial: killed, or goes on: its end is missing\n";
    for zeros in [1, 50, 5000, 300_000] {
        let zeros = vec![0; zeros];
        let files = folder(&[
            ("zeros.trc", zeros.clone()),
            ("young.trc", [begun.clone(), zeros].concat()),
        ]);
        let ran = adapt(&files, &["zeros.trc", "zeros.plc", "--strict"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("zeros.trc: 0 events, 0 jobs"));
        assert!(ran.err.ends_with(told), "{}", ran.err);
        let ran = adapt(&files, &["young.trc", "young.plc", "--strict"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("young.trc: 1 event, 1 job, 1 never freed"));
        assert!(ran.err.ends_with(told), "{}", ran.err);
    }
}

#[test]
fn a_trace_killed_later_has_no_end_where_much_room_or_many_events_follow_the_time() {
    let time = Note::Time {
        since: 9,
        events: 0,
    };
    let mut many = vec![time.call(7)];
    for _ in 0..600 {
        many.extend([traces::malloc(10, 0x1010), traces::free(0x1010)]);
    }
    let few = &many[..3];
    for (calls, zeros, is_killed) in [(few, 20_000, true), (&many, 100, true), (&many, 0, false)] {
        let bytes = [trace(&[], calls), vec![0; zeros]].concat();
        let files = folder(&[("a.trc", bytes)]);
        let ran = adapt(&files, &["a.trc", "a.plc", "--strict"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(
            ran.err.contains("its end is missing"),
            is_killed,
            "{}",
            ran.err
        );
    }
}

#[test]
fn an_empty_trace_and_one_that_ends_are_whole() {
    let time = Note::Time {
        since: 9,
        events: 1,
    };
    let late = [traces::malloc(10, 0x1010), time.call(7)];
    let files = folder(&[
        ("empty.trc", Vec::new()),
        // Room for what comes after the last note of the time.
        ("ends.trc", [trace(&[], &late), vec![0; 16_000]].concat()),
        // Zeros that another tool left.
        ("other.trc", [traces::of([late[0]]), vec![0; 4000]].concat()),
    ]);
    for (name, events) in [
        ("empty.trc", "0 events"),
        ("ends.trc", "1 event"),
        ("other.trc", "1 event"),
    ] {
        let ran = adapt(&files, &[name, "jobs.plc", "--strict"]);
        assert_eq!((ran.code, ran.err.lines().count()), (0, 1), "{}", ran.err);
        assert!(
            ran.err.contains(&format!("{name}: {events}, ")),
            "{}",
            ran.err
        );
    }
}
