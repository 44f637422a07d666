//! Each process writes a trace of its own, and nobody writes another's.

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use tests::tracing::{Program, Replay, Traced, installed, same_as_untraced, trace_to};

fn start(way: &str) -> Traced {
    let program = Program::compile("processes", &[]);
    same_as_untraced(|| {
        let mut command = program.command();
        command.arg(way);
        command
    })
}

fn parent_is_whole(run: &Traced) {
    let parent = run.main();
    assert_eq!(parent.allocations_of(1001), 20);
    assert_eq!(parent.allocations_of(1002), 1);
    assert_eq!(parent.allocations_of(1003), 1);
    assert_eq!(parent.allocations_of(2001), 0);
    assert_eq!(parent.allocations_of(3001), 0);
}

/// A forked child: its own blocks, and none that it inherited. What it made of
/// an inherited block by realloc is its own.
fn forked(child: &Replay) {
    assert_eq!(child.allocations_of(2001), 51);
    assert_eq!(child.allocations_of(1001), 0);
    assert_eq!(child.allocations_of(5000), 5);
    assert_eq!(child.allocations_of(1003), 0);
}

#[test]
fn a_forked_child_has_a_trace_of_its_own() {
    let run = start("fork");
    parent_is_whole(&run);
    let children = run.children();
    assert_eq!(children.len(), 1);
    forked(&children[0]);
    assert_eq!(children[0].length, children[0].used);
}

#[test]
fn so_has_a_child_of_a_child() {
    let run = start("twice");
    parent_is_whole(&run);
    let children = run.children();
    assert_eq!(children.len(), 2);
    let own: usize = children
        .iter()
        .map(|child| child.allocations_of(2001))
        .sum();
    assert_eq!(own, 102);
    for child in &children {
        assert_eq!(child.allocations_of(2001), 51);
    }
}

#[test]
fn so_has_a_child_of_a_raw_clone() {
    let run = start("clone");
    parent_is_whole(&run);
    let children = run.children();
    assert_eq!(children.len(), 1);
    forked(&children[0]);
}

#[test]
fn a_program_that_a_forked_child_executes_takes_the_next_name() {
    let run = start("fork_exec");
    parent_is_whole(&run);
    let children = run.children();
    assert_eq!(children.len(), 2);
    forked(&children[0]);
    assert_eq!(children[1].allocations_of(3001), 30);
    let names: Vec<_> = run
        .files()
        .iter()
        .map(|f| f.display().to_string())
        .collect();
    assert_eq!(format!("{}.1", names[1]), names[2]);
}

#[test]
fn programs_started_in_any_way_have_traces() {
    for way in ["vfork", "spawn", "system", "popen", "chdir_exec"] {
        let run = start(way);
        parent_is_whole(&run);
        let leaves: usize = run
            .children()
            .iter()
            .map(|child| child.allocations_of(3001))
            .sum();
        assert_eq!(leaves, 30, "{way}");
    }
}

#[test]
fn an_exec_keeps_the_trace_of_what_ran_before() {
    let run = start("exec");
    assert_eq!(run.main().allocations_of(1001), 20);
    let children = run.children();
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].allocations_of(3001), 30);
}

#[test]
fn a_failed_exec_and_a_vfork_that_exits_do_the_parent_no_harm() {
    for way in ["exec_fails", "vfork_exit"] {
        let run = start(way);
        parent_is_whole(&run);
        assert!(run.children().is_empty(), "{way}");
    }
}

