//! Disjoint ranges of addresses, each with the instant since which it is there.

use std::collections::BTreeMap;

/// A range of addresses that was there for a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The first address.
    pub low: u64,
    /// The first address behind it.
    pub high: u64,
    /// When it was touched first.
    pub birth: u64,
    /// When it was given back; one past the end of the clock where it never was.
    pub death: u64,
}

/// The ranges that are there now. Every call costs O(log n) for n ranges, and what it
/// changes.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// By the first address: the first one behind it, and since when.
    ranges: BTreeMap<u64, (u64, u64)>,
    /// The range that was found last.
    last: (u64, u64),
    bytes: u64,
}

impl Ranges {
    /// Their length in all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds what of `low..high` is not there yet.
    #[inline]
    pub(super) fn add(&mut self, time: u64, low: u64, high: u64) {
        if self.last.0 <= low && high <= self.last.1 {
            return;
        }
        self.add_slowly(time, low, high);
    }

    fn add_slowly(&mut self, time: u64, low: u64, high: u64) {
        let mut at = low;
        if let Some((&start, &(end, _))) = self.ranges.range(..=low).next_back()
            && low < end
        {
            self.last = (start, end);
            at = end;
        }
        while at < high {
            let next = self.ranges.range(at..).next();
            let (gap_end, next_end) = match next {
                Some((&start, &(end, _))) if start < high => (start, end),
                _ => (high, high),
            };
            if at < gap_end {
                self.insert(time, at, gap_end);
            }
            at = next_end;
        }
    }

    fn insert(&mut self, time: u64, low: u64, high: u64) {
        self.bytes += high - low;
        if let Some((&start, (end, since))) = self.ranges.range_mut(..low).next_back()
            && (*end, *since) == (low, time)
        {
            *end = high;
            self.last = (start, high);
            return;
        }
        self.ranges.insert(low, (high, time));
        self.last = (low, high);
    }

    /// Takes `low..high` out, and gives each part of it that was there to `gone`.
    pub(super) fn remove(&mut self, low: u64, high: u64, mut gone: impl FnMut(u64, u64, u64)) {
        if low >= high {
            return;
        }
        self.last = (0, 0);
        if let Some((&start, &(end, since))) = self.ranges.range(..low).next_back()
            && low < end
        {
            self.ranges.insert(start, (low, since));
            // Its rest, which the loop below takes out.
            self.ranges.insert(low, (end, since));
        }
        while let Some((&start, &(end, since))) = self.ranges.range(low..high).next() {
            self.ranges.remove(&start);
            let stop = end.min(high);
            if high < end {
                self.ranges.insert(high, (end, since));
            }
            self.bytes -= stop - start;
            gone(start, stop, since);
        }
    }

    /// All ranges, by address, with the instant since which each is there.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let all = self.ranges.iter();
        all.map(|(&low, &(high, since))| (low, high, since))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn ranges_are_what_marking_each_address_says(
            steps in proptest::collection::vec((0u64..60, 1u64..20, any::<bool>()), 1..60),
        ) {
            let (mut ranges, mut marks) = (Ranges::default(), [None; 80]);
            for (time, (low, length, add)) in (0u64..).zip(steps) {
                let high = low + length;
                let part = &mut marks[low as usize..high as usize];
                if add {
                    ranges.add(time, low, high);
                    part.iter_mut().for_each(|mark| { mark.get_or_insert(time); });
                } else {
                    let mut gone = [None; 80];
                    ranges.remove(low, high, |low, high, since| {
                        gone[low as usize..high as usize].fill(Some(since));
                    });
                    prop_assert_eq!(&gone[low as usize..high as usize], &*part);
                    part.fill(None);
                }
                let mut there = [None; 80];
                for (low, high, since) in ranges.iter() {
                    prop_assert!(low < high);
                    there[low as usize..high as usize].fill(Some(since));
                }
                prop_assert_eq!(there, marks);
                let bytes = marks.iter().flatten().count() as u64;
                prop_assert_eq!(ranges.bytes(), bytes);
            }
        }
    }
}
