//! From values to jobs: tied values become one job, or a group.

use std::collections::{BTreeMap, HashMap};

use super::Choice;
use super::assignment::{Allocation, Value};
use super::live_range::LiveRanges;
use super::union::Sets;
use crate::error::FormatError;
use crate::job::{Job, JobId};
use crate::limits::CELL;
use crate::row::Row;
use crate::text::counted;

/// A value and its live range.
struct Ranged<'a> {
    value: &'a Value,
    birth: u64,
    death: u64,
}

/// Jobs in the making, from allocation to allocation.
pub(super) struct Making<'a> {
    pub(super) ranges: &'a LiveRanges,
    /// Of each value, by its number, the set of values that it is tied to; `None`
    /// where no HLO tells.
    pub(super) ties: Option<HashMap<u64, u32>>,
    pub(super) choice: Choice,
    /// The most that offsets are multiples of, in bytes.
    pub(super) alignment: u64,
    /// Whether there is but one allocation.
    pub(super) one: bool,
    pub(super) made: Made,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) rows: Vec<Row>,
    pub(super) groups: bool,
    without_range: u64,
    without_bytes: u64,
    aliases: u64,
    perhaps_tied: u64,
}

impl Making<'_> {
    /// Adds an allocation's jobs; tells if they do not fill it. O(n log n).
    pub(super) fn add(&mut self, allocation: &Allocation) -> Result<Option<String>, FormatError> {
        let mut by_offset: BTreeMap<u64, Vec<Ranged<'_>>> = BTreeMap::new();
        let mut top = 0;
        for value in &allocation.values {
            let Some((birth, death)) = self.ranges.of(&value.name) else {
                if self.choice == Choice::All {
                    self.made.without_range += 1;
                    continue;
                }
                let what = format!("value {:?} has no live range", value.name);
                return Err(FormatError::malformed(value.place, what));
            };
            let ties = self.ties.as_ref();
            if ties.is_some_and(|ties| !ties.contains_key(&value.number)) {
                let what = format!(
                    "value {:?} is not in the HLO: is it of the same module?",
                    value.name
                );
                return Err(FormatError::malformed(value.place, what));
            }
            top = top.max(value.offset.saturating_add(value.size));
            if value.size == 0 {
                self.made.without_bytes += 1;
                continue;
            }
            by_offset.entry(value.offset).or_default().push(Ranged {
                value,
                birth,
                death,
            });
        }
        let alignment = by_offset
            .keys()
            .map(|offset| 1 << offset.trailing_zeros().min(self.alignment.ilog2()))
            .fold(self.alignment, u64::min);
        let heap = if self.one { 0 } else { allocation.number };
        for values in by_offset.into_values() {
            self.add_offset(values, alignment, heap);
        }
        let (number, size) = (allocation.number, allocation.size);
        Ok((self.choice != Choice::All && top != size).then(|| {
            let size = counted(size, "byte");
            format!("allocation {number} is of {size}, but its values end at {top}")
        }))
    }

    /// Adds the jobs of the values that share an offset.
    fn add_offset(&mut self, mut values: Vec<Ranged<'_>>, alignment: u64, heap: u64) {
        values.sort_by_key(|value| (value.birth, value.value.number));
        let sets = self.sets(&values);
        // Sets in the order of their first values.
        let mut places: HashMap<u32, usize> = HashMap::new();
        let mut linked: Vec<Vec<Ranged<'_>>> = Vec::new();
        for (value, set) in values.into_iter().zip(sets) {
            let place = *places.entry(set).or_insert_with(|| {
                linked.push(Vec::new());
                linked.len() - 1
            });
            linked[place].push(value);
        }
        for values in &linked {
            self.made.add_linked(values, alignment, heap);
        }
    }

    /// Of each value at an offset, in order of birth, the set that it belongs to.
    fn sets(&mut self, values: &[Ranged<'_>]) -> Vec<u32> {
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
        let mut sets = Sets::new(count);
        // All that overlap, one after another.
        let (mut last, mut end) = (0, 0);
        for (index, value) in (0..count).zip(values) {
            if value.birth < end {
                sets.join(last, index);
            }
            if value.death > end {
                (last, end) = (index, value.death);
            }
        }
        let mut first_of: HashMap<u64, u32> = HashMap::new();
        match &self.ties {
            Some(ties) => {
                for (index, value) in (0..count).zip(values) {
                    if let Some(&set) = ties.get(&value.value.number) {
                        sets.join(*first_of.entry(set.into()).or_insert(index), index);
                    }
                }
            }
            None => self.made.perhaps_tied += perhaps_tied(&mut sets, values),
        }
        (0..count).map(|index| sets.of(index)).collect()
    }
}

