//! Columns: their names, order and meaning.

use csv::StringRecord;

use crate::error::{FormatError, Place};
use crate::job::Job;
use crate::limits::COLUMNS;

/// What a column means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Birth,
    DeathExclusive,
    DeathInclusive,
    Size,
    Alignment,
    Gaps,
    Hint,
    Group,
    Heap,
    Requested,
    Offset,
    Unknown,
}

impl Field {
    fn named(name: &str) -> Field {
        match name {
            "id" | "buffer" | "buffer_id" => Field::Id,
            "lower" | "start" | "begin" => Field::Birth,
            "upper" => Field::DeathExclusive,
            "end" => Field::DeathInclusive,
            "size" => Field::Size,
            "alignment" => Field::Alignment,
            "gaps" => Field::Gaps,
            "hint" => Field::Hint,
            "group" => Field::Group,
            "heap" => Field::Heap,
            "requested" => Field::Requested,
            "offset" => Field::Offset,
            _ => Field::Unknown,
        }
    }

    /// Two columns of one key say the same thing twice.
    fn key(self) -> Field {
        match self {
            Field::DeathInclusive => Field::DeathExclusive,
            other => other,
        }
    }
}

/// The columns of a CSV: their names, order and meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(crate) columns: Vec<(Box<str>, Field)>,
}

impl Layout {
    /// The layout with these columns, by their names; `upper` is exclusive,
    /// `end` inclusive.
    pub fn of(names: &[&str]) -> Layout {
        Layout {
            columns: names
                .iter()
                .map(|&name| (name.into(), Field::named(name)))
                .collect(),
        }
    }

    /// The columns that a file of these jobs needs.
    pub fn for_jobs<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Layout {
        let mut needed = [false; 6];
        for job in jobs {
            let uses = [
                job.alignment != 1,
                job.heap != 0,
                job.requested != job.size,
                !job.gaps().is_empty(),
                job.hint().is_some(),
                job.group().is_some(),
            ];
            for (needed, uses) in needed.iter_mut().zip(uses) {
                *needed |= uses;
            }
        }
        let optional = ["alignment", "heap", "requested", "gaps", "hint", "group"];
        let mut names = vec!["id", "lower", "upper", "size"];
        names.extend(
            optional
                .into_iter()
                .zip(needed)
                .filter_map(|(name, needed)| needed.then_some(name)),
        );
        Layout::of(&names)
    }

    /// The names of the columns that the format does not know.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.columns
            .iter()
            .filter(|(_, field)| *field == Field::Unknown)
            .map(|(name, _)| &**name)
    }

    /// Whether a line looks like the header of such a file.
    pub(crate) fn is_header(line: &str) -> bool {
        let fields: Vec<_> = line
            .split(',')
            .map(|name| Field::named(name.trim()))
            .collect();
        [Field::Id, Field::Birth, Field::Size]
            .iter()
            .all(|needed| fields.contains(needed))
    }

    /// Whether there is an `offset` column.
    pub fn has_offset(&self) -> bool {
        self.has(Field::Offset)
    }

    /// The same columns and, if there is none yet, `offset` behind them.
    #[must_use]
    pub fn with_offset(mut self) -> Layout {
        if !self.has_offset() {
            self.columns.push(("offset".into(), Field::Offset));
        }
        self
    }

    /// The same columns without `offset`.
    #[must_use]
    pub fn without_offset(mut self) -> Layout {
        self.columns.retain(|&(_, field)| field != Field::Offset);
        self
    }

    fn has(&self, field: Field) -> bool {
        self.columns.iter().any(|&(_, has)| has == field)
    }

    /// Whether deaths and the ends of gaps are inclusive.
    pub(crate) fn inclusive(&self) -> bool {
        self.has(Field::DeathInclusive)
    }

    /// The layout that a header line gives.
    ///
    /// # Errors
    /// [`FormatError`] where a column is missing or given twice, or there are too
    /// many.
    pub(crate) fn parse(header: &StringRecord) -> Result<Layout, FormatError> {
        let place = Place::Line(header.position().map_or(1, csv::Position::line));
        if header.len() > COLUMNS {
            let count = header.len();
            let what = format!(
                "a header of {count} columns, more than {COLUMNS}; leave out those that are not needed"
            );
            return Err(FormatError::malformed(place, what));
        }
        let mut columns: Vec<(Box<str>, Field)> = Vec::new();
        // Few, whatever the header: what is known is met once each.
        let mut known: Vec<(&str, Field)> = Vec::new();
        for name in header {
            let name = name.trim();
            let field = Field::named(name);
            if let Some((other, _)) = known.iter().find(|(_, has)| has.key() == field.key()) {
                let what = format!("columns {other:?} and {name:?} mean the same");
                return Err(FormatError::malformed(place, what));
            }
            if field != Field::Unknown {
                known.push((name, field));
            }
            columns.push((name.into(), field));
        }
        let layout = Layout { columns };
        let needed = [
            (Field::Id, "id (or buffer, buffer_id)"),
            (Field::Birth, "lower (or start, begin)"),
            (
                Field::DeathExclusive,
                "upper (exclusive) or end (inclusive)",
            ),
            (Field::Size, "size"),
        ];
        for (field, names) in needed {
            if !layout.columns.iter().any(|(_, has)| has.key() == field) {
                let header: Vec<_> = layout.columns.iter().map(|(name, _)| &**name).collect();
                let header: String = header.join(",").chars().take(60).collect();
                let what = format!("no column {names} in the header {header:?}");
                return Err(FormatError::malformed(place, what));
            }
        }
        Ok(layout)
    }
}
