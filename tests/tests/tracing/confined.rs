//! Programs that limit or confine themselves, and a tracer that stays within that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use common::trace::Note;
use tests::tracing::{Program, Traced, same_as_untraced, traced};

fn confines(arguments: &[&str]) -> Traced {
    let program = Program::compile("confines", &["-pthread"]);
    same_as_untraced(|| {
        let mut command = program.command();
        command.args(arguments);
        command
    })
}

/// Allocations of the sizes that `churn` makes: each size as often as the other, for so many.
#[track_caller]
fn made_all(traced: &Traced, blocks: usize) {
    let trace = traced.main();
    let made = (1..=500)
        .map(|size| trace.allocations_of(size))
        .sum::<usize>();
    assert!(made >= blocks, "{made} of {blocks}");
}

#[test]
fn a_later_limit_of_the_address_space_is_the_programs_alone() {
    // 11 MB of trace on either side.
    made_all(&confines(&["address_space", "200000"]), 401_000);
    made_all(&confines(&["thread", "200000"]), 401_000);
}

#[test]
fn a_trace_goes_on_where_the_address_space_is_used_up() {
    made_all(&confines(&["used_up", "300000"]), 301_000);
}

#[test]
fn a_program_may_use_nearly_all_of_its_address_space() {
    if !tests::tracing::installed("python3") {
        eprintln!("SKIPPED: python3 is not installed");
        return;
    }
    same_as_untraced(|| {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -v 1000000; exec python3 -c 'b=bytearray(930<<20); print(len(b))'",
        ]);
        command
    });
}

#[test]
fn a_trace_takes_little_of_the_address_space_however_long_it_is() {
    let program = Program::compile("confines", &["-pthread"]);
    let sizes = |traced: bool| {
        let mut command = program.command();
        command.args(["sizes", "600000"]);
        let output = match traced {
            true => tests::tracing::traced(command).output,
            false => command.output().expect("the program starts"),
        };
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines()
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .collect::<Vec<_>>()
    };
    let (plain, traced) = (sizes(false), sizes(true));
    assert_eq!(plain.len(), 2);
    for (plain, traced) in plain.into_iter().zip(traced) {
        // The library, its tables and the windows.
        assert!(traced < plain + (10 << 10), "{traced} and {plain} KiB");
    }
}

#[test]
fn memory_can_be_locked_within_its_limit() {
    let program = Program::compile("confines", &["-pthread"]);
    let public = std::env::temp_dir().join(format!("confines-{}", std::process::id()));
    fs::create_dir_all(&public).expect("a folder");
    fs::set_permissions(&public, fs::Permissions::from_mode(0o755)).expect("its rights");
    let copy = public.join("confines");
    fs::copy(program.command().get_program(), &copy).expect("a copy");
    let traced = same_as_untraced(|| {
        let mut command = Command::new(&copy);
        command.args(["locked", "100000"]);
        command
    });
    fs::remove_dir_all(&public).expect("removed");
    made_all(&traced, 101_000);
}

#[test]
fn after_a_limit_of_file_sizes_what_was_prepared_is_used_up() {
    let few = confines(&["file_size", "100000"]);
    made_all(&few, 101_000);
    // What was not used is cut off.
    let trace = few.main();
    assert_eq!(trace.length, trace.used);
    let program = Program::compile("confines", &["-pthread"]);
    for limit in ["0", "1000000"] {
        let mut command = program.command();
        command.args(["file_size", "400000", limit]);
        let many = traced(command);
        assert!(many.output.status.success(), "{:?}", many.output.status);
        let said = String::from_utf8_lossy(&many.output.stderr);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("the file-size limit is reached"), "{said}");
        let trace = many.main();
        assert!(trace.used > (8 << 20) - 100, "{} bytes", trace.used);
    }
}

