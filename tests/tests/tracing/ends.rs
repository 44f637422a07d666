//! However a program ends, every call that was completed is in the trace.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::{Duration, Instant};

use common::trace::wire::Call;
use tests::tracing::{Program, Replay, same_as_untraced, trace_to};

fn ends(way: &str) -> (std::process::ExitStatus, Replay) {
    let program = Program::compile("ends", &[]);
    let run = same_as_untraced(|| {
        let mut command = program.command();
        command.arg(way);
        command
    });
    let trace = run.main();
    assert_eq!(trace.allocations_of(12345), 1000, "{way}");
    assert!(
        trace.count(|call| matches!(call, Call::Free { .. })) >= 400,
        "{way}"
    );
    (run.output.status, trace)
}

/// The file ends where the last record does.
fn ends_exactly(way: &str, code: i32) {
    let (status, trace) = ends(way);
    assert_eq!(status.code(), Some(code), "{way}");
    assert_eq!(trace.length, trace.used, "{way}");
}

#[test]
fn nothing_is_lost_and_nothing_added_by_ends_of_the_programs_own() {
    for (way, code) in [
        ("return", 0),
        ("exit", 3),
        ("_exit", 4),
        ("_Exit", 5),
        ("quick_exit", 6),
        ("thread", 7),
        ("pthread_exit", 0),
    ] {
        ends_exactly(way, code);
    }
}

#[test]
fn nothing_is_lost_by_a_fatal_signal() {
    for (way, signal) in [
        ("abort", libc::SIGABRT),
        ("segv", libc::SIGSEGV),
        ("kill", libc::SIGKILL),
    ] {
        let (status, _) = ends(way);
        assert_eq!(status.signal(), Some(signal), "{way}");
    }
}

/// Waits until the trace at `path` has records up to byte `at`.
fn wait_for_records(path: &Path, at: u64) {
    let start = Instant::now();
    let mut page = [0; 4096];
    loop {
        let read = File::open(path).and_then(|file| file.read_at(&mut page, at));
        if read.is_ok_and(|length| page[..length].iter().any(|&byte| byte != 0)) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no records come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a kill in the middle of eight threads' calls may cost is the record
/// that each of them was writing. Only of a realloc can that show: its old
/// block may be reused already.
#[test]
fn a_kill_in_the_middle_of_calls_leaves_a_trace_without_corruption() {
    let program = Program::compile("threads_exchange", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    for run in 0..15 {
        let trace = folder.path().join(format!("{run}.trc"));
        let mut command = program.command();
        trace_to(command.args(["8", "100000000"]), &trace);
        let mut child = command.spawn().expect("the program starts");
        wait_for_records(&trace, 100_000 + run * 77_777);
        child.kill().expect("it runs");
        assert_eq!(child.wait().expect("it ends").signal(), Some(libc::SIGKILL));
        let replay = Replay::of(&trace);
        assert!(replay.cut.is_none());
        assert!(replay.calls.len() > 1000, "{} calls", replay.calls.len());
        assert!(replay.anomalies.len() <= 8, "{:?}", replay.anomalies);
    }
}
