//! Snapshots of PyTorch's caching allocator.

use std::fs;
use std::process::Command;

use common::check;
use common::format::Format;
use common::input::{self, Document, Offsets};
use common::load::load;
use proptest::prelude::*;
use tests::snapshots::{Data, event, pickle, segment, snapshot};
use tests::{Ran, has, run_in};

const MIB: i64 = 1 << 20;
const BASE: i64 = 0x7f00_0000_0000;

fn read(pickle: &[u8]) -> Result<Document, String> {
    input::load(pickle, Format::Pytorch, Offsets::Placement).map_err(|error| error.to_string())
}

fn refusal(pickle: &[u8]) -> String {
    read(pickle).expect_err("it is no sound snapshot")
}

/// Birth, death, size, bytes asked for, and address of each job.
fn jobs(document: &Document) -> Vec<(u64, u64, u64, u64, u64)> {
    let offsets = &document.placement.as_ref().expect("placed").offsets;
    let jobs = document.problem.jobs().iter().zip(offsets);
    jobs.map(|(job, offset)| {
        (
            job.birth,
            job.death,
            job.size,
            job.requested,
            job.heap + offset,
        )
    })
    .collect()
}

fn adapt(files: &[(&str, &[u8])], arguments: &[&str]) -> Ran {
    let folder = tests::folder(files);
    run_in(folder.path(), "adapt", arguments, b"")
}

#[test]
fn a_block_lives_from_its_allocation_to_the_completed_free() {
    let events = vec![
        event("segment_alloc", BASE, 2 * MIB),
        event("alloc", BASE, 1000),
        event("alloc", BASE + 1024, 512),
        event("free_requested", BASE, 1000),
        event("oom", 0, 5),
        event("free_completed", BASE, 1000),
    ];
    let blocks = [(BASE + 1024, 512, 512, "active_allocated")];
    let told = snapshot(vec![segment(BASE, 2 * MIB, &blocks)], vec![events]);
    let document = read(&pickle(&told, 4)).expect("sound");
    let base = BASE as u64;
    assert_eq!(
        jobs(&document),
        [(2, 6, 1024, 1000, base), (3, 7, 512, 512, base + 1024)]
    );
    let job = &document.problem.jobs()[0];
    assert_eq!((job.heap, job.alignment), (base, 512));
    let memory = document.memory.expect("account is kept");
    assert_eq!(memory.peak_held.bytes, 2 << 20);
    assert_eq!((memory.peak_held.time, memory.peak_live.bytes), (1, 1536));
    assert!(
        document.notes[0].contains("allocated 1536 bytes"),
        "{:?}",
        document.notes
    );
}

#[test]
fn blocks_and_segments_that_no_event_begins_were_there_from_the_start() {
    let events = vec![
        event("free_completed", BASE, 4096),
        event("segment_free", BASE, 2 * MIB),
        event("alloc", BASE + 4 * MIB + 512, 1),
    ];
    let blocks = [
        (BASE + 4 * MIB, 512, 40, "active_allocated"),
        (BASE + 4 * MIB + 512, 512, 1, "active_allocated"),
        (BASE + 4 * MIB + 1024, 512, 9, "inactive"),
        (BASE + 4 * MIB + 2048, 1024, 600, "active_awaiting_free"),
    ];
    let told = snapshot(
        vec![segment(BASE + 4 * MIB, 2 * MIB, &blocks)],
        vec![events],
    );
    let document = read(&pickle(&told, 2)).expect("sound");
    let base = BASE as u64;
    let there = base + (4 << 20);
    assert_eq!(
        jobs(&document),
        [
            (0, 1, 4096, 4096, base),
            (0, 4, 512, 40, there),
            (0, 4, 1024, 600, there + 2048),
            (3, 4, 512, 1, there + 512),
        ]
    );
    let memory = document.memory.expect("account is kept");
    assert_eq!(
        (memory.peak_held.bytes, memory.inherited),
        (4 << 20, 4 << 20)
    );
    assert_eq!(memory.end.held, 2 << 20);
}

#[test]
fn parts_of_an_expandable_segment_come_and_go() {
    let events = vec![
        event("segment_map", BASE, 20 * MIB),
        event("segment_map", BASE + 20 * MIB, 20 * MIB),
        event("alloc", BASE + 10 * MIB, 20 * MIB),
        event("free_completed", BASE + 10 * MIB, 20 * MIB),
        event("segment_unmap", BASE + 2 * MIB, 30 * MIB),
        event("segment_map", BASE + 2 * MIB, 2 * MIB),
    ];
    let document = read(&pickle(&snapshot(vec![], vec![events]), 4)).expect("sound");
    let memory = document.memory.expect("account is kept");
    assert_eq!(memory.peak_held.bytes, 40 << 20);
    assert_eq!(memory.end.held, 12 << 20);
    assert_eq!(document.problem.jobs()[0].heap, BASE as u64);
}

