//! What a placement holds of its heaps' pages over time.
//!
//! A page is touched at t when a job that is live then holds a byte of it. Its
//! gaps are the bytes that no live job holds. The inner pages of a block are
//! full of it, so only the first and the last page of each block can have
//! gaps: two counters a block, in one sweep over births and deaths. O(n log n)
//! time, O(n) memory, whatever the sizes.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use common::job::Job;
use common::placement::Placement;

/// Bytes a page.
pub const PAGE: u64 = 4096;

/// Rectangles, or jobs, from which a second thread pays.
pub(super) const WORTH_A_THREAD: usize = 100_000;

/// A span of time in which a range of addresses of a heap is held. Those of a
/// valid placement are disjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rectangle {
    pub(super) heap: u64,
    pub(super) birth: u64,
    pub(super) death: u64,
    pub(super) low: u64,
    pub(super) high: u64,
}

/// All that the jobs hold: the pieces of each job, and of each group the union
/// of what its live members hold.
pub(super) fn rectangles(jobs: &[Job], placement: &Placement) -> Vec<Rectangle> {
    let mut rectangles = Vec::with_capacity(jobs.len());
    let mut groups: BTreeMap<(&str, u64), Vec<Rectangle>> = BTreeMap::new();
    for (job, &offset) in jobs.iter().zip(&placement.offsets) {
        let of_job = job.pieces().map(|piece| Rectangle {
            heap: job.heap,
            birth: piece.birth,
            death: piece.death,
            low: offset.saturating_add(piece.low),
            high: offset.saturating_add(piece.high),
        });
        match job.group() {
            None => rectangles.extend(of_job),
            Some(group) => groups.entry((group, job.heap)).or_default().extend(of_job),
        }
    }
    for members in groups.values() {
        union(members, &mut rectangles);
    }
    rectangles
}

/// The union of rectangles of one heap, as disjoint ones: a sweep that opens what a
/// birth covers anew, and closes what a death leaves bare. O(log n) for each
/// rectangle that comes or goes.
fn union(members: &[Rectangle], rectangles: &mut Vec<Rectangle>) {
    let Some(heap) = members.first().map(|member| member.heap) else {
        return;
    };
    let mut bounds: Vec<u64> = members.iter().flat_map(|m| [m.low, m.high]).collect();
    bounds.sort_unstable();
    bounds.dedup();
    // Births before the deaths of an instant: what goes on is not cut.
    let events = (0..).zip(members);
    let events = events.flat_map(|(index, m)| [(m.birth, false, index), (m.death, true, index)]);
    let mut events: Vec<(u64, bool, usize)> = events.collect();
    events.sort_unstable();
    let mut cover = Cover::new(bounds.len());
    // By where they begin: where they end, and since when.
    let mut open: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for (time, dies, index) in events {
        let bound = |address: u64| bounds.partition_point(|&bound| bound < address);
        let span = bound(members[index].low)..bound(members[index].high);
        if !dies {
            for bare in cover.bare(&span) {
                open.insert(bounds[bare.start], (bounds[bare.end], time));
            }
            cover.change(&span, 1);
            continue;
        }
        cover.change(&span, -1);
        for bare in cover.bare(&span) {
            let (mut at, end) = (bounds[bare.start], bounds[bare.end]);
            while at < end
                && let Some((&low, &(high, birth))) = open.range(..=at).next_back()
            {
                open.remove(&low);
                if low < at {
                    open.insert(low, (at, birth));
                }
                if end < high {
                    open.insert(end, (high, birth));
                }
                rectangles.push(Rectangle {
                    heap,
                    birth,
                    death: time,
                    low: at,
                    high: high.min(end),
                });
                at = high;
            }
        }
    }
}

/// How often each of some steps is covered: a tree of which a node counts for all
/// steps beneath it.
struct Cover {
    /// The root is at 1, the children of i at 2i and 2i + 1.
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Default)]
struct Node {
    count: i32,
    /// Whether any of the steps is covered from here or beneath, and whether all are.
    any: bool,
    all: bool,
}

impl Cover {
    fn new(steps: usize) -> Cover {
        Cover {
            nodes: vec![Node::default(); 2 * steps.next_power_of_two()],
        }
    }

    /// Covers a span once more, or once less.
    fn change(&mut self, span: &Range<usize>, by: i32) {
        let whole = 0..self.nodes.len() / 2;
        self.change_below(1, whole, span, by);
    }

    fn change_below(&mut self, at: usize, steps: Range<usize>, span: &Range<usize>, by: i32) {
        if span.end <= steps.start || steps.end <= span.start {
            return;
        }
        let is_leaf = steps.len() == 1;
        if span.start <= steps.start && steps.end <= span.end {
            self.nodes[at].count += by;
        } else {
            let middle = steps.start + steps.len() / 2;
            self.change_below(2 * at, steps.start..middle, span, by);
            self.change_below(2 * at + 1, middle..steps.end, span, by);
        }
        let covered = self.nodes[at].count > 0;
        let (mut any, mut all) = (covered, covered);
        if !is_leaf {
            let (left, right) = (self.nodes[2 * at], self.nodes[2 * at + 1]);
            any |= left.any || right.any;
            all |= left.all && right.all;
        }
        (self.nodes[at].any, self.nodes[at].all) = (any, all);
    }

    /// The parts of a span that are not covered, ascending.
    fn bare(&self, span: &Range<usize>) -> Vec<Range<usize>> {
        let mut bare = Vec::new();
        let whole = 0..self.nodes.len() / 2;
        self.bare_below(1, whole, span, &mut bare);
        bare
    }

