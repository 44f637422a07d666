//! Theorem 2: boxing jobs of one height and any lifetimes.
//!
//! **Statement.** Let Z be jobs of unit height, H a box height, e > 0. All of Z
//! can be boxed, at most H live at once in a box, such that at every time t
//!
//! ```text
//! load of the boxes at t  <=  (1 + e + 2 e^2) * load of Z at t + 2 U + H
//! U = 2 H ceil(1/e^2) * (floor(lg q) + 1)
//! ```
//!
//! where q is the most critical times of a range (below). The paper states it
//! with a simpler factor and with what is added in O-notation, q being bounded
//! by the ends of the U jobs live at either end of a range.
//!
//! **Construction.** A *range* of time has jobs inside it and critical times.
//! Jobs live at some critical time are grouped by binary splitting of the times:
//! those live at the middle one, then each side by itself. So at most
//! floor(lg q) + 1 groups have jobs live at any time. Lemma 1 boxes each group;
//! what it leaves unresolved, at most U jobs live at once, is coloured as an
//! interval graph into rows: first into rows of earlier boxes that are free
//! throughout the range, then into new rows, H to a new box. Between two
//! critical times lies a range of the next level, with the jobs strictly
//! between them. Its critical times are the ends of the rows' gaps inside it,
//! so on the level after it every row is either in use throughout a range or
//! free throughout, and can be used again. That is why what is added does not
//! grow with the number of levels.
//!
//! **Why 2 U + H.** A range opens rows only when fewer than U rows are free
//! throughout it, and then has less than U + H free or newly used ones. Rows
//! that are idle at a time inside it and yet not free throughout have an end
//! inside it: the level before used them, at most U. ∎
//!
//! **The practical variant.** A random time at which a job of the range lives is
//! always among the critical times: so a range never has critical times with
//! nothing live (the case to avoid), and the levels are O(log n), as in
//! quicksort. A box of rows is cut where nothing in it lives, which only lowers
//! its load.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use rand::{Rng, RngExt as _};

use super::colour::colour;
use super::jobs::Job;
use super::lemma1;

/// What the theorem makes of a set of jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Boxed {
    /// Jobs of each box.
    pub(crate) boxes: Vec<Vec<u32>>,
    /// The most critical times of a range: q.
    #[cfg(test)]
    pub(crate) most_critical: usize,
}

/// The bound on what is added to the load, in unit rows: 2 U + H.
#[cfg(test)]
pub(crate) fn added(rows: usize, e: f64, most_critical: usize) -> usize {
    let unresolved = 2 * lemma1::outer_strip(rows, e);
    2 * unresolved * (most_critical.ilog2() as usize + 1) + rows
}

/// A part of time with the jobs inside it.
struct Range {
    first: u32,
    last: u32,
    /// By birth.
    jobs: Vec<u32>,
    /// Sections in order, at some of which jobs live.
    critical: Vec<u32>,
    /// Boxes by number, once for each of their rows that is free throughout.
    free: Vec<u32>,
}

/// The jobs of a range, parted by its critical times.
#[derive(Default)]
struct Parts {
    /// Those that live at one, and their groups.
    live: Vec<(usize, u32)>,
    /// Those between, by the number of critical times before them.
    between: Vec<(usize, Vec<u32>)>,
}

/// Boxes `set`, H = `rows` rows to a box. `None` where `stop` says so.
/// O(n log n) a level, O(log n) levels expected.
pub(crate) fn boxes(
    jobs: &[Job],
    mut set: Vec<u32>,
    rows: usize,
    e: f64,
    random: &mut impl Rng,
    stop: &mut dyn FnMut() -> bool,
) -> Option<Boxed> {
    set.sort_unstable_by_key(|&job| (jobs[job as usize].first, job));
    let mut boxing = Boxing {
        jobs,
        // More rows than jobs are no use.
        rows: rows.min(set.len()).max(1),
        e,
        resolved: Vec::new(),
        of_rows: Vec::new(),
        #[cfg(test)]
        most_critical: 0,
    };
    // A stack of ranges instead of recursion.
    let mut ranges = Vec::new();
    if !set.is_empty() {
        ranges.push(Range {
            first: 0,
            last: u32::MAX,
            critical: vec![time_of_one(jobs, &set, random)],
            jobs: set,
            free: Vec::new(),
        });
    }
    while let Some(range) = ranges.pop() {
        if stop() {
            return None;
        }
        boxing.divide(range, &mut ranges, random);
    }
    let mut boxes = boxing.resolved;
    for members in boxing.of_rows {
        cut_where_empty(jobs, members, &mut boxes);
    }
    Some(Boxed {
        boxes,
        #[cfg(test)]
        most_critical: boxing.most_critical,
    })
}

