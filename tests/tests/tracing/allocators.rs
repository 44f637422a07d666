//! Other allocators and libraries beside the tracer: behind it, before it, in the program
//! itself. Whose block it is is known for each function, and what the next library does
//! is done.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::trace::Note;
use common::trace::wire::Call;
use tempfile::TempDir;
use tests::tracing::{
    Program, Replay, Traced, allocator, installed, library, same_as_untraced, traced,
};

/// A run with libraries preloaded, behind the tracer where it is traced: the same as
/// untraced on stdout and stderr, and the same end.
fn same_before(libraries: &[&Path], make: impl Fn() -> Command) -> Traced {
    let preload = |first: Option<PathBuf>| {
        let all = first.iter().map(PathBuf::as_path);
        let all: Vec<_> = all.chain(libraries.iter().copied()).collect();
        let names: Vec<_> = all
            .iter()
            .map(|path| path.to_str().expect("text"))
            .collect();
        names.join(":")
    };
    let run = |mut command: Command, preload: String| {
        command.env("LD_PRELOAD", preload).stdin(Stdio::null());
        command.output().expect("the program starts")
    };
    let plain = run(make(), preload(None));
    let folder = TempDir::new().expect("a folder");
    let mut command = make();
    command.env("TRACEFILE", folder.path().join("app.trc"));
    let output = run(command, preload(Some(library())));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&plain.stdout)
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&plain.stderr)
    );
    assert_eq!(output.status, plain.status);
    Traced { folder, output }
}

/// Other allocators that are installed; none is glibc's own.
fn others() -> Vec<Option<PathBuf>> {
    let names = [
        "libjemalloc.so.2",
        "libmimalloc.so.2",
        "libtcmalloc_minimal.so.4",
        "libc_malloc_debug.so.0",
    ];
    let mut found: Vec<_> = names
        .into_iter()
        .map(allocator)
        .filter(Option::is_some)
        .collect();
    found.push(None);
    found
}

#[test]
fn every_function_of_the_family_is_recorded_under_every_allocator() {
    let program = Program::compile("family", &[]);
    for other in others() {
        let run = same_before(other.as_deref().as_slice(), || program.command());
        assert!(run.output.status.success(), "{other:?}");
        let trace = run.main();
        assert!(trace.allocations_of(1000) >= 7 * 20, "{other:?}");
        assert_eq!(trace.allocations_of(2000), 20, "{other:?}");
        // strdup's blocks, and what the allocator and libc keep.
        let kept = |start: &u64, end: &u64| end - start >= 1000 && *start != 0;
        let kept = trace.live.iter().filter(|(s, e)| kept(s, e)).count();
        assert!((4..12).contains(&kept), "{other:?}: {kept}");
    }
}

#[test]
fn sized_frees_are_recorded_whether_libc_has_them_or_not() {
    let program = Program::compile("family", &[]);
    let run = same_as_untraced(|| {
        let mut command = program.command();
        command.arg("cfree");
        command
    });
    let trace = run.main();
    let frees = trace.count(|call| matches!(call, Call::Free { .. }));
    assert!(frees >= 10 * 15, "{frees}");
}

#[test]
fn a_misuse_that_malloc_check_finds_ends_the_program_as_untraced() {
    let Some(debug) = allocator("libc_malloc_debug.so.0") else {
        return;
    };
    let program = Program::compile("double_free", &[]);
    let run = same_before(&[&debug], || {
        let mut command = program.command();
        command.env("MALLOC_CHECK_", "3");
        command
    });
    assert!(!run.output.status.success());
    let family = Program::compile("family", &[]);
    let run = same_before(&[&debug], || {
        let mut command = family.command();
        command.env("MALLOC_CHECK_", "3");
        command
    });
    assert!(run.output.status.success());
    assert_eq!(run.main().allocations_of(2000), 20);
}

#[test]
fn the_end_of_a_process_is_the_next_librarys_affair() {
    let next = Program::compile("next_exit", &["-shared", "-fPIC", "-DLIBRARY"]);
    let program = Program::compile("next_exit", &[]);
    for (arguments, status) in [(&[][..], 67), (&["_Exit"], 69)] {
        let run = same_before(&[&next.path], || {
            let mut command = program.command();
            command.args(arguments);
            command
        });
        assert_eq!(run.output.status.code(), Some(status));
        let trace = run.main();
        assert_eq!(trace.allocations_of(5002), 1);
        assert_eq!(trace.length, trace.used);
    }
}

#[test]
fn a_program_that_takes_the_address_of_malloc_does_not_bring_its_own() {
    for options in [&["-no-pie", "-fno-pic"][..], &["-pie", "-fPIE"]] {
        let program = Program::compile("address_taken", options);
        let trace = same_as_untraced(|| program.command()).main();
        assert_eq!(trace.allocations_of(5001), 100);
    }
}

