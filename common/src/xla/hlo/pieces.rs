//! Splitting the lines of an HLO text, whose parts may be in brackets and quotes.

/// Splits behind an opening parenthesis at the one that closes it.
pub(super) fn closed(text: &str) -> Option<(&str, &str)> {
    let mut level = 1usize;
    let mut quotes = Quotes::default();
    for (at, byte) in text.bytes().enumerate() {
        if quotes.holds(byte) {
            continue;
        }
        match byte {
            b'(' => level += 1,
            b')' => level -= 1,
            _ => {}
        }
        if level == 0 {
            return Some((&text[..at], &text[at + 1..]));
        }
    }
    None
}

/// The pieces between commas that stand in no brackets and no quotes, trimmed;
/// empty ones are left out.
pub(super) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(rest: &'a str) -> Pieces<'a> {
        Pieces { rest }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.rest.is_empty() {
            let mut level = 0usize;
            let mut quotes = Quotes::default();
            let end = self.rest.bytes().position(|byte| {
                if quotes.holds(byte) {
                    return false;
                }
                match byte {
                    b'(' | b'[' | b'{' => level += 1,
                    b')' | b']' | b'}' => level = level.saturating_sub(1),
                    _ => {}
                }
                byte == b',' && level == 0
            });
            let (piece, rest) = match end {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, ""),
            };
            self.rest = rest;
            let piece = piece.trim();
            if !piece.is_empty() {
                return Some(piece);
            }
        }
        None
    }
}

/// Whether a byte stands in a quoted text, with `\` before quotes inside.
#[derive(Default)]
struct Quotes {
    open: bool,
    escaped: bool,
}

impl Quotes {
    fn holds(&mut self, byte: u8) -> bool {
        if !self.open {
            self.open = byte == b'"';
            return self.open;
        }
        if !std::mem::take(&mut self.escaped) {
            self.escaped = byte == b'\\';
            self.open = byte != b'"';
        }
        true
    }
}