/// A random time in the life of a random job of a set.
fn time_of_one(jobs: &[Job], set: &[u32], random: &mut impl Rng) -> u32 {
    let job = &jobs[set[random.random_range(0..set.len())] as usize];
    random.random_range(job.first..=job.last)
}

struct Boxing<'a> {
    jobs: &'a [Job],
    /// H: rows of a box.
    rows: usize,
    e: f64,
    /// Boxes by Lemma 1.
    resolved: Vec<Vec<u32>>,
    /// Boxes of rows.
    of_rows: Vec<Vec<u32>>,
    #[cfg(test)]
    most_critical: usize,
}

impl Boxing<'_> {
    /// Boxes the jobs of a range that live at a critical time, and pushes the
    /// ranges between.
    fn divide(&mut self, range: Range, ranges: &mut Vec<Range>, random: &mut impl Rng) {
        #[cfg(test)]
        {
            self.most_critical = self.most_critical.max(range.critical.len());
        }
        let Parts { live, between } = self.part(&range);
        debug_assert!(
            !live.is_empty(),
            "Theorem 2: a job lives at a critical time"
        );
        let mut unresolved = Vec::new();
        for group in live.chunk_by(|a, b| a.0 == b.0) {
            let group: Vec<u32> = group.iter().map(|&(_, job)| job).collect();
            let strips = lemma1::strips(self.jobs, &group, self.rows, self.e);
            self.resolved.extend(strips.boxes);
            unresolved.extend(strips.unresolved);
        }
        let mut left = range.jobs.len() - live.len();
        unresolved.sort_unstable_by_key(|&job| (self.jobs[job as usize].first, job));
        let colouring = colour(unresolved.iter().map(|&job| &self.jobs[job as usize]));
        let mut box_of_row = range.free;
        self.open(&mut box_of_row, colouring.rows as usize, left);
        for (&job, &row) in unresolved.iter().zip(&colouring.row) {
            self.of_rows[box_of_row[row as usize] as usize].push(job);
        }
        let mut gaps = Gaps::new(self.jobs, &unresolved, &colouring.row, box_of_row.len());
        for (index, inside) in between {
            let first = index
                .checked_sub(1)
                .map_or(range.first, |before| range.critical[before] + 1);
            let last = range
                .critical
                .get(index)
                .map_or(range.last, |&after| after - 1);
            left -= inside.len();
            let (free, mut critical) = gaps.within(first, last, inside.len());
            critical.push(time_of_one(self.jobs, &inside, random));
            critical.sort_unstable();
            critical.dedup();
            ranges.push(Range {
                first,
                last,
                jobs: inside,
                critical,
                free: free.iter().map(|&row| box_of_row[row as usize]).collect(),
            });
        }
        debug_assert_eq!(left, 0);
    }

    /// Parts the jobs of a range by its critical times.
    fn part(&self, range: &Range) -> Parts {
        let Parts {
            mut live,
            mut between,
        } = Parts::default();
        let mut before = 0;
        for &index in &range.jobs {
            let job = &self.jobs[index as usize];
            debug_assert!(range.first <= job.first && job.last <= range.last);
            while range
                .critical
                .get(before)
                .is_some_and(|&time| time < job.first)
            {
                before += 1;
            }
            let rest = &range.critical[before..];
            let within = rest.partition_point(|&time| time <= job.last);
            if within > 0 {
                // Times are numbered from 1 for the splitting.
                live.push((splitting_time(before + 1, before + within), index));
            } else {
                match between.last_mut() {
                    Some((place, inside)) if *place == before => inside.push(index),
                    _ => between.push((before, vec![index])),
                }
            }
        }
        // Stable: by birth within a group.
        live.sort_by_key(|&(group, _)| group);
        Parts { live, between }
    }

    /// Opens boxes until there are enough rows, and lists as many of their rows
    /// as could be used by so many jobs that are left.
    fn open(&mut self, box_of_row: &mut Vec<u32>, needed: usize, left: usize) {
        while box_of_row.len() < needed {
            let number = self.of_rows.len() as u32;
            self.of_rows.push(Vec::new());
            let missing = needed - box_of_row.len();
            let listed = self.rows.min(missing + left);
            box_of_row.extend(std::iter::repeat_n(number, listed));
        }
    }
}

