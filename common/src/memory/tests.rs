//! Hand-worked examples, and an oracle that marks page by page.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::format::Format;
use crate::input::{self, Offsets};
use crate::job::JobId;
use crate::trace::{Block, Call, Note, Writer};

const MIB: u64 = 1 << 20;

fn block(base: u64, address: u64, usable: u64) -> LiveBlock {
    LiveBlock {
        address,
        usable,
        requested: usable,
        base,
    }
}

#[test]
fn mapped_chunks_that_never_coexist_are_not_summed() {
    // malloc(40 MB), free, two hundred times, each in a mapping of its own.
    let mut ledger = Ledger::with_history();
    let base = |index: u64| 0x7f00_0000_0000 + index * 64 * MIB;
    for index in 0..200 {
        let chunk = block(base(index), base(index) + 16, 40 * MIB - 16);
        ledger.born(index, &chunk);
        ledger.died(index + 1, &chunk);
    }
    let memory = ledger.finish(200);
    assert_eq!(memory.peak_held.bytes, 40 * MIB);
    assert_eq!(memory.peak_touched.bytes, 40 * MIB);
    assert_eq!(memory.peak_live.bytes, 40 * MIB - 16);
    assert_eq!(memory.end.held, 0);
    assert_eq!(memory.regions.len(), 200);
    assert_eq!(memory.held_area, 200 * u128::from(40 * MIB));
}

#[test]
fn a_chunk_that_mremap_moves_and_grows_is_held_once() {
    let mut ledger = Ledger::with_history();
    let mut old = None;
    for (time, megabytes) in (0u64..).zip([1u64, 2, 4, 8]) {
        let base = 0x7f00_0000_0000 + time * 64 * MIB;
        let new = block(base, base + 16, megabytes * MIB - 16);
        if let Some(old) = old.replace(new) {
            ledger.died(time, &old);
        }
        ledger.born(time, &new);
    }
    let memory = ledger.finish(5);
    assert_eq!(memory.peak_held.bytes, 8 * MIB);
    assert_eq!(memory.end.held, 8 * MIB);
}

#[test]
fn small_blocks_pin_the_pages_that_large_ones_left() {
    // Page by page a block of 4000 bytes and one of 96; then the large ones go.
    let base = 0x5555_0000_0000;
    let mut ledger = Ledger::default();
    for page in 0..100 {
        ledger.born(2 * page, &block(base, base + page * PAGE, 4000));
        ledger.born(2 * page + 1, &block(base, base + page * PAGE + 4000, 96));
    }
    for page in 0..100 {
        ledger.died(200, &block(base, base + page * PAGE, 4000));
    }
    let memory = ledger.finish(200);
    assert_eq!(memory.peak_live.bytes, 100 * PAGE);
    assert_eq!(memory.peak_held.bytes, 100 * PAGE);
    assert_eq!(
        memory.peak_pinned,
        Peak {
            bytes: 100 * 4000,
            time: 200,
            before_birth: true
        }
    );
}

#[test]
fn a_heap_stays_or_sinks_as_its_notes_say() {
    let base = 0x5555_0000_0000;
    let chunk = block(base, base + 16, 9000);
    let mut ledger = Ledger::with_history();
    ledger.born(0, &chunk);
    assert_eq!(ledger.now().held, 3 * PAGE);
    ledger.told(1, base, base + 33 * PAGE);
    assert_eq!(ledger.now().held, 33 * PAGE);
    ledger.died(2, &chunk);
    // Empty, but not given back.
    assert_eq!(ledger.now().held, 33 * PAGE);
    assert_eq!(ledger.now().touched, 3 * PAGE);
    ledger.told(3, base, base + PAGE);
    assert_eq!((ledger.now().held, ledger.now().touched), (PAGE, PAGE));
    // A trim inside of the heap gives back what no block touches.
    ledger.born(4, &block(base, base + 2 * PAGE, PAGE));
    ledger.told(5, base, base + 3 * PAGE);
    ledger.trimmed(5, [base], [(base + 2 * PAGE, PAGE)].into_iter());
    assert_eq!((ledger.now().held, ledger.now().touched), (3 * PAGE, PAGE));
    let memory = ledger.finish(6);
    assert_eq!(memory.regions.len(), 1);
    assert_eq!(memory.regions[0].end, base + 33 * PAGE);
}

