//! TensorFlow Lite models: lifetimes by hand, the library's placement by brute force, plans
//! that are read as they were written, and files that mean harm.

use common::check;
use common::csv;
use common::input::{self, Offsets};
use common::placement::Placement;
use common::problem::Problem;
use common::row::Rows as _;
use common::tflite::{Log, Model, Plan, Request, Requests};
use proptest::prelude::*;
use tests::models::{self, Operator, Subgraph, Tensor};

const ADD: u32 = 0;
const IF: u32 = 118;
const WHILE: u32 = 119;
const CALL_ONCE: u32 = 129;
const VAR_HANDLE: u32 = 142;
const INT8: u8 = 9;
const INT16: u8 = 7;
const INT32: u8 = 2;
const INT4: u8 = 17;

fn model(subgraphs: Vec<Subgraph>) -> models::Model {
    models::Model {
        subgraphs,
        ..models::Model::default()
    }
}

fn requests(bytes: &[u8]) -> Requests {
    let model = Model::parse(bytes).expect("a sound model");
    model.requests(None, Plan::Kept).expect("a sound model")
}

/// Tensor, size, first and last step.
fn lifetimes(bytes: &[u8]) -> Vec<(Option<usize>, u64, i64, i64)> {
    let requests = requests(bytes);
    let of = |one: &Request| (one.tensor, one.size, one.first, one.last);
    requests.all().iter().map(of).collect()
}

/// A chain of operators, each of which reads the tensor before.
fn chain(bytes: &[i32]) -> Subgraph {
    let mut graph = Subgraph::default();
    let tensors: Vec<i32> = bytes.iter().map(|&bytes| graph.bytes(bytes)).collect();
    for pair in tensors.windows(2) {
        graph.operator(ADD, &[pair[0], -1], &[pair[1]]);
    }
    graph.inputs = vec![tensors[0]];
    graph.outputs = vec![tensors[tensors.len() - 1]];
    graph
}

/// The metadata entry of a plan.
fn plan(words: &[i32]) -> (String, Vec<u8>) {
    let content = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    ("OfflineMemoryAllocation".to_owned(), content)
}

#[test]
fn a_tensor_lives_from_its_operator_to_the_last_that_reads_it() {
    let mut graph = chain(&[1, 17, 16, 40]);
    // The last operator reads the first tensor too.
    graph.operators[2].inputs[1] = 0;
    let expected = [
        (Some(0), 16, 0, 3),
        (Some(1), 32, 1, 2),
        (Some(2), 16, 2, 3),
        (Some(3), 48, 3, 3),
    ];
    assert_eq!(lifetimes(&model(vec![graph]).to_bytes()), expected);
}

#[test]
fn constants_variables_handles_and_tensors_of_no_bytes_are_not_planned() {
    let mut graph = chain(&[8, 8]);
    graph.tensors[1].content = vec![1, 2, 3];
    let variable = Tensor {
        is_variable: true,
        ..graph.tensors[0].clone()
    };
    let [handle, empty] = [4, 0].map(|bytes| graph.bytes(bytes));
    graph.tensors.push(variable);
    graph.operator(VAR_HANDLE, &[], &[handle]);
    graph.operator(ADD, &[4, empty], &[1]);
    // Of no known size, and no matter.
    graph.tensors.push(Tensor {
        kind: 5,
        content: vec![0; 9],
        ..Tensor::default()
    });
    assert_eq!(
        lifetimes(&model(vec![graph]).to_bytes()),
        [(Some(0), 16, 0, 1)]
    );
}

#[test]
fn a_loop_lives_around_its_subgraphs() {
    let mut main = chain(&[16, 32, 48, 64]);
    main.operators[1].code = WHILE;
    main.operators[1].calls = vec![1, 2];
    let (condition, body) = (chain(&[16, 1]), chain(&[16, 80, 16]));
    let expected = [
        (Some(0), 16, 0, 1),
        // The loop is step 2; its condition begins at 3, its body at 5.
        (Some(1), 32, 1, 7),
        (Some(2), 48, 2, 8),
        (Some(3), 64, 8, 8),
        (Some(4), 16, 3, 4),
        (Some(5), 16, 4, 4),
        (Some(6), 16, 5, 6),
        (Some(7), 80, 6, 7),
        (Some(8), 16, 7, 7),
    ];
    let model = model(vec![main, condition, body]);
    assert_eq!(lifetimes(&model.to_bytes()), expected);
}

