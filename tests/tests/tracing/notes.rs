//! Notes: what a trace tells beside the calls is there, in its place, and true.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use common::trace::Note;
use tests::tracing::{Program, Replay, Traced, requested, same_as_untraced, traced};

fn run(arguments: &[&OsStr]) -> Traced {
    let program = Program::compile("notes", &[]);
    let mut command = program.command();
    command.args(arguments);
    let run = traced(command);
    assert!(run.output.status.success());
    assert!(run.output.stderr.is_empty());
    run
}

fn run_way(way: &str) -> Traced {
    run(&[OsStr::new(way)])
}

/// What the program told, line by line: a name and a number.
fn told(run: &Traced) -> Vec<(String, u64)> {
    let text = String::from_utf8(run.output.stdout.clone()).expect("text");
    let line = |line: &str| {
        let (name, number) = line.split_once(' ').expect("a name and a number");
        (name.to_owned(), number.parse().expect("a number"))
    };
    text.lines().map(line).collect()
}

/// The command line, by the notes that directly follow the first.
fn command_line(trace: &Replay) -> Vec<u8> {
    let pieces = trace.notes[1..]
        .iter()
        .map_while(|(calls, _, note)| match note {
            Note::Program { text } if *calls == 0 => Some(*text),
            _ => None,
        });
    let mut line: Vec<u8> = pieces.flatten().collect();
    while line.len() > 1 && line.ends_with(b"\0\0") {
        line.pop();
    }
    line
}

/// Asserts what is true of every trace of one thread: it begins with the process, says
/// the time often enough, counts right, and ends with a time.
fn is_well_told(trace: &Replay) {
    let (calls, thread, first) = trace.notes[0];
    let Note::Process { id, page, .. } = first else {
        panic!("{first:?} comes first");
    };
    assert_eq!((calls, id), (0, thread));
    assert!(page.is_power_of_two() && page >= 4096);
    let (mut last_calls, mut last_since) = (0, 0);
    for &(calls, _, note) in &trace.notes {
        if let Note::Time { since, events } = note {
            assert_eq!(events, calls as u64);
            assert!(since >= last_since);
            assert!(calls - last_calls <= 16384, "{last_calls} to {calls}");
            (last_calls, last_since) = (calls, since);
        }
    }
    assert_eq!(last_calls, trace.calls.len(), "a time is told at the end");
}

/// The extents that were told, by heap, in order: calls before, end, bytes given back.
fn extents(trace: &Replay) -> BTreeMap<u64, Vec<(usize, u64, u64)>> {
    let mut extents: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for &(calls, _, note) in &trace.notes {
        if let Note::Extent {
            base,
            end,
            given_back,
        } = note
        {
            extents
                .entry(base)
                .or_default()
                .push((calls, end, given_back));
        }
    }
    extents
}

/// The looks at memory: calls before, resident bytes, anonymous ones, the most.
fn looks(trace: &Replay) -> Vec<(usize, [u64; 3])> {
    let look = |&(calls, _, note): &(usize, u64, Note)| match note {
        Note::Resident {
            bytes,
            anonymous,
            most,
        } => Some((calls, [bytes, anonymous, most])),
        _ => None,
    };
    trace.notes.iter().filter_map(look).collect()
}

#[test]
fn a_trace_begins_with_the_process_and_its_command_line() {
    let many: Vec<String> = (0..100).map(|i| format!("argument {i}")).collect();
    let mut arguments = vec![
        OsStr::new("busy"),
        OsStr::from_bytes(b"\xff\xfe\x80 no text"),
        OsStr::new(""),
    ];
    arguments.extend(many.iter().map(OsStr::new));
    let trace = run(&arguments).main();
    is_well_told(&trace);
    let line = command_line(&trace);
    let mut expected = Vec::new();
    for argument in &arguments {
        expected.extend_from_slice(argument.as_bytes());
        expected.push(0);
    }
    assert!(line.ends_with(&expected));
    assert!(line.len() < 4096);
}

#[test]
fn a_long_command_line_is_told_as_far_as_its_first_4096_bytes() {
    let long = "x".repeat(9000);
    let trace = run(&[OsStr::new("busy"), OsStr::new(&long)]).main();
    is_well_told(&trace);
    let line = command_line(&trace);
    assert_eq!(line.len(), 4096);
    assert!(line.ends_with(&[b'x'; 1000]));
}

