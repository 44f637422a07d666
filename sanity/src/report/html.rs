//! One page to look at a placement as one looks at a map. It needs no network:
//! its policy forbids every request.
//!
//! All that comes from the input is either escaped for HTML, or JSON in which
//! `<` is escaped, or packed in base64: no id can end a script.

use std::borrow::Cow;
use std::io::{self, Write};

use common::input::Document;
use common::units::human_bytes;

use super::headline::could_save;
use super::history::History;
use super::map_data::MapData;
use super::rows::{self, Pick, Section, Table};
use super::svg::escaped;
use super::{Colour, Other, Report, Span};

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
/// The last one starts the page.
const SCRIPTS: [&str; 14] = [
    include_str!("html/data.js"),
    include_str!("html/view.js"),
    include_str!("html/scale.js"),
    include_str!("html/draw.js"),
    include_str!("html/axes.js"),
    include_str!("html/chart.js"),
    include_str!("html/search.js"),
    include_str!("html/select.js"),
    include_str!("html/compare.js"),
    include_str!("html/pins.js"),
    include_str!("html/tip.js"),
    include_str!("html/pointer.js"),
    include_str!("html/keys.js"),
    include_str!("html/page.js"),
];

/// Characters of a command line that a title has room for.
const LONGEST_COMMAND: usize = 60;

/// What a page or a picture shows.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// Its title: the name of what was read.
    pub title: &'a str,
    /// The program that was traced, where it is known.
    pub program: Option<String>,
    /// One line on what could be saved; by default what the other placement saves.
    pub verdict: Option<String>,
    /// The jobs and their placement.
    pub document: &'a Document,
    /// What was measured of them.
    pub report: &'a Report,
    /// Another placement to compare with.
    pub other: Option<Other<'a>>,
    /// What is known of the process beside its blocks.
    pub history: History,
    /// What colours tell at first.
    pub colour: Colour,
}

impl<'a> Page<'a> {
    /// One of these jobs alone.
    pub fn new(title: &'a str, document: &'a Document, report: &'a Report) -> Page<'a> {
        let memory = report.memory.as_ref();
        Page {
            title,
            program: program(report),
            verdict: memory.map(could_save),
            document,
            report,
            other: None,
            history: History::new(document, report),
            colour: Colour::Size,
        }
    }

    /// What was looked at.
    pub(super) fn name(&self) -> &str {
        self.program.as_deref().unwrap_or(self.title)
    }

    /// What came out.
    pub(super) fn outcome(&self) -> Option<Cow<'_, str>> {
        let difference = || self.difference().map(Cow::Owned);
        self.verdict
            .as_deref()
            .map(Cow::Borrowed)
            .or_else(difference)
    }

    /// How the other placement differs, in bytes and per cent.
    fn difference(&self) -> Option<String> {
        let against = self.report.against.as_ref()?;
        let bytes = human_bytes(
            against
                .saved_bytes
                .unsigned_abs()
                .try_into()
                .unwrap_or(u64::MAX),
        );
        let percent = 100.0 * against.saved_share.abs();
        Some(match against.saved_bytes.signum() {
            1 => format!("{bytes} ({percent:.1} %) less memory"),
            -1 => format!("{bytes} ({percent:.1} %) more memory"),
            _ => "as much memory".to_owned(),
        })
    }
}

/// The command line, as far as a title has room for it.
fn program(report: &Report) -> Option<String> {
    let command = &report.process.as_ref()?.command;
    let (path, arguments) = command.split_first()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut command = [&[name.to_owned()], arguments].concat().join(" ");
    if let Some((at, _)) = command.char_indices().nth(LONGEST_COMMAND) {
        command.truncate(at);
        command.push('…');
    }
    Some(command).filter(|command| !command.is_empty())
}

/// Writes the page; false, and nothing, where the document has no placement.
/// O(n log n) time, O(n) memory.
///
/// # Errors
/// Those of the output.
pub fn html(output: &mut impl Write, page: &Page<'_>) -> io::Result<bool> {
    let Some(data) = MapData::new(page) else {
        return Ok(false);
    };
    // What is filled in is never searched for the names of other parts.
    for (index, piece) in PAGE.split("{{").enumerate() {
        let text = match piece.split_once("}}") {
            Some((name, text)) if index > 0 => {
                write_part(name, page, &data, output)?;
                text
            }
            _ => piece,
        };
        output.write_all(text.as_bytes())?;
    }
    Ok(true)
}

