//! What each heuristic of the solver earns: every instance solved with all of
//! them, and without each one.
//!
//! Rows go to standard output as CSV, a table of heuristics to standard error.
//! Solves run on one thread each, two at a time, those with and without a
//! heuristic side by side, so that a slow moment of the machine meets both.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use benches::compare;
use benches::generate::{self, Cutting, Keeping};
use clap::Parser;
use common::job::Job;
use common::problem::Problem;
use coreba::{Heuristic, Options, solve};

/// Measures the solver with all heuristics and without each
#[derive(Debug, Parser)]
#[command(name = "ablation")]
struct Arguments {
    /// Folders of files to solve, too
    folders: Vec<PathBuf>,

    /// Seconds a run
    #[arg(long, default_value_t = 1.0)]
    timeout: f64,

    /// Seeds an instance; of generated instances each seed is another
    #[arg(long, default_value_t = 3)]
    seeds: u64,

    /// Only instances whose name holds this
    #[arg(long, default_value = "")]
    instances: String,

    /// Only these heuristics
    #[arg(long, value_name = "NAME")]
    only: Vec<Heuristic>,

    /// Most jobs of a file
    #[arg(long, default_value_t = 60_000)]
    jobs: usize,
}

/// An instance for every seed.
struct Instance {
    name: String,
    make: Box<dyn Fn(u64) -> Vec<Job>>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
struct Ran {
    /// Above LOAD, in per cent.
    above: f64,
    seconds: f64,
    is_optimal: bool,
    hints: usize,
}

fn main() -> ExitCode {
    cli::main("ablation", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let heuristics: Vec<Heuristic> = match &arguments.only[..] {
        [] => Heuristic::ALL.to_vec(),
        only => only.to_vec(),
    };
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "instance,jobs,without,runs,proved,median_above_load_pct,worst_above_load_pct,median_seconds,hints_kept"
    )?;
    let mut earned: Vec<Earned> = heuristics.iter().map(|_| Earned::default()).collect();
    for instance in instances(arguments)? {
        let problems = (0..arguments.seeds)
            .map(|seed| Problem::new((instance.make)(seed)))
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| instance.name.clone())?;
        let mut with_all: Option<Vec<Ran>> = None;
        for (&heuristic, earned) in heuristics.iter().zip(&mut earned) {
            let (all, without): (Vec<Ran>, Vec<Ran>) = problems
                .iter()
                .zip(0..)
                .map(|(problem, seed)| pair(arguments, problem, seed, heuristic))
                .collect::<anyhow::Result<Vec<_>>>()?
                .into_iter()
                .unzip();
            let jobs = problems[0].len();
            if with_all.is_none() {
                row(&mut out, &instance.name, jobs, "", &all)?;
                with_all = Some(all.clone());
            }
            row(&mut out, &instance.name, jobs, heuristic.name(), &without)?;
            earned.compare(&instance.name, &all, &without);
        }
        out.flush()?;
    }
    let mut table = std::io::stderr().lock();
    writeln!(
        table,
        "| without | worse | better | most lost | most won |\n|---|---|---|---|---|"
    )?;
    for (heuristic, earned) in heuristics.iter().zip(&earned) {
        writeln!(table, "| {heuristic} {}", earned.cells())?;
    }
    Ok(())
}

/// One run with all heuristics and one without one, side by side.
fn pair(
    arguments: &Arguments,
    problem: &Problem,
    seed: u64,
    heuristic: Heuristic,
) -> anyhow::Result<(Ran, Ran)> {
    std::thread::scope(|scope| {
        let all = scope.spawn(|| one(arguments, problem, seed, None));
        let without = one(arguments, problem, seed, Some(heuristic))?;
        let all = all
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((all, without))
    })
}

