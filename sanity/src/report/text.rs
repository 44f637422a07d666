//! The report for people: lines and tables that fit 80 columns.

use std::fmt::Write as _;

use common::text::printable;

use super::Report;
use super::rows::{self, Table};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Columns of the names of metrics, and a space.
const NAMES: usize = 15;
/// Columns of the longest bar.
const BAR: usize = 20;

/// The report as text. Only a job's id or a file's name can make a line longer
/// than 80 columns.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    for section in rows::sections(report) {
        if !section.title.is_empty() {
            let _ = writeln!(text, "\n{}", section.title);
        }
        for (name, value) in section.lines {
            let lines = wrapped(&printable(&value));
            for (index, line) in lines.iter().enumerate() {
                let name = if index == 0 { name } else { "" };
                let _ = writeln!(text, "{name:<width$}{line}", width = NAMES);
            }
        }
    }
    for table in rows::tables(report) {
        write_table(&mut text, &table);
    }
    text
}

fn wrapped(value: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in value.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        let length = line.chars().count() + 1 + word.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if NAMES + length <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn write_table(text: &mut String, table: &Table) {
    let width = |column: usize| {
        let cells = table.rows.iter().map(|row| row[column].len());
        cells
            .chain([table.columns[column].len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    let taken: usize = widths.iter().map(|width| width + 2).sum();
    let room = WIDTH.saturating_sub(taken + 2).min(BAR);
    let _ = writeln!(text, "\n{}", table.title);
    let mut row = |cells: &mut dyn Iterator<Item = &str>, bar: String| {
        let mut line = String::new();
        for (cell, &width) in cells.zip(&widths) {
            let _ = write!(line, "  {cell:>width$}");
        }
        let _ = writeln!(text, "{}", format!("{line}  {bar}").trim_end());
    };
    row(&mut table.columns.iter().copied(), String::new());
    for (index, cells) in table.rows.iter().enumerate() {
        let length = (table.bar(index) * room as f64).round() as usize;
        row(&mut cells.iter().map(String::as_str), "#".repeat(length));
    }
}
