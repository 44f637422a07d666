//! Views of a component, and the work that they suggest.

use std::sync::{Arc, Mutex};

use rand::RngExt as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::dive::chains::{Chains, Gluing};
use crate::dive::diver::Diver;
use crate::dive::partial::PartialPacking;
use crate::dive::rule::DiveRule;
use crate::heuristics::{Heuristic, Without};
use crate::instance::Subproblem;
use crate::priority::Elite;

/// Good rules that a view remembers.
const ELITE: usize = 6;

/// Dives side by side at most.
const BEAM_WIDTH: usize = 6;

/// Jobs that all of them may place.
const BEAM_JOBS: usize = 1 << 17;

/// What a task does.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// Whole dives.
    Dives(Vec<DiveRule>),
    /// The tail of the view's best dive from this many jobs on.
    /// With a gluing what is left is glued first, within the slack that is left.
    Tail {
        from: usize,
        rules: Vec<DiveRule>,
        gluing: Option<Gluing>,
    },
    /// Dives side by side, so many that go on at a time.
    Beam { rules: Vec<DiveRule>, width: usize },
    /// Whole dives in a view that is made for them.
    Fresh {
        gluing: Gluing,
        rules: Vec<DiveRule>,
    },
}

/// One way to see a component, and the best that it showed.
pub(super) struct View {
    pub(super) subproblem: Arc<Subproblem>,
    /// Which jobs of the component each of the subproblem's jobs is; `None` for
    /// themselves.
    pub(super) chains: Option<Chains>,
    /// How the view was glued.
    pub(super) gluing: Option<Gluing>,
    pub(super) best: Option<PartialPacking>,
    /// By how much the best passes the target, summed over sections.
    pub(super) excess: i128,
    pub(super) elite: Elite<i64, DiveRule>,
    pub(super) plain: usize,
    pub(super) divers: Mutex<Vec<Diver>>,
}

impl View {
    pub(super) fn new(
        subproblem: Arc<Subproblem>,
        chains: Option<(Chains, Gluing)>,
        without: Without,
    ) -> View {
        let learns = without.keeps(Heuristic::Elite);
        let (chains, gluing) = chains.unzip();
        View {
            subproblem,
            chains,
            gluing,
            best: None,
            excess: i128::MAX,
            elite: Elite::new(if learns { ELITE } else { 0 }),
            plain: 0,
            divers: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn top(&self) -> i64 {
        self.best.as_ref().map_or(i64::MAX, |best| best.top)
    }

    /// How many dives a task does: more where they are short, as a generation
    /// ends with its longest task.
    pub(super) fn dives(&self, jobs: usize) -> usize {
        (jobs / self.subproblem.len().max(1) / 2).clamp(1, 6)
    }

    /// The next plain rule, while there are any.
    pub(super) fn next_plain(&mut self) -> Option<DiveRule> {
        let rule = (self.plain < DiveRule::PLAIN).then(|| DiveRule::plain(self.plain));
        self.plain += 1;
        rule
    }

    /// A rule near one of the best, or near any.
    pub(super) fn draw(&self, random: &mut Xoshiro256PlusPlus) -> DiveRule {
        if !self.elite.is_empty() && random.random_bool(0.6) {
            return self.elite.draw(random).varied(random);
        }
        DiveRule::plain(random.random_range(0..DiveRule::PLAIN)).varied(random)
    }

    /// A tail of the best dive: of a half of the jobs, a quarter, and so on
    /// down to some ten.
    pub(super) fn draw_tail(
        &self,
        target: i64,
        may_glue: bool,
        random: &mut Xoshiro256PlusPlus,
    ) -> Work {
        let jobs = self.subproblem.len();
        let halvings = jobs.ilog2().saturating_sub(3).max(1);
        // The larger of two draws: small tails cost little.
        let halving = random
            .random_range(1..=halvings)
            .max(random.random_range(1..=halvings));
        let left = ((jobs >> halving) as f64 * random.random_range(0.7..1.4)) as usize;
        let left = left.clamp(1, jobs);
        let count = (jobs / left).clamp(2, 24);
        let rules = (0..count).map(|_| self.draw(random)).collect();
        let gluing = (may_glue && random.random_bool(0.5)).then(|| Gluing {
            gap: random.random_range(2.0..12.0f64).exp() as u32,
            reserve: (target as f64 * 0.02 * random.random_range(0.0..0.7f64).powi(3)) as i64,
            size: random.random_range(0.0..1.0),
            noise: random.random_range(0.0..1.0f32).powi(2),
            ..Gluing::PLAIN
        });
        Work::Tail {
            from: jobs - left,
            rules,
            gluing,
        }
    }

    /// Dives side by side, where they are not too long.
    pub(super) fn draw_beam(&self, random: &mut Xoshiro256PlusPlus) -> Option<Work> {
        let jobs = self.subproblem.len().max(1);
        let width = ((BEAM_JOBS / jobs) as f64).sqrt() as usize;
        let rules = (0..12).map(|_| self.draw(random)).collect();
        let width = width.min(BEAM_WIDTH);
        (width > 1 && jobs > 1).then_some(Work::Beam { rules, width })
    }

    pub(super) fn keep(&mut self, partial: PartialPacking, rule: DiveRule, target: i64) {
        let top = partial.top;
        if top < self.top() || !self.elite.iter().any(|&held| held == rule) {
            self.elite.push(top, rule);
        }
        if top > self.top() {
            return;
        }
        let excess = partial.excess(&self.subproblem, target);
        if top < self.top() || excess <= self.excess {
            self.best = Some(partial);
            self.excess = excess;
        }
    }
}
