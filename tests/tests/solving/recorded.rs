//! Placements recorded from an earlier commit: the same problem, seed and limit
//! of evaluations give the same bytes, over all methods and kinds of constraints,
//! at 1 and at 2 threads. A change that only moves or renames leaves
//! `recorded.txt` alone; one that changes the search records anew, and says why:
//!
//! ```text
//! RECORD=1 cargo test -p tests --test solving recorded
//! ```
//!
//! Keys are logarithms, whose last bit may differ from platform to platform:
//! the records are of Linux on x86_64 with glibc.

use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use benches::generate::{self, Cutting};
use common::job::{Gap, Job};
use common::problem::Problem;
use coreba::{Method, Options, Solution};
use tests::solving::{self, solved};

const METHODS: [(&str, Method); 5] = [
    ("auto", Method::Auto),
    ("dive", Method::Dive),
    ("exact", Method::Exact),
    ("fit", Method::Fit),
    ("boxing", Method::Boxing),
];

/// A problem and what to ask of it.
struct Case {
    name: &'static str,
    jobs: Vec<Job>,
    iterations: u64,
    ask: fn(&mut Options),
}

fn case(name: &'static str, jobs: Vec<Job>, iterations: u64) -> Case {
    Case {
        name,
        jobs,
        iterations,
        ask: |_| (),
    }
}

/// Every so many jobs gets a constraint; its number says which values.
fn with(mut jobs: Vec<Job>, every: usize, constrain: fn(Job, u64) -> Job) -> Vec<Job> {
    for (index, job) in jobs.iter_mut().enumerate() {
        if index % every == 0 {
            *job = constrain(job.clone(), index as u64);
        }
    }
    jobs
}

fn gap(job: Job, index: u64) -> Job {
    let length = job.death - job.birth;
    if length < 3 {
        return job;
    }
    let (lower, upper) = (job.birth + length / 3, job.birth + length / 3 * 2);
    let window = (index.is_multiple_of(2) && job.size > 3).then_some((job.size / 4, job.size / 2));
    job.with_gap(Gap {
        lower,
        upper,
        window,
    })
}

fn group(job: Job, index: u64) -> Job {
    job.grouped(&format!("g{}", index % 5))
}

fn cases() -> Vec<Case> {
    let even = |jobs| generate::guillotine(jobs, 1 << 16, 1 << 16, Cutting::Even, 3);
    let uneven = |jobs| generate::guillotine(jobs, 1 << 16, 1 << 16, Cutting::Uneven, 4);
    let aligned = |jobs: Vec<Job>| with(jobs, 1, |job, index| job.aligned(1 << (index % 3)));
    let keeping = generate::Keeping::default();
    vec![
        case("one", vec![Job::new(0, 0, 1, 7)], 10),
        case("random", generate::random(2000, 1), 60),
        case("training", generate::training(1500, 2), 60),
        case("guillotine", even(300), 150),
        case("uneven-guillotine", uneven(300), 150),
        case("guillotine-large", even(1800), 40),
        case("malloc-like", generate::malloc_like(8, 2400, 4), 60),
        case("few-live", generate::few_live(keeping, 2400, 5), 60),
        case("adversary", generate::first_fit_adversary(1500, 6), 60),
        case("flat", generate::flat(60, 7), 60),
        case("flat-small", generate::flat(25, 8), 100),
        case("mixed", generate::mixed_alignments(30, 9), 24),
        case("mixed-small", generate::mixed_alignments(12, 10), 40),
        case("aligned", aligned(even(400)), 40),
        case("gaps", with(generate::random(400, 11), 3, gap), 60),
        case("groups", with(even(200), 7, group), 60),
        case(
            "pins",
            with(even(40), 20, |job, index| job.pinned(1000 * index)),
            60,
        ),
        case(
            "hints",
            with(even(50), 2, |job, index| job.hinted(64 * index)),
            30,
        ),
        case("all", with(with(aligned(uneven(60)), 4, gap), 9, group), 40),
        Case {
            ask: |options| options.start = 100,
            ..case("start", aligned(uneven(200)), 40)
        },
        Case {
            ask: |options| options.capacity = Some(75),
            ..case("capacity", generate::flat(40, 12), 60)
        },
        Case {
            ask: |options| options.capacity = Some(61),
            ..case("too-small", generate::flat(25, 13), 100)
        },
        Case {
            ask: |options| {
                options.warm_start = Some((0..300).map(|job| Some(job * 16)).collect());
            },
            ..case("warm-start", even(300), 40)
        },
        Case {
            ask: |options| options.max_fragmentation = Some(0.2),
            ..case("good-enough", even(700), 200)
        },
    ]
}

fn solve(case: &Case, method: Method, threads: usize) -> Solution {
    let problem = Problem::new(case.jobs.clone()).expect(case.name);
    // A turn of the exact search on so many jobs takes seconds.
    let is_long = method == Method::Exact && problem.len() > 1500;
    let mut options = solving::options(if is_long { 1 } else { case.iterations }, 7);
    options.method = method;
    options.threads = NonZeroUsize::new(threads).expect("not 0");
    (case.ask)(&mut options);
    solved(&problem, &options)
}

/// FNV-1a over all offsets.
fn digest(solution: &Solution) -> u64 {
    let bytes = solution.placement.offsets.iter();
    bytes
        .flat_map(|offset| offset.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        })
}

#[test]
fn placements_are_those_recorded_at_any_number_of_threads() {
    let mut lines = String::new();
    for case in cases() {
        for (name, method) in METHODS {
            let one = solve(&case, method, 1);
            let two = solve(&case, method, 2);
            assert_eq!(one.placement, two.placement, "{} by {name}", case.name);
            assert_eq!(one.evaluations, two.evaluations, "{} by {name}", case.name);
            let Solution {
                makespan,
                lower_bound,
                evaluations,
                ..
            } = one;
            let digest = digest(&one);
            writeln!(
                lines,
                "{} {name} {makespan} {lower_bound} {evaluations} {digest:016x}",
                case.name
            )
            .expect("a string takes all");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/solving/recorded.txt");
    if std::env::var_os("RECORD").is_some() {
        fs::write(&path, &lines).expect("the records are written");
    }
    let recorded = fs::read_to_string(&path).expect("the records");
    for (now, then) in lines.lines().zip(recorded.lines()) {
        assert_eq!(
            now, then,
            "problem, method, makespan, bound, evaluations, digest"
        );
    }
    assert_eq!(lines, recorded);
}
