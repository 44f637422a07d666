//! Regions of held memory: what an allocator keeps from the system in one piece.

use std::collections::BTreeMap;
use std::ops::Bound::Excluded;

/// The life of a region: from the first block in it, or the first word of its end, to
/// the moment at which it is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Where it starts.
    pub base: u64,
    /// The highest address behind it that it ever had.
    pub end: u64,
    /// When it came.
    pub birth: u64,
    /// When it was given back; one past the end of the clock where it never was.
    pub death: u64,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    base: u64,
    end: u64,
    /// Where it ended at its highest.
    highest: u64,
    birth: u64,
    /// The page of its first block.
    first: u64,
    /// Live blocks in it.
    blocks: u64,
    /// The trace tells its end, so that it stays when no block is left in it.
    told: bool,
}

/// The regions there are now: disjoint. O(log n) a call for n of them, and mostly O(1).
#[derive(Debug, Default)]
pub(super) struct Regions {
    by_base: BTreeMap<u64, u32>,
    places: Vec<Now>,
    free: Vec<u32>,
    /// The one used last.
    last: Option<u32>,
    bytes: u64,
    /// What was there before the first block, see [`Regions::inherited`].
    inherited: u64,
}

/// What a heap of glibc's has beyond its blocks when it grows, at most: its top pad.
const TOP_PAD: u64 = (128 << 10) + super::PAGE;

/// What a change of the regions did.
pub(super) enum Change {
    /// Nothing was given back.
    None,
    /// Addresses from the first to before the second were, and that region's life ended
    /// if there is one.
    GivenBack(u64, u64, Option<Region>),
}

impl Regions {
    /// Their length in all.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the regions whose end is told that were there before the first event, as
    /// in a forked child, and hold blocks that the trace does not know: those below the
    /// first block, and those beyond all blocks and a top pad when the end is told first.
    pub(super) fn inherited(&self) -> u64 {
        self.inherited
    }

    /// A block comes whose pages go from `low` to before `high`, in a region that starts
    /// at `base`.
    #[inline]
    pub(super) fn born(&mut self, time: u64, base: u64, low: u64, high: u64) {
        if let Some(last) = self.last {
            let region = &mut self.places[last as usize];
            if region.base <= base && high <= region.end {
                region.blocks += 1;
                return;
            }
        }
        let place = self.cover(time, base, high);
        let region = &mut self.places[place as usize];
        if region.blocks == 0 && !region.told {
            region.first = low;
        }
        region.blocks += 1;
    }

    /// The region that holds `base..high`, made, grown or joined of others.
    fn cover(&mut self, time: u64, base: u64, high: u64) -> u32 {
        let before = self.by_base.range(..=base).next_back();
        let before = before.map(|(_, &place)| place);
        let place = match before {
            Some(place) if base < self.places[place as usize].end => place,
            // A region that was told to end where it starts is still the one of its base.
            Some(place) if self.places[place as usize].base == base => place,
            _ => self.make(time, base),
        };
        self.stretch(place, high);
        self.last = Some(place);
        place
    }