#[test]
fn what_is_odd_is_counted_and_changes_nothing_else() {
    let events = vec![
        event("alloc", BASE, 512),
        event("alloc", BASE, 1024),
        event("free_completed", BASE, 1024),
        event("free_completed", BASE, 1024),
        event("a new action", BASE, 1),
    ];
    let document = read(&pickle(&snapshot(vec![], vec![events]), 4)).expect("sound");
    let base = BASE as u64;
    assert_eq!(
        jobs(&document),
        [(1, 2, 512, 512, base), (2, 3, 1024, 1024, base)]
    );
    for told in [
        "1 block allocated where one was live",
        "1 block freed, or in use at the end, without an allocation since its last free",
        "1 event of a kind that is not known",
        "2 blocks in no segment that is told",
    ] {
        assert!(
            document.notes.iter().any(|note| note.contains(told)),
            "{told}: {:?}",
            document.notes
        );
    }
}

#[test]
fn of_several_devices_with_events_one_is_chosen() {
    let one = |address| vec![event("alloc", address, 1)];
    let both = pickle(&snapshot(vec![], vec![one(512), vec![], one(1024)]), 4);
    let file: (&str, &[u8]) = ("s.pickle", &both);
    let ran = adapt(&[file], &["s.pickle", "s.plc"]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("0, 2: choose one with --device of adapt"),
        "{}",
        ran.err
    );
    let ran = adapt(&[file], &["s.pickle", "s.plc", "--device", "1"]);
    assert!(
        ran.err.contains("device 1 has no events; these have: 0, 2"),
        "{}",
        ran.err
    );
    let ran = adapt(
        &[file],
        &["s.pickle", "-", "--to", "csv", "--device", "2", "--offsets"],
    );
    assert!(ran.out.ends_with("0,1,2,512,512,0,1,1024\n"), "{}", ran.out);
    let folder = tests::folder(&[file]);
    let ran = run_in(folder.path(), "report", &["s.pickle", "--device", "2"], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("device 2: 1 event; "), "{}", ran.err);
    let ran = run_in(folder.path(), "report", &["s.pickle"], b"");
    assert_eq!(ran.code, 2, "{}", ran.out);
    let none = pickle(&snapshot(vec![], vec![vec![], vec![]]), 4);
    assert!(refusal(&none).contains("_record_memory_history()"));
}

#[test]
fn nothing_that_a_pickle_names_or_calls_is_run() {
    for (opcodes, name) in [
        (&b"cos\nsystem\n(S'true'\ntR."[..], "byte 2: GLOBAL"),
        (b"\x8c\x02os\x8c\x06system\x93.", "byte 14: STACK_GLOBAL"),
        (b"K\x01)R.", "byte 5: REDUCE"),
        (b"K\x01}b.", "byte 5: BUILD"),
        (b"(ios\nsystem\n.", "byte 3: INST"),
        (b"(K\x01o.", "byte 5: OBJ"),
        (b"K\x01)\x81.", "byte 5: NEWOBJ"),
        (b"K\x01)}\x92.", "byte 6: NEWOBJ_EX"),
        (b"\x82\x01.", "byte 2: EXT1"),
        (b"P1\n.", "byte 2: PERSID"),
        (b"K\x01Q.", "byte 4: BINPERSID"),
        (b"\x97.", "byte 2: NEXT_BUFFER"),
    ] {
        let pickle = [&b"\x80\x04"[..], opcodes].concat();
        let error = refusal(&pickle);
        assert!(error.starts_with(name), "{error}");
        assert!(error.contains("is run"), "{error}");
    }
}

