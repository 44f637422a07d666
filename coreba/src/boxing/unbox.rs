//! Unboxing: from boxes of one height to loose offsets of all items, and to
//! orders in which first fit squeezes them.
//!
//! Boxes of one height are coloured as intervals into rows, as many as live at
//! once; so are the contents of each box, level by level. A job's loose offset
//! is that of its box and the height of the rows below its own. Loose offsets
//! never overlap: they are a placement already, with all the air that rounding
//! and boxing let in.
//!
//! Rows of one height may lie in any order. By default they are stacked by the
//! area that is in use in them, the fullest at the bottom, so that the air rises:
//! the paper has no use for that, the squeeze often has.

use super::colour::colour;
use super::jobs::Jobs;

/// How the rows of a box, or of the boxes, are stacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stacking {
    /// The row with the largest area at the bottom.
    Fullest,
    /// As they were coloured: the row of the first birth at the bottom.
    Coloured,
}

/// Where an item lies.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    /// In units.
    pub(crate) offset: u128,
    /// The height of the row that the item lies in.
    pub(crate) row_height: u64,
    /// The row of its outermost box.
    pub(crate) level: u32,
}

/// Where the items of a boxing lie.
#[derive(Clone, Debug)]
pub(crate) struct Loose {
    /// By item; nothing is said of those that were not boxed.
    pub(crate) places: Vec<Place>,
}

/// Unboxes `boxes`, all of one height. O(n log n) a level of boxes.
pub(crate) fn unbox(jobs: &Jobs, boxes: Vec<u32>, stacking: Stacking) -> Loose {
    let rows = Rows {
        jobs,
        areas: areas(jobs),
        stacking,
    };
    let mut places = vec![Place::default(); jobs.items()];
    let height = boxes.first().map_or(0, |&job| jobs.job(job).height);
    let mut left: Vec<(u32, u32, u128)> = rows
        .of(boxes)
        .map(|(job, row)| (job, row, u128::from(row) * u128::from(height)))
        .collect();
    // A stack of boxes instead of recursion.
    while let Some((job, level, offset)) = left.pop() {
        let Some(contents) = jobs.contents(job) else {
            continue;
        };
        let row_height = contents.row_height;
        for (member, row) in rows.of(contents.members.to_vec()) {
            let offset = offset + u128::from(row) * u128::from(row_height);
            debug_assert!(
                u64::from(row) < jobs.job(job).height / row_height,
                "unboxing: a box holds its jobs"
            );
            match places.get_mut(member as usize) {
                Some(place) => {
                    *place = Place {
                        offset,
                        row_height,
                        level,
                    };
                }
                None => left.push((member, level, offset)),
            }
        }
    }
    Loose { places }
}

/// Parts sets of jobs into rows.
struct Rows<'a> {
    jobs: &'a Jobs,
    areas: Vec<f64>,
    stacking: Stacking,
}

impl Rows<'_> {
    /// The jobs of a set by birth, and their rows from the bottom up.
    fn of(&self, mut set: Vec<u32>) -> impl Iterator<Item = (u32, u32)> {
        set.sort_unstable_by_key(|&job| (self.jobs.job(job).first, job));
        let colouring = colour(set.iter().map(|&job| self.jobs.job(job)));
        let mut rank: Vec<u32> = (0..colouring.rows).collect();
        if self.stacking == Stacking::Fullest {
            let mut used: Vec<(f64, u32)> = rank.iter().map(|&row| (0.0, row)).collect();
            for (&job, &row) in set.iter().zip(&colouring.row) {
                used[row as usize].0 += self.areas[job as usize];
            }
            used.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            for (place, &(_, row)) in (0..).zip(&used) {
                rank[row as usize] = place;
            }
        }
        set.into_iter()
            .zip(colouring.row)
            .map(move |(job, row)| (job, rank[row as usize]))
    }
}

/// What is in use in each job: of a box what its items take.
fn areas(jobs: &Jobs) -> Vec<f64> {
    let mut areas: Vec<f64> = Vec::with_capacity(jobs.all().len());
    for (number, job) in (0..).zip(jobs.all()) {
        let area = match jobs.contents(number) {
            Some(contents) => contents
                .members
                .iter()
                .map(|&member| areas[member as usize])
                .sum(),
            None => job.height as f64 * f64::from(job.last - job.first + 1),
        };
        areas.push(area);
    }
    areas
}
