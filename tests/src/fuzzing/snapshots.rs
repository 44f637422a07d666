//! Pickles: whatever stands in one, a snapshot is read or refused, and its jobs are the
//! memory that it tells of.

use common::format::Format;
use common::input::{self, Offsets, Reading};
use common::load::load;
use common::row::Row;

use super::reading::table_however_read;
use super::tables::{load_each_way, write_plc};
use crate::snapshots::{event, pickle, segment, snapshot};

/// Any bytes as a pickled snapshot.
pub fn pytorch(bytes: &[u8]) {
    for device in [None, Some(0), Some(1)] {
        let reading = Reading {
            device,
            ..Reading::default()
        };
        if let Ok((rows, layout)) = table_however_read(bytes, Format::Pytorch, &reading) {
            assert_eq!(layout, None);
            sound(&rows);
        }
    }
    load_each_way(bytes, Format::Pytorch);
    let Ok(document) = input::load(bytes, Format::Pytorch, Offsets::Placement) else {
        return;
    };
    let memory = document.memory.expect("account was asked for");
    let peak = load(document.problem.jobs()).peak;
    assert_eq!(memory.peak_live.bytes, peak);
    assert!(memory.peak_held.bytes <= memory.peak_touched.bytes);
    assert!(document.problem.is_empty() || document.placement.is_some());
}

/// Rows are numbered, in multiples of 512 bytes, and can be said in a `.plc`.
fn sound(rows: &[Row]) {
    for (number, row) in (0u64..).zip(rows) {
        let job = &row.job;
        assert_eq!(job.id, number.into());
        assert!(job.birth < job.death);
        assert!(job.size.is_multiple_of(512) && job.requested <= job.size);
        assert!(row.offset.is_some());
    }
    assert_eq!(write_plc(rows).len(), 64 * rows.len());
}

/// Snapshots with all that one has: segments of both kinds, blocks from before, two devices.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    const BASE: i64 = 0x7f00_0000_0000;
    const MIB: i64 = 1 << 20;
    let events = vec![
        event("segment_alloc", BASE, 2 * MIB),
        event("alloc", BASE, 1000),
        event("alloc", BASE + 1024, 512),
        event("free_requested", BASE, 1000),
        event("free_completed", BASE, 1000),
        event("free_completed", BASE + 64 * MIB, 4096),
        event("segment_map", BASE + 128 * MIB, 20 * MIB),
        event("alloc", BASE + 128 * MIB, 15 * MIB),
        event("oom", 0, 5),
        event("segment_unmap", BASE + 144 * MIB, 4 * MIB),
        event("segment_free", BASE + 64 * MIB, 2 * MIB),
        event("snapshot", 0, 0),
    ];
    let blocks = [
        (BASE, 1024, 0, "inactive"),
        (BASE + 1024, 512, 512, "active_allocated"),
        (BASE + 2048, 512, 7, "active_pending_free"),
    ];
    let segments = vec![
        segment(BASE, 2 * MIB, &blocks),
        segment(BASE + 128 * MIB, 16 * MIB, &[]),
    ];
    let small = snapshot(
        vec![],
        vec![
            vec![],
            vec![event("alloc", 512, 1), event("free_completed", 512, 1)],
        ],
    );
    let one = snapshot(segments, vec![events.clone(), vec![]]);
    let two = snapshot(vec![], vec![events[..4].to_vec(), events]);
    vec![
        pickle(&one, 4),
        pickle(&one, 2),
        pickle(&small, 4),
        pickle(&two, 2),
        b"(dp0\nS'device_traces'\np1\n(lp2\n(lp3\n(dp4\nS'action'\nS'alloc'\nsVaddr\nI512\ns\
          Vsize\nL7L\nsaas."
            .to_vec(),
    ]
}
