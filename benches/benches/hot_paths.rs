//! The hot paths, by the public interface: where a path is private, `solve` is
//! asked for so little work that the path is most of it.
//!
//! `cargo bench -p benches --bench hot_paths` takes about a minute; an argument
//! chooses by name. For figures to publish see `benches/results`.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Duration;

use benches::generate::{self, Cutting};
use common::check;
use common::format::Format;
use common::input::{self, Offsets};
use common::job::Job;
use common::lifetimes::Lifetimes;
use common::load::Bounds;
use common::plc;
use common::problem::Problem;
use common::row::Rows as _;
use common::trace::{Reader, Writer};
use coreba::{Method, Options, Solution, solve};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const JOBS: usize = 10_000;

fn problem(jobs: Vec<Job>) -> Problem {
    Problem::new(jobs).expect("generated jobs are sound")
}

/// One thread, so that the figure is of the path and not of the machine.
fn solved(problem: &Problem, method: Method, iterations: u64) -> Solution {
    let mut options = Options::default();
    options.threads = NonZeroUsize::MIN;
    options.method = method;
    options.iterations = Some(iterations);
    solve(problem, &options, &mut ()).expect("a solution")
}

fn solving(c: &mut Criterion) {
    let mut group = c.benchmark_group("solve");
    group.throughput(Throughput::Elements(JOBS as u64));
    let hard = problem(generate::malloc_like(8, JOBS, 1));
    group.bench_function("first fit, one order", |b| {
        b.iter(|| solved(&hard, Method::Fit, 1));
    });
    group.bench_function("one dive", |b| b.iter(|| solved(&hard, Method::Dive, 1)));
    group.bench_function("one boxing", |b| {
        b.iter(|| solved(&hard, Method::Boxing, 1))
    });
    // Most of these jobs are peeled off; what remains is met by the first dive.
    let easy = problem(generate::random(JOBS, 1));
    group.bench_function("sections and peel", |b| {
        b.iter(|| solved(&easy, Method::Dive, 0));
    });
    group.finish();
}

/// What one call takes, with all defaults and a deadline, as a compiler makes thousands.
fn calls(c: &mut Criterion) {
    let mut group = c.benchmark_group("one call");
    for jobs in [1, 10, 100, 1000] {
        let problem = problem(generate::random(jobs, 1));
        group.bench_function(format!("{jobs} jobs"), |b| {
            b.iter(|| solve(&problem, &Options::within(Duration::from_secs(1)), &mut ()));
        });
    }
    group.finish();
}

/// Nodes of the complete search a second: the work is fixed by the seed.
fn exact(c: &mut Criterion) {
    const SIDE: u64 = 1 << 30;
    let mut group = c.benchmark_group("exact");
    for (name, jobs) in [
        (
            "guillotine",
            generate::guillotine(200, SIDE, SIDE, Cutting::Even, 1),
        ),
        ("mixed alignments", generate::mixed_alignments(15, 1)),
    ] {
        let problem = problem(jobs);
        let nodes = solved(&problem, Method::Exact, 100).nodes;
        group.throughput(Throughput::Elements(nodes.max(1)));
        group.bench_function(name, |b| b.iter(|| solved(&problem, Method::Exact, 100)));
    }
    group.finish();
}

fn reading(c: &mut Criterion) {
    const EVENTS: u64 = 100_000;
    let mut writer = Writer::new(Vec::new());
    for event in generate::trace::events(EVENTS, 1) {
        writer.write(&event).expect("memory");
    }
    let trace = writer.finish().expect("memory");
    let mut group = c.benchmark_group("trace");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("decode", |b| {
        b.iter(|| {
            let mut reader = Reader::new(&trace[..]);
            let mut events = 0;
            while let Some(event) = reader.next_event().expect("a sound trace") {
                black_box(&event);
                events += 1;
            }
            events
        });
    });
    group.bench_function("lifetimes", |b| {
        b.iter(|| {
            let mut lifetimes = Lifetimes::new(&trace[..]);
            let mut jobs = 0;
            while lifetimes.next_row().expect("a sound trace").is_some() {
                jobs += 1;
            }
            jobs
        });
    });
    group.finish();
}

fn formats(c: &mut Criterion) {
    let jobs = generate::malloc_like(8, JOBS, 1);
    let encode = || {
        let mut writer = plc::Writer::new(Vec::with_capacity(JOBS * plc::RECORD));
        for job in &jobs {
            writer.write(job, Some(64)).expect("memory");
        }
        writer.finish().expect("memory")
    };
    let mut group = c.benchmark_group("plc");
    group.throughput(Throughput::Elements(JOBS as u64));
    group.bench_function("encode", |b| b.iter(encode));
    let bytes = encode();
    group.bench_function("read", |b| {
        b.iter(|| input::load(&bytes[..], Format::Plc, Offsets::Ignored).expect("a sound file"));
    });
    group.finish();
}

fn bounds(c: &mut Criterion) {
    let problem = problem(generate::malloc_like(8, JOBS, 1));
    let solution = solved(&problem, Method::Dive, 0);
    let mut group = c.benchmark_group("common");
    group.throughput(Throughput::Elements(JOBS as u64));
    group.bench_function("bounds", |b| b.iter(|| Bounds::new(problem.jobs(), 0)));
    group.bench_function("verify", |b| {
        b.iter(|| check::verify(&problem, &solution.placement, 0).expect("a valid one"));
    });
    group.finish();
}

criterion_group! {
    name = hot_paths;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = solving, calls, exact, reading, formats, bounds
}
criterion_main!(hot_paths);
