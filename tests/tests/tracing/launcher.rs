//! The launcher: what it refuses, what it passes on, what it says.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;
use tests::program;
use tests::tracing::{Program, Replay, installed, trace_to};

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

/// The rows of the table, each as its words: process, parent, command and the rest.
fn rows(said: &str) -> Vec<Vec<&str>> {
    let lines = said.lines().skip_while(|line| !line.contains("peak held"));
    let rows = lines.skip(1).take_while(|line| line.starts_with("  "));
    let rows = rows.filter(|line| !line.starts_with("  ... "));
    rows.map(|line| line.split_whitespace().collect()).collect()
}

/// What a run says is next: commands, each a line for a shell.
fn next(said: &str) -> Vec<&str> {
    let lines = said.lines().skip_while(|line| !line.starts_with("next: "));
    lines.map(|line| &line["next: ".len()..]).collect()
}

#[test]
fn the_table_has_a_line_a_process_the_largest_first() {
    let folder = TempDir::new().expect("a folder");
    let output = run(folder.path(), &["-o", "a.trc", "sh", "-c", "ls; ls -l"]);
    let said = text(&output.stderr);
    let rows = rows(&said);
    assert_eq!(rows.len(), 3, "{said}");
    let shell = rows.iter().find(|row| row[2] == "sh").expect("the shell");
    assert_eq!(shell.last(), Some(&"a.trc"), "{said}");
    for row in rows.iter().filter(|row| row[2] == "ls") {
        assert_eq!(row[1], shell[0], "{said}");
        assert_eq!(row.last(), Some(&&*format!("a.trc.{}", row[0])), "{said}");
    }
    if !installed("python3") {
        return;
    }
    // A launcher of others, which is the smallest itself.
    let code = "import subprocess, sys
for size in 30, 90, 60:
    subprocess.run([sys.executable, '-c', f'x = bytearray({size} << 20)'], check=True)";
    let output = run(
        folder.path(),
        &["-o", "py.trc", "--", "python3", "-c", code],
    );
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stderr);
    let rows = self::rows(&said);
    let held: Vec<f64> = rows[..3]
        .iter()
        .map(|row| {
            let at = row.len() - 3;
            assert_eq!(row[at + 1], "MiB", "{said}");
            row[at].parse().expect("a number")
        })
        .collect();
    for (held, size) in held.iter().zip([90.0, 60.0, 30.0]) {
        assert!((size..size + 20.0).contains(held), "{said}");
    }
    let largest = rows[0].last().expect("a file");
    assert!(next(&said)[0].starts_with(&format!("report {largest} --html ")));
}

#[test]
fn of_many_processes_twenty_are_listed_and_the_others_counted() {
    let folder = TempDir::new().expect("a folder");
    let script = "i=0; while [ $i -lt 30 ]; do ls / >/dev/null; i=$((i+1)); done";
    let output = run(folder.path(), &["-o", "a.trc", "sh", "-c", script]);
    let said = text(&output.stderr);
    assert_eq!(rows(&said).len(), 20, "{said}");
    let files = folder.path().read_dir().expect("readable").count();
    assert!(files >= 31);
    let more = format!("  ... and {} more", files - 20);
    assert!(said.contains(&more), "{said}");
}

#[test]
fn what_is_next_can_be_typed_whatever_the_name() {
    let folder = TempDir::new().expect("a folder");
    for name in ["my app.trc", "it's.trc.zst", "-x.trc", "plain"] {
        let output = run(folder.path(), &[&format!("--output={name}"), "ls", "/"]);
        let said = text(&output.stderr);
        let next = next(&said);
        assert_eq!(next.len(), 2, "{said}");
        let adapt = next[1].split(" && ").next().expect("adapt");
        for line in [next[0], adapt] {
            let ran = tests::shell(folder.path(), line);
            assert!(ran.status.success(), "{line}: {ran:?}");
        }
    }
    for made in ["my app.html", "it's.html", "-x.plc", "plain.plc"] {
        assert!(folder.path().join(made).is_file(), "{made}");
    }
}

#[test]
fn the_report_and_the_page_are_of_the_largest_process() {
    let folder = TempDir::new().expect("a folder");
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    let output = run(
        folder.path(),
        &[
            "-o", "a.trc", "--report", "--html", "a.html", "--", program, "leaf",
        ],
    );
    // What the program prints and how it ends stay as they are.
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(output.stdout, b"leaf\n");
    let said = text(&output.stderr);
    let report = tests::run_in(folder.path(), "report", &["a.trc"], b"").out;
    assert!(said.contains(&report), "{said}");
    assert!(said.contains("wrote a.html, a page on a.trc"), "{said}");
    assert_eq!(next(&said).len(), 1, "{said}");
    tests::run_in(folder.path(), "report", &["a.trc", "--html", "b.html"], b"");
    let page = |name: &str| fs::read(folder.path().join(name)).expect("a page");
    assert!(page("a.html") == page("b.html"));
    // The report needs no page, and the page no words.
    let output = run(folder.path(), &["-o", "b.trc.zst", "--report", "ls", "/"]);
    assert!(text(&output.stderr).contains("the report on b.trc.zst"));
    let output = run(folder.path(), &["-q", "--html", "q.html", "ls", "/"]);
    assert_eq!(text(&output.stderr), "");
    assert!(page("q.html").len() > 1000);
}

