//! The launcher stands between a caller and a program, and neither can tell.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tests::tracing::{Program, Replay, installed};
use tests::{program, workspace};

fn launcher() -> String {
    let launcher = program("idealloc-trace");
    launcher.get_program().to_str().expect("text").to_owned()
}

/// A script of bash's, in which `$T` is the launcher.
fn bash(folder: &Path, script: &str) -> Output {
    Command::new("bash")
        .current_dir(folder)
        .args(["-c", script])
        .env("T", launcher())
        .stdin(Stdio::null())
        .output()
        .expect("bash runs")
}

#[test]
fn a_program_sees_what_it_would_see_without_the_launcher() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::compile("sees", &[]);
    let program = program.path.to_str().expect("text");
    let seen = |name: &str, launcher: &[&str]| {
        let status = Command::new(program)
            .current_dir(folder.path())
            .args(["prepare", name])
            .args(launcher)
            .args([program, "look", "", "b c"])
            .envs([("ZEBRA", "1"), ("APE", ""), ("MULE", "x=y\nz")])
            .status();
        assert_eq!(status.expect("it starts").code(), Some(6), "{name}");
        fs::read_to_string(folder.path().join(name)).expect("what it saw")
    };
    let plain = seen("plain", &[]);
    for part in ["ignored 13\n", "ignored 17\n", "blocked 12\n", "open 9\n"] {
        assert!(plain.contains(part), "{plain}");
    }
    assert!(!plain.contains("open 0\n") && !plain.contains("open 1\n"));
    let launcher = launcher();
    let launched = seen("launched", &[&launcher, "-q", "-o", "a.trc", "--"]);
    assert_eq!(launched, plain);
    Replay::sound(&folder.path().join("a.trc"));
}

#[test]
fn what_the_caller_ignores_or_has_closed_stays_so() {
    let folder = TempDir::new().expect("a folder");
    for (script, plain) in [
        (
            "trap '' CHLD; exec $T sh -c 'exit 3'",
            "exec sh -c 'exit 3'",
        ),
        (
            "(trap '' PIPE; $T yes 2>/dev/null | head -1 >/dev/null; exit ${PIPESTATUS[0]})",
            "(trap '' PIPE; yes 2>/dev/null | head -1 >/dev/null; exit ${PIPESTATUS[0]})",
        ),
        ("$T echo x >&-", "/bin/echo x >&-"),
        ("$T cat <&-", "cat <&-"),
        ("$T sh -c 'kill -9 $$'", "sh -c 'kill -9 $$'"),
        (
            "perl -e 'alarm 1; exec @ARGV' $T sleep 30",
            "perl -e 'alarm 1; exec @ARGV' sleep 30",
        ),
    ] {
        let launched = script.replace("$T", "$T -q -o a.trc --");
        let launched = bash(folder.path(), &launched);
        let plain = bash(folder.path(), plain);
        assert_eq!(launched.status, plain.status, "{script}: {launched:?}");
        assert_eq!(launched.stdout, plain.stdout, "{script}");
    }
    // The summary needs the end of the program, too.
    let output = bash(folder.path(), "trap '' CHLD; exec $T -o a.trc -- true");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("wrote a.trc ("), "{said}");
}

#[test]
fn where_the_program_is_stopped_its_caller_sees_that() {
    if !installed("python3") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "120", "python3"]);
    command.arg(workspace().join("tests/programs/stops.py"));
    let output = command
        .arg(launcher())
        .args(["-q", "--no-follow", "-o", "a.trc", "--"])
        .current_dir(folder.path())
        .output()
        .expect("timeout runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_trace_of_a_killed_process_ends_with_its_last_record() {
    let folder = TempDir::new().expect("a folder");
    let killed = "ls / >/dev/null; kill -KILL $$";
    for quiet in ["-q", "--no-follow"] {
        let script = format!("$T {quiet} -o a.trc -- sh -c '{killed}'");
        bash(folder.path(), &script);
        let trace = Replay::sound(&folder.path().join("a.trc"));
        assert!(!trace.calls.is_empty());
        assert_eq!(trace.length, trace.used, "{quiet}");
    }
    let output = bash(
        folder.path(),
        &format!("exec $T -o a.trc.zst -- sh -c '{killed}'"),
    );
    assert_eq!(output.status.signal(), Some(libc::SIGKILL));
    assert!(folder.path().join("a.trc.zst").is_file());
}

