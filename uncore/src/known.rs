//! Which blocks the trace knows, where that is not all of them.
//!
//! A forked child inherits its parent's blocks, and a process whose recording is
//! switched on by a signal has blocks from before. The trace of such a process
//! tells of the blocks that it saw being allocated, and of no others: the free of
//! a block that the trace does not know is left out, and the `realloc` of one is
//! the allocation of a new block (a realloc record whose old pointer is null).
//! So every job of the trace has its true lifetime, and a reader meets no unknown
//! pointer. While recording is switched off, blocks that the trace knows still
//! have their end recorded.
//!
//! One bit for 16 bytes of address space says whether the block that starts there
//! is known. The bits lie in regions that the kernel wipes on fork; a child
//! starts with none known, and only touched pages take memory (1/128 of the
//! heap at most). None of this is used by a process that is traced from its start.

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use hook::sys;

/// Address bits that a region covers: 4 GiB.
const REGION_BITS: usize = 32;
/// User space on both architectures ends below 2^48.
const REGIONS: usize = 1 << (48 - REGION_BITS);
/// Blocks are aligned to this many bytes at least.
const GRANULE: usize = 16;
/// Bytes of a region's bits.
const REGION_BYTES: usize = (1 << REGION_BITS) / GRANULE / 8;

static TABLE: [AtomicPtr<AtomicU64>; REGIONS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; REGIONS];

/// The word and the bit of the block at `address`; `make` makes the region.
fn bit(address: usize, make: bool) -> Option<(&'static AtomicU64, u64)> {
    let entry = TABLE.get(address >> REGION_BITS)?;
    let mut region = entry.load(Ordering::Acquire);
    if region.is_null() {
        if !make {
            return None;
        }
        region = make_region(entry)?;
    }
    let index = (address & ((1 << REGION_BITS) - 1)) / GRANULE;
    // SAFETY: the index lies in the region, which is never unmapped.
    let word = unsafe { &*region.add(index / 64) };
    Some((word, 1 << (index % 64)))
}

#[cold]
fn make_region(entry: &AtomicPtr<AtomicU64>) -> Option<*mut AtomicU64> {
    let made = sys::map_wiped_on_fork(REGION_BYTES).ok()? as *mut AtomicU64;
    let null = core::ptr::null_mut();
    match entry.compare_exchange(null, made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(made),
        Err(other) => {
            // SAFETY: nobody saw the mapping.
            unsafe { sys::unmap(made as usize, REGION_BYTES) };
            Some(other)
        }
    }
}

/// Notes that the trace knows the block at `address`; false where that cannot
/// be noted, and the block must stay out of the trace.
pub(crate) fn add(address: usize) -> bool {
    match bit(address, true) {
        Some((word, bit)) => {
            word.fetch_or(bit, Ordering::Relaxed);
            true
        }
        None => false,
    }
}

/// Notes that the block at `address` is gone; says whether it was known.
pub(crate) fn remove(address: usize) -> bool {
    bit(address, false)
        .is_some_and(|(word, bit)| word.fetch_and(!bit, Ordering::Relaxed) & bit != 0)
}
