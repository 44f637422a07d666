//! What tracing costs: each workload is run untraced, traced and, where it is
//! installed, under heaptrack (`--raw`), in turns, and the minima are compared,
//! since noise only adds. One CSV row a workload, on stdout; times in milliseconds
//! of wall time.
//!
//! `cargo run --release -p benches --bin tracer -- [runs, default 7]`

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Parser;
use common::trace::{Event, Note, Reader};

/// A command line, its environment, and the ratio that it is to stay below.
struct Workload {
    name: &'static str,
    command: Vec<String>,
    environment: &'static [(&'static str, &'static str)],
    target: f64,
}

/// Measures what tracing costs
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs of each workload
    #[arg(default_value_t = 7)]
    runs: usize,
}

fn main() -> ExitCode {
    cli::main("tracer", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = std::env::temp_dir().join(format!("tracer-bench-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let result = bench(&folder, arguments.runs.max(1));
    fs::remove_dir_all(&folder)?;
    result
}

fn bench(folder: &Path, runs: usize) -> anyhow::Result<()> {
    let library = library()?;
    let heaptrack = is_installed("heaptrack");
    println!(
        "workload,events,untraced_ms,traced_ms,ratio,target,ns_an_event,trace_mb,heaptrack_raw_ms"
    );
    for workload in workloads(folder)? {
        if !is_installed(&workload.command[0]) {
            eprintln!("SKIPPED: {} is not installed", workload.command[0]);
            continue;
        }
        let trace = folder.join("app.trc");
        let (mut plain, mut traced, mut other) = (Duration::MAX, Duration::MAX, Duration::MAX);
        for _ in 0..runs {
            plain = plain.min(time(&mut workload.command())?);
            let _ = fs::remove_file(&trace);
            let mut command = workload.command();
            command.env("LD_PRELOAD", &library).env("TRACEFILE", &trace);
            traced = traced.min(time(&mut command)?);
            if heaptrack {
                let mut command = Command::new("heaptrack");
                command.args(["--raw", "-o"]).arg(folder.join("heaptrack"));
                command
                    .args(&workload.command)
                    .envs(workload.environment.iter().copied());
                other = other.min(time(&mut command)?);
            }
        }
        let is_call =
            |event: &Result<Event, _>| !event.as_ref().is_ok_and(|e| Note::of(&e.call).is_some());
        let events = Reader::new(File::open(&trace)?).filter(is_call).count();
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{},{events},{:.1},{:.1},{:.2},{:.2},{:.1},{:.1},{}",
            workload.name,
            ms(plain),
            ms(traced),
            ms(traced) / ms(plain),
            workload.target,
            (ms(traced) - ms(plain)) * 1e6 / events as f64,
            trace.metadata()?.len() as f64 / 1e6,
            if heaptrack {
                format!("{:.1}", ms(other))
            } else {
                String::new()
            },
        );
    }
    Ok(())
}

impl Workload {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.command[0]);
        command
            .args(&self.command[1..])
            .envs(self.environment.iter().copied());
        command
    }
}

fn workloads(folder: &Path) -> anyhow::Result<Vec<Workload>> {
    let numbers = folder.join("numbers.json");
    let lines: String = (0..100_000)
        .map(|i| format!("{{\"a\":{i},\"b\":[{i},{}],\"c\":\"x{i}\"}}\n", i + 1))
        .collect();
    fs::write(&numbers, lines)?;
    let sql = "create table t(a integer primary key, b text, c real); begin; with recursive c(x) \
               as (select 1 union all select x+1 from c where x<200000) insert into t select x, \
               'row number '||x, x*1.5 from c; commit; create index i on t(b); select count(*), \
               sum(a) from t where b like '%9%';";
    let python = "import json\nd = {}\nfor i in range(300000):\n    d[i % 5000] = [str(i), (i, i + \
                  1)]\nt = json.dumps([{str(k): v} for k, v in d.items()])\nprint(len(t), \
                  sum(len(w) for w in t.split()), len(json.loads(t)))";
    let text = |path: PathBuf| path.display().to_string();
    let strings = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
    Ok(vec![
        Workload {
            name: "sqlite3",
            command: strings(&["sqlite3", ":memory:", sql]),
            environment: &[],
            target: 1.08,
        },
        Workload {
            name: "jq",
            command: strings(&["jq", "-c", ".b | add", &text(numbers)]),
            environment: &[],
            target: 1.08,
        },
        Workload {
            name: "python3 PYTHONMALLOC=malloc",
            command: strings(&[&python_program(), "-c", python]),
            environment: &[("PYTHONMALLOC", "malloc")],
            target: 1.30,
        },
        Workload {
            name: "8 threads",
            command: strings(&[&text(compile("threads_exchange", folder)?), "8", "200000"]),
            environment: &[],
            target: 1.30,
        },
        Workload {
            name: "tight loop",
            command: strings(&[&text(compile("loop", folder)?), "5000000"]),
            environment: &[],
            target: 3.00,
        },
    ])
}

/// The interpreter itself: `python3` may be a script that looks for it.
fn python_program() -> String {
    Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "python3".to_owned(), |name| name.trim().to_owned())
}

fn time(command: &mut Command) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .with_context(|| format!("{command:?}"))?;
    let time = start.elapsed();
    ensure!(status.success(), "{command:?}: {status}");
    Ok(time)
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Builds the tracer beside this program.
fn library() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let profile = this
        .parent()
        .context("this program lies in target/<profile>")?;
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(workspace()).args([
        "build",
        "--quiet",
        "-p",
        "idealloc-uncore",
        "--target-dir",
    ]);
    build.arg(profile.parent().context("the target folder")?);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    ensure!(build.status()?.success(), "the tracer does not build");
    Ok(profile.join("libuncore.so"))
}

fn compile(name: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let program = folder.join(name);
    let source = workspace()
        .join("tests/programs")
        .join(name)
        .with_extension("c");
    let status = Command::new("cc")
        .args(["-O2", "-fno-builtin", "-pthread", "-o"])
        .args([&program, &source])
        .status()
        .context("a C compiler")?;
    ensure!(status.success(), "{} does not compile", source.display());
    Ok(program)
}

fn is_installed(program: &str) -> bool {
    Path::new(program).is_absolute()
        || std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        })
}
