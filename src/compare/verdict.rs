//! What lines say about the groups, all of them taken together.

use super::margin::{self, Margin};
use super::{Line, Method};
use crate::random::Streams;
use crate::statistics::bootstrap::resampled;
use crate::statistics::contrast::Contrast;
use crate::statistics::correction::{benjamini_hochberg, holm};
use crate::statistics::difference::{Difference, LEVEL, Sample};
use crate::statistics::effect::hedges_g;
use crate::statistics::equivalence::equivalence;
use crate::statistics::ratio::{ratio, ratio_interval};
use serde::Serialize;

/// How far an end of one interval may lie from that of another, as a part of the width, before they disagree.
const APART: f64 = 0.25;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Of two groups the last one's mean is larger.
    LastLarger,
    /// Of two groups the first one's mean is larger.
    FirstLarger,
    /// Of three groups or more some differ; the pairs say which.
    SomeDiffer,
    /// No two groups are known to differ by as much as the margin, and none to differ at all.
    Equal,
    /// No pair of groups is known to differ.
    NotDecided,
    /// Every run has the same value, or every group the same by seed.
    Identical,
    /// Fewer than three values in a group say nothing about other seeds.
    TooFewSeeds,
    /// Set by the user, a check of one run, or the step of an event: nothing to decide between groups.
    Given,
    /// A verdict would mislead; the line's reason says why.
    Withheld,
}

/// What a pair of groups says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The first group's mean is larger.
    FirstLarger,
    /// The second group's mean is larger.
    SecondLarger,
    /// The means differ by no more than the margin, and are not known to differ.
    Equal,
    /// Neither is known.
    NotDecided,
}

/// A test of one group against another on one line.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The label of the group that stands first.
    pub first: String,
    /// The label of the other.
    pub second: String,
    /// How many values each has.
    pub n: [usize; 2],
    /// The second mean minus the first.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Its 95 % interval, not corrected for other tests; none without a spread to judge by.
    pub interval: Option<[f64; 2]>,
    /// The same by resampling (bias-corrected and accelerated); none of fewer than six values.
    pub interval_bootstrap: Option<[f64; 2]>,
    /// The second mean over the first; none where a value is not above zero.
    pub ratio: Option<f64>,
    /// Its 95 % interval (Fieller's).
    pub ratio_interval: Option<[f64; 2]>,
    /// The same by resampling.
    pub ratio_interval_bootstrap: Option<[f64; 2]>,
    /// Whether the two kinds of intervals of the difference, or of the ratio, disagree: about whether there is any, or
    /// by a quarter of their width at an end.
    pub intervals_disagree: bool,
    /// The difference in standard deviations (Hedges' g): of the differences of pairs, or pooled.
    pub effect: Option<f64>,
    /// Its 95 % interval.
    pub effect_interval: Option<[f64; 2]>,
    /// How it was tested.
    pub method: Method,
    /// The two-sided p-value, not corrected; none without a spread to judge by.
    pub p: Option<f64>,
    /// The p-value corrected by Holm's method over all tests of the table.
    pub p_holm: f64,
    /// The false-discovery rate at which it would be decided (Benjamini & Hochberg).
    pub p_fdr: f64,
    /// The largest difference that does not matter, in words; none where none was said.
    #[serde(serialize_with = "margin::serialize")]
    pub margin: Option<Margin>,
    /// The p-value of a difference of at least that, not corrected.
    pub p_equal: Option<f64>,
    /// The same corrected by Holm's method over all lines.
    pub p_equal_holm: Option<f64>,
    /// Whether the means differ by no more than that, at 5 %; they may be known to differ all the same.
    pub is_within_margin: bool,
    /// What follows at 5 %.
    pub decision: Decision,
}

impl Pair {
    /// Tests two groups; none where one of them has too few values. Intervals by resampling and effects are not yet
    /// known, because they decide nothing and take long.
    pub(super) fn test(
        labels: [&str; 2],
        first: &Sample,
        second: &Sample,
        margin: Option<Margin>,
    ) -> Option<Self> {
        let contrast = Contrast::new(first, second)?;
        let found = Difference::of(&contrast);
        let p_equal = margin.and_then(|margin| equivalence(&contrast, margin));
        Some(Self {
            first: labels[0].to_owned(),
            second: labels[1].to_owned(),
            n: [first.len(), second.len()],
            difference: found.value,
            error: found.error,
            interval: found.interval,
            interval_bootstrap: None,
            ratio: ratio(&contrast),
            ratio_interval: ratio_interval(&contrast),
            ratio_interval_bootstrap: None,
            intervals_disagree: false,
            effect: None,
            effect_interval: None,
            method: found.method,
            p: found.p,
            p_holm: 1.0,
            p_fdr: 1.0,
            margin,
            p_equal,
            p_equal_holm: None,
            is_within_margin: false,
            decision: Decision::NotDecided,
        })
    }

