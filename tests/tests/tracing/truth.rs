//! What a report says of a program's memory is true: as glibc's `mallinfo2`, the system
//! and other allocators count it.
//!
//! The truth comes from the program itself: `tests/programs/truth.c` asks for both at its
//! peak and at its end, and prints them. Programs that cannot be asked are measured by
//! the system, in a run of their own without the tracer.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::trace::Note;
use common::trace::wire::{Block, Call};
use serde_json::Value;
use tempfile::TempDir;
use tests::run_in;
use tests::tracing::{
    Program, Replay, Traced, allocator, installed, library, requested, trace_to, traced,
};

/// Of what is held: figures may differ by what an allocator keeps for itself.
const HELD: f64 = 0.03;
/// Of what is touched, or resident: the system counts other pages, too.
const RESIDENT: f64 = 0.1;
/// Pages that are not the allocator's, as far as they differ from run to run.
const OTHER_PAGES: f64 = (1 << 20) as f64;

/// A report on a trace.
struct Told {
    json: Value,
    text: String,
}

impl Told {
    fn of(trace: &Path) -> Told {
        let folder = trace.parent().expect("a folder");
        let name = trace.file_name().expect("a name").to_str().expect("text");
        let report = |arguments: &[&str]| {
            let ran = run_in(folder, "report", arguments, b"");
            assert_eq!(ran.code, 0, "{}", ran.err);
            ran.out
        };
        let json = report(&[name, "--format", "json"]);
        Told {
            json: serde_json::from_str(&json).expect("JSON"),
            text: report(&[name]),
        }
    }

    fn memory(&self, figure: &str) -> f64 {
        let value = self.json["memory"][figure].as_f64();
        value.unwrap_or_else(|| panic!("{figure} of {}", self.json))
    }

    fn savings(&self) -> &[Value] {
        self.json["memory"]["savings"].as_array().expect("a list")
    }

    /// What stands first, without the breaks of its lines.
    fn headline(&self) -> String {
        let first = self.text.split("\n\n").next().expect("lines");
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Asserts that a figure is the truth but for a share of it, and some bytes.
    fn is(&self, figure: &str, truth: f64, share: f64, bytes: f64) {
        let told = self.memory(figure);
        println!("{figure} {told}, in truth {truth}: {:.4}", told / truth);
        assert!(
            (told - truth).abs() <= share * truth + bytes,
            "{figure} is {told}, in truth {truth}"
        );
    }

    fn held(&self, figure: &str, truth: f64) {
        self.is(figure, truth, HELD, 0.0);
    }

    fn resident(&self, figure: &str, truth: f64) {
        self.is(figure, truth, RESIDENT, 0.0);
    }
}

/// What a program told of itself, name by name.
struct Truth(BTreeMap<String, f64>);

impl Truth {
    fn of(text: &[u8]) -> Truth {
        let text = std::str::from_utf8(text).expect("text");
        let line = |line: &str| {
            let (name, number) = line.split_once(' ').expect("a name and a number");
            (name.to_owned(), number.parse().expect("a number"))
        };
        Truth(text.lines().map(line).collect())
    }

