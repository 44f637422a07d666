//! Lemma 1: boxing jobs of one height that are all live at a common time.
//!
//! **Statement.** Let Z be jobs of unit height, all live at a time t*; let H be
//! a box height and e > 0. All but at most 2 H ceil(1/e^2) of Z can be boxed,
//! H to a box, such that at every time t
//!
//! ```text
//! load of the boxes at t  <=  load of the boxed jobs at t + (e + 2 e^2) * load of Z at t
//! ```
//!
//! **Construction.** See a job as the point (birth, death). Cut off *strips*: a
//! vertical one takes the jobs of the earliest births that are left, a
//! horizontal one those of the latest deaths. The two outer strips, of
//! H ceil(1/e^2) jobs each, stay unresolved. Then inner strips, of H ceil(1/e)
//! jobs each, vertical and horizontal by turns, until none is left. The jobs of
//! a vertical strip go into boxes by death, latest first, H to a box; those of
//! a horizontal strip by birth, earliest first.
//!
//! **Proof of the constant.** Let t > t* and some boxed job live at t. A
//! horizontal strip's deaths are no later than those of the one before, so at
//! most one is partly dead at t; it wastes at most its H ceil(1/e). In a
//! vertical strip the live jobs are a prefix, so one box at most is partly
//! empty: it wastes at most H. If the k-th vertical strip is the last with a
//! job live at t, then the outer horizontal strip and k - 1 inner ones, cut
//! before it, are all live: load of Z at t >= H/e^2 + (k - 1) H/e. So the waste
//! is at most k H + H (1/e + 1) = (k - 1) H + H/e + 2 H <= (e + 2 e^2) * load
//! of Z at t. Times before t* are the mirror image. ∎
//!
//! Here the number of strips of a kind that are live is counted from the first
//! cut on; where only a horizontal strip is live, k = 0, and less is wasted.

use std::cmp::Reverse;

use super::jobs::Job;

/// What the lemma makes of a set of jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strips {
    /// Jobs of each box: at most H.
    pub(crate) boxes: Vec<Vec<u32>>,
    /// The outer strips.
    pub(crate) unresolved: Vec<u32>,
}

/// A fraction's reciprocal, rounded up, times H; large rather than wrong.
fn strip_size(rows: usize, parts: f64) -> usize {
    rows.saturating_mul(parts.ceil() as usize).max(1)
}

/// Jobs of an outer strip: H ceil(1/e^2).
pub(crate) fn outer_strip(rows: usize, e: f64) -> usize {
    strip_size(rows, 1.0 / (e * e))
}

/// Jobs of an inner strip: H ceil(1/e).
pub(crate) fn inner_strip(rows: usize, e: f64) -> usize {
    strip_size(rows, 1.0 / e)
}

/// Jobs in one order, cut from the front.
struct Cutter {
    order: Vec<u32>,
    next: usize,
}

impl Cutter {
    /// The next jobs that no other cutter took.
    fn cut(&mut self, taken: &mut [bool], count: usize) -> Vec<u32> {
        let mut strip = Vec::with_capacity(count.min(self.order.len() - self.next));
        while strip.len() < count
            && let Some(&place) = self.order.get(self.next)
        {
            self.next += 1;
            if !std::mem::replace(&mut taken[place as usize], true) {
                strip.push(place);
            }
        }
        strip
    }
}

/// Boxes `set`, whose jobs share a section, H = `rows` to a box. O(n log n).
pub(crate) fn strips(jobs: &[Job], set: &[u32], rows: usize, e: f64) -> Strips {
    let outer = outer_strip(rows, e);
    if set.len() <= outer.saturating_mul(2) {
        return Strips {
            boxes: Vec::new(),
            unresolved: set.to_vec(),
        };
    }
    debug_assert!(share_a_section(jobs, set), "Lemma 1: all live at t*");
    let job = |place: u32| &jobs[set[place as usize] as usize];
    let by_birth = |&place: &u32| (job(place).first, place);
    let by_death = |&place: &u32| (Reverse(job(place).last), place);
    let mut order: Vec<u32> = (0..set.len() as u32).collect();
    order.sort_unstable_by_key(by_death);
    let mut horizontal = Cutter {
        order: order.clone(),
        next: 0,
    };
    order.sort_unstable_by_key(by_birth);
    let mut vertical = Cutter { order, next: 0 };
    let mut taken = vec![false; set.len()];
    let name = |strip: &[u32]| -> Vec<u32> {
        let named = strip.iter().map(|&place| set[place as usize]);
        named.collect()
    };
    let mut strips = Strips {
        unresolved: name(&vertical.cut(&mut taken, outer)),
        ..Strips::default()
    };
    let outermost = horizontal.cut(&mut taken, outer);
    strips.unresolved.extend(name(&outermost));
    let inner = inner_strip(rows, e);
    for turn in 0.. {
        let strip = if turn % 2 == 0 {
            let mut strip = vertical.cut(&mut taken, inner);
            strip.sort_unstable_by_key(by_death);
            strip
        } else {
            let mut strip = horizontal.cut(&mut taken, inner);
            strip.sort_unstable_by_key(by_birth);
            strip
        };
        if strip.is_empty() {
            break;
        }
        strips.boxes.extend(strip.chunks(rows).map(name));
    }
    strips
}

fn share_a_section(jobs: &[Job], set: &[u32]) -> bool {
    let first = set.iter().map(|&job| jobs[job as usize].first).max();
    let last = set.iter().map(|&job| jobs[job as usize].last).min();
    first <= last
}
