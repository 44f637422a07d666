//! An ordered set of small numbers: a tree of 64-bit words, each bit of which
//! tells whether the word beneath holds any. O(log n) to base 64 an operation,
//! and n / 63 words in all, which stay in a cache where a search tree would not.

/// A set of the numbers below its size.
pub(super) struct RankSet {
    /// The numbers themselves, and then one bit a word of the level before.
    levels: Vec<Vec<u64>>,
}

impl RankSet {
    /// An empty set of numbers below `size`.
    pub(super) fn new(size: usize) -> RankSet {
        let mut levels = Vec::new();
        let mut words = size.div_ceil(64);
        loop {
            levels.push(vec![0u64; words.max(1)]);
            if words <= 1 {
                return RankSet { levels };
            }
            words = words.div_ceil(64);
        }
    }

    pub(super) fn insert(&mut self, rank: usize) {
        let mut at = rank;
        for level in &mut self.levels {
            level[at >> 6] |= 1 << (at & 63);
            at >>= 6;
        }
    }

    pub(super) fn remove(&mut self, rank: usize) {
        let mut at = rank;
        for level in &mut self.levels {
            level[at >> 6] &= !(1 << (at & 63));
            if level[at >> 6] != 0 {
                return;
            }
            at >>= 6;
        }
    }

    /// The largest member up to `rank`, and it included.
    pub(super) fn up_to(&self, rank: usize) -> Option<usize> {
        let mut at = rank;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level[at >> 6] & (u64::MAX >> (63 - (at & 63)));
            if word != 0 {
                let found = at >> 6 << 6 | word.ilog2() as usize;
                return Some(self.descend(found, height, |word| word.ilog2()));
            }
            at = (at >> 6).checked_sub(1)?;
        }
        None
    }

    /// The smallest member from `rank` on, and it included.
    pub(super) fn from(&self, rank: usize) -> Option<usize> {
        let mut at = rank;
        for (height, level) in self.levels.iter().enumerate() {
            let word = level.get(at >> 6)? & (u64::MAX << (at & 63));
            if word != 0 {
                let found = at >> 6 << 6 | word.trailing_zeros() as usize;
                return Some(self.descend(found, height, u64::trailing_zeros));
            }
            at = (at >> 6) + 1;
        }
        None
    }

    fn descend(&self, found: usize, height: usize, pick: impl Fn(u64) -> u32) -> usize {
        let below = self.levels[..height].iter().rev();
        below.fold(found, |at, level| at << 6 | pick(level[at]) as usize)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// How many ranks come and go.
    const STEPS: usize = if cfg!(miri) { 20 } else { 200 };

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn a_rank_set_is_an_ordered_set(
            size in prop_oneof![1usize..70, 4000usize..4200, 262_100usize..262_200],
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..STEPS),
        ) {
            let mut set = RankSet::new(size);
            let mut model = BTreeSet::new();
            for (insert, index) in steps {
                let rank = index.index(size);
                if insert {
                    set.insert(rank);
                    model.insert(rank);
                } else {
                    set.remove(rank);
                    model.remove(&rank);
                }
                for probe in [0, rank.saturating_sub(1), rank, (rank + 1).min(size - 1), size - 1] {
                    prop_assert_eq!(set.up_to(probe), model.range(..=probe).next_back().copied());
                    prop_assert_eq!(set.from(probe), model.range(probe..).next().copied());
                }
            }
        }
    }
}
