//! What glibc's allocator writes before each of its blocks. To be read only where
//! the allocator is known to be glibc's ([`real::is_glibc`](crate::real::is_glibc)).
//!
//! The word before a block is the size of its chunk (`malloc/malloc.c`), whose low
//! bits say where the chunk lies: in a mapping of its own (then the word before that
//! is the distance from the mapping's start), in the heap of a secondary arena
//! (aligned to 64 MiB), or in the main arena.

/// Flags in the size word of a chunk.
const IS_MAPPED: usize = 0x2;
const NON_MAIN_ARENA: usize = 0x4;
const FLAGS: usize = 0x7;
/// Two words before a block: the size of the chunk before, and its own.
const CHUNK_HEADER: usize = 16;
/// `HEAP_MAX_SIZE` on 64-bit systems.
const HEAP_ALIGNMENT: usize = 64 << 20;

/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
unsafe fn chunk_size(block: usize) -> usize {
    // SAFETY: every chunk has its size word there.
    unsafe { ((block - 8) as *const usize).read() }
}

/// `malloc_usable_size` of a live block of glibc's, in bytes.
///
/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
pub unsafe fn usable(block: usize) -> usize {
    // SAFETY: the caller's promise.
    let size = unsafe { chunk_size(block) };
    // A chunk in a heap also uses the first word of the chunk behind it.
    let overhead = if size & IS_MAPPED != 0 {
        CHUNK_HEADER
    } else {
        CHUNK_HEADER / 2
    };
    (size & !FLAGS).wrapping_sub(overhead)
}

/// Where a chunk lies, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the region of the program break, or in what the main arena mapped where
    /// that could not grow.
    MainArena,
    /// In a mapping or a heap that starts here.
    From(usize),
}

/// Where a live block of glibc's lies, if not in a mapping of its own, and its
/// `malloc_usable_size` in bytes.
///
/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
pub unsafe fn in_heap(block: usize) -> Option<(Place, usize)> {
    // SAFETY: the caller's promise.
    let size = unsafe { chunk_size(block) };
    let usable = (size & !FLAGS).wrapping_sub(CHUNK_HEADER / 2);
    if size & (IS_MAPPED | NON_MAIN_ARENA) == 0 {
        return Some((Place::MainArena, usable));
    }
    let heap = Place::From(heap_of(block));
    (size & IS_MAPPED == 0).then_some((heap, usable))
}

/// The heap of a block that lies in one of a secondary arena.
#[inline(always)]
pub fn heap_of(block: usize) -> usize {
    block & !(HEAP_ALIGNMENT - 1)
}

/// What has the memory of a block, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The main arena.
    Main,
    /// Another arena.
    Secondary,
    /// A mapping of its own.
    Mapping,
}

/// What has the memory of a live block of glibc's.
///
/// # Safety
/// `block` is a live block of glibc's.
pub unsafe fn owner(block: usize) -> Owner {
    // The whole word, as elsewhere: those who run programs under valgrind, which puts its
    // own blocks there, leave out reads of this size.
    // SAFETY: the caller's promise.
    let size = unsafe { ((block - 8) as *const usize).read_volatile() };
    match size & (IS_MAPPED | NON_MAIN_ARENA) {
        0 => Owner::Main,
        NON_MAIN_ARENA => Owner::Secondary,
        _ => Owner::Mapping,
    }
}

/// The start of a heap of a secondary arena, which never goes away: the first of the
/// arena in which a block lies that was just allocated for `requested` bytes. None where
/// the block lies elsewhere, or what stands there is nothing of glibc's: a tool like
/// valgrind may have put its own allocator in the place of a glibc that is there.
///
/// # Safety
/// `block` is a live block of glibc's, and its memory is not given back meanwhile.
pub unsafe fn first_heap(block: usize, requested: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let (size, usable) = unsafe { (chunk_size(block), usable(block)) };
    let is_sound = (size & !FLAGS).is_multiple_of(CHUNK_HEADER)
        && requested <= usable
        // What is left over is a chunk if it is as large as the least one, which has 32 bytes.
        && usable - requested < 64;
    if size & (IS_MAPPED | NON_MAIN_ARENA) != NON_MAIN_ARENA || !is_sound {
        return None;
    }
    // SAFETY: the heap holds a live block, so its first words are there.
    let arena = unsafe { (heap_of(block) as *const usize).read_volatile() };
    let first = heap_of(arena);
    // The arena lies right behind the description of its first heap.
    (first != 0 && arena - first < 256).then_some(first)
}

/// The end of a heap that [`first_heap`] found.
///
/// # Safety
/// It did so in this process, or in one that this was forked from.
pub unsafe fn heap_end(first: usize) -> usize {
    // The third word of a heap is its size, in every version.
    // SAFETY: an arena's first heap is never unmapped.
    first + unsafe { ((first + 16) as *const usize).read_volatile() }.min(HEAP_ALIGNMENT)
}

/// Where a live block of glibc's lies.
///
/// # Safety
/// `block` is a live block of glibc's.
#[inline(always)]
pub unsafe fn place(block: usize) -> Place {
    // SAFETY: the caller's promise.
    let size = unsafe { chunk_size(block) };
    if size & (IS_MAPPED | NON_MAIN_ARENA) == 0 {
        return Place::MainArena;
    }
    if size & IS_MAPPED != 0 {
        // SAFETY: in a mapped chunk this word is the distance from the mapping's start.
        let before = unsafe { ((block - CHUNK_HEADER) as *const usize).read() };
        return Place::From((block - CHUNK_HEADER).wrapping_sub(before));
    }
    Place::From(heap_of(block))
}
