//! Who gets which file: no process shares, cuts or loses the trace of another.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tests::program;
use tests::tracing::{Program, Replay, trace_to};

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("the folder is there");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    files.sort();
    files
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn launch(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = program("idealloc-trace");
    command.current_dir(folder).args(arguments);
    command
        .stdin(Stdio::null())
        .output()
        .expect("the launcher starts")
}

/// A traced program that is alive, and waits.
fn start_waiting(program: &Program, trace: &Path) -> Child {
    let mut command = program.command();
    trace_to(&mut command, trace);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

fn until_waiting(child: &mut Child) {
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    let mut output = BufReader::new(output);
    output.read_line(&mut line).expect("its output");
    assert_eq!(line, "waiting\n");
    child.stdout = Some(output.into_inner());
}

/// Lets it end; what it said on stderr.
fn finish(mut child: Child) -> String {
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"xxx").expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{:?}", output.status);
    text(&output.stderr)
}

#[test]
fn many_first_processes_on_one_name_have_a_trace_each() {
    let program = Program::compile("waits", &[]);
    for round in 0..12 {
        let folder = folder();
        let trace = folder.path().join("app.trc");
        if round % 2 == 1 {
            fs::write(&trace, "old").expect("a file of an earlier run");
        }
        let mut children: Vec<_> = (0..16).map(|_| start_waiting(&program, &trace)).collect();
        children.iter_mut().for_each(until_waiting);
        let said: Vec<_> = children.into_iter().map(finish).collect();
        let told = said
            .iter()
            .filter(|said| said.contains("is being written by another process"))
            .count();
        assert_eq!(told, 15, "{said:?}");
        let files = files(folder.path());
        assert_eq!(files.len(), 16, "{files:?}");
        assert_eq!(files[0], trace);
        for file in files {
            let trace = Replay::sound(&file);
            assert_eq!(trace.allocations_of(6001), 100);
            assert_eq!(trace.allocations_of(6003), 100);
            assert_eq!(trace.length, trace.used);
        }
    }
}

#[test]
fn processes_that_come_and_go_on_one_name_do_not_kill_each_other() {
    let folder = folder();
    let trace = folder.path().join("app.trc");
    let program = Program::compile("processes", &[]);
    for _ in 0..20 {
        let children: Vec<_> = (0..8)
            .map(|_| {
                let mut command = program.command();
                trace_to(command.arg("leaf"), &trace);
                let command = command.stdout(Stdio::null()).stderr(Stdio::null());
                command.spawn().expect("the program starts")
            })
            .collect();
        for mut child in children {
            assert_eq!(child.wait().expect("it ends").code(), Some(9));
        }
    }
    for file in files(folder.path()) {
        assert_eq!(Replay::sound(&file).allocations_of(3001), 30);
    }
}

#[test]
fn a_symbolic_link_leads_to_a_new_file_and_the_old_one_is_not_cut() {
    let folder = folder();
    fs::create_dir(folder.path().join("far")).expect("a folder");
    let target = folder.path().join("far/real.trc");
    let link = folder.path().join("app.trc");
    symlink("far/real.trc", &link).expect("a link");
    let program = Program::compile("processes", &[]);
    for round in 0..2 {
        if round == 1 {
            fs::write(&target, "old").expect("a file of an earlier run");
        }
        let old = File::open(&target);
        let mut command = program.command();
        trace_to(command.arg("leaf"), &link);
        let output = command.output().expect("the program starts");
        if round == 0 {
            // It leads nowhere.
            let said = text(&output.stderr);
            assert!(
                said.ends_with("a link to nothing); running untraced\n"),
                "{said}"
            );
            assert_eq!(
                fs::read_dir(folder.path().join("far")).expect("it").count(),
                0
            );
            continue;
        }
        assert_eq!(text(&output.stderr), "");
        assert_eq!(Replay::sound(&target).allocations_of(3001), 30);
        assert!(link.is_symlink());
        if round == 1 {
            assert_eq!(old.expect("it").metadata().expect("its length").len(), 3);
        }
        assert_eq!(
            files(&folder.path().join("far")),
            std::slice::from_ref(&target)
        );
        fs::remove_file(&target).expect("removed");
    }
}

#[test]
fn a_name_as_long_as_the_file_system_takes_is_shortened_for_children() {
    let program = Program::compile("processes", &[]);
    for name in [format!("{}.trc", "a".repeat(251)), "\u{e4}".repeat(127)] {
        let folder = folder();
        let trace = folder.path().join(&name);
        for round in 0..2 {
            let mut command = program.command();
            trace_to(command.arg("fork_exec"), &trace);
            let output = command.output().expect("the program starts");
            assert_eq!(text(&output.stderr), "", "round {round}");
        }
        let files = files(folder.path());
        assert_eq!(files.len(), 5, "{files:?}");
        for file in files {
            Replay::sound(&file);
            let file = file.file_name().expect("a name").to_str().expect("UTF-8");
            let stem = file.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
            assert!(file == name || name.starts_with(stem), "{file}");
            assert!(file.len() >= 253, "{file}");
        }
    }
}

#[test]
fn a_misspelt_toggle_is_told_in_one_line() {
    let program = Program::compile("processes", &[]);
    for (given, told) in [("SIGFOO", 1), ("9", 1), ("SIGUSR2", 0), ("", 0)] {
        let folder = folder();
        let mut command = program.command();
        trace_to(command.arg("system"), folder.path().join("app.trc"));
        let output = command.env("IDEALLOC_TOGGLE", given).output();
        let said = text(&output.expect("it runs").stderr);
        assert_eq!(said.lines().count(), told, "{given}: {said}");
        assert_eq!(said.contains("names no signal"), told == 1, "{said}");
    }
}

