//! Where tracing is impossible, one line says so and the program runs on.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tests::tracing::{Program, Replay, library, traced};

fn calls(program: &Program, trace: Option<&Path>) -> Output {
    let mut command = program.command();
    command.env("LD_PRELOAD", library()).env_remove("TRACEFILE");
    if let Some(trace) = trace {
        command.env("TRACEFILE", trace);
    }
    command.output().expect("the program starts")
}

#[test]
fn a_trace_that_cannot_be_written_is_told_in_one_line() {
    let program = Program::compile("calls", &[]);
    let plain = program.command().output().expect("the program starts");
    let folder = tempfile::TempDir::new().expect("a folder");
    let fifo = folder.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo runs")
            .success()
    );
    let long = folder.path().join("x".repeat(5000));
    let cases: [Option<&Path>; 8] = [
        None,
        Some(Path::new("")),
        Some(Path::new("/nonexistent/app.trc")),
        Some(Path::new("/dev/null")),
        Some(Path::new("/dev/full")),
        Some(folder.path()),
        Some(&fifo),
        Some(&long),
    ];
    for case in cases {
        let output = calls(&program, case);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.starts_with("uncore: ") && said.ends_with('\n'),
            "{case:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{case:?}: {said}");
        assert_eq!(output.stdout, plain.stdout, "{case:?}");
        assert_eq!(output.status, plain.status, "{case:?}");
    }
}

#[test]
fn a_file_that_the_program_has_open_is_never_replaced() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let out = folder.path().join("out.txt");
    std::os::unix::fs::symlink("out.txt", folder.path().join("link")).expect("a link");
    for trace in [
        "/dev/stdout",
        "/dev/fd/1",
        "/proc/self/fd/1",
        "/dev/fd/7",
        "out.txt",
        "link",
    ] {
        for redirection in [">>out.txt", "7>>out.txt >&7"] {
            fs::write(&out, "precious\n").expect("a file");
            let script = format!("exec \"$0\" -c 'echo one; /bin/echo two' {redirection}");
            let output = Command::new("bash")
                .args(["-c", &format!("LD_PRELOAD=$1 {script}"), "bash"])
                .arg(library())
                .current_dir(folder.path())
                .env("TRACEFILE", trace)
                .output()
                .expect("bash runs");
            assert!(output.status.success(), "{trace}: {output:?}");
            let kept = fs::read_to_string(&out).expect("the file");
            assert_eq!(kept, "precious\none\ntwo\n", "{trace}");
            // One line for the whole run, whose processes are not traced.
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.lines().count(), 1, "{trace}: {said}");
            let is_open = trace != "/dev/fd/7" || redirection != ">>out.txt";
            let told = said.contains("it is an open file of the program's");
            assert!(told || !is_open, "{trace}: {said}");
            let files = folder.path().read_dir().expect("readable").count();
            assert_eq!(files, 2, "{trace}");
        }
    }
}

fn limited(program: &Program, arguments: &[&str]) -> (Output, Replay) {
    let mut command = program.command();
    command.args(arguments);
    let run = traced(command);
    (run.output.clone(), run.main())
}

#[test]
fn a_file_size_limit_ends_the_trace_and_not_the_program() {
    let program = Program::compile("limits", &[]);
    let (output, trace) = limited(&program, &["fsize"]);
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(output.stdout, b"done\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("uncore: tracing stops"), "{said}");
    // What was prepared before the limit came.
    assert!(trace.length < 9 << 20, "{} bytes", trace.length);
    assert!(
        trace.used > (8 << 20) - 100,
        "{} bytes are used",
        trace.used
    );
}

#[test]
fn a_full_disk_ends_the_trace_and_not_the_program() {
    let program = Program::compile("limits", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "none"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !mounted {
        eprintln!("SKIPPED: only root can mount a small file system");
        return;
    }
    let output = calls(&program, Some(&folder.path().join("app.trc")));
    let trace = Replay::of(&folder.path().join("app.trc"));
    Command::new("umount")
        .arg(folder.path())
        .status()
        .expect("umount runs");
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(output.stdout, b"done\n");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("no space left"), "{said}");
    assert!(trace.anomalies.is_empty() && trace.cut.is_none());
    assert!(trace.used > 1 << 20, "{} bytes are used", trace.used);
}

#[test]
fn a_program_that_closes_every_descriptor_keeps_its_own_files_and_the_trace() {
    let program = Program::compile("limits", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let own = folder.path().join("own");
    let (output, trace) = limited(&program, &["close_all", own.to_str().expect("text")]);
    assert_eq!(output.stdout, b"done\n");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(fs::read(&own).expect("its file"), b"mine\n");
    assert!(trace.calls.len() >= 400_000);
    assert_eq!(trace.length, trace.used);
}

#[test]
fn the_tracers_descriptor_is_out_of_the_way() {
    let program = Program::compile("limits", &[]);
    let plain = program
        .command()
        .arg("first_fd")
        .output()
        .expect("the program starts");
    let (output, _) = limited(&program, &["first_fd"]);
    assert_eq!(output.stdout, plain.stdout);
}

#[test]
fn a_small_address_space_is_shared_with_the_program() {
    let program = Program::compile("limits", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    let script = format!(
        "ulimit -v 400000; LD_PRELOAD={} exec \"$0\"",
        library().display()
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(&program.path)
        .env("TRACEFILE", &trace)
        .output()
        .expect("the shell runs");
    assert_eq!(output.stdout, b"done\n");
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(Replay::sound(&trace).calls.len() >= 400_000);
}

#[test]
fn a_program_with_an_allocator_of_its_own_is_told_in_one_line() {
    let program = Program::compile("own_allocator", &["-rdynamic"]);
    let mut command = program.command();
    let plain = command.output().expect("the program starts");
    let run = traced(command);
    assert_eq!(run.output.stdout, plain.stdout);
    assert_eq!(run.output.status, plain.status);
    let said = String::from_utf8_lossy(&run.output.stderr);
    assert_eq!(
        said,
        "uncore: the program brings its own malloc, whose calls cannot be seen\n"
    );
}
