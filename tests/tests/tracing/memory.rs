//! A traced program under memory checkers: they find nothing in the tracer, and
//! what is wrong in the program is found as without it.
//!
//! AddressSanitizer sees the calls that reach its allocator through the tracer:
//! blocks that are freed twice, or that nobody allocated. Valgrind sees each load
//! and store of the tracer's own code too.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::trace::Reader;
use tests::tracing::{Program, Replay, installed, library, trace_to};

/// Whether programs can be compiled for AddressSanitizer; where not, says that a
/// test leaves it out.
fn has_address_sanitizer() -> bool {
    let asked = Command::new("cc")
        .arg("-print-file-name=libasan.so")
        .output();
    let found = asked.is_ok_and(|output| {
        let path = String::from_utf8_lossy(&output.stdout);
        Path::new(path.trim()).is_absolute()
    });
    if !found {
        eprintln!("SKIPPED: the C compiler has no libasan.so");
    }
    found
}

fn end(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a program that was compiled for AddressSanitizer, traced.
fn sanitized(name: &str, arguments: &[&str], trace: &Path) -> Output {
    let program = Program::compile(name, &["-fsanitize=address"]);
    let mut command = program.command();
    // The tracer comes first on purpose: its allocator is the sanitizer's.
    command
        .args(arguments)
        .env("ASAN_OPTIONS", "verify_asan_link_order=0");
    trace_to(&mut command, trace);
    end(&mut command)
}

#[test]
fn address_sanitizer_finds_nothing_in_a_traced_program() {
    if !has_address_sanitizer() {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    let output = sanitized("threads_exchange", &["4", "2000"], &trace);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&output.stdout), "done\n");
    assert!(output.status.success());
    let replay = Replay::sound(&trace);
    assert!(replay.threads.len() > 4 && replay.calls.len() > 2000);
}

#[test]
fn address_sanitizer_finds_what_a_traced_program_does_wrong() {
    if !has_address_sanitizer() {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let output = sanitized("misuse", &[], &folder.path().join("app.trc"));
    assert!(!output.status.success());
    let told = text(&output.stderr);
    assert!(told.contains("heap-use-after-free"), "{told}");
}

/// Runs a program traced under valgrind; what valgrind tells, fault by fault, and
/// how many records the longest trace has. Their sizes mean nothing: they are
/// read off the headers of glibc's blocks, which are not there.
fn under_valgrind(name: &str, arguments: &[&str]) -> (Vec<String>, usize) {
    let program = Program::compile(name, &["-g"]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    let mut command = Command::new("valgrind");
    // Its own allocator stands in for that of the C library, not for the tracer.
    command
        .args(["--quiet", "--trace-children=yes"])
        .arg("--soname-synonyms=somalloc=nouserintercepts")
        .arg("env")
        .arg(format!("LD_PRELOAD={}", library().display()))
        .arg(format!("TRACEFILE={}", trace.display()))
        .arg(&program.path)
        .args(arguments);
    let output = end(&mut command);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let entries = folder.path().read_dir().expect("the folder is there");
    let longest = entries
        .map(|entry| entry.expect("readable").path())
        .max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len()));
    let longest = File::open(longest.expect("a trace was written")).expect("it opens");
    let records = Reader::new(longest).map(|event| event.expect("whole records"));
    (faults(&text(&output.stderr)), records.count())
}

/// Valgrind's messages, which begin with `==PID== ` line by line and are apart by
/// empty lines; but not the tracer's look at the header that glibc puts before
/// each block, and valgrind's allocator does not.
fn faults(told: &str) -> Vec<String> {
    let mut faults = vec![String::new()];
    for line in told.lines() {
        let line = line.rsplit_once("== ").map_or(line, |(_, line)| line);
        // Which thread stands before the first message that is of another.
        let of_thread = line.starts_with("Thread ") && line.ends_with(':');
        if of_thread || line.trim().is_empty() {
            faults.push(String::new());
        } else if let Some(fault) = faults.last_mut() {
            *fault += line;
            *fault += "\n";
        }
    }
    faults.retain(|fault| {
        let header = fault.starts_with("Invalid read of size 8\n")
            && fault.contains("is 8 bytes before a block of size");
        !fault.is_empty() && !header
    });
    faults
}

#[test]
fn valgrind_finds_nothing_in_the_tracer() {
    if !installed("valgrind") {
        return;
    }
    let (faults, records) = under_valgrind("threads_exchange", &["4", "500"]);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(records > 500);
}

#[test]
fn valgrind_finds_what_a_traced_program_does_wrong() {
    if !installed("valgrind") {
        return;
    }
    let (faults, _) = under_valgrind("misuse", &[]);
    let found = |fault: &String| fault.starts_with("Invalid read of size 1\n");
    assert!(faults.iter().any(found), "{}", faults.join("\n"));
}
