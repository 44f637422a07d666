//! What a file holds neither ends a line of what a program tells nor steers
//! the terminal: ids and columns may be any text.

use std::fs;

use tempfile::TempDir;
use tests::run_in;

/// An id with a line end and an escape sequence.
const ID: &str = "two\nlines\u{1b}[31m";
const SHOWN: &str = r"two\nlines\u{1b}[31m";

fn is_plain(told: &str) -> bool {
    told.lines().all(|line| !line.contains(char::is_control))
}

#[test]
fn an_error_about_any_id_is_one_line() {
    let folder = TempDir::new().expect("a folder");
    let twice = format!("id,lower,upper,size\n\"{ID}\",0,9,1\n\"{ID}\",0,9,1\n");
    fs::write(folder.path().join("twice.csv"), twice).expect("a file");
    for (program, arguments) in [
        ("adapt", &["twice.csv", "x.csv"][..]),
        ("adapt", &["twice.csv", "x.plc"]),
        ("report", &["twice.csv"]),
        ("idealloc", &["twice.csv"]),
    ] {
        let ran = run_in(folder.path(), program, arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(is_plain(&ran.err), "{}", ran.err);
        assert!(ran.err.contains(SHOWN), "{}", ran.err);
    }
}

#[test]
fn a_note_about_any_column_is_one_line() {
    let folder = TempDir::new().expect("a folder");
    let column = format!("id,lower,upper,size,\"{ID}\"\n1,0,9,1,x\n");
    fs::write(folder.path().join("column.csv"), column).expect("a file");
    let arguments = ["column.csv", "x.plc", "--lossy", "--quiet"];
    let ran = run_in(folder.path(), "adapt", &arguments, b"");
    assert_eq!((ran.code, ran.err.lines().count()), (0, 1), "{}", ran.err);
    assert!(is_plain(&ran.err) && ran.err.contains(SHOWN), "{}", ran.err);
}

#[test]
fn verdicts_name_any_job_on_one_line() {
    let folder = TempDir::new().expect("a folder");
    let jobs = format!("id,lower,upper,size,offset\n\"{ID}\",0,9,8,0\nb,0,9,8,4\n");
    fs::write(folder.path().join("jobs.csv"), jobs).expect("a file");
    let ran = run_in(folder.path(), "report", &["jobs.csv", "--quiet"], b"");
    assert_eq!((ran.code, ran.err.lines().count()), (1, 1), "{}", ran.err);
    assert!(is_plain(&ran.err) && ran.err.contains(SHOWN), "{}", ran.err);

    let ran = run_in(
        folder.path(),
        "idealloc",
        &["jobs.csv", "--ignore-offsets", "--verify", "jobs.csv"],
        b"",
    );
    assert_eq!((ran.code, ran.out.lines().count()), (1, 1), "{}", ran.out);
    assert!(is_plain(&ran.out) && ran.out.contains(SHOWN), "{}", ran.out);

    let question = [
        "jobs.csv",
        "--ignore-offsets",
        "--capacity",
        "9",
        "--explain",
    ];
    let ran = run_in(folder.path(), "idealloc", &question, b"");
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told = ran.out + &ran.err;
    assert!(is_plain(&told) && told.contains(SHOWN), "{told}");
}
