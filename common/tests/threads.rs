//! Threads of the verifier. A test of its own, so that no other starts any.
#![cfg(all(feature = "std", target_os = "linux"))]

use common::check;
use common::job::Job;
use common::placement::Placement;
use common::problem::Problem;

/// Threads of this process.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    tasks.count()
}

/// Whoever forks afterwards would lose them, and wait for them in vain.
#[test]
fn verifying_much_outside_of_a_pool_starts_no_thread() {
    let jobs = (0..200_000).map(|id| Job::new(id, id, id + 2, 8));
    let problem = Problem::new(jobs.collect()).expect("sound");
    let offsets = (0..200_000).map(|id| id % 2 * 8).collect();
    let before = threads();
    check::verify(&problem, &Placement { offsets }, 0).expect("valid");
    assert_eq!(threads(), before);
}
