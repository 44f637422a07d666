//! The bytes of one `.trc` record: their only home, used by the tracer that
//! writes them and by the reader alike.
//!
//! A record is one sentinel byte and then big-endian unsigned 64-bit words.
//! The sentinel's high nibble is the kind of call, its low nibble the number
//! of words. Nothing here allocates, panics or needs `std`.

use byteorder::{BigEndian, ByteOrder as _};

/// Length in bytes of the longest record: a sentinel and seven words.
pub const MAX_RECORD: usize = 1 + 8 * MAX_WORDS;

/// The most words that a record holds.
pub const MAX_WORDS: usize = 7;

/// The kinds of recorded calls; the discriminant is the sentinel byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `malloc`
    Malloc = 0x05,
    /// `free`
    Free = 0x12,
    /// `calloc`
    Calloc = 0x26,
    /// `realloc` (and `reallocarray`)
    Realloc = 0x36,
    /// `aligned_alloc`
    AlignedAlloc = 0x46,
    /// `memalign` (and `valloc`, `pvalloc`)
    Memalign = 0x56,
    /// `posix_memalign`
    PosixMemalign = 0x67,
}

impl Kind {
    /// Every kind, in the order of their sentinels.
    pub const ALL: [Kind; 7] = [
        Kind::Malloc,
        Kind::Free,
        Kind::Calloc,
        Kind::Realloc,
        Kind::AlignedAlloc,
        Kind::Memalign,
        Kind::PosixMemalign,
    ];

    /// The kind that a sentinel byte announces, if there is one.
    #[inline]
    pub const fn from_sentinel(byte: u8) -> Option<Kind> {
        Some(match byte {
            0x05 => Kind::Malloc,
            0x12 => Kind::Free,
            0x26 => Kind::Calloc,
            0x36 => Kind::Realloc,
            0x46 => Kind::AlignedAlloc,
            0x56 => Kind::Memalign,
            0x67 => Kind::PosixMemalign,
            _ => return None,
        })
    }

    /// The first byte of a record of this kind.
    #[inline]
    pub const fn sentinel(self) -> u8 {
        self as u8
    }

    /// How many words follow the sentinel.
    #[inline]
    pub const fn words(self) -> usize {
        (self as u8 & 0x0f) as usize
    }

    /// Length of a whole record in bytes.
    #[inline]
    pub const fn record_len(self) -> usize {
        1 + 8 * self.words()
    }

    /// Index of the word that holds the pointer that the call returned (for
    /// `free`, took). A record whose pointer is null changes nothing, so a
    /// writer that fills a slot in place stores this word last.
    #[inline]
    pub const fn pointer_word(self) -> usize {
        match self {
            Kind::Free => 0,
            // Thread and mapping base follow the usable size, which follows the pointer.
            _ => self.words() - 4,
        }
    }
}

/// What an allocating call returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Address of the block; null in a record that changes nothing.
    pub pointer: u64,
    /// Bytes that the allocator set aside, as `malloc_usable_size` says.
    pub usable: u64,
    /// The kernel's id of the calling thread.
    pub thread: u64,
    /// Start of the contiguous mapping that the block was carved from.
    pub mapping_base: u64,
}

/// One recorded call of the malloc family. Sizes and alignments are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `malloc(requested)`
    Malloc {
        /// Bytes asked for.
        requested: u64,
        /// What the call returned.
        block: Block,
    },
    /// `free(pointer)`
    Free {
        /// Address of the block given back.
        pointer: u64,
        /// The kernel's id of the calling thread.
        thread: u64,
    },
    /// `calloc(count, element_size)`
    Calloc {
        /// How many elements.
        count: u64,
        /// Bytes an element.
        element_size: u64,
        /// What the call returned.
        block: Block,
    },
    /// `realloc(old, requested)`
    Realloc {
        /// Address of the block before the call; may be null.
        old: u64,
        /// Bytes asked for.
        requested: u64,
        /// What the call returned.
        block: Block,
    },
    /// `aligned_alloc(alignment, requested)`
    AlignedAlloc {
        /// Alignment asked for.
        alignment: u64,
        /// Bytes asked for.
        requested: u64,
        /// What the call returned.
        block: Block,
    },
    /// `memalign(alignment, requested)`
    Memalign {
        /// Alignment asked for.
        alignment: u64,
        /// Bytes asked for.
        requested: u64,
        /// What the call returned.
        block: Block,
    },
    /// `posix_memalign(slot, alignment, requested)`
    PosixMemalign {
        /// Address of the caller's result slot.
        slot: u64,
        /// Alignment asked for.
        alignment: u64,
        /// Bytes asked for.
        requested: u64,
        /// What the call returned.
        block: Block,
    },
}

