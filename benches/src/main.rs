//! `benches`: idealloc and its peers on generated classes and folders of files.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use benches::compare::{self, Settings};
use clap::{Parser, Subcommand};

/// Benchmarks of idealloc
#[derive(Clone, Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Runs idealloc and its peers, verifies every answer, and writes a CSV and a table
    Compare {
        /// Folders of CSVs and traces, beside the generated classes
        folders: Vec<PathBuf>,

        /// Time limits in seconds
        #[arg(long, value_delimiter = ',', default_value = "1,10")]
        timeouts: Vec<f64>,

        /// Seeds for idealloc, from 0
        #[arg(long, default_value_t = 3)]
        seeds: u64,

        /// Techniques of idealloc to run each alone, too: dive, exact, fit, boxing
        #[arg(long, value_name = "NAMES", value_delimiter = ',')]
        methods: Vec<String>,

        /// minimalloc's program, which is built elsewhere
        #[arg(long, value_name = "FILE")]
        minimalloc: Option<PathBuf>,

        /// A Python environment with omnimalloc 1.0.0; made here (from PyPI) where it is missing
        #[arg(long, value_name = "FOLDER")]
        venv: Option<PathBuf>,

        /// Only instances whose name contains this
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,

        /// Jobs above which the peers are left out
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        peer_limit: usize,

        /// Where the CSV goes
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,

        /// Where the table of Markdown goes [default: standard output]
        #[arg(long, value_name = "FILE")]
        table: Option<PathBuf>,

        /// Draw fragmentation over time, from one more run an instance and technique
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    cli::main("benches", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let What::Compare {
        folders,
        timeouts,
        seeds,
        methods,
        minimalloc,
        venv,
        only,
        peer_limit,
        output,
        table,
        svg,
    } = arguments.what.clone();
    let python = venv.as_deref().map(python).transpose()?;
    let timeouts = timeouts
        .into_iter()
        .map(|seconds| Duration::try_from_secs_f64(seconds).context("a time limit"))
        .collect::<Result<_, _>>()?;
    let settings = Settings {
        folders,
        timeouts,
        seeds,
        idealloc: compare::idealloc()?,
        methods,
        with_curves: svg.is_some(),
        python,
        minimalloc,
        only,
        peer_limit,
    };
    let mut file = std::fs::File::create(&output).with_context(|| output.display().to_string())?;
    let comparison = compare::compare(&settings, &mut file)?;
    let text = compare::table(&comparison.rows);
    match table {
        Some(path) => write(&path, &text)?,
        None => print!("{text}"),
    }
    match svg {
        Some(path) => write(&path, &compare::svg(&comparison.curves, &comparison.rows)?),
        None => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// The Python of an environment, with omnimalloc installed.
fn python(venv: &Path) -> anyhow::Result<PathBuf> {
    let python = venv.join("bin/python");
    if !python.is_file() {
        let made = Command::new("python3")
            .args(["-m", "venv"])
            .arg(venv)
            .status()?;
        ensure!(
            made.success(),
            "{}: no environment could be made",
            venv.display()
        );
    }
    let has = Command::new(&python)
        .args(["-c", "import omnimalloc"])
        .output()?;
    if !has.status.success() {
        let installed = Command::new(&python)
            .args(["-m", "pip", "install", "-q", "omnimalloc==1.0.0"])
            .status()?;
        ensure!(
            installed.success(),
            "{}: omnimalloc could not be installed",
            venv.display()
        );
    }
    Ok(python)
}
