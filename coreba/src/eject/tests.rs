use common::check;
use common::job::Job;
use common::placement::Placement;
use common::problem::Problem;
use proptest::prelude::*;

use super::EjectionSearch;
use super::rows::{Placed, Rows};
use super::sweep::{Place, Sweep, Wanted};
use crate::fit::online;
use crate::fit::packing;
use crate::fit::{Fit, Taken};
use crate::instance::Items;

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
        problem in problems(300),
        seed: u64,
    ) {
        let items = items(&problem);
        let start = online::best_fit(&items);
        let bound = common::load::lower_bound(problem.jobs(), 0);
        let mut search = EjectionSearch::new(&items, &start, seed);
        let mut before = start.makespan;
        for _ in 0..4 {
            search.run(bound, 16, &mut || false);
            let best = search.best();
            prop_assert!(bound <= best.makespan && best.makespan <= before);
            before = best.makespan;
            let offsets = items.offsets(&best.positions);
            let placement = Placement { offsets };
            prop_assert_eq!(check::verify(&problem, &placement, 0), Ok(()));
            prop_assert_eq!(best.makespan, placement.makespan(&problem));
        }
    }

    #[test]
    fn rows_give_once_each_what_shares_a_section(
        problem in problems(200),
        removed in 0usize..4,
        fewest in 0i64..40,
    ) {
        let items = items(&problem);
        let mut rows = Rows::of(&items, fewest);
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
    fn the_lowest_hole_is_found_and_else_the_place_that_weighs_least(
        problem in problems(120),
        limit in 60u64..400,
        fewest in 0i64..12,
        bounded: bool,
        own in 1u32..20,
    ) {
        let items = items(&problem);
        let grid = items.grid();
        let mut rows = Rows::of(&items, fewest);
        let mut sweep = if bounded { Sweep::new(0) } else { Sweep::default() };
        let mut places = vec![0; items.len()];
        // Again from the first: by then others are where they were.
        let all = 0..items.len() as u32;
        for index in all.clone().chain(all.step_by(3)) {
            let item = items.item(index);
            let Some(highest) = grid.highest(limit, item) else { continue };
            rows.remove(index, places[index as usize]);
            let align = |at: u64| (grid.start + at).next_multiple_of(item.alignment) - grid.start;
            let wanted = Wanted { size: item.size, highest, align };
            let found = around(&rows, index);
            let met = |at: u64| {
                let met = found.iter().filter(move |met| met.low < at + item.size && at < met.high);
                met.map(|met| (met.item, met.weight))
            };
            let sum = |at: u64| met(at).map(|met| met.1).sum::<f64>();
            let allowed = || (0..=highest).filter(|&at| align(at) == at);
            let hole = allowed().find(|&at| met(at).next().is_none());
            let (place, _) = sweep.find(rows.around(index), &wanted, f64::from(own), |_| false);
            let at = match place {
                Place::Nowhere => unreachable!("0 is always allowed"),
                Place::Hole(at) => {
                    prop_assert_eq!(Some(at), hole);
                    at
                }
                Place::Over(at) => {
                    prop_assert_eq!(hole, None);
                    let least = allowed().map(sum).fold(f64::INFINITY, f64::min);
                    prop_assert_eq!((align(at), sum(at)), (at, least));
                    let mut expected: Vec<u32> = met(at).map(|met| met.0).collect();
                    expected.sort_unstable();
                    sweep.met.sort_unstable();
                    prop_assert_eq!(&sweep.met, &expected);
                    for &met in &sweep.met {
                        rows.remove(met, places[met as usize]);
                    }
                    at
                }
            };
            rows.insert(index, (at, at + item.size), f64::from(index % 7 + 1));
            places[index as usize] = at;
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
        packing::in_order(
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
