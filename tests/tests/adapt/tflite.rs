//! TensorFlow Lite models through the programs.

use common::format::Format;
use common::input::{self, Offsets};
use tests::models::{Model, Subgraph};
use tests::{Ran, run_in};

/// Three tensors in a chain, of which the second needs a scratch buffer of 48 bytes.
fn model() -> Vec<u8> {
    let mut graph = Subgraph::default();
    let tensors = [100, 10, 30].map(|bytes| graph.bytes(bytes));
    graph.inputs = vec![tensors[0]];
    graph.outputs = vec![tensors[2]];
    graph.operator(40, &[tensors[0], -1], &[tensors[1]]);
    graph.operator(0, &[tensors[1]], &[tensors[2]]);
    let subgraphs = vec![graph];
    Model {
        subgraphs,
        ..Model::default()
    }
    .to_bytes()
}

fn run(program: &str, files: &[(&str, &[u8])], arguments: &[&str]) -> Ran {
    let folder = tests::folder(files);
    run_in(folder.path(), program, arguments, b"")
}

const TABLE: &str = "id,lower,upper,size,alignment,name,offset\n\
    0,0,2,112,16,tensor 0,0\n\
    1,1,3,16,16,tensor 1,176\n\
    2,2,3,32,16,tensor 2,0\n\
    3,1,2,48,16,scratch of operator 0 in subgraph 0,112\n\
    4,1,2,16,16,scratch of operator 0 in subgraph 0,160\n";

#[test]
fn a_model_becomes_jobs_with_the_librarys_placement_whatever_its_name() {
    let model = model();
    for name in ["net.tflite", "net.bin"] {
        let ran = run(
            "adapt",
            &[(name, &model)],
            &[name, "-", "--to", "csv", "--offsets"],
        );
        assert_eq!((ran.code, &*ran.out), (0, TABLE), "{}", ran.err);
        assert!(ran.err.contains("5 jobs"), "{}", ran.err);
        assert!(
            ran.err
                .contains("scratch buffers of the reference kernels: 2"),
            "{}",
            ran.err
        );
    }
    let ran = run(
        "adapt",
        &[("x", &model)],
        &["x", "x.plc", "--from", "tflite"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let document = input::load(&model[..], Format::Tflite, Offsets::Placement).expect("sound");
    assert_eq!((document.problem.len(), document.placed), (5, 5));
    let ran = run("report", &[("net.tflite", &model)], &["net.tflite"]);
    assert!(ran.out.contains("192 bytes"), "{} {}", ran.out, ran.err);
}

#[test]
fn a_log_replaces_what_is_known_of_the_reference_kernels() {
    let line = |id: u32, size: u32, first: u32, last: u32| {
        format!("{id} (id={id}): size={size}, offset=0, first_used={first} last_used={last}\n")
    };
    let sound = [
        line(0, 112, 0, 1),
        line(1, 16, 1, 2),
        line(2, 32, 2, 2),
        line(3, 640, 2, 2),
    ]
    .concat();
    let model = model();
    let adapt = |log: &str| {
        let files = [("net.tflite", &model[..]), ("log.txt", log.as_bytes())];
        run(
            "adapt",
            &files,
            &["net.tflite", "-", "--to", "csv", "--log", "log.txt"],
        )
    };
    let ran = adapt(&sound);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out
            .ends_with("3,2,3,640,16,scratch in line 4 of the log\n"),
        "{}",
        ran.out
    );
    assert!(!ran.err.contains("reference kernels"), "{}", ran.err);
    for (log, expected) in [
        ("no plan\n", "log.txt: line 1: no line such as"),
        (
            &line(1, 16, 0, 1),
            "log.txt: line 1: buffer 1 stands where 0 should",
        ),
        (
            &line(0, 16, 0, 1),
            "the log is of another model: its line 1 says 16 bytes",
        ),
    ] {
        let ran = adapt(log);
        assert_eq!(
            (ran.code, ran.out.len(), ran.err.lines().count()),
            (2, 0, 1),
            "{}",
            ran.err
        );
        assert!(ran.err.contains(expected), "{}", ran.err);
    }
}

#[test]
fn a_model_that_is_cut_is_one_error_with_file_and_byte() {
    let model = model();
    for length in [0, 3, 8, 40, 200, model.len() - 1] {
        let files = [("net.tflite", &model[..length])];
        let ran = run("adapt", &files, &["net.tflite", "out.csv"]);
        assert_eq!(
            (ran.code, ran.err.lines().count()),
            (2, 1),
            "{length}: {}",
            ran.err
        );
        assert!(
            ran.err.starts_with("adapt: net.tflite: byte "),
            "{}",
            ran.err
        );
    }
}