/// The run is refused with one line, and neither begins nor leaves anything.
fn refused_before_it_begins(folder: &Path, options: &[&str], why: &str) {
    let list = || {
        let entries = folder.read_dir().expect("readable");
        let names = entries.map(|entry| entry.expect("readable").file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = list();
    let arguments = [options, &["--", "sh", "-c", "echo ran; : >ran"]].concat();
    let output = run(folder, &arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{options:?}: {said}");
    assert_eq!(output.stdout, b"", "{options:?}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains(why), "{said}");
    assert_eq!(list(), before, "{options:?}");
}

#[test]
fn a_page_that_could_not_be_written_is_refused_before_the_program_starts() {
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("folder")).expect("a folder");
    let link = folder.path().join("link.html");
    std::os::unix::fs::symlink("a.trc", link).expect("a link");
    for (page, why) in [
        ("link.html", "symbolic link to nothing"),
        ("nowhere/a.html", "nowhere/a.html"),
        ("folder", "folder"),
        ("a.trc", "would replace a trace"),
        ("./a.trc", "would replace a trace"),
        ("a.trc.12", "would replace a trace"),
        ("-", "give the page a name"),
        ("/bin/sh", "would replace /"),
    ] {
        refused_before_it_begins(folder.path(), &["-o", "a.trc", "--html", page], why);
    }
    refused_before_it_begins(
        folder.path(),
        &["-o", "a.trc.zst", "--html", "nowhere/a.html"],
        "nowhere",
    );
}

#[test]
fn a_trace_that_could_not_be_written_is_refused_before_the_program_starts() {
    let folder = TempDir::new().expect("a folder");
    for (output, why) in [
        ("nowhere/a.trc", "no such folder"),
        ("nowhere/a.trc.zst", "no such folder"),
        (".", "it is a directory"),
        // Not even root makes a file there.
        ("/proc/a.trc", "/proc: no file can be made there"),
        ("/proc/a.trc.zst", "/proc: no file can be made there"),
    ] {
        refused_before_it_begins(folder.path(), &["-o", output], why);
    }
}

/// What stands in a folder, byte by byte.
fn content(folder: &Path) -> Vec<(std::ffi::OsString, Option<Vec<u8>>)> {
    let entries = folder.read_dir().expect("readable");
    let entries = entries.map(|entry| entry.expect("readable"));
    let mut content: Vec<_> = entries
        .map(|entry| (entry.file_name(), fs::read(entry.path()).ok()))
        .collect();
    content.sort();
    content
}

#[test]
fn what_is_no_childs_trace_stops_a_run_and_nothing_is_removed() {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    run(folder.path(), &["-o", "a.trc", "sh", "-c", "ls; ls"]);
    run(folder.path(), &["-o", "a.trc.zst", "sh", "-c", "ls; ls"]);
    let trace = fs::read(at("a.trc")).expect("a trace");
    let refused = |output: &str, why: &str| {
        let before = content(folder.path());
        refused_before_it_begins(folder.path(), &["-o", output], why);
        assert_eq!(content(folder.path()), before, "{why}");
    };
    fs::write(at("a.trc.12"), "a diary").expect("a file");
    refused("a.trc", "a.trc.12: it does not begin as a trace does, ");
    // Somebody's copy, by a number of their own.
    fs::write(at("a.trc.12"), &trace).expect("a file");
    refused("a.trc", "a.trc.12: it is a trace of process ");
    fs::remove_file(at("a.trc.12")).expect("removed");
    std::os::unix::fs::symlink("a.trc", at("a.trc.12")).expect("a link");
    refused("a.trc", "a.trc.12: it is not a regular file");
    fs::remove_file(at("a.trc.12")).expect("removed");
    fs::create_dir(at("a.trc.12.1")).expect("a folder");
    refused("a.trc", "a.trc.12.1: it is not a regular file");
    fs::remove_dir(at("a.trc.12.1")).expect("removed");
    fs::write(at("a.trc.12.zst"), "a diary").expect("a file");
    refused("a.trc.zst", "a.trc.12.zst: it does not begin");
    // It is in nobody's way here.
    let output = run(folder.path(), &["-o", "a.trc", "true"]);
    let said = text(&output.stderr);
    assert!(said.contains("removed 2 traces that children of"), "{said}");
    assert!(at("a.trc.12.zst").is_file());
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
        "wrote a.trc (",
        "  process  parent  command ",
        "  events  peak live  peak held  file\n",
        "  a.trc\n",
        "next: report a.trc --html a.html\n",
        "      adapt a.trc a.plc && idealloc a.plc -o a-placement.csv\n",
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
    let said = text(&output.stderr);
    assert!(said.contains("wrote 3 traces, one a process ("), "{said}");
    assert_eq!(rows(&said).len(), 3, "{said}");
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

/// A compiler's program of `source`, or None, and a word, where that compiler is missing
/// or cannot make it.
fn compiled(folder: &Path, compiler: &str, options: &[&str]) -> Option<String> {
    if !installed(compiler) {
        return None;
    }
    let source = folder.join("p.c");
    let text = "#include <stdio.h>\n#include <stdlib.h>\n\
                int main(void) { for (int i = 0; i < 50; i++) free(malloc(3001)); puts(\"ok\"); }";
    fs::write(&source, text).expect("a file");
    let path = folder.join("p");
    let status = Command::new(compiler)
        .args(["-O0", "-o"])
        .args([&path, &source])
        .args(options)
        .stderr(Stdio::null())
        .status();
    if !status.expect("a compiler").success() {
        eprintln!("SKIPPED: {compiler} knows no {options:?}");
        return None;
    }
    path.to_str().map(str::to_owned)
}

#[test]
fn programs_that_the_tracer_cannot_work_in_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let refused = |program: &str, why: &str| {
        let output = run(folder.path(), &["-o", "a.trc", "--", program]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(output.stdout, b"", "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(why), "{said}");
        assert!(!folder.path().join("a.trc").exists());
    };
    if let Some(program) = compiled(folder.path(), "musl-gcc", &[]) {
        refused(&program, "the tracer needs glibc's");
        let script = folder.path().join("script");
        fs::write(&script, format!("#!{program}\n")).expect("a script");
        refused(script.to_str().expect("text"), "the tracer needs glibc's");
    }
    if let Some(program) = compiled(folder.path(), "cc", &[]) {
        // The same program with a loader that does not exist, and as a 32-bit one.
        let bytes = fs::read(&program).expect("a program");
        let at = bytes.windows(8).position(|part| part == b"ld-linux");
        let mut other = bytes.clone();
        other[at.expect("a loader")..][..8].copy_from_slice(b"ld-uclib");
        fs::write(&program, &other).expect("a program");
        refused(&program, "the tracer needs glibc's");
        other[4] = 1;
        fs::write(&program, &other).expect("a program");
        refused(&program, "a 32-bit program");
    }
    if let Some(program) = compiled(folder.path(), "cc", &["-fsanitize=address"]) {
        refused(&program, "ASAN_OPTIONS=verify_asan_link_order=0");
        let output = launcher(folder.path())
            .args(["-q", "-o", "asan.trc", "--", &program])
            .env("ASAN_OPTIONS", "verify_asan_link_order=0")
            .output()
            .expect("the launcher starts");
        assert!(output.status.success(), "{output:?}");
        assert_eq!((&*output.stdout, &*output.stderr), (&b"ok\n"[..], &b""[..]));
        let trace = Replay::sound(&folder.path().join("asan.trc"));
        assert_eq!(trace.allocations_of(3001), 50);
    }
    for sanitizer in ["thread", "leak", "undefined"] {
        let option = format!("-fsanitize={sanitizer}");
        if let Some(program) = compiled(folder.path(), "cc", &[&option]) {
            let output = run(folder.path(), &["-q", "-o", "b.trc", "--", &program]);
            assert!(output.status.success(), "{output:?}");
            assert_eq!((&*output.stdout, &*output.stderr), (&b"ok\n"[..], &b""[..]));
            let trace = Replay::sound(&folder.path().join("b.trc"));
            assert_eq!(trace.allocations_of(3001), 50, "{sanitizer}");
        }
    }
}

#[test]
fn a_program_with_capabilities_is_refused_where_they_count() {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("program");
    fs::copy("/bin/true", &program).expect("a copy");
    let script = "chmod 777 \"$0\" && setcap cap_net_raw+ep \"$0\"/program && \
                  setpriv --reuid 65534 --regid 65534 --clear-groups test -x \"$1\"";
    let trace = tests::program("idealloc-trace");
    let prepared = Command::new("sh")
        .args(["-c", script])
        .arg(folder.path())
        .arg(trace.get_program())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !prepared {
        eprintln!("SKIPPED: only root can give a program capabilities");
        return;
    }
    // Root has them already, and the loader knows.
    let program = program.to_str().expect("text");
    let output = run(folder.path(), &["-q", "-o", "a.trc", "--", program]);
    assert!(output.status.success(), "{output:?}");
    Replay::sound(&folder.path().join("a.trc"));
    let output = Command::new("setpriv")
        .current_dir(folder.path())
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(trace.get_program())
        .args(["-o", "b.trc", "--", program])
        .output()
        .expect("setpriv runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("has file capabilities"), "{said}");
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
    // Waiting would close it, which ends the program, too.
    let _input = child.stdin.take();
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