#[test]
fn what_a_heap_had_before_its_first_block_is_told_apart() {
    let base = 0x5555_0000_0000;
    // A program's own heap: its first block, and a top pad.
    let mut own = Ledger::default();
    own.born(0, &block(base, base + 16, 1000));
    own.told(1, base, base + 33 * PAGE);
    assert_eq!(own.finish(1).inherited, 0);
    // A forked child's: ten megabytes of its parent's.
    let mut child = Ledger::default();
    child.born(0, &block(base, base + 16, 1000));
    child.told(1, base, base + 10 * MIB);
    child.told(2, base, base + 20 * MIB);
    assert_eq!(child.finish(2).inherited, 10 * MIB - 34 * PAGE);
    // The same where the child's blocks lie above.
    let mut child = Ledger::default();
    child.born(0, &block(base, base + 10 * MIB + 16, 1000));
    child.told(1, base, base + 10 * MIB + 33 * PAGE);
    assert_eq!(child.finish(2).inherited, 10 * MIB);
}

#[test]
fn a_block_of_no_known_base_holds_its_own_pages() {
    let mut ledger = Ledger::default();
    ledger.born(0, &block(0, 0x7f00_0000_1010, 100));
    ledger.born(1, &block(0, 0x7f00_0000_1800, 0x1000));
    assert_eq!(ledger.now().held, 2 * PAGE);
}

#[test]
fn what_dies_at_one_instant_pins_nothing_in_between() {
    // The large block's region ends with the small one, whichever goes first.
    for order in [[0usize, 1], [1, 0]] {
        let base = 0x5555_0000_0000;
        let blocks = [
            block(base, base, 10 * PAGE),
            block(base, base + 10 * PAGE, PAGE),
        ];
        let mut ledger = Ledger::default();
        blocks.iter().for_each(|block| ledger.born(0, block));
        for index in order {
            ledger.died(5, &blocks[index]);
        }
        assert_eq!(ledger.finish(5).peak_pinned.bytes, 0);
    }
}

#[test]
fn addresses_at_the_end_do_not_overflow() {
    let mut ledger = Ledger::with_history();
    let chunk = block(u64::MAX - 5, u64::MAX - 5, u64::MAX);
    ledger.born(0, &chunk);
    ledger.told(1, u64::MAX, u64::MAX);
    ledger.trimmed(1, [u64::MAX], std::iter::empty());
    ledger.born(2, &block(1, 1, u64::MAX));
    ledger.died(3, &chunk);
    ledger.finish(u64::MAX);
}

/// Heaps of eight pages each lie apart.
const HEAP_PAGES: u64 = 8;
const SPACING: u64 = 16;

fn heap_base(heap: u64) -> u64 {
    (100 + heap * SPACING) * PAGE
}

#[derive(Clone, Debug)]
enum Step {
    Birth { heap: u64, at: u64, size: u64 },
    Death { which: usize },
    End { heap: u64, pages: u64, trim: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u64..3, 0u64..2000, 1u64..9000).prop_map(|(heap, at, size)| Step::Birth {
            heap, at: at * 16, size,
        }),
        3 => any::<usize>().prop_map(|which| Step::Death { which }),
        1 => (0u64..3, 0u64..HEAP_PAGES, any::<bool>())
            .prop_map(|(heap, pages, trim)| Step::End { heap, pages, trim }),
    ]
}

/// Everything page by page, and each heap looked at whole after every step.
#[derive(Default)]
struct Oracle {
    live: Vec<LiveBlock>,
    touched: BTreeSet<u64>,
    highest: [u64; 3],
    told: [bool; 3],
}