    /// With effect and intervals by resampling, of the samples that it tests.
    pub(super) fn described(mut self, first: &Sample, second: &Sample) -> Self {
        let Some(contrast) = Contrast::new(first, second) else {
            return self;
        };
        let effect = hedges_g(&contrast);
        self.effect = effect.map(|effect| effect.g);
        self.effect_interval = effect.map(|effect| effect.interval);
        // Without a spread there is nothing to draw from.
        let is_known = self.interval.is_some();
        let drawn = is_known.then(|| resampled(&contrast, Streams::new(0)));
        if let Some(drawn) = drawn.flatten() {
            self.interval_bootstrap = drawn.difference;
            self.ratio_interval_bootstrap = drawn.ratio;
            self.intervals_disagree = disagree(self.interval, drawn.difference, 0.0)
                || disagree(self.ratio_interval, drawn.ratio, 1.0);
        }
        self
    }
}

/// Whether two intervals say different things; `none` is the number that stands for no difference.
fn disagree(one: Option<[f64; 2]>, other: Option<[f64; 2]>, none: f64) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    let holds = |interval: [f64; 2]| interval[0] <= none && none <= interval[1];
    let width = one[1] - one[0];
    let is_apart = |end: usize| (one[end] - other[end]).abs() > APART * width;
    holds(one) != holds(other) || is_apart(0) || is_apart(1)
}

/// Decides all lines together. The family is every pair of groups on every line that carries a
/// verdict, and every trend, so that at most 5 % of tables whose groups differ in nothing hold any verdict. A pair without
/// a spread to judge by counts with p = 1. That groups are equal within a margin is a claim of another kind: of tables
/// whose groups differ by their margins, at most 5 % hold any. Returns the number of tests.
pub(super) fn decide(lines: &mut [Line]) -> usize {
    let raw: Vec<f64> = lines.iter().flat_map(p_values).collect();
    let mut corrected = holm(&raw).into_iter().zip(benjamini_hochberg(&raw));
    for line in lines.iter_mut() {
        for pair in &mut line.pairs {
            (pair.p_holm, pair.p_fdr) = corrected.next().unwrap_or((1.0, 1.0));
        }
        if let Some(trend) = &mut line.trend {
            (trend.p_holm, trend.p_fdr) = corrected.next().unwrap_or((1.0, 1.0));
        }
    }
    let mut pairs: Vec<&mut Pair> = lines.iter_mut().flat_map(|line| &mut line.pairs).collect();
    let tested = pairs.iter_mut().filter(|pair| pair.margin.is_some());
    let mut tested: Vec<&mut &mut Pair> = tested.collect();
    let raw_equal: Vec<f64> = tested
        .iter()
        .map(|pair| pair.p_equal.unwrap_or(1.0))
        .collect();
    for (pair, corrected) in tested.iter_mut().zip(holm(&raw_equal)) {
        pair.p_equal_holm = pair.p_equal.map(|_| corrected);
        pair.is_within_margin = corrected <= LEVEL;
    }
    for pair in pairs {
        pair.decision = match (pair.p_holm <= LEVEL, pair.is_within_margin) {
            (true, _) if pair.difference > 0.0 => Decision::SecondLarger,
            (true, _) => Decision::FirstLarger,
            (false, true) => Decision::Equal,
            (false, false) => Decision::NotDecided,
        };
    }
    for line in lines.iter_mut().filter(|line| !line.pairs.is_empty()) {
        line.verdict = verdict(line);
    }
    raw.len()
}

/// The p-values of a line in the order in which they are corrected.
fn p_values(line: &Line) -> Vec<f64> {
    let pairs = line.pairs.iter().map(|pair| pair.p.unwrap_or(1.0));
    let trend = line.trend.iter().map(|trend| trend.p);
    pairs.chain(trend).collect()
}

fn verdict(line: &Line) -> Verdict {
    let is_two = line.cells.len() == 2;
    let differs = |pair: &&Pair| {
        matches!(
            pair.decision,
            Decision::FirstLarger | Decision::SecondLarger
        )
    };
    match line.pairs.iter().find(differs) {
        None if line
            .pairs
            .iter()
            .all(|pair| pair.decision == Decision::Equal) =>
        {
            Verdict::Equal
        }
        None => Verdict::NotDecided,
        Some(_) if !is_two => Verdict::SomeDiffer,
        Some(pair) if pair.decision == Decision::FirstLarger => Verdict::FirstLarger,
        Some(_) => Verdict::LastLarger,
    }
}
