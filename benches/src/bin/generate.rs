//! `generate`: writes a seeded instance as a CSV, or a seeded trace.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use benches::generate::{self, Cutting, Keeping};
use clap::{Parser, ValueEnum};
use common::csv::{Layout, Writer};
use common::format::{Output, Replacing};
use common::job::Job;
use common::trace;

/// Writes an instance of some kind as a CSV, or a trace
#[derive(Debug, Parser)]
struct Arguments {
    /// What kind
    #[arg(value_enum)]
    kind: Kind,

    /// How many jobs; of a trace, how many events
    jobs: usize,

    /// Where to; - is standard output
    #[arg(short, long, default_value = "-")]
    output: PathBuf,

    /// Seed of all randomness
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Random lifetimes, nine of ten short; sizes of a power law
    Random,
    /// Guillotine cuts into pieces of like size: the optimum is LOAD
    Guillotine,
    /// Guillotine cuts into pieces of all sizes: the optimum is LOAD
    GuillotineUneven,
    /// Cuts into five around one in the middle, again and again: the optimum is LOAD
    Pinwheel,
    /// Weights, nested activations, workspaces
    Training,
    /// Eight threads, few size classes, flat load
    Malloc,
    /// Eight threads that keep a hundred blocks of random sizes each
    FewLive,
    /// Bad for first fit by birth
    Adversary,
    /// A trace (.trc) of eight threads, with up to 100 000 blocks live at once
    Trace,
}

fn main() -> ExitCode {
    cli::main("generate", |arguments| {
        run(arguments).map(|()| ExitCode::SUCCESS)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let name = || arguments.output.display().to_string();
    let mut output = Output::create(&arguments.output, Replacing::default()).with_context(name)?;
    match jobs(arguments) {
        Some(jobs) => {
            let mut writer =
                Writer::new(&mut output, Layout::for_jobs(&jobs)).with_context(name)?;
            for job in &jobs {
                writer.write(job, None, &[]).with_context(name)?;
            }
            writer.finish().with_context(name)?;
        }
        None => {
            let mut writer = trace::Writer::new(&mut output);
            for call in generate::trace::events(arguments.jobs as u64, arguments.seed) {
                writer.write(&call).with_context(name)?;
            }
            writer.finish().with_context(name)?;
        }
    }
    output.commit().with_context(name)
}

/// The jobs of an instance; `None` for a trace, whose events are not kept.
fn jobs(arguments: &Arguments) -> Option<Vec<Job>> {
    let (count, seed) = (arguments.jobs, arguments.seed);
    let side = 1 << 30;
    Some(match arguments.kind {
        Kind::Random => generate::random(count, seed),
        Kind::Guillotine => generate::guillotine(count, side, side, Cutting::Even, seed),
        Kind::GuillotineUneven => generate::guillotine(count, side, side, Cutting::Uneven, seed),
        Kind::Pinwheel => generate::pinwheel(count, side, side, seed),
        Kind::Training => generate::training(count, seed),
        Kind::Malloc => generate::malloc_like(8, count, seed),
        Kind::FewLive => generate::few_live(Keeping::default(), count, seed),
        Kind::Adversary => generate::first_fit_adversary(count, seed),
        Kind::Trace => return None,
    })
}
