//! `report` of several files: a line each, or an array of reports.

use serde_json::Value;
use tempfile::TempDir;
use tests::tracing::library;
use tests::{folder, run_in, shell, traces};

fn trace(blocks: u64) -> Vec<u8> {
    traces::of((0..blocks).map(|block| traces::malloc(1000, 0x10000 + 4096 * block)))
}

/// Traces of three sizes, and a placement.
fn files() -> TempDir {
    let folder = folder(&[
        ("a.trc", trace(10)),
        ("a.trc.11", trace(30)),
        ("a.trc.12", trace(20)),
    ]);
    let placement = "id,lower,upper,size,offset\n0,0,2,64,0\n1,1,3,64,64\n";
    std::fs::write(folder.path().join("p.csv"), placement).expect("a file");
    folder
}

#[test]
fn a_line_each_the_largest_first() {
    let folder = files();
    let inputs = ["a.trc", "p.csv", "a.trc.11", "a.trc.12"];
    let ran = run_in(folder.path(), "report", &inputs, b"");
    assert_eq!((ran.code, &*ran.err), (0, ""), "{}", ran.out);
    let lines: Vec<Vec<&str>> = ran
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0].join(" "),
        "process parent command events peak live peak held least file"
    );
    let files: Vec<_> = lines[1..]
        .iter()
        .map(|row| *row.last().expect("a file"))
        .collect();
    assert_eq!(files, ["a.trc.11", "a.trc.12", "a.trc", "p.csv"]);
    assert_eq!(lines[1][..4], ["-", "-", "-", "30"]);
    // Of what is no trace: LOAD, the makespan, the bound.
    assert_eq!(
        lines[4].join(" "),
        "- - - - 128 B 128 B 128 B p.csv",
        "{}",
        ran.out
    );
    // A shell that finds one file only gets the report that it always got.
    let one = run_in(folder.path(), "report", &["a.trc"], b"");
    assert!(one.out.contains("\nevents "), "{}", one.out);
}

#[test]
fn real_processes_are_told_by_their_names() {
    let folder = TempDir::new().expect("a folder");
    let line = format!(
        "TRACEFILE=$PWD/app.trc LD_PRELOAD={} sh -c 'ls; ls -l' >out && report app.trc*",
        library().display()
    );
    let ran = shell(folder.path(), &line);
    assert!(ran.status.success(), "{ran:?}");
    let out = String::from_utf8(ran.stdout).expect("text");
    assert_eq!(out.lines().count(), 4, "{out}");
    for command in ["  sh -c 'ls; ls...", "  ls  ", "  ls -l  "] {
        assert!(out.contains(command), "{command}: {out}");
    }
}

#[test]
fn json_of_several_is_an_array_and_of_one_an_object() {
    let folder = files();
    let json = |inputs: &[&str]| -> Value {
        let arguments = [inputs, &["--format", "json"]].concat();
        let ran = run_in(folder.path(), "report", &arguments, b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).expect("JSON")
    };
    let one = json(&["a.trc.12"]);
    let several = json(&["a.trc", "a.trc.12"]);
    let several = several.as_array().expect("an array");
    assert_eq!(several.len(), 2);
    assert_eq!(several[0]["file"], "a.trc.12");
    assert_eq!(several[1]["file"], "a.trc");
    let mut first = several[0].clone();
    first.as_object_mut().expect("an object").remove("file");
    assert_eq!(first, one);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_listed() {
    let folder = files();
    std::fs::write(folder.path().join("bad.trc"), "no trace").expect("a file");
    let inputs = ["a.trc", "none.trc", "bad.trc", "a.trc.11"];
    let ran = run_in(folder.path(), "report", &inputs, b"");
    assert_eq!((ran.code, ran.err.lines().count()), (2, 2), "{}", ran.err);
    assert!(ran.err.contains("report: none.trc: "), "{}", ran.err);
    assert!(ran.err.contains("report: bad.trc: byte 0: "), "{}", ran.err);
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    let ran = run_in(folder.path(), "report", &["none.trc", "no.trc"], b"");
    assert_eq!((ran.code, &*ran.out), (2, ""));
}

#[test]
fn the_exit_code_tells_of_any_placement_that_is_not_valid() {
    let folder = files();
    let invalid = "id,lower,upper,size,offset\n0,0,2,64,0\n1,1,3,64,0\n";
    std::fs::write(folder.path().join("i.csv"), invalid).expect("a file");
    let ran = run_in(folder.path(), "report", &["i.csv", "p.csv", "-q"], b"");
    assert_eq!((ran.code, &*ran.out), (1, ""));
    assert!(
        ran.err
            .starts_with("report: i.csv: the placement is not valid")
    );
}

#[test]
fn what_is_for_one_input_is_refused_with_several() {
    let folder = files();
    for option in ["--against", "--svg", "--html"] {
        let arguments = ["a.trc", "a.trc.11", option, "x.html"];
        let ran = run_in(folder.path(), "report", &arguments, b"");
        assert_eq!((ran.code, &*ran.out), (2, ""));
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.contains(&format!("{option} is for one input")));
    }
    assert!(!folder.path().join("x.html").exists());
    let ran = run_in(folder.path(), "report", &["-", "-", "--from", "trc"], b"");
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
}
