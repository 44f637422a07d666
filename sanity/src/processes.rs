//! Many processes side by side, one line each: who they were, and what their memory was.
//!
//! A line comes of a trace alone, in memory that grows with the blocks live at once, or of
//! a whole report. Tables fit 80 columns, unless a file's name is long.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::io::Read;

use common::error::FormatError;
use common::lifetimes::{Account, Lifetimes, Options};
use common::notes::Coverage;
use common::text::{printable, shell_word};
use common::units::human_bytes;

use crate::report::Report;

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Columns that a command line has at least.
const COMMAND: usize = 16;
/// Up to so many processes are listed whatever they did.
const FEW: usize = 5;

/// What a table tells of a process, or of a file of jobs that is no trace.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProcessLine {
    /// Its id, where a note tells it.
    pub id: Option<u64>,
    /// Its parent's.
    pub parent: Option<u64>,
    /// Its command line; empty where no note tells it.
    pub command: Vec<String>,
    /// Calls; `None` of what is no trace.
    pub events: Option<u64>,
    /// The most usable bytes of live blocks: LOAD.
    pub peak_live: u64,
    /// The most bytes held from the system; of what is no traced program's, the makespan.
    pub peak_held: Option<u64>,
    /// The lower bound on any placement, where it was computed.
    pub least: Option<u64>,
    /// The trace says that it is not the whole truth.
    pub is_partial: bool,
    /// The file's name.
    pub file: String,
}

impl ProcessLine {
    /// Reads a trace to its end. O(1) an event, in memory that grows with the blocks that
    /// are live at once.
    ///
    /// # Errors
    /// [`FormatError`] where the trace cannot be read.
    pub fn of_trace(trace: impl Read, file: String) -> Result<ProcessLine, FormatError> {
        let options = Options {
            account: Account::Peaks,
            ..Options::default()
        };
        let mut lifetimes = Lifetimes::with_options(trace, options);
        lifetimes.read_out()?;
        let memory = lifetimes.take_memory().unwrap_or_default();
        let process = lifetimes.notes().process();
        Ok(ProcessLine {
            id: process.map(|process| process.id),
            parent: process.map(|process| process.parent),
            command: lifetimes.notes().command(),
            events: Some(lifetimes.summary().events),
            peak_live: memory.peak_live.bytes,
            peak_held: Some(memory.peak_held.bytes),
            least: None,
            is_partial: lifetimes.notes().coverage() != Coverage::Whole,
            file,
        })
    }

    /// Of a report.
    pub fn of_report(report: &Report, file: String) -> ProcessLine {
        let process = report.process.as_ref();
        let memory = report.memory.as_ref();
        let placed = || report.placement.as_ref().map(|placed| placed.makespan);
        ProcessLine {
            id: process.and_then(|process| process.id),
            parent: process.and_then(|process| process.parent),
            command: process.map_or_else(Vec::new, |process| process.command.clone()),
            events: report.trace.as_ref().map(|trace| trace.events),
            peak_live: memory.map_or(report.load.bytes, |memory| memory.peak_live),
            peak_held: memory.map(|memory| memory.peak_held).or_else(placed),
            least: Some(report.least),
            is_partial: memory.is_some_and(|memory| memory.coverage != Coverage::Whole),
            file,
        }
    }

    /// What sorts the largest first: by the peak of held memory, then of live memory; what
    /// never allocated comes last.
    pub fn rank(&self) -> impl Ord + use<> {
        let held = self.peak_held.unwrap_or(self.peak_live);
        Reverse((!self.is_idle(), held, self.peak_live))
    }

    fn is_idle(&self) -> bool {
        self.events == Some(0)
    }

    /// The command line in at most `room` columns: without the program's folder, or cut,
    /// where it is too long.
    fn command(&self, room: usize) -> String {
        let Some((program, arguments)) = self.command.split_first() else {
            return "-".to_owned();
        };
        let line = |program: &str| {
            let mut line = shell_word(program).into_owned();
            for argument in arguments {
                line.push(' ');
                line.push_str(&shell_word(argument));
            }
            printable(&line).into_owned()
        };
        let mut text = line(program);
        if text.chars().count() > room {
            text = line(program.rsplit('/').next().unwrap_or(program));
        }
        if text.chars().count() > room {
            text = text.chars().take(room.saturating_sub(3)).collect();
            text.push_str("...");
        }
        text
    }
}

/// A table of the lines in their order, `most` of them at most; where there are more than
/// a few, those that never allocated are only counted. Empty where there is no line.
pub fn table(lines: &[ProcessLine], most: usize) -> String {
    let mut shown: Vec<&ProcessLine> = lines.iter().collect();
    if lines.len() > FEW && lines.iter().any(|line| !line.is_idle()) {
        shown.retain(|line| !line.is_idle());
    }
    shown.truncate(most);
    let mut text = grid(&shown);
    let left = lines.len() - shown.len();
    if left > 0 {
        let idle = |lines: &mut dyn Iterator<Item = &ProcessLine>| {
            lines.filter(|line| line.is_idle()).count()
        };
        let idle = idle(&mut lines.iter()) - idle(&mut shown.iter().copied());
        let _ = match idle {
            0 => writeln!(text, "  ... and {left} more"),
            idle => writeln!(text, "  ... and {left} more, {idle} without an allocation"),
        };
    }
    text
}

