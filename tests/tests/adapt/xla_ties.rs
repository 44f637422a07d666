//! XLA's dumps, written by hand: what is tied to one place and what is not, what is an
//! error, and what offsets are multiples of.

use common::check;
use common::input::Document;
use tests::{Ran, run_in};

use super::formats::{adapt, jobs, refused, sound};

/// A dump of one preallocated allocation with these values: name, size, offset
/// and live range.
pub(super) fn dump(values: &[(&str, u64, u64, &str)]) -> [(&'static str, Vec<u8>); 2] {
    let (mut assignment, mut ranges) = (
        "BufferAssignment:\nallocation 0: size 8, constant:\n value: <7 c @0> (size=8,offset=0): \
         f32[2]\nallocation 1: size 64, preallocated-temp:\n"
            .to_owned(),
        "HloLiveRange (max 9):\n  BufferLiveRange:\n".to_owned(),
    );
    for (number, (name, size, offset, range)) in values.iter().enumerate() {
        let place = format!("(size={size},offset={offset}): f32[1]{{0}}");
        assignment += &format!(" value: <{number} {name} @0> {place}\n");
        let name = name.strip_suffix(" (phi)").unwrap_or(name);
        let index = if name.ends_with('}') { "" } else { "{}" };
        ranges += &format!("    {name}{index}:{range}\n");
    }
    ranges += "  Live ranges at 3 (peak):\n    a: 8 bytes\n";
    [
        ("x-buffer-assignment.txt", assignment.into_bytes()),
        ("x-live-range.txt", ranges.into_bytes()),
    ]
}

fn of_dump(values: &[(&str, u64, u64, &str)], more: &[&str]) -> Ran {
    let [assignment, ranges] = dump(values);
    let mut arguments = vec!["x-buffer-assignment.txt", "-", "--to", "csv", "--offsets"];
    arguments.extend(more);
    adapt(
        &[(assignment.0, &assignment.1), (ranges.0, &ranges.1)],
        &arguments,
    )
}

#[test]
fn aliases_of_one_size_are_one_job_and_touching_values_are_two() {
    let ran = of_dump(
        &[
            ("a.1", 64, 0, "0-3"),
            ("sort{0,1}", 64, 0, "3-5"),
            // Begins after the others have ended: memory used again.
            ("b", 64, 0, "6-8"),
        ],
        &[],
    );
    assert_eq!(jobs(&sound(&ran)), [(0, 0, 6, 64), (2, 6, 9, 64)]);
    assert!(ran.out.contains("a.1{} sort{0,1}"), "{}", ran.out);
}

#[test]
fn aliases_of_several_sizes_share_a_group_and_stay_a_valid_placement() {
    // While only the small one is live, another lies above it.
    let values = [
        ("large", 64, 0, "0-3"),
        ("small", 16, 0, "3-6"),
        ("above", 48, 16, "4-6"),
    ];
    let document = sound(&of_dump(&values, &[]));
    let group = |index: usize| document.problem[index].group();
    assert!(group(0).is_some() && group(0) == group(1) && group(2).is_none());
    let placement = document.placement.clone().expect("placed");
    assert_eq!(check::verify(&document.problem, &placement, 0), Ok(()));
}

#[test]
fn an_allocation_is_chosen_by_number_and_a_value_without_a_range_is_an_error() {
    let values = [("a", 64, 0, "0-3")];
    refused(
        &of_dump(&values, &["--allocation", "0"]),
        &["x-buffer-assignment.txt: line 3: value \"c{}\" has no live range"],
    );
    refused(
        &of_dump(&values, &["--allocation", "4"]),
        &["no allocation 4: they go up to 1"],
    );
    let ran = of_dump(&values, &["--allocation", "all"]);
    assert_eq!(jobs(&sound(&ran)), [(0, 0, 4, 64)]);
    assert!(
        ran.err.contains("1 value without a live range"),
        "{}",
        ran.err
    );
}

#[test]
fn values_that_do_not_fill_their_allocation_are_told() {
    let ran = of_dump(&[("a", 32, 0, "0-3")], &[]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("is of 64 bytes, but its values end at 32"),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_wrong_with_a_dump_is_told_with_its_file_and_line() {
    let [(name, assignment), (_, ranges)] = dump(&[("a", 64, 0, "0-3")]);
    let csv = [name, "-", "--to", "csv"];
    refused(
        &adapt(&[(name, &assignment)], &csv),
        &[name, "--live-range"],
    );
    let broken = String::from_utf8(ranges.clone())
        .expect("text")
        .replace("0-3", "0+3");
    refused(
        &adapt(
            &[(name, &assignment), ("x-live-range.txt", broken.as_bytes())],
            &csv,
        ),
        &["x-live-range.txt: line 3: \"a{}:0+3\" is not NAME{INDEX}:FROM-TO"],
    );
    let broken = String::from_utf8(assignment)
        .expect("text")
        .replace("=64", "=6x");
    let files = [(name, broken.as_bytes()), ("other.txt", &ranges)];
    refused(
        &adapt(&files, &[&csv[..], &["--live-range", "other.txt"]].concat()),
        &[
            "x-buffer-assignment.txt: line 5: ",
            "(size=6x",
            "is not value: <NUMBER",
        ],
    );
}

/// A value: number, name, bytes and offset.
type Value<'a> = (u64, &'a str, u64, u64);

/// The temporaries of a module: its text without the first line, and the values of the
/// preallocated allocation.
fn of_module(header: &str, module: &str, values: &[Value<'_>], more: &[&str]) -> Ran {
    let mut assignment =
        "BufferAssignment:\nallocation 3: size 4096, preallocated-temp:\n".to_owned();
    for (number, name, size, offset) in values {
        let place = format!("(size={size},offset={offset}): f32[1]{{0}}");
        assignment += &format!(" value: <{number} {name} @0> {place}\n");
    }
    let module = format!("HloModule m, is_scheduled=true{header}\n\n{module}");
    let name = "m.cpu_after_optimizations";
    let files = [
        (format!("{name}-buffer-assignment.txt"), assignment),
        (format!("{name}.txt"), module),
    ];
    let files: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_bytes()))
        .collect();
    let mut arguments = vec![files[0].0, "-", "--to", "csv", "--offsets"];
    arguments.extend(more);
    adapt(&files, &arguments)
}

/// The ids that stay together, by the group or as one job, of those that share a group.
fn groups(document: &Document) -> Vec<Vec<String>> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for job in document.problem.jobs() {
        let Some(group) = job.group() else { continue };
        match groups.iter_mut().find(|(name, _)| name == group) {
            Some((_, ids)) => ids.push(job.id.to_string()),
            None => groups.push((group.to_owned(), vec![job.id.to_string()])),
        }
    }
    groups.into_iter().map(|(_, ids)| ids).collect()
}

