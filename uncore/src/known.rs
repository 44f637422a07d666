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
//! One bit for 8 bytes of address space says whether the block that starts there is
//! known: jemalloc, mimalloc and tcmalloc put blocks of 8 bytes that close together. The
//! bits are the leaves of a tree, each of which covers 4 MiB of addresses by 64 KiB, and
//! the kernel wipes them on fork: a child starts with no block known. Leaves are mapped
//! only where blocks are, and touched pages alone take memory (1/64 of the heap at most).
//! None of this is used by a process that is traced from its start, with glibc's allocator.
//! Others may have functions of their own, C++'s operators among them, by which blocks come and
//! go unseen.

use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use hook::sys;

/// Blocks are aligned to this many bytes at least.
const GRANULE: usize = 8;
/// Address bits that a leaf covers: 4 MiB.
const LEAF_BITS: u32 = 22;
/// Bytes of a leaf.
const LEAF_BYTES: usize = (1 << LEAF_BITS) / GRANULE / 8;
/// Address bits that a branch covers: 32 GiB.
const BRANCH_BITS: u32 = 35;
/// User space on both architectures ends below 2^48.
const BRANCHES: usize = 1 << (48 - BRANCH_BITS);
/// Leaves are mapped this many at once, so that they are few mappings.
const LEAVES_AT_ONCE: usize = 16;

type Leaf = [AtomicU64; LEAF_BYTES / 8];
type Branch = [AtomicPtr<Leaf>; 1 << (BRANCH_BITS - LEAF_BITS)];

/// The tree. A forked child has the same one, whose leaves hold nothing.
static ROOT: [AtomicPtr<Branch>; BRANCHES] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; BRANCHES];

/// Leaves that are mapped and not in the tree: the address of the first, which is that of
/// a page, and how many there are in the bits below.
static SPARE: AtomicUsize = AtomicUsize::new(0);
const COUNT: usize = 0xfff;

/// The word and the bit of the block at `address`; `make` makes them where they are not
/// there.
fn bit(address: usize, make: bool) -> Option<(&'static AtomicU64, u64)> {
    #[cfg(target_arch = "aarch64")]
    // The top byte may be a tag.
    let address = address & (usize::MAX >> 8);
    let branch = child(ROOT.get(address >> BRANCH_BITS)?, make, || {
        sys::map(size_of::<Branch>())
    })?;
    let index = (address >> LEAF_BITS) % branch.len();
    let leaf = child(branch.get(index)?, make, map_leaf)?;
    let index = address / GRANULE % (leaf.len() * 64);
    Some((leaf.get(index / 64)?, 1 << (index % 64)))
}

/// What an entry of the tree points to, where there is something; `make` puts there what
/// `map` gives.
fn child<T>(
    entry: &AtomicPtr<T>,
    make: bool,
    map: impl FnOnce() -> Result<usize, i32>,
) -> Option<&'static T> {
    let mut found = entry.load(Ordering::Acquire);
    if found.is_null() && make {
        found = put(entry, map().ok()? as *mut T);
    }
    // SAFETY: null, or a mapping of this size that is never unmapped; it is made of
    // atomics, for which zeros are valid.
    unsafe { found.as_ref() }
}

/// Puts a fresh mapping into an entry, unless somebody else was there first; what is
/// there now.
#[cold]
fn put<T>(entry: &AtomicPtr<T>, made: *mut T) -> *mut T {
    let null = core::ptr::null_mut();
    match entry.compare_exchange(null, made, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => made,
        Err(other) => {
            // SAFETY: nobody saw the mapping.
            unsafe { sys::unmap(made as usize, size_of::<T>()) };
            other
        }
    }
}

/// A leaf of zeros.
#[cold]
fn map_leaf() -> Result<usize, i32> {
    let mut spare = SPARE.load(Ordering::Relaxed);
    while spare & COUNT != 0 {
        let rest = spare + LEAF_BYTES - 1;
        match SPARE.compare_exchange_weak(spare, rest, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(spare & !COUNT),
            Err(now) => spare = now,
        }
    }
    let Ok(first) = sys::map_wiped_on_fork(LEAVES_AT_ONCE * LEAF_BYTES) else {
        return sys::map_wiped_on_fork(LEAF_BYTES);
    };
    let others = first + LEAF_BYTES;
    let rest = others | (LEAVES_AT_ONCE - 1);
    let kept = SPARE.compare_exchange(spare, rest, Ordering::Relaxed, Ordering::Relaxed);
    if kept.is_err() {
        // SAFETY: nobody saw the mapping.
        unsafe { sys::unmap(others, (LEAVES_AT_ONCE - 1) * LEAF_BYTES) };
    }
    Ok(first)
}

/// Notes that the trace knows the block at `address`; says whether it did before, or `None`
/// where that cannot be noted, and the block must stay out of the trace.
pub(crate) fn add(address: usize) -> Option<bool> {
    let (word, bit) = bit(address, true)?;
    Some(word.fetch_or(bit, Ordering::Relaxed) & bit != 0)
}

/// Notes that the block at `address` is gone; says whether it was known.
pub(crate) fn remove(address: usize) -> bool {
    bit(address, false)
        .is_some_and(|(word, bit)| word.fetch_and(!bit, Ordering::Relaxed) & bit != 0)
}