#[test]
fn a_forked_child_and_what_it_executes_have_their_own_notes() {
    let run = run_way("spawning");
    let parent = run.main();
    let children = run.children();
    assert_eq!(children.len(), 2);
    let process = |trace: &Replay| match trace.notes[0].2 {
        Note::Process { id, parent, .. } => (id, parent),
        other => panic!("{other:?}"),
    };
    for child in &children {
        is_well_told(child);
        assert_eq!(process(child).1, process(&parent).0);
        assert_eq!(process(child).0, process(&children[0]).0);
    }
    is_well_told(&parent);
    assert_eq!(command_line(&children[0]), command_line(&parent));
    assert!(command_line(&children[1]).ends_with(b"busy\0in the end\0"));
}

#[test]
fn the_main_heap_is_told_as_it_grows_and_sinks() {
    let run = run_way("heap");
    let trace = run.main();
    is_well_told(&trace);
    let ends = told(&run);
    let [full, freed, trimmed, sunk] = [0, 1, 2, 3].map(|index: usize| ends[index].1);
    let extents = extents(&trace);
    assert_eq!(extents.len(), 1);
    let (&base, extents) = extents.iter().next().expect("one heap");
    // What glibc asks for at once, by default, and a block.
    let growth = (132 << 10) + 4096;
    let most = extents.iter().map(|extent| extent.1).max().expect("some");
    assert!(most <= freed && freed - most <= growth && full <= freed);
    // Told as it grows: never further behind than what it grows by.
    for pair in extents.windows(2) {
        assert!(pair[1].1 <= pair[0].1 + 2 * growth, "{pair:x?}");
    }
    // The blocks are free, and one that lives holds the end up: all but that was given back.
    let after = extents
        .iter()
        .find(|extent| extent.2 != 0)
        .expect("bytes were given back");
    assert_eq!(after.1, trimmed);
    let share = after.2 as f64 / (trimmed - base) as f64;
    assert!((0.9..1.0).contains(&share), "{share}");
    assert_eq!(extents.last().expect("some").1, sunk);
    assert!(sunk < trimmed);
}

#[test]
fn the_heaps_of_eight_arenas_are_told() {
    let run = run_way("arenas");
    let extents = extents(&run.main());
    let blocks = told(&run);
    assert_eq!(blocks.len(), 8);
    for (index, (_, block)) in blocks.iter().enumerate() {
        let base = block & !((64 << 20) - 1);
        let (_, end, _) = *extents
            .get(&base)
            .unwrap_or_else(|| panic!("{base:x} is not in {extents:x?}"))
            .last()
            .expect("one");
        let held = (index as u64 + 1) * 1000 * 1008;
        let length = end - base;
        assert!(
            length >= held && length < held + (200 << 10),
            "{length} {held}"
        );
    }
}

#[test]
fn what_is_in_memory_is_what_the_program_reads() {
    let run = run_way("resident");
    let trace = run.main();
    is_well_told(&trace);
    let told: BTreeMap<_, _> = told(&run).into_iter().collect();
    let looks = looks(&trace);
    assert!(looks.len() > 3, "{} looks", looks.len());
    let (calls, [bytes, anonymous, most]) = looks[looks.len() - 1];
    assert_eq!(calls, trace.calls.len());
    for (note, own) in [(bytes, "VmRSS"), (anonymous, "RssAnon"), (most, "VmHWM")] {
        let ratio = note as f64 / told[own] as f64;
        assert!((0.95..1.05).contains(&ratio), "{own}: {note} {}", told[own]);
    }
    // The trace has some 50 MB, which were never in memory at once.
    assert!(told["VmHWM"] - most <= 2 << 20, "{told:?} {most}");
}

#[test]
fn large_mappings_are_told_of() {
    let run = run_way("mapped");
    let trace = run.main();
    is_well_told(&trace);
    assert!(trace.calls.len() < 1000);
    let looks = looks(&trace);
    assert!(looks.len() >= 5, "{looks:?}");
    assert!(
        looks
            .windows(2)
            .any(|pair| pair[1].1[0] > pair[0].1[0] + (30 << 20))
    );
}