/// A loop whose state is read at the start of its body and written at its end, with
/// `body` in between.
fn in_a_loop(body: &str) -> String {
    format!(
        "%body (s: (f32[4])) -> (f32[4]) {{\n  %s = (f32[4]{{0}}) parameter(0)\n  \
         %x = f32[4]{{0}} get-tuple-element(%s), index=0\n  %a = f32[4]{{0}} negate(%x)\n  \
         {body}  %z = f32[4]{{0}} negate(%b)\n  ROOT %r = (f32[4]{{0}}) tuple(%z)\n}}\n\n\
         %cond (t: (f32[4])) -> pred[] {{\n  %t = (f32[4]{{0}}) parameter(0)\n  \
         ROOT %c = pred[] constant(false)\n}}\n\n\
         ENTRY %main (p: f32[4]) -> (f32[4]) {{\n  %p = f32[4]{{0}} parameter(0)\n  \
         %i = f32[4]{{0}} negate(%p)\n  %n = (f32[4]{{0}}) tuple(%i)\n  \
         ROOT %w = (f32[4]{{0}}) while(%n), condition=%cond, body=%body\n}}\n"
    )
}

#[test]
fn the_state_of_a_loop_is_a_group_with_memory_for_others_in_between() {
    // i, then s{0} until a reads it, and z: one place, in which e lies meanwhile.
    let module = in_a_loop("%e = f32[4]{0} negate(%a)\n  %b = f32[4]{0} negate(%e)\n");
    let values = [
        (0, "i", 16, 0),
        (1, "t{0} (phi)", 16, 0),
        (2, "s{0} (phi)", 16, 0),
        (3, "z", 16, 0),
        (4, "w{0} (phi)", 16, 0),
        (5, "a", 16, 64),
        (6, "e", 16, 0),
    ];
    let ran = of_module("", &module, &values, &[]);
    let document = sound(&ran);
    assert_eq!(groups(&document), [["0", "3"]], "{}", ran.out);
    // The clock: p, i, n; t, c; s, x, a, e, b, z, r; w.
    assert_eq!(
        jobs(&document),
        [
            (0, 1, 8, 16),
            (3, 10, 14, 16),
            (6, 8, 10, 16),
            (5, 7, 9, 16)
        ]
    );
}