#[test]
fn what_is_wrong_with_a_pickle_is_told_with_its_byte() {
    for (opcodes, expected) in [
        (&b"."[..], "byte 2: STOP finds nothing on the stack"),
        (b"]", "byte 3: the pickle ends before its STOP"),
        (
            b"X\xff\xff\xff\xffab",
            "byte 9: the pickle ends before its STOP",
        ),
        (b"K\x01K\x02a.", "byte 6: APPEND to what is no list"),
        (
            b"](K\x01K\x02u.",
            "byte 8: SETITEMS of what is no dictionary",
        ),
        (b"}(K\x01u.", "byte 6: SETITEMS of a key without a value"),
        (b"]e.", "byte 3: APPENDS finds no mark"),
        (b"h\x07.", "byte 2: nothing is in place 7 of the memo"),
        (
            b"]r\xff\xff\xff\x7f.",
            "byte 3: place 2147483647 of the memo is filled before place 0",
        ),
        (b"\xff.", "byte 2: 0xff is no opcode"),
        (b"\x80\x06.", "byte 2: protocol 6"),
        (b"N.", "byte 0: no list \"device_traces\""),
    ] {
        let error = refusal(&[&b"\x80\x04"[..], opcodes].concat());
        assert!(error.starts_with(expected), "{error} is not {expected}");
    }
    let unsound = |event: Data| refusal(&pickle(&snapshot(vec![], vec![vec![event]]), 4));
    assert_eq!(
        unsound(event("alloc", BASE, i64::MAX)),
        "entry 0: of the trace of device 0: it ends beyond 2^63 - 1"
    );
    assert!(unsound(event("alloc", -4, 8)).ends_with("it has no address"));
    assert!(unsound(event("segment_alloc", 0, 0)).ends_with("it has a size of 0"));
    let other = Data::Dictionary(vec![("name", Data::Text("step"))]);
    let mixed = vec![event("alloc", BASE, 1), other, Data::None];
    assert!(
        refusal(&pickle(&snapshot(vec![], vec![mixed]), 4))
            .ends_with("2 items of the list without a field of an event")
    );
    let overlap = vec![segment(BASE, 4096, &[]), segment(BASE + 512, 4096, &[])];
    let told = snapshot(overlap, vec![vec![event("oom", 0, 0)]]);
    assert!(refusal(&pickle(&told, 4)).contains("overlaps another"));
}

#[test]
fn hostile_pickles_take_no_more_than_they_are_long() {
    // Lists in lists in lists: nothing is walked through.
    let deep = [
        &b"\x80\x04"[..],
        &b"]".repeat(1_000_000),
        &b"a".repeat(999_999),
        b".",
    ]
    .concat();
    assert!(refusal(&deep).contains("device_traces"));
    // A list of itself ten times, and so on: ten to the power of twenty thousand paths.
    let mut shared = b"\x80\x04]\x94".to_vec();
    for place in 0..20_000u32 {
        shared.extend(b"](");
        for _ in 0..10 {
            shared.push(b'j');
            shared.extend(place.to_le_bytes());
        }
        shared.extend(b"e\x94");
    }
    shared.push(b'.');
    assert!(refusal(&shared).contains("device_traces"));
    // One list of blocks for many segments.
    let mut told =
        b"\x80\x04}\x8c\x0ddevice_traces]]}\x8c\x06action\x8c\x03oomsaas\x8c\x08segments]("
            .to_vec();
    told.extend(b"}\x8c\x06blocks](}\x8c\x04sizeK\x01s}\x8c\x04sizeK\x01se\x94s");
    told.extend(b"\x8c\x07addressK\x01s\x8c\x0atotal_sizeK\x09s");
    told.extend(b"}\x8c\x06blocksh\x00s\x8c\x07addressK\x20s\x8c\x0atotal_sizeK\x09ses.");
    assert!(
        refusal(&told).contains("its list of blocks is another's too"),
        "{}",
        refusal(&told)
    );
}

/// What a segment's quarter holds: the event that allocated its block.
type Quarters = [Option<usize>; 4];

/// A history of eight segments and the blocks in their quarters, as events, and each block's
/// life in it.
#[derive(Debug, Default)]
struct History {
    events: Vec<(&'static str, i64, i64)>,
    segments: [Option<Quarters>; 8],
    blocks: Vec<(usize, Option<usize>, i64, i64)>,
    /// Bytes reserved after each event.
    reserved: Vec<i64>,
}

impl History {
    fn step(&mut self, (slot, quarter, size): (usize, usize, i64)) {
        let base = BASE + slot as i64 * 4 * MIB;
        let address = base + quarter as i64 * MIB / 2;
        let now = self.events.len();
        let event = match &mut self.segments[slot] {
            empty @ None => {
                *empty = Some([None; 4]);
                ("segment_alloc", base, 2 * MIB)
            }
            Some(quarters) => match quarters[quarter] {
                Some(block) => {
                    quarters[quarter] = None;
                    self.blocks[block].1 = Some(now);
                    ("free_completed", address, self.blocks[block].3)
                }
                None if size % 5 == 0 && *quarters == [None; 4] => {
                    self.segments[slot] = None;
                    ("segment_free", base, 2 * MIB)
                }
                None => {
                    quarters[quarter] = Some(self.blocks.len());
                    self.blocks.push((now, None, address, size));
                    ("alloc", address, size)
                }
            },
        };
        self.events.push(event);
        let segments = self.segments.iter().flatten().count() as i64;
        self.reserved.push(segments * 2 * MIB);
    }

