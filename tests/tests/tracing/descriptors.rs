//! Programs that do with their descriptors what they like, and the tracer's, which they do
//! not see.

use std::process::Command;

use tests::tracing::{Program, Replay, Traced, same_as_untraced};

fn under(limits: &str, arguments: &[&str]) -> Traced {
    let program = Program::compile("descriptors", &["-pthread"]);
    same_as_untraced(|| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{limits} exec \"$@\""), "sh"]);
        command.arg(program.command().get_program()).args(arguments);
        command
    })
}

/// The program's trace: the first process is the shell, which the program takes the place of.
#[track_caller]
fn trace(traced: &Traced) -> Replay {
    let children = traced.children().into_iter();
    let trace = children.max_by_key(|trace| trace.calls.len());
    let trace = trace.expect("the program's trace");
    assert!(trace.allocations_of(500) >= 60, "the trace ends early");
    trace
}

#[track_caller]
fn is_whole(traced: &Traced) {
    let trace = trace(traced);
    assert_eq!(trace.length, trace.used, "nothing is left behind");
}

#[test]
fn a_daemon_is_traced_to_its_end() {
    let user = Command::new("id").arg("-u").output().expect("id runs");
    let drops: &[&str] = match user.stdout.as_slice() {
        b"0\n" => &["", "rights", "root"],
        _ => &[""],
    };
    for way in [
        "loop",
        "down",
        "close_range",
        "syscall",
        "closefrom",
        "proc",
        "dup2",
    ] {
        for drop in drops {
            is_whole(&under("", &[way, drop]));
            // A usual limit, below which there is no room that the program may not use.
            is_whole(&under("ulimit -n 1024;", &[way, drop]));
        }
    }
}

#[test]
fn a_program_may_open_as_many_files_as_it_is_allowed_to() {
    for few in ["ulimit -n 10;", "ulimit -n 64;", "ulimit -n 200;"] {
        // Without a descriptor the file cannot be cut at the end.
        trace(&under(few, &["all"]));
    }
    // Where the limit may be raised, no number below it is the tracer's.
    is_whole(&under("ulimit -S -n 500; ulimit -H -n 1000;", &["all"]));
    is_whole(&under("ulimit -S -n 1024; ulimit -H -n 4096;", &["all"]));
}

#[test]
fn closing_is_as_without_the_tracer() {
    is_whole(&under("", &["odd"]));
    is_whole(&under("", &["vfork"]));
}
