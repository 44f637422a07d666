//! The command line of `idealloc`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use common::format::{self, Format};
use common::units::parse_bytes;
use coreba::{Heuristic, Method, Options};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

const EXAMPLES: &str = "\
Examples:
  idealloc app.trc -o placement.csv                jobs from a trace
  idealloc buffers.csv -o placed.csv               jobs from a compiler
  idealloc buffers.csv --verify placed.csv         is this placement valid?
  idealloc buffers.csv --capacity 64KiB            is there a placement within it?
  idealloc app.plc --timeout 500ms --format json -o placement.csv
  adapt app.trc - --to plc | idealloc - --from plc > placement.csv

All jobs are packed into one address space, whatever heap they were traced in.
An offset column in a CSV fixes jobs where it holds one; offsets in a .plc do not.
The summary goes to standard output with -o FILE, else to standard error.
Ctrl-C ends the search; the best placement so far is written (with --capacity, if it fits).

Exit codes: 0 done; 1 the answer is no (no placement within the capacity, or the
one to verify is not valid); 2 bad usage, input or output; 3 not decided in time.";

/// Solves offline dynamic storage allocation: gives every job of a file an
/// offset, such that the makespan is as small as can be
#[derive(Debug, Parser)]
#[command(name = "idealloc", after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The jobs: a trace (.trc), a .plc or a CSV, also packed by gzip or zstd; - is standard input
    pub(crate) input: PathBuf,

    /// Where the placement goes: a CSV or a .plc; - is standard output
    #[arg(short, long, default_value = "-", value_name = "FILE")]
    pub(crate) output: PathBuf,

    #[command(flatten)]
    pub(crate) outputs: cli::output::Options,

    #[command(flatten)]
    pub(crate) memory: cli::memory::Options,

    #[command(flatten)]
    pub(crate) csv: cli::csv::Options,

    /// Format of the input, where its name does not say: trc, plc or csv
    #[arg(long, value_name = "FORMAT")]
    pub(crate) from: Option<Format>,

    /// Format of the output, where its name does not say: csv (the default) or plc
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: Option<Format>,

    /// How to print the summary
    #[arg(long, value_enum, default_value_t = Print::Text, value_name = "HOW")]
    pub(crate) format: Print,

    /// Start address: start + offset is what alignment applies to. Takes suffixes such as 64KiB
    #[arg(long, value_name = "BYTES", default_value = "0", value_parser = parse_bytes)]
    start: u64,

    /// Only ask whether a placement within this many bytes exists
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) capacity: Option<u64>,

    /// With --capacity: where it is not decided, write the best placement although it is larger
    #[arg(long, requires = "capacity")]
    pub(crate) keep_best: bool,

    /// With --capacity: where the answer is no, name a few jobs that already do not fit
    #[arg(long, requires = "capacity")]
    pub(crate) explain: bool,

    /// Start from this placement of much the same jobs, matched by id
    #[arg(long, value_name = "FILE")]
    pub(crate) warm_start: Option<PathBuf>,

    /// Only check this placement of the input's jobs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["capacity", "output"])]
    pub(crate) verify: Option<PathBuf>,

    /// Stop after this long, set-up included: 500ms, 10s, 2m; a bare number is seconds [default: 3s]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    timeout: Option<Duration>,

    /// Stop after this many evaluations instead of by the clock: reproducible at any number of threads
    #[arg(long, value_name = "N")]
    iterations: Option<u64>,

    /// Force one technique
    #[arg(long, value_enum, default_value_t = Technique::Auto, value_name = "NAME")]
    method: Technique,

    /// Leave a heuristic out, to see what it is worth; may be given several times
    #[arg(long, value_parser = heuristics(), value_name = "NAME", hide_short_help = true)]
    without: Vec<Heuristic>,

    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,

    /// Stop once the fragmentation is at most this many per cent
    #[arg(long, value_name = "PCT", value_parser = parse_percent)]
    max_fragmentation: Option<f64>,

    /// Do not keep the offsets of a CSV as fixed positions
    #[arg(long)]
    pub(crate) ignore_offsets: bool,

    /// Threads to use [default: those of the machine]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// No summary and no progress; what is odd in the input is still told
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// How a summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Print {
    /// For people
    Text,
    /// For programs: one object
    Json,
}

/// See [`coreba::Method`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Technique {
    /// All techniques by turns
    Auto,
    /// Peeling and dives
    Dive,
    /// Peeling and the exact search
    Exact,
    /// First fit and best fit in many orders, and ejection search
    Fit,
    /// Boxing, unboxed and squeezed by first fit
    Boxing,
}

/// Heuristics by name, with what each does.
fn heuristics() -> impl TypedValueParser<Value = Heuristic> {
    let names = Heuristic::ALL.iter().map(|heuristic| {
        let purpose = heuristic.purpose().trim_end_matches('.');
        PossibleValue::new(heuristic.name()).help(purpose)
    });
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Heuristic>())
}

impl Arguments {
    /// The solver's options; `begun` is when the process started, and `jobs`
    /// how many there are to write at the end.
    pub(crate) fn options(&self, begun: Instant, jobs: usize) -> Options {
        let mut options = Options::default();
        options.start = self.start;
        options.seed = self.seed;
        options.iterations = self.iterations;
        options.max_fragmentation = self.max_fragmentation.map(|percent| percent / 100.0);
        options.capacity = self.capacity;
        options.method = match self.method {
            Technique::Auto => Method::Auto,
            Technique::Dive => Method::Dive,
            Technique::Exact => Method::Exact,
            Technique::Fit => Method::Fit,
            Technique::Boxing => Method::Boxing,
        };
        options.without = self.without.iter().copied().collect();
        // Writing takes less than half a microsecond a job.
        let writing = Duration::from_nanos(400 * jobs as u64);
        let timeout = match (self.timeout, self.iterations) {
            (Some(timeout), _) => Some(timeout),
            (None, Some(_)) => None,
            (None, None) => Some(DEFAULT_TIMEOUT),
        };
        options.deadline =
            timeout.and_then(|timeout| begun.checked_add(timeout.saturating_sub(writing)));
        if let Some(threads) = self.threads {
            options.threads = threads;
        }
        options
    }

    /// The format of the output.
    pub(crate) fn output_format(&self) -> anyhow::Result<Format> {
        let path = &self.output;
        match self.to.or_else(|| Format::of_path(path)) {
            Some(format) if format.is_written() => Ok(format),
            Some(_) => bail!("{}: a placement is written as csv or plc", path.display()),
            None if format::is_standard(path) => Ok(Format::Csv),
            None => bail!(
                "{}: the name does not end in .csv or .plc: use --to",
                path.display()
            ),
        }
    }
}

/// A length of time: `500ms`, `10s`, `1m 30s`; a bare number is seconds.
fn parse_time(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a length of time such as 500ms, 10s or 2m");
    match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| bad()),
        Err(_) => humantime::parse_duration(text).map_err(|_| bad()),
    }
}

fn parse_percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim();
    match number.parse::<f64>() {
        Ok(percent) if percent >= 0.0 => Ok(percent),
        _ => Err(format!("{text:?} is not a percentage of at least 0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_take_units() {
        let parsed = ["500ms", "10s", "2m", "1h", "0.5", "1.5s", "0"].map(parse_time);
        let expected = [500, 10_000, 120_000, 3_600_000, 500, 1500, 0];
        assert_eq!(parsed, expected.map(|ms| Ok(Duration::from_millis(ms))));
        for bad in ["", "s", "-1", "10 parsecs", "nan", "1e99h"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