#[test]
fn a_program_that_confines_itself_is_not_looked_at_any_more() {
    let program = Program::compile("notes", &[]);
    let run = same_as_untraced(|| {
        let mut command = program.command();
        command.arg("confined");
        command
    });
    let trace = run.main();
    is_well_told(&trace);
    let at = trace
        .calls
        .iter()
        .position(|call| requested(call) == Some(7777))
        .expect("the mark");
    let looks = looks(&trace);
    assert!(looks.iter().any(|(calls, _)| *calls <= at));
    assert!(looks.iter().all(|(calls, _)| *calls <= at));
    let times = |note: &&(usize, u64, Note)| note.0 > at && matches!(note.2, Note::Time { .. });
    assert!(trace.notes.iter().filter(times).count() > 2);
    let children = run.children();
    assert_eq!(children.len(), 1);
    is_well_told(&children[0]);
    assert!(command_line(&children[0]).is_empty());
    assert!(self::looks(&children[0]).is_empty());
}

#[test]
fn no_system_call_is_made_that_a_filter_forbids() {
    let program = Program::compile("notes", &[]);
    let run = same_as_untraced(|| {
        let mut command = program.command();
        command.arg("filtered");
        command
    });
    assert_eq!(run.output.stdout, b"alive 1\n");
    let trace = run.main();
    assert!(looks(&trace).is_empty());
    // Ends of heaps need no system call.
    let extents = extents(&trace);
    let extents = extents.values().next().expect("one heap");
    assert!(extents[extents.len() - 1].1 - extents[0].1 > 4000 * 3900);
}

#[test]
fn a_program_that_goes_on_after_a_failed_exec_is_told_of_as_before() {
    let trace = run_way("failing").main();
    is_well_told(&trace);
    assert!(trace.calls.len() >= 160_000);
}

#[test]
fn the_child_of_a_vfork_tells_nothing_of_itself() {
    let run = run_way("vforking");
    let trace = run.main();
    is_well_told(&trace);
    assert_eq!(run.files().len(), 1);
    assert_eq!(trace.length, trace.used);
    let firsts = |note: &&(usize, u64, Note)| matches!(note.2, Note::Process { .. });
    assert_eq!(trace.notes.iter().filter(firsts).count(), 1);
}

#[test]
fn many_threads_are_counted_right_but_for_calls_under_way() {
    let program = Program::compile("threads_exchange", &[]);
    let mut command = program.command();
    command.args(["8", "20000"]);
    let trace = traced(command).main();
    let times: Vec<(usize, u64)> = trace
        .notes
        .iter()
        .filter_map(|&(calls, _, note)| match note {
            Note::Time { events, .. } => Some((calls, events)),
            _ => None,
        })
        .collect();
    assert!(times.len() > 20);
    for (calls, events) in &times {
        assert!(events.abs_diff(*calls as u64) <= 32, "{events} of {calls}");
    }
    let (calls, events) = times[times.len() - 1];
    assert_eq!((calls, events), (trace.calls.len(), calls as u64));
}

#[test]
fn a_trace_that_stops_or_is_switched_says_so() {
    let reasons = |trace: &Replay| -> Vec<(usize, u64)> {
        let reason = |&(calls, _, note): &(usize, u64, Note)| match note {
            Note::Partial { reason } => Some((calls, reason)),
            _ => None,
        };
        trace.notes.iter().filter_map(reason).collect()
    };
    let limits = Program::compile("limits", &[]);
    let mut command = limits.command();
    command.arg("fsize");
    let trace = traced(command).main();
    assert_eq!(reasons(&trace), [(trace.calls.len(), 3)]);
    let mut command = limits.command();
    command.env("IDEALLOC_TOGGLE", "SIGUSR2");
    assert_eq!(reasons(&traced(command).main()), [(0, 4)]);
    let own = Program::compile("own_allocator", &["-rdynamic"]);
    assert_eq!(reasons(&traced(own.command()).main()), [(0, 1)]);
    assert!(reasons(&traced(limits.command()).main()).is_empty());
}

#[test]
fn looking_at_memory_takes_no_descriptor_that_a_program_counts_on() {
    let run = traced(Program::compile("lowest", &[]).command());
    assert_eq!(run.output.status.code(), Some(0), "descriptor 0 was taken");
    let looks = |(_, _, note): &&(usize, u64, Note)| matches!(note, Note::Resident { .. });
    assert!(run.main().notes.iter().filter(looks).count() > 2);
}