impl Call {
    /// The kernel's id of the calling thread.
    #[inline]
    pub const fn thread(&self) -> u64 {
        match self {
            Call::Free { thread, .. } => *thread,
            Call::Malloc { block, .. }
            | Call::Calloc { block, .. }
            | Call::Realloc { block, .. }
            | Call::AlignedAlloc { block, .. }
            | Call::Memalign { block, .. }
            | Call::PosixMemalign { block, .. } => block.thread,
        }
    }

    /// The kind of this call.
    #[inline]
    pub const fn kind(&self) -> Kind {
        match self {
            Call::Malloc { .. } => Kind::Malloc,
            Call::Free { .. } => Kind::Free,
            Call::Calloc { .. } => Kind::Calloc,
            Call::Realloc { .. } => Kind::Realloc,
            Call::AlignedAlloc { .. } => Kind::AlignedAlloc,
            Call::Memalign { .. } => Kind::Memalign,
            Call::PosixMemalign { .. } => Kind::PosixMemalign,
        }
    }

    /// The record's words in order; those beyond [`Kind::words`] are zero.
    #[inline]
    pub const fn words(&self) -> [u64; MAX_WORDS] {
        match *self {
            Call::Malloc {
                requested,
                block: b,
            } => [
                requested,
                b.pointer,
                b.usable,
                b.thread,
                b.mapping_base,
                0,
                0,
            ],
            Call::Free { pointer, thread } => [pointer, thread, 0, 0, 0, 0, 0],
            Call::Calloc {
                count: x,
                element_size: y,
                block: b,
            }
            | Call::Realloc {
                old: x,
                requested: y,
                block: b,
            }
            | Call::AlignedAlloc {
                alignment: x,
                requested: y,
                block: b,
            }
            | Call::Memalign {
                alignment: x,
                requested: y,
                block: b,
            } => [x, y, b.pointer, b.usable, b.thread, b.mapping_base, 0],
            Call::PosixMemalign {
                slot,
                alignment,
                requested,
                block: b,
            } => [
                slot,
                alignment,
                requested,
                b.pointer,
                b.usable,
                b.thread,
                b.mapping_base,
            ],
        }
    }

    /// The call that a record of `kind` with these words describes; words
    /// beyond [`Kind::words`] are ignored.
    #[inline]
    pub const fn from_words(kind: Kind, w: &[u64; MAX_WORDS]) -> Call {
        let p = kind.pointer_word();
        // For `free` these indices hold other things, and are not used.
        let block = Block {
            pointer: w[p],
            usable: w[p + 1],
            thread: w[p + 2],
            mapping_base: w[p + 3],
        };
        match kind {
            Kind::Malloc => Call::Malloc {
                requested: w[0],
                block,
            },
            Kind::Free => Call::Free {
                pointer: w[0],
                thread: w[1],
            },
            Kind::Calloc => Call::Calloc {
                count: w[0],
                element_size: w[1],
                block,
            },
            Kind::Realloc => Call::Realloc {
                old: w[0],
                requested: w[1],
                block,
            },
            Kind::AlignedAlloc => Call::AlignedAlloc {
                alignment: w[0],
                requested: w[1],
                block,
            },
            Kind::Memalign => Call::Memalign {
                alignment: w[0],
                requested: w[1],
                block,
            },
            Kind::PosixMemalign => Call::PosixMemalign {
                slot: w[0],
                alignment: w[1],
                requested: w[2],
                block,
            },
        }
    }
}

/// Writes the record of `call` at the start of `out`; returns its length in
/// bytes ([`Kind::record_len`]).
pub fn encode(call: &Call, out: &mut [u8; MAX_RECORD]) -> usize {
    let kind = call.kind();
    out[0] = kind.sentinel();
    BigEndian::write_u64_into(&call.words(), &mut out[1..]);
    kind.record_len()
}

/// The bytes of one word, for a writer that fills a record in place.
#[inline]
pub fn word_bytes(word: u64) -> [u8; 8] {
    let mut bytes = [0; 8];
    BigEndian::write_u64(&mut bytes, word);
    bytes
}

/// Reads the words of a record of `kind` from the bytes behind its sentinel.
/// Returns `None` where `bytes` is shorter than the record.
#[inline]
pub fn decode(kind: Kind, bytes: &[u8]) -> Option<Call> {
    let mut words = [0u64; MAX_WORDS];
    // Mostly there is more behind the record: a length known beforehand, even
    // if more words are read than are used, makes for straight code.
    match bytes.first_chunk::<{ 8 * MAX_WORDS }>() {
        Some(bytes) => BigEndian::read_u64_into(bytes, &mut words),
        None => {
            let bytes = bytes.get(..8 * kind.words())?;
            BigEndian::read_u64_into(bytes, &mut words[..kind.words()]);
        }
    }
    Some(Call::from_words(kind, &words))
}
