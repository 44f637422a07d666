//! Columns: their names, order and meaning.

use csv::StringRecord;

use crate::csv::Options;
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

/// What the end of a lifetime or gap is, where a header leaves that open: under `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The last instant of it.
    Inclusive,
    /// The first instant after it.
    HalfOpen,
}

/// The names of columns, in lower case; those of one meaning behind each other.
const NAMES: [(&str, Field); 16] = [
    ("id", Field::Id),
    ("buffer", Field::Id),
    ("buffer_id", Field::Id),
    ("lower", Field::Birth),
    ("start", Field::Birth),
    ("begin", Field::Birth),
    ("upper", Field::DeathExclusive),
    ("end", Field::DeathInclusive),
    ("size", Field::Size),
    ("alignment", Field::Alignment),
    ("gaps", Field::Gaps),
    ("hint", Field::Hint),
    ("group", Field::Group),
    ("heap", Field::Heap),
    ("requested", Field::Requested),
    ("offset", Field::Offset),
];

/// Names that are not known, and are told each.
const TOLD: usize = 8;

/// Bytes of a name that may be a known one misspelt.
const MISSPELT: usize = 32;

/// How alike a misspelt name and a known one are, from 0 to 1 (Jaro and Winkler's): `align`
/// has 0.91 of `alignment` and `begin_time` 0.90 of `begin`, `shape` 0.78 of `heap`.
const ALIKE: f64 = 0.83;

impl Field {
    fn named(name: &str) -> Field {
        known(name).map_or(Field::Unknown, |(_, field)| field)
    }

    /// Two columns of one key say the same thing twice.
    fn key(self) -> Field {
        match self {
            Field::DeathInclusive => Field::DeathExclusive,
            other => other,
        }
    }
}