    /// The snapshot of a ring that kept the events from `first` on.
    fn snapshot(&self, first: usize) -> Data {
        let told = |(slot, quarters): (i64, &Quarters)| {
            let base = BASE + slot * 4 * MIB;
            let blocks: Vec<_> = quarters
                .iter()
                .zip(0..)
                .filter_map(|(block, quarter)| {
                    let (_, _, address, size) = self.blocks[(*block)?];
                    assert_eq!(address, base + quarter * MIB / 2);
                    Some((address, (size + 511) / 512 * 512, size, "active_allocated"))
                })
                .collect();
            segment(base, 2 * MIB, &blocks)
        };
        let segments = (0..).zip(&self.segments);
        let segments =
            segments.filter_map(|(slot, quarters)| Some(told((slot, quarters.as_ref()?))));
        let events = self.events[first..].iter();
        let events = events.map(|&(action, address, size)| event(action, address, size));
        snapshot(segments.collect(), vec![events.collect()])
    }
}

proptest! {
    #[test]
    fn the_jobs_of_a_ring_are_the_blocks_that_lived_in_its_time(
        steps in proptest::collection::vec((0usize..8, 0usize..4, 1i64..500_000), 1..120),
        first in any::<prop::sample::Index>(),
        protocol in prop::sample::select(vec![2u8, 4]),
    ) {
        let mut history = History::default();
        steps.into_iter().for_each(|step| history.step(step));
        let first = first.index(history.events.len());
        let end = (history.events.len() - first + 1) as u64;
        let time = |event: usize| event.checked_sub(first).map_or(0, |event| event as u64 + 1);
        let mut expected: Vec<_> = history
            .blocks
            .iter()
            .filter(|(_, death, ..)| death.is_none_or(|death| death >= first))
            .map(|&(birth, death, address, size)| {
                let size = size as u64;
                (time(birth), death.map_or(end, time), size.next_multiple_of(512), size, address as u64)
            })
            .collect();
        let document = read(&pickle(&history.snapshot(first), protocol)).expect("sound");
        let mut found = if document.problem.is_empty() { Vec::new() } else { jobs(&document) };
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
        let before = first.checked_sub(1).map_or(0, |event| history.reserved[event]);
        let most = history.reserved[first..].iter().copied().fold(before, i64::max);
        let memory = document.memory.as_ref().expect("account is kept");
        prop_assert_eq!(memory.peak_held.bytes, most as u64);
        prop_assert_eq!(memory.inherited, before as u64);
        prop_assert_eq!(memory.peak_live.bytes, load(document.problem.jobs()).peak);
        if let Some(placement) = &document.placement {
            prop_assert_eq!(check::verify(&document.problem, placement, 0), Ok(()));
        }
    }
}

#[test]
fn the_sample_is_what_its_simulation_says() {
    let sample = tests::workspace().join("tests/samples/snapshot.pickle");
    let document = read(&fs::read(sample).expect("a sample")).expect("sound");
    let placement = document.placement.as_ref().expect("placed");
    assert_eq!(check::verify(&document.problem, placement, 0), Ok(()));
    let memory = document.memory.expect("account is kept");
    assert_eq!(memory.peak_held.bytes, 119_537_664);
    assert_eq!(memory.peak_live.bytes, 82_105_856);
}

#[test]
fn a_pickle_of_any_protocol_gives_the_same_jobs() {
    if !has("python3") {
        eprintln!("SKIPPED: no python3");
        return;
    }
    let script = tests::workspace().join("tests/samples/snapshot.py");
    let folder = tests::folder(&[] as &[(&str, &[u8])]);
    let mut all = Vec::new();
    for protocol in ["0", "1", "2", "3", "4", "5"] {
        let written = Command::new("python3")
            .arg(&script)
            .args([
                "s.pickle",
                "--steps",
                "2",
                "--expandable",
                "--protocol",
                protocol,
            ])
            .current_dir(folder.path())
            .output()
            .expect("python3 runs");
        assert!(written.status.success(), "{written:?}");
        let told: serde_json::Value = serde_json::from_slice(&written.stdout).expect("JSON");
        let pickle = fs::read(folder.path().join("s.pickle")).expect("a pickle");
        let document = read(&pickle).expect("sound");
        let memory = document.memory.as_ref().expect("account is kept");
        assert_eq!(told[0]["reserved"], memory.peak_held.bytes);
        assert_eq!(told[0]["allocated"], memory.peak_live.bytes);
        assert_eq!(told[0]["blocks"], document.problem.len());
        all.push(jobs(&document));
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_report_of_a_snapshot_tells_what_is_reserved_and_what_could_be_saved() {
    let sample = tests::workspace().join("tests/samples/snapshot.pickle");
    let sample = sample.display().to_string();
    let folder = tests::folder(&[] as &[(&str, &[u8])]);
    let ran = run_in(folder.path(), "report", &[&sample], b"");
    assert_eq!(ran.code, 0, "{}", ran.err);
    for told in [
        "peak live      78.3 MiB",
        "peak held      114 MiB",
        "by a better",
    ] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
    assert!(
        ran.err.contains("31.3 % of what was reserved is waste"),
        "{}",
        ran.err
    );
}
