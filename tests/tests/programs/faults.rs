//! Faults around the tools: full disks, folders that cannot be written, files
//! that shrink, closed pipes, too little memory, signals. Each ends in one clear
//! line and exit code 2 (a closed pipe in 0), and what stood under an output's
//! name is untouched, or wholly replaced.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tests::{built, shell};

/// Jobs side by side in time, each placed on the one before: a valid placement,
/// and more bytes in every format than any buffer holds.
fn jobs(count: u64) -> String {
    let mut text = String::from("id,lower,upper,size,offset\n");
    for id in 0..count {
        let offset = 64 * (id % 50);
        let birth = id / 50 * 10;
        text += &format!("{id},{birth},{},64,{offset}\n", birth + 10);
    }
    text
}

/// A folder with `jobs.csv`.
fn folder(count: u64) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("jobs.csv"), jobs(count)).expect("a file");
    folder
}

/// Every command that writes a file, whose name stands where `OUT` does.
const TO_FILE: [(&str, &str); 5] = [
    ("adapt", "jobs.csv OUT --to plc"),
    ("adapt", "jobs.csv OUT --to csv --offsets"),
    (
        "idealloc",
        "jobs.csv -o OUT --to csv --ignore-offsets --iterations 1",
    ),
    ("report", "jobs.csv --svg OUT"),
    ("report", "jobs.csv --html OUT"),
];

/// Every command that writes its data to standard output.
const TO_STDOUT: [(&str, &str); 7] = [
    ("adapt", "jobs.csv - --to plc"),
    ("adapt", "jobs.csv - --to csv"),
    ("idealloc", "jobs.csv --ignore-offsets --iterations 1"),
    ("idealloc", "jobs.csv --verify jobs.csv"),
    ("report", "jobs.csv"),
    ("report", "jobs.csv --format json"),
    ("adapt", "--generate man"),
];

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

/// Exit code 2, and one line that begins so and holds this.
fn assert_refused(ran: &Output, begins: &str, holds: &str, context: &str) {
    let err = said(ran);
    assert_eq!(ran.status.code(), Some(2), "{context}: {err}");
    assert_eq!(err.lines().count(), 1, "{context}: {err}");
    assert!(err.starts_with(begins), "{context}: {err}");
    assert!(err.contains(holds), "{context}: {err}");
}

/// What is in a folder apart from these names.
fn left(folder: &Path, apart: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| !apart.contains(&&**name)).collect()
}

fn assert_untouched(folder: &Path, context: &str) {
    let old = fs::read(folder.join("out")).expect("the earlier output");
    assert!(old == b"old", "{context}: the earlier output was touched");
    let left = left(folder, &["jobs.csv", "out"]);
    assert!(left.is_empty(), "{context}: left behind: {left:?}");
}

#[test]
fn a_full_standard_output_is_told() {
    let folder = folder(5000);
    for (tool, arguments) in TO_STDOUT {
        let line = format!("{tool} {arguments} >/dev/full");
        let ran = shell(folder.path(), &line);
        let begins = format!("{tool}: standard output: ");
        assert_refused(&ran, &begins, "No space left", &line);
    }
}

#[test]
fn a_full_device_is_told() {
    let folder = folder(5000);
    for (tool, arguments) in TO_FILE {
        let line = format!("{tool} {}", arguments.replace("OUT", "/dev/full"));
        let ran = shell(folder.path(), &line);
        let begins = format!("{tool}: /dev/full: ");
        assert_refused(&ran, &begins, "No space left", &line);
    }
}

