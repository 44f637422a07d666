//! What a pickle's values are, as far as a snapshot is about them.
//!
//! A dictionary is kept as the fields that a snapshot's have, and takes four bytes as long
//! as it has none of them; a list is kept as the dictionaries with such fields, and the
//! lists, in it, and takes four bytes as long as there are none. So frames, of which there
//! are many, leave little behind.

use std::io;

use crate::error::FormatError;

/// A value on the stack, or in the memo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// One that nobody asks for.
    Other,
    /// A whole number, or a truth.
    Number(i64),
    /// Two whole numbers, as pools are told by.
    Pair(u32, u32),
    /// A string that a snapshot knows.
    Word(Word),
    /// A dictionary, by its number.
    Dictionary(u32),
    /// A list, by its number.
    List(u32),
}

impl Value {
    /// The tuple of some values.
    pub(super) fn tuple(items: &[Value]) -> Value {
        if let &[Value::Number(first), Value::Number(second)] = items
            && let (Ok(first), Ok(second)) = (u32::try_from(first), u32::try_from(second))
        {
            return Value::Pair(first, second);
        }
        Value::Other
    }
}

/// The strings that a snapshot is made of.
macro_rules! words {
    ($($name:ident $text:literal)*) => {
        /// A string that means something in a snapshot: a key, an action or a state.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Word { $(#[doc = $text] $name),* }

        impl Word {
            /// The word that a text is.
            pub(super) fn of(text: &[u8]) -> Option<Word> {
                $(if text == $text.as_bytes() {
                    return Some(Word::$name);
                })*
                None
            }
        }
    };
}

words! {
    Segments "segments"
    DeviceTraces "device_traces"
    Action "action"
    Addr "addr"
    Size "size"
    TimeUs "time_us"
    Stream "stream"
    PoolId "pool_id"
    Device "device"
    Address "address"
    TotalSize "total_size"
    SegmentPoolId "segment_pool_id"
    IsExpandable "is_expandable"
    Blocks "blocks"
    RequestedSize "requested_size"
    State "state"
    Alloc "alloc"
    FreeRequested "free_requested"
    FreeCompleted "free_completed"
    SegmentAlloc "segment_alloc"
    SegmentFree "segment_free"
    SegmentMap "segment_map"
    SegmentUnmap "segment_unmap"
    OutOfMemory "oom"
    Snapshot "snapshot"
    WorkspaceSnapshot "workspace_snapshot"
    Annotate "annotate"
    UserDefined "user_defined"
    ActiveAllocated "active_allocated"
    ActivePendingFree "active_pending_free"
    ActiveAwaitingFree "active_awaiting_free"
    Inactive "inactive"
}

impl Word {
    /// Bytes of the longest, and more.
    pub(super) const LONGEST: usize = 24;
}

/// No number of anything.
const NONE: u32 = u32::MAX;
/// A list that holds something, and nothing that is kept.
const NOTHING_KEPT: u32 = u32::MAX - 1;

/// The fields of a dictionary that a snapshot knows. [`u64::MAX`] is for what is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// `addr` or `address`.
    pub(super) address: u64,
    /// `size` or `total_size`.
    pub(super) size: u64,
    /// `requested_size`.
    pub(super) requested: u64,
    /// `time_us`.
    pub(super) time_us: u64,
    /// `stream`, whose sign means nothing.
    pub(super) stream: u64,
    /// `pool_id` or `segment_pool_id`.
    pub(super) pool: (u32, u32),
    /// `blocks` or `segments`.
    list: u32,
    /// `device_traces`.
    traces: u32,
    /// `device`, a number.
    device: u32,
    /// `action` or `state`.
    pub(super) kind: Option<Word>,
    /// `is_expandable`.
    pub(super) is_expandable: bool,
}

impl Record {
    const EMPTY: Record = Record {
        address: u64::MAX,
        size: u64::MAX,
        requested: u64::MAX,
        time_us: u64::MAX,
        stream: 0,
        pool: (0, 0),
        list: NONE,
        traces: NONE,
        device: NONE,
        kind: None,
        is_expandable: false,
    };

    /// The list of blocks or segments.
    pub(super) fn list(&self) -> Option<u32> {
        (self.list != NONE).then_some(self.list)
    }

    /// The list of traces.
    pub(super) fn traces(&self) -> Option<u32> {
        (self.traces != NONE).then_some(self.traces)
    }

    /// The number of the device.
    pub(super) fn device(&self) -> Option<u32> {
        (self.device != NONE).then_some(self.device)
    }

