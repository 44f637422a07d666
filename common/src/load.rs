//! Load over time, LOAD, and the lower bound that follows from alignment.
//!
//! Everything is a sweep over births and deaths: O(n log n) time, O(n) memory.

use std::collections::{BTreeMap, HashMap};

use crate::job::{Job, Piece};

/// The largest load, and the first instant at which it is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// LOAD in bytes: no placement can be smaller.
    pub peak: u64,
    /// When.
    pub at: u64,
}

/// A change of the load: at `time`, by `delta` bytes.
#[derive(Clone, Copy, Debug)]
struct Step {
    time: u64,
    delta: i64,
}

/// The load as a step function: `(time, load from then on)`, ascending in
/// time, one entry an instant at which births or deaths happen.
pub fn curve<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<(u64, u64)> {
    let mut steps = Vec::new();
    let mut groups: HashMap<&str, Vec<&Job>> = HashMap::new();
    for job in jobs {
        match job.group() {
            Some(group) => groups.entry(group).or_default().push(job),
            None => push_job(&mut steps, job),
        }
    }
    for members in groups.values() {
        push_group(&mut steps, members);
    }
    steps.sort_unstable_by_key(|step| step.time);
    let mut load = 0i128;
    let mut curve: Vec<(u64, u64)> = Vec::new();
    for step in steps {
        load += i128::from(step.delta);
        // The load between two steps of one instant may be below 0; what
        // stands after the last of them is not.
        let now = u64::try_from(load.max(0)).unwrap_or(u64::MAX);
        match curve.last_mut() {
            Some(last) if last.0 == step.time => last.1 = now,
            _ => curve.push((step.time, now)),
        }
    }
    curve
}

fn push_job(steps: &mut Vec<Step>, job: &Job) {
    for piece in job.pieces() {
        let height = (piece.high - piece.low) as i64;
        steps.push(Step {
            time: piece.birth,
            delta: height,
        });
        steps.push(Step {
            time: piece.death,
            delta: -height,
        });
    }
}

/// A group counts its largest live member once.
fn push_group(steps: &mut Vec<Step>, members: &[&Job]) {
    let pieces = members.iter().flat_map(|job| job.pieces());
    for span in largest_live(pieces) {
        let height = span.height as i64;
        steps.push(Step {
            time: span.from,
            delta: height,
        });
        steps.push(Step {
            time: span.to,
            delta: -height,
        });
    }
}

/// A span of time in which the largest live piece is the same height.
struct Span {
    from: u64,
    to: u64,
    height: u64,
}

/// The height of the largest piece that is live, over time. O(p log p) for p pieces.
fn largest_live(pieces: impl Iterator<Item = Piece>) -> Vec<Span> {
    let mut events: Vec<(u64, bool, u64)> = Vec::new();
    for piece in pieces {
        events.push((piece.birth, true, piece.high - piece.low));
        events.push((piece.death, false, piece.high - piece.low));
    }
    events.sort_unstable();
    let mut live: BTreeMap<u64, usize> = BTreeMap::new();
    let mut spans = Vec::new();
    let (mut from, mut height) = (0, 0);
    for (time, born, of_piece) in events {
        let count = live.entry(of_piece).or_default();
        if born {
            *count += 1;
        } else if *count > 1 {
            *count -= 1;
        } else {
            live.remove(&of_piece);
        }
        let now = live.last_key_value().map_or(0, |(&height, _)| height);
        if now != height {
            if height > 0 && from < time {
                let to = time;
                spans.push(Span { from, to, height });
            }
            (from, height) = (time, now);
        }
    }
    spans
}

/// LOAD and when it is first reached.
pub fn load<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Load {
    let mut best = Load::default();
    for (at, load) in curve(jobs) {
        if load > best.peak {
            best = Load { peak: load, at };
        }
    }
    best
}

/// The best bound on the makespan that LOAD, alignment and pins prove; see
/// [`Bounds::lower_bound`].
pub fn lower_bound(jobs: &[Job], start: u64) -> u64 {
    Bounds::new(jobs, start).lower_bound
}

/// LOAD and what follows from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// LOAD, and when it is reached.
    pub load: Load,
    /// The best bound on the makespan that LOAD, alignment and pins prove.
    ///
    /// The addresses of all jobs whose alignment is a multiple of g are multiples of
    /// g, so each of them but the topmost takes its size rounded up to g: the bound
    /// is the maximum over time, and over all g > 1, of the sum of the rounded sizes
    /// of such jobs, less the largest rounding slack among them; and none of their
    /// offsets lies below the first that the start address lets be aligned. It is
    /// never below LOAD, nor below the top of a pinned job.
    pub lower_bound: u64,
}

impl Bounds {
    /// The bounds for jobs that start at an address. O(n log n).
    pub fn new(jobs: &[Job], start: u64) -> Bounds {
        Bounds::with_load(load(jobs), jobs, start)
    }