#[test]
fn a_file_that_may_not_grow_leaves_the_earlier_one() {
    let folder = folder(5000);
    for (tool, arguments) in TO_FILE {
        fs::write(folder.path().join("out"), "old").expect("a file");
        let line = format!(
            "ulimit -f 4; exec {tool} {}",
            arguments.replace("OUT", "out")
        );
        let ran = shell(folder.path(), &line);
        assert_refused(&ran, &format!("{tool}: out: "), "File too large", &line);
        assert_untouched(folder.path(), &line);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder(10);
    let locked = folder.path().join("locked");
    fs::create_dir(&locked).expect("a folder");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).expect("it is ours");
    // No permission stops root; nobody makes files in /proc.
    let is_root = File::create(locked.join("probe")).is_ok();
    let locked = if is_root { "/proc/self" } else { "locked" };
    for (tool, arguments) in TO_FILE {
        for place in [locked, "missing"] {
            let out = format!("{place}/out");
            let line = format!("{tool} {}", arguments.replace("OUT", &out));
            let ran = shell(folder.path(), &line);
            let begins = format!("{tool}: {out}: ");
            assert_refused(&ran, &begins, "(os error", &line);
            assert!(!said(&ran).contains(".tmp"), "{line}: {}", said(&ran));
        }
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_told() {
    let folder = TempDir::new().expect("a folder");
    let samples = tests::workspace().join("tests/samples");
    let dump = folder.path().join("scan-buffer-assignment.txt");
    fs::copy(samples.join("scan-buffer-assignment.txt"), &dump).expect("the sample");
    let ranges = fs::read(samples.join("scan-live-range.txt")).expect("the sample");
    let fifo = folder.path().join("ranges");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    fs::write(folder.path().join("out.plc"), "old").expect("a file");
    let child = tests::program("adapt")
        .current_dir(folder.path())
        .args(["scan-buffer-assignment.txt", "out.plc"])
        .args(["--live-range", "ranges"])
        .stderr(Stdio::piped())
        .spawn()
        .expect("adapt starts");
    // Opens once adapt has opened the dump, of which nothing but the format
    // has been read by then, and comes to the ranges.
    let mut writer = File::options().write(true).open(&fifo).expect("a reader");
    let file = File::options().write(true).open(&dump).expect("the dump");
    file.set_len(600).expect("it can be cut");
    writer.write_all(&ranges).expect("adapt reads");
    drop(writer);
    let ran = child.wait_with_output().expect("adapt ends");
    let begins = "adapt: scan-buffer-assignment.txt: the file shrank while it was read: 600 of";
    assert_refused(&ran, begins, " bytes", "shrinking");
    let old = fs::read(folder.path().join("out.plc")).expect("still there");
    assert_eq!(old, b"old");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = folder(5000);
    let more = [
        ("report", "--help"),
        ("idealloc", "--help"),
        ("adapt", "--version"),
        ("idealloc-trace", "--help"),
        ("idealloc-trace", "--generate zsh"),
    ];
    for (tool, arguments) in TO_STDOUT.into_iter().chain(more) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let ran = tests::program(tool)
            .current_dir(folder.path())
            .args(arguments.split(' '))
            .stdout(Stdio::from(writer))
            .stderr(Stdio::piped())
            .spawn()
            .and_then(std::process::Child::wait_with_output)
            .expect("it runs");
        let err = said(&ran);
        assert_eq!(ran.status.code(), Some(0), "{tool} {arguments}: {err}");
        assert!(!err.contains("panic"), "{tool} {arguments}: {err}");
    }
}

#[test]
fn too_little_memory_leaves_the_earlier_output() {
    let folder = folder(20_000);
    for (tool, arguments) in TO_FILE {
        let mut enough = false;
        // From too little to begin with to enough, in KiB.
        for limit in (14..21).map(|power| 1_u64 << power) {
            let run = |arguments: &str| {
                let line =
                    format!("export RUST_BACKTRACE=0; ulimit -v {limit}; exec {tool} {arguments}");
                shell(folder.path(), &line)
            };
            if run("--version").status.code() != Some(0) {
                continue;
            }
            fs::write(folder.path().join("out"), "old").expect("a file");
            let ran = run(&arguments.replace("OUT", "out"));
            let (context, err) = (format!("{tool} {arguments} in {limit} KiB"), said(&ran));
            enough = ran.status.code() == Some(0);
            if enough {
                break;
            }
            assert_eq!(ran.status.code(), Some(2), "{context}: {err}");
            // Threads that say it at once mix their lines.
            assert!(err.contains("memory"), "{context}: {err}");
            assert!(!err.contains("panicked"), "{context}: {err}");
            assert_untouched(folder.path(), &context);
        }
        assert!(enough, "{tool} {arguments}: a GiB is not enough");
    }
}

#[test]
fn an_input_may_be_the_output() {
    for (tool, arguments) in [
        ("adapt", "jobs.csv jobs.csv --offsets"),
        ("adapt", "jobs.csv alias.csv --offsets"),
        ("idealloc", "jobs.csv -o jobs.csv"),
        ("idealloc", "jobs.csv -o alias.csv"),
    ] {
        let folder = folder(5000);
        std::os::unix::fs::symlink("jobs.csv", folder.path().join("alias.csv")).expect("a link");
        let ran = shell(folder.path(), &format!("{tool} {arguments}"));
        assert_eq!(ran.status.code(), Some(0), "{arguments}: {}", said(&ran));
        // Every offset is taken, or kept as a fixed position.
        let now = fs::read_to_string(folder.path().join("jobs.csv")).expect("a file");
        assert!(now == jobs(5000), "{tool} {arguments}");
        let left = left(folder.path(), &["jobs.csv", "alias.csv"]);
        assert!(left.is_empty(), "{tool} {arguments}: {left:?}");
    }
}

#[test]
fn what_would_destroy_an_input_is_refused() {
    let folder = folder(5000);
    for (line, holds) in [
        ("report jobs.csv --svg jobs.csv", "replace the input"),
        ("report jobs.csv --html ./jobs.csv", "replace the input"),
        (
            "report jobs.csv --against jobs.csv --svg jobs.csv",
            "replace the input",
        ),
        ("report jobs.csv --svg out --html out", "one file"),
        ("adapt jobs.csv - --to csv >>jobs.csv", "into this file too"),
    ] {
        let ran = shell(folder.path(), line);
        let tool = line.split(' ').next().unwrap_or_default();
        assert_refused(&ran, &format!("{tool}: "), holds, line);
        let now = fs::read_to_string(folder.path().join("jobs.csv")).expect("a file");
        assert!(now == jobs(5000), "{line}");
    }
}

const SIGNALS: [i32; 2] = [libc::SIGINT, libc::SIGTERM];

fn kill(process: u32, signal: i32) {
    let name = format!("-{signal}");
    let mut kill = Command::new("kill");
    let _ = kill.args([name, process.to_string()]).output();
}

#[test]
fn a_conversion_that_a_signal_ends_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    for signal in SIGNALS {
        fs::write(folder.path().join("out"), "old").expect("a file");
        let mut child = tests::program("adapt")
            .current_dir(folder.path())
            .args(["-", "out", "--from", "csv", "--to", "plc"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("adapt starts");
        let mut input = child.stdin.take().expect("a pipe");
        // More than a pipe holds: once it is written, adapt has its output open.
        let jobs = jobs(20_000);
        input.write_all(jobs.as_bytes()).expect("adapt reads");
        kill(child.id(), signal);
        let status = child.wait().expect("adapt ends");
        assert_eq!(status.signal(), Some(signal));
        assert_untouched(folder.path(), "adapt");
    }
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let folder = TempDir::new().expect("a folder");
    let mut child = Command::new("sh")
        .current_dir(folder.path())
        .args(["-c", "trap '' INT HUP; exec \"$0\" - out.plc --from csv"])
        .arg(built().join("adapt"))
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh runs");
    let mut input = child.stdin.take().expect("a pipe");
    let jobs = jobs(20_000);
    input.write_all(jobs.as_bytes()).expect("adapt reads");
    kill(child.id(), libc::SIGINT);
    kill(child.id(), libc::SIGHUP);
    drop(input);
    let status = child.wait().expect("adapt ends");
    assert!(status.success(), "{status}");
    let jobs = fs::metadata(folder.path().join("out.plc")).expect("the output");
    assert_eq!(jobs.len(), 20_000 * 64);
}

/// Whether `out` is what the command writes: byte for byte, or, where it is the
/// best placement until a signal came, a valid one.
fn is_whole(folder: &Path, tool: &str, whole: &[u8]) -> bool {
    let now = fs::read(folder.join("out")).expect("an output");
    if tool != "idealloc" {
        return now == whole;
    }
    let line = "ln out out.csv; idealloc jobs.csv --ignore-offsets --verify out.csv; \
                code=$?; rm out.csv; exit $code";
    shell(folder, line).status.code() == Some(0)
}

#[test]
fn a_signal_at_any_time_leaves_the_old_output_or_a_whole_new_one() {
    let folder = folder(5000);
    for (tool, arguments) in TO_FILE {
        let run = || {
            let mut command = tests::program(tool);
            command
                .current_dir(folder.path())
                .args(arguments.replace("OUT", "out").split(' '))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        assert!(run().status().expect("it runs").success());
        let whole = fs::read(folder.path().join("out")).expect("the output");
        for round in 0..16_u64 {
            fs::write(folder.path().join("out"), "old").expect("a file");
            let mut child = run().spawn().expect("it starts");
            // Dense at first, then past the end of the shortest.
            std::thread::sleep(Duration::from_micros(250 * round * round));
            kill(child.id(), SIGNALS[usize::from(round % 2 == 0)]);
            let status = child.wait().expect("it ends");
            let context = format!("{tool} {arguments}: {status}");
            let now = fs::read(folder.path().join("out")).expect("an output");
            if now != b"old" {
                assert!(is_whole(folder.path(), tool, &whole), "{context}");
            }
            let left = left(folder.path(), &["jobs.csv", "out"]);
            assert!(left.is_empty(), "{context}: {left:?}");
        }
    }
}
