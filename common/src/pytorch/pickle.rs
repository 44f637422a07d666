//! A machine that reads pickles and executes nothing.
//!
//! A pickle is a program for a stack machine. Its opcodes for data are run, those that
//! import, call or build objects (GLOBAL, REDUCE, BUILD, ...) are errors: no snapshot
//! needs them. What a value holds is kept as far as [`super::objects`] has a use for it,
//! and passed over otherwise: strings and numbers of frames leave nothing behind.
//!
//! O(n) time and memory for n bytes, whatever the containers share: an opcode does work
//! for what it takes from the stack, and nothing walks through containers. Source of the
//! opcodes: the module `pickletools` of CPython, protocols 0 to 5.

use std::io::{BufRead, BufReader, Read};

use super::bytes::Bytes;
use super::objects::{Objects, Value, Word, push};
use crate::error::{FormatError, Place};

/// Runs the pickle up to its STOP, and gives what it leaves on the stack.
///
/// # Errors
/// [`FormatError`] with the byte of an opcode that is not allowed, not known, or lacks what
/// it works on.
pub(super) fn read(input: impl Read) -> Result<(Value, Objects), FormatError> {
    let mut machine = Machine {
        input: Bytes::new(BufReader::with_capacity(1 << 18, input)),
        at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        objects: Objects::default(),
    };
    loop {
        machine.at = machine.input.at();
        let opcode = machine.input.byte()?;
        if opcode == b'.' {
            let value = machine.pop("STOP")?;
            return Ok((value, machine.objects));
        }
        if !machine.data(opcode)? && !machine.container(opcode)? && !machine.memory(opcode)? {
            return Err(machine.refused(opcode));
        }
    }
}

/// The stack machine.
struct Machine<R> {
    input: Bytes<R>,
    /// Where the opcode stands.
    at: u64,
    stack: Vec<Value>,
    /// The heights of the stack at which a MARK stands.
    marks: Vec<usize>,
    memo: Vec<Value>,
    objects: Objects,
}

impl<R: BufRead> Machine<R> {
    fn bad(&self, what: impl Into<String>) -> FormatError {
        FormatError::malformed(Place::Byte(self.at), what)
    }

    fn push(&mut self, value: Value) -> Result<bool, FormatError> {
        push(&mut self.stack, value)?;
        Ok(true)
    }

    /// The value on top, above the last mark.
    fn top(&self, name: &str) -> Result<Value, FormatError> {
        let fence = self.marks.last().copied().unwrap_or(0);
        match self.stack.get(fence..).and_then(<[Value]>::last) {
            Some(&value) => Ok(value),
            None => Err(self.bad(format!("{name} finds nothing on the stack"))),
        }
    }

    fn pop(&mut self, name: &str) -> Result<Value, FormatError> {
        let value = self.top(name)?;
        self.stack.pop();
        Ok(value)
    }

    /// Takes the last mark; gives the height of the stack at which it stood.
    fn unmark(&mut self, name: &str) -> Result<usize, FormatError> {
        let mark = self.marks.pop();
        mark.ok_or_else(|| self.bad(format!("{name} finds no mark")))
    }

    /// Numbers and strings. Says whether the opcode is one of them.
    fn data(&mut self, opcode: u8) -> Result<bool, FormatError> {
        let input = &mut self.input;
        let value = match opcode {
            b'N' => Value::Other,
            0x88 => Value::Number(1),
            0x89 => Value::Number(0),
            b'K' => Value::Number(input.byte()?.into()),
            b'M' => Value::Number(u16::from_le_bytes(input.array()?).into()),
            b'J' => Value::Number(i32::from_le_bytes(input.array()?).into()),
            0x8a => {
                let length = input.byte()?.into();
                self.long(length)?
            }
            0x8b => {
                let length = u32::from_le_bytes(input.array()?).into();
                self.long(length)?
            }
            b'G' => {
                input.array::<8>()?;
                Value::Other
            }
            b'I' | b'L' => self.number_in_text()?,
            b'F' => {
                input.line()?;
                Value::Other
            }
            0x8c | b'U' => {
                let length = input.byte()?.into();
                self.word(length)?
            }
            b'X' | b'T' => {
                let length = u32::from_le_bytes(input.array()?).into();
                self.word(length)?
            }
            0x8d => {
                let length = u64::from_le_bytes(input.array()?);
                self.word(length)?
            }
            b'S' | b'V' => {
                let line = input.line()?;
                let quoted = line.trim_ascii();
                let quotes = b"'\"";
                let inner = match quoted {
                    [first, inner @ .., last] if quotes.contains(first) && first == last => inner,
                    _ => quoted,
                };
                Word::of(inner).map_or(Value::Other, Value::Word)
            }
            b'C' | b'B' | 0x8e | 0x96 => {
                let length = match opcode {
                    b'C' => input.byte()?.into(),
                    b'B' => u32::from_le_bytes(input.array()?).into(),
                    _ => u64::from_le_bytes(input.array()?),
                };
                input.skip(length)?;
                Value::Other
            }
            _ => return Ok(false),
        };
        self.push(value)
    }

