//! `adapt --notes`: what a trace tells beside its jobs.

use common::trace::Note;
use tests::{Ran, folder, run_in, traces};

/// Two blocks among notes.
fn trace() -> Vec<u8> {
    let mut line = [0; 32];
    line[..13].copy_from_slice(b"sh\0-c\0ls; ls\0");
    traces::of([
        Note::Process {
            id: 7,
            parent: 6,
            started: 1,
            page: 4096,
        }
        .call(7),
        Note::Program { text: line }.call(7),
        traces::malloc(100, 0x1010),
        Note::Time {
            since: 5,
            events: 1,
        }
        .call(7),
        Note::Resident {
            bytes: 8192,
            anonymous: 4096,
            most: u64::MAX,
        }
        .call(7),
        traces::malloc(50, 0x2010),
        traces::free(0x1010),
        Note::Extent {
            base: 0x1000,
            end: 0x9000,
            given_back: 0,
        }
        .call(7),
    ])
}

fn adapt(files: &tempfile::TempDir, arguments: &[&str]) -> Ran {
    run_in(files.path(), "adapt", arguments, b"")
}

#[test]
fn notes_are_rows_on_the_clock_of_the_jobs() {
    let files = folder(&[("a.trc", trace())]);
    let ran = adapt(&files, &["a.trc", "a.plc", "--notes", "notes.csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let read = |name: &str| std::fs::read_to_string(files.path().join(name)).expect("text");
    assert_eq!(
        read("notes.csv"),
        "clock,note,a,b,c,d\n\
         0,program,sh -c 'ls; ls',,,\n\
         0,process,7,6,1,4096\n\
         100,time,5,1,0,0\n\
         100,resident,8192,4096,18446744073709551615,0\n\
         150,extent,4096,36864,0,0\n"
    );
    // The other clock; to standard output.
    let arguments = ["a.trc", "b.plc", "--clock", "events", "--notes", "-"];
    let ran = adapt(&files, &arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.ends_with("\n2,extent,4096,36864,0,0\n"),
        "{}",
        ran.out
    );
    // The jobs are the same with and without.
    adapt(&files, &["a.trc", "c.plc"]);
    let bytes = |name: &str| std::fs::read(files.path().join(name)).expect("jobs");
    assert_eq!(bytes("a.plc"), bytes("c.plc"));
    // A trace without notes has the header only.
    std::fs::write(files.path().join("n.trc"), traces::of([])).expect("a file");
    adapt(&files, &["n.trc", "n.plc", "--notes", "n.csv"]);
    assert_eq!(read("n.csv"), "clock,note,a,b,c,d\n");
}

#[test]
fn what_is_no_trace_has_no_notes_and_nothing_is_written() {
    let files = folder(&[("a.csv", b"id,lower,upper,size\n0,0,3,64\n".to_vec())]);
    let ran = adapt(&files, &["a.csv", "a.plc", "--notes", "notes.csv"]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
    assert!(ran.err.contains("--notes is for trc only"), "{}", ran.err);
    assert_eq!(files.path().read_dir().expect("readable").count(), 1);
}

#[test]
fn notes_are_written_whole_or_not_at_all() {
    let odd = [trace(), traces::of([traces::free(0xbad0)])].concat();
    let corrupt = [trace(), b"no record".to_vec()].concat();
    let files = folder(&[("odd.trc", odd), ("corrupt.trc", corrupt)]);
    std::fs::write(files.path().join("notes.csv"), "old").expect("a file");
    for arguments in [
        &["odd.trc", "x.plc", "--strict", "--notes", "notes.csv"][..],
        &["corrupt.trc", "x.plc", "--notes", "notes.csv"],
        &["odd.trc", "x.plc", "--notes", "nowhere/notes.csv"],
    ] {
        let ran = adapt(&files, arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        let old = std::fs::read(files.path().join("notes.csv")).expect("it");
        assert_eq!(old, b"old");
        assert!(!files.path().join("x.plc").exists());
    }
}

#[test]
fn notes_take_the_place_of_neither_input_nor_output() {
    let files = folder(&[("a.trc", trace())]);
    for (output, notes) in [("a.plc", "a.trc"), ("a.plc", "a.plc"), ("a.plc", "./a.plc")] {
        let ran = adapt(&files, &["a.trc", output, "--notes", notes]);
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains("would replace the"), "{}", ran.err);
    }
    let ran = adapt(&files, &["a.trc", "-", "--to", "plc", "--notes", "-"]);
    assert_eq!((ran.code, &*ran.out), (2, ""), "{}", ran.err);
    assert_eq!(files.path().read_dir().expect("readable").count(), 1);
}
