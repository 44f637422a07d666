//! The solver: a valid placement or a reasoned no, and what brute force says.

use std::num::NonZeroUsize;

use common::check::verify;
use common::job::Job;
use common::load::load;
use common::problem::Problem;
use coreba::{Heuristic, Method, Options, Solution, SolveError, Status, Stop, explain};

use super::dice::Dice;
use crate::oracle::optimum;

/// Brute force over more is too slow.
const MOST_JOBS: usize = 7;

/// Up to seven small jobs with everything that jobs and options can have.
pub fn solve(bytes: &[u8]) {
    let mut dice = Dice::new(bytes);
    let options = options(&mut dice);
    let mut jobs = Vec::new();
    while !dice.is_empty() && jobs.len() < MOST_JOBS {
        jobs.push(dice.small_job(jobs.len() as u64));
    }
    let Ok(problem) = Problem::new(jobs) else {
        return;
    };
    let solution = match coreba::solve(&problem, &options, &mut ()) {
        Ok(solution) => solution,
        Err(SolveError::PinAlignment { .. }) => {
            let misplaced = |(job, pin): (&Job, Option<u64>)| {
                pin.is_some_and(|pin| !(options.start + pin).is_multiple_of(job.alignment))
            };
            assert!(problem.jobs().iter().zip(problem.pins()).any(misplaced));
            return;
        }
        Err(error) => panic!("small problems are refused for pins alone: {error}"),
    };
    valid(&problem, &options, &solution);
    let best = optimum(&problem, options.start, solution.makespan);
    let best = best.expect("brute force finds what the solver found");
    agrees(&problem, &options, &solution, best);
}

fn options(dice: &mut Dice<'_>) -> Options {
    let mut options = Options::default();
    options.threads = NonZeroUsize::MIN;
    options.method = dice.pick(&[
        Method::Auto,
        Method::Auto,
        Method::Exact,
        Method::Dive,
        Method::Fit,
        Method::Boxing,
    ]);
    options.iterations = Some(dice.pick(&[0, 1, 30, 300, 3000]));
    options.start = dice.pick(&[0, 0, 1, 3, 8, 13]);
    options.seed = dice.below(4);
    if dice.one_in(3) {
        options.capacity = Some(dice.below(40));
    }
    if dice.one_in(6) {
        options.max_fragmentation =
            Some(dice.pick(&[0.0, 0.1, 1.0, f64::NAN, f64::INFINITY, -1.0]));
    }
    let off_bits = dice.byte();
    // Without restarts a limit of work would not end it: left on.
    let off_able = [
        Heuristic::HeadBound,
        Heuristic::StackBound,
        Heuristic::Backjumping,
        Heuristic::Twins,
    ];
    let off = off_able.into_iter().enumerate();
    let off = off.filter(|(bit, _)| off_bits >> bit & 1 == 1);
    options.without = off.map(|(_, heuristic)| heuristic).collect();
    if dice.one_in(5) {
        let length = dice.below(9);
        let offset = |_| dice.one_in(2).then(|| dice.number());
        options.warm_start = Some((0..length).map(offset).collect());
    }
    options
}

/// What holds for every answer.
fn valid(problem: &Problem, options: &Options, solution: &Solution) {
    let verdict = verify(problem, &solution.placement, options.start);
    assert_eq!(verdict, Ok(()));
    assert_eq!(solution.makespan, solution.placement.makespan(problem));
    assert_eq!(solution.load, load(problem.jobs()));
    assert!(solution.lower_bound >= solution.load.peak);
    assert!(solution.lower_bound >= solution.static_bound);
    let within = options
        .capacity
        .is_none_or(|capacity| solution.makespan <= capacity);
    match solution.status {
        Status::Optimal => assert!(within && solution.makespan == solution.lower_bound),
        Status::Feasible => assert!(within && solution.makespan > solution.lower_bound),
        Status::Infeasible | Status::Unknown => assert!(!within),
        _ => {}
    }
    let hints = problem.jobs().iter().zip(&solution.placement.offsets);
    let kept = hints.filter(|(job, offset)| job.hint() == Some(**offset));
    assert_eq!(solution.hints_kept, kept.count());
    if solution.hinted == 0 {
        assert!(problem.jobs().iter().all(|job| job.hint().is_none()));
    }
}

/// The claims of an answer are those of brute force.
fn agrees(problem: &Problem, options: &Options, solution: &Solution, best: u64) {
    assert!(solution.makespan >= best);
    match (solution.status, options.capacity) {
        (Status::Infeasible, Some(capacity)) => {
            assert!(solution.lower_bound > capacity && best > capacity);
            irreducible(problem, options, capacity);
        }
        // A capacity above the optimum may stand where the bound does.
        (_, Some(capacity)) => assert!(solution.lower_bound <= best.max(capacity)),
        (_, None) => assert!(solution.lower_bound <= best),
    }
    if solution.status == Status::Optimal {
        assert_eq!(solution.makespan, best);
    }
    // Nothing else ended it, so with all techniques it is proved.
    let all = matches!(options.method, Method::Auto);
    if all && solution.stop == Stop::Exhausted {
        assert_eq!(solution.makespan, best);
    }
    let much = options.iterations.is_some_and(|limit| limit >= 3000);
    if all && much && options.capacity.is_none() && options.max_fragmentation.is_none() {
        assert_eq!(solution.makespan, best, "{:?}", solution.stop);
    }
}

/// The jobs that are named do not fit; each smaller set of them does.
fn irreducible(problem: &Problem, options: &Options, capacity: u64) {
    let explained = explain(problem, options, &mut ()).expect("what solves can be explained");
    let Some(explained) = explained else { return };
    let best = |jobs: &[usize]| -> Option<u64> {
        let part = jobs.iter().map(|&job| problem[job].clone()).collect();
        let part = Problem::new(part).expect("parts of a sound problem are sound");
        optimum(&part, options.start, capacity)
    };
    assert_eq!(best(&explained.jobs), None, "{explained:?} fit");
    if explained.irreducible {
        for left_out in &explained.jobs {
            let mut others = explained.jobs.clone();
            others.retain(|job| job != left_out);
            assert!(
                others.is_empty() || best(&others).is_some(),
                "{explained:?} without {left_out} do not fit"
            );
        }
    }
}

/// A few jobs of any numbers, up to the largest.
pub fn extremes(bytes: &[u8]) {
    let mut dice = Dice::new(bytes);
    let mut options = options(&mut dice);
    options.iterations = options.iterations.map(|limit| limit.min(30));
    options.start = dice.number();
    if options.capacity.is_some() {
        options.capacity = Some(dice.number());
    }
    let mut jobs = Vec::new();
    while !dice.is_empty() && jobs.len() < 12 {
        jobs.push(dice.wild_job(jobs.len() as u64));
    }
    // Of jobs that do not go together, those that do.
    let mut sound = Vec::new();
    for job in jobs {
        sound.push(job);
        if Problem::new(sound.clone()).is_err() {
            sound.pop();
        }
    }
    let problem = Problem::new(sound).expect("each was tried");
    match coreba::solve(&problem, &options, &mut ()) {
        Ok(solution) => {
            valid(&problem, &options, &solution);
            if solution.status == Status::Infeasible {
                let explained = explain(&problem, &options, &mut ());
                explained.expect("what solves can be explained");
            }
        }
        Err(error @ SolveError::Invalid(_)) => panic!("{error}"),
        Err(_) => {}
    }
}
