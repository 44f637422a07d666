//! No input of some kilobytes takes minutes or gigabytes. Each of these was quadratic
//! or unbounded once: at these sizes it would take minutes where seconds do.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tests::run_in;

/// Far more than any of these takes, far less than a quadratic one would.
const ENOUGH: Duration = Duration::from_secs(60);

/// All programs refuse the file in one line that says this.
fn all_refuse(content: &[u8], file: &str, expected: &str) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join(file), content).expect("a file");
    for (program, arguments) in [
        ("adapt", &[file, "out.csv"][..]),
        ("report", &[file]),
        ("idealloc", &[file]),
    ] {
        let begun = Instant::now();
        let ran = run_in(folder.path(), program, arguments, b"");
        let said = format!("{program}: {file}: {expected}");
        assert_eq!(
            (ran.code, ran.err.lines().count()),
            (2, 1),
            "{}",
            &ran.err[..ran.err.len().min(500)]
        );
        assert!(ran.err.starts_with(&said), "{}", ran.err);
        assert!(begun.elapsed() < ENOUGH, "{program}");
    }
}

fn packed(unpacked: &[u8]) -> Vec<u8> {
    zstd::encode_all(unpacked, 1).expect("packed")
}

#[test]
fn a_header_of_many_columns() {
    let columns = format!("id,lower,upper,size{}\n", ",x".repeat(400_000));
    let expected = "line 1: a header of 400004 columns, more than 4096; leave out";
    all_refuse(&packed(columns.as_bytes()), "x.csv.zst", expected);
}

#[test]
fn a_header_without_an_end() {
    let header = format!("id,lower,upper,size,{}", "x".repeat(64 << 20));
    let expected = "line 1: a header of more than 1048576 bytes";
    all_refuse(&packed(header.as_bytes()), "x.csv.zst", expected);
}

#[test]
fn a_row_without_an_end() {
    let header = "id,lower,upper,size\r\n0,0,3,4\r\n1,0,3,";
    for fill in ["4", ","] {
        let row = format!("{header}{}", fill.repeat(32 << 20));
        let expected = "line 3: a row of more than 16777216 bytes";
        all_refuse(&packed(row.as_bytes()), "x.csv.zst", expected);
    }
}

#[test]
fn a_cell_that_would_be_kept() {
    let long = "x".repeat((64 << 10) + 1);
    for (column, row) in [
        ("id", format!("{long},0,3,4,,")),
        ("group", format!("1,0,3,4,{long},")),
        ("colour", format!("1,0,3,4,,{long}")),
    ] {
        let csv = format!("id,lower,upper,size,group,colour\n0,0,3,4,,\n{row}\n");
        let expected = format!("line 3: column {column}: 65537 bytes, more than 65536");
        all_refuse(csv.as_bytes(), "x.csv", &expected);
    }
}

#[test]
fn names_and_nesting_of_json() {
    let long = "x".repeat((64 << 10) + 1);
    let json = format!("{{\"{long}\": 1}}");
    all_refuse(
        json.as_bytes(),
        "x.json",
        "byte 65538: a string of more than 65536 bytes",
    );
    let deep = format!("{{\"a\": {}", "[".repeat(1 << 20));
    let expected = "byte 133: more than 128 levels of lists and objects";
    all_refuse(deep.as_bytes(), "x.json", expected);
}

/// Runs a program on a file and expects it to do well soon.
fn soon(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let begun = Instant::now();
    let ran = run_in(folder, program, arguments, b"");
    assert_eq!(ran.code, 0, "{program}: {}", ran.err);
    assert!(begun.elapsed() < ENOUGH, "{program} {arguments:?}");
    ran.out + &ran.err
}

#[test]
fn one_group_of_many_jobs() {
    let folder = TempDir::new().expect("a folder");
    let mut csv = String::from("id,lower,upper,size,group\n");
    let jobs = 100_000;
    for id in 0..jobs {
        let _ = writeln!(csv, "{id},{id},{},{},g", jobs + id, 1 + id % 1000);
    }
    fs::write(folder.path().join("x.csv"), csv).expect("a file");
    let arguments = ["x.csv", "--timeout", "1s", "-o", "placed.csv"];
    let said = soon(folder.path(), "idealloc", &arguments);
    assert!(said.contains("makespan       1000 bytes"), "{said}");
    let said = soon(folder.path(), "report", &["placed.csv"]);
    assert!(said.contains("valid"), "{said}");
}

