//! What of a job a `.plc` cannot say: an error, or left out and counted.
//!
//! Gaps and groups let jobs share memory; without them a job holds its own for
//! its whole lifetime. So leaving them out adds conflicts and takes none away:
//! a placement of what is left serves the jobs as they were.

use std::collections::HashMap;

use common::csv::Layout;
use common::error::FormatError;
use common::job::JobId;
use common::plc;
use common::row::Row;
use common::text::counted;

use super::AdaptError;

/// What was left out so far.
pub(super) struct Losses {
    lossy: bool,
    from_csv: bool,
    unknown: Vec<String>,
    renumbered: u64,
    gaps: u64,
    groups: u64,
    hints: u64,
    /// Whether a column that no format knows held something.
    columns: bool,
    offsets: u64,
    elsewhere: bool,
    at_zero: bool,
    /// Births and deaths, while all jobs lie at 0.
    lifetimes: Vec<(u64, u64)>,
    numbers: Numbers,
}

impl Losses {
    /// `columns` are those of the CSV that is read, if one is.
    pub(super) fn new(columns: Option<&Layout>, lossy: bool) -> Losses {
        Losses {
            lossy,
            from_csv: columns.is_some(),
            unknown: columns.map_or_else(Vec::new, |columns| {
                columns.unknown().map(str::to_owned).collect()
            }),
            renumbered: 0,
            gaps: 0,
            groups: 0,
            hints: 0,
            columns: false,
            offsets: 0,
            elsewhere: false,
            at_zero: false,
            lifetimes: Vec::new(),
            numbers: Numbers::default(),
        }
    }

    /// Takes from a job what a `.plc` cannot say.
    ///
    /// # Errors
    /// [`FormatError`] that names it, unless losses are allowed.
    pub(super) fn strip(&mut self, row: &mut Row) -> Result<(), FormatError> {
        if !self.lossy
            && let Some(what) = self.unsayable(row)
        {
            let place = row.place;
            let id = &row.job.id;
            let what = format!("job {id}: a .plc cannot hold {what} (--lossy leaves it out)");
            return Err(FormatError::Malformed { place, what });
        }
        if self.lossy {
            self.leave_out(row);
        }
        self.elsewhere |= row.job.heap != 0 || row.offset != Some(0);
        match self.elsewhere {
            true => self.lifetimes = Vec::new(),
            false => self.lifetimes.push((row.job.birth, row.job.death)),
        }
        self.offsets += u64::from(self.from_csv && row.offset.is_some());
        Ok(())
    }

    fn unsayable(&self, row: &Row) -> Option<String> {
        if let Some(what) = plc::unsayable(&row.job) {
            return Some(what.to_owned());
        }
        if row.job.hint().is_some() {
            return Some("a hint".to_owned());
        }
        if row.offset == Some(plc::NOT_PLACED) {
            return Some("the offset 2^64 - 1".to_owned());
        }
        let column = self.unknown.first()?;
        Some(format!("the column {column:?}"))
    }

    fn leave_out(&mut self, row: &mut Row) {
        let number = match row.job.id {
            JobId::Number(number) => self.numbers.keep(number),
            JobId::Text(_) => self.numbers.fresh(),
        };
        let id = JobId::Number(number);
        self.renumbered += u64::from(row.job.id != id);
        row.job.id = id;
        if let Some(extras) = row.job.extras.take() {
            self.gaps += u64::from(!extras.gaps.is_empty());
            self.groups += u64::from(extras.group.is_some());
            self.hints += u64::from(extras.hint.is_some());
        }
        self.columns |= !self.unknown.is_empty();
        if row.offset == Some(plc::NOT_PLACED) {
            row.offset = None;
        }
    }

    /// # Errors
    /// [`AdaptError::PlacedAtZero`], unless losses are allowed.
    pub(super) fn finish(&mut self, jobs: u64) -> Result<(), AdaptError> {
        let lifetimes = std::mem::take(&mut self.lifetimes);
        self.at_zero = jobs > 1 && !self.elsewhere && !plc::live_apart(lifetimes);
        if self.at_zero && !self.lossy {
            return Err(AdaptError::PlacedAtZero);
        }
        Ok(())
    }

    /// What was left out, in words.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = [
            (self.renumbered, "id", "renumbered"),
            (
                self.gaps,
                "job",
                "with memory in the gaps too: more jobs conflict",
            ),
            (
                self.groups,
                "job",
                "of groups without shared memory: more jobs conflict",
            ),
            (self.hints, "hint", "left out"),
        ]
        .into_iter()
        .filter(|&(count, ..)| count > 0)
        .map(|(count, noun, what)| format!("{} {what}", counted(count, noun)))
        .collect();
        if self.columns {
            notes.push(format!("columns left out: {}", self.unknown.join(", ")));
        }
        if self.at_zero {
            notes.push("the placement is left out: every heap and offset is 0".to_owned());
        } else if self.offsets > 0 {
            let offsets = counted(self.offsets, "offset");
            notes.push(format!(
                "{offsets} kept as a placement: in a .plc nothing is fixed"
            ));
        }
        notes
    }
}

/// Numbers that were given to jobs. One bit each where they are dense.
#[derive(Default)]
struct Numbers {
    given: HashMap<u64, u64>,
    /// No lower number is free.
    free_from: u64,
}

impl Numbers {
    fn give(&mut self, number: u64) -> bool {
        let word = self.given.entry(number >> 6).or_default();
        let bit = 1 << (number & 63);
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    /// The number itself, unless another job was given it.
    fn keep(&mut self, number: u64) -> u64 {
        if self.give(number) {
            number
        } else {
            self.fresh()
        }
    }

    /// The lowest number that no job was given.
    fn fresh(&mut self) -> u64 {
        while !self.give(self.free_from) {
            self.free_from += 1;
        }
        self.free_from
    }
}
