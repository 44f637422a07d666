//! Disjoint sets of numbers below n: O(n) memory, almost O(1) a step.

/// Sets that can be joined.
#[derive(Clone, Debug)]
pub(super) struct Sets {
    parents: Vec<u32>,
}

impl Sets {
    /// Each number below `count` in a set of its own.
    pub(super) fn new(count: u32) -> Sets {
        Sets {
            parents: (0..count).collect(),
        }
    }

    /// The number that stands for the set of `member`: its lowest.
    pub(super) fn of(&mut self, mut member: u32) -> u32 {
        loop {
            let parent = self.parents[member as usize];
            if parent == member {
                return member;
            }
            // Every second step is left out the next time.
            let above = self.parents[parent as usize];
            self.parents[member as usize] = above;
            member = above;
        }
    }

    /// Joins the sets of two numbers.
    pub(super) fn join(&mut self, first: u32, second: u32) {
        let (first, second) = (self.of(first), self.of(second));
        self.parents[first.max(second) as usize] = first.min(second);
    }

    /// Joins `length` numbers from `first` on with as many from `second` on,
    /// one by one.
    pub(super) fn join_ranges(&mut self, first: u32, second: u32, length: u32) {
        for index in 0..length {
            self.join(first + index, second + index);
        }
    }
}
