//! Bad input, given to all three programs: one clear line on standard error
//! that names the file, exit code 2, and nothing half-written.

use std::fs;
use std::path::Path;

use common::trace::Call;
use tempfile::TempDir;
use tests::{Ran, folder, run_in, traces};

/// Runs all three programs on a file; those that write get an output that
/// already exists, and must leave it alone.
fn each_program(folder: &Path, file: &str) -> [(&'static str, Ran); 3] {
    fs::write(folder.join("old.csv"), "old").expect("a file");
    let rans = [
        ("adapt", run_in(folder, "adapt", &[file, "old.csv"], b"")),
        ("report", run_in(folder, "report", &[file], b"")),
        (
            "idealloc",
            run_in(folder, "idealloc", &[file, "-o", "old.csv"], b""),
        ),
    ];
    assert_eq!(
        fs::read_to_string(folder.join("old.csv")).expect("still there"),
        "old"
    );
    let mut left: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.retain(|name| name != "old.csv" && name != file);
    assert!(left.is_empty(), "left behind: {left:?}");
    rans
}

fn all_refuse(file: &str, content: Option<&[u8]>, expected: &str) {
    let folder = TempDir::new().expect("a folder");
    if let Some(content) = content {
        fs::write(folder.path().join(file), content).expect("a file");
    }
    for (program, ran) in each_program(folder.path(), file) {
        let Ran { code, out, err } = ran;
        assert_eq!(code, 2, "{program}: {err}");
        assert_eq!(out, "", "{program}");
        assert_eq!(err.lines().count(), 1, "{program}: {err}");
        let said = err
            .trim_end()
            .rsplit(": ")
            .collect::<std::collections::HashSet<_>>()
            .len();
        assert_eq!(
            said,
            err.trim_end().rsplit(": ").count(),
            "{program} says it twice: {err}"
        );
        assert!(
            err.starts_with(&format!("{program}: {file}: ")),
            "{program}: {err}"
        );
        assert!(
            err.contains(expected),
            "{program}: {err:?} lacks {expected:?}"
        );
    }
}

fn plc(records: &[[u64; 8]]) -> Vec<u8> {
    records
        .iter()
        .flatten()
        .flat_map(|word| word.to_be_bytes())
        .collect()
}

#[test]
fn a_missing_file() {
    all_refuse("none.csv", None, "No such file");
}

#[test]
fn a_name_without_a_format() {
    all_refuse("jobs.txt", Some(b"no header\n"), "--from");
}

#[test]
fn a_folder() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("folder.csv")).expect("a folder");
    for (program, arguments) in [
        ("adapt", &["folder.csv", "x.plc"][..]),
        ("report", &["folder.csv"]),
        ("idealloc", &["folder.csv"]),
    ] {
        let ran = run_in(folder.path(), program, arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
    }
}

#[test]
fn a_file_of_another_format() {
    all_refuse(
        "jobs.trc",
        Some(b"id,lower,upper,size\n0,0,3,4\n"),
        "byte 0: 0x69",
    );
    all_refuse(
        "jobs.plc",
        Some(b"id,lower,upper,size\n0,0,3,4\n"),
        "record 1 (byte 0)",
    );
    all_refuse(
        "jobs.csv",
        Some(&plc(&[[0, 0, 2, 8, 0, 0, 0, 8]])),
        "line 1",
    );
}

#[test]
fn a_bad_sentinel() {
    let mut bytes = traces::of([traces::malloc(8, 0x1010)]);
    bytes.extend([0, 0, 0x07, 1, 2, 3]);
    all_refuse("bad.trc", Some(&bytes), "byte 43: 0x07");
}

#[test]
fn a_truncated_plc() {
    let mut bytes = plc(&[[0, 0, 2, 8, 0, 0, 0, 8], [1, 0, 2, 8, 0, 8, 0, 8]]);
    bytes.truncate(100);
    all_refuse(
        "cut.plc",
        Some(&bytes),
        "record 2 (byte 64): the file ends after 36",
    );
}