#[test]
fn a_program_that_defines_malloc_brings_its_own_however_it_is_linked() {
    let told = "uncore: the program brings its own malloc, whose calls cannot be seen\n";
    for options in [
        &["-no-pie", "-fno-pic"][..],
        &["-no-pie", "-fno-pic", "-rdynamic"],
        &["-pie", "-fPIE"],
        &["-pie", "-fPIE", "-rdynamic"],
    ] {
        let program = Program::compile("own_allocator", options);
        let run = traced(program.command());
        assert_eq!(run.output.stdout, b"different\n");
        assert_eq!(String::from_utf8_lossy(&run.output.stderr), told);
        assert!(run.output.status.success());
    }
}

#[test]
fn a_debugger_calls_functions_of_the_program() {
    if !installed("gdb") {
        return;
    }
    let program = Program::compile("double_free", &["-g"]);
    let folder = TempDir::new().expect("a folder");
    let set = |name: &str, value: &Path| format!("set env {name} {}", value.display());
    let output = Command::new("gdb")
        .args(["-nx", "-batch", "-ex"])
        .arg(set("LD_PRELOAD", &library()))
        .arg("-ex")
        .arg(set("TRACEFILE", &folder.path().join("app.trc")))
        .args(["-ex", "set startup-with-shell off", "-ex", "break main"])
        .args(["-ex", "run", "-ex", "print (int)puts(\"hi\") > 0"])
        .arg(&program.path)
        .stdin(Stdio::null())
        .output()
        .expect("gdb starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let cannot = String::from_utf8_lossy(&output.stderr).contains("extended state");
    if !said.contains("Breakpoint 1, main") || cannot {
        eprintln!("SKIPPED: gdb cannot run programs, or call their functions, here");
        return;
    }
    assert!(said.contains("$1 = 1"), "{said}");
}

/// The note and the line of a program some of whose calls pass the tracer by.
fn tells_that_calls_pass_by(run: &Traced) -> bool {
    let told = "uncore: a library calls malloc and free past the tracer, which cannot be seen\n";
    let said = String::from_utf8_lossy(&run.output.stderr).into_owned();
    let replay = Replay::of(&run.folder.path().join("app.trc"));
    let noted = |(_, _, note): &(usize, u64, Note)| matches!(note, Note::Partial { reason: 1 });
    let notes = replay.notes.iter().filter(|note| noted(note)).count();
    assert!(said.is_empty() || said == told, "{said}");
    assert_eq!(notes, usize::from(!said.is_empty()));
    notes == 1
}

#[test]
fn libraries_beside_the_programs_scope_are_traced_or_told() {
    let options = ["-shared", "-fPIC", "-DLIBRARY", "-Wl,-rpath,$ORIGIN"];
    let plugin = Program::compile("passes_by", &options);
    let program = Program::compile("passes_by", &[]);
    for (way, passes_by) in [
        ("libc", false),
        ("plain", false),
        ("deepbind", true),
        ("namespace", true),
    ] {
        let make = || {
            let mut command = program.command();
            command.arg(way).arg(&plugin.path);
            command
        };
        let plain = make().output().expect("it runs");
        let run = traced(make());
        assert_eq!(run.output.stdout, plain.stdout, "{way}");
        assert_eq!(run.output.status, plain.status, "{way}");
        assert!(plain.stdout.ends_with(b"done\n"), "{way}");
        assert_eq!(tells_that_calls_pass_by(&run), passes_by, "{way}");
        if !passes_by {
            let trace = run.main();
            let (given, taken) = if way == "libc" {
                (6003, 6004)
            } else {
                (6001, 6002)
            };
            assert_eq!(trace.allocations_of(given), 100, "{way}");
            assert_eq!(trace.allocations_of(taken), 100, "{way}");
        }
    }
}

#[test]
fn a_foreign_function_interface_that_asks_libc_itself_is_traced() {
    if !installed("python3") {
        return;
    }
    let script = "exec $(python3 -c 'import sys; print(sys.executable)') -c '
import ctypes
libc = ctypes.CDLL(\"libc.so.6\")
me = ctypes.CDLL(None)
me.strdup.restype = ctypes.c_void_p
me.strdup.argtypes = [ctypes.c_char_p]
libc.free.argtypes = [ctypes.c_void_p]
for i in range(200):
    libc.free(me.strdup(b\"x\" * 7000))'";
    let run = same_as_untraced(|| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    });
    assert!(run.output.status.success());
    // The shell's trace is the first.
    let traces = run.children();
    assert!(traces.iter().any(|trace| trace.allocations_of(7001) >= 200));
}

/// Operators of libstdc++ call malloc and free; those that an allocator brings along may not:
/// then neither end of their blocks is seen, and the trace says so.
#[test]
fn operators_of_cxx_are_seen_at_both_ends_or_at_neither() {
    let Some(program) = Program::compile_cxx("operators", &["-std=c++17"]) else {
        return;
    };
    let myself = made_of_itself();
    for other in others().into_iter().chain([Some(myself.path.clone())]) {
        let name = format!("{other:?}");
        let run = same_before(other.as_deref().as_slice(), || {
            let mut command = program.command();
            // mimalloc is written in C, and aborts where it should throw.
            if name.contains("mimalloc") {
                command.arg("blocks");
            }
            command
        });
        assert!(run.output.status.success(), "{name}");
        let brings = ["jemalloc", "mimalloc", "tcmalloc"];
        let brings_operators = brings.iter().any(|brings| name.contains(brings));
        let trace = Replay::of(&run.folder.path().join("app.trc"));
        let ends = |text: &String| text.contains("the end of unknown");
        assert!(!trace.anomalies.iter().any(ends), "{name}");
        if !brings_operators {
            assert!(trace.anomalies.is_empty(), "{name}");
            for size in (2001..=2006).chain((2176..=2816).step_by(128)) {
                let seen = trace.allocations_of(size);
                assert!((10..15).contains(&seen), "{name}: {seen} x {size}");
            }
        }
    }
}

fn made_of_itself() -> Program {
    Program::compile("made_of_itself", &["-shared", "-fPIC"])
}

#[test]
fn calls_that_an_allocator_makes_of_itself_are_not_the_programs() {
    let library = made_of_itself();
    let program = Program::compile("family", &[]);
    let run = same_before(&[&library.path], || program.command());
    let trace = run.main();
    assert!(trace.allocations_of(1000) >= 7 * 20);
    assert_eq!(trace.allocations_of(2000), 20);
}

/// Blocks that come by one of its functions, and go by another.
#[test]
fn functions_that_only_jemalloc_has_pass_by_and_the_trace_says_so() {
    let Some(jemalloc) = allocator("libjemalloc.so.2") else {
        return;
    };
    let linked = jemalloc.to_str().expect("text");
    let program = Program::compile("jemalloc_api", &["-Wl,--no-as-needed", linked]);
    let run = same_as_untraced(|| program.command());
    let trace = Replay::of(&run.folder.path().join("app.trc"));
    let ends = |text: &String| text.contains("the end of unknown");
    assert!(!trace.anomalies.iter().any(ends));
    assert_eq!(trace.allocations_of(3002), 100);
    let notes = trace.notes.iter();
    let partial = |(_, _, note): &&(usize, u64, Note)| matches!(note, Note::Partial { reason: 1 });
    assert_eq!(notes.filter(partial).count(), 1);
    // Nothing of this name is there where no allocator has it.
    let plain = Program::compile("jemalloc_api", &[]);
    let run = same_as_untraced(|| plain.command());
    assert_eq!(run.output.status.code(), Some(7));
}

/// A program with an allocator of its own, which has no `reallocarray`.
#[test]
fn libcs_reallocarray_asks_the_programs_own_realloc() {
    let program = Program::compile("made_of_itself", &["-DPROGRAM"]);
    let told = "uncore: the program brings its own malloc, whose calls cannot be seen\n";
    let run = traced(program.command());
    assert!(run.output.status.success());
    assert_eq!(String::from_utf8_lossy(&run.output.stderr), told);
}

#[test]
fn programs_with_functions_of_libc_of_their_own_run() {
    let brings = "uncore: the program brings its own malloc, whose calls cannot be seen\n";
    for options in [
        &["-DFREE"][..],
        &["-DFREE", "-DMALLOC"],
        &["-DALLOCATES", "-rdynamic"],
    ] {
        let run = traced(Program::compile("wraps", options).command());
        assert!(run.output.status.success(), "{options:?}");
        assert_eq!(run.output.stdout, b"done\n", "{options:?}");
        let said = String::from_utf8_lossy(&run.output.stderr).into_owned();
        assert!(said.is_empty() || said == brings, "{said}");
        assert!(run.main().allocations_of(500) >= 400);
        let shared = ["-DLIBRARY", "-shared", "-fPIC"];
        let options: Vec<_> = options.iter().copied().chain(shared).collect();
        let wrapper = Program::compile("wraps", &options);
        let family = Program::compile("family", &[]);
        // Before the tracer, and behind it.
        for order in [[&wrapper.path, &library()], [&library(), &wrapper.path]] {
            let folder = TempDir::new().expect("a folder");
            let names = order.map(|path| path.to_str().expect("text"));
            let output = family
                .command()
                .env("LD_PRELOAD", names.join(":"))
                .env("TRACEFILE", folder.path().join("app.trc"))
                .output()
                .expect("it starts");
            assert!(output.status.success(), "{options:?} {order:?}");
        }
    }
}
