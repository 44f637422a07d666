//! Text as people are shown it.

use std::borrow::Cow;
use std::fmt::Display;

/// A count and what is counted, one or many: `1 job`, `2 jobs`. Only for nouns
/// that take an `s`.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let ending = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{ending}")
}

/// The text on one line, with control characters and invisible ones escaped:
/// ids, columns and names of files may hold any, and could end a line, steer a
/// terminal, or look like another text. O(length), and no copy where there is
/// none to escape.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unseen(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// The text as one word of a shell's command line, quoted where that is needed; what
/// [`printable`] escapes is written as bash, zsh and ksh read it, in `$'...'`. A name
/// that begins with a dash stays one for the shell, and an option for the program.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(|c| is_plain(c) && !is_unseen(c)) {
        return Cow::Borrowed(text);
    }
    if !text.contains(is_unseen) {
        return Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")));
    }
    let mut word = String::from("$'");
    for character in text.chars() {
        match character {
            '\'' | '\\' => word.extend(['\\', character]),
            '\n' => word.push_str("\\n"),
            '\t' => word.push_str("\\t"),
            unseen if is_unseen(unseen) => word.push_str(&match u32::from(unseen) {
                code @ ..0x80 => format!("\\{code:03o}"),
                code @ ..0x1_0000 => format!("\\u{code:04x}"),
                code => format!("\\U{code:08x}"),
            }),
            seen => word.push(seen),
        }
    }
    word.push('\'');
    Cow::Owned(word)
}

/// Whether a character shows as nothing and acts on what does: a control, an
/// end of a line or paragraph, a mark of interlinear text, or what Unicode calls
/// default ignorable, to which all that turns the direction of text belongs.
fn is_unseen(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::{printable, shell_word};

    #[test]
    fn a_shell_reads_a_word_back_as_it_was() {
        for plain in ["a", "a-b/c.trc", "größe", "a=b,c:d@%+"] {
            assert_eq!(shell_word(plain), plain);
        }
        for (text, word) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("ls; ls", "'ls; ls'"),
            ("it's", r"'it'\''s'"),
            ("$HOME`x`\\", r"'$HOME`x`\'"),
            ("a\nb'\\", r"$'a\nb\'\\'"),
            ("\u{1b}1", r"$'\0331'"),
            ("\u{202e}x", r"$'\u202ex'"),
            ("\u{e0041}x", r"$'\U000e0041x'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    #[test]
    fn what_is_seen_stays_and_what_is_not_is_escaped() {
        for plain in [
            "a b", "größe", "名前", "אבג", "e\u{301}", "\u{a0}", "🙂", "a\\b'\"",
        ] {
            assert_eq!(printable(plain), plain);
        }
        let turning = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\
                       \u{2066}\u{2067}\u{2068}\u{2069}";
        let hidden =
            "\0\t\n\u{1b}\u{7f}\u{85}\u{ad}\u{200b}\u{2028}\u{2029}\u{2060}\u{feff}\u{e0041}";
        for unseen in turning.chars().chain(hidden.chars()) {
            let expected = format!("a{}b", unseen.escape_default());
            assert_eq!(printable(&format!("a{unseen}b")), expected);
        }
    }
}
