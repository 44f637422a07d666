//! Why the unplaced jobs cannot lie lower, and sets of depths.

/// No change.
const NONE: u32 = u32::MAX;

/// One change of a job's least position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) job: u32,
    /// The decision that made it.
    depth: u32,
    /// The job's change before.
    previous: u32,
    /// The least position before.
    pub(super) before: i64,
    /// What must have held of the least position before; `i64::MIN` where the
    /// decision alone explains the change.
    needs: i64,
}

/// All changes on the way to the present node, the latest last.
#[derive(Clone, Debug, Default)]
pub(super) struct Reasons {
    changes: Vec<Change>,
    latest: Vec<u32>,
}

impl Reasons {
    pub(super) fn reset(&mut self, jobs: usize) {
        self.changes.clear();
        self.latest.clear();
        self.latest.resize(jobs, NONE);
    }

    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    pub(super) fn push(&mut self, job: u32, depth: u32, before: i64, needs: i64) {
        let previous = self.latest[job as usize];
        self.latest[job as usize] = self.changes.len() as u32;
        self.changes.push(Change {
            job,
            depth,
            previous,
            before,
            needs,
        });
    }

    pub(super) fn pop(&mut self) -> Option<Change> {
        let change = self.changes.pop()?;
        self.latest[change.job as usize] = change.previous;
        Some(change)
    }

    /// Adds the depths that explain why a job, which never lies below `lowest`,
    /// lies at `level` or above.
    pub(super) fn explain(&self, job: u32, lowest: i64, mut level: i64, depths: &mut Depths) {
        let mut at = self.latest[job as usize];
        while level > lowest && at != NONE {
            let change = &self.changes[at as usize];
            if change.before < level {
                depths.insert(change.depth);
                level = change.needs;
            }
            at = change.previous;
        }
    }
}

/// A set of depths.
#[derive(Clone, Debug, Default)]
pub(super) struct Depths {
    words: Vec<u64>,
}

impl Depths {
    pub(super) fn clear(&mut self) {
        self.words.clear();
    }

    #[inline]
    pub(super) fn insert(&mut self, depth: u32) {
        let word = depth as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (depth % 64);
    }

    pub(super) fn remove(&mut self, depth: u32) {
        if let Some(word) = self.words.get_mut(depth as usize / 64) {
            *word &= !(1 << (depth % 64));
        }
    }

    pub(super) fn unite(&mut self, others: &Depths) {
        if others.words.len() > self.words.len() {
            self.words.resize(others.words.len(), 0);
        }
        for (word, other) in self.words.iter_mut().zip(&others.words) {
            *word |= other;
        }
    }

    pub(super) fn deepest(&self) -> Option<u32> {
        let word = self.words.iter().rposition(|&word| word != 0)?;
        Some(word as u32 * 64 + self.words[word].ilog2())
    }
}
