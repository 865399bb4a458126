//! What lines say about the groups, all of them taken together.

use super::{Line, Method};
use crate::statistics::correction::holm;
use crate::statistics::difference::{LEVEL, Sample, difference};
use serde::Serialize;

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
    /// No pair of groups is known to differ.
    NotDecided,
    /// Every run has the same value, or every group the same by seed.
    Equal,
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
    /// The corrected p-value is above 5 %.
    NotDecided,
}

/// A test of one group against another on one line.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The label of the group that stands first.
    pub first: String,
    /// The label of the other.
    pub second: String,
    /// The second mean minus the first.
    pub difference: f64,
    /// Its standard error.
    pub error: f64,
    /// Its 95 % interval, not corrected for other tests; none without a spread to judge by.
    pub interval: Option<[f64; 2]>,
    /// How it was tested.
    pub method: Method,
    /// The two-sided p-value, not corrected; none without a spread to judge by.
    pub p: Option<f64>,
    /// The p-value corrected by Holm's method over all tests of the table.
    pub p_holm: f64,
    /// What follows at 5 %.
    pub decision: Decision,
}

impl Pair {
    /// Tests two groups; none where one of them has too few values.
    pub(super) fn test(labels: [&str; 2], first: &Sample, second: &Sample) -> Option<Self> {
        let found = difference(first, second)?;
        Some(Self {
            first: labels[0].to_owned(),
            second: labels[1].to_owned(),
            difference: found.value,
            error: found.error,
            interval: found.interval,
            method: found.method,
            p: found.p,
            p_holm: 1.0,
            decision: Decision::NotDecided,
        })
    }
}

/// Decides all lines together: the family is every pair of groups on every line that carries a
/// verdict, so that at most 5 % of tables whose groups differ in nothing hold any. A pair without a
/// spread to judge by counts with p = 1. Returns the number of tests.
pub(super) fn decide(lines: &mut [Line]) -> usize {
    let mut pairs: Vec<&mut Pair> = lines.iter_mut().flat_map(|line| &mut line.pairs).collect();
    let raw: Vec<f64> = pairs.iter().map(|pair| pair.p.unwrap_or(1.0)).collect();
    for (pair, corrected) in pairs.iter_mut().zip(holm(&raw)) {
        pair.p_holm = corrected;
        if corrected <= LEVEL {
            pair.decision = match pair.difference {
                difference if difference > 0.0 => Decision::SecondLarger,
                _ => Decision::FirstLarger,
            };
        }
    }
    for line in lines.iter_mut().filter(|line| !line.pairs.is_empty()) {
        let is_two = line.cells.len() == 2;
        let mut decisions = line.pairs.iter().map(|pair| pair.decision);
        line.verdict = match decisions.find(|decision| *decision != Decision::NotDecided) {
            None => Verdict::NotDecided,
            Some(_) if !is_two => Verdict::SomeDiffer,
            Some(Decision::FirstLarger) => Verdict::FirstLarger,
            Some(_) => Verdict::LastLarger,
        };
    }
    raw.len()
}
