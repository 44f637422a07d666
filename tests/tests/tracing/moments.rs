//! Allocations at moments at which a tracer may not be ready are recorded.

use tests::tracing::{Program, same_as_untraced};

#[test]
fn constructors_destructors_signal_handlers_and_plugins_are_recorded() {
    let program = Program::compile("moments", &[]);
    let plugin = Program::compile("plugin", &["-shared", "-fPIC"]);
    let trace = same_as_untraced(|| {
        let mut command = program.command();
        command.arg(&plugin.path);
        command
    })
    .main();
    for (size, moment) in [
        (4001, "constructor"),
        (4002, "destructor"),
        (4003, "atexit"),
        (4004, "signal handler"),
        (4005, "TLS destructor"),
        (4006, "thread"),
        (4007, "constructor of an opened library"),
        (4008, "destructor of an opened library"),
        (4009, "opened library"),
    ] {
        assert_eq!(trace.allocations_of(size), 1, "{moment}");
    }
    assert_eq!(
        trace.length, trace.used,
        "the file is cut behind the last destructor"
    );
}
