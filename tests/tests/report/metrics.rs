//! The report: every number of a small placement against one worked out by
//! hand, random ones against a count of bytes and ticks, and the command line.

use common::format::Format;
use common::input::{self, Document, Offsets};
use common::trace::{Block, Call, Note};
use sanity::report::{Other, Report, text};
use serde_json::Value;
use tests::{folder, run_in, traces};

fn document(bytes: &[u8], format: Format) -> Document {
    input::load(bytes, format, Offsets::Placement).expect("a sound file")
}

/// Five jobs in two heaps. Load, by what is live:
///
/// ```text
/// time    jobs       load                          touched pages     gaps
/// [0,2)   0 1        4096 + 1024          =  5120  2                 8192 -  5120 = 3072
/// [2,3)   0 1 2      5120 + 1024          =  6144  2                 8192 -  6144 = 2048
/// [3,4)   0 1 2 4    6144 + 8192          = 14336  2 + 3            20480 - 14336 = 6144
/// [4,5)   0 2 4      14336 - 1024         = 13312  2 + 3            20480 - 13312 = 7168
/// [5,6)   0 2        13312 - 8192         =  5120  2                 8192 -  5120 = 3072
/// [6,10)  0 3        4096 + 2048          =  6144  2                 8192 -  6144 = 2048
/// ```
///
/// Job 4 lies on [2048, 10240) of its heap: pages 0, 1 and 2.
const TRACED: &str = "\
id,lower,upper,size,requested,heap,offset
0,0,10,4096,4000,0,0
1,0,4,1024,1000,0,4096
2,2,6,1024,1024,0,6144
3,6,10,2048,2048,0,6144
4,3,5,8192,8000,65536,2048
";

/// - LOAD is 14336, at 3.
/// - Heap 0 reaches 6144 + 2048 = 8192: 2 pages. Heap 65536 reaches 2048 + 8192
///   = 10240: 2.5, so 3 pages. Together 18432 and 5.
/// - Fragmentation: (18432 - 14336) / 14336 = 4096 / 14336 = 2 / 7. Of heap 0,
///   whose own LOAD is 6144: 2048 / 6144 = 1 / 3; of the other 2048 / 8192.
/// - External, peak: 6144 / 14336 = 3 / 7. Over time: (2 * 3072 + 2048 + 6144 +
///   7168 + 3072 + 4 * 2048) / (2 * 5120 + 6144 + 14336 + 13312 + 5120 + 4 *
///   6144) = 32768 / 73728 = 4 / 9.
/// - Internal: 96 + 24 + 0 + 0 + 192 = 312 of 16384 in all: 1.904297 %. At 3 job
///   3, which wastes nothing, is not live: 312 of 14336: 2.176339 %.
/// - Churn: 5 / 14336 = 3.4877e-4; (4000 + 1000 + 1024 + 2048 + 8000) / 14336 =
///   16072 / 14336 = 1.121094.
/// - Freed at once: after 4's birth at 3 the next is at 6, and it dies at 5;
///   after 3's there is none. 0 and 1 see 2's birth, and 2 sees 4's.
/// - Sizes: mean 3276.8; squares of the distances 819.2^2 + 2 * 2252.8^2 +
///   1228.8^2 + 4915.2^2 = 36490444.8; sqrt(that / 5) = 2701.4976, over the mean
///   0.824432. Sorted 1024 1024 2048 4096 8192: the median is 2048.
/// - Deaths 10 4 6 10 5: mean 7, squares 9 + 9 + 1 + 9 + 4 = 32, sqrt(32 / 5) =
///   2.529822, over 10 - 0.
/// - Conflicts: 0 with all four; 1-2, 1-4, 2-4. 7 of 10.
/// - Areas: 0: 40960; 1 and 2: 4096 each; 3: 8192; 4: 16384; in all 73728. So
///   5/9, 1/9, 1/9, 2/9. At 3 live: 4096, 2048, 0, 8192 of 14336.
const TRACED_TEXT: &str = "\
placement      valid
jobs           5
events         not recorded
threads        not recorded
never freed    not recorded
heaps          2
largest job    8192 bytes (8.00 KiB), job 4, lives [3, 5)
LOAD           14336 bytes (14.0 KiB) at time 3
least          14336 bytes (14.0 KiB)
makespan       18432 bytes (18.0 KiB), 5 pages
fragmentation  28.5714 %
makespan/LOAD  128.5714 %
external peak  6144 bytes (6.00 KiB), 42.8571 % of LOAD
external time  44.4444 % of the load over time
touched pages  5 at most
internal peak  312 bytes, 2.1763 % of the size then
internal total 312 bytes, 1.9043 % of all sizes
churn          3.488e-4 jobs and 1.1211 bytes requested, per byte of LOAD
freed at once  2 jobs, 40.0000 % of all
size spread    0.8244; smallest 1024, median 2048
death spread   0.2530
conflicts      7 pairs, 70.0000 % of all pairs

