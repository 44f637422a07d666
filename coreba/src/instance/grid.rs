//! The grid: units of addresses.
//!
//! Where all alignments share a divisor g > 1, every address is a multiple of g,
//! so sizes may be rounded up to it, and the lowest offset is the first that makes
//! `start + offset` a multiple. Else, where g divides every size, alignment,
//! window and pin, any placement can be pushed down onto multiples of g. What
//! rounding adds to a job is its *slack*: the topmost job does not need it, so
//! ends are compared in bytes ([`Grid::end`]).

use common::job::Job;
use common::load::gcd;

use super::item::Item;

/// Units of addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Bytes a unit.
    pub(crate) unit: u64,
    /// The offset in bytes of unit 0.
    pub(crate) lowest: u64,
    /// `(start + lowest) / unit`, to which coarser alignments apply.
    pub(crate) start: u64,
}

impl Grid {
    /// With `hints`, offsets that are hints lie on the grid where alignments
    /// leave that open.
    pub(super) fn of(jobs: &[Job], start: u64, hints: bool) -> Grid {
        let windows = || {
            jobs.iter()
                .flat_map(|job| job.gaps())
                .filter_map(|gap| gap.window)
        };
        let mut unit = jobs.iter().fold(0, |unit, job| gcd(unit, job.alignment));
        if unit > 1 {
            // Lower ends of windows must stay on the grid to stay exact.
            unit = windows().fold(unit, |unit, (low, _)| gcd(unit, low));
            let lowest = start.next_multiple_of(unit) - start;
            return Grid {
                unit,
                lowest,
                start: (start + lowest) / unit,
            };
        }
        let mut unit = start;
        for job in jobs {
            if unit == 1 {
                break;
            }
            unit = gcd(unit, job.size);
            if job.alignment > 1 {
                unit = gcd(unit, job.alignment);
            }
            if let Some(pin) = job.pin() {
                unit = gcd(unit, pin);
            }
            if let Some(hint) = job.hint().filter(|_| hints) {
                unit = gcd(unit, hint);
            }
        }
        unit = windows()
            .fold(unit, |unit, (low, high)| gcd(gcd(unit, low), high))
            .max(1);
        Grid {
            unit,
            lowest: 0,
            start: start / unit,
        }
    }

    /// The offset in bytes of a position in units.
    pub(crate) fn offset(&self, at: u64) -> u64 {
        self.lowest + at * self.unit
    }

    /// The end in bytes of an item at a position: the makespan that it needs.
    pub(crate) fn end(&self, at: u64, item: &Item) -> u64 {
        self.offset(at) + item.bytes
    }

    /// The highest position at which an item's end is within `limit` bytes.
    pub(crate) fn highest(&self, limit: u64, item: &Item) -> Option<u64> {
        Some(limit.checked_sub(item.bytes)?.checked_sub(self.lowest)? / self.unit)
    }
}
