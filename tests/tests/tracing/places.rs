//! Blocks in odd places have their true base and are told apart, and calls from odd
//! places, as small stacks, do no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use common::trace::wire::{Block, Call};
use tempfile::TempDir;
use tests::tracing::{Program, Replay, allocator, installed, library, same_as_untraced, trace_to};

/// What the tracer may take of a thread's stack beyond what the allocator takes, in bytes.
/// A build with less optimisation has larger frames.
const MOST_OF_A_STACK: i64 = if cfg!(debug_assertions) { 1280 } else { 1024 };

fn block(call: &Call) -> Option<Block> {
    match *call {
        Call::Malloc { block, .. } | Call::Calloc { block, .. } => Some(block),
        _ => None,
    }
}

/// The bases of all blocks that came by `malloc`, and how many blocks each has.
fn bases(trace: &Replay) -> BTreeMap<u64, usize> {
    let mut bases = BTreeMap::new();
    for block in trace.calls.iter().filter_map(block) {
        *bases.entry(block.mapping_base).or_default() += 1;
    }
    bases
}

/// The depths that the program tells, way by way.
fn depths(command: &mut Command) -> Vec<(String, i64)> {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{:?}", output.status);
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines()
        .map(|line| {
            let (name, depth) = line.split_once(' ').expect("a name and a number");
            (name.to_owned(), depth.parse().expect("a number"))
        })
        .collect()
}

#[test]
fn no_call_takes_more_than_a_little_of_its_threads_stack() {
    let program = Program::compile("stacks", &["-Wl,-z,now"]);
    for (way, ways) in [("all", 17), ("stop", 1)] {
        let plain = depths(program.command().arg(way));
        let folder = TempDir::new().expect("a folder");
        let mut command = program.command();
        command.arg(way);
        trace_to(&mut command, folder.path().join("app.trc"));
        let traced = depths(&mut command);
        assert_eq!((plain.len(), traced.len()), (ways, ways));
        for ((name, plain), (_, traced)) in plain.iter().zip(&traced) {
            println!("{name}: {plain} bytes, traced {traced}");
            assert!(traced - plain <= MOST_OF_A_STACK, "{name} {plain} {traced}");
        }
    }
}

#[test]
fn a_signal_that_toggles_comes_on_the_stack_that_the_program_set_up_for_signals() {
    let program = Program::compile("places", &["-Wl,-z,now"]);
    let folder = TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    let mut command = program.command();
    command.arg("toggle").env("IDEALLOC_TOGGLE", "SIGUSR2");
    trace_to(&mut command, &trace);
    assert!(command.status().expect("it starts").success());
    assert_eq!(Replay::sound(&trace).allocations_of(5000), 200);
}

#[test]
fn blocks_eight_bytes_apart_are_told_apart_in_a_forked_child() {
    let program = Program::compile("places", &[]);
    for name in [
        "libjemalloc.so.2",
        "libmimalloc.so.2",
        "libtcmalloc_minimal.so.4",
    ] {
        let Some(behind) = allocator(name) else {
            continue;
        };
        let folder = TempDir::new().expect("a folder");
        let mut command = program.command();
        command.arg("eight");
        trace_to(&mut command, folder.path().join("app.trc"));
        let both = format!("{} {}", library().display(), behind.display());
        assert!(
            command
                .env("LD_PRELOAD", both)
                .status()
                .expect("it starts")
                .success()
        );
        let entries = folder.path().read_dir().expect("the folder is there");
        let mut traces: Vec<_> = entries
            .map(|entry| entry.expect("readable").path())
            .collect();
        traces.sort();
        assert_eq!(traces.len(), 2, "{name}");
        let child = Replay::sound(&traces[1]);
        assert_eq!(child.allocations_of(8), 192, "{name}");
        assert!(child.live.is_empty(), "{name}");
    }
}

#[test]
fn a_heap_in_several_pieces_has_one_base_before_and_after_a_fork() {
    let program = Program::compile("places", &[]);
    let run = same_as_untraced(|| {
        let mut command = program.command();
        command.arg("split");
        command
    });
    let parent: BTreeSet<u64> = bases(&run.main()).into_keys().collect();
    assert_eq!(parent.len(), 1, "{parent:x?}");
    let children = run.children();
    assert_eq!(children.len(), 1);
    assert_eq!(children[0].allocations_of(5000), 200);
    let child: BTreeSet<u64> = bases(&children[0]).into_keys().collect();
    assert_eq!(child, parent);
}

/// Runs a command without /proc, which takes a mount of its own. None where that is not
/// allowed, which is said.
fn without_proc(command: &[&str], preload: &str, trace: &Path) -> Option<Replay> {
    let mount = "mount -t tmpfs none /proc";
    let allowed = Command::new("unshare")
        .args(["-m", "sh", "-c", mount])
        .output()
        .is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("SKIPPED: a mount of one's own takes root");
        return None;
    }
    let status = Command::new("unshare")
        .args(["-m", "sh", "-e", "-c"])
        .arg(format!("{mount}; exec \"$@\""))
        .arg("sh")
        .args(["env", &format!("LD_PRELOAD={preload}")])
        .arg(format!("TRACEFILE={}", trace.display()))
        .args(command)
        .status()
        .expect("it starts");
    assert!(status.success());
    Some(Replay::sound(trace))
}

#[test]
fn the_base_is_never_unknown_where_there_is_no_proc() {
    if !installed("unshare") {
        return;
    }
    let program = Program::compile("places", &[]);
    let path = program.path.to_str().expect("text");
    let behind = allocator("libjemalloc.so.2");
    for way in ["few", "walled", "foreign"] {
        let mut preload = library().display().to_string();
        let mut argument = way;
        if way == "foreign" {
            let Some(behind) = &behind else { continue };
            preload = format!("{preload}:{}", behind.display());
            argument = "few";
        }
        let folder = TempDir::new().expect("a folder");
        let trace = folder.path().join("app.trc");
        let Some(trace) = without_proc(&[path, argument], &preload, &trace) else {
            return;
        };
        assert_eq!(trace.allocations_of(5000), 200, "{way}");
        let bases = bases(&trace);
        assert!(bases.len() <= 3, "{way}: {bases:x?}");
        for block in trace.calls.iter().filter_map(block) {
            let (base, at) = (block.mapping_base, block.pointer);
            assert!(
                base != 0 && base <= at && at - base < 64 << 20,
                "{way}: {block:x?}"
            );
        }
    }
}

#[test]
fn a_jump_out_of_malloc_keeps_no_part_of_the_trace_in_memory() {
    let program = Program::compile("leaves", &[]);
    let resident = |count: &str| {
        let mut command = program.command();
        command.arg(count);
        let run = tests::tracing::traced(command);
        assert!(run.output.status.success());
        let said = String::from_utf8_lossy(&run.output.stdout).into_owned();
        let number = said.split_whitespace().nth(1).map(str::to_owned);
        number.and_then(|n| n.parse::<u64>().ok()).expect("KiB")
    };
    let (little, much) = (resident("1000"), resident("6000000"));
    assert!(much < little + (20 << 10), "{little} KiB and {much} KiB");
}
