//! Traces, against a reader and a replay that only follow the book.

use common::error::FormatError;
use common::format::Format;
use common::input::{self, Offsets};
use common::job::JobId;
use common::lifetimes::{Account, Clock, Lifetimes, Options, Size};
use common::load::load;
use common::row::{Row, Rows as _};
use common::trace::wire::{Block, Call};
use common::trace::{Reader, TraceError, Writer};

use super::dice::Dice;
use super::reading::Drops;
use super::traced::{End, Story, Told, parse, replay};

/// Any bytes as a trace.
pub fn trace(bytes: &[u8]) {
    let (events, end) = parse(bytes);
    assert_eq!(read(Reader::new(bytes)), (events.clone(), end));
    assert_eq!(read(Reader::new(Drops::new(bytes))), parse(bytes));
    let mut writer = Writer::new(Vec::new());
    for (_, call) in &events {
        writer.write(call).expect("memory takes all");
    }
    let written = writer.finish().expect("memory takes all");
    let (again, _) = parse(&written);
    let calls = |events: &[(u64, Call)]| events.iter().map(|event| event.1).collect::<Vec<_>>();
    assert_eq!(calls(&again), calls(&events));
    lifetimes(bytes);
}

/// Calls over a few addresses, close together, so that most of them meet.
pub fn events(bytes: &[u8]) {
    let mut dice = Dice::new(bytes);
    let mut writer = Writer::new(Vec::new());
    while !dice.is_empty() {
        let call = match dice.below(8) {
            0 => note(&mut dice),
            _ => call(&mut dice),
        };
        writer.write(&call).expect("memory takes all");
    }
    lifetimes(&writer.finish().expect("memory takes all"));
}

fn call(dice: &mut Dice<'_>) -> Call {
    let block = Block {
        pointer: address(dice),
        usable: amount(dice),
        thread: dice.below(70),
        mapping_base: dice.pick(&[0, 0, 16, 0x1000, 0x7f00_0000_0000, u64::MAX]),
    };
    let (requested, alignment) = (
        amount(dice),
        dice.pick(&[0, 1, 8, 16, 24, 64, 4096, 1 << 40]),
    );
    match dice.below(12) {
        0..3 => Call::Malloc { requested, block },
        3..7 => Call::Free {
            pointer: block.pointer,
            thread: block.thread,
        },
        7 => Call::Calloc {
            count: dice.pick(&[0, 1, 3, 1 << 33]),
            element_size: requested,
            block,
        },
        8 => Call::Realloc {
            old: address(dice),
            requested,
            block,
        },
        9 => Call::AlignedAlloc {
            alignment,
            requested,
            block,
        },
        10 => Call::Memalign {
            alignment,
            requested,
            block,
        },
        _ => Call::PosixMemalign {
            slot: 0,
            alignment,
            requested,
            block,
        },
    }
}

/// Notes of every tag, and one that nobody knows, with numbers that mean something and
/// such that mean nothing.
fn note(dice: &mut Dice<'_>) -> Call {
    let tags = [
        *b"process ",
        *b"program ",
        *b"time    ",
        *b"resident",
        *b"extent  ",
        *b"extent  ",
        *b"partial ",
        *b"unknown ",
    ];
    Call::PosixMemalign {
        slot: u64::from_be_bytes(dice.pick(&tags)),
        alignment: dice.pick(&[0, 1, 16, 0x1000, 0x7f00_0000_0000, u64::MAX]),
        requested: address(dice),
        block: Block {
            pointer: 0,
            usable: amount(dice),
            thread: dice.below(70),
            mapping_base: amount(dice),
        },
    }
}

fn address(dice: &mut Dice<'_>) -> u64 {
    let place = dice.below(256);
    match dice.below(8) {
        0..4 => 0x7f00_0000_0000 + 16 * place,
        4 => 0x1000 + 8 * place,
        5 => place,
        6 => place << 52,
        _ => u64::MAX - place,
    }
}

fn amount(dice: &mut Dice<'_>) -> u64 {
    match dice.below(16) {
        0..13 => dice.below(100),
        13 => 1 << dice.below(20),
        14 => dice.below(256) << 16,
        _ => dice.number(),
    }
}

