//! Notes: what a trace tells beside the calls.
//!
//! A note is a `posix_memalign` record whose returned pointer is null, so that it changes
//! nothing for a reader that knows nothing of notes. The word of the result slot is a
//! tag of eight ASCII bytes, blanks at its end; the words for alignment, requested
//! size, usable size and mapping base are its payload. Text goes in pieces of 32
//! bytes, the last one padded by zeros. Nothing here allocates, panics or needs `std`.

use byteorder::{BigEndian, ByteOrder as _};

use super::wire::{Block, Call};

/// Bytes of text in one note.
pub const TEXT: usize = 32;

/// What a note tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// Whose trace this is: the first note of a trace.
    Process {
        /// The process id.
        id: u64,
        /// Its parent's.
        parent: u64,
        /// Wall clock at the start, ns since 1970.
        started: u64,
        /// Bytes of a page.
        page: u64,
    },
    /// A piece of the command line, each of whose arguments ends in a zero byte; goes
    /// on in the next such note of the thread.
    Program {
        /// The text.
        text: [u8; TEXT],
    },
    /// The time, now and then.
    Time {
        /// ns since the start of the trace.
        since: u64,
        /// Events of the trace so far.
        events: u64,
    },
    /// What of the process is in memory, beside a time.
    Resident {
        /// Resident bytes of the process, the trace itself left out.
        bytes: u64,
        /// Bytes of them that are anonymous.
        anonymous: u64,
        /// The most that were resident so far.
        most: u64,
    },
    /// The end of a heap, when it is found changed.
    Extent {
        /// Where the heap starts: the mapping base of its blocks.
        base: u64,
        /// Where it ends now.
        end: u64,
        /// Bytes inside it that were given back to the system, as far as is known.
        given_back: u64,
    },
    /// From here on the trace is not the whole truth.
    Partial {
        /// 1: calls pass by; 2: stopped for lack of space; 3: stopped for a limit, of the
        /// file's size or of the room that was prepared before the program confined itself;
        /// 4: recording starts and stops by a signal.
        reason: u64,
    },
}

const PROCESS: u64 = u64::from_be_bytes(*b"process ");
const PROGRAM: u64 = u64::from_be_bytes(*b"program ");
const TIME: u64 = u64::from_be_bytes(*b"time    ");
const RESIDENT: u64 = u64::from_be_bytes(*b"resident");
const EXTENT: u64 = u64::from_be_bytes(*b"extent  ");
const PARTIAL: u64 = u64::from_be_bytes(*b"partial ");

impl Note {
    /// The record of this note, made by a thread.
    pub fn call(&self, thread: u64) -> Call {
        let (tag, [a, b, c, d]) = match *self {
            Note::Process {
                id,
                parent,
                started,
                page,
            } => (PROCESS, [id, parent, started, page]),
            Note::Program { text } => (PROGRAM, words(&text)),
            Note::Time { since, events } => (TIME, [since, events, 0, 0]),
            Note::Resident {
                bytes,
                anonymous,
                most,
            } => (RESIDENT, [bytes, anonymous, most, 0]),
            Note::Extent {
                base,
                end,
                given_back,
            } => (EXTENT, [base, end, given_back, 0]),
            Note::Partial { reason } => (PARTIAL, [reason, 0, 0, 0]),
        };
        Call::PosixMemalign {
            slot: tag,
            alignment: a,
            requested: b,
            block: Block {
                pointer: 0,
                usable: c,
                thread,
                mapping_base: d,
            },
        }
    }

    /// Whether a record is a note, of whatever tag: no address of a result slot is eight
    /// characters.
    #[inline]
    pub fn is(call: &Call) -> bool {
        match call {
            Call::PosixMemalign { slot, block, .. } if block.pointer == 0 => slot
                .to_be_bytes()
                .iter()
                .all(|byte| (b' '..=b'~').contains(byte)),
            _ => false,
        }
    }

    /// The note that a record is, if it is one whose tag is known.
    pub fn of(call: &Call) -> Option<Note> {
        let Call::PosixMemalign {
            slot,
            alignment: a,
            requested: b,
            block:
                Block {
                    pointer: 0,
                    usable: c,
                    mapping_base: d,
                    ..
                },
        } = *call
        else {
            return None;
        };
        Some(match slot {
            PROCESS => Note::Process {
                id: a,
                parent: b,
                started: c,
                page: d,
            },
            PROGRAM => Note::Program {
                text: text([a, b, c, d]),
            },
            TIME => Note::Time {
                since: a,
                events: b,
            },
            RESIDENT => Note::Resident {
                bytes: a,
                anonymous: b,
                most: c,
            },
            EXTENT => Note::Extent {
                base: a,
                end: b,
                given_back: c,
            },
            PARTIAL => Note::Partial { reason: a },
            _ => return None,
        })
    }
}

fn words(text: &[u8; TEXT]) -> [u64; 4] {
    let mut words = [0; 4];
    BigEndian::read_u64_into(text, &mut words);
    words
}

fn text(words: [u64; 4]) -> [u8; TEXT] {
    let mut text = [0; TEXT];
    BigEndian::write_u64_into(&words, &mut text);
    text
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_record_that_changes_nothing_and_reads_back() {
        let mut line = [0; TEXT];
        line[..5].copy_from_slice(b"ls\0-l");
        let notes = [
            Note::Process {
                id: 1,
                parent: 2,
                started: 3,
                page: 4096,
            },
            Note::Program { text: line },
            Note::Time {
                since: 5,
                events: 6,
            },
            Note::Resident {
                bytes: 7,
                anonymous: 8,
                most: u64::MAX,
            },
            Note::Extent {
                base: 9,
                end: 10,
                given_back: 11,
            },
            Note::Partial { reason: 4 },
        ];
        for note in notes {
            let call = note.call(77);
            assert_eq!(call.thread(), 77);
            assert!(Note::is(&call));
            assert_eq!(Note::of(&call), Some(note));
        }
        // The bytes that FORMATS.md gives: 0x67, the tag, a, b, no pointer, c, the thread, d.
        let mut record = [0; super::super::wire::MAX_RECORD];
        super::super::wire::encode(&notes[0].call(77), &mut record);
        assert_eq!(record[0], 0x67);
        assert_eq!(&record[1..9], b"process ");
        let word =
            |at: usize| u64::from_be_bytes(record[1 + 8 * at..9 + 8 * at].try_into().expect("8"));
        assert_eq!((1..7).map(word).collect::<Vec<_>>(), [1, 2, 0, 3, 77, 4096]);
    }

    #[test]
    fn a_failed_call_and_an_unknown_tag_are_no_notes() {
        let failed = Call::PosixMemalign {
            slot: 0x7ffd_0000_1000,
            alignment: 64,
            requested: 10,
            block: Block::default(),
        };
        assert!(!Note::is(&failed));
        assert_eq!(Note::of(&failed), None);
        let live = match (Note::Partial { reason: 1 }).call(1) {
            Call::PosixMemalign {
                slot,
                alignment,
                requested,
                block,
            } => Call::PosixMemalign {
                slot,
                alignment,
                requested,
                block: Block {
                    pointer: 16,
                    ..block
                },
            },
            other => other,
        };
        assert_eq!(Note::of(&live), None);
    }
}
