use common::check;
use common::job::Job;
use common::placement::Placement;
use common::problem::Problem;
use proptest::prelude::*;

use super::Walker;
use super::rows::{Placed, Rows};
use super::sweep::{Place, Sweep, Wanted};
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

/// All that shares a section with an item.
fn around(rows: &Rows, item: u32) -> Vec<Placed> {
    let around = rows.around(item);
    let mut found: Vec<Placed> = around.live(0).map(|(_, placed)| *placed).collect();
    around.others((0, u64::MAX), &mut found);
    found
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
            rows.insert(item, (u64::from(item % 7), u64::from(item % 7) + 1), 1.0);
        }
        for item in all.clone().filter(|item| !stays(item)) {
            rows.remove(item, u64::from(item % 7));
        }
        for item in all.clone() {
            let mut met = around(&rows, item);
            met.sort_unstable_by_key(|placed| placed.item);
            let met: Vec<u32> = met.iter().map(|placed| placed.item).collect();
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
            let first_fit = taken.find(&items, index, Fit::First, limit);
            let at = match sweep.find(rows.around(index), &wanted, 1.0, |_| false).0 {
                Place::Hole(at) => {
                    prop_assert_eq!(Some(at), first_fit);
                    taken.take(&items, index, at);
                    rows.insert(index, (at, at + item.size), f64::from(index % 7 + 1));
                    continue;
                }
                Place::Over(at) => at,
                Place::Nowhere => unreachable!("0 is always allowed"),
            };
            prop_assert_eq!(first_fit, None);
            let found = around(&rows, index);
            let met = |at: u64| {
                let met = found.iter().filter(move |met| met.low < at + item.size && at < met.high);
                met.map(|met| (met.item, met.weight))
            };
            let sum = |at: u64| met(at).map(|met| met.1).sum::<f64>();
            let least = (0..=highest).filter(|&at| align(at) == at).map(sum);
            prop_assert_eq!(sum(at), least.fold(f64::INFINITY, f64::min));
            let mut expected: Vec<u32> = met(at).map(|met| met.0).collect();
            expected.sort_unstable();
            sweep.met.sort_unstable();
            prop_assert_eq!(&sweep.met, &expected);
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