/// A name in any case, as it is written in lower case, and its meaning.
fn known(name: &str) -> Option<(&'static str, Field)> {
    let mut names = NAMES.into_iter();
    names.find(|(known, _)| known.eq_ignore_ascii_case(name))
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

    /// What separates the columns of a header line: the first of comma, semicolon and tab
    /// that finds all that is needed, and so a comma in what is written here; else the one
    /// that finds most known names.
    pub(crate) fn delimiter(header: &[u8]) -> u8 {
        let known = |&delimiter: &u8| {
            let fields = fields(header, delimiter);
            fields.filter(|&field| field != Field::Unknown).count()
        };
        let mut all = b",;\t".iter().copied();
        let whole = all.find(|&delimiter| Layout::is_header(header, delimiter));
        // Of equals, the last is taken.
        let most = || b"\t;,".iter().copied().max_by_key(known);
        whole.or_else(most).unwrap_or(b',')
    }

    /// Whether a line looks like the header of such a file.
    pub(crate) fn is_header(line: &[u8], delimiter: u8) -> bool {
        [Field::Id, Field::Birth, Field::Size]
            .iter()
            .all(|&needed| fields(line, delimiter).any(|field| field == needed))
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

    /// Settles what ends are where the header leaves it open. What is read as
    /// half-open under `end` is `upper` from here on: it is written so that its
    /// header says what it is.
    ///
    /// # Errors
    /// [`FormatError`] where the header says something else.
    pub(crate) fn settle(
        &mut self,
        options: Options,
        place: Place,
    ) -> Result<Option<String>, FormatError> {
        let is_open = self.inclusive();
        match options.ends {
            None if is_open => {
                let option = options.names.map_or_else(String::new, |names| {
                    let half_open = names.half_open;
                    format!("; where it is the first after it, use {half_open}")
                });
                let what = "\"end\" is read as the last instant of a lifetime";
                Ok(Some(what.to_owned() + &option))
            }
            Some(Ends::HalfOpen) if is_open => {
                for column in &mut self.columns {
                    if column.1 == Field::DeathInclusive {
                        *column = ("upper".into(), Field::DeathExclusive);
                    }
                }
                Ok(None)
            }
            Some(Ends::Inclusive) if !is_open => {
                let what = "an \"upper\" is exclusive, and lifetimes are to be inclusive: leave the \
                            option out, or name the column \"end\"";
                Err(FormatError::malformed(place, what))
            }
            _ => Ok(None),
        }
    }

    /// What is told of the columns that the format does not know, if there are any.
    pub(crate) fn remark_on_unknown(&self) -> Option<String> {
        let count = self.unknown().count();
        let told: Vec<String> = self
            .unknown()
            .take(TOLD)
            .map(|name| self.told(name))
            .collect();
        let rest = match count.saturating_sub(TOLD) {
            0 => String::new(),
            rest => format!(" and {rest} more"),
        };
        let columns = match count {
            0 => return None,
            1 => "unknown column, which changes nothing",
            _ => "unknown columns, which change nothing",
        };
        Some(format!("{columns}: {}{rest}", told.join(", ")))
    }

    /// An unknown name, and the known one that may be meant.
    fn told(&self, name: &str) -> String {
        let shown: String = name.chars().take(60).collect();
        match self.nearest(name) {
            Some(known) => format!("{shown:?} (did you mean {known:?}?)"),
            None => format!("{shown:?}"),
        }
    }

    /// The known name that another is most like, of those whose meaning no column has.
    fn nearest(&self, name: &str) -> Option<&'static str> {
        if name.len() > MISSPELT {
            return None;
        }
        let name = name.to_ascii_lowercase();
        let has = |field: Field| self.columns.iter().any(|(_, has)| has.key() == field.key());
        NAMES
            .into_iter()
            .filter(|&(_, field)| !has(field))
            .map(|(known, _)| (strsim::jaro_winkler(&name, known), known))
            .filter(|&(alike, _)| alike > ALIKE)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, known)| known)
    }

    /// The layout that a header line at `place` gives.
    ///
    /// # Errors
    /// [`FormatError`] where a column is missing or given twice, or there are too
    /// many.
    pub(crate) fn parse(header: &StringRecord, place: Place) -> Result<Layout, FormatError> {
        if header.len() > COLUMNS {
            let count = header.len();
            let what = format!(
                "a header of {count} columns, more than {COLUMNS}; leave out those that are not needed"
            );
            return Err(FormatError::malformed(place, what));
        }
        let mut columns: Vec<(Box<str>, Field)> = Vec::new();
        // Few, whatever the header: what is known is met once each.
        let mut met: Vec<(&str, Field)> = Vec::new();
        for name in header {
            let name = name.trim();
            let (written, field) = known(name).unwrap_or((name, Field::Unknown));
            if let Some((other, _)) = met.iter().find(|(_, has)| has.key() == field.key()) {
                let what = format!("columns {other:?} and {name:?} mean the same");
                return Err(FormatError::malformed(place, what));
            }
            if field != Field::Unknown {
                met.push((name, field));
            }
            columns.push((written.into(), field));
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
                return Err(FormatError::malformed(place, layout.lacks(field, names)));
            }
        }
        Ok(layout)
    }

    /// What is told where a column is missing.
    fn lacks(&self, field: Field, names: &str) -> String {
        let header: Vec<_> = self.columns.iter().map(|(name, _)| &**name).collect();
        let header: String = header.join(",").chars().take(60).collect();
        let meant = self.unknown().find(|name| {
            let nearest = self.nearest(name);
            nearest.is_some_and(|nearest| Field::named(nearest).key() == field)
        });
        let meant = meant.map_or_else(String::new, |name| format!(": is it {name:?}?"));
        format!("no column {names} in the header {header:?}{meant}")
    }
}

/// What the fields of a header line mean, in quotes or not.
fn fields(line: &[u8], delimiter: u8) -> impl Iterator<Item = Field> + '_ {
    line.split(move |&byte| byte == delimiter).map(|name| {
        let name = str::from_utf8(name).unwrap_or_default();
        Field::named(name.trim().trim_matches('"').trim())
    })
}
