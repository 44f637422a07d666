//! Wrong usage of any program is told on one line that says what is wrong and
//! what to do next, as every other error is.

use std::path::Path;

use tests::run_in;

/// Every program, those of the benchmarks too.
const PROGRAMS: [&str; 11] = [
    "adapt",
    "report",
    "idealloc",
    "idealloc-trace",
    "benches",
    "generate",
    "exact",
    "boxing",
    "tracer",
    "adapt-bench",
    "report-bench",
];

fn is_refused(program: &str, arguments: &[&str], expected: &str) {
    let ran = run_in(Path::new("/"), program, arguments, b"");
    assert_eq!((ran.code, &*ran.out), (2, ""), "{program}: {}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.starts_with(&format!("{program}: ")), "{}", ran.err);
    assert!(ran.err.contains(expected), "{}", ran.err);
    let next = format!("; try '{program} --help'\n");
    assert!(ran.err.ends_with(&next), "{}", ran.err);
}

#[test]
fn an_unknown_option_is_told_on_one_line() {
    for program in PROGRAMS {
        is_refused(program, &["--foo"], "unexpected argument '--foo'");
    }
}

#[test]
fn what_is_missing_is_told_on_one_line() {
    is_refused("adapt", &[], "<INPUT>, <OUTPUT>");
    is_refused("report", &[], "<INPUT>");
    is_refused("idealloc", &[], "<INPUT>");
    is_refused("idealloc-trace", &[], "<PROGRAM>...");
    is_refused("generate", &["random"], "<JOBS>");
    is_refused("benches", &[], "a subcommand is missing");
    is_refused("benches", &["compare"], "--output <FILE>");
}

#[test]
fn a_wrong_value_is_told_on_one_line_whatever_it_holds() {
    is_refused("report", &["x.csv", "--format", "tea"], "'tea'");
    is_refused("report", &["x.csv", "--start", "1\n2"], r"'1\n2'");
    is_refused("idealloc", &["x.csv", "--timeout", "soon"], "'soon'");
    is_refused(
        "adapt",
        &["x", "y", "--clock", "tea"],
        "[possible values: bytes, events]",
    );
    is_refused("tracer", &["many"], "'many'");
    is_refused("report", &["x.csv", "--formta", "json"], "'--format'");
}