#[test]
fn what_a_child_left_that_was_killed_before_it_began_is_removed() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["a.trc.12", "a.trc.13"] {
        File::create(at(name)).expect("a file");
    }
    fs::write(at("a.trc.13"), vec![0; 64 << 10]).expect("a file");
    let output = bash(folder.path(), "$T -o a.trc -- true");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("removed 2 traces"), "{said}");
    assert!(!at("a.trc.12").exists() && !at("a.trc.13").exists());
    // What is not empty may be somebody's.
    fs::write(at("a.trc.12"), vec![0; 2 << 20]).expect("a file");
    let output = bash(folder.path(), "$T -o a.trc -- true");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn names_of_255_bytes_are_taken_and_their_traces_found() {
    for end in [".trc", ".zst"] {
        let folder = TempDir::new().expect("a folder");
        let name = "n".repeat(251) + end;
        for _ in 0..2 {
            let script = format!("$T -o {name} -- sh -c 'ls >/dev/null; ls >/dev/null; exit 0'");
            let output = bash(folder.path(), &script);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
            assert!(said.contains("wrote 3 traces"), "{said}");
            let files = folder.path().read_dir().expect("readable");
            let files: Vec<_> = files.map(|f| f.expect("readable").file_name()).collect();
            assert_eq!(files.len(), 3, "{files:?}");
            assert!(files.contains(&name.clone().into()), "{files:?}");
        }
    }
    let folder = TempDir::new().expect("a folder");
    let output = bash(
        folder.path(),
        &format!("$T -o {} -- echo ran", "n".repeat(256)),
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_name_of_the_programs_own_output_is_refused() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("out.txt");
    for (options, redirection) in [
        ("-o /dev/stdout", ">>out.txt"),
        ("-o out.txt", ">>out.txt"),
        ("-o ./out.txt", "2>&1 3>>out.txt"),
        ("-o /dev/fd/5", "5>>out.txt"),
        ("-o a.trc --html out.txt", ">>out.txt"),
        ("-o a.trc --html /dev/stdout", ">>out.txt"),
        ("-o /dev/stdout", "| cat"),
    ] {
        fs::write(&out, "precious\n").expect("a file");
        let script = format!("set -o pipefail; $T {options} -- touch ran {redirection}");
        let output = bash(folder.path(), &script);
        assert_eq!(output.status.code(), Some(2), "{options}: {output:?}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.lines().count(), 1, "{options}: {said}");
        assert!(said.contains("it is an open file"), "{options}: {said}");
        assert_eq!(fs::read(&out).expect("the file"), b"precious\n");
        let files = folder.path().read_dir().expect("readable").count();
        assert_eq!(files, 1, "{options}");
    }
}

#[test]
fn a_trace_in_the_memory_that_a_group_limits_is_told() {
    // As root, with control groups of version 1 or 2.
    let script = r#"
        c=/sys/fs/cgroup/memory/idealloc-test-$$; limit=memory.limit_in_bytes
        if [ ! -d /sys/fs/cgroup/memory ]; then
            c=/sys/fs/cgroup/idealloc-test-$$; limit=memory.max
        fi
        [ -d /dev/shm ] && mkdir $c && echo 268435456 >$c/$limit || exit 77
        d=$(mktemp -d -p /dev/shm) || exit 77
        (echo $BASHPID >$c/cgroup.procs && $T -o $d/a.trc -- true)
        (echo $BASHPID >$c/cgroup.procs && $T -q -o $d/a.trc -- echo quiet)
        rm -rf $d; rmdir $c; exit 0"#;
    let folder = TempDir::new().expect("a folder");
    let output = bash(folder.path(), script);
    if output.status.code() == Some(77) {
        eprintln!("SKIPPED: only root can limit the memory of a control group");
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let told = said.matches("count towards the 256 MiB").count();
    assert_eq!(told, 1, "{said}");
}