fn is_locked(path: &Path) -> bool {
    let inode = fs::metadata(path).expect("the trace").ino();
    let locks = fs::read_to_string("/proc/locks").expect("/proc is there");
    locks
        .lines()
        .any(|line| line.contains("FLOCK") && line.ends_with(&format!(":{inode} 0 EOF")))
}

/// The only file whose name starts with one thing and ends with another.
fn only(files: &[PathBuf], start: &str, end: &str) -> PathBuf {
    let mut fitting = files.iter().filter(|file| {
        let name = file.file_name().expect("a name").to_string_lossy();
        name.starts_with(start) && name.ends_with(end)
    });
    let file = fitting.next().unwrap_or_else(|| panic!("{files:?}"));
    assert!(fitting.next().is_none(), "{files:?}");
    file.clone()
}

#[test]
fn a_process_that_outlives_the_first_keeps_its_trace() {
    let program = Program::compile("outlives", &[]);
    let program = program.path.to_str().expect("text");
    for output in ["a.trc", "a.trc.zst"] {
        let folder = folder();
        let go = folder.path().join("go");
        let arguments = ["-o", output, "--", program, go.to_str().expect("text")];
        let said = text(&launch(folder.path(), &arguments).stderr);
        assert!(said.contains(&format!("wrote {output} (")), "{said}");
        assert!(said.contains(&format!("adapt {output} ")), "{said}");
        assert_eq!(said.matches("wrote ").count(), 1, "{said}");
        let compressed = output.ends_with("zst");
        assert_eq!(said.contains("left uncompressed"), compressed, "{said}");
        let growing = if compressed {
            let workshop = only(&files(folder.path()), "a.trc.zst.", ".tmp");
            only(&files(&workshop), "a.trc.", "")
        } else {
            only(&files(folder.path()), "a.trc.", "")
        };
        let name = growing.strip_prefix(folder.path()).expect("in the folder");
        let name = name.display();
        assert!(said.contains(&format!("{name}: still being")), "{said}");
        assert!(is_locked(&growing));
        fs::write(&go, "").expect("a file");
        let start = Instant::now();
        while is_locked(&growing) && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let trace = Replay::sound(&growing);
        assert_eq!(trace.allocations_of(7001), 1000);
        assert_eq!(trace.allocations_of(7002), 300_000);
    }
}

#[test]
fn compressing_touches_no_other_file() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a.trc"), "mine").expect("a file");
    fs::write(at("a.trc.zst"), "an earlier run's").expect("a file");
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    let output = launch(folder.path(), &["-o", "a.trc.zst", "--", program, "fork"]);
    assert!(output.status.success());
    assert_eq!(fs::read(at("a.trc")).expect("the file"), b"mine");
    let found = files(folder.path());
    assert_eq!(found.len(), 3, "{found:?}");
    for file in &found[1..] {
        let bytes = fs::read(file).expect("a trace");
        assert_eq!(bytes[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    }
    // Names with %p were not asked for as such: nothing is replaced. The shell
    // makes the file that the launcher is going to want.
    let script = "echo kept > \"$0/b-$$.trc.zst\"; ls / >/dev/null; exit 0";
    let output = launch(
        folder.path(),
        &[
            "--no-follow",
            "-o",
            "b-%p.trc.zst",
            "--",
            "sh",
            "-c",
            script,
            folder.path().to_str().expect("text"),
        ],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found: Vec<_> = files(folder.path()).split_off(3);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(only(&found, "b-", ".trc.1.zst").is_file());
    let kept = fs::read(&found[1]).expect("the shell's file");
    assert_eq!(kept, b"kept\n");
}

#[test]
fn a_trace_that_cannot_be_compressed_stays() {
    let folder = folder();
    // The program takes the name of the half-made file.
    let script = "for d in a.trc.zst.*.tmp; do : > $d/a.trc.zst; done; exit 3";
    let output = launch(
        folder.path(),
        &["-o", "a.trc.zst", "--", "sh", "-c", script],
    );
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("a.trc: left as it is"), "{said}");
    assert!(!folder.path().join("a.trc.zst").exists());
    let workshop = only(&files(folder.path()), "a.trc.zst.", ".tmp");
    Replay::sound(&workshop.join("a.trc"));
}

#[test]
fn other_ways_of_compressing_are_refused() {
    let folder = folder();
    let output = launch(folder.path(), &["-o", "a.trc.gz", "ls"]);
    assert_eq!(output.status.code(), Some(2));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(".zst only"), "{said}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn scripts_of_env_run_where_their_options_are_not_understood() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let script = folder.path().join("script");
    for line in [
        "-S -u FOO sh",
        "-S -C / sh",
        "-iS sh",
        "-S PATH=/nowhere:/bin:/usr/bin sh",
        "-S A=b sh",
        "sh",
    ] {
        fs::write(&script, format!("#!/usr/bin/env {line}\necho ran\n")).expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a program");
        let output = launch(folder.path(), &["-q", "--", script.to_str().expect("text")]);
        assert_eq!(text(&output.stdout), "ran\n", "{line}: {output:?}");
    }
}

#[test]
fn a_signal_at_any_moment_ends_the_program() {
    let folder = folder();
    let launcher = program("idealloc-trace");
    // A loop of the shell is a short enough delay, and its `kill` quick enough.
    let script = "\"$0\" -q sleep 5 & i=0; while [ $i -lt $1 ]; do i=$((i+1)); done; \
                  kill $!; wait $!";
    for step in 0..100 {
        let status = Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", script])
            .arg(launcher.get_program())
            .arg((step * 100).to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("sh runs");
        assert_eq!(status.code(), Some(128 + libc::SIGTERM), "step {step}");
    }
}
