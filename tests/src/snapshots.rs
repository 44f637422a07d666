//! Pickles of snapshots of PyTorch's allocator, as CPython's pickler writes them.

use std::collections::HashMap;

/// A value to be pickled.
#[derive(Clone, Debug)]
pub enum Data {
    /// `None`.
    None,
    /// A whole number.
    Number(i64),
    /// A string.
    Text(&'static str),
    /// A pair of whole numbers.
    Pair(i64, i64),
    /// A list.
    List(Vec<Data>),
    /// A dictionary.
    Dictionary(Vec<(&'static str, Data)>),
}

/// The pickle of a value, in protocol 2 or 4: strings and containers are memoized, and a
/// string that comes again is fetched from the memo.
pub fn pickle(value: &Data, protocol: u8) -> Vec<u8> {
    let mut pickler = Pickler {
        bytes: vec![0x80, protocol],
        short: protocol >= 4,
        places: 0,
        texts: HashMap::new(),
    };
    pickler.add(value);
    pickler.bytes.push(b'.');
    pickler.bytes
}

struct Pickler {
    bytes: Vec<u8>,
    short: bool,
    /// Places of the memo that are taken.
    places: u32,
    texts: HashMap<&'static str, u32>,
}

impl Pickler {
    fn memoize(&mut self) {
        match (self.short, u8::try_from(self.places)) {
            (true, _) => self.bytes.push(0x94),
            (false, Ok(place)) => self.bytes.extend([b'q', place]),
            (false, Err(_)) => {
                self.bytes.push(b'r');
                self.bytes.extend(self.places.to_le_bytes());
            }
        }
        self.places += 1;
    }

    fn text(&mut self, text: &'static str) {
        if let Some(&place) = self.texts.get(text) {
            match u8::try_from(place) {
                Ok(place) => self.bytes.extend([b'h', place]),
                Err(_) => {
                    self.bytes.push(b'j');
                    self.bytes.extend(place.to_le_bytes());
                }
            }
            return;
        }
        match self.short {
            true => self.bytes.extend([0x8c, text.len() as u8]),
            false => {
                self.bytes.push(b'X');
                self.bytes.extend((text.len() as u32).to_le_bytes());
            }
        }
        self.bytes.extend(text.as_bytes());
        self.texts.insert(text, self.places);
        self.memoize();
    }

    fn number(&mut self, number: i64) {
        if let Ok(byte) = u8::try_from(number) {
            self.bytes.extend([b'K', byte]);
        } else if let Ok(word) = u16::try_from(number) {
            self.bytes.push(b'M');
            self.bytes.extend(word.to_le_bytes());
        } else if let Ok(word) = i32::try_from(number) {
            self.bytes.push(b'J');
            self.bytes.extend(word.to_le_bytes());
        } else {
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend(number.to_le_bytes());
        }
    }

    fn add(&mut self, value: &Data) {
        match value {
            Data::None => self.bytes.push(b'N'),
            Data::Number(number) => self.number(*number),
            Data::Text(text) => self.text(text),
            Data::Pair(first, second) => {
                self.number(*first);
                self.number(*second);
                self.bytes.push(0x86);
                self.memoize();
            }
            Data::List(items) => {
                self.bytes.push(b']');
                self.memoize();
                for some in items.chunks(1000) {
                    self.bytes.push(b'(');
                    some.iter().for_each(|item| self.add(item));
                    self.bytes.push(b'e');
                }
            }
            Data::Dictionary(fields) => {
                self.bytes.push(b'}');
                self.memoize();
                self.bytes.push(b'(');
                for (key, value) in fields {
                    self.text(key);
                    self.add(value);
                }
                self.bytes.push(b'u');
            }
        }
    }
}

/// An event of a device's history.
pub fn event(action: &'static str, address: i64, size: i64) -> Data {
    let frame = Data::Dictionary(vec![
        ("filename", Data::Text("train.py")),
        ("name", Data::Text("step")),
        ("line", Data::Number(7)),
    ]);
    Data::Dictionary(vec![
        ("action", Data::Text(action)),
        ("addr", Data::Number(address)),
        ("size", Data::Number(size)),
        ("stream", Data::Number(0)),
        ("time_us", Data::Number(1_700_000_000_000_000)),
        ("pool_id", Data::Pair(0, 0)),
        ("frames", Data::List(vec![frame])),
    ])
}

/// A segment with its blocks: address, size, bytes asked for and state.
pub fn segment(address: i64, size: i64, blocks: &[(i64, i64, i64, &'static str)]) -> Data {
    let block = |&(address, size, requested, state)| {
        Data::Dictionary(vec![
            ("address", Data::Number(address)),
            ("size", Data::Number(size)),
            ("requested_size", Data::Number(requested)),
            ("state", Data::Text(state)),
            ("frames", Data::List(Vec::new())),
        ])
    };
    Data::Dictionary(vec![
        ("device", Data::Number(0)),
        ("address", Data::Number(address)),
        ("total_size", Data::Number(size)),
        ("stream", Data::Number(0)),
        ("segment_pool_id", Data::Pair(0, 0)),
        ("is_expandable", Data::None),
        ("blocks", Data::List(blocks.iter().map(block).collect())),
    ])
}

/// A snapshot of devices with these events.
pub fn snapshot(segments: Vec<Data>, traces: Vec<Vec<Data>>) -> Data {
    let traces = traces.into_iter().map(Data::List).collect();
    Data::Dictionary(vec![
        ("segments", Data::List(segments)),
        ("device_traces", Data::List(traces)),
        ("external_annotations", Data::List(Vec::new())),
    ])
}
