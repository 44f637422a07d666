//! Size classes, and buckets by powers of two.

use serde::Serialize;

/// Sizes up to this are classed in steps of [`STEP`].
const LINEAR: u64 = 128;
const STEP: u64 = 16;
/// Classes a doubling above [`LINEAR`].
const PER_DOUBLING: u32 = 4;

/// A range of values, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// The smallest value.
    pub from: u64,
    /// The largest value.
    pub to: u64,
}

/// How many size classes there are.
pub(super) const CLASSES: usize = 8 + 57 * PER_DOUBLING as usize;

/// The size class of a size, as jemalloc's classes are spaced: steps of 16
/// bytes up to 128, then four a doubling, so that a class spans a fifth of its
/// sizes at most.
pub fn size_class(size: u64) -> Span {
    class(class_index(size))
}

/// The number of a size's class, ascending with the size; below [`CLASSES`].
pub(super) fn class_index(size: u64) -> usize {
    let last = size.max(1) - 1;
    if last < LINEAR {
        return (last / STEP) as usize;
    }
    let doubling = last.ilog2() - LINEAR.ilog2();
    let quarter = last >> (last.ilog2() - PER_DOUBLING.ilog2()) & (u64::from(PER_DOUBLING) - 1);
    (LINEAR / STEP) as usize + (doubling * PER_DOUBLING) as usize + quarter as usize
}

/// The sizes of a class.
pub(super) fn class(index: usize) -> Span {
    let (index, linear) = (index as u64, LINEAR / STEP);
    let (below, step) = if index < linear {
        (index * STEP, STEP)
    } else {
        let (doubling, quarter) = (
            (index - linear) / u64::from(PER_DOUBLING),
            (index - linear) % u64::from(PER_DOUBLING),
        );
        let step = (LINEAR / u64::from(PER_DOUBLING)) << doubling;
        (step * (u64::from(PER_DOUBLING) + quarter), step)
    };
    Span {
        from: below + 1,
        // The last class ends with the last number.
        to: below.saturating_add(step),
    }
}

/// `[2^k, 2^(k+1) - 1]`, the bucket that holds a value of at least 1.
pub fn bucket(value: u64) -> Span {
    let from = 1u64 << value.max(1).ilog2();
    Span {
        from,
        to: from + (from - 1),
    }
}

/// One bar of a histogram.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Bar {
    /// The values that it counts: from a power of two to below the next.
    #[serde(flatten)]
    pub span: Span,
    /// Jobs.
    pub jobs: u64,
    /// Sum of their sizes.
    pub bytes: u64,
}

/// The histogram of pairs of a value and a size, by powers of two; empty
/// buckets are left out. O(n).
pub(super) fn histogram(values: impl Iterator<Item = (u64, u64)>) -> Vec<Bar> {
    let mut counts = [(0u64, 0u64); 64];
    for (value, size) in values {
        let (jobs, bytes) = &mut counts[value.max(1).ilog2() as usize];
        *jobs += 1;
        *bytes = bytes.saturating_add(size);
    }
    counts
        .iter()
        .enumerate()
        .filter(|(_, (jobs, _))| *jobs > 0)
        .map(|(power, &(jobs, bytes))| Bar {
            span: bucket(1 << power),
            jobs,
            bytes,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_lies_in_its_class_and_classes_do_not_overlap() {
        let mut before = size_class(1);
        for size in 1..5000 {
            let class = size_class(size);
            assert!(class == before || class.from == before.to + 1, "{size}");
            before = class;
        }
        let around = (1..63).flat_map(|k| [(1 << k) - 1, 1 << k, (1 << k) + 1]);
        for size in (1..5000).chain(around) {
            let class = size_class(size);
            assert!(class.from <= size && size <= class.to, "{size}: {class:?}");
            assert_eq!(size_class(class.from), class);
            assert_eq!(size_class(class.to), class);
        }
        assert_eq!(size_class(u64::MAX).to, u64::MAX);
    }

    #[test]
    fn classes_are_sixteen_apart_and_then_four_a_doubling() {
        let spans = [(1, 1, 16), (16, 1, 16), (17, 17, 32), (128, 113, 128)];
        let wide = [
            (129, 129, 160),
            (160, 129, 160),
            (161, 161, 192),
            (257, 257, 320),
        ];
        for (size, from, to) in spans.into_iter().chain(wide) {
            assert_eq!(size_class(size), Span { from, to });
        }
    }

    #[test]
    fn buckets_go_from_a_power_of_two_to_below_the_next() {
        assert_eq!(bucket(1), Span { from: 1, to: 1 });
        assert_eq!(bucket(7), Span { from: 4, to: 7 });
        assert_eq!(bucket(u64::MAX).to, u64::MAX);
    }
}