    fn set(&mut self, key: Word, value: Value) {
        match (key, value) {
            (Word::Action | Word::State, Value::Word(kind)) => self.kind = Some(kind),
            (Word::Segments | Word::Blocks, Value::List(list)) => self.list = list,
            (Word::DeviceTraces, Value::List(list)) => self.traces = list,
            (Word::PoolId | Word::SegmentPoolId, Value::Pair(first, second)) => {
                self.pool = (first, second);
            }
            (Word::Stream, Value::Number(stream)) => self.stream = stream as u64,
            (Word::IsExpandable, Value::Number(truth)) => self.is_expandable = truth != 0,
            (key, Value::Number(number)) => {
                let Ok(number) = u64::try_from(number) else {
                    return;
                };
                match key {
                    Word::Addr | Word::Address => self.address = number,
                    Word::Size | Word::TotalSize => self.size = number,
                    Word::RequestedSize => self.requested = number,
                    Word::TimeUs => self.time_us = number,
                    Word::Device => self.device = u32::try_from(number).unwrap_or(NONE),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// What a list holds.
#[derive(Debug, Default)]
pub(super) struct Items {
    /// The dictionaries and lists, in their order.
    pub(super) kept: Vec<Value>,
    /// How many others there are.
    pub(super) others: u64,
}

/// All dictionaries and lists of a pickle.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// The record of each dictionary, or [`NONE`].
    dictionaries: Vec<u32>,
    records: Vec<Record>,
    /// The items of each list, or [`NONE`], or [`NOTHING_KEPT`].
    lists: Vec<u32>,
    items: Vec<Items>,
}

impl Objects {
    pub(super) fn new_list(&mut self) -> Result<Value, FormatError> {
        let number = numbered(self.lists.len())?;
        push(&mut self.lists, NONE)?;
        Ok(Value::List(number))
    }

    pub(super) fn new_dictionary(&mut self) -> Result<Value, FormatError> {
        let number = numbered(self.dictionaries.len())?;
        push(&mut self.dictionaries, NONE)?;
        Ok(Value::Dictionary(number))
    }

    /// Sets a field of a dictionary.
    pub(super) fn set(&mut self, of: u32, key: Word, value: Value) -> Result<(), FormatError> {
        let record = &mut self.dictionaries[of as usize];
        if *record == NONE {
            *record = numbered(self.records.len())?;
            push(&mut self.records, Record::EMPTY)?;
        }
        self.records[*record as usize].set(key, value);
        Ok(())
    }

    pub(super) fn append(&mut self, to: u32, item: Value) -> Result<(), FormatError> {
        let is_kept = match item {
            Value::List(_) => true,
            Value::Dictionary(number) => self.dictionaries[number as usize] != NONE,
            _ => false,
        };
        let list = &mut self.lists[to as usize];
        if matches!(*list, NONE | NOTHING_KEPT) {
            if !is_kept {
                *list = NOTHING_KEPT;
                return Ok(());
            }
            let others = u64::from(*list == NOTHING_KEPT);
            *list = numbered(self.items.len())?;
            let kept = Vec::new();
            push(&mut self.items, Items { kept, others })?;
        }
        let items = &mut self.items[*list as usize];
        match is_kept {
            true => push(&mut items.kept, item),
            false => {
                items.others += 1;
                Ok(())
            }
        }
    }

    /// The fields of a dictionary, if it has any that a snapshot knows.
    pub(super) fn record(&self, value: Value) -> Option<&Record> {
        let Value::Dictionary(number) = value else {
            return None;
        };
        self.records
            .get(self.dictionaries[number as usize] as usize)
    }

    /// What a list holds; `None` where it holds nothing that is kept.
    pub(super) fn items(&self, list: u32) -> Option<&Items> {
        self.items.get(self.lists[list as usize] as usize)
    }
}

/// The number of the next object, of which there are so many.
fn numbered(objects: usize) -> Result<u32, FormatError> {
    match u32::try_from(objects) {
        Ok(number) if number < NOTHING_KEPT => Ok(number),
        _ => Err(io::Error::other("a pickle of more than 4 billion objects").into()),
    }
}

/// Pushes what grows with the file.
pub(super) fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), FormatError> {
    if list.len() == list.capacity() {
        list.try_reserve(1).map_err(|_| {
            let what = "too little memory for the objects of the pickle";
            FormatError::from(io::Error::new(io::ErrorKind::OutOfMemory, what))
        })?;
    }
    list.push(item);
    Ok(())
}
