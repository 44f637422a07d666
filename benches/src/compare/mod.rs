//! idealloc beside its peers on the same instances and the same machine.
//!
//! Every answer is verified here, whoever gave it. Times are wall times of the
//! whole call: of the process for idealloc, of the library call (without start
//! of the interpreter and reading) for omnimalloc, which favours the peer.

mod curves;
mod instances;
mod peers;
mod table;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use common::load::Bounds;

pub use curves::{Curves, svg};
pub use instances::{Instance, classes, folder};
pub use peers::{Answer, Idealloc, Minimalloc, Omnimalloc, Peer, idealloc};
pub use table::table;

/// What to compare, and how.
#[derive(Debug)]
pub struct Settings {
    /// Folders of CSVs and traces, beside the generated classes.
    pub folders: Vec<PathBuf>,
    /// Time limits for those who take one.
    pub timeouts: Vec<Duration>,
    /// Seeds to run idealloc with; peers that take none run once.
    pub seeds: u64,
    /// idealloc's program.
    pub idealloc: PathBuf,
    /// Techniques of idealloc to run each alone, beside all of them by turns.
    pub methods: Vec<String>,
    /// Whether to record how the makespan falls over time.
    pub with_curves: bool,
    /// The Python of an environment with omnimalloc.
    pub python: Option<PathBuf>,
    /// minimalloc's program.
    pub minimalloc: Option<PathBuf>,
    /// Only instances whose name contains this.
    pub only: Option<String>,
    /// Jobs above which peers are left out.
    pub peer_limit: usize,
}

/// One run.
#[derive(Debug)]
pub struct Row {
    /// The instance.
    pub instance: String,
    /// Its jobs.
    pub jobs: usize,
    /// Its bounds.
    pub bounds: Bounds,
    /// Who ran.
    pub who: String,
    /// The time limit, for those who take one.
    pub timeout: Option<Duration>,
    /// The seed.
    pub seed: u64,
    /// Makespan in bytes and seconds taken; or why there is none.
    pub result: Result<(u64, f64), String>,
}

/// The columns of the CSV.
pub const HEADER: &str =
    "instance,jobs,load,lower_bound,who,timeout_s,seed,makespan,over_bound_pct,seconds,note";

impl Row {
    /// By how many per cent the makespan passes the lower bound.
    pub fn over(&self) -> Option<f64> {
        let bound = self.bounds.lower_bound as f64;
        let (makespan, _) = self.result.as_ref().ok()?;
        Some(if bound > 0.0 {
            100.0 * (*makespan as f64 - bound) / bound
        } else {
            0.0
        })
    }

    fn csv(&self) -> String {
        let timeout = self
            .timeout
            .map_or_else(String::new, |t| t.as_secs_f64().to_string());
        let over = self
            .over()
            .map_or_else(String::new, |over| format!("{over:.4}"));
        let (makespan, seconds, note) = match &self.result {
            Ok((makespan, seconds)) => (makespan.to_string(), format!("{seconds:.3}"), ""),
            Err(why) => (String::new(), String::new(), why.as_str()),
        };
        format!(
            "{},{},{},{},{},{timeout},{},{makespan},{over},{seconds},{}",
            self.instance,
            self.jobs,
            self.bounds.load.peak,
            self.bounds.lower_bound,
            self.who,
            self.seed,
            note.replace([',', '\n'], ";"),
        )
    }
}

/// What was measured.
#[derive(Debug)]
pub struct Comparison {
    /// Every run.
    pub rows: Vec<Row>,
    /// How idealloc's makespan fell, an instance each, where that was asked for.
    pub curves: Vec<Curves>,
}

/// Runs everyone on everything; writes a row of CSV as each run ends.
///
/// # Errors
/// Where an instance cannot be read or the output not written; a run that fails
/// is a row.
pub fn compare(settings: &Settings, output: &mut dyn Write) -> anyhow::Result<Comparison> {
    writeln!(output, "{HEADER}")?;
    let mut instances = classes();
    for path in &settings.folders {
        instances.extend(folder(path).with_context(|| path.display().to_string())?);
    }
    let (mut rows, mut curves) = (Vec::new(), Vec::new());
    for instance in &instances {
        if settings
            .only
            .as_ref()
            .is_some_and(|only| !instance.name.contains(only.as_str()))
        {
            continue;
        }
        let ready = instance.make()?;
        let bounds = Bounds::new(ready.problem.jobs(), 0);
        let mut run =
            |peer: &dyn Peer, timeout: Option<Duration>, seed: u64| -> anyhow::Result<()> {
                let result = peer
                    .run(&ready, timeout, seed)
                    .and_then(|answer| answer.verified(&ready));
                let row = Row {
                    instance: instance.name.clone(),
                    jobs: ready.problem.len(),
                    bounds,
                    who: peer.name(),
                    timeout,
                    seed,
                    result: result.map_err(|error| format!("{error:#}")),
                };
                writeln!(output, "{}", row.csv())?;
                output.flush()?;
                rows.push(row);
                Ok(())
            };
        let program = settings.idealloc.as_path();
        for &timeout in &settings.timeouts {
            for seed in 0..settings.seeds {
                run(
                    &Idealloc {
                        program,
                        method: None,
                    },
                    Some(timeout),
                    seed,
                )?;
                for method in &settings.methods {
                    let method = Some(method.as_str());
                    run(&Idealloc { program, method }, Some(timeout), seed)?;
                }
            }
        }
        let longest = settings.timeouts.iter().max().copied();
        if let (Some(time), true) = (longest, settings.with_curves) {
            curves.push(curves::record(instance, &ready, &settings.methods, time)?);
        }
        if ready.problem.len() > settings.peer_limit {
            continue;
        }
        if let Some(program) = &settings.minimalloc {
            run(&Minimalloc { program }, longest, 0)?;
        }
        if let Some(python) = &settings.python {
            for (allocator, timeout) in [("omni", None), ("supermalloc", longest)] {
                run(&Omnimalloc { python, allocator }, timeout, 0)?;
            }
        }
    }
    Ok(Comparison { rows, curves })
}
