//! The launcher: what it refuses, what it passes on, what it says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tests::program;
use tests::tracing::{Program, Replay, trace_to};

fn launcher(folder: &Path) -> Command {
    let mut command = program("idealloc-trace");
    command.current_dir(folder);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    launcher(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the launcher starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn it_passes_on_output_and_exit_code_and_says_what_to_do_next() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    let output = run(folder.path(), &["-o", "a.trc", "--", program, "leaf"]);
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(output.stdout, b"leaf\n");
    let said = text(&output.stderr);
    for part in [
        "wrote a.trc",
        "adapt a.trc a.plc",
        "report a.plc",
        "idealloc a.plc -o ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(
        Replay::sound(&folder.path().join("a.trc")).allocations_of(3001),
        30
    );
    // Without a name, the program's.
    assert_eq!(
        run(folder.path(), &[program, "leaf"]).status.code(),
        Some(9)
    );
    Replay::sound(&folder.path().join("processes.trc"));
}

#[test]
fn it_follows_children_unless_told_not_to() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    let count = || folder.path().read_dir().expect("readable").count();
    run(
        folder.path(),
        &["-o", "one.trc", "--no-follow", "--", program, "system"],
    );
    assert_eq!(count(), 1);
    let output = run(
        folder.path(),
        &["-o", "all.trc", "--", program, "fork_exec"],
    );
    assert_eq!(count(), 4);
    assert_eq!(text(&output.stderr).matches("wrote ").count(), 3);
}

#[test]
fn it_compresses() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let output = run(folder.path(), &["-o", "a.trc.zst", "ls", "/"]);
    assert!(output.status.success());
    let bytes = fs::read(folder.path().join("a.trc.zst")).expect("the trace");
    assert_eq!(bytes[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    assert!(!folder.path().join("a.trc").exists());
}

#[test]
fn it_ends_by_the_signal_that_ended_the_program() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::TempDir::new().expect("a folder");
    let program = Program::compile("ends", &[]);
    let output = run(
        folder.path(),
        &["-o", "a.trc", program.path.to_str().expect("text"), "segv"],
    );
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
    assert_eq!(
        Replay::sound(&folder.path().join("a.trc")).allocations_of(12345),
        1000
    );
}

#[test]
fn programs_that_the_loader_would_not_trace_are_refused() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let refused = |program: &str, why: &str| {
        let output = run(folder.path(), &["--", program]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(why), "{said}");
    };
    let fixed = Program::compile("many_threads", &["-static"]);
    let fixed = fixed.path.to_str().expect("text");
    refused(fixed, "statically linked");
    let script = folder.path().join("script");
    fs::write(&script, format!("#!{fixed}\n")).expect("a script");
    refused(script.to_str().expect("text"), "statically linked");
    refused("no-such-program-here", "no such program");
    refused("/etc/passwd", "neither an ELF program nor a script");
    refused("/", "no program");
    // Setuid to somebody else: only root can make one to try.
    let privileged = folder.path().join("privileged");
    fs::copy("/bin/true", &privileged).expect("a copy");
    let status = Command::new("sh")
        .args(["-c", "chown 65534 \"$0\" && chmod 4755 \"$0\""])
        .arg(&privileged)
        .stderr(Stdio::null())
        .status()
        .expect("sh runs");
    if status.success() {
        refused(privileged.to_str().expect("text"), "setuid");
    } else {
        eprintln!("SKIPPED: only root can make a setuid program of somebody else's");
    }
}

/// Waits until the program says that it waits.
fn waiting(output: &mut BufReader<ChildStdout>) {
    let mut line = String::new();
    output.read_line(&mut line).expect("its output");
    assert_eq!(line, "waiting\n");
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status();
    assert!(status.expect("kill runs").success());
}

#[test]
fn signals_reach_the_program() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let program = Program::compile("waits", &[]);
    let mut child = launcher(folder.path())
        .arg("-q")
        .arg(&program.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the launcher starts");
    waiting(&mut BufReader::new(child.stdout.take().expect("a pipe")));
    signal(&child, "TERM");
    assert_eq!(child.wait().expect("it ends").code(), Some(5));
    assert_eq!(
        Replay::sound(&folder.path().join("waits.trc")).allocations_of(6001),
        100
    );
}

#[test]
fn a_signal_starts_and_stops_recording() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("a.trc");
    let program = Program::compile("waits", &[]);
    let mut command = program.command();
    trace_to(&mut command, &trace);
    command
        .env("IDEALLOC_TOGGLE", "SIGUSR2")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    for _ in 0..2 {
        waiting(&mut output);
        signal(&child, "USR2");
        input.write_all(b"x").expect("it reads");
    }
    waiting(&mut output);
    input.write_all(b"x").expect("it reads");
    assert!(child.wait().expect("it ends").success());
    let trace = Replay::sound(&trace);
    assert_eq!(trace.allocations_of(6001), 0);
    assert_eq!(trace.allocations_of(6002), 100);
    assert_eq!(trace.allocations_of(6003), 0);
    assert_eq!(trace.allocations_of(6004), 10);
    // Those that were freed while recording was off have their end all the same.
    assert_eq!(trace.live.len(), 60);
}
