//! What a number is: digits, or in a CSV a decimal that is whole, and nothing else, in every column of every format
//! of text and in options, so that no two readers take a file for different jobs.

use std::fs;
use std::path::Path;

use common::units::parse_bytes;
use tempfile::TempDir;
use tests::run_in;

/// A row with every column that holds numbers, and one of them replaced.
fn csv(column: &str, value: &str) -> String {
    let columns = [
        ("id", "0"),
        ("lower", "1"),
        ("upper", "9"),
        ("size", "8"),
        ("alignment", "2"),
        ("hint", "4"),
        ("gaps", "3-4@0:1"),
        ("heap", "16"),
        ("requested", "7"),
        ("offset", "0"),
    ];
    let names = columns.map(|(name, _)| name).join(",");
    let cells = columns.map(|(name, cell)| if name == column { value } else { cell });
    format!("{names}\n{}\n", cells.join(","))
}

fn is_refused(folder: &Path, file: &str, column: &str, value: &str) {
    for (program, arguments) in [
        ("adapt", &[file, "x.csv", "--offsets"][..]),
        ("report", &[file]),
        ("idealloc", &[file, "-o", "x.csv"]),
    ] {
        let ran = run_in(folder, program, arguments, b"");
        let told = format!("{program}: {file}: line 2: column {column}: {value:?} is not ");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.starts_with(&told), "{}", ran.err);
    }
}

#[test]
fn every_column_refuses_what_is_no_whole_number() {
    let folder = TempDir::new().expect("a folder");
    let whole = csv("", "");
    fs::write(folder.path().join("a.csv"), whole).expect("a file");
    let ran = run_in(folder.path(), "report", &["a.csv", "-q"], b"");
    assert_eq!((ran.code, &*ran.err), (0, ""));
    for column in [
        "lower",
        "upper",
        "size",
        "alignment",
        "hint",
        "heap",
        "requested",
        "offset",
    ] {
        for value in [
            "+5",
            "5.5",
            "0x5",
            "5 5",
            "5e-1",
            "٥",
            "-",
            "--5",
            "+-5",
            ".",
            ".5",
            "1e",
            "e1",
            "1e99",
            "1_000",
            "1.000.000",
            "1'000",
            "5.0.0",
            "5e1e1",
            "5e1.0",
            "-5.5",
            "nan",
            "inf",
        ] {
            fs::write(folder.path().join("b.csv"), csv(column, value)).expect("a file");
            is_refused(folder.path(), "b.csv", column, value);
        }
    }
    for value in ["+3-4@0:1", "3.5-4@0:1", "3-+4@0:1", "3-4@+0:1", "3-4@0:+1"] {
        fs::write(folder.path().join("b.csv"), csv("gaps", value)).expect("a file");
        is_refused(folder.path(), "b.csv", "gaps", value);
    }
}

#[test]
fn negative_means_none_only_where_the_format_says_so() {
    let folder = TempDir::new().expect("a folder");
    for column in ["hint", "offset"] {
        fs::write(folder.path().join("b.csv"), csv(column, "-5")).expect("a file");
        let ran = run_in(folder.path(), "adapt", &["b.csv", "x.csv"], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    for column in ["lower", "upper", "size", "alignment", "heap", "requested"] {
        fs::write(folder.path().join("b.csv"), csv(column, "-5")).expect("a file");
        is_refused(folder.path(), "b.csv", column, "-5");
    }
}

#[test]
fn dumps_and_options_refuse_signs_too() {
    let folder = TempDir::new().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).expect("a file");
    };
    let assignment = |size: &str, offset: &str| {
        format!(
            "BufferAssignment:\nallocation 0: size 8, preallocated-temp:\n \
             value: <1 a @0> (size={size},offset={offset}): f32[2]{{0}}\n"
        )
    };
    let ranges = |from: &str| format!("BufferLiveRange:\n a{{}}:{from}-4\n");
    for (size, offset, from, line) in [
        ("+8", "0", "1", "line 3"),
        ("8", "+0", "1", "line 3"),
        ("8", "0", "+1", "line 2"),
    ] {
        write("m-buffer-assignment.txt", &assignment(size, offset));
        write("m-live-range.txt", &ranges(from));
        let arguments = ["m-buffer-assignment.txt", "x.csv"];
        let ran = run_in(folder.path(), "adapt", &arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains(line), "{}", ran.err);
    }
    for heap in ["+16", "0x+10", "0x", ""] {
        let arguments = ["m.csv", "x.csv", "--heap", heap];
        let ran = run_in(folder.path(), "adapt", &arguments, b"");
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("--heap"), "{heap}: {}", ran.err);
    }
    for bytes in ["+5", "0x+5", "-5", "+5KiB"] {
        assert!(parse_bytes(bytes).is_err(), "{bytes}");
    }
}