#[test]
fn a_truncated_csv() {
    all_refuse(
        "cut.csv",
        Some(b"id,lower,upper,size\n0,0,3,4\n1,0,"),
        "line 3: 3 fields",
    );
}

#[test]
fn a_missing_or_doubled_column() {
    all_refuse(
        "jobs.csv",
        Some(b"id,lower,size\n0,0,3\n"),
        "upper (exclusive) or end (inclusive)",
    );
    all_refuse(
        "jobs.csv",
        Some(b"id,lower,upper,end,size\n0,0,3,3,1\n"),
        "\"upper\" and \"end\"",
    );
}

#[test]
fn a_duplicate_id() {
    all_refuse(
        "twice.csv",
        Some(b"id,lower,upper,size\nx,0,3,4\nx,0,3,4\n"),
        "line 3: duplicate id x",
    );
    let bytes = plc(&[[7, 0, 2, 8, 0, 0, 0, 8], [7, 0, 2, 8, 0, 8, 0, 8]]);
    all_refuse(
        "twice.plc",
        Some(&bytes),
        "record 2 (byte 64): duplicate id 7",
    );
}

#[test]
fn a_size_of_zero() {
    all_refuse(
        "zero.csv",
        Some(b"id,lower,upper,size\n5,0,3,0\n"),
        "line 2: job 5: size is 0",
    );
    let bytes = plc(&[[5, 0, 2, 0, 0, 0, 0, 0]]);
    all_refuse(
        "zero.plc",
        Some(&bytes),
        "record 1 (byte 0): job 5: size is 0",
    );
}

#[test]
fn a_death_that_is_not_after_the_birth() {
    all_refuse(
        "dead.csv",
        Some(b"id,lower,upper,size\n5,3,3,1\n"),
        "death 3 is not after birth 3",
    );
    let bytes = plc(&[[5, 4, 2, 1, 0, 0, 0, 1]]);
    all_refuse("dead.plc", Some(&bytes), "death 2 is not after birth 4");
}

#[test]
fn an_alignment_of_zero_and_a_value_that_is_no_number() {
    all_refuse(
        "a.csv",
        Some(b"id,lower,upper,size,alignment\n5,0,3,1,0\n"),
        "alignment is 0",
    );
    all_refuse(
        "a.csv",
        Some(b"id,lower,upper,size\n5,0,3,1.5\n"),
        "column size: \"1.5\"",
    );
    all_refuse(
        "a.csv",
        Some(b"id,lower,upper,size\n5,-1,3,1\n"),
        "column lower: \"-1\"",
    );
}

#[test]
fn sums_that_overflow() {
    let csv = b"id,lower,upper,size\n0,0,3,9223372036854775807\n1,0,3,9223372036854775807\n";
    all_refuse("sum.csv", Some(csv), "line 3: job 1: the sum of all sizes");
    all_refuse(
        "sum.csv",
        Some(b"id,lower,upper,size\n0,0,3,18446744073709551615\n"),
        "2^63 - 1",
    );
    let half = 1 << 62;
    let bytes = plc(&[[0, 0, 2, half, 0, 0, 0, 1], [1, 0, 2, half, 0, 0, 0, 1]]);
    all_refuse(
        "sum.plc",
        Some(&bytes),
        "record 2 (byte 64): job 1: the sum of all sizes",
    );
    let both = traces::of([0x1010, 0x1020].map(|pointer| traces::malloc(1 << 62, pointer)));
    all_refuse("sum.trc", Some(&both), "byte 41");
    let call = Call::Calloc {
        count: 1 << 40,
        element_size: 1 << 40,
        block: traces::block(0x1010, 24),
    };
    all_refuse("sum.trc", Some(&traces::of([call])), "overflows");
}

