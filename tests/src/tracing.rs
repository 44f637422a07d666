//! What the tests of the tracer share: C programs to trace, runs with and
//! without the tracer, and a replay that notices every anomaly.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::trace::wire::Call;
use common::trace::{CutRecord, Note, Reader};
use tempfile::TempDir;

use crate::workspace;

/// The tracer's library.
pub fn library() -> PathBuf {
    crate::built().join("libuncore.so")
}

/// A C program of `tests/programs`, compiled in a folder that lasts as long as
/// the value.
pub struct Program {
    folder: TempDir,
    /// The program, or library.
    pub path: PathBuf,
}

impl Program {
    /// Compiles `tests/programs/<name>.c` with optimisation and threads.
    pub fn compile(name: &str, options: &[&str]) -> Program {
        Program::compile_by("cc", name, "c", options)
    }

    /// Compiles `tests/programs/<name>.cc` in the same way, where there is a compiler for C++.
    pub fn compile_cxx(name: &str, options: &[&str]) -> Option<Program> {
        installed("c++").then(|| Program::compile_by("c++", name, "cc", options))
    }

    fn compile_by(compiler: &str, name: &str, extension: &str, options: &[&str]) -> Program {
        let folder = TempDir::new().expect("a folder for the program");
        let path = folder.path().join(name);
        let source = workspace()
            .join("tests/programs")
            .join(name)
            .with_extension(extension);
        let status = Command::new(compiler)
            .args(["-O1", "-fno-builtin", "-pthread", "-o"])
            .args([&path, &source])
            .args(options)
            .args(["-ldl"])
            .status()
            .expect("a compiler is installed");
        assert!(status.success(), "{} does not compile", source.display());
        Program { folder, path }
    }

    /// A command that runs it in its own folder.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(self.folder.path());
        command
    }
}

/// Whether a program is installed; where not, says that a test leaves it out.
pub fn installed(program: &str) -> bool {
    let found = std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    });
    if !found {
        eprintln!("SKIPPED: {program} is not installed");
    }
    found
}

/// The library of another allocator, where the loader finds it; where not, says that a
/// test leaves it out.
pub fn allocator(name: &str) -> Option<PathBuf> {
    let folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
    ];
    let paths = folders.iter().map(|folder| Path::new(folder).join(name));
    let found = paths.into_iter().find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}

/// A run under the tracer.
pub struct Traced {
    /// The folder of the traces.
    pub folder: TempDir,
    /// What the program said, and how it ended.
    pub output: Output,
}

/// Puts a command under the tracer.
pub fn trace_to(command: &mut Command, trace: impl AsRef<OsStr>) {
    command.env("LD_PRELOAD", library()).env("TRACEFILE", trace);
}

/// Runs a command under the tracer; the trace of its first process is `app.trc`.
pub fn traced(mut command: Command) -> Traced {
    let folder = TempDir::new().expect("a folder for traces");
    trace_to(&mut command, folder.path().join("app.trc"));
    let output = command
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    Traced { folder, output }
}

/// Runs a command untraced and traced, and asserts that nobody could tell which
/// was which: the same bytes on stdout and stderr, and the same end.
pub fn same_as_untraced(make: impl Fn() -> Command) -> Traced {
    let plain = make()
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let traced = traced(make());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        text(&plain.stdout),
        text(&traced.output.stdout),
        "stdout differs"
    );
    assert_eq!(
        text(&plain.stderr),
        text(&traced.output.stderr),
        "stderr differs"
    );
    assert_eq!(
        plain.status, traced.output.status,
        "the program ends otherwise"
    );
    traced
}

impl Traced {
    /// The trace of the first process, replayed; it shows no anomaly.
    pub fn main(&self) -> Replay {
        Replay::sound(&self.folder.path().join("app.trc"))
    }

    /// The traces of all other processes, replayed; they show no anomaly.
    pub fn children(&self) -> Vec<Replay> {
        self.files()
            .into_iter()
            .skip(1)
            .map(|path| Replay::sound(&path))
            .collect()
    }

    /// Every trace that was written, the first process's first.
    pub fn files(&self) -> Vec<PathBuf> {
        let entries = self.folder.path().read_dir().expect("the folder is there");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("readable").path())
            .collect();
        files.sort();
        files
    }
}

