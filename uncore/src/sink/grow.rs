//! Growing the file, by blocks that really exist and pages that are ready to be
//! written, and dropping the pages that lie far behind.

use core::cell::UnsafeCell;
use core::sync::atomic::Ordering;

use super::{INHERITED_USED, Output, descriptor};
use crate::config;
use crate::state::State;
use crate::sys;

/// First growth of the file, bytes.
const FIRST_STEP: u64 = 64 << 10;
/// Largest growth of the file at once, bytes.
const LAST_STEP: u64 = 32 << 20;
/// First growth after the file was cut, bytes.
const LATE_STEP: u64 = 4 << 10;
/// Pages of the file are made ready to be written in portions, which grow to
/// this many bytes.
const LAST_PORTION: u64 = 1 << 20;
/// Pages that lie this far behind are dropped from the process's memory (they
/// stay in the kernel's cache), so that a trace does not count as memory used.
const KEPT: u64 = 64 << 20;

/// With the lock held: makes at least `needed` bytes of the output writable.
pub(super) fn grow(state: &State, needed: u64) -> Result<(), i32> {
    let output = &state.output;
    let path = config::output_path_unlocked();
    let late = output.late.load(Ordering::Relaxed) != 0;
    let mut length = output.length.load(Ordering::Relaxed);
    if needed > length {
        let step = if late {
            LATE_STEP
        } else {
            length.clamp(FIRST_STEP, LAST_STEP)
        };
        length = extend(output, needed, step, path)?;
    }
    let old_limit = state.limit.load(Ordering::Relaxed);
    let mut limit = length;
    if !late {
        let portion = old_limit.clamp(FIRST_STEP, LAST_PORTION);
        limit = length.min((needed / portion + 1) * portion);
        let base = state.base.load(Ordering::Relaxed);
        prepare(descriptor(output, path).ok(), base, old_limit, limit);
        drop_old_pages(output, base, old_limit);
    }
    state.limit.store(limit, Ordering::Release);
    INHERITED_USED.store(limit, Ordering::Relaxed);
    Ok(())
}

/// Makes the file longer, by `step` where possible, but at least to `needed`
/// bytes. Returns its new length.
fn extend(output: &Output, needed: u64, step: u64, path: *const u8) -> Result<u64, i32> {
    let length = output.length.load(Ordering::Relaxed);
    let allowed = sys::limit(libc::RLIMIT_FSIZE);
    let mapped = output.mapped.load(Ordering::Relaxed);
    if needed > allowed {
        return Err(libc::EFBIG);
    }
    if needed > mapped {
        return Err(libc::ENOMEM);
    }
    let fd = descriptor(output, path)?;
    let mut wanted = length
        .max(needed)
        .saturating_add(step)
        .min(allowed)
        .min(mapped);
    loop {
        match make_blocks(fd, length, wanted - length) {
            Ok(()) => break,
            Err(error) => {
                // A part may have been added.
                let _ = sys::truncate(fd, length);
                if wanted == needed {
                    return Err(error);
                }
                // Half of what was wanted beyond the need.
                wanted = needed + (wanted - needed) / 2;
            }
        }
    }
    output.length.store(wanted, Ordering::Relaxed);
    Ok(wanted)
}

fn make_blocks(fd: i32, at: u64, length: u64) -> Result<(), i32> {
    match sys::allocate(fd, at, length) {
        Err(libc::EOPNOTSUPP | libc::ENOSYS) => write_zeros(fd, at, length),
        result => result,
    }
}

/// Zeros to write; memory that can be written, so that it takes no room in the
/// library's file.
struct Zeros(UnsafeCell<[u8; 64 << 10]>);

// SAFETY: never written.
unsafe impl Sync for Zeros {}

static ZEROS: Zeros = Zeros(UnsafeCell::new([0; 64 << 10]));

/// Writes zeros to bytes of the file that hold nothing yet.
fn write_zeros(fd: i32, at: u64, length: u64) -> Result<(), i32> {
    // SAFETY: never written.
    let zeros: &[u8] = unsafe { &*ZEROS.0.get() };
    let mut done = 0;
    while done < length {
        match sys::write_repeatedly_at(fd, zeros, length - done, at + done) {
            Ok(0) => return Err(libc::ENOSPC),
            Ok(written) => done += written as u64,
            Err(libc::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes pages ready for stores. Zeros written here are large folios in the page
/// cache, of which one fault maps many pages; a store into fallocated blocks
/// would fault page by page, at two to three times the cost. Where the write
/// fails, the kernel is asked to do the faults at once, or else they just come.
fn prepare(fd: Option<i32>, base: u64, from: u64, to: u64) {
    if fd.is_some_and(|fd| write_zeros(fd, from, to - from).is_ok()) {
        return;
    }
    let first = (base + from) & !4095;
    let length = (base + to - first) as usize;
    // SAFETY: populating changes no contents.
    let _ = unsafe { sys::advise(first as usize, length, libc::MADV_POPULATE_WRITE) };
}

fn drop_old_pages(output: &Output, base: u64, used: u64) {
    let dropped = output.dropped.load(Ordering::Relaxed);
    let end = used.saturating_sub(KEPT) & !(LAST_STEP - 1);
    if end > dropped {
        // SAFETY: the pages are the file's; dropping them from the mapping
        // loses nothing, and a late store brings its page back.
        let advised = unsafe {
            sys::advise(
                (base + dropped) as usize,
                (end - dropped) as usize,
                libc::MADV_DONTNEED,
            )
        };
        if advised.is_ok() {
            output.dropped.store(end, Ordering::Relaxed);
        }
    }
}
