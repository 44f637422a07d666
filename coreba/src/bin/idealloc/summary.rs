//! What `idealloc` says of a solution, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use common::input::Document;
use common::text::{counted, printable};
use common::units::human_bytes;
use coreba::{Explanation, Solution, Status, Stop};
use serde::Serialize;

/// The summary for programs. Bytes are bytes, times seconds, fragmentation a
/// fraction. Fields may be added, none changes or goes while `schema` is 1.
#[derive(Serialize)]
struct Summary<'a> {
    schema: u32,
    jobs: usize,
    fixed: usize,
    load: u64,
    load_time: u64,
    lower_bound: u64,
    makespan: u64,
    fragmentation: f64,
    status: &'a str,
    stop: &'a str,
    proof: Option<&'a str>,
    method: String,
    evaluations: u64,
    nodes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_searched: Option<String>,
    hinted: usize,
    hints_kept: usize,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cannot_fit: Option<Vec<String>>,
}

fn fixed(document: &Document) -> usize {
    document
        .problem
        .jobs()
        .iter()
        .filter(|job| job.pin().is_some())
        .count()
}

/// The status in one word.
fn status(solution: &Solution) -> &'static str {
    match solution.status {
        Status::Optimal => "optimal",
        Status::Feasible => "feasible",
        Status::Infeasible => "infeasible",
        _ => "unknown",
    }
}

/// What ended the search, in one word.
fn stop(solution: &Solution) -> &'static str {
    match solution.stop {
        Stop::LowerBound => "lower-bound",
        Stop::Exhausted => "exhausted",
        Stop::CapacityMet => "capacity-met",
        Stop::Infeasible => "infeasible",
        Stop::Timeout => "timeout",
        Stop::Iterations => "iterations",
        Stop::GoodEnough => "good-enough",
        Stop::Interrupted => "interrupted",
        _ => "other",
    }
}

/// How the lower bound is known.
fn proof(solution: &Solution) -> &'static str {
    if solution.lower_bound == solution.load.peak {
        "load"
    } else if solution.lower_bound <= solution.static_bound {
        "load with alignment, groups and fixed offsets"
    } else {
        "exhaustive search"
    }
}

/// The summary as one line of JSON.
pub(crate) fn json(
    document: &Document,
    solution: &Solution,
    explanation: Option<&Explanation>,
    elapsed: Duration,
) -> anyhow::Result<String> {
    let proved = matches!(solution.status, Status::Optimal | Status::Infeasible);
    let summary = Summary {
        schema: 1,
        jobs: document.problem.len(),
        fixed: fixed(document),
        load: solution.load.peak,
        load_time: solution.load.at,
        lower_bound: solution.lower_bound,
        makespan: solution.makespan,
        fragmentation: solution.fragmentation(),
        status: status(solution),
        stop: stop(solution),
        proof: proved.then(|| proof(solution)),
        method: solution.found_by.to_string(),
        evaluations: solution.evaluations,
        nodes: solution.nodes,
        not_searched: solution.too_large.map(|what| what.to_string()),
        hinted: solution.hinted,
        hints_kept: solution.hints_kept,
        seconds: elapsed.as_secs_f64(),
        cannot_fit: explanation.map(|explanation| ids(document, explanation)),
    };
    Ok(serde_json::to_string(&summary)? + "\n")
}

fn ids(document: &Document, explanation: &Explanation) -> Vec<String> {
    explanation
        .jobs
        .iter()
        .map(|&job| document.problem[job].id.to_string())
        .collect()
}

/// The summary as text.
pub(crate) fn text(
    document: &Document,
    solution: &Solution,
    capacity: Option<u64>,
    explanation: Option<&Explanation>,
    elapsed: Duration,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<14} {}", printable(value));
    };
    let bytes = |bytes: u64| format!("{} ({})", counted(bytes, "byte"), human_bytes(bytes));
    line("jobs", &document.problem.len().to_string());
    if fixed(document) > 0 {
        line(
            "fixed",
            &(counted(fixed(document), "job") + " kept where the input puts them"),
        );
    }
    let load = solution.load;
    line("LOAD", &format!("{} at time {}", bytes(load.peak), load.at));
    line(
        "lower bound",
        &format!("{}, by {}", bytes(solution.lower_bound), proof(solution)),
    );
    if let Some(capacity) = capacity {
        line("capacity", &bytes(capacity));
    }
    line("makespan", &bytes(solution.makespan));
    line(
        "fragmentation",
        &format!("{:.4} %", 100.0 * solution.fragmentation()),
    );
    line("status", &sentence(solution));
    if let Some(what) = solution.too_large {
        line("exact search", &what.to_string());
    }
    if solution.hinted > 0 {
        let (kept, hinted) = (solution.hints_kept, solution.hinted);
        let hinted = counted(hinted, "job");
        line("hints", &format!("{kept} of {hinted} at theirs"));
    }
    if let Some(explanation) = explanation {
        let ids = ids(document, explanation);
        let every = if explanation.irreducible {
            "; any fewer of them fit"
        } else {
            ""
        };
        line(
            "cannot fit",
            &format!(
                "{} together: {}{every}",
                counted(ids.len(), "job"),
                ids.join(" ")
            ),
        );
    }
    let nodes = match solution.nodes {
        0 => String::new(),
        nodes => format!(", {} of exact search", counted(nodes, "node")),
    };
    let (method, tried) = (solution.found_by, solution.evaluations);
    line("method", &format!("{method} ({tried} tried{nodes})"));
    line("time", &format!("{:.3} s", elapsed.as_secs_f64()));
    text
}

fn sentence(solution: &Solution) -> String {
    let why = match solution.stop {
        Stop::CapacityMet => "within the capacity",
        Stop::Timeout => "stopped by the time limit",
        Stop::Iterations => "stopped by the limit on evaluations",
        Stop::GoodEnough => "good enough, as --max-fragmentation says",
        Stop::Interrupted => "interrupted",
        _ => "no method has anything left to try",
    };
    let why = match solution.status {
        Status::Optimal => "the makespan meets the lower bound",
        Status::Infeasible => "no placement is within the capacity, as the lower bound proves",
        _ => why,
    };
    format!("{}: {why}", status(solution))
}
