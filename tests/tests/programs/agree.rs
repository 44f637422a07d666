//! What a tool wrote, every tool accepts, and all agree on it.

use std::fs;
use std::path::Path;

use common::csv::{Layout, Writer};
use common::problem::Problem;
use proptest::prelude::*;
use tests::oracle::{Constraints, small_problems};
use tests::shell;

const PLAIN: Constraints = Constraints {
    alignments: true,
    gaps: false,
    pins: false,
    groups: false,
};

/// The jobs as a CSV that has all columns.
fn csv(problem: &Problem) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, Layout::for_jobs(problem.jobs())).expect("memory");
    for job in problem.jobs() {
        writer.write(job, None, &[]).expect("memory");
    }
    drop(writer);
    bytes
}

#[track_caller]
fn accepted(folder: &Path, line: &str) {
    let ran = shell(folder, line);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{line}: {said}");
}

/// Jobs of which no two live at once may all lie at 0.
#[test]
fn a_placement_of_zeros_is_one() {
    let jobs = (0..3).map(|id| common::job::Job::new(id, 2 * id, 2 * id + 2, 4));
    agree(&Problem::new(jobs.collect()).expect("jobs"), true);
}

/// Every tool on a placement of the jobs, and on what it makes of that.
fn all_accept(folder: &Path, jobs: &str, placed: &str) {
    accepted(folder, &format!("idealloc {jobs} --verify {placed} -q"));
    accepted(folder, &format!("report {placed} -q"));
    accepted(
        folder,
        &format!("idealloc {jobs} --warm-start {placed} --iterations 1 -q -o warm.csv"),
    );
    accepted(folder, &format!("idealloc {jobs} --verify warm.csv -q"));
    accepted(folder, &format!("report {placed} --against warm.csv -q"));
}

fn agree(problem: &Problem, is_plain: bool) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("jobs.csv"), csv(problem)).expect("a file");
    accepted(folder, "idealloc jobs.csv --iterations 20 -q -o placed.csv");
    all_accept(folder, "jobs.csv", "placed.csv");
    accepted(folder, "adapt -q jobs.csv again.csv");
    all_accept(folder, "again.csv", "placed.csv");
    accepted(folder, "adapt -q --offsets placed.csv kept.csv");
    all_accept(folder, "jobs.csv", "kept.csv");
    if is_plain {
        accepted(folder, "adapt -q jobs.csv jobs.plc");
        accepted(folder, "idealloc jobs.plc --iterations 20 -q -o placed.plc");
        all_accept(folder, "jobs.plc", "placed.plc");
        all_accept(folder, "jobs.csv", "placed.plc");
        all_accept(folder, "jobs.plc", "placed.csv");
        accepted(folder, "adapt -q --offsets placed.plc of-plc.csv");
        all_accept(folder, "jobs.csv", "of-plc.csv");
        accepted(folder, "adapt -q placed.csv of-csv.plc");
        all_accept(folder, "jobs.plc", "of-csv.plc");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_tool_wrote_every_tool_accepts(
        plain in small_problems(4, PLAIN),
        problem in small_problems(6, tests::oracle::ALL),
    ) {
        agree(&plain, true);
        agree(&problem, false);
    }
}
