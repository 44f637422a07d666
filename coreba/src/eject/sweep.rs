//! Looking at all positions of one item, from the lowest up, among those that
//! share a section with it.

use super::rows::Placed;

/// Fewest and most buckets by which addresses are sorted.
const BUCKETS: (usize, usize) = (1 << 6, 1 << 14);

/// The items in the way, by their lower and by their upper ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    pub(super) found: Vec<Placed>,
    /// An end, and which of `found` has it.
    lows: Vec<(u64, u32)>,
    highs: Vec<(u64, u32)>,
    counts: Vec<u32>,
}

/// What is looked for: positions up to `highest` for an item of `size` units.
#[derive(Clone, Copy)]
pub(super) struct Wanted<A: Fn(u64) -> u64> {
    pub(super) size: u64,
    pub(super) highest: u64,
    /// The lowest position from another on that the item's alignment allows.
    pub(super) align: A,
}

impl Sweep {
    /// The lowest position at which nothing is in the way.
    pub(super) fn hole(&mut self, wanted: &Wanted<impl Fn(u64) -> u64>) -> Option<u64> {
        let limit = wanted.highest.saturating_add(wanted.size);
        let low = |placed: &Placed| placed.low;
        sort(&self.found, &mut self.lows, &mut self.counts, limit, low);
        let mut top = 0;
        for &(low, index) in &self.lows {
            let at = (wanted.align)(top);
            if at > wanted.highest {
                return None;
            }
            if at + wanted.size <= low {
                return Some(at);
            }
            top = top.max(self.found[index as usize].high);
        }
        Some((wanted.align)(top)).filter(|&at| at <= wanted.highest)
    }

    /// The position at which what is in the way weighs least, where there is
    /// no [`Sweep::hole`], which was called just before. Of equal ones
    /// `choose` says whether the k-th found takes the place of those before.
    pub(super) fn cheapest(
        &mut self,
        wanted: &Wanted<impl Fn(u64) -> u64>,
        weight: impl Fn(u32) -> f64,
        mut choose: impl FnMut(u32) -> bool,
    ) -> Option<u64> {
        let limit = wanted.highest.saturating_add(wanted.size);
        let high = |placed: &Placed| placed.high;
        sort(&self.found, &mut self.highs, &mut self.counts, limit, high);
        let weight = |&(_, index): &(u64, u32)| weight(self.found[index as usize].item);
        let (mut lows, mut highs) = (self.lows.iter().peekable(), self.highs.iter().peekable());
        let (mut sum, mut least, mut place, mut ties) = (0.0, f64::INFINITY, None, 0);
        let mut at = (wanted.align)(0);
        // Lower than from one end to the next it can only weigh more.
        while at <= wanted.highest {
            while let Some(begun) = lows.next_if(|end| end.0 < at + wanted.size) {
                sum += weight(begun);
            }
            while let Some(ended) = highs.next_if(|end| end.0 <= at) {
                sum -= weight(ended);
            }
            if lows.len() == highs.len() {
                // Nothing is in the way: no rounding is to be left of what was.
                sum = 0.0;
            }
            ties = if sum < least { 1 } else { ties + 1 };
            if sum < least || sum == least && choose(ties) {
                least = sum;
                place = Some(at);
            }
            match highs.peek() {
                Some(end) => at = (wanted.align)(end.0),
                None => break,
            }
        }
        place
    }
}

/// Keys in one bucket up to which insertion sorts them soon.
const FEW: u32 = 48;

/// Sorts by a key that is mostly below `limit`: into buckets, then by
/// insertion. O(n) where keys are spread out, O(n log n) where they are not.
fn sort(
    found: &[Placed],
    order: &mut Vec<(u64, u32)>,
    counts: &mut Vec<u32>,
    limit: u64,
    key: impl Fn(&Placed) -> u64,
) {
    let buckets = found.len().next_power_of_two().clamp(BUCKETS.0, BUCKETS.1);
    let shift = (u64::BITS - limit.leading_zeros()).saturating_sub(buckets.ilog2());
    let bucket = |key: u64| ((key >> shift) as usize).min(buckets);
    counts.clear();
    counts.resize(buckets + 2, 0);
    for placed in found {
        counts[bucket(key(placed)) + 1] += 1;
    }
    let (mut sum, mut most) = (0, 0);
    for count in counts.iter_mut() {
        most = most.max(*count);
        sum += *count;
        *count = sum;
    }
    order.clear();
    order.resize(found.len(), (0, 0));
    for (index, placed) in (0..).zip(found) {
        let key = key(placed);
        let slot = &mut counts[bucket(key)];
        order[*slot as usize] = (key, index);
        *slot += 1;
    }
    if most > FEW {
        order.sort_unstable();
        return;
    }
    for sorted in 1..order.len() {
        let moved = order[sorted];
        let mut to = sorted;
        while to > 0 && order[to - 1].0 > moved.0 {
            order[to] = order[to - 1];
            to -= 1;
        }
        order[to] = moved;
    }
}
