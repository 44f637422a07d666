//! Shares of the work: how a searcher earns its turns, and what it learns from
//! them. Work is in jobs placed by a dive, credit is work not done yet.

/// How much a searcher works beside the lead, and what it learns from its turns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// Work for a unit of the lead's, at first.
    pub(super) first: f64,
    /// The least and the most that it may become; equal where nothing is learned.
    pub(super) range: (f64, f64),
    /// The least while the best placement is its own.
    pub(super) holder: f64,
    /// By what a turn multiplies it that improves the best, and one that does not.
    pub(super) factors: (f64, f64),
}

impl Share {
    /// The same from another beginning.
    pub(super) fn starting_at(self, first: f64) -> Share {
        Share { first, ..self }
    }
}

/// The share of a searcher as it goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    share: Share,
    now: f64,
    /// Work that it has not done yet.
    credit: f64,
    /// What its next turn will cost, where that is known.
    expected: u64,
}

impl Account {
    pub(super) fn new(share: Share, expected: u64) -> Account {
        Account {
            share,
            now: share.first,
            credit: 0.0,
            expected,
        }
    }

    /// Whether a turn is due: half of it is advanced.
    pub(super) fn is_due(&self) -> bool {
        self.now > 0.0 && self.credit >= self.expected as f64 / 2.0
    }

    /// The lead did some work.
    pub(super) fn earn(&mut self, work: u64) {
        self.credit += self.now * work as f64;
    }

    /// Gets no more turns.
    pub(super) fn close(&mut self) {
        self.now = 0.0;
    }

    pub(super) fn credit(&self) -> f64 {
        self.credit
    }

    /// A turn was taken.
    pub(super) fn pay(&mut self, work: u64, improved: bool, holds_best: bool) {
        let Share {
            range,
            holder,
            factors,
            ..
        } = self.share;
        self.credit -= work as f64;
        if range.0 < range.1 {
            self.now *= if improved { factors.0 } else { factors.1 };
            let least = if holds_best { holder } else { range.0 };
            self.now = self.now.clamp(least, range.1);
            if !improved && !holds_best {
                self.credit = self.credit.min(0.0);
            }
        }
        if self.expected > 0 {
            self.expected = work;
        }
    }
}