heaps, the largest first
     heap  jobs  LOAD  makespan  pages  fragmentation
  0x10000     1  8192     10240      3      25.0000 %
      0x0     4  6144      8192      2      33.3333 %

size classes, the most costly first
  up to  jobs  area share  at the peak      share
   4096     1   55.5556 %         4096  28.5714 %  ####################
   8192     1   22.2222 %         8192  57.1429 %  ########
   1024     2   11.1111 %         2048  14.2857 %  ####
   2048     1   11.1111 %            0   0.0000 %  ####

sizes
  bytes     to  jobs      share
   1024   2047     2  40.0000 %  ####################
   2048   4095     1  20.0000 %  ##########
   4096   8191     1  20.0000 %  ##########
   8192  16383     1  20.0000 %  ##########

lifetimes
  ticks  to  jobs      share
      2   3     1  20.0000 %  #######
      4   7     3  60.0000 %  ####################
      8  15     1  20.0000 %  #######
";

#[test]
fn every_number_of_a_small_placement_is_the_one_worked_out_by_hand() {
    let report = Report::new(&document(TRACED.as_bytes(), Format::Csv), 0);
    assert_eq!(text(&report), TRACED_TEXT);
}

/// The same jobs in one heap, without waste: 0, 1 and 4 pile up to 14336 with 2
/// between; 3 takes 1's and 2's place.
const SOLVED: &str = "\
id,lower,upper,size,offset
4,3,5,8192,6144
0,0,10,4096,0
1,0,4,1024,4096
2,2,6,1024,5120
3,6,10,2048,4096
";

/// - Saved: 18432 - 14336 = 4096 of 18432, 22.2222 %; 5 - 4 pages (14336 is
///   3.5 pages).
/// - 0 and 1 stay; 2, 3 and 4 move.
/// - Stacked, heap 65536 begins at 8192: job 4 lies on [10240, 18432), above
///   14336 for 4096 bytes, and no other job does.
/// - Job 4 goes from 10240 to 6144: lower by 4096. 3 from 6144 to 4096: by 2048.
///   2 from 6144 to 5120, 1 stays, and their areas are equal: by 512.
const AGAINST_TEXT: &str = "\
placement      valid
against        solved.csv
its placement  valid
its makespan   14336 bytes (14.0 KiB), 4 pages
its fragment.  0.0000 %
saved          4096 bytes, 1 page, 22.2222 %
moved          3 of 5 jobs
jobs           5
";

const AGAINST_TABLE: &str = "
size classes that cause the difference
  up to  jobs  jobs above       above  lowered by
   8192     1           1  100.0000 %      4096.0  ####################
   2048     1           0    0.0000 %      2048.0
   1024     2           0    0.0000 %       512.0
   4096     1           0    0.0000 %         0.0
";