#[test]
fn the_results_of_branches_are_a_group() {
    let module = "%f (x: f32[4]) -> f32[4] {\n  %x = f32[4]{0} parameter(0)\n  \
        ROOT %xr = f32[4]{0} negate(%x)\n}\n\n\
        %g (y: f32[4]) -> f32[4] {\n  %y = f32[4]{0} parameter(0)\n  \
        %ya = f32[4]{0} negate(%y)\n  ROOT %yr = f32[4]{0} negate(%ya)\n}\n\n\
        ENTRY %main (p: f32[4], k: pred[]) -> f32[4] {\n  %p = f32[4]{0} parameter(0)\n  \
        %k = pred[] parameter(1)\n  \
        %q = f32[4]{0} conditional(%k, %p, %p), true_computation=%f, false_computation=%g\n  \
        ROOT %z = f32[4]{0} negate(f32[4]{0} %q)\n}\n";
    let values = [
        (0, "xr", 16, 0),
        (1, "yr", 16, 0),
        (2, "q (phi)", 16, 0),
        (3, "ya", 16, 64),
    ];
    let document = sound(&of_module("", module, &values, &[]));
    // Between the branches of which one runs the place is nobody's.
    assert_eq!(groups(&document), [["0", "1"]]);
}

#[test]
fn a_result_that_overwrites_an_operand_is_tied_where_xla_laid_it_there() {
    // Each writes over a, which another reads before: nothing else joins the two.
    let update = |write: &str| {
        format!(
            "%fused (u: f32[4], v: f32[2], i: s32[]) -> f32[4] {{\n  %u = f32[4]{{0}} parameter(0)\n  \
             %v = f32[2]{{0}} parameter(1)\n  %i = s32[] parameter(2)\n  \
             %bc = f32[4]{{0}} bitcast(%u)\n  \
             ROOT %d = f32[4]{{0}} dynamic-update-slice(%bc, %v, %i)\n}}\n\n\
             ENTRY %main (p: f32[4], o: f32[2], j: s32[]) -> f32[4] {{\n  \
             %p = f32[4]{{0}} parameter(0)\n  %o = f32[2]{{0}} parameter(1)\n  \
             %j = s32[] parameter(2)\n  %a = f32[4]{{0}} negate(%p)\n  {write}\n  \
             ROOT %z = f32[4]{{0}} negate(%b)\n}}\n"
        )
    };
    let same = [(0, "a", 16, 0), (1, "b", 16, 0)];
    for write in [
        "%b = f32[4]{0} dynamic-update-slice(%a, %o, %j)",
        "%b = f32[4]{0} fusion(%a, %o, %j), kind=kLoop, calls=%fused",
        "%b = f32[4]{0} scatter(%a, %j, %o), to_apply=%fused",
        "%b = f32[4]{0} custom-call(%o, %a), custom_call_target=\"k\", \
         output_to_operand_aliasing={{}: (1, {})}",
        // Chosen by XLA, as a dies there.
        "%b = f32[4]{0} negate(%a)",
    ] {
        let document = sound(&of_module("", &update(write), &same, &[]));
        assert_eq!(jobs(&document), [(0, 3, 6, 16)], "{write}");
        // What lies apart is not tied, and conflicts.
        let apart = [(0, "a", 16, 0), (1, "b", 16, 64)];
        let document = sound(&of_module("", &update(write), &apart, &[]));
        assert_eq!(document.problem.len(), 2, "{write}");
        assert_eq!(groups(&document), [[""; 0]; 0], "{write}");
    }
}

