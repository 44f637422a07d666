//! However a program ends, every call that was completed is in the trace.

use std::os::unix::process::ExitStatusExt;

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

/// What a kill in the middle of eight threads' calls may cost is the record
/// that each of them was writing.
#[test]
fn a_kill_in_the_middle_of_calls_leaves_a_trace_without_corruption() {
    let program = Program::compile("threads_exchange", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    for run in 0..15 {
        let mut command = program.command();
        trace_to(command.args(["8", "100000000"]), &trace);
        let mut child = command.spawn().expect("the program starts");
        std::thread::sleep(std::time::Duration::from_millis(40 + run));
        child.kill().expect("it runs");
        assert_eq!(child.wait().expect("it ends").signal(), Some(libc::SIGKILL));
        let replay = Replay::of(&trace);
        assert!(replay.cut.is_none());
        assert!(replay.calls.len() > 1000, "{} calls", replay.calls.len());
        assert!(replay.oddities.len() <= 8, "{:?}", replay.oddities);
    }
}