    fn make(&mut self, time: u64, base: u64) -> u32 {
        let now = Now {
            base,
            end: base,
            highest: base,
            birth: time,
            first: base,
            blocks: 0,
            told: false,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.places[place as usize] = now;
                place
            }
            None => {
                self.places.push(now);
                (self.places.len() - 1) as u32
            }
        };
        self.by_base.insert(base, place);
        place
    }

    /// Moves the end up to `high`, and takes in all regions that it then meets.
    fn stretch(&mut self, place: u32, high: u64) {
        let region = &mut self.places[place as usize];
        if high <= region.end {
            return;
        }
        let (base, old_end) = (region.base, region.end);
        let mut joined = *region;
        joined.end = high;
        let behind = (Excluded(base), Excluded(high));
        while let Some((&met_base, &met)) = self.by_base.range(behind).next() {
            self.by_base.remove(&met_base);
            self.free.push(met);
            let met = self.places[met as usize];
            self.bytes -= met.end - met.base;
            joined.blocks += met.blocks;
            joined.told |= met.told;
            joined.birth = joined.birth.min(met.birth);
            joined.highest = joined.highest.max(met.highest);
            joined.end = joined.end.max(met.end);
        }
        joined.highest = joined.highest.max(joined.end);
        self.bytes += joined.end - old_end;
        self.places[place as usize] = joined;
    }

    fn holding(&self, address: u64) -> Option<u32> {
        if let Some(last) = self.last {
            let region = &self.places[last as usize];
            if region.base <= address && address < region.end {
                return Some(last);
            }
        }
        let (_, &place) = self.by_base.range(..=address).next_back()?;
        // Below its highest end: what was told of the end may be wrong.
        (address < self.places[place as usize].highest).then_some(place)
    }

    /// A block goes that began at an address.
    #[inline]
    pub(super) fn died(&mut self, time: u64, address: u64) -> Change {
        let Some(place) = self.holding(address) else {
            return Change::None;
        };
        self.last = Some(place);
        let region = &mut self.places[place as usize];
        region.blocks = region.blocks.saturating_sub(1);
        if region.blocks > 0 || region.told {
            return Change::None;
        }
        self.end(time, place)
    }

    fn end(&mut self, time: u64, place: u32) -> Change {
        let now = self.places[place as usize];
        self.by_base.remove(&now.base);
        self.free.push(place);
        self.last = None;
        self.bytes -= now.end - now.base;
        Change::GivenBack(now.base, now.end, Some(now.life(time)))
    }

    /// The trace tells where the region ends that starts at `base`.
    pub(super) fn told(&mut self, time: u64, base: u64, end: u64) -> Change {
        let end = end.max(base);
        let place = self.cover(time, base, base);
        let region = &mut self.places[place as usize];
        if !region.told {
            let explained = region.end.saturating_add(TOP_PAD);
            let beyond = end.saturating_sub(explained);
            let below = region.first.saturating_sub(region.base);
            self.inherited = self.inherited.saturating_add(beyond.saturating_add(below));
        }
        region.told = true;
        if end <= region.base && region.blocks == 0 {
            return self.end(time, place);
        }
        if end >= region.end {
            self.stretch(place, end);
            return Change::None;
        }
        let old_end = region.end;
        region.end = end.max(region.base);
        let end = region.end;
        self.bytes -= old_end - end;
        Change::GivenBack(end, old_end, None)
    }

    /// The region `base..end` is there, whatever comes to lie in it, until
    /// [`Regions::unmapped`].
    pub(super) fn mapped(&mut self, time: u64, base: u64, end: u64) {
        let place = self.cover(time, base, end.max(base));
        self.places[place as usize].told = true;
    }

    /// Ends a region that overlaps `base..end`, if there is one; what of it lies outside
    /// goes on as regions of their own.
    pub(super) fn unmapped(&mut self, time: u64, base: u64, end: u64) -> Option<Change> {
        let (_, &place) = self.by_base.range(..end).next_back()?;
        let now = self.places[place as usize];
        if now.end <= base || end <= base {
            return None;
        }
        self.end(time, place);
        for (low, high) in [(now.base, base), (end, now.end)] {
            if low < high {
                self.mapped(time, low, high);
            }
        }
        let (low, high) = (now.base.max(base), now.end.min(end));
        Some(Change::GivenBack(low, high, Some(now.life(time))))
    }

    /// What there is now was there before the first event.
    pub(super) fn inherit(&mut self) {
        self.inherited = self.bytes;
    }

    /// Where the region starts and ends that holds an address.
    pub(super) fn around(&self, address: u64) -> Option<(u64, u64)> {
        let region = &self.places[self.holding(address)? as usize];
        Some((region.base, region.end))
    }

    /// The lives of all that are left, at the end.
    pub(super) fn lives(&self, time: u64) -> impl Iterator<Item = Region> + '_ {
        let left = self.by_base.values();
        left.map(move |&place| self.places[place as usize].life(time))
    }
}

impl Now {
    fn life(&self, time: u64) -> Region {
        Region {
            base: self.base,
            end: self.highest,
            birth: self.birth,
            death: time,
        }
    }
}