#[test]
fn memory_used_again_is_no_tie() {
    let module = "ENTRY %main (p: f32[4]) -> f32[4] {\n  %p = f32[4]{0} parameter(0)\n  \
        %a = f32[4]{0} negate(%p)\n  %b = f32[4]{0} negate(%a)\n  \
        %c = f32[4]{0} negate(%b)\n  ROOT %d = f32[4]{0} negate(%c)\n}\n";
    let values = [(0, "a", 16, 0), (1, "b", 16, 64), (2, "c", 16, 0)];
    let document = sound(&of_module("", module, &values, &[]));
    let expected = [(0, 1, 3, 16), (2, 3, 5, 16), (1, 2, 4, 16)];
    assert_eq!(jobs(&document), expected);
    assert_eq!(groups(&document), [[""; 0]; 0]);
}

#[test]
fn without_a_module_what_a_loop_may_carry_stays_together() {
    let values = [
        ("i", 64, 0, "0-3"),
        ("w{0} (phi)", 64, 0, "3-5"),
        ("z", 64, 0, "8-9"),
        ("small", 16, 0, "6-7"),
        ("b", 64, 64, "0-3"),
        ("c", 64, 64, "4-5"),
    ];
    let ran = of_dump(&values, &[]);
    assert_eq!(groups(&sound(&ran)), [["0", "2"]], "{}", ran.out);
    assert!(
        ran.err
            .contains("1 value tied to what may only use its memory again"),
        "{}",
        ran.err
    );
}

#[test]
fn files_of_two_modules_are_told_apart() {
    let module = in_a_loop("%b = f32[4]{0} negate(%a)\n");
    let values = [(0, "i", 16, 0), (2, "s{0} (phi)", 16, 64)];
    refused(
        &of_module("", &module, &values, &[]),
        &["line 4: value \"s{0}\" at 3:64 lies apart from \"i{}\" at 3:0, and the HLO ties them"],
    );
    // A module that has other instructions, and live ranges that it does not give.
    let [(name, assignment), (ranges, of_ranges)] = dump(&[("a", 64, 0, "0-3")]);
    let text = "HloModule m\n\nENTRY %m {\n  ROOT %b = f32[4] parameter(0)\n}\n";
    let files = [
        (name, &assignment[..]),
        (ranges, &of_ranges),
        ("x.txt", text.as_bytes()),
    ];
    refused(
        &adapt(&files, &[name, "-", "--to", "csv"]),
        &["line 5: value \"a{}\" is not in the HLO: is it of the same module?"],
    );
}