#[test]
fn every_number_of_a_comparison_is_the_one_worked_out_by_hand() {
    let traced = document(TRACED.as_bytes(), Format::Csv);
    let solved = document(SOLVED.as_bytes(), Format::Csv);
    let mut report = Report::new(&traced, 0);
    let other = Other {
        name: "solved.csv",
        document: &solved,
        report: &Report::new(&solved, 0),
    };
    report.compare(&traced, &other).expect("the same jobs");
    let text = text(&report);
    assert!(text.starts_with(AGAINST_TEXT), "{text}");
    assert!(text.contains(AGAINST_TABLE), "{text}");

    // The other way round it costs what it saved.
    let mut report = Report::new(&solved, 0);
    let other = Other {
        name: "traced.csv",
        document: &traced,
        report: &Report::new(&traced, 0),
    };
    report.compare(&solved, &other).expect("the same jobs");
    let against = report.against.expect("a comparison");
    assert_eq!((against.saved_bytes, against.saved_pages), (-4096, -1));
    assert_eq!(against.saved_share, -4096.0 / 14336.0);
    assert_eq!(against.classes[0].lowered_by, -4096.0);
}

/// A block of 4008 bytes on one page, in a heap of 33 of which no other was touched.
#[test]
fn what_was_never_touched_is_nothing_to_save() {
    let base = 0x5555_0000_0000;
    let malloc = Call::Malloc {
        requested: 4000,
        block: Block {
            pointer: base + 16,
            usable: 4008,
            thread: 1,
            mapping_base: base,
        },
    };
    let end = Note::Extent {
        base,
        end: base + 33 * 4096,
        given_back: 0,
    };
    let traced = document(&traces::of([malloc, end.call(1)]), Format::Trc);
    let solved = "id,lower,upper,size,requested,alignment,offset\n0,0,4000,4008,4000,16,0\n";
    let solved = document(solved.as_bytes(), Format::Csv);
    let other = Other {
        name: "solved",
        document: &solved,
        report: &Report::new(&solved, 0),
    };
    let mut report = Report::new(&traced, 0);
    report.compare(&traced, &other).expect("the same jobs");
    let memory = report.memory.as_ref().expect("it is traced");
    assert_eq!((memory.peak_held, memory.peak_touched), (33 * 4096, 4096));
    assert!(memory.savings.is_empty());
    let against = report.against.expect("a comparison");
    assert_eq!((against.saved_bytes, against.saved_pages), (88, 0));
}

/// Two threads; 100 bytes twice, of which the second block is never freed.
fn trace() -> Vec<u8> {
    let block = |pointer, thread| Block {
        pointer,
        usable: 104,
        thread,
        mapping_base: 0x10000,
    };
    let malloc = |pointer, thread| Call::Malloc {
        requested: 100,
        block: block(pointer, thread),
    };
    let free = Call::Free {
        pointer: 0x10010,
        thread: 8,
    };
    traces::of([malloc(0x10010, 7), malloc(0x10080, 8), free])
}