fn read<R: std::io::Read>(mut reader: Reader<R>) -> (Vec<(u64, Call)>, End) {
    let mut events = Vec::new();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => events.push((event.at, event.call)),
            Ok(None) => break,
            Err(TraceError::BadSentinel { at, byte }) => {
                return (events, End::Corrupt { at, byte });
            }
            Err(error) => panic!("memory does not fail: {error}"),
        }
    }
    let end = match reader.cut() {
        None => End::Whole,
        Some(cut) => {
            assert!(cut.present < cut.needed);
            let (at, present) = (cut.at, cut.present);
            End::Cut { at, present }
        }
    };
    (events, end)
}

/// The jobs are those of the replay by the book, on either clock and of either
/// size; and on either clock the same jobs conflict.
fn lifetimes(bytes: &[u8]) {
    let (events, end) = parse(bytes);
    let mut births = Vec::new();
    for clock in [Clock::Bytes, Clock::Events] {
        for size in [Size::Usable, Size::Requested] {
            let options = Options {
                clock,
                size,
                account: Account::History,
            };
            let expected = replay(&events, &end, options);
            assert_eq!(told(bytes, options), expected, "{options:?}");
            if let (Ok(story), Size::Usable) = (expected, size) {
                births.push(story);
            }
        }
    }
    if let [bytes, events] = &births[..] {
        same_conflicts(bytes, events);
    }
    let document = input::load(bytes, Format::Trc, Offsets::Placement);
    if let Ok(document) = document {
        let load = load(document.problem.jobs());
        let memory = document.memory.unwrap_or_default();
        assert_eq!(memory.peak_live.bytes, load.peak);
        assert!(memory.peak_touched.bytes <= memory.peak_held.bytes);
    }
}

fn told(bytes: &[u8], options: Options) -> Result<Story, u64> {
    let mut lifetimes = Lifetimes::with_options(bytes, options);
    let mut jobs = Vec::new();
    loop {
        match lifetimes.next_row() {
            Ok(Some(row)) => jobs.push(told_of(&row)),
            Ok(None) => break,
            Err(error) => return Err(place_of(&error)),
        }
    }
    let summary = *lifetimes.summary();
    assert_eq!(summary.allocations, jobs.len() as u64);
    let never_freed = jobs.len() - summary.never_freed as usize;
    assert!(
        jobs[never_freed..].is_sorted_by_key(|job| &job.id),
        "those never freed come last, by id"
    );
    jobs.sort();
    let mut anomalies: Vec<_> = summary
        .anomalies
        .iter()
        .map(|(kind, count)| (kind, count.count, count.first_at))
        .collect();
    // As the replay has them: by where they were first met.
    anomalies.sort_by_key(|&(kind, _, at)| (at, order_within(kind)));
    Ok(Story {
        jobs,
        threads: summary.threads,
        never_freed: summary.never_freed,
        anomalies,
        unseen: (summary.unseen.births, summary.unseen.ends),
    })
}

/// In what order one record's anomalies are met.
fn order_within(kind: common::lifetimes::Anomaly) -> u8 {
    use common::lifetimes::Anomaly as O;
    match kind {
        O::UnknownFree | O::UnknownRealloc => 0,
        O::AllocatedWhileLive => 1,
        O::UsableBelowRequested => 2,
        O::BelowMapping => 3,
        _ => 4,
    }
}

fn told_of(row: &Row) -> Told {
    let job = &row.job;
    assert_eq!(job.extras, None);
    let common::error::Place::Byte(at) = row.place else {
        panic!("{} is no byte offset", row.place)
    };
    Told {
        id: job.id.clone(),
        birth: job.birth,
        death: job.death,
        size: job.size,
        requested: job.requested,
        alignment: job.alignment,
        heap: job.heap,
        offset: row.offset,
        at,
    }
}

fn place_of(error: &FormatError) -> u64 {
    match error {
        FormatError::Trace(TraceError::BadSentinel { at, .. }) => *at,
        FormatError::Malformed {
            place: common::error::Place::Byte(at),
            ..
        } => *at,
        other => panic!("an error of another kind: {other}"),
    }
}

fn same_conflicts(a: &Story, b: &Story) {
    let number = |job: &Told| match job.id {
        JobId::Number(number) => number,
        JobId::Text(_) => panic!("traces number their jobs"),
    };
    assert!(a.jobs.iter().map(number).eq(b.jobs.iter().map(number)));
    let pairs = |story: &Story| -> Vec<bool> {
        let jobs = &story.jobs[..story.jobs.len().min(40)];
        let conflict = |a: &Told, b: &Told| a.birth < b.death && b.birth < a.death;
        jobs.iter()
            .flat_map(|a| jobs.iter().map(move |b| conflict(a, b)))
            .collect()
    };
    assert_eq!(pairs(a), pairs(b));
}
