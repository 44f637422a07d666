//! What every back end of the hook shares: the exported names, and that a back end may
//! serve blocks itself (`uncore/hook/examples/arena.rs`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tests::tracing::{Program, installed, library};

/// The example's library. The first call builds it.
fn arena() -> &'static Path {
    static ARENA: OnceLock<PathBuf> = OnceLock::new();
    ARENA.get_or_init(|| {
        let profile = tests::built();
        let mut build = Command::new(env!("CARGO"));
        build
            .current_dir(tests::workspace())
            .args(["build", "--workspace", "--example", "arena", "--quiet"])
            .args(["--offline", "--target-dir"])
            .arg(profile.parent().expect("the target folder"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo runs").success());
        profile.join("examples/libarena.so")
    })
}

#[test]
fn every_name_of_the_table_is_bound_to_the_preloaded_library() {
    let program = Program::compile("names", &[]);
    for library in [library().as_path(), arena()] {
        let output = program
            .command()
            .args(hook::NAMES)
            .env("LD_PRELOAD", library)
            .env("TRACEFILE", "a.trc")
            .output()
            .expect("it runs");
        let bound = String::from_utf8(output.stdout).expect("text");
        assert_eq!(bound.lines().count(), hook::NAMES.len());
        for (name, object) in hook::NAMES.iter().zip(bound.lines()) {
            assert_eq!(Path::new(object), library, "{name}");
        }
    }
}

/// What a command does under the arena as without it; the arena's counts at the ends of
/// its processes: served, freed, out, in, forks.
fn same_under_arena(make: impl Fn() -> Command) -> Vec<[u64; 5]> {
    let plain = make().stdin(Stdio::null()).output().expect("it runs");
    let mut under = make();
    under
        .env("LD_PRELOAD", arena())
        .env("ARENA_REPORT", "1")
        .stdin(Stdio::null());
    let under = under.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&plain.stdout), text(&under.stdout));
    assert_eq!(plain.status, under.status);
    assert!(plain.status.success(), "{}", text(&plain.stdout));
    let counts = |line: &str| {
        let numbers: Vec<u64> = line
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect();
        numbers.try_into().expect("five counts")
    };
    text(&under.stderr).lines().map(counts).collect()
}

#[test]
fn a_back_end_that_serves_blocks_itself_runs_threads_and_forks() {
    let program = Program::compile("serves", &[]);
    let [child, parent] = same_under_arena(|| program.command())[..] else {
        panic!("a line for each of two processes");
    };
    let [served, freed, out, into, forks] = parent;
    assert!(served > 50_000 && freed > 50_000, "{parent:?}");
    assert!(out > 1000 && into > 1000 && forks == 0, "{parent:?}");
    // The child goes on from its parent's counts.
    assert!(child[0] > 100_000 && child[4] == 1, "{child:?}");
}

#[test]
fn edge_cases_of_c_are_the_same_where_a_back_end_serves() {
    let program = Program::compile("calls", &[]);
    assert_eq!(same_under_arena(|| program.command()).len(), 1);
}

#[test]
fn real_programs_run_where_a_back_end_serves() {
    for (name, script) in [
        (
            "python3",
            "python3 -c 'print(sum(len(str(i)) for i in range(99999)))'",
        ),
        (
            "sqlite3",
            "sqlite3 :memory: 'create table t(a); insert into t values(1),(2); select sum(a) from t'",
        ),
    ] {
        if installed(name) {
            let counts = same_under_arena(|| {
                let mut command = Command::new("sh");
                command.args(["-c", script]).env("PYTHONMALLOC", "malloc");
                command
            });
            assert!(
                counts.iter().any(|counts| counts[0] > 100),
                "{name}: {counts:?}"
            );
        }
    }
}