fn grid(lines: &[&ProcessLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let with_least = lines.iter().any(|line| line.least.is_some());
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let bytes = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), human_bytes);
    let mut rows = vec![Row {
        ids: ["process", "parent"].map(str::to_owned),
        command: "command".to_owned(),
        sizes: ["events", "peak live", "peak held", "least"]
            .map(str::to_owned)
            .to_vec(),
        file: "file".to_owned(),
    }];
    rows.extend(lines.iter().map(|line| Row {
        ids: [number(line.id), number(line.parent)],
        command: String::new(),
        sizes: vec![
            number(line.events),
            human_bytes(line.peak_live),
            bytes(line.peak_held),
            bytes(line.least),
        ],
        file: match line.is_partial {
            true => format!("{} (partial)", printable(&line.file)),
            false => printable(&line.file).into_owned(),
        },
    }));
    if !with_least {
        rows.iter_mut().for_each(|row| row.sizes.truncate(3));
    }
    let widest = |cell: &dyn Fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| cell(row).chars().count());
        widths.max().unwrap_or(0)
    };
    let ids = [0, 1].map(|column| widest(&|row| &row.ids[column]));
    let sizes = (0..rows[0].sizes.len()).map(|column| widest(&|row| &row.sizes[column]));
    let sizes: Vec<usize> = sizes.collect();
    let file = widest(&|row| &row.file);
    let taken = ids
        .iter()
        .chain(&sizes)
        .map(|width| width + 2)
        .sum::<usize>()
        + file
        + 4;
    let room = WIDTH.saturating_sub(taken).max(COMMAND);
    for (row, line) in rows[1..].iter_mut().zip(lines) {
        row.command = line.command(room);
    }
    let commands = rows.iter().map(|row| row.command.chars().count());
    let command = commands.max().unwrap_or(0);
    let mut text = String::new();
    for row in &rows {
        for (cell, width) in row.ids.iter().zip(ids) {
            let _ = write!(text, "  {cell:>width$}");
        }
        let _ = write!(text, "  {:<command$}", row.command);
        for (cell, &width) in row.sizes.iter().zip(&sizes) {
            let _ = write!(text, "  {cell:>width$}");
        }
        let _ = writeln!(text, "  {}", row.file);
    }
    text
}

/// The cells of a line.
struct Row {
    ids: [String; 2],
    command: String,
    sizes: Vec<String>,
    file: String,
}

#[cfg(test)]
mod tests {
    use super::{ProcessLine, table};

    fn line(id: u64, command: &[&str], events: u64, held: u64) -> ProcessLine {
        ProcessLine {
            id: Some(id),
            parent: Some(1),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            events: Some(events),
            peak_live: held / 2,
            peak_held: Some(held),
            least: None,
            is_partial: false,
            file: format!("app.trc.{id}"),
        }
    }

    #[test]
    fn commands_are_shortened_to_fit_and_show_nothing_unseen() {
        let long = "x".repeat(100);
        let lines = [
            line(10, &["sh", "-c", "ls; ls"], 7, 4096),
            line(
                11,
                &["/usr/lib/gcc/x86_64-linux-gnu/13/cc1", &long],
                7,
                2048,
            ),
            line(12, &["a\u{1b}b"], 7, 2048),
            line(13, &[], 7, 2048),
        ];
        let text = table(&lines, 20);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        assert!(text.contains("  sh -c 'ls; ls'  "), "{text}");
        assert!(
            text.contains("  cc1 xxx") && text.contains("xxx...  "),
            "{text}"
        );
        assert!(text.contains(r"$'a\033b'"), "{text}");
        assert!(text.contains("1  -  "), "{text}");
        assert!(text.starts_with("  process  parent  command"), "{text}");
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn of_many_those_without_an_allocation_are_counted() {
        let mut lines: Vec<_> = (0..30)
            .map(|id| line(id, &["a"], id % 3, 10 * id))
            .collect();
        lines.sort_by_key(ProcessLine::rank);
        let text = table(&lines, 8);
        assert_eq!(text.lines().count(), 10);
        assert!(text.contains("app.trc.29\n"), "{text}");
        assert!(
            text.ends_with("  ... and 22 more, 10 without an allocation\n"),
            "{text}"
        );
        // A few are all listed.
        let few = table(&lines[27..], 8);
        assert_eq!(few.lines().count(), 4);
        assert_eq!(table(&[], 8), "");
    }
}