impl Oracle {
    fn pages_of(block: &LiveBlock) -> std::ops::Range<u64> {
        block.address / PAGE..(block.address + block.usable - 1) / PAGE + 1
    }

    fn in_heap(&self, heap: u64) -> Vec<LiveBlock> {
        let all = self.live.iter().copied();
        all.filter(|block| block.base == heap_base(heap)).collect()
    }

    fn heap_of(block: &LiveBlock) -> usize {
        ((block.base / PAGE - 100) / SPACING) as usize
    }

    fn drop_pages(&mut self, heap: u64, from: u64) {
        let first = heap_base(heap) / PAGE;
        let gone = first + from..first + SPACING;
        self.touched.retain(|page| !gone.contains(page));
    }

    fn held(&self) -> u64 {
        (0..3).map(|heap| self.highest[heap] * PAGE).sum()
    }
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn memory_is_what_counting_page_by_page_says(
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut ledger = Ledger::with_history();
        let mut oracle = Oracle::default();
        let (mut peak_held, mut peak_pinned) = (0, 0);
        let mut at_each = Vec::new();
        for (time, step) in (0u64..).zip(steps) {
            match step {
                Step::Birth { heap, at, size } => {
                    let base = heap_base(heap);
                    let new = block(base, base + at, size);
                    let end = new.address + new.usable;
                    let fits = end <= base + HEAP_PAGES * PAGE;
                    let free = oracle.live.iter().all(|other| {
                        other.address + other.usable <= new.address || end <= other.address
                    });
                    if fits && free {
                        ledger.born(time, &new);
                        oracle.live.push(new);
                        oracle.touched.extend(Oracle::pages_of(&new));
                        let pages = Oracle::pages_of(&new).end - base / PAGE;
                        let highest = &mut oracle.highest[heap as usize];
                        *highest = (*highest).max(pages);
                    }
                }
                Step::Death { which } if !oracle.live.is_empty() => {
                    let old = oracle.live.swap_remove(which % oracle.live.len());
                    ledger.died(time, &old);
                    let heap = Oracle::heap_of(&old);
                    if oracle.in_heap(heap as u64).is_empty() && !oracle.told[heap] {
                        oracle.highest[heap] = 0;
                        oracle.drop_pages(heap as u64, 0);
                    }
                }
                Step::Death { .. } => {}
                Step::End { heap, pages, trim } => {
                    // An allocator never ends a heap below its blocks.
                    let base = heap_base(heap);
                    let blocks = oracle.in_heap(heap);
                    let least = blocks.iter().map(|block| Oracle::pages_of(block).end - base / PAGE);
                    let pages = pages.max(least.max().unwrap_or(1)).max(1);
                    ledger.told(time, base, base + pages * PAGE);
                    oracle.told[heap as usize] = true;
                    oracle.highest[heap as usize] = pages;
                    oracle.drop_pages(heap, pages);
                    if trim {
                        let live = oracle.live.iter().map(|block| (block.address, block.usable));
                        ledger.trimmed(time, [base], live);
                        let kept: BTreeSet<u64> = blocks.iter().flat_map(Oracle::pages_of).collect();
                        let first = base / PAGE;
                        oracle.touched.retain(|page| {
                            !(first..first + SPACING).contains(page) || kept.contains(page)
                        });
                    }
                }
            }
            let live: u64 = oracle.live.iter().map(|block| block.usable).sum();
            let touched = oracle.touched.len() as u64 * PAGE;
            let now = ledger.now();
            prop_assert_eq!((now.usable, now.held, now.touched), (live, oracle.held(), touched));
            peak_held = peak_held.max(oracle.held());
            peak_pinned = peak_pinned.max(touched - live);
            at_each.push((time, oracle.touched.clone()));
        }
        let end = at_each.len() as u64;
        let memory = ledger.finish(end);
        prop_assert_eq!(memory.peak_held.bytes, peak_held);
        prop_assert_eq!(memory.peak_pinned.bytes, peak_pinned);
        // The history says the same of each instant.
        for (time, pages) in at_each {
            let mut told = BTreeSet::new();
            for touched in memory.touched.iter().filter(|touched| (touched.birth..touched.death).contains(&time)) {
                for page in touched.low / PAGE..touched.high / PAGE {
                    prop_assert!(told.insert(page));
                }
            }
            prop_assert_eq!(told, pages);
        }
    }
}

