//! `coreba` and `common` as another program uses them: from many threads at
//! once, without anything shared behind its back.

use std::thread;

use common::check::{self, Violation};
use common::format::{Format, Output};
use common::job::{Gap, Job, JobId};
use common::load::{Bounds, Load};
use common::placement::Placement;
use common::problem::{Problem, ProblemError};
use coreba::{Explanation, Improvement, Options, Solution, SolveError, Status};

#[test]
fn what_is_given_and_taken_goes_between_threads() {
    fn is_free<T: Send + Sync + std::fmt::Debug>() {}
    is_free::<Problem>();
    is_free::<Job>();
    is_free::<JobId>();
    is_free::<Gap>();
    is_free::<Placement>();
    is_free::<Load>();
    is_free::<Bounds>();
    is_free::<Format>();
    is_free::<Output>();
    is_free::<Options>();
    is_free::<Solution>();
    is_free::<Explanation>();
    is_free::<Improvement>();
}

#[test]
fn errors_can_be_boxed_and_sent() {
    fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
    is_error::<SolveError>();
    is_error::<ProblemError>();
    is_error::<Violation>();
    is_error::<common::error::FormatError>();
}

fn problem(seed: u64) -> Problem {
    let size = |id: u64| 1 + (id + seed) * 7919 % 100;
    let jobs = (0..300).map(|id| Job::new(id, id % 41, id % 41 + 1 + id % 7, size(id)));
    Problem::new(jobs.collect()).expect("sound jobs")
}

#[test]
fn solves_that_run_at_once_do_not_meet() {
    let mut options = Options::default();
    options.iterations = Some(200);
    let solve = |seed| coreba::solve(&problem(seed), &options, &mut ()).expect("a solution");
    let alone: Vec<Solution> = (0..4).map(solve).collect();
    let together: Vec<Solution> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|seed| scope.spawn(move || solve(seed)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Solution>| thread.join();
        threads
            .into_iter()
            .map(|thread| join(thread).expect("no panic"))
            .collect()
    });
    for (alone, together) in alone.iter().zip(&together) {
        assert_eq!(alone.placement, together.placement);
    }
}

#[test]
fn builders_say_what_the_fields_hold() {
    let gap = Gap {
        lower: 2,
        upper: 4,
        window: None,
    };
    let job = Job::new(7, 0, 9, 64)
        .named("scores")
        .aligned(16)
        .pinned(32)
        .hinted(48)
        .grouped("state")
        .with_gap(gap);
    assert_eq!(job.id, JobId::Text("scores".into()));
    assert_eq!(
        (job.alignment, job.pin(), job.hint()),
        (16, Some(32), Some(48))
    );
    assert_eq!((job.group(), job.gaps()), (Some("state"), &[gap][..]));
    // Text that spells a number is that number, in every format.
    assert_eq!(JobId::from("12"), JobId::from(12));
}

#[test]
fn any_limit_gives_a_valid_placement() {
    let problem = problem(9);
    let mut nothing = Options::default();
    nothing.iterations = Some(0);
    for options in [Options::within(std::time::Duration::ZERO), nothing] {
        let solution = coreba::solve(&problem, &options, &mut ()).expect("a solution");
        check::verify(&problem, &solution.placement, 0).expect("a valid one");
        assert!(matches!(
            solution.status,
            Status::Optimal | Status::Feasible
        ));
    }
}