    /// A string of so many bytes.
    fn word(&mut self, length: u64) -> Result<Value, FormatError> {
        let mut kept = [0; Word::LONGEST];
        let text = self.input.take(length, &mut kept)?;
        Ok(Word::of(text).map_or(Value::Other, Value::Word))
    }

    /// A whole number of so many bytes, the least significant first, in two's complement.
    fn long(&mut self, length: u64) -> Result<Value, FormatError> {
        let mut kept = [0; 9];
        let bytes = self.input.take(length, &mut kept)?;
        if length > 9 {
            return Ok(Value::Other);
        }
        let sign = bytes.last().map_or(0, |&last| (last as i8) >> 7) as u8;
        let mut whole = [sign; 16];
        whole[..bytes.len()].copy_from_slice(bytes);
        let number = i64::try_from(i128::from_le_bytes(whole));
        Ok(number.map_or(Value::Other, Value::Number))
    }

    fn number_in_text(&mut self) -> Result<Value, FormatError> {
        let line = self.input.line()?;
        let text = std::str::from_utf8(&line).unwrap_or_default().trim();
        let digits = text.strip_suffix('L').unwrap_or(text);
        if let Ok(number) = digits.parse::<i64>() {
            return Ok(Value::Number(number));
        }
        let unsigned = digits.strip_prefix('-').unwrap_or(digits);
        if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Value::Other);
        }
        let text: String = text.chars().take(40).collect();
        Err(self.bad(format!("{text:?} is no whole number")))
    }

    /// Lists, dictionaries, tuples and sets. Says whether the opcode is about them.
    fn container(&mut self, opcode: u8) -> Result<bool, FormatError> {
        match opcode {
            b']' => {
                let list = self.objects.new_list()?;
                return self.push(list);
            }
            b'}' => {
                let dictionary = self.objects.new_dictionary()?;
                return self.push(dictionary);
            }
            b')' | 0x8f => return self.push(Value::Other),
            b'a' => {
                let item = self.pop("APPEND")?;
                let list = self.top("APPEND")?;
                self.append("APPEND", list, item)?;
            }
            b'e' => self.append_all("APPENDS")?,
            b's' => {
                let value = self.pop("SETITEM")?;
                let key = self.pop("SETITEM")?;
                let dictionary = self.top("SETITEM")?;
                self.set("SETITEM", dictionary, key, value)?;
            }
            b'u' => self.set_all("SETITEMS")?,
            b'l' => {
                let list = self.objects.new_list()?;
                self.under_the_mark("LIST", list)?;
                self.append_all("LIST")?;
            }
            b'd' => {
                let dictionary = self.objects.new_dictionary()?;
                self.under_the_mark("DICT", dictionary)?;
                self.set_all("DICT")?;
            }
            b't' | 0x91 => {
                let mark = self.unmark("TUPLE")?;
                let tuple = Value::tuple(&self.stack[mark..]);
                self.stack.truncate(mark);
                return self.push(tuple);
            }
            0x90 => {
                let mark = self.unmark("ADDITEMS")?;
                self.stack.truncate(mark);
                self.top("ADDITEMS")?;
            }
            0x85..=0x87 => {
                let mut items = [Value::Other; 3];
                let length = usize::from(opcode - 0x84);
                for item in items[..length].iter_mut().rev() {
                    *item = self.pop("TUPLE")?;
                }
                return self.push(Value::tuple(&items[..length]));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Puts a container under the last mark, to be filled by what is above.
    fn under_the_mark(&mut self, name: &str, container: Value) -> Result<(), FormatError> {
        let mark = self.unmark(name)?;
        // What is above moves up by one, once for each of its values: no more than it took
        // to put them there.
        self.push(container)?;
        self.stack[mark..].rotate_right(1);
        self.marks.push(mark + 1);
        Ok(())
    }

    fn append_all(&mut self, name: &str) -> Result<(), FormatError> {
        let mark = self.unmark(name)?;
        let items = self.stack.split_off(mark);
        let list = self.top(name)?;
        for item in items {
            self.append(name, list, item)?;
        }
        Ok(())
    }

    fn append(&mut self, name: &str, list: Value, item: Value) -> Result<(), FormatError> {
        match list {
            Value::List(list) => self.objects.append(list, item),
            _ => Err(self.bad(format!("{name} to what is no list"))),
        }
    }

    fn set_all(&mut self, name: &str) -> Result<(), FormatError> {
        let mark = self.unmark(name)?;
        let items = self.stack.split_off(mark);
        let dictionary = self.top(name)?;
        let (pairs, rest) = items.as_chunks::<2>();
        for &[key, value] in pairs {
            self.set(name, dictionary, key, value)?;
        }
        match rest {
            [] => Ok(()),
            _ => Err(self.bad(format!("{name} of a key without a value"))),
        }
    }

    fn set(
        &mut self,
        name: &str,
        dictionary: Value,
        key: Value,
        value: Value,
    ) -> Result<(), FormatError> {
        let Value::Dictionary(dictionary) = dictionary else {
            return Err(self.bad(format!("{name} of what is no dictionary")));
        };
        match key {
            Value::Word(key) => self.objects.set(dictionary, key, value),
            _ => Ok(()),
        }
    }

    /// The stack itself, the memo, and what only frames the rest. Says whether the opcode is
    /// about them.
    fn memory(&mut self, opcode: u8) -> Result<bool, FormatError> {
        match opcode {
            0x80 => {
                let protocol = self.input.byte()?;
                if protocol > 5 {
                    return Err(self.bad(format!("protocol {protocol}: known are 0 to 5")));
                }
            }
            0x95 => self.input.skip(8)?,
            b'(' => push(&mut self.marks, self.stack.len())?,
            b'0' if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            b'0' => {
                self.pop("POP")?;
            }
            b'1' => {
                let mark = self.unmark("POP_MARK")?;
                self.stack.truncate(mark);
            }
            b'2' => {
                let value = self.top("DUP")?;
                return self.push(value);
            }
            0x94 => self.put(self.memo.len() as u64)?,
            b'q' => {
                let slot = self.input.byte()?.into();
                self.put(slot)?;
            }
            b'r' => {
                let slot = u32::from_le_bytes(self.input.array()?).into();
                self.put(slot)?;
            }
            b'p' => {
                let slot = self.slot_in_text()?;
                self.put(slot)?;
            }
            b'h' => {
                let slot = self.input.byte()?.into();
                return self.get(slot);
            }
            b'j' => {
                let slot = u32::from_le_bytes(self.input.array()?).into();
                return self.get(slot);
            }
            b'g' => {
                let slot = self.slot_in_text()?;
                return self.get(slot);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn slot_in_text(&mut self) -> Result<u64, FormatError> {
        match self.number_in_text()? {
            Value::Number(slot) if slot >= 0 => Ok(slot as u64),
            _ => Err(self.bad("no number of a place in the memo")),
        }
    }

    fn put(&mut self, slot: u64) -> Result<(), FormatError> {
        let value = self.top("PUT")?;
        let next = self.memo.len() as u64;
        match slot {
            // A pickler numbers the places of its memo in order, which bounds it.
            slot if slot > next => Err(self.bad(format!(
                "place {slot} of the memo is filled before place {next}"
            ))),
            slot if slot == next => push(&mut self.memo, value),
            slot => {
                self.memo[slot as usize] = value;
                Ok(())
            }
        }
    }

    fn get(&mut self, slot: u64) -> Result<bool, FormatError> {
        let value = usize::try_from(slot)
            .ok()
            .and_then(|slot| self.memo.get(slot))
            .copied();
        match value {
            Some(value) => self.push(value),
            None => Err(self.bad(format!("nothing is in place {slot} of the memo"))),
        }
    }

    fn refused(&self, opcode: u8) -> FormatError {
        let name = match opcode {
            b'c' => "GLOBAL",
            0x93 => "STACK_GLOBAL",
            b'R' => "REDUCE",
            b'b' => "BUILD",
            b'i' => "INST",
            b'o' => "OBJ",
            0x81 => "NEWOBJ",
            0x92 => "NEWOBJ_EX",
            0x82 => "EXT1",
            0x83 => "EXT2",
            0x84 => "EXT4",
            b'P' => "PERSID",
            b'Q' => "BINPERSID",
            0x97 => "NEXT_BUFFER",
            0x98 => "READONLY_BUFFER",
            _ => {
                let what = format!("{opcode:#04x} is no opcode of a pickle");
                return self.bad(what);
            }
        };
        self.bad(format!(
            "{name}: a snapshot holds data only, and nothing that a pickle names or calls is run"
        ))
    }
}
