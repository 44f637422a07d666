//! What IREE packs, and what ExecuTorch plans.

use std::fs;

use common::check;
use common::format::Format;
use common::input::{self, Document, Offsets};
use common::load::load;
use proptest::prelude::*;
use tests::{Ran, run_in};

fn sample(name: &str) -> String {
    let path = tests::workspace().join("tests/samples").join(name);
    path.display().to_string()
}

fn adapt(files: &[(&str, &[u8])], arguments: &[&str]) -> Ran {
    let folder = tests::folder(files);
    run_in(folder.path(), "adapt", arguments, b"")
}

fn read(text: &str, format: Format) -> Result<Document, String> {
    input::load(text.as_bytes(), format, Offsets::Placement).map_err(|error| error.to_string())
}

fn iree(text: &str) -> Document {
    read(text, Format::Iree).expect("a sound dump")
}

/// Heap, birth, death, size and bytes asked for of each job.
fn jobs(document: &Document) -> Vec<(u64, u64, u64, u64, u64)> {
    let jobs = document.problem.jobs().iter();
    jobs.map(|job| (job.heap, job.birth, job.death, job.size, job.requested))
        .collect()
}

/// LOAD of a heap.
fn peak(document: &Document, heap: u64) -> u64 {
    let jobs = document.problem.jobs().iter();
    let jobs: Vec<_> = jobs.filter(|job| job.heap == heap).cloned().collect();
    load(&jobs).peak
}

