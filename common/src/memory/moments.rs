//! A course over time in bounded memory.

/// What a span of time saw at most, from `time` on until the next one; of what is
/// pinned, what it left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The first instant of the span.
    pub time: u64,
    /// Requested bytes of live blocks.
    pub live: u64,
    /// Usable bytes of live blocks.
    pub usable: u64,
    /// Held bytes.
    pub held: u64,
    /// Touched bytes.
    pub touched: u64,
    /// Pinned bytes, at the end of the span.
    pub pinned: u64,
}

/// More than this are joined.
const MOST: usize = 8192;

/// Moments, joined two by two when there are too many. O(1) each, amortised.
#[derive(Debug, Default)]
pub(super) struct Moments {
    moments: Vec<Moment>,
    /// A moment is 2^shift ticks long, or longer where nothing happens.
    shift: u32,
}

impl Moments {
    #[inline]
    pub(super) fn add(&mut self, now: Moment) {
        let shift = self.shift;
        match self.moments.last_mut() {
            Some(last) if last.time >> shift == now.time >> shift => last.join(&now),
            _ => self.push(now),
        }
    }

    fn push(&mut self, now: Moment) {
        while self.moments.len() >= MOST {
            self.shift += 1;
            let shift = self.shift;
            self.moments.dedup_by(|later, kept| {
                let same = later.time >> shift == kept.time >> shift;
                if same {
                    kept.join(later);
                }
                same
            });
        }
        self.moments.push(now);
    }

    pub(super) fn finish(self) -> Vec<Moment> {
        self.moments
    }
}

impl Moment {
    fn join(&mut self, other: &Moment) {
        self.live = self.live.max(other.live);
        self.usable = self.usable.max(other.usable);
        self.held = self.held.max(other.held);
        self.touched = self.touched.max(other.touched);
        self.pinned = other.pinned;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_there_are_the_highest_stays() {
        let mut moments = Moments::default();
        for time in 0..100_000u64 {
            let held = if time == 77_777 { 9_999_999 } else { time };
            moments.add(Moment {
                time: time * 3,
                held,
                ..Moment::default()
            });
        }
        let moments = moments.finish();
        assert!(moments.len() <= MOST && moments.len() >= MOST / 4);
        assert!(moments.is_sorted_by(|a, b| a.time < b.time));
        assert_eq!(
            moments.iter().map(|moment| moment.held).max(),
            Some(9_999_999)
        );
        // The spans in which nothing happens stay as they are.
        let mut far = Moments::default();
        for power in 0..63 {
            far.add(Moment {
                time: 1 << power,
                ..Moment::default()
            });
        }
        assert_eq!(far.finish().len(), 63);
    }
}
