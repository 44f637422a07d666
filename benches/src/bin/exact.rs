//! `exact`: what the exact search and each of its techniques are worth: time and
//! nodes an instance, with everything on and with one technique off.
//!
//! Instances are the files of a folder, each with several seeds of the search, and
//! generated ones, each seed another instance. No capacity is given. Every
//! solution has passed the verifier.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use benches::compare;
use benches::generate::{self, Cutting};
use clap::Parser;
use common::job::Job;
use common::problem::Problem;
use coreba::{Heuristic, Options, Solution, Status, solve};

/// Times the exact search, with and without each of its techniques
#[derive(Debug, Parser)]
struct Arguments {
    /// Folders of instances; only files of up to --jobs jobs are taken
    folders: Vec<PathBuf>,

    /// Runs with everything on, each with another seed
    #[arg(long, default_value_t = 10)]
    seeds: u64,

    /// Runs with one technique off: as many as with everything on to compare
    #[arg(long, default_value_t = 10)]
    seeds_without: u64,

    /// Seconds a run
    #[arg(long, default_value_t = 3.0)]
    timeout: f64,

    /// Only instances whose name contains this
    #[arg(long, default_value = "")]
    only: String,

    /// Most jobs of a file
    #[arg(long, default_value_t = 1500)]
    jobs: usize,
}

/// An instance for every seed.
struct Instance {
    name: String,
    make: Box<dyn Fn(u64) -> Vec<Job>>,
}

/// Everything on, and each technique off.
const VARIANTS: [Option<Heuristic>; 6] = [
    None,
    Some(Heuristic::HeadBound),
    Some(Heuristic::StackBound),
    Some(Heuristic::Backjumping),
    Some(Heuristic::Twins),
    Some(Heuristic::Restarts),
];

fn main() -> ExitCode {
    cli::main("exact", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    println!(
        "instance,jobs,without,runs,proved,median_seconds,worst_seconds,median_nodes,worst_over_bound_pct"
    );
    for instance in instances(arguments)? {
        for without in VARIANTS {
            let runs = if without.is_none() {
                arguments.seeds
            } else {
                arguments.seeds_without
            };
            let solutions = (0..runs)
                .map(|seed| one(arguments, &instance, seed, without))
                .collect::<anyhow::Result<Vec<_>>>()
                .with_context(|| instance.name.clone())?;
            row(&instance.name, without, &solutions);
        }
    }
    Ok(())
}

fn instances(arguments: &Arguments) -> anyhow::Result<Vec<Instance>> {
    let mut instances = Vec::new();
    for folder in &arguments.folders {
        for file in compare::folder(folder)? {
            let jobs = file.make()?.problem.into_jobs();
            if jobs.len() <= arguments.jobs {
                instances.push(Instance {
                    name: file.name,
                    make: Box::new(move |_| jobs.clone()),
                });
            }
        }
    }
    const SIDE: u64 = 1 << 30;
    for jobs in [200, 1000] {
        instances.push(Instance {
            name: format!("guillotine {jobs}"),
            make: Box::new(move |seed| generate::guillotine(jobs, SIDE, SIDE, Cutting::Even, seed)),
        });
    }
    instances.push(Instance {
        name: "flat load 30".to_owned(),
        make: Box::new(|seed| generate::flat(30, seed)),
    });
    for jobs in [10, 20, 30] {
        instances.push(Instance {
            name: format!("mixed alignments {jobs}"),
            make: Box::new(move |seed| generate::mixed_alignments(jobs, seed)),
        });
    }
    instances.retain(|instance| instance.name.contains(&arguments.only));
    Ok(instances)
}

fn one(
    arguments: &Arguments,
    instance: &Instance,
    seed: u64,
    without: Option<Heuristic>,
) -> anyhow::Result<(usize, Solution)> {
    let problem = Problem::new((instance.make)(seed))?;
    let mut options = Options::default();
    options.seed = seed;
    options.without = without.into_iter().collect();
    options.deadline = Some(Instant::now() + Duration::from_secs_f64(arguments.timeout));
    Ok((problem.len(), solve(&problem, &options, &mut ())?))
}

/// Prints what the runs of one variant came to.
fn row(name: &str, without: Option<Heuristic>, solutions: &[(usize, Solution)]) {
    let Some((jobs, _)) = solutions.first() else {
        return;
    };
    let runs = solutions.iter().map(|(_, solution)| solution);
    let proved = runs
        .clone()
        .filter(|run| run.status == Status::Optimal)
        .count();
    let mut seconds: Vec<f64> = runs.clone().map(|run| run.elapsed.as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    let mut nodes: Vec<u64> = runs.clone().map(|run| run.nodes).collect();
    nodes.sort_unstable();
    let over = runs.map(|run| run.makespan as f64 / run.lower_bound as f64 - 1.0);
    let without = without.map_or("", Heuristic::name);
    println!(
        "{name},{jobs},{without},{},{proved},{:.4},{:.4},{},{:.3}",
        solutions.len(),
        seconds[seconds.len() / 2],
        seconds[seconds.len() - 1],
        nodes[nodes.len() / 2],
        100.0 * over.fold(0.0, f64::max),
    );
}