    fn get(&self, name: &str) -> f64 {
        self.0[name]
    }
}

/// Runs the program in one of its ways, and reports on the trace.
fn run(way: &str) -> (Traced, Told, Truth) {
    let program = Program::compile("truth", &[]);
    let mut command = program.command();
    command.arg(way);
    let run = traced(command);
    assert!(run.output.status.success());
    run.main();
    let told = Told::of(&run.folder.path().join("app.trc"));
    let truth = Truth::of(&run.output.stdout);
    println!("{way}");
    (run, told, truth)
}

/// The most of a program that was resident at once, without the tracer.
fn most_resident(arguments: &[&str], folder: &Path) -> f64 {
    let program = Program::compile("truth", &[]);
    let output = program
        .command()
        .arg("run")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("it starts");
    assert!(output.status.success());
    Truth::of(&output.stdout).get("most_resident")
}

#[test]
fn mapped_blocks_that_come_and_go_are_never_summed_up() {
    let (_run, told, truth) = run("mapped");
    told.held("peak_held", truth.get("peak_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
    told.resident("resident_peak", truth.get("most_resident"));
    assert!(told.savings().is_empty(), "{:?}", told.savings());
    assert!(told.headline().contains("nothing to gain"), "{}", told.text);
}

#[test]
fn small_blocks_that_keep_the_pages_of_large_ones_are_found() {
    let (_run, told, truth) = run("pins");
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
    let saving = &told.savings()[0];
    assert_eq!(saving["by"], "pins");
    let pin = &told.json["memory"]["pins"][0];
    assert_eq!(pin["class"], 32);
    let near = |value: &Value, truth: f64, share: f64| {
        let value = value.as_f64().expect("a number");
        println!("{value}, in truth {truth}: {:.4}", value / truth);
        assert!((value - truth).abs() <= share * truth, "{value} {truth}");
    };
    near(&pin["blocks"], 20_000.0, 0.02);
    // 20 000 chunks of 4016 and 48 bytes are 19 844 pages, less a block of 40 in each.
    near(&pin["bytes"], 76.7 * 1_048_576.0, 0.03);
    assert_eq!(pin["bytes"], saving["bytes"]);
    let headline = told.headline();
    let (_, advice) = headline.split_once("could save").expect("advice");
    assert!(advice.contains("blocks of 32 bytes"), "{}", told.text);
}

#[test]
fn arenas_of_eight_threads_are_held_as_glibc_says() {
    let (run, told, truth) = run("arenas");
    assert_eq!(run.main().threads.len(), 9);
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
}

#[test]
fn what_a_trim_gives_back_is_touched_no_more() {
    let (_run, told, truth) = run("trim");
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
    told.resident("end_touched", truth.get("end_touched"));
    assert!(told.memory("end_touched") < 0.3 * told.memory("peak_touched"));
}

#[test]
fn a_heap_that_sinks_is_held_no_more() {
    let (_run, told, truth) = run("sink");
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("end_touched", truth.get("end_touched"));
    assert!(told.memory("end_held") < 0.6 * told.memory("peak_held"));
}

#[test]
fn no_threshold_is_advised_where_a_block_lies_above_what_is_free() {
    let (_run, told, truth) = run("under");
    told.held("end_held", truth.get("end_kept"));
    let saving = &told.savings()[0];
    assert_eq!(saving["by"], "trim");
    assert_eq!(saving["brief"], false);
    let text = saving["text"].as_str().expect("a text");
    assert!(text.contains("no threshold does"), "{text}");
    // Free pages are what the heap keeps beside its last blocks.
    let bytes = saving["bytes"].as_f64().expect("a number");
    assert!(
        (bytes / told.memory("end_held") - 1.0).abs() < 0.05,
        "{bytes}"
    );
}

#[test]
fn a_process_that_was_killed_may_have_had_more() {
    let program = Program::compile("truth", &[]);
    let mut command = program.command();
    command.arg("killed");
    let run = traced(command);
    assert!(!run.output.status.success());
    let told = Told::of(&run.folder.path().join("app.trc"));
    let truth = Truth::of(&run.output.stdout);
    told.held("peak_held", truth.get("peak_kept"));
    let partial = told.json["process"]["partial"].to_string();
    assert!(partial.contains("its end is missing"), "{partial}");
    assert!(!told.text.contains("; resident") || told.text.contains(" at least\n"));
    // One that ends is not said to be partial.
    let (_run, told, _) = self::run("sink");
    assert_eq!(
        told.json["process"]["partial"].as_array().map(Vec::len),
        Some(0)
    );
}

#[test]
fn a_block_that_grows_is_held_once() {
    let (run, told, truth) = self::run("remap");
    let grown = |call: &Call| matches!(call, Call::Realloc { old, .. } if *old != 0);
    assert_eq!(run.main().count(grown), 99);
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
    let (_run, told, truth) = self::run("regrow");
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
}

#[test]
fn aligned_blocks_are_held_with_what_lies_before_them() {
    let (_run, told, truth) = run("aligned");
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
}

#[test]
fn a_forked_child_and_its_parent_have_figures_of_their_own() {
    let (run, told, truth) = run("forked");
    told.held("peak_held", truth.get("peak_kept"));
    told.held("end_held", truth.get("end_kept"));
    // 10 000 blocks of 1000 bytes, and their rounding.
    told.held("peak_live", 10_000.0 * 1000.0);
    let files = run.files();
    assert_eq!(files.len(), 2);
    let child = Told::of(&files[1]);
    assert_ne!(child.json["process"]["id"], told.json["process"]["id"]);
    // The heap is its parent's, and held as a whole; the blocks are its own.
    child.held("peak_held", truth.get("child_kept"));
    child.held("peak_live", 5000.0 * 2000.0);
    assert_eq!(child.json["jobs"], 5000);
    // What the child has of its parent is not to be saved by placing its own blocks.
    let inherited = child.json["memory"]["inherited"]
        .as_f64()
        .expect("a number");
    let kept = truth.get("child_kept") - 5000.0 * 2008.0;
    assert!((inherited / kept - 1.0).abs() < 0.05, "{inherited} {kept}");
    let savings = child.json["memory"]["savings"].to_string();
    assert!(!savings.contains("placement"), "{savings}");
    assert_eq!(told.json["memory"]["inherited"], 0);
}

#[test]
fn what_is_touched_is_resident_under_other_allocators() {
    let program = Program::compile("truth", &[]);
    for name in ["libjemalloc.so.2", "libmimalloc.so.2"] {
        let Some(behind) = allocator(name) else {
            continue;
        };
        let folder = TempDir::new().expect("a folder");
        let trace = folder.path().join("app.trc");
        let mut command = program.command();
        command.arg("mixed");
        trace_to(&mut command, &trace);
        let both = format!("{} {}", library().display(), behind.display());
        let output = command.env("LD_PRELOAD", both).output().expect("it starts");
        assert!(output.status.success());
        Replay::sound(&trace);
        let told = Told::of(&trace);
        println!("{name}");
        let truth = Truth::of(&output.stdout);
        told.resident("peak_touched", truth.get("peak_touched"));
        told.resident("resident_peak", truth.get("most_resident"));
        assert!(told.memory("peak_touched") <= told.memory("peak_held"));
    }
    let (_run, told, truth) = run("mixed");
    told.held("peak_held", truth.get("peak_kept"));
    told.resident("peak_touched", truth.get("peak_touched"));
}

/// What the main heap held at most, as the notes tell.
fn largest_heap(trace: &Replay) -> u64 {
    let extents = trace.notes.iter().filter_map(|&(_, _, note)| match note {
        Note::Extent { base, end, .. } => Some(end - base),
        _ => None,
    });
    extents.max().expect("a heap")
}

/// The most that glibc's mappings of single blocks had together, which are whole pages and
/// begin 16 bytes before their block.
fn largest_mapped(trace: &Replay) -> u64 {
    let mut live = BTreeMap::new();
    let (mut now, mut most) = (0, 0);
    for call in &trace.calls {
        let (old, block) = match *call {
            Call::Free { pointer, .. } => (pointer, None),
            Call::Realloc { old, block, .. } => (old, Some(block)),
            Call::Malloc { block, .. } | Call::Calloc { block, .. } => (0, Some(block)),
            _ => (0, None),
        };
        now -= live.remove(&old).unwrap_or(0);
        let mapped = |block: &Block| block.pointer % 4096 == 16 && block.usable >= 128 << 10;
        if let Some(block) = block.filter(mapped) {
            let length = (block.usable + 16).next_multiple_of(4096);
            live.insert(block.pointer, length);
            now += length;
        }
        most = most.max(now);
    }
    most
}

#[test]
fn the_table_of_ls_that_is_moved_thrice_is_counted_once() {
    let tree = TempDir::new().expect("a folder");
    // The table doubles from 100 files on: three times as a mapping of its own.
    for index in 0..6000 {
        fs::write(tree.path().join(format!("file {index}")), "").expect("a file");
    }
    for index in 0..20 {
        fs::create_dir(tree.path().join(format!("folder {index}"))).expect("a folder");
    }
    let mut command = Command::new("ls");
    command.arg("-lR").current_dir(tree.path());
    let run = traced(command);
    assert!(run.output.status.success());
    let trace = run.main();
    let moved: Vec<u64> = trace
        .calls
        .iter()
        .filter(|call| matches!(call, Call::Realloc { old, .. } if *old != 0))
        .filter_map(requested)
        .filter(|&bytes| bytes > 256 << 10)
        .collect();
    assert!(moved.len() >= 3, "{moved:?}");
    let told = Told::of(&run.folder.path().join("app.trc"));
    let table = moved.iter().max().expect("some");
    let mapped = largest_mapped(&trace);
    assert!(mapped < 3 * table / 2, "{mapped} {table}");
    told.held("peak_held", (largest_heap(&trace) + mapped) as f64);
    let resident = most_resident(&["ls", "-lR"], tree.path());
    println!("ls: held {}, resident {resident}", told.memory("peak_held"));
    assert!(told.memory("peak_held") < resident);
    told.is("resident_peak", resident, RESIDENT, OTHER_PAGES);
}

#[test]
fn jq_holds_no_more_than_was_resident() {
    if !installed("jq") {
        return;
    }
    let arguments = ["jq", "-n", "[range(300000)] | add"];
    let mut command = Command::new(arguments[0]);
    command.args(&arguments[1..]);
    let run = traced(command);
    assert_eq!(run.output.stdout, b"44999850000\n");
    let told = Told::of(&run.folder.path().join("app.trc"));
    println!("jq held {}", told.memory("peak_held"));
    assert!(told.memory("peak_held") <= told.memory("resident_peak"));
    let resident = most_resident(&arguments, Path::new("/"));
    told.is("resident_peak", resident, RESIDENT, OTHER_PAGES);
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Debian's server is linked to jemalloc, and asks it what it holds.
#[test]
fn a_redis_server_says_of_its_allocator_what_the_report_does() {
    if !installed("redis-server") || !installed("redis-cli") {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let client = |input: &str, arguments: &[&str]| {
        let commands = folder.join("commands");
        fs::write(&commands, input).expect("a file");
        let output = Command::new("redis-cli")
            .args(["-s", "socket"])
            .args(arguments)
            .current_dir(folder)
            .stdin(fs::File::open(&commands).expect("it opens"))
            .output()
            .expect("it starts");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let mut server = Command::new("redis-server");
    server
        .args(["--port", "0", "--unixsocket", "socket", "--save", ""])
        .current_dir(folder)
        .stdout(Stdio::null());
    trace_to(&mut server, folder.join("app.trc"));
    let mut server = Server(server.spawn().expect("it starts"));
    let deadline = Instant::now() + Duration::from_secs(60);
    while client("", &["ping"]) != "PONG\n" {
        assert!(Instant::now() < deadline, "the server does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    let sets: String = (0..60_000)
        .map(|key| format!("set key:{key} {}\n", "v".repeat(50 + key % 200)))
        .collect();
    let replies = client(&sets, &[]);
    assert_eq!(replies.matches("OK").count(), 60_000);
    // The server asks its allocator ten times a second, if it is not late.
    let ask = || {
        std::thread::sleep(Duration::from_millis(400));
        client("", &["info", "memory"])
    };
    let allocated = |info: &str| {
        let line = info
            .lines()
            .find(|line| line.starts_with("allocator_allocated:"));
        line.map(str::to_owned)
    };
    let mut info = ask();
    loop {
        let next = ask();
        let is_same = allocated(&next) == allocated(&info);
        info = next;
        if is_same || Instant::now() > deadline {
            break;
        }
    }
    let field = |name: &str| -> f64 {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.strip_prefix(':'));
        value.expect("a field").trim().parse().expect("a number")
    };
    let stats = client("", &["memory", "malloc-stats"]);
    // "Allocated: 1, active: 2, metadata: 3 (n_thp 0), resident: 4, mapped: 5, retained: 6"
    let stat = |name: &str| -> f64 {
        let line = stats.lines().find(|line| line.starts_with("Allocated: "));
        let parts = line.expect("a line of sums").split(", ");
        let value = parts.into_iter().find_map(|part| part.strip_prefix(name));
        value.expect("a sum").trim().parse().expect("a number")
    };
    client("", &["shutdown", "nosave"]);
    server.0.wait().expect("it ends");
    if !info.contains("mem_allocator:jemalloc") {
        eprintln!("SKIPPED: redis-server has another allocator than jemalloc");
        return;
    }
    Replay::sound(&folder.join("app.trc"));
    let told = Told::of(&folder.join("app.trc"));
    println!("redis");
    // The peak may be that of a moment when two tables of keys were there.
    told.held("end_live", field("allocator_allocated"));
    assert!(told.memory("peak_live") >= told.memory("end_live"));
    told.resident("peak_touched", field("allocator_active"));
    // Resident, for jemalloc, is its metadata, too, and pages that it has not purged yet.
    assert!(told.memory("peak_touched") <= field("allocator_resident"));
    // A region is held as far as its highest block: with pages that were purged, and with
    // those that jemalloc retains; without its metadata.
    let all = stat("mapped: ") + stat("retained: ");
    let held = told.memory("peak_held");
    println!(
        "peak_held {held}, allocator_resident {}, mapped and retained {all}",
        field("allocator_resident")
    );
    assert!(
        field("allocator_active") <= held && held <= all,
        "{held} {all}"
    );
}