    fn bare_below(
        &self,
        at: usize,
        steps: Range<usize>,
        span: &Range<usize>,
        bare: &mut Vec<Range<usize>>,
    ) {
        let from = steps.start.max(span.start);
        let to = steps.end.min(span.end);
        let node = self.nodes[at];
        if from >= to || node.all {
            return;
        }
        if node.any {
            let middle = steps.start + steps.len() / 2;
            self.bare_below(2 * at, steps.start..middle, span, bare);
            self.bare_below(2 * at + 1, middle..steps.end, span, bare);
            return;
        }
        match bare.last_mut() {
            Some(last) if last.end == from => last.end = to,
            _ => bare.push(from..to),
        }
    }
}

/// The gaps in touched pages, and the touched pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Gaps {
    /// Bytes of gaps at the instant asked for.
    pub(super) at_peak: u64,
    /// Their integral over time, in byte ticks.
    pub(super) area: u128,
    /// The most pages touched at once, over all heaps.
    pub(super) most_pages: u64,
}

/// Measures disjoint rectangles. `peak` is the instant for [`Gaps::at_peak`].
pub(super) fn gaps(rectangles: &[Rectangle], peak: u64) -> Gaps {
    let ends = Ends::new(rectangles);
    if rectangles.len() < WORTH_A_THREAD {
        return sweep(rectangles, &ends, peak, 0, u64::MAX);
    }
    // Any instant divides the time in two halves that need nothing of each other.
    let mut births: Vec<u64> = rectangles.iter().map(|held| held.birth).collect();
    let half = births.len() / 2;
    let (_, &mut middle, _) = births.select_nth_unstable(half);
    drop(births);
    let (early, late) = rayon::join(
        || sweep(rectangles, &ends, peak, 0, middle),
        || sweep(rectangles, &ends, peak, middle, u64::MAX),
    );
    Gaps {
        at_peak: if peak < middle {
            early.at_peak
        } else {
            late.at_peak
        },
        area: early.area + late.area,
        most_pages: early.most_pages.max(late.most_pages),
    }
}

/// The pages in which each rectangle begins and ends, numbered from 0.
struct Ends {
    pages: Vec<[u32; 2]>,
    count: usize,
}

impl Ends {
    fn new(rectangles: &[Rectangle]) -> Ends {
        let mut numbers: HashMap<(u64, u64), u32> = HashMap::new();
        let mut number = |heap, page| {
            let next = numbers.len() as u32;
            *numbers.entry((heap, page)).or_insert(next)
        };
        let pages = rectangles.iter().map(|held| {
            let first = number(held.heap, held.low / PAGE);
            let last = (held.high - 1) / PAGE;
            match last == held.low / PAGE {
                true => [first, first],
                false => [first, number(held.heap, last)],
            }
        });
        Ends {
            pages: pages.collect(),
            count: numbers.len(),
        }
    }
}

/// Measures from the instant `from` to before `until`.
fn sweep(rectangles: &[Rectangle], ends: &Ends, peak: u64, from: u64, until: u64) -> Gaps {
    // Times are below 2^63: the lowest bit tells births from deaths.
    let mut events: Vec<(u64, u32)> = Vec::with_capacity(2 * rectangles.len());
    let seen = || {
        let all = (0u32..).zip(rectangles);
        all.filter(|(_, held)| held.birth < until && from < held.death)
    };
    // Births and deaths apart: often one of them is in order.
    events.extend(seen().map(|(index, held)| (held.birth.max(from) << 1 | 1, index)));
    events.extend(seen().map(|(index, held)| (held.death.min(until) << 1, index)));
    events.sort_by_key(|event| event.0);
    let mut pages = Pages {
        touched: 0,
        held: 0,
        ends: vec![0; ends.count],
    };
    let mut gaps = Gaps::default();
    let mut at = 0;
    while at < events.len() {
        let time = events[at].0 >> 1;
        while at < events.len() && events[at].0 >> 1 == time {
            let (key, index) = events[at];
            let (held, ends) = (&rectangles[index as usize], ends.pages[index as usize]);
            pages.change(held, ends, key & 1 == 1);
            at += 1;
        }
        let now = pages.gaps();
        if let Some(&(next, _)) = events.get(at) {
            gaps.area += u128::from(now) * u128::from((next >> 1) - time);
            if (time..next >> 1).contains(&peak) {
                gaps.at_peak = now;
            }
        }
        gaps.most_pages = gaps.most_pages.max(pages.touched);
    }
    gaps
}

/// Which pages are touched at one instant.
struct Pages {
    touched: u64,
    held: u64,
    /// By page: the live blocks that begin or end in it.
    ends: Vec<u32>,
}

impl Pages {
    fn gaps(&self) -> u64 {
        self.touched * PAGE - self.held
    }

    fn change(&mut self, held: &Rectangle, [first, last]: [u32; 2], born: bool) {
        let inner = ((held.high - 1) / PAGE - held.low / PAGE).saturating_sub(1);
        if born {
            self.held += held.high - held.low;
            self.touched += inner;
        } else {
            self.held -= held.high - held.low;
            self.touched -= inner;
        }
        self.end(first, born);
        if last != first {
            self.end(last, born);
        }
    }

    fn end(&mut self, page: u32, born: bool) {
        let count = &mut self.ends[page as usize];
        if born {
            self.touched += u64::from(*count == 0);
            *count += 1;
        } else {
            *count -= 1;
            self.touched -= u64::from(*count == 0);
        }
    }
}