#[test]
fn the_process_id_takes_the_place_of_percent_p() {
    let program = Program::compile("processes", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut command = program.command();
    trace_to(command.arg("fork_exec"), folder.path().join("a-%p-%p.trc"));
    let child = command.spawn().expect("the program starts");
    let id = child.id();
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert!(folder.path().join(format!("a-{id}-{id}.trc")).is_file());
    let files = folder.path().read_dir().expect("readable").count();
    assert_eq!(files, 3);
    for entry in folder.path().read_dir().expect("readable") {
        Replay::sound(&entry.expect("readable").path());
    }
}

#[test]
fn only_the_first_process_is_traced_where_children_are_not_followed() {
    let program = Program::compile("processes", &[]);
    for way in ["fork", "fork_exec", "system", "exec"] {
        let run = same_as_untraced(|| {
            let mut command = program.command();
            command.arg(way).env("IDEALLOC_FOLLOW", "0");
            command
        });
        assert_eq!(run.main().allocations_of(1001), 20, "{way}");
        assert!(run.children().is_empty(), "{way}");
    }
}

#[test]
fn a_new_run_replaces_the_file_of_an_old_one() {
    let program = Program::compile("processes", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    for _ in 0..2 {
        let mut command = program.command();
        trace_to(command.arg("leaf"), &trace);
        assert_eq!(command.output().expect("it runs").status.code(), Some(9));
        assert_eq!(Replay::sound(&trace).allocations_of(3001), 30);
    }
    assert_eq!(folder.path().read_dir().expect("readable").count(), 1);
}

#[test]
fn every_process_of_a_shell_pipeline_has_a_sound_trace() {
    if !installed("bash") {
        return;
    }
    let run = same_as_untraced(|| {
        let mut command = std::process::Command::new("bash");
        command.args([
            "-c",
            "for i in 1 2 3; do (echo $i; ls /) | sort | tr a b; done; exec wc -c </etc/passwd",
        ]);
        command
    });
    run.main();
    assert!(run.children().len() >= 9);
}

fn launch(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = tests::program("idealloc-trace");
    command.current_dir(folder).args(arguments);
    let output = command.stdin(Stdio::null()).output();
    output.expect("the launcher starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = folder.read_dir().expect("readable");
    let names = entries.map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn children_of_an_earlier_run_leave_nothing_to_a_later_one() {
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    for output in ["a.trc", "a.trc.zst"] {
        let folder = tempfile::TempDir::new().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        // Neither is a child's trace, by its name.
        fs::write(at("a.trc.20260131"), "mine").expect("a file");
        fs::write(at("a.trc.001"), "mine").expect("a file");
        let arguments = ["-o", output, "--", program, "fork_exec"];
        let first = launch(folder.path(), &arguments);
        assert!(!said(&first).contains("removed"), "{}", said(&first));
        let before = names(folder.path());
        // One that was killed before its first record.
        let empty = match output.ends_with("zst") {
            true => "a.trc.77.zst",
            false => "a.trc.77",
        };
        fs::write(at(empty), "").expect("a file");
        let second = launch(folder.path(), &arguments);
        let told = "idealloc-trace: removed 3 traces that children of an earlier run left\n";
        assert!(said(&second).starts_with(told), "{}", said(&second));
        let after = names(folder.path());
        assert_eq!((before.len(), after.len()), (5, 5), "{before:?} {after:?}");
        let kept = before.iter().filter(|name| after.contains(name));
        let mut expected = ["a.trc.001", "a.trc.20260131", output];
        expected.sort_unstable();
        assert_eq!(kept.collect::<Vec<_>>(), expected);
        // Quietly, too.
        let third = launch(folder.path(), &["-q", "-o", output, "--", program, "leaf"]);
        assert_eq!(said(&third), "");
        assert_eq!(names(folder.path()).len(), 3);
    }
}

#[test]
fn runs_that_share_no_name_remove_nothing() {
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    let folder = tempfile::TempDir::new().expect("a folder");
    fs::write(folder.path().join("a-%p.trc.12"), "mine").expect("a file");
    for files in [4, 7] {
        let output = launch(
            folder.path(),
            &["-o", "a-%p.trc", "--", program, "fork_exec"],
        );
        assert!(!said(&output).contains("removed"), "{}", said(&output));
        assert_eq!(names(folder.path()).len(), files);
    }
}

#[test]
fn a_child_that_is_still_traced_keeps_its_file() {
    let program = Program::compile("outlives", &[]);
    let program = program.path.to_str().expect("text");
    let folder = tempfile::TempDir::new().expect("a folder");
    let go = folder.path().join("go");
    launch(
        folder.path(),
        &["-o", "a.trc", "--", program, go.to_str().expect("text")],
    );
    let before = names(folder.path());
    assert_eq!(before.len(), 2, "{before:?}");
    let output = launch(folder.path(), &["-o", "a.trc", "true"]);
    assert!(!said(&output).contains("removed"), "{}", said(&output));
    assert_eq!(names(folder.path()), before);
    assert!(
        said(&output).contains("still being written"),
        "{}",
        said(&output)
    );
    // Once its process has ended it is older than the last run, and so nobody's child.
    fs::write(&go, "").expect("a file");
    for _ in 0..6000 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        let output = launch(folder.path(), &["-o", "a.trc", "true"]);
        if output.status.code() == Some(2) {
            let told = said(&output);
            assert!(
                told.contains("no trace of a child of the last run"),
                "{told}"
            );
            assert!(told.contains("move it away"), "{told}");
            return assert_eq!(names(folder.path()).len(), 3);
        }
    }
    panic!("the run is never refused");
}

#[test]
fn what_a_user_keeps_under_a_childs_name_stays() {
    let program = Program::compile("processes", &[]);
    let program = program.path.to_str().expect("text");
    let folder = tempfile::TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    launch(folder.path(), &["-o", "a.trc", "--", program, "leaf"]);
    // The trace of the first process, moved aside, under the name that a child's would have.
    let bytes = fs::read(at("a.trc")).expect("a trace");
    let mut tags = bytes.windows(8).zip(8..);
    let (_, at_id) = tags.find(|(tag, _)| tag == b"process ").expect("a note");
    let id = u64::from_be_bytes(bytes[at_id..at_id + 8].try_into().expect("8 bytes"));
    let aside = format!("a.trc.{id}");
    fs::rename(at("a.trc"), at(&aside)).expect("it moves");
    for _ in 0..2 {
        let output = launch(folder.path(), &["-o", "a.trc", "--", program, "leaf"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert_eq!(fs::read(at(&aside)).expect("it stays"), bytes);
        // With a later run in its old place it is refused, too.
        let other = launch(folder.path(), &["-o", "b.trc", "--", program, "leaf"]);
        assert!(!said(&other).contains("removed"));
        fs::rename(at("b.trc"), at("a.trc")).expect("it moves");
    }
}