#[test]
fn gaps_outside_the_lifetime() {
    let csv = b"id,lower,upper,size,gaps\n0,2,9,3,1-4\n";
    all_refuse(
        "gap.csv",
        Some(csv),
        "line 2: job 0: gap 1-4 is not inside the lifetime",
    );
    let csv = b"id,lower,upper,size,gaps\n0,2,9,3,3-4@0:4\n";
    all_refuse("gap.csv", Some(csv), "window");
}

#[test]
fn a_damaged_gzip() {
    let cut = "byte 7: compressed file cut short";
    all_refuse("bad.trc.gz", Some(&[0x1f, 0x8b, 8, 0, 1, 2, 3]), cut);
    let damaged = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff];
    all_refuse("bad.trc.gz", Some(&damaged), "unpacked byte 0: ");
}

#[test]
fn a_compressed_file_cut_before_anything_comes_of_it() {
    let jobs: String = (0..400).map(|id| format!("{id},{id},999,8\n")).collect();
    let jobs = format!("id,lower,upper,size\n{jobs}");
    let packed = zstd::encode_all(jobs.as_bytes(), 1).expect("memory");
    for length in [4, 5, 9, 20, packed.len() - 1] {
        for name in ["cut.csv.zst", "cut.plc.zst"] {
            let cut = format!("byte {length}: compressed file cut short");
            all_refuse(name, Some(&packed[..length]), &cut);
        }
    }
    // Of a trace, what came of it before counts: here, nothing did.
    let cut = "byte 20: compressed file cut short";
    all_refuse("cut.trc.zst", Some(&packed[..20]), cut);
}

#[test]
fn fixed_offsets_in_conflict_name_both_jobs() {
    let folder = TempDir::new().expect("a folder");
    let csv = "id,lower,upper,size,offset\na,0,3,4,0\nb,1,3,4,2\n";
    fs::write(folder.path().join("pins.csv"), csv).expect("a file");
    let ran = run_in(folder.path(), "idealloc", &["pins.csv"], b"");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("jobs a and b overlap at time 1"),
        "{}",
        ran.err
    );
    // The same offsets as a placement: the report's answer is no.
    let ran = run_in(folder.path(), "report", &["pins.csv"], b"");
    assert_eq!(ran.code, 1);
    assert!(
        ran.out
            .starts_with("placement      INVALID: jobs a and b overlap"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("jobs a and b overlap"), "{}", ran.err);
}