/// Without an HLO: what a loop or a conditional carries may lie in one place with any
/// value of its size there, whose ranges need not overlap. Gives how many were tied.
fn perhaps_tied(sets: &mut Sets, values: &[Ranged<'_>]) -> u64 {
    let mut of_size: HashMap<u64, (u32, bool)> = HashMap::new();
    for (index, value) in (0..).zip(values) {
        let (_, has_phi) = of_size.entry(value.value.size).or_insert((index, false));
        *has_phi |= value.value.is_phi;
    }
    let mut tied = 0;
    for (index, value) in (0..).zip(values) {
        if let Some(&(first, true)) = of_size.get(&value.value.size)
            && sets.of(first) != sets.of(index)
        {
            sets.join(first, index);
            tied += 1;
        }
    }
    tied
}

impl Made {
    /// Adds the jobs of values of one place, given by birth.
    fn add_linked(&mut self, linked: &[Ranged<'_>], alignment: u64, heap: u64) {
        let from = self.rows.len();
        for of_size in by_size(linked) {
            let mut values = of_size.into_iter().peekable();
            while let Some(first) = values.next() {
                let mut row = row(first, alignment, heap);
                let mut names = first.value.name.clone();
                while let Some(alias) = values.next_if(|next| next.birth <= row.job.death) {
                    self.aliases += 1;
                    take_in(&mut row, alias);
                    add_name(&mut names, &alias.value.name);
                }
                row.unknown = vec![names.into()];
                self.rows.push(row);
            }
        }
        let rows = &mut self.rows[from..];
        if rows.len() > 1 {
            self.groups = true;
            let group: Box<str> = linked[0].value.number.to_string().into();
            for row in rows {
                row.job.extras_mut().group = Some(group.clone());
            }
        }
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = String> + use<> {
        let tied = "tied to what may only use its memory again: the HLO would tell, which adapt \
                    reads beside the file (*after_optimizations.txt, or --hlo)";
        [
            (self.aliases, "joined to the job of an alias"),
            (self.perhaps_tied, tied),
            (self.without_bytes, "of no bytes: left out"),
            (self.without_range, "without a live range: left out"),
        ]
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, what)| format!("{} {what}", counted(count, "value")))
    }
}

/// Values in groups of one size, each by birth.
fn by_size<'a, 'b>(values: &'a [Ranged<'b>]) -> Vec<Vec<&'a Ranged<'b>>> {
    let mut groups: BTreeMap<u64, Vec<&Ranged<'_>>> = BTreeMap::new();
    for value in values {
        groups.entry(value.value.size).or_default().push(value);
    }
    groups.into_values().collect()
}

fn row(ranged: &Ranged<'_>, alignment: u64, heap: u64) -> Row {
    let value = ranged.value;
    let mut job = Job::new(value.number, ranged.birth, ranged.death, value.size);
    job.alignment = alignment;
    job.heap = heap;
    Row {
        job,
        offset: Some(value.offset),
        place: value.place,
        unknown: Vec::new(),
    }
}

/// Makes an alias a part of its job.
fn take_in(row: &mut Row, alias: &Ranged<'_>) {
    row.job.death = row.job.death.max(alias.death);
    let number = JobId::Number(alias.value.number);
    if number < row.job.id {
        row.job.id = number;
        row.place = alias.value.place;
    }
}

/// Adds the name of an alias to those of its job, up to what one cell may hold.
fn add_name(names: &mut String, name: &str) {
    if names.len() + 1 + name.len() <= CELL {
        names.extend([" ", name]);
    }
}
