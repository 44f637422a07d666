//! Text of files as people are shown it.

use std::borrow::Cow;

/// The text on one line, with control characters escaped: ids, columns and
/// names of files may hold any, and could end a line or steer a terminal.
/// O(length), and no copy where there is none to escape.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if character.is_control() {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}
