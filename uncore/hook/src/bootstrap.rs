//! A small static pool for the allocations that the loader makes while the real
//! functions are being looked up. Its blocks are never given back, and are
//! recognised by their address in `free`, `realloc` and `malloc_usable_size`.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

const POOL: usize = 64 << 10;
/// Bytes before each block that hold its size; also the least alignment.
const HEADER: usize = 16;

#[repr(C, align(64))]
struct Pool(UnsafeCell<[u8; POOL]>);

// SAFETY: bytes are handed out once each, by an atomic counter.
unsafe impl Sync for Pool {}

static POOL_BYTES: Pool = Pool(UnsafeCell::new([0; POOL]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// Whether `pointer` is a block of the pool.
#[inline(always)]
pub fn owns(pointer: *const c_void) -> bool {
    (pointer as usize).wrapping_sub(POOL_BYTES.0.get() as usize) < POOL
}

/// A zeroed block, or null where the pool is used up.
pub fn allocate(size: usize, alignment: usize) -> *mut c_void {
    let alignment = alignment.max(HEADER);
    let start = POOL_BYTES.0.get() as usize;
    let mut used = USED.load(Ordering::Relaxed);
    loop {
        let Some(block) = start
            .checked_add(used)
            .and_then(|free| free.checked_add(HEADER))
            .and_then(|least| least.checked_next_multiple_of(alignment))
        else {
            return core::ptr::null_mut();
        };
        let offset = block.wrapping_sub(start);
        let Some(end) = offset.checked_add(size).filter(|end| *end <= POOL) else {
            return core::ptr::null_mut();
        };
        match USED.compare_exchange_weak(used, end, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                let block = POOL_BYTES.0.get().cast::<u8>().wrapping_add(offset);
                // SAFETY: `used + HEADER <= offset`, and `used..end` is ours alone.
                unsafe { block.sub(HEADER).cast::<usize>().write_unaligned(size) };
                return block.cast();
            }
            Err(now) => used = now,
        }
    }
}

/// The size of a block of the pool.
///
/// # Safety
/// `pointer` came from [`allocate`].
pub unsafe fn size(pointer: *const c_void) -> usize {
    // SAFETY: the size was stored there.
    unsafe {
        pointer
            .cast::<u8>()
            .sub(HEADER)
            .cast::<usize>()
            .read_unaligned()
    }
}
