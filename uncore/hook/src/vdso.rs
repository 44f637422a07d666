//! The clock that the kernel gives each process as code (`vdso(7)`), read without a system call
//! and without libc, whose function of this purpose the program may have replaced by its own.

use core::ffi::{CStr, c_int, c_void};
use core::mem::transmute;
use core::ptr::{null, null_mut};
use core::slice::from_raw_parts;
use core::sync::atomic::{AtomicPtr, Ordering};

const CLOCK_GETTIME: &CStr = if cfg!(target_arch = "x86_64") {
    c"__vdso_clock_gettime"
} else {
    c"__kernel_clock_gettime"
};

/// The function; null while it was not looked for, and where there is none.
static FOUND: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Reads a clock, as `clock_gettime(2)` does; by libc where the kernel gives no code.
pub(crate) fn clock_gettime(which: libc::clockid_t, time: &mut libc::timespec) {
    type Function = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;
    let mut found = FOUND.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: a look-up in the auxiliary vector, which names what the kernel has mapped.
        found = unsafe { look_up(libc::getauxval(libc::AT_SYSINFO_EHDR) as *const u8) };
        FOUND.store(found, Ordering::Relaxed);
    }
    // SAFETY: it is null or that function.
    let function: Option<Function> = unsafe { transmute(found) };
    // SAFETY: `time` is writable.
    let _ = unsafe { function.unwrap_or(libc::clock_gettime)(which, time) };
}

/// Looks the function up in the symbol table of the object at `image`.
///
/// # Safety
/// It is null, or an object that is mapped from there on.
unsafe fn look_up(image: *const u8) -> *mut c_void {
    if image.is_null() {
        return null_mut();
    }
    // SAFETY: the kernel's object is sound; its addresses are relative to where it lies.
    unsafe {
        let header = &*image.cast::<libc::Elf64_Ehdr>();
        let segments = image.add(header.e_phoff as usize);
        let segments = from_raw_parts(segments.cast::<libc::Elf64_Phdr>(), header.e_phnum.into());
        let of = |kind| segments.iter().find(|segment| segment.p_type == kind);
        let (Some(load), Some(dynamic)) = (of(libc::PT_LOAD), of(libc::PT_DYNAMIC)) else {
            return null_mut();
        };
        let at = |address: u64| image.add((address - load.p_vaddr) as usize);
        let table = |tag: u64| {
            let mut entry = at(dynamic.p_vaddr).cast::<[u64; 2]>();
            while (*entry)[0] != 0 {
                if (*entry)[0] == tag {
                    return at((*entry)[1]);
                }
                entry = entry.add(1);
            }
            null()
        };
        let (symbols, names) = (table(DT_SYMTAB), table(DT_STRTAB));
        let count = match (table(DT_HASH), table(DT_GNU_HASH)) {
            (hash, _) if !hash.is_null() => *hash.cast::<u32>().add(1),
            (_, hash) if !hash.is_null() => count_by_gnu_hash(hash.cast()),
            _ => 0,
        };
        if symbols.is_null() || names.is_null() {
            return null_mut();
        }
        from_raw_parts(symbols.cast::<libc::Elf64_Sym>(), count as usize)
            .iter()
            .find(|symbol| {
                let name = names.add(symbol.st_name as usize);
                symbol.st_shndx != 0 && CStr::from_ptr(name.cast()) == CLOCK_GETTIME
            })
            .map_or(null_mut(), |symbol| at(symbol.st_value).cast_mut().cast())
    }
}

const DT_HASH: u64 = 4;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_GNU_HASH: u64 = 0x6fff_fef5;

/// How many symbols there are: behind the last chain of the table, whose words are the number of
/// buckets, the first symbol that is in it, the words of a filter, of 64 bits each, and one
/// more; the filter, the buckets, and a word for each symbol.
///
/// # Safety
/// It is such a table.
unsafe fn count_by_gnu_hash(table: *const u32) -> u32 {
    // SAFETY: the caller's promise.
    unsafe {
        let [buckets, first, filter, _] = *table.cast::<[u32; 4]>();
        let bucket = table.add(4 + 2 * filter as usize);
        let chain = bucket.add(buckets as usize);
        let last = from_raw_parts(bucket, buckets as usize).iter().max();
        let mut last = last.copied().unwrap_or_default();
        if last < first {
            return first;
        }
        while *chain.add((last - first) as usize) & 1 == 0 {
            last += 1;
        }
        last + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_clock_is_libcs() {
        // SAFETY: as in `clock_gettime`.
        let found = unsafe { look_up(libc::getauxval(libc::AT_SYSINFO_EHDR) as *const u8) };
        if found.is_null() {
            eprintln!("SKIPPED: the kernel gives no code");
        }
        let read = |read: &dyn Fn(&mut libc::timespec)| {
            let mut time = libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            read(&mut time);
            time.tv_sec as i128 * 1_000_000_000 + i128::from(time.tv_nsec)
        };
        let before = read(&|time| {
            // SAFETY: `time` is writable.
            let _ = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, time) };
        });
        let ours = read(&|time| clock_gettime(libc::CLOCK_MONOTONIC, time));
        assert!(ours >= before && ours - before < 1_000_000_000);
    }

    #[test]
    fn symbols_are_counted_by_either_table() {
        // Two buckets; symbols 1 to 4 are in the table, of which 3 and 4 are in one chain.
        let table = [2, 1, 1, 6, 0, 0, 1, 3, 2, 3, 4, 5];
        // SAFETY: it is such a table.
        assert_eq!(unsafe { count_by_gnu_hash(table.as_ptr()) }, 5);
        let empty = [1, 7, 1, 6, 0, 0, 0];
        // SAFETY: nobody is in this one.
        assert_eq!(unsafe { count_by_gnu_hash(empty.as_ptr()) }, 7);
    }
}