#[test]
fn a_subgraph_that_is_called_twice_lives_from_the_first_call_to_the_last() {
    let mut main = chain(&[16, 16, 16]);
    for operator in &mut main.operators {
        operator.code = CALL_ONCE;
        operator.calls = vec![1];
    }
    // Nobody calls the last one: its tensors conflict with one another only.
    let model = model(vec![main, chain(&[32, 32]), chain(&[48, 16])]);
    let bytes = model.to_bytes();
    let called: Vec<_> = lifetimes(&bytes).split_off(3);
    let expected = [
        (Some(3), 32, 2, 6),
        (Some(4), 32, 3, 6),
        (Some(5), 48, -1, -1),
        (Some(6), 16, -1, -1),
    ];
    assert_eq!(called, expected);
    let requests = requests(&bytes);
    assert!(
        requests
            .notes()
            .iter()
            .any(|note| note.contains("no operator uses: 2"))
    );
    let jobs = requests.jobs();
    assert_eq!((jobs[5].birth, jobs[5].death), (0, 1));
    assert_eq!((jobs[0].birth, jobs[0].death), (1, 5));
}

#[test]
fn scratch_buffers_are_those_of_the_reference_kernels() {
    // Codes, types and elements of the inputs, elements of the output, and what is asked for.
    type Case = (
        u32,
        &'static [(u8, &'static [i32])],
        (u8, i32),
        &'static [u64],
    );
    const STATE: (u8, &[i32]) = (INT8, &[2, 20]);
    const CELL: (u8, &[i32]) = (INT16, &[2, 20]);
    const NONE: (u8, &[i32]) = (INT8, &[]);
    let lstm = [&[STATE; 19][..], &[CELL]].concat().leak() as &[_];
    let cases: [Case; 13] = [
        (3, &[(INT8, &[9]), (INT4, &[5, 9])], (INT8, 5), &[48]),
        (9, &[(INT8, &[9]), (INT8, &[5, 9])], (INT8, 5), &[]),
        (67, &[NONE, (INT8, &[7]), (INT8, &[9])], (INT8, 5), &[32]),
        (
            67,
            &[NONE, (INT8, &[7]), (INT16, &[9]), (INT16, &[3])],
            (INT16, 5),
            &[48, 32],
        ),
        (67, &[NONE, (0, &[7]), (0, &[9])], (0, 5), &[]),
        (
            27,
            &[(INT8, &[2, 9]), (INT8, &[6, 9])],
            (INT8, 6),
            &[48, 32],
        ),
        (27, &[(0, &[2, 9]), (0, &[6, 9])], (0, 6), &[48]),
        (
            40,
            &[(INT8, &[1, 9, 9, 5]), (INT32, &[2])],
            (INT8, 5),
            &[32, 16, 16],
        ),
        (74, &[(0, &[1, 9, 9, 5]), (INT32, &[6])], (0, 5), &[16, 32]),
        (
            82,
            &[(INT8, &[1, 9, 9, 9, 5]), (INT32, &[2])],
            (INT8, 5),
            &[32, 16],
        ),
        (
            100,
            &[(INT8, &[1, 9, 9, 9, 5]), (INT32, &[2])],
            (INT8, 5),
            &[32, 32],
        ),
        (
            106,
            &[(INT8, &[5]), (INT8, &[5]), (INT8, &[5])],
            (INT8, 5),
            &[32],
        ),
        (44, lstm, (INT8, 5), &[80, 80, 80, 80]),
    ];
    for (code, inputs, (kind, elements), expected) in cases {
        let tensor = |kind, shape: &[i32]| Tensor {
            shape: shape.to_vec(),
            kind,
            ..Tensor::default()
        };
        let mut graph = Subgraph::default();
        graph
            .tensors
            .extend(inputs.iter().map(|&(kind, shape)| tensor(kind, shape)));
        graph.tensors.push(tensor(kind, &[elements]));
        let numbers: Vec<i32> = (0..inputs.len() as i32).collect();
        graph.operator(ADD, &numbers, &[]);
        graph.operator(code, &numbers, &[inputs.len() as i32]);
        let all = lifetimes(&model(vec![graph]).to_bytes());
        let scratch = all.iter().filter(|request| request.0.is_none());
        let scratch: Vec<_> = scratch
            .map(|&(_, size, first, last)| (size, first, last))
            .collect();
        let expected: Vec<_> = expected.iter().map(|&size| (size, 2, 2)).collect();
        assert_eq!(scratch, expected, "operator {code}");
    }
}

