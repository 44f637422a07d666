//! Traces that are cut, or lose their place, while they are written; and SIGBUS, which is the
//! program's.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tests::tracing::{Program, Replay, same_as_untraced, trace_to};

/// A program that waits for a byte before it goes on.
struct Waiting {
    child: Child,
    folder: tempfile::TempDir,
}

impl Waiting {
    fn start(arguments: &[&str]) -> Waiting {
        let program = Program::compile("endless", &["-pthread"]);
        let folder = tempfile::TempDir::new().expect("a folder");
        let mut command = program.command();
        trace_to(command.args(arguments), folder.path().join("app.trc"));
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Waiting { child, folder }
    }

    fn trace(&self) -> std::path::PathBuf {
        self.folder.path().join("app.trc")
    }

    fn step(&mut self) {
        let input = self.child.stdin.as_mut().expect("piped");
        input.write_all(b"x").expect("it reads");
        let mut answer = [0];
        let output = self.child.stdout.as_mut().expect("piped");
        output.read_exact(&mut answer).expect("it answers");
    }

    /// Ends it; what it said.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{:?}", output.status);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

#[test]
fn a_trace_that_is_cut_never_ends_the_program() {
    for threads in ["0", "2"] {
        for length in [0, 1000] {
            let mut program = Waiting::start(&["20000", threads]);
            program.step();
            let file = File::options()
                .write(true)
                .open(program.trace())
                .expect("there");
            file.set_len(length).expect("cut");
            for _ in 0..20 {
                program.step();
            }
            let said = program.end();
            assert!(said.lines().count() <= 1, "{said}");
            assert!(
                said.is_empty() || said.starts_with("uncore: tracing stops"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_trace_that_is_replaced_or_removed_never_ends_the_program() {
    let mut replaced = Waiting::start(&["20000"]);
    replaced.step();
    fs::write(replaced.folder.path().join("other"), "the user's own\n").expect("a file");
    fs::rename(replaced.folder.path().join("other"), replaced.trace()).expect("renamed");
    for _ in 0..20 {
        replaced.step();
    }
    let own = fs::read(replaced.trace()).expect("there");
    assert_eq!(own, b"the user's own\n");
    assert_eq!(replaced.end(), "");
    let mut removed = Waiting::start(&["20000"]);
    removed.step();
    fs::remove_file(removed.trace()).expect("there");
    for _ in 0..20 {
        removed.step();
    }
    assert_eq!(removed.end(), "");
}

#[test]
fn a_killed_process_leaves_few_zeros_behind_its_trace() {
    let mut program = Waiting::start(&["300000"]);
    program.step();
    program.child.kill().expect("it lives");
    program.child.wait().expect("it ends");
    let trace = Replay::sound(&program.trace());
    assert_eq!(trace.allocations_of(500), 600);
    assert!(
        trace.length - trace.used <= 1 << 20,
        "{} and {}",
        trace.length,
        trace.used
    );
}

/// A file system of this type, if root may make one here.
fn mounted(make: &str, bytes: &str, folder: &Path) -> Option<()> {
    let image = folder.join("image");
    let there = folder.join("there");
    fs::create_dir(&there).ok()?;
    let run = |command: &mut Command| {
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success()).then_some(())
    };
    run(Command::new("truncate").args(["-s", bytes]).arg(&image))?;
    run(Command::new(make).arg("-q").arg(&image))?;
    run(Command::new("mount")
        .args(["-o", "loop"])
        .arg(&image)
        .arg(&there))
}

#[test]
fn a_full_file_system_never_ends_the_program() {
    let program = Program::compile("loop", &[]);
    for (make, bytes) in [
        ("mkfs.btrfs", "130M"),
        ("mkfs.ext4", "40M"),
        ("mkfs.xfs", "320M"),
    ] {
        let folder = tempfile::TempDir::new().expect("a folder");
        if mounted(make, bytes, folder.path()).is_none() {
            eprintln!("SKIPPED: {make} is not there, or may not be mounted");
            continue;
        }
        let there = folder.path().join("there");
        let mut command = program.command();
        command.arg("8000000");
        trace_to(&mut command, there.join("app.trc"));
        let begin = std::time::Instant::now();
        let output = command.output().expect("the program starts");
        let took = begin.elapsed();
        let trace = Replay::of(&there.join("app.trc"));
        let away = Command::new("umount").arg(&there).status();
        assert!(away.is_ok_and(|status| status.success()));
        assert!(output.status.success(), "{make}: {:?}", output.status);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.lines().count(), 1, "{make}: {said}");
        assert!(said.starts_with("uncore: tracing stops"), "{make}: {said}");
        assert!(
            trace.anomalies.is_empty() && trace.cut.is_none(),
            "{make}: {:?} {:?}",
            trace.anomalies,
            trace.cut
        );
        assert!(trace.used > 10 << 20, "{make}: {} bytes", trace.used);
        assert!(took.as_secs() < 60, "{make}: {took:?}");
    }
}

#[test]
fn sigbus_is_the_programs() {
    let program = Program::compile("faults", &[]);
    for way in [
        "none", "plain", "sysv", "informed", "once", "ignored", "restored",
    ] {
        for what in ["", "fault", "sent", "raised"] {
            same_as_untraced(|| {
                let mut command = program.command();
                command.args([way, what]);
                command
            });
        }
    }
}

#[test]
fn a_failed_exec_takes_nothing_from_other_threads_and_costs_nothing_after() {
    let program = Program::compile("execs", &["-pthread"]);
    for (times, threads) in [("2000", "3"), ("1", "0")] {
        let mut command = program.command();
        command.args([times, threads, "400000"]);
        let run = tests::tracing::traced(command);
        assert!(run.output.status.success());
        let made: usize = String::from_utf8_lossy(&run.output.stderr)
            .trim()
            .parse()
            .expect("a number");
        let trace = run.main();
        let seen = trace.allocations_of(100)
            + (24..88)
                .map(|size| trace.allocations_of(size))
                .sum::<usize>();
        assert!(seen >= made, "{seen} of {made}");
    }
}

#[test]
fn sigbus_is_held_back_as_the_program_says_and_its_trace_may_be_cut_meanwhile() {
    let program = Program::compile("masks", &["-pthread"]);
    same_as_untraced(|| program.command());
    let plain = program.command().arg("cut").output().expect("it runs");
    let mut command = program.command();
    command.arg("cut");
    let cut = tests::tracing::traced(command).output;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&cut.stdout), text(&plain.stdout));
    assert_eq!(cut.status, plain.status);
    assert_eq!(text(&cut.stderr).lines().count(), 1);
}