    /// The same where the load is known, which spares a sweep. O(n log n).
    pub fn with_load(load: Load, jobs: &[Job], start: u64) -> Bounds {
        let lower_bound = load.peak.max(pinned_bound(jobs));
        let lower_bound = lower_bound.max(aligned_bound(jobs, start, lower_bound));
        Bounds { load, lower_bound }
    }
}

/// The top of the highest fixed job, or member of a fixed group.
fn pinned_bound(jobs: &[Job]) -> u64 {
    jobs.iter()
        .zip(crate::problem::pins(jobs))
        .filter_map(|(job, pin)| Some(pin?.saturating_add(job.size)))
        .max()
        .unwrap_or(0)
}

/// The best bound that alignment proves beyond `floor`; 0 where it proves no more. O(n log n)
/// for each of the coarsest alignments.
fn aligned_bound(jobs: &[Job], start: u64, floor: u64) -> u64 {
    let divisor = jobs
        .iter()
        .fold(0, |divisor, job| gcd(divisor, job.alignment));
    let mut steps: Vec<u64> = jobs.iter().map(|job| job.alignment).collect();
    steps.push(divisor);
    steps.sort_unstable();
    steps.dedup();
    steps.retain(|&step| step > 1);
    let events = aligned_events(jobs);
    let mut best = 0;
    for &step in steps.iter().rev().take(MOST_STEPS).chain(&[divisor]) {
        let lowest = start.next_multiple_of(step.max(1)) - start;
        let known = floor.max(best).saturating_sub(lowest);
        if step > 1 && rounded_load(&events, step) > u128::from(known) {
            let rounded = rounded_load_less_slack(&events, step);
            best = best.max(rounded.saturating_add(lowest));
        }
    }
    best
}

/// Alignments that are looked at, the coarsest first: all powers of two, and more
/// than any file has that was not made up.
const MOST_STEPS: usize = 64;

/// A birth or death of what lies at an aligned offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    time: u64,
    born: bool,
    size: u64,
    alignment: u64,
}

/// What has an alignment, over time; a group as its largest live member. A window
/// begins above its job's offset, anywhere, and is left out: the rest is a bound.
fn aligned_events(jobs: &[Job]) -> Vec<Event> {
    let at_offset = |piece: &Piece| piece.low == 0;
    let mut events = Vec::new();
    let mut push = |birth, death, size, alignment| {
        for (time, born) in [(birth, true), (death, false)] {
            events.push(Event {
                time,
                born,
                size,
                alignment,
            });
        }
    };
    let mut groups: HashMap<&str, Vec<&Job>> = HashMap::new();
    for job in jobs {
        if let Some(group) = job.group() {
            groups.entry(group).or_default().push(job);
        } else if job.alignment > 1 {
            for piece in job.pieces().filter(at_offset) {
                push(piece.birth, piece.death, piece.high, job.alignment);
            }
        }
    }
    for members in groups.values() {
        // The offset that they share obeys all of their alignments.
        let alignment = members.iter().map(|job| job.alignment);
        let alignment = alignment.max().unwrap_or(1);
        if alignment > 1 {
            let pieces = members.iter().flat_map(|job| job.pieces());
            for span in largest_live(pieces.filter(at_offset)) {
                push(span.from, span.to, span.height, alignment);
            }
        }
    }
    events.sort_unstable();
    events
}

/// The largest sum of sizes, rounded up to `step`, of what is live at once and whose
/// alignment is a multiple of it.
fn rounded_load(events: &[Event], step: u64) -> u128 {
    let (mut sum, mut most) = (0u128, 0);
    for event in events {
        if event.alignment.is_multiple_of(step) {
            let rounded = u128::from(event.size.next_multiple_of(step));
            if event.born {
                sum += rounded;
                most = most.max(sum);
            } else {
                sum -= rounded;
            }
        }
    }
    most
}

/// The same, less the largest slack in what is live then.
fn rounded_load_less_slack(events: &[Event], step: u64) -> u64 {
    let mut slacks: BTreeMap<u64, usize> = BTreeMap::new();
    let (mut sum, mut best) = (0u128, 0);
    for event in events {
        if !event.alignment.is_multiple_of(step) {
            continue;
        }
        let rounded = event.size.next_multiple_of(step);
        let slack = rounded - event.size;
        let count = slacks.entry(slack).or_default();
        if event.born {
            *count += 1;
            sum += u128::from(rounded);
        } else {
            sum -= u128::from(rounded);
            if *count > 1 {
                *count -= 1;
            } else {
                slacks.remove(&slack);
            }
        }
        // Between the births of one instant the sum is that of a subset of what
        // is live then: still a bound.
        let slack = slacks.last_key_value().map_or(0, |(&slack, _)| slack);
        best = best.max(sum.saturating_sub(u128::from(slack)));
    }
    u64::try_from(best).unwrap_or(u64::MAX)
}

/// Greatest common divisor; that of 0 and x is x.
pub fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