#[test]
fn a_log_tells_the_scratch_buffers_of_other_kernels() {
    let bytes = model(vec![chain(&[16, 100, 16])]).to_bytes();
    let text = b"Some other line (id=4)\n\
        0 (id=0): size=16, offset=0, first_used=0 last_used=1\n\
        0 (id=0): size=16, offset=0, first_used=0 last_used=1\r\n\
        1 (id=1): size=112, offset=16, first_used=1 last_used=2\r\n\
        2 (id=2): size=16, offset=0, first_used=2 last_used=2\r\n\
        app: * (id=3): size=208, offset=128, first_used=1 last_used=1\r\n\
        0: 0011 (1k)\n";
    let log = Log::read(&text[..]).expect("a sound log");
    let model = Model::parse(&bytes).expect("a sound model");
    let requests = model.requests(Some(&log), Plan::Kept).expect("their log");
    let last = requests.all().last().expect("some");
    assert_eq!(
        (last.tensor, last.size, last.first, last.last),
        (None, 208, 1, 1)
    );
    assert_eq!(last.name, "scratch in line 6 of the log");
    let other = self::model(vec![chain(&[16, 32, 16])]).to_bytes();
    let other = Model::parse(&other).expect("a sound model");
    let error = other
        .requests(Some(&log), Plan::Kept)
        .expect_err("another model's");
    assert!(
        error
            .to_string()
            .contains("line 4 says 112 bytes from step 1 to 2"),
        "{error}"
    );
    for (text, expected) in [
        ("", "TF_LITE_SHOW_MEMORY_USE"),
        (
            "0 (id=1): size=16, offset=0, first_used=0 last_used=1",
            "buffer 1 stands where 0",
        ),
    ] {
        let error = Log::read(text.as_bytes()).expect_err("no log").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn the_shared_model_is_planned_as_it_was_measured() {
    let folder = tests::workspace().join("../shared/data/compilers");
    let (bytes, jobs) = (
        folder.join("inception48.tflite"),
        folder.join("tflm_inception48.csv"),
    );
    let (Ok(bytes), Ok(jobs)) = (std::fs::read(&bytes), std::fs::read(&jobs)) else {
        eprintln!("SKIPPED: no {}", bytes.display());
        return;
    };
    let requests = requests(&bytes);
    let offsets = requests.greedy().expect("few");
    assert_eq!(requests.head(&offsets), 80640);
    let mut rows = csv::Reader::new(&jobs[..]).expect("a CSV");
    let mut expected = Vec::new();
    while let Some(row) = rows.next_row().expect("a sound row") {
        expected.push(row.job);
    }
    // The file leaves scratch buffers out.
    let mut jobs = requests.jobs();
    jobs.truncate(expected.len());
    assert_eq!(jobs, expected);
}

/// The lowest multiple of 16 at which a buffer lies free of those before, by trying.
fn lowest(placed: &[(Request, u64)], wanted: &Request) -> u64 {
    let is_free = |offset: u64| {
        placed.iter().all(|(other, at)| {
            let apart = *at >= offset + wanted.size || offset >= at + other.size;
            apart || other.first > wanted.last || wanted.first > other.last
        })
    };
    (0..)
        .map(|step| 16 * step)
        .find(|&offset| is_free(offset))
        .expect("some")
}

fn any_graph() -> impl Strategy<Value = Subgraph> {
    let sizes = proptest::collection::vec(0i32..90, 2..9);
    let links = proptest::collection::vec((0usize..8, 0usize..8, 0usize..6), 1..8);
    (sizes, links).prop_map(|(sizes, links)| {
        let mut graph = Subgraph::default();
        let tensors: Vec<i32> = sizes.iter().map(|&bytes| graph.bytes(bytes)).collect();
        let tensor = |number: usize| tensors[number % tensors.len()];
        for (from, to, kind) in links {
            let code = [ADD, 40, 67, ADD, 82, 106][kind];
            graph.operator(
                code,
                &[tensor(from), tensor(to), tensor(from + 1)],
                &[tensor(to + 1)],
            );
        }
        let constant = graph.tensors.len() - 1;
        graph.tensors[constant].content = vec![7; 3];
        graph.inputs = vec![tensor(0)];
        graph.outputs = vec![tensor(1)];
        graph
    })
}

fn any_model() -> impl Strategy<Value = models::Model> {
    let calls = proptest::collection::vec((IF..=WHILE, 0usize..8), 0..2);
    let graphs = proptest::collection::vec(any_graph(), 3..5);
    let metadata = proptest::collection::vec(("[a-z]{0,9}", any::<Vec<u8>>()), 0..3);
    (graphs, calls, metadata).prop_map(|(mut subgraphs, calls, metadata)| {
        for (code, at) in calls {
            let main = &mut subgraphs[0];
            let at = at % main.operators.len();
            main.operators[at] = Operator {
                code,
                calls: vec![1, 2],
                ..main.operators[at].clone()
            };
        }
        models::Model {
            subgraphs,
            metadata,
            repeats: 0,
        }
    })
}

proptest! {
    #[test]
    fn the_librarys_placement_is_what_trying_finds(
        model in any_model(),
        fixed in proptest::collection::vec(proptest::option::of(0u64..9), 160),
    ) {
        let requests = requests(&model.to_bytes());
        let offsets = requests.greedy().expect("few");
        let placed = requests.jobs().into_iter().zip(offsets);
        let (jobs, offsets) = placed.filter(|(job, _)| job.size > 0).unzip();
        let problem = Problem::new(jobs).expect("sound jobs");
        prop_assert_eq!(check::verify(&problem, &Placement { offsets }, 0), Ok(()));
        // With some fixed, whether that is valid or not.
        let fixed: Vec<u64> = fixed.iter().map(|fixed| 16 * fixed.unwrap_or(0)).collect();
        let planned = requests.planned(&fixed);
        for plan in [requests, planned] {
            let offsets = plan.greedy().expect("few");
            let mut order: Vec<usize> = (0..offsets.len()).collect();
            order.sort_by_key(|&number| {
                let request = &plan.all()[number];
                (request.offset.is_none(), std::cmp::Reverse(request.size), std::cmp::Reverse(number))
            });
            let mut placed: Vec<(Request, u64)> = Vec::new();
            for number in order {
                let request = plan.all()[number].clone();
                let expected = request.offset.unwrap_or_else(|| lowest(&placed, &request));
                prop_assert_eq!(offsets[number], expected);
                placed.push((request, expected));
            }
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written_and_nothing_else_changes(
        model in any_model(),
        again in any::<bool>(),
    ) {
        let bytes = model.to_bytes();
        let before = Model::parse(&bytes).expect("a sound model");
        let requests = before.requests(None, Plan::Dropped).expect("a sound model");
        let offsets: Vec<u64> = (0..requests.all().len() as u64).map(|one| 16 * one).collect();
        let planned = requests.planned(&offsets);
        let written = before.with_plan(&planned.offsets_of_tensors()).expect("room");
        // What there was stays to the byte, behind a block that keeps every alignment.
        prop_assert_eq!(&written[written.len() - bytes.len() + 8..], &bytes[8..]);
        prop_assert_eq!((written.len() - bytes.len()) % 64, 0);
        let mut after = Model::parse(&written).expect("a sound model");
        let twice;
        if again {
            let reversed: Vec<u64> = offsets.iter().rev().copied().collect();
            let other = requests.planned(&reversed).offsets_of_tensors();
            let other = after.with_plan(&other).expect("room");
            prop_assert_eq!(other.len(), written.len());
            let other = Model::parse(&other).expect("a sound model");
            twice = other.with_plan(&planned.offsets_of_tensors()).expect("room");
            prop_assert_eq!(&twice, &written);
            after = Model::parse(&twice).expect("a sound model");
        }
        let read = after.requests(None, Plan::Kept).expect("a sound plan");
        prop_assert_eq!(read.all(), planned.all());
        let without = after.requests(None, Plan::Dropped).expect("a sound model");
        prop_assert_eq!(without.all(), requests.all());
    }

    #[test]
    fn a_model_with_words_changed_is_read_or_refused(
        model in any_model(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u32>()), 1..6),
    ) {
        let mut bytes = model.to_bytes();
        for (at, word) in changes {
            let at = 4 * at.index(bytes.len() / 4);
            let word = [word, u32::MAX, word % 64, 1 << (word % 31)][word as usize % 4];
            bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        }
        tests::fuzzing::run("tflite", &bytes);
        let _ = input::load(&bytes[..], common::format::Format::Tflite, Offsets::Placement);
    }
}

#[test]
fn a_plan_of_another_number_of_tensors_is_refused_and_can_be_replaced() {
    let mut model = model(vec![chain(&[16, 16])]);
    for words in [vec![0, 1, 3, 0, 16, 32], vec![0, 1, 2, 0, -5]] {
        model.metadata = vec![("other".to_owned(), vec![9]), plan(&words)];
        let bytes = model.to_bytes();
        let model = Model::parse(&bytes).expect("a sound model");
        assert!(model.has_plan());
        let refused = model.requests(None, Plan::Kept).expect_err("a bad plan");
        assert!(refused.to_string().contains("offline plan"), "{refused}");
        let written = model.with_plan(&[Some(0), Some(16)]).expect("room");
        let offsets = requests(&written).offsets_of_tensors();
        assert_eq!(offsets, [Some(0), Some(16)]);
    }
    // Two of them: the last counts, and one is left.
    model.metadata = vec![plan(&[0, 1, 2, 0, 0]), plan(&[0, 1, 2, 32, 48])];
    let bytes = model.to_bytes();
    assert_eq!(requests(&bytes).offsets_of_tensors(), [Some(32), Some(48)]);
    let model = Model::parse(&bytes).expect("a sound model");
    let written = model.with_plan(&[Some(64), None]).expect("room");
    let offsets = requests(&written).offsets_of_tensors();
    assert_eq!(offsets, [Some(64), None]);
    let longer = Model::parse(&written)
        .expect("a sound model")
        .with_plan(&[None, None]);
    assert_eq!(longer.expect("room").len(), written.len());
}

#[test]
fn a_plan_above_31_bits_is_refused() {
    let bytes = model(vec![chain(&[16, 16])]).to_bytes();
    let model = Model::parse(&bytes).expect("a sound model");
    let error = model
        .with_plan(&[Some(1 << 31), None])
        .expect_err("too high");
    assert!(error.to_string().contains("2147483648"), "{error}");
}

#[test]
fn calls_without_an_end_and_calls_that_multiply_are_refused() {
    let call = |number: u32| {
        let mut graph = chain(&[16, 16]);
        graph.operators[0].code = IF;
        graph.operators[0].calls = vec![number, number];
        graph
    };
    let refused = |graphs: Vec<Subgraph>, expected: &str| {
        let bytes = model(graphs).to_bytes();
        let error = match Model::parse(&bytes) {
            Ok(model) => model.requests(None, Plan::Kept).expect_err("endless"),
            Err(error) => error,
        };
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(vec![call(0)], "calls itself");
    refused(vec![call(1), call(0)], "calls itself");
    refused(vec![call(7)], "a call of subgraph 7");
    let doubling = |count: u32| (1..count).map(call).chain([chain(&[16, 16])]).collect();
    refused(doubling(40), "steps");
    refused(
        (1..100).map(call).chain([chain(&[16])]).collect(),
        "within one another",
    );
}

#[test]
fn a_long_subgraph_that_is_listed_often_is_refused_in_the_time_that_the_file_is_long() {
    let mut graph = chain(&[16; 300]);
    let long: Vec<i32> = (0..300).collect();
    graph.operator(ADD, &long, &[0]);
    let mut model = model(vec![graph]);
    assert!(Model::parse(&model.to_bytes()).is_ok());
    model.repeats = 100_000;
    let bytes = model.to_bytes();
    let error = Model::parse(&bytes).expect_err("too much");
    assert!(error.to_string().contains("shared"), "{error}");
    tests::fuzzing::run("tflite", &bytes);
}
