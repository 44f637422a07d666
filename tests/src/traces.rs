//! Small traces, call by call.

use common::trace::{Block, Call, Writer};

/// The bytes of a trace of these calls.
pub fn of(calls: impl IntoIterator<Item = Call>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for call in calls {
        writer.write(&call).expect("memory");
    }
    writer.finish().expect("memory")
}

/// A block of thread 1, in the mapping at 0x1000.
pub fn block(pointer: u64, usable: u64) -> Block {
    Block {
        pointer,
        usable,
        thread: 1,
        mapping_base: 0x1000,
    }
}

/// A malloc of a [`block`], which has 24 bytes at least, as glibc's have.
pub fn malloc(requested: u64, pointer: u64) -> Call {
    Call::Malloc {
        requested,
        block: block(pointer, requested.max(24)),
    }
}

/// A free by thread 1.
pub fn free(pointer: u64) -> Call {
    Call::Free { pointer, thread: 1 }
}