#[test]
fn a_slice_of_a_pack_is_a_job_and_a_pack_a_heap() {
    let ran = adapt(&[], &[&sample("layers-dump.mlir"), "-", "--to", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[0],
        "id,lower,upper,size,alignment,heap,requested,result"
    );
    assert_eq!(lines[1], "0,0,3,2560,64,1,2560,%9#1");
    assert_eq!(lines[10], "9,2,4,768,64,2,768,%5#3");
    assert_eq!(lines.len(), 11);
    for told in [
        "2 packs, each a problem and a heap of its own",
        "heap 1: 7 slices of @encode, line ",
        "heap 2: 3 slices of @decode, line ",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
    let document = read(&ran.out, Format::Csv).expect("sound");
    // IREE 3.13 lays these out in 9216 and 1920 bytes.
    assert_eq!((peak(&document, 1), peak(&document, 2)), (8704, 1920));
    let ran = adapt(
        &[],
        &[
            &sample("layers-dump.mlir"),
            "-",
            "--to",
            "csv",
            "--heap",
            "2",
        ],
    );
    assert_eq!(ran.out.lines().count(), 4);
}

/// A dump of one function with these constants and slices.
fn dump(function: &str, constants: &str, slices: &str) -> String {
    format!(
        "// -----// IR Dump Before LayoutSlicesPass: iree-stream-layout-slices //----- //\n\
         util.func public {function}(%arg0: !hal.buffer_view) -> !hal.buffer_view {{\n\
         {constants}  %3:9 = stream.resource.pack on(#hal.device.affinity<@__device_0>) \
         slices({{\n{slices}  }}) : index\n  util.return %12 : !hal.buffer_view\n}}\n\n"
    )
}

#[test]
fn sizes_are_looked_up_by_name_in_their_function() {
    let constants = "  %c64 = arith.constant 64 : index\n  %c7_3 = arith.constant 100 : index\n";
    let text = dump("@f", constants, "    [0, 2] = %c64,\n    [1, 1] = %c7_3\n");
    assert_eq!(jobs(&iree(&text)), [(0, 0, 3, 64, 64), (0, 1, 2, 128, 100)]);
    // Where another function defines the name, what it says counts.
    let both = text + &dump("@g", "", "    [0, 2] = %c7_3,\n    [3, 4] = %c0\n");
    let document = iree(&both);
    assert_eq!(jobs(&document)[2..], [(2, 0, 3, 64, 7)]);
    assert!(
        document
            .notes
            .contains(&"1 slice of no bytes: left out".to_owned())
    );
}

#[test]
fn the_alignment_is_the_one_that_the_dump_tells() {
    let text = "module attributes {x = #stream.resource_config<{max_allocation_size = 9, \
                min_buffer_offset_alignment = 256, max_buffer_range = 9}>} {\n"
        .to_owned()
        + &dump("@f", "", "    [0, 2] = %c64\n");
    assert_eq!(jobs(&iree(&text)), [(0, 0, 3, 256, 64)]);
    assert_eq!(iree(&text).problem.jobs()[0].alignment, 256);
}

#[test]
fn a_function_that_is_printed_again_counts_once() {
    let f = dump("@f", "", "    [0, 2] = %c64\n");
    let g = dump("@g", "", "    [1, 2] = %c128\n");
    let once = iree(&(f.clone() + &g));
    // As with --mlir-print-ir-module-scope, where the pass has been over one of them.
    let gone = f.replace("%3:9 = stream.resource.pack", "%3:9 = another");
    let again = iree(&(f.clone() + &g + &gone + &g));
    assert_eq!(jobs(&again), jobs(&once));
    let changed = dump("@f", "", "    [0, 5] = %c64\n");
    let document = iree(&(f + &g + &changed));
    assert_eq!(jobs(&document), [(1, 0, 6, 64, 64), (2, 1, 3, 128, 128)]);
    // Initializers have no name: those with other slices are others.
    let one = dump("@f", "", "    [0, 2] = %c64\n");
    let one = one.replace("util.func public @f(%arg0", "util.initializer {(");
    let other = one.replace("[0, 2]", "[0, 3]");
    assert_eq!(iree(&(one.clone() + &other + &one)).problem.len(), 2);
}

#[test]
fn what_is_wrong_with_a_dump_is_told_with_its_line() {
    for (slices, expected) in [
        (
            "    [0, 2] = %17\n",
            "line 4: the size %17 of the slice [0, 2] is no constant",
        ),
        ("    [0, 2] = %c-1\n", "line 4: the size %c-1 of the slice"),
        (
            "    [0, 2] = %c18446744073709551615\n",
            "line 4: the size 18446744073709551615 is beyond",
        ),
        (
            "    [3, 2] = %c64\n",
            "line 4: the slice [3, 2] ends before it begins",
        ),
        (
            "    [-1, 2] = %c64\n",
            "line 4: \"[-1, 2] = %c64\" is not [FIRST, LAST]",
        ),
        (
            "    [0, 9223372036854775807] = %c64\n",
            "line 4: the slice ends at 9223372036854775807",
        ),
        (
            "    nonsense\n",
            "line 4: \"nonsense\" is not [FIRST, LAST] = %SIZE",
        ),
    ] {
        let error = read(&dump("@f", "", slices), Format::Iree).expect_err("unsound");
        assert!(error.starts_with(expected), "{error} is not {expected}");
    }
    let whole = dump("@f", "", "    [0, 2] = %c64\n");
    let cut = whole.split("  })").next().expect("a part");
    let error = read(cut, Format::Iree).expect_err("unsound");
    assert_eq!(
        error,
        "line 3: the list of slices has no end: is the dump whole?"
    );
    let error = read("module {}\n", Format::Iree).expect_err("unsound");
    assert!(error.contains("--mlir-print-ir-before"), "{error}");
}

#[test]
fn the_weights_of_a_model_may_stand_in_one_line() {
    let mut text = format!(
        "util.global private @w = dense<\"0x{}\">\n",
        "7f".repeat(10 << 20)
    );
    text += &dump("@f", "", "    [0, 2] = %c64\n");
    assert_eq!(jobs(&iree(&text)), [(0, 0, 3, 64, 64)]);
}

#[test]
fn a_buffer_of_executorch_is_a_job_and_an_arena_a_heap() {
    let ran = adapt(
        &[],
        &[&sample("executorch.json"), "-", "--to", "csv", "--offsets"],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[0],
        "id,lower,upper,size,alignment,heap,number,name,offset"
    );
    assert_eq!(lines[1], "0,0,4,4096,16,1,0,aten_convolution_default,0");
    assert_eq!(lines[3], "2,4,7,4096,16,1,3,aten_add_tensor,5120");
    assert_eq!(lines[4], "3,1,2,32,16,2,0,,-1");
    for told in [
        "2 arenas, each a problem and a heap of its own",
        "heap 2: 1 buffer of graph 0, mem_id 3",
        "1 buffer of no bytes: left out",
    ] {
        assert!(ran.err.contains(told), "{told}: {}", ran.err);
    }
}

#[test]
fn content_tells_the_json_of_executorch_from_the_contests() {
    let json = fs::read(sample("executorch.json")).expect("a sample");
    for name in ["x.json", "x.txt", "x.json.gz"] {
        let ran = adapt(&[(name, &json)], &[name, "-", "--to", "csv", "--heap", "2"]);
        assert_eq!((ran.code, ran.out.lines().count()), (0, 2), "{}", ran.err);
        // What is only for the contest's is refused.
        let ran = adapt(&[(name, &json)], &[name, "x.plc", "--usage", "first"]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains("read as executorch"), "{}", ran.err);
    }
    // Of one arena all offsets are a placement, which report measures by the name alone.
    let one = r#"{"format": "executorch-buffers-v1", "arenas": [{"mem_id": 1, "alignment": 16,
        "buffers": [{"id": 4, "size": 16, "first": 0, "last": 0, "offset": 0}]}]}"#;
    let folder = tests::folder(&[("one.json", one)]);
    let ran = run_in(folder.path(), "report", &["one.json"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("valid"), "{}", ran.out);
}

