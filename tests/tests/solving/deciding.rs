//! Decisions: is there a placement within a capacity, which jobs stand in the
//! way, is a given placement valid; and starting from an earlier one.

use std::fs;

use common::problem::Problem;
use coreba::{Options, Status, Stop, explain, solve};
use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;
use tests::oracle::{self, Constraints};
use tests::{Ran, run_in};

fn asking(capacity: u64) -> Options {
    let mut options = Options::default();
    options.capacity = Some(capacity);
    options.iterations = Some(3000);
    options
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn an_explanation_is_an_irreducible_set_of_jobs_that_do_not_fit(
        problem in oracle::small_problems(7, Constraints { alignments: true, ..Constraints::default() }),
    ) {
        let optimum = oracle::optimum(&problem, 0, 1000).expect("plain jobs always fit");
        let options = asking(optimum - 1);
        let explanation = explain(&problem, &options, &mut ()).expect("sound");
        let explanation = explanation.expect("below the optimum nothing fits");
        let part = |jobs: &[usize]| {
            Problem::new(jobs.iter().map(|&job| problem[job].clone()).collect()).expect("sound")
        };
        let needs = |jobs: &[usize]| oracle::optimum(&part(jobs), 0, 1000).expect("plain");
        prop_assert!(needs(&explanation.jobs) > optimum - 1);
        if explanation.irreducible {
            for left_out in 0..explanation.jobs.len() {
                let mut fewer = explanation.jobs.clone();
                fewer.remove(left_out);
                prop_assert!(fewer.is_empty() || needs(&fewer) < optimum);
            }
        }
        prop_assert_eq!(explain(&problem, &asking(optimum), &mut ()).expect("sound"), None);
    }

    #[test]
    fn a_warm_start_is_never_worse_than_where_it_started(
        problem in oracle::small_problems(8, oracle::ALL),
    ) {
        let mut options = Options::default();
        options.iterations = Some(40);
        let first = solve(&problem, &options, &mut ()).expect("sound");
        options.iterations = Some(0);
        options.warm_start = Some(first.placement.offsets.iter().map(|&at| Some(at)).collect());
        let again = solve(&problem, &options, &mut ()).expect("sound");
        // Windows let first fit in the order of offsets come out higher.
        if problem.jobs().iter().all(|job| job.gaps().is_empty()) {
            prop_assert!(again.makespan <= first.makespan);
        }
    }
}

#[test]
fn a_capacity_below_load_is_refused_at_once() {
    let problem = Problem::new(benches::generate::random(2000, 3)).expect("sound");
    let load = common::load::load(problem.jobs()).peak;
    let solution = solve(&problem, &asking(load - 1), &mut ()).expect("sound");
    assert_eq!(
        (solution.status, solution.stop),
        (Status::Infeasible, Stop::Infeasible)
    );
    assert_eq!(solution.evaluations, 0);
}

fn folder_with(csv: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("jobs.csv"), csv).expect("a file");
    folder
}

const TWO: &str = "id,lower,upper,size\na,0,3,4\nb,1,4,6\nc,3,5,4\n";

#[test]
fn the_exit_code_answers_whether_a_capacity_can_be_met() {
    let folder = folder_with(TWO);
    let folder = folder.path();
    let ran = run_in(
        folder,
        "idealloc",
        &["jobs.csv", "--capacity", "10", "-o", "p.csv"],
        b"",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let before = fs::read(folder.join("p.csv")).expect("written");
    let Ran { code, out, err } = run_in(
        folder,
        "idealloc",
        &["jobs.csv", "--capacity", "9", "-o", "p.csv", "--explain"],
        b"",
    );
    assert_eq!(code, 1, "{err}");
    assert!(
        out.contains("infeasible") && out.contains("2 jobs together: a b"),
        "{out}"
    );
    assert_eq!(fs::read(folder.join("p.csv")).expect("untouched"), before);
    let ran = run_in(
        folder,
        "idealloc",
        &["jobs.csv", "--capacity", "1KiB", "--format", "json"],
        b"",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let summary: Value = serde_json::from_str(&ran.err).expect("JSON on standard error");
    assert_eq!(summary["makespan"], 10);
    assert_eq!(summary["status"], "optimal");
}

#[test]
fn what_is_not_decided_in_time_exits_with_3_and_writes_the_best_if_asked() {
    let jobs =
        benches::generate::guillotine(2000, 1 << 24, 1 << 24, benches::generate::Cutting::Even, 1);
    let rows: String = jobs
        .iter()
        .map(|job| format!("{},{},{},{}\n", job.id, job.birth, job.death, job.size))
        .collect();
    let folder = folder_with(&format!("id,lower,upper,size\n{rows}"));
    let arguments = [
        "jobs.csv",
        "--capacity",
        "16MiB",
        "--iterations",
        "4",
        "--method",
        "dive",
        "--keep-best",
        "-o",
        "p.csv",
    ];
    let ran = run_in(folder.path(), "idealloc", &arguments, b"");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let ran = run_in(folder.path(), "report", &["p.csv"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn a_given_placement_is_verified() {
    let folder = folder_with(TWO);
    let folder = folder.path();
    let verify = |offsets: [u64; 3]| {
        let [a, b, c] = offsets;
        let text = format!("id,lower,upper,size,offset\nc,3,5,4,{c}\na,0,3,4,{a}\nb,1,4,6,{b}\n");
        fs::write(folder.join("p.csv"), text).expect("a file");
        run_in(folder, "idealloc", &["jobs.csv", "--verify", "p.csv"], b"")
    };
    let ran = verify([0, 4, 0]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "p.csv: valid\n"));
    let ran = verify([0, 3, 0]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("jobs a and b overlap at time 1"),
        "{}",
        ran.out
    );
    fs::write(
        folder.join("q.csv"),
        "id,lower,upper,size,offset\na,0,3,4,0\n",
    )
    .expect("a file");
    let ran = run_in(folder, "idealloc", &["jobs.csv", "--verify", "q.csv"], b"");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("job b is not placed"), "{}", ran.out);
}

#[test]
fn a_warm_start_is_matched_by_id() {
    let folder = folder_with(TWO);
    let folder = folder.path();
    let old = "id,lower,upper,size,offset\nb,1,4,6,0\na,0,3,4,6\ngone,0,3,4,99\n";
    fs::write(folder.join("old.csv"), old).expect("a file");
    let arguments = ["jobs.csv", "--warm-start", "old.csv", "-o", "p.csv"];
    let ran = run_in(folder, "idealloc", &arguments, b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("warm start"), "{}", ran.out);
    let placed = fs::read_to_string(folder.join("p.csv")).expect("written");
    assert_eq!(
        placed,
        "id,lower,upper,size,offset\na,0,3,4,6\nb,1,4,6,0\nc,3,5,4,6\n"
    );
}