#[test]
fn a_cut_trace_is_used_up_to_the_cut() {
    let folder = TempDir::new().expect("a folder");
    let mut bytes = traces::of([traces::malloc(8, 0x1010); 2]);
    bytes.truncate(60);
    fs::write(folder.path().join("cut.trc"), bytes).expect("a file");
    let ran = run_in(folder.path(), "adapt", &["cut.trc", "cut.plc"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("1 x record cut short") && ran.err.contains("byte 41"),
        "{}",
        ran.err
    );
    assert_eq!(
        fs::read(folder.path().join("cut.plc"))
            .expect("written")
            .len(),
        64
    );
    fs::remove_file(folder.path().join("cut.plc")).expect("removed");
    let ran = run_in(
        folder.path(),
        "adapt",
        &["cut.trc", "cut.plc", "--strict"],
        b"",
    );
    assert_eq!(ran.code, 2);
    assert!(!folder.path().join("cut.plc").exists());
}

#[test]
fn empty_files_are_zero_jobs_to_every_program_a_csv_only_where_allowed() {
    for (file, content, allow) in [
        ("empty.trc", "", &[][..]),
        ("empty.plc", "", &[]),
        ("header.csv", "id,lower,upper,size\n", &[]),
        ("empty.csv", "", &["--allow-empty"]),
        (
            "comments.csv",
            "\n# id,lower,upper,size\n",
            &["--allow-empty"],
        ),
    ] {
        let folder = folder(&[(file, content)]);
        let run = |program, arguments: &[&str]| {
            run_in(folder.path(), program, &[arguments, allow].concat(), b"")
        };
        let ran = run("adapt", &[file, "out.plc"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let written = fs::read(folder.path().join("out.plc")).expect("written");
        assert_eq!(written, b"");
        assert_eq!(run("report", &[file]).code, 0);
        let ran = run("idealloc", &[file, "-o", "out.csv"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let written = fs::read_to_string(folder.path().join("out.csv")).expect("written");
        assert_eq!(written, "id,lower,upper,size,offset\n");
    }
}

#[test]
fn a_csv_without_a_header() {
    for (content, line) in [("", 1), ("\r\n# id,lower,upper,size\r\n", 3)] {
        let told = format!("line {line}: empty: there is no header line; --allow-empty");
        all_refuse("empty.csv", Some(content.as_bytes()), &told);
        let packed = zstd::encode_all(content.as_bytes(), 1).expect("memory");
        all_refuse("empty.csv.zst", Some(&packed), &told);
    }
}

#[test]
fn a_misspelt_column_that_is_needed_is_named() {
    for (header, told) in [
        ("id;begin_time;upper;size", "is it \"begin_time\"?"),
        ("id,lower,upper,Sizes", "no column size in the header"),
        ("id\tlower\tend_time\tsize", "is it \"end_time\"?"),
        ("idx,lower,upper,size", "is it \"idx\"?"),
        (
            "ID,lower,upper,id,size",
            "columns \"ID\" and \"id\" mean the same",
        ),
    ] {
        let text = format!("# a comment\n\n{header}\n");
        all_refuse("jobs.csv", Some(text.as_bytes()), told);
        all_refuse("jobs.csv", Some(text.as_bytes()), "line 3: ");
    }
}

#[test]
fn decimal_commas_fractions_and_vectors_of_times() {
    for (row, told) in [
        ("a;0;3;1,5", "column size: \"1,5\" is not a whole number"),
        ("a;0;3.5;1", "column upper: \"3.5\" is not a whole number"),
        ("a;0;3;1e19", "column size: \"1e19\" is not a whole number"),
        (
            "a;0:1;3:1;1",
            "column lower: \"0:1\" is not one time but a vector of several clocks",
        ),
        (
            "a;0;3:1;1",
            "column upper: \"3:1\" is not one time but a vector of several clocks",
        ),
    ] {
        for end in ["", "\n", "\n\n# the end"] {
            let text = format!("id;lower;upper;size\n# one\n\n  \n{row}{end}");
            all_refuse(
                "jobs.csv",
                Some(text.as_bytes()),
                &format!("line 5: {told}"),
            );
        }
    }
    let bad_text = b"id;lower;upper;size\n# one\n\n\xff;0;3;1\n";
    all_refuse(
        "jobs.csv",
        Some(bad_text),
        "line 4: field 1 is not UTF-8 text",
    );
}

#[test]
fn an_option_on_lifetimes_that_contradicts_the_header_or_is_for_no_csv() {
    let jobs = plc(&[[0, 0, 2, 8, 0, 0, 0, 8]]);
    let upper = b"id,lower,upper,size\na,0,3,4\n";
    let folder = folder(&[("x.csv", &upper[..]), ("x.plc", &jobs)]);
    for (program, output) in [
        ("adapt", &["y.csv"][..]),
        ("report", &[]),
        ("idealloc", &[]),
    ] {
        let arguments = [&["x.csv", "--lifetimes", "inclusive"], output].concat();
        let ran = run_in(folder.path(), program, &arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        let told = format!("{program}: x.csv: line 1: an \"upper\" is exclusive, and lifetimes");
        assert!(ran.err.starts_with(&told), "{}", ran.err);
        let arguments = [&["x.csv", "--lifetimes", "half-open"], output].concat();
        let ran = run_in(folder.path(), program, &arguments, b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    for option in [&["--lifetimes", "inclusive"][..], &["--allow-empty"]] {
        let arguments = [&["x.plc", "z.csv"], option].concat();
        let ran = run_in(folder.path(), "adapt", &arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains("is for csv only"), "{}", ran.err);
    }
}

#[test]
fn how_a_csv_is_read_is_told_once_by_every_program_unless_quiet() {
    let text = "ID;Start;End;Size;align\na;0;2;4;8\nb;2;4;4;8\n";
    let folder = folder(&[("x.csv", text)]);
    for (program, output) in [
        ("adapt", &["y.csv"][..]),
        ("report", &[]),
        ("idealloc", &["-o", "y.csv"]),
    ] {
        let run = |options: &[&str]| {
            let arguments = [&["x.csv"], output, options].concat();
            let ran = run_in(folder.path(), program, &arguments, b"");
            assert_eq!(ran.code, 0, "{}", ran.err);
            ran.err
        };
        let told = run(&[]);
        for what in [
            "\"end\" is read as the last instant",
            "did you mean \"alignment\"?",
        ] {
            assert_eq!(told.matches(what).count(), 1, "{told}");
        }
        assert_eq!(run(&["--quiet"]), "");
        assert!(!run(&["--lifetimes", "half-open"]).contains("last instant"));
    }
    // What is written says what it is.
    let written = fs::read_to_string(folder.path().join("y.csv")).expect("written");
    assert_eq!(
        written,
        "id,start,upper,size,align,offset\na,0,2,4,8,0\nb,2,4,4,8,0\n"
    );
    for placement in ["report", "idealloc"] {
        let arguments = match placement {
            "report" => &["y.csv", "--lifetimes", "half-open"][..],
            _ => &["x.csv", "--lifetimes", "half-open", "--verify", "y.csv"],
        };
        let ran = run_in(folder.path(), placement, arguments, b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let ran = run_in(
        folder.path(),
        "idealloc",
        &["x.csv", "--verify", "y.csv"],
        b"",
    );
    assert_eq!(ran.code, 1, "inclusive, they live longer: {}", ran.err);
}

#[test]
fn bad_usage_exits_with_2() {
    let folder = TempDir::new().expect("a folder");
    for (program, arguments) in [
        ("adapt", &["x.csv"][..]),
        ("report", &["--format", "xml", "x.csv"]),
        ("idealloc", &["x.csv", "--start", "many"]),
        ("idealloc", &["x.csv", "--timeout", "-1s"]),
        ("idealloc", &["x.csv", "-o", "y.trc"]),
    ] {
        assert_eq!(
            run_in(folder.path(), program, arguments, b"").code,
            2,
            "{program} {arguments:?}"
        );
    }
}

#[test]
fn an_output_that_cannot_be_made_is_told() {
    let folder = folder(&[("x.csv", b"id,lower,upper,size\n0,0,3,4\n")]);
    for (program, arguments) in [
        ("adapt", &["x.csv", "no/such/folder.plc"][..]),
        ("idealloc", &["x.csv", "-o", "no/such/folder.csv"]),
    ] {
        let ran = run_in(folder.path(), program, arguments, b"");
        assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
        assert!(ran.err.contains("no/such/folder"), "{}", ran.err);
    }
}

#[test]
fn blank_lines_and_quoted_line_ends_are_counted_in_line_numbers() {
    all_refuse(
        "a.csv",
        Some(b"id,lower,upper,size\n\n\n0,0,3,4\n\n1,0,3,x\n"),
        "line 6: column size",
    );
    all_refuse(
        "a.csv",
        Some(b"id,lower,upper,size\r\n\r\n0,0,3,4\r\n1,0,3,x\r\n"),
        "line 4: column size",
    );
    all_refuse(
        "a.csv",
        Some(b"id,lower,upper,size\n\"a\nb\",0,3,4\n1,0,3,x\n2,0,3,4\n"),
        "line 4: column size",
    );
}

#[test]
fn sums_with_pins_groups_and_start_that_overflow() {
    let folder = TempDir::new().expect("a folder");
    let mut groups = String::from("id,lower,upper,size,alignment,group\n");
    for group in 0..6 {
        groups += &format!("{},0,3,8,2147483647,{group}\n", 2 * group);
        groups += &format!("{},0,3,8,2147483648,{group}\n", 2 * group + 1);
    }
    let pins = "id,lower,upper,size,alignment,offset\n0,0,3,8,1,0\n1,0,3,8,1,9223372036854775000\n2,0,3,4096,4096,\n";
    for (csv, start) in [(groups.as_str(), "0"), (pins, "9223372036854775807")] {
        fs::write(folder.path().join("x.csv"), csv).expect("a file");
        for timeout in ["0", "100ms"] {
            let arguments = ["x.csv", "--start", start, "--timeout", timeout];
            let ran = run_in(folder.path(), "idealloc", &arguments, b"");
            assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
            assert!(ran.err.starts_with("idealloc: x.csv: "), "{}", ran.err);
        }
    }
}

#[test]
fn a_group_takes_the_pin_of_its_member() {
    let folder = TempDir::new().expect("a folder");
    let run = |csv: &str| {
        fs::write(folder.path().join("x.csv"), csv).expect("a file");
        run_in(folder.path(), "idealloc", &["x.csv"], b"")
    };
    let ran = run("id,lower,upper,size,group,offset\na,0,3,4,g,0\nb,3,6,4,g,\nc,3,6,4,,2\n");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("fixed offsets conflict") && ran.err.contains("b and c"),
        "{}",
        ran.err
    );
    let ran = run("id,lower,upper,size,alignment,group,offset\na,0,3,4,1,g,8\nb,3,6,4,16,g,\n");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("job b is fixed at offset 8"),
        "{}",
        ran.err
    );
    let ran = run("id,lower,upper,size,group,offset\na,0,3,4,g,8\nb,3,6,40,g,\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.err.contains("optimal") && ran.err.contains("makespan       48 bytes"),
        "{}",
        ran.err
    );
}

#[test]
fn what_a_plc_cannot_hold_is_told_before_the_search() {
    let folder = folder(&[("x.csv", b"id,lower,upper,size\nx,0,3,4\n")]);
    let ran = run_in(folder.path(), "idealloc", &["x.csv", "-o", "x.plc"], b"");
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("x.csv: job x: a .plc cannot hold"),
        "{}",
        ran.err
    );
    let ran = run_in(folder.path(), "idealloc", &["x.csv", "-o", "x.csv.gz"], b"");
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{}", ran.err);
    assert!(!folder.path().join("x.csv.gz").exists());
}

#[test]
fn full_devices_end_without_a_panic() {
    let folder = folder(&[(
        "x.csv",
        b"id,lower,upper,size,offset\n0,0,3,4,0\n1,0,3,4,0\n",
    )]);
    let bin = tests::built().display();
    for (script, expected) in [
        (format!("'{bin}/report' x.csv 2>/dev/full"), 1),
        (format!("'{bin}/report' none.csv 2>/dev/full"), 2),
        (format!("'{bin}/report' x.csv >/dev/full"), 2),
        (
            format!("'{bin}/idealloc' x.csv --ignore-offsets -o y.csv >/dev/full"),
            2,
        ),
        (
            format!("'{bin}/idealloc' x.csv --ignore-offsets --verify x.csv >/dev/full"),
            2,
        ),
        (format!("'{bin}/adapt' x.csv y.plc --lossy 2>/dev/full"), 0),
    ] {
        let ran = std::process::Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", &script])
            .output()
            .expect("sh runs");
        assert_eq!(
            ran.status.code(),
            Some(expected),
            "{script}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}