/// A call of a random trace: what it does, the heap (the last is not known), where in
/// it, and how much.
type Random = (u8, u64, u64, u64);

fn random_call() -> impl Strategy<Value = Random> {
    (0u8..6, 0u64..4, 0u64..2000, 1u64..20_000)
}

fn block_at(heap: u64, at: u64, usable: u64) -> Block {
    let base = heap_base(heap) * 0x1000;
    Block {
        pointer: base + at * 16,
        usable,
        thread: 1,
        mapping_base: if heap == 3 { 0 } else { base },
    }
}

/// A trace that ends by an allocation: of blocks that die when the clock has its last
/// value, jobs do not tell which were freed.
fn trace_of(calls: &[Random]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let mut pointers: Vec<u64> = Vec::new();
    let mut write = |call: Call| writer.write(&call).expect("memory");
    for &(what, heap, at, size) in calls {
        let block = block_at(heap, at, size + 8);
        let any = pointers.get(at as usize % pointers.len().max(1)).copied();
        match (what, any) {
            (0 | 1, Some(pointer)) => write(Call::Free { pointer, thread: 1 }),
            (2, Some(old)) => write(Call::Realloc {
                old,
                requested: size,
                block,
            }),
            _ => write(Call::Malloc {
                requested: size,
                block,
            }),
        }
        pointers.push(block.pointer);
    }
    write(Call::Malloc {
        requested: 1,
        block: block_at(5, 0, 24),
    });
    writer.finish().expect("memory")
}

#[test]
fn every_trim_counts_and_those_of_several_heaps_at_once() {
    let mut writer = Writer::new(Vec::new());
    let page = |heap: u64, index: u64| Block {
        pointer: heap_base(heap) * 0x1000 + index * PAGE,
        usable: PAGE,
        thread: 1,
        mapping_base: heap_base(heap) * 0x1000,
    };
    let told = |heap: u64| Note::Extent {
        base: heap_base(heap) * 0x1000,
        end: heap_base(heap) * 0x1000 + 100 * PAGE,
        given_back: 50 * PAGE,
    };
    for _round in 0..3 {
        for heap in 0..3 {
            for index in 0..50 {
                let block = page(heap, index);
                let requested = PAGE;
                let born = Call::Malloc { requested, block };
                writer.write(&born).expect("memory");
            }
            for index in 0..50 {
                let pointer = page(heap, index).pointer;
                let freed = Call::Free { pointer, thread: 1 };
                writer.write(&freed).expect("memory");
            }
        }
        // One call of malloc_trim, and the same numbers each time.
        for heap in 0..3 {
            writer.write(&told(heap).call(1)).expect("memory");
        }
    }
    let trace = writer.finish().expect("memory");
    let document = input::load(&trace[..], Format::Trc, Offsets::Placement).expect("a trace");
    let memory = document.memory.expect("it is traced");
    assert_eq!(memory.end.touched, 0);
    assert_eq!(memory.end.held, 300 * PAGE);
    assert_eq!(memory.peak_touched.bytes, 150 * PAGE);
}

/// All of it that is one value, and the course.
fn figures(memory: &Memory) -> Memory {
    Memory {
        regions: Vec::new(),
        touched: Vec::new(),
        ..memory.clone()
    }
}

/// Where pages were touched, from when to when.
fn spans(memory: &Memory) -> BTreeSet<(u64, u64, u64)> {
    let ranges = memory.touched.iter();
    let pages = ranges.flat_map(|range| {
        (range.low / PAGE..range.high / PAGE).map(|page| (page, range.birth, range.death))
    });
    pages.collect()
}

