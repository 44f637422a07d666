//! Every function of the malloc family behaves as without the tracer, and is
//! recorded as what it did.

use common::trace::wire::Call;
use tests::tracing::{Program, same_as_untraced};

#[test]
fn edge_cases_behave_as_untraced_and_leave_a_sound_trace() {
    let program = Program::compile("calls", &[]);
    let run = same_as_untraced(|| program.command());
    assert!(run.output.status.success());
    let trace = run.main();
    // Failed calls and free(NULL) are not there.
    assert_eq!(
        trace.count(|call| matches!(call, Call::Free { pointer: 0, .. })),
        0
    );
    for huge in [1 << 62, u64::MAX] {
        assert_eq!(trace.allocations_of(huge), 0);
    }
    // calloc
    assert_eq!(
        trace.count(|c| matches!(
            c,
            Call::Calloc {
                count: 10,
                element_size: 30,
                ..
            }
        )),
        1
    );
    assert_eq!(
        trace.count(|c| matches!(
            c,
            Call::Calloc {
                count: 0,
                element_size: 30,
                ..
            }
        )),
        1
    );
    // aligned
    let aligned = |c: &Call| matches!(c, Call::AlignedAlloc { alignment: 256, requested: 512, block } if block.pointer % 256 == 0);
    assert_eq!(trace.count(aligned), 1);
    assert_eq!(
        trace.count(|c| matches!(
            c,
            Call::Memalign {
                alignment: 4096,
                requested: 5,
                ..
            }
        )),
        1
    );
    // valloc and pvalloc
    assert_eq!(
        trace.count(|c| matches!(
            c,
            Call::Memalign {
                alignment: 4096,
                requested: 10,
                ..
            }
        )),
        2
    );
    let posix = |c: &Call| matches!(c, Call::PosixMemalign { alignment: 64, requested: 10, slot, .. } if *slot != 0);
    assert_eq!(trace.count(posix), 1);
    assert_eq!(trace.count(|c| matches!(c, Call::PosixMemalign { .. })), 1);
    // realloc: from null, and reallocarray
    assert_eq!(
        trace.count(|c| matches!(
            c,
            Call::Realloc {
                old: 0,
                requested: 50,
                ..
            }
        )),
        1
    );
    assert_eq!(
        trace.count(|c| matches!(
            c,
            Call::Realloc {
                old: 1..,
                requested: 200,
                ..
            }
        )),
        1
    );
    // realloc(p, 0) ended its block, whichever record says so.
    assert!(
        trace.live.len() < 8,
        "{} blocks are live at the end",
        trace.live.len()
    );
}

#[test]
fn the_mapping_base_holds_its_blocks() {
    let program = Program::compile("calls", &[]);
    let trace = same_as_untraced(|| program.command()).main();
    let bases: Vec<(u64, u64, u64)> = trace
        .calls
        .iter()
        .filter_map(|call| match *call {
            Call::Malloc { block, .. } | Call::Realloc { block, .. } => {
                Some((block.mapping_base, block.pointer, block.usable))
            }
            _ => None,
        })
        .collect();
    assert!(
        bases
            .iter()
            .all(|(base, pointer, _)| *base != 0 && base % 4096 == 0 && base < pointer)
    );
    // A mapped chunk starts right before its block.
    assert!(
        bases
            .iter()
            .any(|(base, pointer, usable)| *usable >= 50 << 20 && pointer - base == 16)
    );
    // All small blocks of a single thread lie in one heap.
    let mut small: Vec<u64> = bases
        .iter()
        .filter(|(_, _, usable)| *usable < 1000)
        .map(|(base, ..)| *base)
        .collect();
    small.dedup();
    assert_eq!(small.len(), 1);
}
