//! What a file holds neither ends a line of what a program tells nor steers
//! the terminal, nor turns the text about it round: ids and columns may be any
//! text. Pictures and pages show it in the same way.

use std::fs;

use tempfile::TempDir;
use tests::run_in;

/// An id with a line end, an escape sequence, a character that turns the rest
/// of a line round and one that is not seen.
const ID: &str = "two\nlines\u{1b}[31m\u{202e}x\u{200b}";
const SHOWN: &str = r"two\nlines\u{1b}[31m\u{202e}x\u{200b}";

fn is_plain(told: &str) -> bool {
    let steers = |c: char| c.is_control() || "\u{202e}\u{200b}".contains(c);
    told.lines().all(|line| !line.contains(steers))
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

#[test]
fn the_tracer_names_any_trace_in_plain() {
    let folder = TempDir::new().expect("a folder");
    let arguments = ["-o", "a\u{202e}b\n.trc", "--", "true"];
    let ran = run_in(folder.path(), "idealloc-trace", &arguments, b"");
    assert_eq!((ran.code, ran.err.lines().count()), (0, 5), "{}", ran.err);
    assert!(is_plain(&ran.err), "{}", ran.err);
    assert!(
        ran.err.contains(r"next: report $'a\u202eb\n.trc' --html "),
        "{}",
        ran.err
    );
    assert!(ran.err.contains(r"wrote a\u{202e}b\n.trc ("), "{}", ran.err);
}

#[test]
fn pictures_and_pages_show_any_id_and_name_in_plain() {
    let folder = TempDir::new().expect("a folder");
    let jobs = format!("id,lower,upper,size,offset\n\"{ID}\",0,9,8,0\n");
    let name = "a\u{202e}b.csv";
    fs::write(folder.path().join(name), jobs).expect("a file");
    let arguments = [name, "--svg", "a.svg", "--html", "a.html"];
    let ran = run_in(folder.path(), "report", &arguments, b"");
    assert_eq!((ran.code, &*ran.err), (0, ""));
    assert!(is_plain(&ran.out) && ran.out.contains(SHOWN), "{}", ran.out);
    for picture in ["a.svg", "a.html"] {
        let picture = fs::read_to_string(folder.path().join(picture)).expect("a picture");
        assert!(is_plain(&picture) && picture.contains(SHOWN), "{picture}");
        assert!(picture.contains(r"a\u{202e}b.csv"), "{picture}");
    }
}

/// Names and values that would colour what follows, or begin a sequence of a terminal's.
#[test]
fn no_name_or_value_steers_a_terminal() {
    let odd = "a\u{1b}[31m\u{9b}x";
    let jobs = format!("id,lower,upper,size,no{odd}te\nq{odd}q,0,2,3,\nb,1,3,4,\n");
    let folder = tests::folder(&[(&format!("{odd}.csv"), jobs)]);
    let lines = [
        "idealloc ODD.csv -o ODD-placed.csv",
        "idealloc ODD.csv --verify ODD-placed.csv",
        "idealloc ODD.csv --capacity 3 --explain",
        "idealloc ODD.none",
        "idealloc --ODD",
        "adapt ODD.csv ODD.plc",
        "adapt ODD.csv ODD.plc --lossy",
        "report ODD-placed.csv",
        "report ODD-placed.csv ODD-placed.csv",
        "report ODD-placed.csv --against ODD-placed.csv",
        "report ODD-placed.csv --svg ODD.svg --html ODD.html",
        "report ODD",
        "idealloc-trace --report --html ODD.html -o ODD.trc -- sh -c ': ODD'",
        "idealloc-trace -o ODD.trc.zst -- sh -c ': ODD'",
        "idealloc-trace -o ODD/app.trc -- true",
        "idealloc-trace ODD",
        "report ODD.trc",
        "report ODD.trc ODD.trc",
        "adapt ODD.trc ODD.plc",
    ];
    for line in lines {
        let line = line.replace("': ODD'", &format!("': {odd}'"));
        let ran = tests::shell(folder.path(), &line.replace("ODD", &format!("'{odd}'")));
        for text in [&ran.stdout, &ran.stderr] {
            let text = String::from_utf8_lossy(text);
            let seen = text.chars().filter(|&c| c != '\n' && c != '\t');
            assert!(!seen.into_iter().any(char::is_control), "{line}: {text:?}");
        }
    }
    let mut traced = std::process::Command::new("true");
    tests::tracing::trace_to(&mut traced, folder.path().join(odd).join("app.trc"));
    let said = traced.output().expect("it starts").stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.starts_with("uncore: cannot write "));
    assert!(!said.trim_end().chars().any(char::is_control), "{said:?}");
}
