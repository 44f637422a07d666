//! Dives side by side: a beam over partial packings.
//!
//! Where a dive wastes most differs from dive to dive, and a dive that begins
//! well seldom goes on as well. So several partial packings are kept: each is
//! continued by a share of the jobs in several ways, and those go on whose
//! sections are the least strained. A packing that passes the best makespan
//! ends there.

use rand::RngExt as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::view::View;
use super::{Component, Tried};
use crate::dive::diver::Diver;
use crate::dive::partial::PartialPacking;
use crate::dive::rule::DiveRule;
use crate::instance::Subproblem;

/// Shares of the jobs after which packings are compared: closer where jobs are
/// placed on a flat floor.
const STAGES: [f64; 13] = [
    0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0,
];

/// From this share of the jobs on what is left is little, and continued in
/// twice as many ways.
const LATE: f64 = 0.75;

/// Where packings are compared, and how.
#[derive(Clone, Copy)]
struct Comparison {
    /// How many jobs they have.
    jobs: usize,
    /// Units by which the strain of a section grows e-fold.
    scale: f64,
}

/// A packing of the first jobs.
struct Branch {
    strain: f64,
    /// Which packing of the stage before it continues.
    parent: usize,
    packing: PartialPacking,
    rule: DiveRule,
}

impl Component {
    /// See [`Work::Beam`](super::view::Work::Beam).
    pub(super) fn beam(
        &self,
        view: &View,
        rules: &[DiveRule],
        width: usize,
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Tried {
        let mut beam = vec![Branch {
            strain: 0.0,
            parent: 0,
            packing: PartialPacking::of(&view.subproblem),
            rule: *rules.first()?,
        }];
        let scale = self.target as f64 * random.random_range(-9.2..-6.9f64).exp();
        let (mut dives, mut before) = (1.0, 0.0);
        for share in STAGES {
            let jobs = (view.subproblem.len() as f64 * share).ceil() as usize;
            if beam.iter().all(|branch| branch.packing.order.len() == jobs) {
                continue;
            }
            let comparison = Comparison { jobs, scale };
            let branches = match beam.len() {
                1 => width * width,
                _ if share > LATE => 2 * width,
                _ => width,
            };
            let mut next = Vec::new();
            for (parent, parent_branch) in beam.iter().enumerate() {
                dives += branches as f64 * (share - before);
                let ways = (0..branches).map(|branch| match branch {
                    0 => parent_branch.rule,
                    _ => rules[random.random_range(0..rules.len())],
                });
                let ways: Vec<DiveRule> = ways.collect();
                let continued = self.proceed(view, parent_branch, &ways, comparison, random, stop);
                next.extend(
                    continued
                        .into_iter()
                        .map(|branch| Branch { parent, ..branch }),
                );
            }
            if stop() {
                return None;
            }
            next.sort_by(|a, b| a.strain.total_cmp(&b.strain));
            if beam.len() > 1 {
                // Not all of one family.
                let mut children = vec![0; beam.len()];
                next.retain(|branch| {
                    children[branch.parent] += 1;
                    2 * children[branch.parent] <= width + 1
                });
            }
            next.truncate(width);
            beam = next;
            before = share;
        }
        let best = beam.into_iter().next()?;
        Some((best.packing, best.rule, dives as u64))
    }

    /// Continues a packing up to the next comparison, in several ways.
    fn proceed(
        &self,
        view: &View,
        branch: &Branch,
        ways: &[DiveRule],
        comparison: Comparison,
        random: &mut Xoshiro256PlusPlus,
        stop: &mut dyn FnMut() -> bool,
    ) -> Vec<Branch> {
        let placed = branch.packing.order.len();
        let (subproblem, members) = branch.packing.tail(&view.subproblem, placed);
        let mut diver = Diver::new(&subproblem);
        let mut continued = Vec::new();
        for rule in ways {
            let ranks = rule.ranks(&subproblem, random);
            let mut settings = self.settings(rule, self.top().min(view.top()) - 1);
            settings.jobs = comparison.jobs - placed;
            let Some(more) = diver.dive(&subproblem, &ranks, &settings, stop) else {
                continue;
            };
            let left = more.tail(&subproblem, more.order.len()).0;
            let mut packing = branch.packing.clone();
            packing.extend(&more, &members);
            continued.push(Branch {
                strain: strain(&left, comparison.scale).max(more.top as f64),
                parent: 0,
                packing,
                rule: *rule,
            });
        }
        continued
    }
}

/// The largest need of all sections, and somewhat more the more sections come
/// near it: the logarithm of the sum of exponentials, in units.
fn strain(subproblem: &Subproblem, scale: f64) -> f64 {
    let needs = &subproblem.needs;
    let largest = needs.iter().copied().max().unwrap_or(0);
    let sum: f64 = needs
        .iter()
        .map(|&need| ((need - largest) as f64 / scale).exp())
        .sum();
    largest as f64 + scale * sum.max(1.0).ln()
}