#[test]
fn what_only_a_trace_tells_is_told_of_traces_and_null_elsewhere() {
    let report = Report::new(&document(&trace(), Format::Trc), 0);
    let text = text(&report);
    for line in [
        "events         3\n",
        "threads        2\n",
        "never freed    1 job, 104 bytes\n",
        // 4 bytes too many in each of two.
        "internal total 8 bytes, 3.8462 % of all sizes\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    let json: Value = serde_json::from_str(&report.json().expect("JSON")).expect("JSON");
    assert_eq!(json["trace"]["never_freed_bytes"], 104);
    assert_eq!(json["trace"]["threads"], 2);

    let csv = Report::new(&document(TRACED.as_bytes(), Format::Csv), 0);
    let json: Value = serde_json::from_str(&csv.json().expect("JSON")).expect("JSON");
    assert!(json["trace"].is_null() && json["against"].is_null());
    assert_eq!(json["schema"], 3);
}

#[test]
fn the_json_has_every_field_that_the_documentation_names() {
    let report = Report::new(&document(TRACED.as_bytes(), Format::Csv), 0);
    let json: Value = serde_json::from_str(&report.json().expect("JSON")).expect("JSON");
    for (path, value) in [
        ("/load/bytes", Value::from(14336)),
        ("/load/time", Value::from(3)),
        ("/largest/id", Value::from("4")),
        ("/placement/makespan", Value::from(18432)),
        ("/placement/pages", Value::from(5)),
        ("/placement/external/at_peak/bytes", Value::from(6144)),
        ("/placement/external/over_time", Value::from(4.0 / 9.0)),
        ("/placement/external/touched_pages", Value::from(5)),
        ("/heaps/1/base", Value::from(65536)),
        ("/heaps/1/pages", Value::from(3)),
        ("/internal/total/bytes", Value::from(312)),
        ("/sizes/0/from", Value::from(1024)),
        ("/sizes/0/to", Value::from(2047)),
        ("/lifetimes/1/jobs", Value::from(3)),
        ("/classes/0/area_share", Value::from(5.0 / 9.0)),
        ("/classes/0/at_peak/bytes", Value::from(4096)),
        ("/churn/freed_at_once", Value::from(2)),
        ("/hardness/conflicts", Value::from(7)),
        ("/hardness/conflict_density", Value::from(0.7)),
    ] {
        assert_eq!(json.pointer(path), Some(&value), "{path}");
    }
}

#[test]
fn a_conflict_is_said_first_with_both_jobs_and_the_answer_is_no() {
    let bad = TRACED.replace("2,2,6,1024,1024,0,6144", "2,2,6,1024,1024,0,5000");
    let folder = folder(&[
        ("bad.csv", &*bad),
        ("good.csv", TRACED),
        ("one.csv", SOLVED),
    ]);
    let ran = run_in(folder.path(), "report", &["bad.csv"], b"");
    assert_eq!(ran.code, 1);
    let verdict = "placement      INVALID: jobs 1 and 2 overlap at time 2: [4096, 5120) and";
    assert!(ran.out.starts_with(verdict), "{}", ran.out);
    assert!(
        ran.out
            .contains("external       not defined for an invalid placement\n")
    );
    assert!(
        ran.err
            .contains("bad.csv: the placement is not valid: jobs 1 and 2")
    );

    let ran = run_in(
        folder.path(),
        "report",
        &["one.csv", "--against", "bad.csv"],
        b"",
    );
    assert_eq!(ran.code, 1);
    assert!(
        ran.out.contains("its placement  INVALID: jobs 1 and 2"),
        "{}",
        ran.out
    );
}

#[test]
fn a_misaligned_address_is_told_with_its_heap() {
    let jobs = "id,lower,upper,size,alignment,heap,offset\n1,0,5,8,16,1048584,16\n";
    let folder = folder(&[("jobs.csv", jobs)]);
    let ran = run_in(folder.path(), "report", &["jobs.csv", "--quiet"], b"");
    assert_eq!(ran.code, 1);
    let sum = "job 1: start 0 + heap 1048584 + offset 16 is not a multiple of its alignment 16";
    assert!(ran.err.contains(sum), "{}", ran.err);
}

#[test]
fn the_number_of_a_pool_is_no_part_of_an_address() {
    let header = "id,lower,upper,size,alignment,heap,offset\n";
    let jobs =
        |offset: u64| format!("{header}1,0,5,8,16,0,16\n2,0,5,8,16,1,{offset}\n3,0,5,8,16,2,0\n");
    let folder = folder(&[("sound.csv", jobs(32)), ("odd.csv", jobs(15))]);
    let report = |file: &str| run_in(folder.path(), "report", &[file, "--quiet"], b"");
    for file in ["sound.csv", "sound.plc"] {
        let to_plc = run_in(
            folder.path(),
            "adapt",
            &["sound.csv", "sound.plc", "--force"],
            b"",
        );
        assert_eq!(to_plc.code, 0, "{}", to_plc.err);
        assert_eq!(report(file).code, 0, "{}", report(file).err);
    }
    let ran = report("odd.csv");
    assert_eq!(ran.code, 1);
    let sum = "job 2: start 0 + offset 15 is not a multiple of its alignment 16";
    assert!(ran.err.contains(sum), "{}", ran.err);
}

#[test]
fn placements_of_other_jobs_are_refused_with_the_first_that_differs() {
    let missing = SOLVED.replace("2,2,6,1024,5120\n", "");
    let additional = SOLVED.to_owned() + "5,0,1,8,0\n";
    let other_size = SOLVED.replace("3,6,10,2048,", "3,6,10,2049,");
    let not_placed = "id,lower,upper,size\n0,0,1,8\n";
    let cases = [
        (missing.as_str(), "job 2 is missing in b.csv"),
        (&additional, "job 5 is in b.csv only"),
        (&other_size, "job 3: size is 2048 here, and 2049 in b.csv"),
        (not_placed, "job 0: death is 10 here, and 1 in b.csv"),
    ];
    for (content, expected) in cases {
        let folder = folder(&[("a.csv", TRACED), ("b.csv", content)]);
        let arguments = ["a.csv", "--against", "b.csv", "--html", "x.html"];
        let ran = run_in(folder.path(), "report", &arguments, b"");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        assert_eq!(ran.err, format!("report: a.csv: {expected}\n"));
        assert!(!folder.path().join("x.html").exists());
    }
    let unplaced = "id,lower,upper,size\n0,0,1,8\n";
    let placed = "id,lower,upper,size,offset\n0,0,1,8,0\n";
    let folder = folder(&[("a.csv", unplaced), ("b.csv", placed)]);
    for (here, there, expected) in [
        (
            "a.csv",
            "b.csv",
            "not every job has an offset: nothing to compare with b.csv",
        ),
        (
            "b.csv",
            "a.csv",
            "not every job of a.csv has an offset: nothing to compare with",
        ),
    ] {
        let ran = run_in(folder.path(), "report", &[here, "--against", there], b"");
        assert_eq!(ran.code, 2);
        assert_eq!(ran.err, format!("report: {here}: {expected}\n"));
    }
}

/// Page by page a small block and a large one, the large ones freed, and one block more:
/// without notes.
fn pinned() -> Vec<u8> {
    let base = 0x5555_0000_0000;
    let malloc = |requested, pointer| Call::Malloc {
        requested,
        block: Block {
            pointer,
            usable: requested + 8,
            thread: 7,
            mapping_base: base,
        },
    };
    let mut calls = Vec::new();
    for page in 0..200 {
        let at = base + page * 0x1000;
        calls.extend([malloc(16, at), malloc(3000, at + 32)]);
    }
    calls.extend((0..200).map(|page| Call::Free {
        pointer: base + 32 + page * 0x1000,
        thread: 7,
    }));
    calls.push(malloc(100, base + 300 * 0x1000));
    traces::of(calls)
}

#[test]
fn a_converted_trace_says_of_memory_what_the_trace_does() {
    let folder = folder(&[("a.trc", pinned())]);
    let ran = run_in(folder.path(), "adapt", &["a.trc", "a.plc"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let memory = |name| -> Value {
        let ran = run_in(folder.path(), "report", &[name, "--format", "json"], b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        let report: Value = serde_json::from_str(&ran.out).expect("JSON");
        report["memory"].clone()
    };
    let of_trace = memory("a.trc");
    // In the pages of the small blocks, and in that of the last one.
    let pinned = 200 * (4096 - 24) + 4096 - 108;
    assert_eq!(of_trace["peak_pinned"], pinned);
    assert_eq!(of_trace["pins"][0]["blocks"], 200);
    assert_eq!(memory("a.plc"), of_trace);
}

/// Whether a line of the definitions begins with a name.
fn is_defined(help: &str, name: &str) -> bool {
    let lines = help.lines().filter_map(|line| line.strip_prefix("  "));
    lines.into_iter().any(|line| line.starts_with(name))
}

#[test]
fn every_metric_that_is_printed_is_defined_in_the_help() {
    let folder = folder(&[("a.csv", TRACED), ("b.csv", SOLVED)]);
    let help = run_in(folder.path(), "report", &["--help"], b"").out;
    let ran = run_in(
        folder.path(),
        "report",
        &["a.csv", "--against", "b.csv"],
        b"",
    );
    let metrics = ran.out.split("\n\n").next().expect("lines");
    // What is of the other placement is defined as for this one.
    let others = [
        "placement",
        "against",
        "its",
        "jobs",
        "events",
        "heaps",
        "external",
        "internal",
    ];
    for line in metrics.lines() {
        let name = line[..15].trim();
        let defined = is_defined(&help, name);
        let first = name.split(' ').next().expect("a word");
        assert!(defined || others.contains(&first), "{name}\n{help}");
    }
    // Of a traced program, with and without another placement: section by section, up
    // to the first table, in which the names are the columns'.
    let folder = tests::folder(&[("a.trc", pinned())]);
    let text = |arguments: &[&str]| {
        let ran = run_in(folder.path(), "report", arguments, b"");
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    for out in [text(&["a.trc"]), text(&["a.trc", "--against", "a.trc"])] {
        let sections = out
            .split("\n\n")
            .enumerate()
            .take_while(|(index, section)| {
                let second = section.trim_start_matches('\n').lines().nth(1);
                *index == 0 || second.is_some_and(|line| !line.starts_with("  "))
            });
        let lines = sections
            .flat_map(|(index, section)| section.trim().lines().skip(usize::from(index > 0)));
        let names: Vec<&str> = lines.map(|line| line[..15].trim()).collect();
        for name in [
            "program",
            "peak live",
            "could save",
            "also",
            "pinned",
            "LOAD",
            "internal peak",
        ] {
            assert!(names.contains(&name), "{name}\n{out}");
        }
        for name in names {
            let first = name.split(' ').next().unwrap_or_default();
            assert!(
                is_defined(&help, name) || others.contains(&first) || name.is_empty(),
                "{name}\n{help}"
            );
        }
    }
    for name in [
        "above",
        "lowered by",
        "area share",
        "at the peak",
        "size class",
    ] {
        assert!(is_defined(&help, name), "{name}");
    }
}

#[test]
fn text_fits_eighty_columns_at_the_largest_values() {
    let most = i64::MAX as u64;
    let half = most / 2;
    let rows = format!(
        "id,lower,upper,size,requested,heap,offset\n\
         0,0,{most},{half},1,18446744073709551615,0\n1,{half},{most},{half},1,9,{half}\n"
    );
    let folder = folder(&[("a.csv", &rows)]);
    let arguments = ["a.csv", "--svg", "a.svg", "--html", "a.html"];
    let ran = run_in(folder.path(), "report", &arguments, b"");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn what_is_left_out_of_an_input_is_told_unless_quiet() {
    let nodes = r#"{"nodes": {"intervals": [[0,9],[3,3]], "usages": [[8],[8]]}}"#;
    let folder = folder(&[("n.json", nodes)]);
    for (program, arguments) in [
        ("report", &["n.json"][..]),
        ("idealloc", &["n.json", "-o", "n.csv"]),
    ] {
        let ran = run_in(folder.path(), program, arguments, b"");
        let told = format!("{program}: n.json: 1 node with an empty lifetime: left out\n");
        assert_eq!((ran.code, ran.err), (0, told));
        let quiet = [arguments, &["--quiet"]].concat();
        let ran = run_in(folder.path(), program, &quiet, b"");
        assert_eq!((ran.code, &*ran.err, &*ran.out), (0, "", ""));
    }
}
