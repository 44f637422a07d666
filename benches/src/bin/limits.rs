//! How well time limits are kept: every generated class, and many groups, fixed offsets,
//! gaps, hints, columns of equal jobs. One CSV row a run, on stdout: the limit and the wall
//! time of [`coreba::solve`], reading excluded, and by how much the time passes the limit and
//! a twentieth of it. 50 ms is what a user is promised.
//!
//! `cargo run --release -p benches --bin limits > FILE`

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use benches::generate::{self, Cutting, Keeping};
use clap::Parser;
use common::job::{Gap, Job};
use common::problem::Problem;
use coreba::Options;
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// How well time limits are kept
#[derive(Debug, Parser)]
struct Arguments {
    /// Jobs of the instances
    #[arg(long, value_delimiter = ',', default_values_t = [20_000, 200_000, 1_000_000])]
    jobs: Vec<usize>,

    /// Time limits in milliseconds
    #[arg(long, value_delimiter = ',', default_values_t = [0, 100, 1000])]
    limits: Vec<u64>,

    /// Only classes whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

type Class = (&'static str, fn(usize) -> Vec<Job>);

const CLASSES: [Class; 15] = [
    ("random", |jobs| generate::random(jobs, 1)),
    ("guillotine", |jobs| cut(jobs, Cutting::Even)),
    ("guillotine, uneven", |jobs| cut(jobs, Cutting::Uneven)),
    ("pinwheel", |jobs| {
        generate::pinwheel(jobs, 1 << 30, 1 << 30, 1)
    }),
    ("training", |jobs| generate::training(jobs, 1)),
    ("malloc-like", |jobs| generate::malloc_like(8, jobs, 1)),
    ("few live", |jobs| {
        generate::few_live(Keeping::default(), jobs, 1)
    }),
    ("adversary", |jobs| generate::first_fit_adversary(jobs, 1)),
    ("flat", |jobs| generate::flat(jobs, 1)),
    ("everything at once", |jobs| {
        generate::constrained(generate::random(jobs, 1), 1)
    }),
    ("equal", |jobs| {
        (0..jobs as u64).map(|id| Job::new(id, 0, 9, 64)).collect()
    }),
    ("groups", |jobs| {
        changed(jobs, |index, job, _| {
            job.grouped(&format!("g{}", index / 3))
        })
    }),
    ("fixed", |jobs| {
        // In a corner of their own, so that none conflict.
        changed(jobs, |index, job, _| match index % 100 {
            0 => job.pinned(1 << 40 | (index as u64) << 16),
            _ => job,
        })
    }),
    ("gaps", |jobs| {
        changed(jobs, |_, job, random| gaps(job, random))
    }),
    ("hints", |jobs| {
        changed(jobs, |_, job, random| {
            job.hinted(random.random_range(0..100_000))
        })
    }),
];

fn cut(jobs: usize, cutting: Cutting) -> Vec<Job> {
    generate::guillotine(jobs, 1 << 30, 1 << 30, cutting, 1)
}

/// Random jobs, each changed.
fn changed(
    jobs: usize,
    mut change: impl FnMut(usize, Job, &mut Xoshiro256PlusPlus) -> Job,
) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let made = (0..jobs).map(|index| {
        let birth = random.random_range(0..jobs as u64);
        let death = birth + random.random_range(20..400);
        let job = Job::new(index as u64, birth, death, random.random_range(1..5000));
        change(index, job, &mut random)
    });
    made.collect()
}

/// Up to five gaps.
fn gaps(mut job: Job, random: &mut Xoshiro256PlusPlus) -> Job {
    let count = random.random_range(0..6u64);
    let step = (job.death - job.birth) / (2 * count + 1);
    for index in 0..count {
        let lower = job.birth + (2 * index + 1) * step;
        job = job.with_gap(Gap {
            lower,
            upper: lower + step,
            window: None,
        });
    }
    job
}

fn main() -> ExitCode {
    cli::main("limits", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "class,jobs,limit_ms,wall_ms,beyond_ms,over_bound_pct")?;
    for (name, make) in CLASSES {
        let is_wanted = |only: &String| name.contains(only.as_str());
        if !arguments.only.as_ref().is_none_or(is_wanted) {
            continue;
        }
        for &jobs in &arguments.jobs {
            let problem = Problem::new(make(jobs)).context(name)?;
            for &limit in &arguments.limits {
                let begun = Instant::now();
                let options = Options::within(Duration::from_millis(limit));
                let solution = coreba::solve(&problem, &options, &mut ()).context(name)?;
                let wall = begun.elapsed().as_secs_f64() * 1e3;
                let beyond = wall - limit as f64 * 1.05;
                let bound = solution.lower_bound.max(1);
                let above = solution.makespan.saturating_sub(bound);
                let above = 100.0 * above as f64 / bound as f64;
                writeln!(
                    out,
                    "\"{name}\",{},{limit},{wall:.1},{beyond:.1},{above:.4}",
                    problem.len()
                )?;
                out.flush()?;
            }
        }
    }
    Ok(())
}