fn one(
    arguments: &Arguments,
    problem: &Problem,
    seed: u64,
    without: Option<Heuristic>,
) -> anyhow::Result<Ran> {
    let mut options = Options::default();
    options.seed = seed;
    options.threads = std::num::NonZeroUsize::MIN;
    options.without = without.into_iter().collect();
    options.deadline = Some(Instant::now() + Duration::from_secs_f64(arguments.timeout));
    let solution = solve(problem, &options, &mut ())?;
    Ok(Ran {
        above: 100.0 * solution.fragmentation(),
        seconds: solution.elapsed.as_secs_f64(),
        is_optimal: solution.makespan <= solution.lower_bound,
        hints: solution.hints_kept,
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn row(
    out: &mut impl std::io::Write,
    name: &str,
    jobs: usize,
    without: &str,
    runs: &[Ran],
) -> anyhow::Result<()> {
    writeln!(
        out,
        "{name},{jobs},{without},{},{},{:.4},{:.4},{:.4},{}",
        runs.len(),
        runs.iter().filter(|run| run.is_optimal).count(),
        median(runs.iter().map(|run| run.above)),
        runs.iter().map(|run| run.above).fold(0.0, f64::max),
        median(runs.iter().map(|run| run.seconds)),
        runs.iter().map(|run| run.hints).sum::<usize>(),
    )?;
    Ok(())
}

/// Over all instances, what one heuristic is worth.
#[derive(Default)]
struct Earned {
    worse: usize,
    better: usize,
    lost: Option<(f64, String)>,
    won: Option<(f64, String)>,
}

/// Of the makespan in per cent: what differs less is noise.
const NOISE: f64 = 0.02;

/// Times as long, and this long, for two that both meet the bound: what differs
/// less is noise.
const SLOWER: (f64, f64) = (1.5, 0.005);

impl Earned {
    /// Counts an instance by the sum over its seeds of what differs.
    fn compare(&mut self, name: &str, all: &[Ran], without: &[Ran]) {
        let sum = |runs: &[Ran], of: fn(&Ran) -> f64| runs.iter().map(of).sum::<f64>();
        let runs = all.len() as f64;
        let above = (sum(without, |run| run.above) - sum(all, |run| run.above)) / runs;
        let seconds = [without, all].map(|runs| sum(runs, |run| run.seconds) / all.len() as f64);
        let hints = [without, all].map(|runs| sum(runs, |run| run.hints as f64));
        let slower = |a: f64, b: f64| a > SLOWER.0 * b && a > b + SLOWER.1;
        let (worse, what) = if above.abs() > NOISE {
            (Some(above > 0.0), format!("{:.2} % ({name})", above.abs()))
        } else if hints[0] != hints[1] {
            let less = hints[0] < hints[1];
            (
                Some(less),
                format!("{} hints ({name})", (hints[0] - hints[1]).abs()),
            )
        } else if slower(seconds[0], seconds[1]) {
            (
                Some(true),
                format!("{:.1} times as long ({name})", seconds[0] / seconds[1]),
            )
        } else if slower(seconds[1], seconds[0]) {
            (
                Some(false),
                format!("{:.1} times as long ({name})", seconds[1] / seconds[0]),
            )
        } else {
            (None, String::new())
        };
        // A lower makespan counts before a shorter time.
        let size = if above.abs() > NOISE {
            1e6 + above.abs()
        } else {
            (seconds[0] / seconds[1]).ln().abs()
        };
        let most = match worse {
            None => return,
            Some(true) => {
                self.worse += 1;
                &mut self.lost
            }
            Some(false) => {
                self.better += 1;
                &mut self.won
            }
        };
        if most.as_ref().is_none_or(|(known, _)| size > *known) {
            *most = Some((size, what));
        }
    }

    fn cells(&self) -> String {
        let most = |most: &Option<(f64, String)>| {
            most.as_ref()
                .map_or(String::new(), |(_, what)| what.clone())
        };
        format!(
            "| {} | {} | {} | {} |",
            self.worse,
            self.better,
            most(&self.lost),
            most(&self.won)
        )
    }
}

fn instances(arguments: &Arguments) -> anyhow::Result<Vec<Instance>> {
    type Make = fn(u64) -> Vec<Job>;
    const SIDE: u64 = 1 << 30;
    let made: [(&str, Make); 17] = [
        ("random 10 k", |seed| generate::random(10_000, seed)),
        ("training 20 k", |seed| generate::training(20_000, seed)),
        ("malloc-like 40 k", |seed| {
            generate::malloc_like(8, 40_000, seed)
        }),
        ("malloc-like 5 k", |seed| {
            generate::malloc_like(8, 5000, seed)
        }),
        ("few live 20 k", |seed| {
            generate::few_live(Keeping::default(), 20_000, seed)
        }),
        ("few live 3 k", |seed| {
            generate::few_live(Keeping::default(), 3000, seed)
        }),
        ("adversary 10 k", |seed| {
            generate::first_fit_adversary(10_000, seed)
        }),
        ("guillotine 200", |seed| {
            generate::guillotine(200, SIDE, SIDE, Cutting::Even, seed)
        }),
        ("guillotine 1 k", |seed| {
            generate::guillotine(1000, SIDE, SIDE, Cutting::Even, seed)
        }),
        ("guillotine 5 k", |seed| {
            generate::guillotine(5000, SIDE, SIDE, Cutting::Even, seed)
        }),
        ("uneven guillotine 3 k", |seed| {
            generate::guillotine(3000, SIDE, SIDE, Cutting::Uneven, seed)
        }),
        ("flat 30", |seed| generate::flat(30, seed)),
        ("flat 200", |seed| generate::flat(200, seed)),
        ("mixed alignments 12", |seed| {
            generate::mixed_alignments(12, seed)
        }),
        ("mixed alignments 30", |seed| {
            generate::mixed_alignments(30, seed)
        }),
        ("constrained 40", |seed| {
            generate::constrained(generate::flat(40, seed), seed)
        }),
        ("constrained 2 k", |seed| {
            generate::constrained(generate::random(2000, seed), seed)
        }),
    ];
    let mut instances: Vec<Instance> = made
        .into_iter()
        .map(|(name, make)| Instance {
            name: name.to_owned(),
            make: Box::new(make),
        })
        .collect();
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
    instances.retain(|instance| instance.name.contains(&arguments.instances));
    Ok(instances)
}