#[test]
fn what_is_wrong_with_the_json_of_executorch_is_told_with_its_place() {
    let file = |alignment: &str, buffers: &str| {
        format!(
            "{{\"format\": \"executorch-buffers-v1\",\n\"arenas\": [{{\"mem_id\": 1,\n\"alignment\": \
             {alignment}, \"buffers\":\n{buffers}}}]}}"
        )
    };
    let buffer = r#"[{"id": 7, "size": 16, "first": 4, "last": 2}]"#;
    for (json, expected) in [
        (
            file("16", buffer),
            "line 4, column 46: buffer 7 is needed from 4 to 2",
        ),
        (file("0", "[]"), "the alignment is 0: at least 1 is needed"),
        (file("16", "[{}]"), "missing field `id`"),
        (
            file("16", &buffer.replace("16", "-1")),
            "invalid value: integer `-1`",
        ),
        (
            file(
                "16",
                r#"[{"id": 7, "size": 9223372036854775807, "first": 1, "last": 2}]"#,
            ),
            "buffer 7: size 9223372036854775807 is not below 2^63 - 1",
        ),
        (
            "{\"format\": \"executorch-buffers-v2\"}".to_owned(),
            "the format is \"executorch-buffers-v2\": known is",
        ),
        (file("16", "[]") + "x", "trailing characters"),
        ("{\"format\": \"executorch-buffers-v1\"".to_owned(), "EOF"),
    ] {
        let error = read(&json, Format::Executorch).expect_err("unsound");
        assert!(error.contains(expected), "{error} lacks {expected}");
    }
}

#[test]
fn the_shared_buffers_of_an_encoder_have_the_load_that_is_known() {
    let file = tests::workspace().join("../shared/data/compilers/iree_whisper.csv");
    let Ok(csv) = fs::read_to_string(&file) else {
        eprintln!("SKIPPED: no {}", file.display());
        return;
    };
    // Back to the text that IREE prints.
    let slices: String = csv
        .lines()
        .skip(1)
        .map(|row| {
            let row: Vec<u64> = row
                .split(',')
                .map(|cell| cell.parse().expect("a number"))
                .collect();
            format!("    [{}, {}] = %c{},\n", row[1], row[2] - 1, row[3])
        })
        .collect();
    let slices = slices.trim_end_matches(",\n").to_owned() + "\n";
    let document = iree(&dump("@main_graph", "", &slices));
    assert_eq!((document.problem.len(), peak(&document, 0)), (64, 873_600));
}

proptest! {
    #[test]
    fn the_placement_that_executorch_chose_is_the_one_that_is_read(
        buffers in proptest::collection::vec((1u64..64, 0u64..9, 0u64..9), 1..9),
    ) {
        // One above the other.
        let mut top = 0;
        let buffers: Vec<_> = (0..).zip(buffers).map(|(id, (size, first, length))| {
            let (size, offset) = (size * 16, top);
            top += size;
            serde_json::json!({
                "id": id, "size": size, "first": first, "last": first + length, "offset": offset,
            })
        }).collect();
        let text = format!(
            "{{\"format\": \"executorch-buffers-v1\", \"arenas\": {}}}",
            serde_json::json!([{"mem_id": 1, "alignment": 16, "buffers": buffers}])
        );
        let document = read(&text, Format::Iopddl).expect("sound");
        let placement = document.placement.as_ref().expect("placed");
        prop_assert_eq!(check::verify(&document.problem, placement, 0), Ok(()));
        prop_assert_eq!(placement.makespan(&document.problem), top);
        for (job, buffer) in document.problem.jobs().iter().zip(&buffers) {
            prop_assert_eq!(job.birth, buffer["first"].as_u64().expect("a number"));
            prop_assert_eq!(job.death, buffer["last"].as_u64().expect("a number") + 1);
        }
    }
}
