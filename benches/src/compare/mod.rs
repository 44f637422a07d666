//! idealloc beside its peers on the same instances and the same machine.
//!
//! Every answer is verified here, whoever gave it. Times are wall times of the
//! whole call: of the process for idealloc, of the library call (without start
//! of the interpreter and reading) for omnimalloc, which favours the peer.

mod instances;
mod peers;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use common::load::Bounds;

pub use instances::{Instance, classes, folder};
pub use peers::{Answer, Idealloc, Omnimalloc, Peer};

/// What to compare, and how.
#[derive(Debug)]
pub struct Settings {
    /// Folders of CSVs and traces, beside the generated classes.
    pub folders: Vec<PathBuf>,
    /// Time limits for those who take one.
    pub timeouts: Vec<Duration>,
    /// Seeds to run idealloc with; peers that take none run once.
    pub seeds: u64,
    /// The Python of an environment with omnimalloc.
    pub python: Option<PathBuf>,
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

/// Runs everyone on everything; writes a row of CSV as each run ends, and gives
/// all rows back.
///
/// # Errors
/// Where an instance cannot be read or the output not written; a run that fails
/// is a row.
pub fn compare(settings: &Settings, output: &mut dyn Write) -> anyhow::Result<Vec<Row>> {
    writeln!(output, "{HEADER}")?;
    let mut instances = classes();
    for path in &settings.folders {
        instances.extend(folder(path).with_context(|| path.display().to_string())?);
    }
    let mut rows = Vec::new();
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
        for &timeout in &settings.timeouts {
            for seed in 0..settings.seeds {
                run(&Idealloc, Some(timeout), seed)?;
            }
        }
        if let Some(python) = &settings.python
            && ready.problem.len() <= settings.peer_limit
        {
            let longest = settings.timeouts.iter().max().copied();
            run(
                &Omnimalloc {
                    python,
                    allocator: "omni",
                },
                None,
                0,
            )?;
            run(
                &Omnimalloc {
                    python,
                    allocator: "supermalloc",
                },
                longest,
                0,
            )?;
        }
    }
    Ok(rows)
}

/// A Markdown table: a row an instance, a column each who; median over bound
/// and median time, the worst in brackets where seeds differ.
pub fn table(rows: &[Row]) -> String {
    let mut columns: Vec<(String, Option<Duration>)> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        let column = (row.who.clone(), row.timeout);
        if !columns.contains(&column) {
            columns.push(column);
        }
        if !names.contains(&row.instance.as_str()) {
            names.push(&row.instance);
        }
    }
    let mut table = String::from("| instance | jobs |");
    for (who, timeout) in &columns {
        let limit = timeout.map_or_else(String::new, |t| format!(", {} s", t.as_secs_f64()));
        table += &format!(" {who}{limit} |");
    }
    table += "\n|---|---|";
    table += &"---|".repeat(columns.len());
    table.push('\n');
    for name in names {
        let jobs = rows
            .iter()
            .find(|row| row.instance == name)
            .map_or(0, |row| row.jobs);
        table += &format!("| {name} | {jobs} |");
        for (who, timeout) in &columns {
            let cell =
                cell(rows.iter().filter(|row| {
                    row.instance == name && row.who == *who && row.timeout == *timeout
                }));
            table += &format!(" {cell} |");
        }
        table.push('\n');
    }
    table
}

fn cell<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let (mut overs, mut times, mut fault) = (Vec::new(), Vec::new(), None);
    for row in rows {
        match (&row.result, row.over()) {
            (Ok((_, seconds)), Some(over)) => {
                overs.push(over);
                times.push(*seconds);
            }
            (Err(why), _) => fault = Some(why.as_str()),
            _ => {}
        }
    }
    if overs.is_empty() {
        return fault.map_or("-", |_| "failed").to_owned();
    }
    overs.sort_by(f64::total_cmp);
    times.sort_by(f64::total_cmp);
    let percent = |over: f64| {
        if over == 0.0 {
            "0".to_owned()
        } else {
            format!("{over:.2}")
        }
    };
    let (median, worst) = (overs[overs.len() / 2], overs[overs.len() - 1]);
    let worst = if worst > median {
        format!(" ({})", percent(worst))
    } else {
        String::new()
    };
    format!(
        "{} %{worst}, {:.2} s",
        percent(median),
        times[times.len() / 2]
    )
}