#[test]
fn a_message_to_a_file_at_its_limit_is_no_signal() {
    // Standard error is a file that has reached the limit, which comes later.
    let program = Program::compile("confines", &["-pthread"]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let errors = folder.path().join("errors");
    fs::write(&errors, "x".repeat(100)).expect("a file");
    let mut command = program.command();
    command.args(["file_size", "400000"]);
    tests::tracing::trace_to(&mut command, folder.path().join("app.trc"));
    let file = fs::OpenOptions::new()
        .append(true)
        .open(&errors)
        .expect("it opens");
    let status = command
        .stderr(file)
        .stdout(std::process::Stdio::null())
        .status()
        .expect("the program starts");
    assert!(status.success(), "{status:?}");
    assert_eq!(fs::metadata(&errors).expect("there").len(), 100);
}

#[test]
fn behind_a_filter_of_system_calls_none_is_made() {
    for way in ["filter", "filter_by_prctl"] {
        let traced = confines(&[way, "20000"]);
        assert_eq!(traced.output.status.code(), Some(3));
        made_all(&traced, 21_000);
        // Times are told without a system call.
        let trace = traced.main();
        let after = trace
            .notes
            .iter()
            .filter(|(calls, _, note)| *calls > 30_000 && matches!(note, Note::Time { .. }));
        assert!(after.count() > 0);
        // What was prepared is used up: nobody is told but who reads the trace.
        let traced = confines(&[way, "400000"]);
        assert_eq!(traced.output.status.code(), Some(3));
        let trace = traced.main();
        assert!(trace.used > (8 << 20) - 100, "{} bytes", trace.used);
        let last = trace.notes.last().map(|&(_, _, note)| note);
        assert_eq!(last, Some(Note::Partial { reason: 3 }));
    }
    made_all(&confines(&["strict", "10000"]), 11_000);
    assert!(confines(&["strict", "400000"]).output.status.success());
}

#[test]
fn a_program_that_may_gain_no_rights_is_traced_to_its_end_and_so_is_its_child() {
    let traced = confines(&["no_new_rights", "300000"]);
    made_all(&traced, 301_000);
    let children = traced.children();
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].allocations_of(500), 600);
}

#[test]
fn a_core_file_holds_no_trace() {
    let folder = tempfile::TempDir::new().expect("a folder");
    fs::write(
        folder.path().join("crash.c"),
        "#include <stdlib.h>\nvoid *volatile p; int main(){for(int i=0;i<100000;i++)free((p=malloc(9)));__builtin_trap();}",
    )
    .expect("a program");
    let made = Command::new("cc")
        .args(["-o", "crash", "crash.c"])
        .current_dir(folder.path())
        .status()
        .expect("cc runs");
    assert!(made.success());
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    if pattern.trim() != "core" {
        eprintln!("SKIPPED: core files do not go to the working directory here");
        return;
    }
    let size = |traced: bool| {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "ulimit -c unlimited; echo 0x7f > /proc/self/coredump_filter; exec ./crash",
            ])
            .current_dir(folder.path());
        if traced {
            tests::tracing::trace_to(&mut command, folder.path().join("app.trc"));
        }
        let status = command.status().expect("the program starts");
        assert_eq!(status.signal(), Some(libc::SIGILL), "{status:?}");
        let core = fs::read_dir(folder.path())
            .expect("readable")
            .map(|entry| entry.expect("readable").path())
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("core"))
            })
            .expect("a core file");
        let size = fs::metadata(&core).expect("there").len();
        fs::remove_file(core).expect("removed");
        size
    };
    let (plain, traced) = (size(false), size(true));
    assert!(traced < plain + (4 << 20), "{traced} and {plain} bytes");
}

#[test]
fn a_program_without_the_clock_of_its_processor_goes_on() {
    made_all(&confines(&["no_clock", "300000"]), 301_000);
}

#[test]
fn no_system_call_is_made_that_the_program_would_be_told_of() {
    made_all(&confines(&["dispatch", "100000"]), 101_000);
}

#[test]
fn children_that_cannot_be_traced_say_so_once() {
    let program = Program::compile("confines", &["-pthread"]);
    let mut command = program.command();
    command.args(["jail", "1000"]);
    let run = traced(command);
    assert!(run.output.status.success());
    let told = String::from_utf8_lossy(&run.output.stdout).into_owned();
    if told.starts_with("chroot 1") {
        eprintln!("SKIPPED: no right to change the root");
        return;
    }
    let said = String::from_utf8_lossy(&run.output.stderr).into_owned();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("uncore: cannot write "), "{said}");
}