fn write_part(
    name: &str,
    page: &Page<'_>,
    data: &MapData<'_>,
    output: &mut impl Write,
) -> io::Result<()> {
    match name {
        "title" => output.write_all(title(page).as_bytes()),
        "name" => output.write_all(escaped(page.name()).as_bytes()),
        "verdict" => {
            output.write_all(escaped(page.verdict.as_deref().unwrap_or_default()).as_bytes())
        }
        "style" => output.write_all(STYLE.as_bytes()),
        "difference" => match (&page.other, page.difference()) {
            (Some(other), Some(difference)) => write_difference(output, page, other, &difference),
            _ => Ok(()),
        },
        "metrics" => {
            let sections = rows::sections(page.report);
            sections
                .iter()
                .try_for_each(|section| write_section(output, section))
        }
        "tables" => {
            let tables = rows::tables(page.report);
            tables
                .iter()
                .try_for_each(|table| write_table(output, table))
        }
        "invalid" if page.report.is_invalid() => output.write_all(b"invalid"),
        "invalid" => Ok(()),
        "meta" => output.write_all(data.meta()?.as_bytes()),
        "data" => data.write(output),
        "script" => SCRIPTS
            .iter()
            .try_for_each(|script| output.write_all(script.as_bytes())),
        other => Err(io::Error::other(format!("the page has no part {other:?}"))),
    }
}

fn title(page: &Page<'_>) -> String {
    let name = escaped(page.name());
    match page.outcome() {
        Some(outcome) => format!("{name}: {}", escaped(&outcome)),
        None => name,
    }
}

fn write_difference(
    output: &mut impl Write,
    page: &Page<'_>,
    other: &Other<'_>,
    difference: &str,
) -> io::Result<()> {
    let makespan = |report: &Report| {
        let placed = report.placement.as_ref();
        human_bytes(placed.map_or(0, |placed| placed.makespan))
    };
    let (here, there) = (makespan(page.report), makespan(other.report));
    let (name, other) = (escaped(page.title), escaped(other.name));
    writeln!(
        output,
        "<p id=\"difference\">Before: {name}, {here}. After: {other}, {there}: <b>{difference}</b>.</p>"
    )
}

fn write_section(output: &mut impl Write, section: &Section) -> io::Result<()> {
    if !section.title.is_empty() {
        let title = escaped(section.title);
        writeln!(
            output,
            "<tr class=\"heading\"><th colspan=\"2\">{title}</th></tr>"
        )?;
    }
    for (name, value) in &section.lines {
        let (name, value) = (escaped(name), escaped(value));
        writeln!(
            output,
            "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>"
        )?;
    }
    Ok(())
}

fn write_table(output: &mut impl Write, table: &Table) -> io::Result<()> {
    writeln!(
        output,
        "<table><caption>{}</caption><thead><tr>",
        escaped(table.title)
    )?;
    for column in &table.columns {
        write!(output, "<th scope=\"col\">{}</th>", escaped(column))?;
    }
    writeln!(output, "</tr></thead><tbody>")?;
    for (index, row) in table.rows.iter().enumerate() {
        let bar = 100.0 * table.bar(index);
        write!(output, "<tr style=\"--bar:{bar:.2}%\"")?;
        let picked = table.pick(index);
        let (kind, span) = match picked {
            Some(Pick::Sizes(span)) => ("size", span),
            Some(Pick::Requested(span)) => ("requested", span),
            Some(Pick::Ages(span)) => ("age", span),
            Some(Pick::Heap(base)) => (
                "heap",
                Span {
                    from: base,
                    to: base,
                },
            ),
            None => ("", Span { from: 0, to: 0 }),
        };
        if picked.is_some() {
            let (from, to) = (span.from, span.to);
            write!(
                output,
                " data-pick=\"{kind}\" data-from=\"{from}\" data-to=\"{to}\""
            )?;
        }
        output.write_all(b">")?;
        for (column, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            match picked {
                // A button, for those who have no pointer.
                Some(_) if column == 0 => {
                    write!(output, "<td><button type=\"button\">{cell}</button></td>")?
                }
                _ => write!(output, "<td>{cell}</td>")?,
            }
        }
        writeln!(output, "</tr>")?;
    }
    writeln!(output, "</tbody></table>")
}