/// The first time from `first` to `last` at which binary splitting of the
/// numbers from 1 on splits: the one with the most trailing zeros.
fn splitting_time(first: usize, last: usize) -> usize {
    let highest = ((first - 1) ^ last).ilog2();
    last >> highest << highest
}

/// The gaps of rows, over ranges from left to right.
struct Gaps<'a> {
    jobs: &'a [Job],
    /// Jobs in rows by birth, and their rows.
    members: &'a [u32],
    rows: &'a [u32],
    /// Members born before the range.
    born: usize,
    /// Deaths of the members in order, and how many are before the range.
    deaths: Vec<u32>,
    died: usize,
    free: BTreeSet<u32>,
    busy: BinaryHeap<Reverse<(u32, u32)>>,
    /// Marks rows that are taken up inside a range, by its first section.
    taken_up: Vec<u32>,
}

impl<'a> Gaps<'a> {
    fn new(jobs: &'a [Job], members: &'a [u32], rows: &'a [u32], count: usize) -> Gaps<'a> {
        let mut deaths: Vec<u32> = members
            .iter()
            .map(|&member| jobs[member as usize].last)
            .collect();
        deaths.sort_unstable();
        Gaps {
            jobs,
            members,
            rows,
            born: 0,
            deaths,
            died: 0,
            free: (0..count as u32).collect(),
            busy: BinaryHeap::new(),
            taken_up: vec![u32::MAX; count],
        }
    }

    /// Up to `most` rows that are free throughout a range, and the sections
    /// inside it next to which a row's gap begins or ends. Ranges must come in
    /// order and share nothing.
    fn within(&mut self, first: u32, last: u32, most: usize) -> (Vec<u32>, Vec<u32>) {
        while let Some(&member) = self.members.get(self.born)
            && self.jobs[member as usize].first < first
        {
            let job = &self.jobs[member as usize];
            self.release(job.first);
            self.free.remove(&self.rows[self.born]);
            self.busy.push(Reverse((job.last, self.rows[self.born])));
            self.born += 1;
        }
        self.release(first);
        let mut ends = Vec::new();
        let rest = self.members[self.born..]
            .iter()
            .zip(&self.rows[self.born..]);
        for (&member, &row) in rest {
            let birth = self.jobs[member as usize].first;
            if birth > last {
                break;
            }
            ends.push(birth);
            self.taken_up[row as usize] = first;
        }
        while self
            .deaths
            .get(self.died)
            .is_some_and(|&death| death < first)
        {
            self.died += 1;
        }
        let inside = self.deaths[self.died..].iter();
        ends.extend(inside.take_while(|&&death| death <= last));
        let throughout = self.free.iter().copied();
        let free = throughout
            .filter(|&row| self.taken_up[row as usize] != first)
            .take(most)
            .collect();
        (free, ends)
    }

    /// Frees the rows of members that die before a section.
    fn release(&mut self, section: u32) {
        while let Some(&Reverse((last, row))) = self.busy.peek()
            && last < section
        {
            self.busy.pop();
            self.free.insert(row);
        }
    }
}

/// Parts the members of a box where none of them lives.
fn cut_where_empty(jobs: &[Job], mut members: Vec<u32>, boxes: &mut Vec<Vec<u32>>) {
    members.sort_unstable_by_key(|&member| (jobs[member as usize].first, member));
    let mut part: Vec<u32> = Vec::new();
    let mut until = 0;
    for member in members {
        let job = &jobs[member as usize];
        if !part.is_empty() && job.first > until {
            boxes.push(std::mem::take(&mut part));
        }
        until = until.max(job.last);
        part.push(member);
    }
    if !part.is_empty() {
        boxes.push(part);
    }
}
