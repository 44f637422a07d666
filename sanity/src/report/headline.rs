//! What a report says first of a traced program: what it is, its peaks, the least that it
//! needs, and what could be saved.

use common::notes::Coverage;
use common::text::{printable, shell_word};
use common::units::human_bytes;

use super::memory::Memory;
use super::rows::{Line, bytes, number, verdict};
use super::savings::Saving;
use super::{Process, Report};

/// Characters of a line beside its name.
const ONE_LINE: usize = 65;
/// Characters of a command line that are shown in any case.
const LEAST_COMMAND: usize = 24;

/// The first lines on a traced program.
pub(super) fn headline(report: &Report, memory: &Memory) -> Vec<Line> {
    let mut lines = Vec::new();
    if report.is_invalid() {
        lines.push(("placement", verdict(report)));
    }
    lines.push(("program", program(report)));
    let partial = memory.partial.iter().cloned();
    lines.extend(partial.map(|reason| ("partial", reason)));
    let bound = memory.bound();
    lines.push((
        "peak live",
        format!(
            "{}{bound} {}, {} of them requested",
            human_bytes(memory.peak_live),
            memory.when(memory.peak_live_time),
            human_bytes(memory.peak_requested),
        ),
    ));
    let resident = match memory.resident_peak {
        Some(bytes) if memory.has_no_end => {
            format!("; resident {} at least", human_bytes(bytes))
        }
        Some(bytes) => format!("; resident {} at most", human_bytes(bytes)),
        None => String::new(),
    };
    lines.push((
        "peak held",
        format!(
            "{}{bound} {}{resident}",
            human_bytes(memory.peak_held),
            memory.when(memory.peak_held_time),
        ),
    ));
    lines.push((
        "least",
        format!(
            "{}: no placement of these blocks is smaller",
            human_bytes(memory.least)
        ),
    ));
    let saving = match lasting(memory) {
        Some(saving) => as_recorded(memory, saving.text.clone()),
        None => could_save(memory),
    };
    lines.push(("could save", saving));
    lines
}

/// The largest saving that is there for long.
pub(super) fn lasting(memory: &Memory) -> Option<&Saving> {
    memory.savings.first().filter(|saving| !saving.brief)
}

/// The verdict on a traced program in one line.
pub(super) fn could_save(memory: &Memory) -> String {
    let text = match lasting(memory) {
        Some(saving) => format!("could save {}", saving.text),
        None => format!(
            "nothing to gain{}: {} touched at the peak, least {}",
            if memory.savings.is_empty() {
                ""
            } else {
                " for long"
            },
            human_bytes(memory.peak_touched),
            human_bytes(memory.least),
        ),
    };
    as_recorded(memory, text)
}

/// A verdict, and that it is no more than that where the trace does not know all.
fn as_recorded(memory: &Memory, verdict: String) -> String {
    match memory.coverage {
        Coverage::Whole => verdict,
        _ => format!("as far as recorded, {verdict}"),
    }
}

/// What the program is, as far as the trace tells.
fn program(report: &Report) -> String {
    let Some(process) = &report.process else {
        return match report.jobs {
            0 => "not recorded: the trace is empty".to_owned(),
            _ => "not recorded".to_owned(),
        };
    };
    let mut facts = Vec::new();
    facts.extend(process.id.map(|id| format!("process {id}")));
    facts.extend(process.seconds.map(|seconds| format!("{seconds:.3} s")));
    if report.jobs == 0 {
        facts.push("no allocation".to_owned());
    }
    let facts = match facts.is_empty() {
        true => String::new(),
        false => format!(" ({})", facts.join(", ")),
    };
    let Some(command) = command(process) else {
        return format!("not recorded{facts}");
    };
    // Of a long command line as much as leaves one line, without the program's folder.
    let room = ONE_LINE.saturating_sub(facts.chars().count());
    let room = room.max(LEAST_COMMAND);
    let is_long = |text: &str| text.chars().nth(room).is_some();
    if !is_long(&command) {
        return command + &facts;
    }
    let (path, arguments) = command.split_once(' ').unwrap_or((&command, ""));
    let name = path.rsplit('/').next().unwrap_or(path);
    let short = format!("{name} {arguments}");
    if !is_long(&short) {
        return short + &facts;
    }
    let kept: String = short.chars().take(room - 3).collect();
    format!("{kept}...{facts}")
}

/// The command line of a process, where a note tells it.
pub(super) fn command(process: &Process) -> Option<String> {
    let words = process.command.iter().map(|word| shell_word(word));
    let text = words.collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then(|| printable(&text).into_owned())
}

pub(super) fn over_time(memory: &Memory) -> Vec<Line> {
    let mut lines = Vec::new();
    let most = match memory.coverage {
        Coverage::Whole => "most",
        _ => "most, as far as recorded",
    };
    if memory.inherited > 0 {
        let bytes = human_bytes(memory.inherited);
        lines.push((
            "before",
            format!("{bytes} of peak held were there before the first event"),
        ));
    }
    lines.extend([
        (
            "touched",
            format!(
                "{} at {most}, {}",
                bytes(memory.peak_touched),
                memory.when(memory.peak_touched_time)
            ),
        ),
        (
            "pinned",
            format!(
                "{} at {most}, {}: {} of it in pages without a block, {} in mostly free pages \
                 that several classes share",
                bytes(memory.peak_pinned),
                memory.when(memory.peak_pinned_time),
                human_bytes(memory.empty_pages),
                human_bytes(memory.pinned_together),
            ),
        ),
        (
            "held / live",
            format!("{} over time", number(memory.held_over_live)),
        ),
        (
            "at the end",
            format!(
                "{} live, {} held, {} touched{}",
                human_bytes(memory.end_live),
                human_bytes(memory.end_held),
                human_bytes(memory.end_touched),
                match memory.coverage {
                    Coverage::Whole => "",
                    _ => ", as far as recorded",
                }
            ),
        ),
    ]);
    lines
}
