//! The segments that are taken from a device at one time.

use std::collections::BTreeMap;

use super::snapshot::{Event, Kind, Segment};

/// Disjoint ranges of addresses. O(log n) a call for n of them, and what it changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserved {
    /// By base.
    segments: BTreeMap<u64, Segment>,
    bytes: u64,
}

impl Reserved {
    /// The segments before the first event, from those at the end: every event is undone,
    /// the last first. So a history that began late, or lost its first events, is one of
    /// segments that were there before.
    pub(super) fn before(events: &[Event], at_the_end: &[Segment]) -> Reserved {
        let mut reserved = Reserved::default();
        for segment in at_the_end {
            reserved.add(*segment);
        }
        for event in events.iter().rev() {
            match event.kind {
                Kind::Map { .. } => reserved.remove(event.address, end(event)),
                Kind::Unmap { expandable } => reserved.add(segment(event, expandable)),
                _ => {}
            }
        }
        reserved
    }

    /// Bytes of all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }

    /// The base of the segment that an address is in.
    pub(super) fn base_of(&self, address: u64) -> Option<u64> {
        let (&base, segment) = self.segments.range(..=address).next_back()?;
        (address < segment.end).then_some(base)
    }

    /// Follows an event.
    pub(super) fn follow(&mut self, event: &Event) {
        match event.kind {
            Kind::Map { expandable } => self.add(segment(event, expandable)),
            Kind::Unmap { .. } => self.remove(event.address, end(event)),
            _ => {}
        }
    }

    /// Adds a segment in place of all that it overlaps; parts of an expandable one that
    /// touch are one.
    fn add(&mut self, mut segment: Segment) {
        self.remove(segment.base, segment.end);
        if segment.expandable {
            let below = self.segments.range(..segment.base).next_back();
            if let Some((&base, below)) = below
                && below.expandable
                && below.end == segment.base
            {
                self.take(base);
                segment.base = base;
            }
            if let Some(above) = self.segments.get(&segment.end)
                && above.expandable
            {
                let (base, end) = (segment.end, above.end);
                self.take(base);
                segment.end = end;
            }
        }
        self.insert(segment);
    }

    fn remove(&mut self, base: u64, end: u64) {
        let below = self.segments.range(..base).next_back();
        if let Some((&start, below)) = below
            && base < below.end
        {
            self.cut(start, base, end);
        }
        while let Some((&start, _)) = self.segments.range(base..end).next() {
            self.cut(start, base, end);
        }
    }

    /// Leaves of the segment at `start` what is outside of `base..end`.
    fn cut(&mut self, start: u64, base: u64, end: u64) {
        let Some(segment) = self.take(start) else {
            return;
        };
        let below = Segment {
            end: base,
            ..segment
        };
        let above = Segment {
            base: end,
            ..segment
        };
        for part in [below, above] {
            if part.base < part.end {
                self.insert(part);
            }
        }
    }

    fn take(&mut self, base: u64) -> Option<Segment> {
        let segment = self.segments.remove(&base)?;
        self.bytes -= segment.end - segment.base;
        Some(segment)
    }

    fn insert(&mut self, segment: Segment) {
        // The ranges are disjoint and below 2^63.
        self.bytes += segment.end - segment.base;
        self.segments.insert(segment.base, segment);
    }
}

fn end(event: &Event) -> u64 {
    event.address + event.size
}

fn segment(event: &Event, expandable: bool) -> Segment {
    Segment {
        base: event.address,
        end: end(event),
        expandable,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event((base, size, map, expandable): (u64, u64, bool, bool)) -> Event {
        Event {
            kind: match map {
                true => Kind::Map { expandable },
                false => Kind::Unmap { expandable },
            },
            address: base,
            size,
            time_us: None,
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn what_is_reserved_is_what_marking_each_address_says(
            steps in proptest::collection::vec(
                (0u64..60, 1u64..20, any::<bool>(), any::<bool>()), 1..60),
        ) {
            let (mut reserved, mut marks) = (Reserved::default(), [false; 80]);
            for step in steps {
                let (base, size, map, _) = step;
                reserved.follow(&event(step));
                marks[base as usize..(base + size) as usize].fill(map);
                let mut there = [false; 80];
                let mut end = 0;
                for segment in reserved.iter() {
                    prop_assert!(end <= segment.base && segment.base < segment.end);
                    end = segment.end;
                    there[segment.base as usize..end as usize].fill(true);
                }
                prop_assert_eq!(there, marks);
                let bytes = marks.iter().filter(|&&mark| mark).count() as u64;
                prop_assert_eq!(reserved.bytes(), bytes);
                for address in 0..80 {
                    prop_assert_eq!(reserved.base_of(address).is_some(), marks[address as usize]);
                }
            }
        }

        /// Maps of free addresses and unmaps of what is there, as an allocator's are.
        #[test]
        fn undoing_all_events_gives_what_was_there_before_the_first(
            steps in proptest::collection::vec((0u64..8, any::<bool>()), 1..40),
            first in any::<prop::sample::Index>(),
        ) {
            let mut there = [false; 8];
            let (mut events, mut after) = (Vec::new(), vec![there]);
            for (slot, expandable) in steps {
                let mark = &mut there[slot as usize];
                *mark = !*mark;
                events.push(event((slot * 10, 10, *mark, expandable)));
                after.push(there);
            }
            let segments = |marks: [bool; 8]| -> Vec<Segment> {
                let slots = (0..8).filter(|&slot| marks[slot as usize]);
                slots.map(|slot| Segment { base: slot * 10, end: slot * 10 + 10, expandable: false })
                    .collect()
            };
            let first = first.index(events.len());
            let before = Reserved::before(&events[first..], &segments(there));
            for slot in 0..8 {
                prop_assert_eq!(before.base_of(slot * 10).is_some(), after[first][slot as usize]);
            }
        }
    }
}
