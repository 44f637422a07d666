//! Any number of threads, in the order in which their calls took effect.

use tests::tracing::{Program, same_as_untraced};

fn exchange(threads: &str, rounds: &str, runs: usize) {
    let program = Program::compile("threads_exchange", &[]);
    for _ in 0..runs {
        let run = same_as_untraced(|| {
            let mut command = program.command();
            command.args([threads, rounds]);
            command
        });
        let trace = run.main();
        assert!(trace.threads.len() > threads.parse::<usize>().expect("a number"));
        assert!(trace.calls.len() > 20_000);
    }
}

#[test]
fn sixteen_threads_never_meet_a_live_address_in_thirty_runs() {
    exchange("16", "5000", 30);
}

#[test]
fn eight_threads_never_meet_a_live_address_in_long_runs() {
    exchange("8", "60000", 3);
}

#[test]
fn hundreds_of_threads_at_once_and_a_thousand_ever_are_recorded() {
    let program = Program::compile("many_threads", &[]);
    let trace = same_as_untraced(|| program.command()).main();
    assert_eq!(trace.allocations_of(5001), 300);
    assert_eq!(trace.allocations_of(5002), 1000);
    assert!(trace.threads.len() > 300);
}
