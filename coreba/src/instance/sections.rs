//! Sections: compressed time, and small tools over them.
//!
//! A new section starts only where a birth follows a death. The sections are the
//! maximal cliques of the interval graph, so two slabs conflict in time exactly
//! where they share a section, and usually there are far fewer sections than
//! instants.

use common::job::Piece;
use rayon::slice::ParallelSliceMut as _;

use super::item::Slab;

/// Maps pieces to sections and units; returns the slabs and how many sections
/// there are.
pub(super) fn slabs_over_sections(pieces: &[Piece], unit: u64) -> (Vec<Slab>, usize) {
    let mut slabs: Vec<Slab> = pieces
        .iter()
        .map(|piece| Slab {
            first: 0,
            last: 0,
            low: piece.low / unit,
            high: piece.high.div_ceil(unit),
        })
        .collect();
    let times = |of: fn(&Piece) -> u64| {
        let mut times: Vec<(u64, u32)> = pieces.iter().map(of).zip(0..).collect();
        sort(&mut times);
        times
    };
    // Births are mostly in order already.
    let births = times(|piece| piece.birth);
    let deaths = times(|piece| piece.death);
    let mut deaths = deaths.into_iter().peekable();
    let mut section = 0;
    for (birth, index) in births {
        let mut death_seen = false;
        while let Some((_, dead)) = deaths.next_if(|&(death, _)| death <= birth) {
            slabs[dead as usize].last = section;
            death_seen = true;
        }
        section += u32::from(death_seen);
        slabs[index as usize].first = section;
    }
    for (_, dead) in deaths {
        slabs[dead as usize].last = section;
    }
    (
        slabs,
        if pieces.is_empty() {
            0
        } else {
            section as usize + 1
        },
    )
}

/// Sorts distinct values, on all threads of the pool that this is called in.
pub(super) fn sort<T: Ord + Send>(values: &mut [T]) {
    if rayon::current_thread_index().is_some() {
        values.par_sort_unstable();
    } else {
        values.sort_unstable();
    }
}

/// Paints each section once: later coats find only what is still bare. O(1)
/// amortised a section, and nearly so a coat.
pub(crate) struct Paint {
    /// The next section that is bare, with path halving.
    next: Vec<u32>,
}

impl Paint {
    /// All sections are bare.
    pub(crate) fn new(sections: usize) -> Paint {
        Paint {
            next: (0..=sections as u32).collect(),
        }
    }

    /// Paints what is bare from `first` to `last`, inclusive.
    pub(crate) fn each(&mut self, first: u32, last: u32, mut paint: impl FnMut(u32)) {
        let mut section = self.bare(first);
        while section <= last {
            paint(section);
            self.next[section as usize] = section + 1;
            section = self.bare(section);
        }
    }

    fn bare(&mut self, from: u32) -> u32 {
        let mut at = from as usize;
        while self.next[at] as usize != at {
            self.next[at] = self.next[self.next[at] as usize];
            at = self.next[at] as usize;
        }
        at as u32
    }
}

/// Range maxima by a sparse table over blocks: O(n) memory, O(block) to ask.
pub(crate) struct Maxima<T> {
    values: Vec<T>,
    /// Level k has the maxima over 2^k blocks from each block on.
    levels: Vec<Vec<T>>,
}

/// Values a block.
const BLOCK: usize = 16;

impl<T: Copy + Ord> Maxima<T> {
    /// O(n).
    pub(crate) fn new(values: Vec<T>) -> Maxima<T> {
        let blocks = values
            .chunks(BLOCK)
            .filter_map(|block| block.iter().copied().max())
            .collect();
        let mut levels: Vec<Vec<T>> = vec![blocks];
        let mut width = 1;
        while 2 * width <= levels[0].len() {
            let below = &levels[levels.len() - 1];
            let level = (0..=levels[0].len() - 2 * width)
                .map(|at| below[at].max(below[at + width]))
                .collect();
            levels.push(level);
            width *= 2;
        }
        Maxima { values, levels }
    }

    /// The largest value from `first` to `last`, inclusive, which must be in
    /// order and inside.
    pub(crate) fn largest(&self, first: u32, last: u32) -> T {
        let (first, last) = (first as usize, last as usize);
        let (from, to) = (first / BLOCK + 1, last / BLOCK);
        let scan = |values: &[T]| values.iter().copied().max();
        let largest = if from > to {
            scan(&self.values[first..=last])
        } else {
            let ends =
                scan(&self.values[first..from * BLOCK]).max(scan(&self.values[to * BLOCK..=last]));
            if from == to {
                ends
            } else {
                let level = (to - from).ilog2() as usize;
                let whole = self.levels[level][from].max(self.levels[level][to - (1 << level)]);
                ends.max(Some(whole))
            }
        };
        largest.unwrap_or(self.values[first])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maxima_agree_with_a_scan() {
        let values: Vec<u64> = (0..200u64)
            .map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40)
            .collect();
        let maxima = Maxima::new(values.clone());
        for first in 0..values.len() {
            for last in first..values.len() {
                let largest = values[first..=last].iter().copied().max();
                assert_eq!(Some(maxima.largest(first as u32, last as u32)), largest);
            }
        }
    }

    #[test]
    fn each_section_is_painted_once() {
        let mut paint = Paint::new(10);
        let mut painted = Vec::new();
        for (first, last) in [(3, 5), (2, 6), (0, 9), (0, 9)] {
            paint.each(first, last, |section| painted.push(section));
        }
        assert_eq!(painted, [3, 4, 5, 2, 6, 0, 1, 7, 8, 9]);
    }
}