/// A trace, replayed.
#[derive(Default)]
pub struct Replay {
    /// All calls, in order.
    pub calls: Vec<Call>,
    /// All notes, in order: the number of calls before each, its thread, and what it tells.
    pub notes: Vec<(usize, u64, Note)>,
    /// Allocations over live memory, and ends of unknown blocks.
    pub anomalies: Vec<String>,
    /// Live blocks at the end: start and end of each.
    pub live: BTreeMap<u64, u64>,
    /// The threads that called.
    pub threads: BTreeSet<u64>,
    /// A record that the end of the file cuts short.
    pub cut: Option<CutRecord>,
    /// Length of the file in bytes.
    pub length: u64,
    /// Bytes up to the end of the last record.
    pub used: u64,
}

impl Replay {
    /// Replays a trace.
    pub fn of(path: &Path) -> Replay {
        let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let length = file.metadata().expect("its length").len();
        let mut replay = Replay {
            length,
            ..Replay::default()
        };
        let mut reader = Reader::new(file);
        while let Some(event) = reader.next_event().expect("a trace without corruption") {
            replay.used = event.at + event.call.kind().record_len() as u64;
            replay.step(event.at, event.call);
        }
        replay.cut = reader.cut();
        replay
    }

    /// Replays a trace and asserts that it is whole and shows no anomaly.
    pub fn sound(path: &Path) -> Replay {
        let replay = Replay::of(path);
        assert!(
            replay.anomalies.is_empty(),
            "{}: {:?}",
            path.display(),
            replay.anomalies
        );
        assert!(replay.cut.is_none(), "{}: {:?}", path.display(), replay.cut);
        replay
    }

    fn step(&mut self, at: u64, call: Call) {
        if let Some(note) = Note::of(&call) {
            return self.notes.push((self.calls.len(), call.thread(), note));
        }
        self.calls.push(call);
        let block = match call {
            // One that a kill or a fault cut short: it changes nothing.
            Call::Free { pointer: 0, .. } => return,
            Call::Free { pointer, thread } => {
                self.threads.insert(thread);
                return self.end(at, pointer);
            }
            Call::Realloc { old, block, .. } => {
                if old != 0 && block.pointer != 0 {
                    self.end(at, old);
                }
                block
            }
            Call::Malloc { block, .. }
            | Call::Calloc { block, .. }
            | Call::AlignedAlloc { block, .. }
            | Call::Memalign { block, .. }
            | Call::PosixMemalign { block, .. } => block,
        };
        if block.pointer == 0 {
            return;
        }
        self.threads.insert(block.thread);
        let end = block.pointer + block.usable;
        // What is allocated over has ended without a record: told once.
        while let Some((&start, &other)) = self.live.range(..end.max(block.pointer + 1)).next_back()
            && (other > block.pointer || start == block.pointer)
        {
            self.live.remove(&start);
            self.anomalies.push(format!(
                "byte {at}: {call:x?} over live {start:x}..{other:x}"
            ));
        }
        if block.mapping_base > block.pointer || requested(&call).is_some_and(|r| r > block.usable)
        {
            self.anomalies
                .push(format!("byte {at}: {call:x?} makes no sense"));
        }
        self.live.insert(block.pointer, end);
    }

    fn end(&mut self, at: u64, pointer: u64) {
        if self.live.remove(&pointer).is_none() {
            self.anomalies
                .push(format!("byte {at}: the end of unknown {pointer:x}"));
        }
    }

    /// How many allocations asked for `size` bytes.
    pub fn allocations_of(&self, size: u64) -> usize {
        self.calls
            .iter()
            .filter(|call| requested(call) == Some(size))
            .count()
    }

    /// How many calls satisfy `wanted`.
    pub fn count(&self, wanted: impl Fn(&Call) -> bool) -> usize {
        self.calls.iter().filter(|call| wanted(call)).count()
    }
}

/// The bytes that a call asked for; none for `free`.
pub fn requested(call: &Call) -> Option<u64> {
    match *call {
        Call::Free { .. } => None,
        Call::Calloc {
            count,
            element_size,
            ..
        } => Some(count * element_size),
        Call::Malloc { requested, .. }
        | Call::Realloc { requested, .. }
        | Call::AlignedAlloc { requested, .. }
        | Call::Memalign { requested, .. }
        | Call::PosixMemalign { requested, .. } => Some(requested),
    }
}
