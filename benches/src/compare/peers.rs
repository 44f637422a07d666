//! Who is compared.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use common::check;
use common::format::Format;
use common::input::{self, Offsets};
use common::job::{Job, JobId};
use common::load::Bounds;
use common::placement::Placement;

use super::instances::Ready;

/// What a peer answered: offsets by the instance's order, and the time it took.
pub struct Answer {
    offsets: Vec<u64>,
    seconds: f64,
}

impl Answer {
    /// The makespan and the time, once the independent verifier has passed it.
    ///
    /// # Errors
    /// The violation.
    pub fn verified(self, ready: &Ready) -> anyhow::Result<(u64, f64)> {
        let placement = Placement {
            offsets: self.offsets,
        };
        check::verify(&ready.problem, &placement, 0)?;
        Ok((placement.makespan(&ready.problem), self.seconds))
    }
}

/// Somebody who places jobs.
pub trait Peer {
    /// What it is called.
    fn name(&self) -> String;

    /// Places the jobs of an instance.
    ///
    /// # Errors
    /// Where it fails, or takes far longer than it may.
    fn run(&self, ready: &Ready, timeout: Option<Duration>, seed: u64) -> anyhow::Result<Answer>;
}

/// idealloc, as a process.
pub struct Idealloc<'a> {
    /// Its program.
    pub program: &'a Path,
    /// The technique to force, where not all of them are to take turns.
    pub method: Option<&'a str>,
}

/// The program `idealloc` beside this one.
///
/// # Errors
/// Where it is not there.
pub fn idealloc() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("idealloc");
    ensure!(
        path.is_file(),
        "{} is not built: cargo build --release -p idealloc",
        path.display()
    );
    Ok(path)
}

impl Peer for Idealloc<'_> {
    fn name(&self) -> String {
        match self.method {
            Some(method) => format!("idealloc {method}"),
            None => "idealloc".to_owned(),
        }
    }

    fn run(&self, ready: &Ready, timeout: Option<Duration>, seed: u64) -> anyhow::Result<Answer> {
        let output = ready.folder.path().join("idealloc.csv");
        let timeout = timeout.unwrap_or(Duration::from_secs(3));
        let begun = Instant::now();
        let ran = Command::new(self.program)
            .arg(&ready.csv)
            .arg("-o")
            .arg(&output)
            .args([
                "--seed",
                &seed.to_string(),
                "--timeout",
                &timeout.as_secs_f64().to_string(),
                "--method",
                self.method.unwrap_or("auto"),
            ])
            .output()?;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let offsets = placed(ready, &output)?;
        Ok(Answer { offsets, seconds })
    }
}

/// The offsets in a CSV, by the instance's order, whatever the CSV's is.
fn placed(ready: &Ready, path: &Path) -> anyhow::Result<Vec<u64>> {
    let file = std::fs::File::open(path)?;
    let document = input::load(file, Format::Csv, Offsets::Placement)?;
    let offsets = document.placement.context("no offsets")?.offsets;
    let ids = document.problem.jobs().iter().map(|job| &job.id);
    let by_id: HashMap<&JobId, u64> = ids.zip(offsets).collect();
    let offset = |job: &Job| by_id.get(&job.id).copied().context("a job is not placed");
    ready.problem.jobs().iter().map(offset).collect()
}

/// Google's minimalloc, whose program only decides whether a capacity can be
/// met: asked for the lower bound with half of the time, and then, with an equal
/// share of the rest each, for more and more above it, until it has an answer.
pub struct Minimalloc<'a> {
    /// Its program.
    pub program: &'a Path,
}

/// Capacities above the lower bound, in per mille.
const ABOVE: [u64; 9] = [0, 5, 10, 20, 50, 100, 200, 500, 1000];

impl Peer for Minimalloc<'_> {
    fn name(&self) -> String {
        "minimalloc".to_owned()
    }

    fn run(&self, ready: &Ready, timeout: Option<Duration>, _seed: u64) -> anyhow::Result<Answer> {
        let bound = Bounds::new(ready.problem.jobs(), 0).lower_bound;
        let time = timeout.unwrap_or(Duration::from_secs(3));
        let output = ready.folder.path().join("minimalloc.csv");
        let begun = Instant::now();
        for above in ABOVE {
            let share = match above {
                0 => time / 2,
                _ => time / 2 / (ABOVE.len() as u32 - 1),
            };
            let _ = std::fs::remove_file(&output);
            let capacity = bound + (u128::from(bound) * u128::from(above) / 1000) as u64;
            let ran = Command::new("timeout")
                .arg(PATIENCE)
                .arg(self.program)
                .arg(format!("--capacity={capacity}"))
                .arg(format!("--timeout={}ms", share.as_millis().max(1)))
                .arg(option("--input=", &ready.csv))
                .arg(option("--output=", &output))
                .output()?;
            let is_written = std::fs::metadata(&output).is_ok_and(|file| file.len() > 0);
            if ran.status.success() && is_written {
                let seconds = begun.elapsed().as_secs_f64();
                let offsets = placed(ready, &output)?;
                return Ok(Answer { offsets, seconds });
            }
        }
        bail!("no placement within twice the lower bound")
    }
}

fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// One of omnimalloc's allocators, in a Python of its own.
pub struct Omnimalloc<'a> {
    /// The Python of an environment with omnimalloc.
    pub python: &'a Path,
    /// `omni` or `supermalloc`.
    pub allocator: &'a str,
}

/// Reads the CSV, runs the allocator, prints its time and then the offsets by
/// row. Sizes are rounded up to the alignment, which the library has none of.
const SCRIPT: &str = "\
import csv, sys, time
import omnimalloc as om
from omnimalloc import allocators
path, name, timeout = sys.argv[1], sys.argv[2], float(sys.argv[3])
rows = list(csv.DictReader(open(path)))
def size(r):
    a = int(r.get('alignment') or 1)
    return -(-int(r['size']) // a) * a
pool = om.Pool(id='p', allocations=tuple(
    om.Allocation(id=i, size=size(r), start=int(r['lower']), end=int(r['upper'])) for i, r in enumerate(rows)))
chosen = allocators.SupermallocAllocator(timeout=timeout) if name == 'supermalloc' else name
begun = time.perf_counter()
placed = om.allocate(pool, chosen)
print(time.perf_counter() - begun)
offsets = {a.id: a.offset for a in placed.allocations}
print('\\n'.join(str(offsets[i]) for i in range(len(rows))))
";

/// Beyond any limit asked for: then a run is ended from outside.
const PATIENCE: &str = "180";

impl Peer for Omnimalloc<'_> {
    fn name(&self) -> String {
        format!("omnimalloc {}", self.allocator)
    }

    fn run(&self, ready: &Ready, timeout: Option<Duration>, _seed: u64) -> anyhow::Result<Answer> {
        let timeout = timeout
            .unwrap_or(Duration::from_secs(3))
            .as_secs_f64()
            .to_string();
        let ran = Command::new("timeout")
            .arg(PATIENCE)
            .arg(self.python)
            .args(["-c", SCRIPT])
            .arg(&ready.csv)
            .args([self.allocator, &timeout])
            .output()?;
        if ran.status.code() == Some(124) {
            bail!("no answer in {PATIENCE} s");
        }
        let error = String::from_utf8_lossy(&ran.stderr);
        ensure!(
            ran.status.success(),
            "{}",
            error.lines().last().unwrap_or("failed")
        );
        let text = String::from_utf8(ran.stdout)?;
        let mut lines = text.lines();
        let seconds = lines.next().context("no time")?.parse()?;
        let offsets = lines.map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        Ok(Answer { offsets, seconds })
    }
}
