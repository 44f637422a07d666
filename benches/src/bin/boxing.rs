//! Boxing beside the other techniques, each forced, on generated classes and on
//! folders of files. One CSV row a run, on stdout: the makespan over the lower
//! bound in per cent, and seconds of wall time, set-up included. `found_by` says
//! what found the placement: where a technique finds none in time, it is the
//! online best fit that every run falls back on.
//!
//! `cargo run --release -p benches --bin boxing -- [FOLDER...] > FILE`

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use benches::compare::{Instance, classes, folder};
use clap::Parser;
use coreba::{Method, Options};

/// Boxing beside the other techniques
#[derive(Debug, Parser)]
struct Arguments {
    /// Folders of CSVs and traces, beside the generated classes
    folders: Vec<PathBuf>,

    /// Time limit in seconds
    #[arg(long, default_value_t = 5.0)]
    timeout: f64,

    /// Seeds, from 0
    #[arg(long, default_value_t = 1)]
    seeds: u64,

    /// Only instances whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Jobs above which instances are left out
    #[arg(long, value_name = "N", default_value_t = usize::MAX)]
    most: usize,
}

const METHODS: [(&str, Method); 4] = [
    ("boxing", Method::Boxing),
    ("fit", Method::Fit),
    ("dive", Method::Dive),
    ("auto", Method::Auto),
];

fn main() -> ExitCode {
    cli::main("boxing", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut instances = classes();
    for path in &arguments.folders {
        instances.extend(folder(path).with_context(|| path.display().to_string())?);
    }
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "instance,jobs,lower_bound,method,timeout_s,seed,makespan,over_bound_pct,seconds,found_by"
    )?;
    for instance in &instances {
        let is_wanted = |only: &String| instance.name.contains(only.as_str());
        if arguments.only.as_ref().is_none_or(is_wanted) {
            compare(instance, arguments, &mut out)?;
        }
    }
    Ok(())
}

/// All techniques and seeds on an instance.
fn compare(
    instance: &Instance,
    arguments: &Arguments,
    out: &mut impl std::io::Write,
) -> anyhow::Result<()> {
    let problem = instance.make()?.problem;
    if problem.len() > arguments.most {
        return Ok(());
    }
    let timeout = Duration::try_from_secs_f64(arguments.timeout).context("a time limit")?;
    for (name, method) in METHODS {
        for seed in 0..arguments.seeds {
            let begun = Instant::now();
            let mut options = Options::default();
            options.method = method;
            options.seed = seed;
            options.deadline = begun.checked_add(timeout);
            let solution = coreba::solve(&problem, &options, &mut ())
                .with_context(|| instance.name.clone())?;
            let seconds = begun.elapsed().as_secs_f64();
            let bound = solution.static_bound;
            let over = 100.0 * (solution.makespan - bound) as f64 / bound.max(1) as f64;
            writeln!(
                out,
                "\"{}\",{},{bound},{name},{},{seed},{},{over:.4},{seconds:.3},\"{}\"",
                instance.name,
                problem.len(),
                arguments.timeout,
                solution.makespan,
                solution.found_by,
            )?;
            out.flush()?;
        }
    }
    Ok(())
}
