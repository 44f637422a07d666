//! Values out of a fuzzer's bytes, and jobs out of values.

use common::job::{Gap, Job, MAX_VALUE};

/// Bytes taken one behind the other; zeros once they are used up.
pub(super) struct Dice<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Dice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Dice {
            bytes: bytes.iter(),
        }
    }

    /// Whether no byte is left.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.as_slice().is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    /// A number below `sides`, which is at most 256.
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        u64::from(self.byte()) % sides
    }

    /// True once in `sides`; false once no byte is left.
    pub(super) fn one_in(&mut self, sides: u64) -> bool {
        self.below(sides) == sides - 1
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Any number, those at the ends of the range and near powers of two above all.
    pub(super) fn number(&mut self) -> u64 {
        let offset = self.below(9);
        match self.byte() {
            kind @ 0..64 => (1u64 << kind).wrapping_add(offset).wrapping_sub(4),
            64..128 => self.below(256),
            128..160 => MAX_VALUE.wrapping_add(offset).wrapping_sub(4),
            160..192 => (MAX_VALUE / self.below(8).max(1)).wrapping_sub(offset),
            192..208 => u64::MAX - offset,
            _ => (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte())),
        }
    }

    /// A job as a small oracle can take: size and alignment up to 6 and 8, with
    /// all that a job can have.
    pub(super) fn small_job(&mut self, id: u64) -> Job {
        let (birth, length) = (self.below(12), 1 + self.below(7));
        let mut job = Job::new(id, birth, birth + length, 1 + self.below(6));
        job.alignment = self.pick(&[1, 1, 1, 2, 3, 4, 6, 8]);
        let mut from = birth;
        for _ in 0..self.below(3) {
            let lower = from + self.below(4);
            let upper = (lower + 1 + self.below(4)).min(job.death);
            if lower >= upper {
                break;
            }
            let low = self.below(job.size + 1);
            let high = low + self.below(job.size - low + 1);
            let window = self.one_in(2).then_some((low, high));
            job.extras_mut().gaps.push(Gap {
                lower,
                upper,
                window,
            });
            from = upper;
        }
        let group = self.pick(&[None, None, None, Some("a"), Some("b")]);
        if group.is_some() {
            job.extras_mut().group = group.map(Into::into);
        }
        if self.one_in(6) {
            job.extras_mut().pin = Some(self.below(13));
        }
        if self.one_in(4) {
            job.extras_mut().hint = Some(self.below(20));
        }
        job
    }

    /// A job of any numbers, most of which no gate admits.
    pub(super) fn wild_job(&mut self, id: u64) -> Job {
        let (birth, size) = (self.number(), self.number());
        let mut job = Job::new(id, birth, birth.saturating_add(self.number()), size);
        if self.one_in(2) {
            job.death = self.number();
        }
        if self.one_in(2) {
            job.alignment = self.number();
        }
        if self.one_in(4) {
            job.requested = self.number().min(size);
        }
        if self.one_in(4) {
            let lower = birth.saturating_add(self.number());
            let upper = lower.saturating_add(self.number());
            let upper = upper.min(job.death);
            let window = self.one_in(2).then(|| (self.number(), self.number()));
            job.extras_mut().gaps.push(Gap {
                lower,
                upper,
                window: window.map(|(low, high)| (low.min(size), high.min(size))),
            });
        }
        if self.one_in(4) {
            job.extras_mut().group = Some(self.pick(&["a", "b"]).into());
        }
        if self.one_in(5) {
            job.extras_mut().pin = Some(self.number());
        }
        if self.one_in(5) {
            job.extras_mut().hint = Some(self.number());
        }
        job
    }
}