#[test]
fn what_is_wrong_with_a_module_is_told_with_its_file_and_line() {
    let file = "m.cpu_after_optimizations.txt: ";
    let entry = |lines: &str| format!("ENTRY %m (p: f32[4]) -> f32[4] {{\n{lines}}}\n");
    for (module, expected) in [
        (
            entry("  ROOT %a = f32[4] negate(%b)\n"),
            "line 4: operand \"%b\" is not defined above",
        ),
        (
            entry("  ROOT %a f32[4] parameter(0)\n"),
            "line 4: \"ROOT %a f32[4] parameter(0)\" is not NAME",
        ),
        (
            entry("  ROOT %a = (f32[4] parameter(0)\n"),
            "is not NAME = SHAPE OPCODE(...)",
        ),
        (
            entry("  %a = f32[4] parameter(0)\n"),
            "line 5: a computation without a ROOT ends",
        ),
        (
            entry("  ROOT %a = f32[4] parameter(0)\n  %a = f32[4] negate(%a)\n"),
            "line 5: a second instruction a",
        ),
        (
            entry(
                "  %a = f32[4] parameter(0)\n  ROOT %w = f32[4] while(%a), condition=%x, body=%y\n",
            ),
            "no computation y in the module",
        ),
        (
            entry("  %a = f32[4] parameter(0)\n  ROOT %w = (f32[4]) tuple(%a, %a)\n"),
            "line 5: instruction w does not fit what it takes",
        ),
        (
            "%m {\n  ROOT %a = f32[4] parameter(0)\n}\n".to_owned(),
            "no ENTRY computation",
        ),
        (
            "ENTRY %m {\n  ROOT %a = f32[4] parameter(0)\n".to_owned(),
            "ends inside a computation",
        ),
    ] {
        let ran = of_module("", &module, &[(0, "a", 16, 0)], &[]);
        refused(&ran, &[file, expected]);
    }
    let ran = of_module(", input_output_alias={ 0: 1 }", "", &[(0, "a", 16, 0)], &[]);
    refused(&ran, &[file, "line 1: input_output_alias"]);
    let ran = of_module("", "", &[(0, "a", 16, 0)], &["--hlo", "none.txt"]);
    refused(&ran, &["none.txt: "]);
    let ran = of_module(
        "",
        "",
        &[],
        &["--hlo", "m.cpu_after_optimizations-buffer-assignment.txt"],
    );
    refused(
        &ran,
        &["line 1: \"BufferAssignment:\" stands where \"HloModule\" should"],
    );
}

#[test]
fn live_ranges_that_are_not_certain_are_an_error_that_says_why() {
    let entry = |lines: &str| format!("ENTRY %m (p: (f32[4])) -> f32[4] {{\n{lines}}}\n");
    let values = [(0, "a", 16, 0)];
    let hidden =
        "  %p = (f32[4]) parameter(0)\n  %a = f32[4] negate(%p#0)\n  ROOT %b = f32[4] negate(%a)\n";
    refused(
        &of_module("", &entry(hidden), &values, &[]),
        &["leaves get-tuple-element instructions out"],
    );
    let start = "  %p = f32[4] parameter(0)\n  %a = ((f32[4]), f32[4], u32[]) sort-start(%p)\n  ROOT %b = f32[4] sort-done(%a)\n";
    refused(
        &of_module("", &entry(start), &[(0, "a{1}", 16, 0)], &[]),
        &["asynchronous", "--live-range"],
    );
    let unscheduled = format!("HloModule m\n\n{}", entry(&hidden.replace("%p#0", "%p")));
    let name = "x-buffer-assignment.txt";
    let [(_, assignment), _] = dump(&[("a", 64, 0, "0-3")]);
    let ran = adapt(
        &[(name, &assignment), ("x.txt", unscheduled.as_bytes())],
        &[name, "-", "--to", "csv"],
    );
    refused(&ran, &["the HLO is not scheduled"]);
}