/// Ids that a multiplication by a known constant throws into one bucket.
#[test]
fn ids_that_were_made_to_collide() {
    const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;
    let inverse = (0..6).fold(1u64, |inverse, _| {
        inverse.wrapping_mul(2u64.wrapping_sub(FACTOR.wrapping_mul(inverse)))
    });
    let ids = (1u64..).map(|hash| hash.wrapping_mul(inverse));
    let ids = ids.filter(|&id| id < 1 << 57).map(|id| id << 6);
    let mut csv = String::from("id,lower,upper,size\n");
    for (at, id) in (0..200_000).zip(ids) {
        let _ = writeln!(csv, "{id},{at},{},16", at + 1);
    }
    let folder = tests::folder(&[("x.csv", csv)]);
    soon(folder.path(), "idealloc", &["x.csv", "--timeout", "1s"]);
}

/// Once more than a minute: each job looked at all others of its zone.
#[test]
fn many_equal_jobs() {
    let mut csv = String::from("id,lower,upper,size\n");
    for id in 0..400_000 {
        let _ = writeln!(csv, "{id},0,9,64");
    }
    let folder = tests::folder(&[("x.csv", csv)]);
    let said = soon(folder.path(), "idealloc", &["x.csv", "--timeout", "1s"]);
    assert!(said.contains("makespan       25600000 bytes"), "{said}");
}

/// Groups that are more than rectangles, with a hole below every other one: first fit
/// looks at all of them, and is not what a limit of no time waits for.
#[test]
fn many_groups_without_time() {
    let mut csv = String::from("id,lower,upper,size,alignment,group\n");
    for id in 0..200_000 {
        let (size, alignment) = (16 + id * 7919 % 1000 * 16, [1, 64, 4096][id % 3]);
        let _ = writeln!(csv, "{id},{},10,{size},{alignment},{}", id % 2, id / 2);
    }
    let folder = tests::folder(&[("x.csv", csv)]);
    soon(folder.path(), "idealloc", &["x.csv", "--timeout", "0"]);
}

/// What a file's jobs need is asked for, and may be refused.
#[test]
fn memory_that_is_lacking_for_the_jobs_is_one_line_that_names_the_file() {
    let mut jobs = String::from("id,lower,upper,size\n");
    for id in 0..800_000 {
        jobs += &format!("{id},{id},{},8\n", id + 2);
    }
    let folder = tests::folder(&[("jobs.csv", jobs)]);
    for tool in ["idealloc jobs.csv -q -o out.csv", "report jobs.csv -q"] {
        for limited in [
            format!("ulimit -v 60000; exec {tool}"),
            format!("exec {tool} --max-memory 40MiB"),
        ] {
            let line = format!("export RUST_BACKTRACE=0; {limited}");
            let ran = tests::shell(folder.path(), &line);
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            assert_eq!(ran.status.code(), Some(2), "{limited}: {said}");
            assert_eq!(said.lines().count(), 1, "{limited}: {said}");
            assert!(said.contains(": jobs.csv: too little memory"), "{said}");
        }
    }
}

#[test]
fn no_memory_at_all_is_refused() {
    let folder = tests::folder(&[("jobs.csv", "id,lower,upper,size\n0,0,2,3\n")]);
    for tool in ["idealloc jobs.csv", "report jobs.csv", "adapt jobs.csv -"] {
        let ran = tests::shell(folder.path(), &format!("{tool} --max-memory 0"));
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("--max-memory 0"), "{said}");
    }
}

/// Jobs each of which overlaps the next: from its end, a chain gives way link by link.
#[test]
fn a_chain_of_many_jobs() {
    let folder = TempDir::new().expect("a folder");
    let mut csv = String::from("id,lower,upper,size\n");
    for id in 0..100_000 {
        let _ = writeln!(csv, "{id},{id},{},8", id + 2);
    }
    fs::write(folder.path().join("jobs.csv"), csv).expect("a file");
    let arguments = ["jobs.csv", "-o", "placed.csv", "--timeout", "1s"];
    soon(folder.path(), "idealloc", &arguments);
}
