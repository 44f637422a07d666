//! What each section will need in the end: its load plus the waste below.
//!
//! A tree over sections with addition on a range and the leftmost largest value
//! of a range, both O(log n). Additions stay at the nodes that they cover.

const LEAST: i64 = i64::MIN / 2;

/// The tree: root at 1, leaves from `width` on.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    largest: Vec<i64>,
    added: Vec<i64>,
    width: usize,
}

impl Needs {
    /// Starts over with these needs. O(n).
    pub(super) fn reset(&mut self, needs: impl ExactSizeIterator<Item = i64>) {
        self.width = needs.len().next_power_of_two();
        self.largest.clear();
        self.largest.resize(2 * self.width, LEAST);
        self.added.clear();
        self.added.resize(self.width, 0);
        for (leaf, need) in self.largest[self.width..].iter_mut().zip(needs) {
            *leaf = need;
        }
        for node in (1..self.width).rev() {
            self.largest[node] = self.largest[2 * node].max(self.largest[2 * node + 1]);
        }
    }

    /// The largest need of all: what the makespan will be at least.
    pub(super) fn top(&self) -> i64 {
        self.largest[1]
    }

    fn apply(&mut self, node: usize, amount: i64) {
        self.largest[node] += amount;
        if node < self.width {
            self.added[node] += amount;
        }
    }

    fn rebuild_above(&mut self, leaf: usize) {
        let mut node = leaf / 2;
        while node > 0 {
            self.largest[node] =
                self.largest[2 * node].max(self.largest[2 * node + 1]) + self.added[node];
            node /= 2;
        }
    }

    /// Adds to the sections `[from, to)`.
    pub(super) fn add(&mut self, from: u32, to: u32, amount: i64) {
        let (first, last) = (from as usize + self.width, to as usize + self.width - 1);
        let (mut left, mut right) = (first, last + 1);
        while left < right {
            if left & 1 == 1 {
                self.apply(left, amount);
                left += 1;
            }
            if right & 1 == 1 {
                right -= 1;
                self.apply(right, amount);
            }
            left >>= 1;
            right >>= 1;
        }
        self.rebuild_above(first);
        if last != first {
            self.rebuild_above(last);
        }
    }

    /// The largest need in `[from, to)`, and the section that has it.
    pub(super) fn largest(&self, from: u32, to: u32) -> (i64, u32) {
        let (mut left, mut right) = (from as usize + self.width, to as usize + self.width);
        // The best of the nodes met on each side; its value lacks what was
        // added at the ancestors that the walk has not reached yet.
        let (mut best_left, mut best_right) = ((LEAST, 0), (LEAST, 0));
        while left < right {
            if left & 1 == 1 {
                if self.largest[left] > best_left.0 {
                    best_left = (self.largest[left], left);
                }
                left += 1;
            }
            if right & 1 == 1 {
                right -= 1;
                if self.largest[right] >= best_right.0 {
                    best_right = (self.largest[right], right);
                }
            }
            // Nodes taken on the left hang below `left - 1`'s parent, those on
            // the right below `right`'s.
            left >>= 1;
            right >>= 1;
            best_left.0 += self.added.get(left - 1).copied().unwrap_or(0);
            best_right.0 += self.added.get(right).copied().unwrap_or(0);
        }
        let (mut left, mut right) = ((left - 1) >> 1, right >> 1);
        while left > 0 || right > 0 {
            best_left.0 += self.added.get(left).copied().unwrap_or(0);
            best_right.0 += self.added.get(right).copied().unwrap_or(0);
            left >>= 1;
            right >>= 1;
        }
        let (value, mut node) = if best_left.0 >= best_right.0 {
            best_left
        } else {
            best_right
        };
        while node < self.width {
            node *= 2;
            if self.largest[node + 1] > self.largest[node] {
                node += 1;
            }
        }
        (value, (node - self.width) as u32)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn needs_agree_with_a_plain_array(
            start in proptest::collection::vec(-50i64..50, 1..40),
            steps in proptest::collection::vec((0usize..40, 0usize..40, -9i64..9), 0..60),
        ) {
            let mut plain = start.clone();
            let mut needs = Needs::default();
            needs.reset(start.iter().copied());
            for (a, b, amount) in steps {
                let (a, b) = (a % plain.len(), b % plain.len());
                let (from, to) = (a.min(b), a.max(b) + 1);
                for value in &mut plain[from..to] {
                    *value += amount;
                }
                needs.add(from as u32, to as u32, amount);
                prop_assert_eq!(needs.top(), *plain.iter().max().unwrap());
                for from in 0..plain.len() {
                    for to in from + 1..=plain.len() {
                        let largest = *plain[from..to].iter().max().unwrap();
                        let at = from + plain[from..to].iter().position(|&v| v == largest).unwrap();
                        prop_assert_eq!(needs.largest(from as u32, to as u32), (largest, at as u32));
                    }
                }
            }
        }
    }
}