fn lives(memory: &Memory) -> BTreeSet<(u64, u64, u64, u64)> {
    let regions = memory.regions.iter();
    let lives = regions.map(|region| (region.base, region.end, region.birth, region.death));
    lives.collect()
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn the_jobs_of_a_trace_say_of_its_memory_what_its_calls_do(
        calls in proptest::collection::vec(random_call(), 0..80),
    ) {
        let bytes = trace_of(&calls);
        let document = input::load(&*bytes, Format::Trc, Offsets::Placement).expect("sound");
        let streamed = document.memory.expect("a trace has addresses");
        let placement = document.placement.expect("all jobs have addresses");
        let of_jobs = of_jobs(document.problem.jobs(), &placement);
        prop_assert_eq!(figures(&of_jobs), figures(&streamed));
        prop_assert_eq!(spans(&of_jobs), spans(&streamed));
        prop_assert_eq!(lives(&of_jobs), lives(&streamed));
    }

    #[test]
    fn the_order_of_jobs_in_a_file_changes_nothing(
        jobs in proptest::collection::vec(
            (0u64..4, 0u64..2000, 1u64..20_000, 0u64..20, 1u64..10), 1..40,
        ),
        keys in proptest::collection::vec(any::<u32>(), 40),
    ) {
        let jobs: Vec<(Job, u64)> = (0u64..).zip(jobs).map(|(id, (heap, at, size, birth, lives))| {
            let block = block_at(heap, at, size);
            let job = Job {
                id: JobId::Number(id),
                birth,
                death: birth + lives,
                size,
                requested: size,
                alignment: 1,
                heap: block.mapping_base,
                extras: None,
            };
            (job, block.pointer - block.mapping_base)
        }).collect();
        let memory = |order: &[usize]| {
            let of = |&index: &usize| jobs[index].clone();
            let (jobs, offsets): (Vec<Job>, Vec<u64>) = order.iter().map(of).unzip();
            of_jobs(&jobs, &Placement { offsets })
        };
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        let one = memory(&order);
        order.sort_by_key(|&index| keys[index]);
        let other = memory(&order);
        prop_assert_eq!(figures(&one), figures(&other));
        prop_assert_eq!(spans(&one), spans(&other));
        prop_assert_eq!(lives(&one), lives(&other));
    }
}

proptest! {
    #![proptest_config(crate::property_tests())]

    #[test]
    fn what_a_device_maps_is_held_and_touched_until_it_is_unmapped(
        steps in proptest::collection::vec((0u64..40, 1u64..20, 0u8..3), 1..60),
    ) {
        let mut ledger = Ledger::with_history();
        let mut pages = BTreeSet::new();
        let (mut most, mut area) = (0, 0);
        let end = steps.len() as u64;
        for (time, (low, length, kind)) in (0u64..).zip(steps) {
            let span = low..low + length;
            let (base, high) = (low * PAGE, (low + length) * PAGE);
            match kind {
                // A block changes nothing of what is there, and ends nothing.
                0 if span.clone().all(|page| pages.contains(&page)) => {
                    ledger.born(time, &block(base, base, high - base));
                    ledger.died(time, &block(base, base, high - base));
                }
                0 | 1 => {
                    ledger.mapped(time, base, high);
                    pages.extend(span);
                }
                _ => {
                    ledger.unmapped(time, base, high);
                    pages.retain(|page| !span.contains(page));
                }
            }
            let bytes = pages.len() as u64 * PAGE;
            prop_assert_eq!((ledger.now().held, ledger.now().touched), (bytes, bytes));
            most = most.max(bytes);
            area += u128::from(bytes);
        }
        let memory = ledger.finish(end);
        prop_assert_eq!((memory.peak_held.bytes, memory.held_area), (most, area));
        let lived = memory.touched.iter().map(|part| {
            u128::from(part.high - part.low) * u128::from(part.death.min(end) - part.birth.min(end))
        });
        prop_assert_eq!(lived.sum::<u128>(), area);
    }
}
