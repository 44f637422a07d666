//! `benches`: idealloc and its peers on generated classes and folders of files.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use benches::compare::{self, Settings};
use clap::{Parser, Subcommand};

/// Benchmarks of idealloc
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
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

        /// A Python environment with omnimalloc; made here (from PyPI) where it is missing
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
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let What::Compare {
        folders,
        timeouts,
        seeds,
        venv,
        only,
        peer_limit,
        output,
    } = arguments.what;
    let python = venv.as_deref().map(python).transpose()?;
    let timeouts = timeouts
        .into_iter()
        .map(|seconds| Duration::try_from_secs_f64(seconds).context("a time limit"))
        .collect::<Result<_, _>>()?;
    let settings = Settings {
        folders,
        timeouts,
        seeds,
        python,
        only,
        peer_limit,
    };
    let mut file = std::fs::File::create(&output).with_context(|| output.display().to_string())?;
    let rows = compare::compare(&settings, &mut file)?;
    print!("{}", compare::table(&rows));
    Ok(())
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
            .args(["-m", "pip", "install", "-q", "omnimalloc"])
            .status()?;
        ensure!(
            installed.success(),
            "{}: omnimalloc could not be installed",
            venv.display()
        );
    }
    Ok(python)
}
