//! Boxing beside first fit in every single order that the crate has.

use std::path::Path;

use common::format::Format;
use common::input::{self, Offsets};
use common::job::Job;
use common::problem::Problem;
use rand::{RngExt as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::fit::orders::NAMED;
use crate::fit::packing;
use crate::fit::{Fit, Taken};
use crate::instance::Items;
use crate::options::{Method, Options};
use crate::solution::FoundBy;

/// The least makespan of first fit in any one order.
fn best_single_order(problem: &Problem) -> u64 {
    let items = Items::new(problem, 0).expect("alignments have a common multiple");
    let mut taken = Taken::new(&items);
    let makespans = NAMED.iter().map(|order| {
        let order = order.of(&items);
        let limit = u64::MAX;
        let packing =
            packing::in_order(&items, &order, Fit::First, &mut taken, limit, &mut || false);
        packing.expect("no limit").makespan
    });
    makespans.min().expect("there are orders")
}

/// Boxes until the makespan is no larger than a single order's, or gives up.
fn boxing_is_no_worse(name: &str, problem: &Problem, iterations: u64) {
    let single = best_single_order(problem);
    let load = common::load::load(problem.jobs()).peak;
    let options = Options {
        method: Method::Boxing,
        iterations: Some(iterations),
        max_fragmentation: Some((single - load) as f64 / load as f64),
        ..Options::default()
    };
    let solution = crate::solve(problem, &options, &mut ()).expect("sound");
    assert!(
        solution.makespan <= single,
        "{name}: {} by {}, {single} by a single order",
        solution.makespan,
        solution.found_by
    );
    assert!(
        matches!(solution.found_by, FoundBy::Boxing(_)),
        "{name}: found by {}",
        solution.found_by
    );
}

#[test]
fn boxing_is_no_worse_than_the_best_single_order_on_real_instances() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    for name in ["pangu_2.6B", "S_1", "iopddl_D", "iopddl_Q"] {
        let path = folder.join(format!("{name}.csv"));
        let Ok(file) = std::fs::File::open(&path) else {
            eprintln!("SKIPPED: {} is not there", path.display());
            continue;
        };
        let input = input::load(file, Format::Csv, Offsets::Pins).expect("a sound file");
        boxing_is_no_worse(name, &input.problem, 400);
    }
}

/// A network's run: weights, activations that nest, workspaces.
fn nested(seed: u64) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let layers = 150;
    let end = 4 * layers;
    let mut jobs = Vec::new();
    for layer in 0..layers {
        let width = 64 << random.random_range(0..8);
        let mut add =
            |birth, death, size| jobs.push(Job::new(jobs.len() as u64, birth, death, size));
        add(2 * layer, end - 2 * layer, width);
        add(2 * layer, 2 * layer + 3, width * 3);
        add(end - 2 * layer - 1, end - 2 * layer + 2, width * 2);
        add(0, end + 2, width / 2);
    }
    jobs
}

/// Random lifetimes, most of them short, in size classes or of any size.
fn random(seed: u64, has_classes: bool) -> Vec<Job> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..1500)
        .map(|id| {
            let birth = random.random_range(0..2000);
            let length = random.random_range(0.0..7.0f64).exp() as u64 + 1;
            let size = random.random_range(3.0..12.0f64).exp2() as u64;
            let size = if has_classes {
                size.next_power_of_two()
            } else {
                size
            };
            Job::new(id, birth, birth + length, size)
        })
        .collect()
}

#[test]
fn boxing_is_no_worse_than_the_best_single_order_on_generated_instances() {
    for seed in 0..4 {
        let kinds = [
            ("nested", nested(seed)),
            ("classes", random(seed, true)),
            ("random", random(seed, false)),
        ];
        for (name, jobs) in kinds {
            let problem = Problem::new(jobs).expect("sound");
            boxing_is_no_worse(&format!("{name}, seed {seed}"), &problem, 4000);
        }
    }
}