#[test]
fn offsets_are_multiples_of_128_where_the_gpu_compiler_made_the_dump() {
    let [(_, assignment), (_, ranges)] = dump(&[("a", 64, 0, "0-3"), ("b", 64, 256, "1-2")]);
    let module = |more: &str| {
        format!(
            "HloModule m, is_scheduled=true\n\nENTRY %m {{\n  %a = f32[4] parameter(0)\n  \
             ROOT %b = f32[4] negate(%a){more}\n}}\n"
        )
    };
    let (gpu, cpu) = (
        &*module(", backend_config={\"operation_queue_id\":\"0\"}"),
        &*module(""),
    );
    for (stem, module, alignment) in [
        ("m.sm_8.0_gpu_after_optimizations", None, 128),
        ("m.gfx90a_gpu_after_optimizations", Some(cpu), 128),
        ("m.cpu_after_optimizations", Some(gpu), 64),
        ("m", Some(gpu), 128),
        ("gpu", Some(cpu), 64),
        ("m", None, 64),
    ] {
        let names =
            [".txt", "-live-range.txt", "-buffer-assignment.txt"].map(|end| format!("{stem}{end}"));
        let mut files = vec![(&*names[1], &ranges[..]), (&*names[2], &assignment[..])];
        files.extend(module.map(|module| (&*names[0], module.as_bytes())));
        let ran = adapt(&files, &[&names[2], "-", "--to", "csv", "--offsets"]);
        let jobs = sound(&ran).problem;
        assert!(
            jobs.jobs().iter().all(|job| job.alignment == alignment),
            "{stem}: {}",
            ran.out
        );
        let told = ran
            .err
            .contains("alignment 128: a dump of the GPU compiler");
        assert_eq!(told, alignment == 128, "{}", ran.err);
    }
}

#[test]
fn several_allocations_are_pools_that_report_finds_valid() {
    let [(name, assignment), (ranges_name, ranges)] = dump(&[("a", 64, 0, "0-3")]);
    let more =
        "allocation 5: size 200, maybe-live-out:\n value: <8 o @0> (size=200,offset=0): f32[50]\n";
    let assignment = String::from_utf8(assignment).expect("text") + more;
    let ranges = String::from_utf8(ranges)
        .expect("text")
        .replace("    a{}", "    o{}:2-9\n    c{}:0-9\n    a{}");
    let files = [
        (name, assignment.as_bytes()),
        (ranges_name, ranges.as_bytes()),
    ];
    for output in ["all.csv", "all.plc"] {
        let folder = tests::folder(&files);
        let arguments = [name, output, "--allocation", "all"];
        let offsets = if output == "all.csv" {
            &["--offsets"][..]
        } else {
            &[]
        };
        let ran = run_in(
            folder.path(),
            "adapt",
            &[&arguments[..], offsets].concat(),
            b"",
        );
        assert_eq!(ran.code, 0, "{}", ran.err);
        let report = run_in(folder.path(), "report", &[output], b"");
        assert_eq!(report.code, 0, "{}", report.out);
        assert!(
            report.out.contains("placement      valid"),
            "{}",
            report.out
        );
        assert!(report.out.contains("heaps          3"), "{}", report.out);
    }
}

#[test]
fn what_is_wrong_with_a_protocol_buffer_is_told_with_its_byte() {
    let name = |name: &str| [&[0x0a, name.len() as u8], name.as_bytes()].concat();
    let mut module = name("m");
    module.extend([0x12, 1, b'e']);
    let file = |module: &[u8], more: &[u8]| [&[0x0a, module.len() as u8], module, more].concat();
    for (bytes, expected) in [
        (file(&module, &[]), "no entry computation"),
        (
            file(&module, &[])[..4].to_vec(),
            "the file ends inside a message",
        ),
        (
            file(&[&module[..], &[0x0b]].concat(), &[]),
            "byte 9: no protocol buffer: wire type 3",
        ),
        (
            file(&[&module[..], &[0x1a, 9, 0]].concat(), &[]),
            "a field of 9 bytes passes its message",
        ),
        (
            file(&[&module[..], &[0x30, 7]].concat(), &[]),
            "no computation with the id 7",
        ),
        (vec![0x1a, 0], "no HLO module in the file"),
    ] {
        let ran = adapt(&[("m.hlo.pb", &bytes)], &["m.hlo.pb", "-", "--to", "csv"]);
        refused(&ran, &["m.hlo.pb: ", expected]);
    }
}
