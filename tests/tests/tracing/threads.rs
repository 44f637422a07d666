//! Any number of threads, in the order in which their calls took effect.

use tests::tracing::{Program, Replay, library, same_as_untraced};

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

/// The windows between a call and its record, pulled open: the allocator behind
/// the tracer gives way to other threads inside of every call.
#[test]
fn no_schedule_makes_the_order_wrong() {
    let program = Program::compile("threads_exchange", &[]);
    let folder = tempfile::TempDir::new().expect("a folder");
    let trace = folder.path().join("app.trc");
    for option in ["-DTELLS_USABLE", "-DTELLS_NOTHING"] {
        let delays = Program::compile("delays", &["-shared", "-fPIC", option]);
        for threads in ["2", "4", "16", "2", "4", "16"] {
            let output = program
                .command()
                .args([threads, "5000"])
                .env(
                    "LD_PRELOAD",
                    format!("{}:{}", library().display(), delays.path.display()),
                )
                .env("TRACEFILE", &trace)
                .output()
                .expect("the program starts");
            assert_eq!(output.stdout, b"done\n");
            assert!(
                output.stderr.is_empty(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(
                Replay::sound(&trace).calls.len() > 5_000,
                "{option} {threads}"
            );
        }
    }
}
