use common::check;
use common::job::Job;
use common::placement::Placement;
use common::problem::Problem;
use proptest::prelude::*;

use super::Walker;
use super::rows::Rows;
use super::sweep::{Sweep, Wanted};
use crate::fit::{Fit, Taken};
use crate::item::Items;
use crate::online;
use crate::pack;

/// Jobs of some alignments, many of which are live together.
fn problems(most: usize) -> impl Strategy<Value = Problem> {
    let job = (0u64..60, 1u64..30, 1u64..60, 0u32..3);
    proptest::collection::vec(job, 1..=most).prop_map(|jobs| {
        let jobs = (0..).zip(jobs).map(|(id, (birth, length, size, power))| {
            Job::new(id, birth, birth + length, size).aligned(1 << power)
        });
        Problem::new(jobs.collect()).expect("they are sound")
    })
}

fn items(problem: &Problem) -> Items {
    Items::new(problem, 0).expect("powers of two have a common multiple")
}

proptest! {
    #[test]
    fn every_placement_is_valid_and_none_is_worse_than_the_one_before(
        problem in problems(60),
        seed: u64,
    ) {
        let items = items(&problem);
        let start = online::best_fit(&items).expect("they are plain");
        let bound = common::load::lower_bound(problem.jobs(), 0);
        let mut walker = Walker::new(&items, &start, seed);
        let mut before = start.makespan;
        for _ in 0..4 {
            walker.run(bound, 16, &mut || false);
            let best = walker.best();
            prop_assert!(bound <= best.makespan && best.makespan <= before);
            before = best.makespan;
            let offsets = items.offsets(&best.positions);
            let placement = Placement { offsets };
            prop_assert_eq!(check::verify(&problem, &placement, 0), Ok(()));
            prop_assert_eq!(best.makespan, placement.makespan(&problem));
        }
    }

    #[test]
    fn rows_give_once_each_what_shares_a_section(problem in problems(200), removed in 0usize..4) {
        let items = items(&problem);
        let mut rows = Rows::new(&items);
        let slab = |item: u32| items.slabs(item)[0];
        let all = 0..items.len() as u32;
        let stays = |item: &u32| removed == 0 || !(*item as usize).is_multiple_of(removed);
        for item in all.clone() {
            rows.insert(item, 0, 1);
        }
        for item in all.clone().filter(|item| !stays(item)) {
            rows.remove(item);
        }
        let mut found = Vec::new();
        for item in all.clone() {
            rows.gather(item, &mut found);
            let mut met: Vec<u32> = found.iter().map(|placed| placed.item).collect();
            met.sort_unstable();
            let (first, last) = (slab(item).first, slab(item).last);
            let meets = |other: &u32| slab(*other).first <= last && first <= slab(*other).last;
            prop_assert_eq!(met, all.clone().filter(stays).filter(meets).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_hole_is_where_first_fit_finds_it_and_else_the_cheapest_place_is_found(
        problem in problems(60),
        limit in 60u64..400,
    ) {
        let items = items(&problem);
        let grid = items.grid();
        let (mut taken, mut rows) = (Taken::new(&items), Rows::new(&items));
        let mut sweep = Sweep::default();
        for index in 0..items.len() as u32 {
            let item = items.item(index);
            let Some(highest) = grid.highest(limit, item) else { continue };
            let align = |at: u64| (grid.start + at).next_multiple_of(item.alignment) - grid.start;
            let wanted = Wanted { size: item.size, highest, align };
            rows.gather(index, &mut sweep.found);
            let hole = sweep.hole(&wanted);
            prop_assert_eq!(hole, taken.find(&items, index, Fit::First, limit));
            if let Some(at) = hole {
                taken.take(&items, index, at);
                rows.insert(index, at, at + item.size);
                continue;
            }
            let weight = |item: u32| f64::from(item % 7 + 1);
            let sum = |at: u64| -> f64 {
                let met = sweep.found.iter().filter(|met| met.low < at + item.size && at < met.high);
                met.map(|met| weight(met.item)).sum()
            };
            let least = (0..=highest).filter(|&at| align(at) == at).map(sum);
            let least = least.fold(f64::INFINITY, f64::min);
            let sums: Vec<f64> = (0..=highest).map(sum).collect();
            let place = sweep.cheapest(&wanted, weight, |_| false).expect("0 is always allowed");
            prop_assert_eq!(sums[place as usize], least);
        }
    }
}

#[test]
fn giving_up_looks_leaves_nothing_to_be_found() {
    let jobs = (0..50).map(|id| Job::new(id, 0, 10, id + 1)).collect();
    let problem = Problem::new(jobs).expect("they are sound");
    let items = items(&problem);
    let order: Vec<u32> = (0..items.len() as u32).collect();
    let packed = |most| {
        let mut taken = Taken::with_most_looks(&items, most);
        pack::in_order(
            &items,
            &order,
            Fit::First,
            &mut taken,
            u64::MAX,
            &mut || false,
        )
        .is_some()
    };
    assert!(packed(u64::MAX) && !packed(10));
}
