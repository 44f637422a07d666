//! What a trace tells beside its jobs, as a CSV: its notes, which a `.plc` cannot hold.
//!
//! One row a note, in the order of the trace: the logical clock of the jobs where it
//! stands, its tag, and its four words as whole numbers (see `common::trace::Note`). The
//! command line is one row, `program`, whose column `a` is a line for a shell.

use std::io::{self, Write};

use common::notes::Notes;
use common::text::shell_word;
use common::trace::wire::Call;

/// The columns.
const COLUMNS: [&str; 6] = ["clock", "note", "a", "b", "c", "d"];

/// Writes the notes.
///
/// # Errors
/// Those of the output.
pub fn write_notes(notes: &Notes, output: impl Write) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    writer.write_record(COLUMNS)?;
    let command = notes.command();
    if !command.is_empty() {
        let words: Vec<_> = command.iter().map(|word| shell_word(word)).collect();
        writer.write_record(["0", "program", &words.join(" "), "", "", ""])?;
    }
    for (clock, note) in notes.iter() {
        let Call::PosixMemalign {
            slot: tag,
            alignment: a,
            requested: b,
            block,
        } = note.call(0)
        else {
            continue;
        };
        let tag = tag.to_be_bytes();
        let words = [clock, a, b, block.usable, block.mapping_base].map(|word| word.to_string());
        let [clock, a, b, c, d] = words.each_ref().map(String::as_str);
        let tag = String::from_utf8_lossy(tag.trim_ascii_end());
        writer.write_record([clock, &tag, a, b, c, d])?;
    }
    writer.flush()
}
