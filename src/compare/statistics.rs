//! Intervals of differences of means.

use crate::statistics::{mean, standard_error, variance};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeSet;

/// Values with the seeds they belong to, in ascending order of seeds.
pub type Sample = [(u64, f64)];

/// How an interval was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// From the differences between runs of the same seed (paired t).
    Paired,
    /// From the two means and their spreads (Welch).
    Welch,
}

/// An interval of a difference of means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its ends.
    pub ends: [f64; 2],
    /// How it was found.
    pub method: Method,
}

/// Two-sided confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// The 95 % interval of `mean(second) − mean(first)`: from the differences of pairs where both
/// samples have the same seeds, each once; else Welch's. None where a sample has fewer than two
/// values, or where they show no spread to judge by (a few accuracies on a grid can coincide).
pub fn difference(first: &Sample, second: &Sample) -> Option<Interval> {
    if first.len() < 2 || second.len() < 2 {
        return None;
    }
    let values = |sample: &Sample| sample.iter().map(|(_, value)| *value).collect::<Vec<_>>();
    let (a, b) = (values(first), values(second));
    let (error, freedom, method) = if are_pairs(first, second) {
        let pairs: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
        (
            standard_error(&pairs),
            pairs.len() as f64 - 1.0,
            Method::Paired,
        )
    } else {
        let (error, freedom) = welch(&a, &b);
        (error, freedom, Method::Welch)
    };
    let size = a
        .iter()
        .chain(&b)
        .fold(0.0f64, |size, value| size.max(value.abs()));
    if error <= 1e-12 * size {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let half = student.inverse_cdf(0.5 + 0.5 * CONFIDENCE) * error;
    let centre = mean(&b) - mean(&a);
    Some(Interval {
        ends: [centre - half, centre + half],
        method,
    })
}

/// Whether the samples hold the same seeds, each once.
fn are_pairs(first: &Sample, second: &Sample) -> bool {
    let seeds = |sample: &Sample| sample.iter().map(|(seed, _)| *seed).collect::<Vec<_>>();
    let unique: BTreeSet<u64> = seeds(first).into_iter().collect();
    seeds(first) == seeds(second) && unique.len() == first.len()
}

/// The standard error of a difference of means and its degrees of freedom (Welch–Satterthwaite).
fn welch(a: &[f64], b: &[f64]) -> (f64, f64) {
    let share = |values: &[f64]| variance(values) / values.len() as f64;
    let (first, second) = (share(a), share(b));
    let total = first + second;
    let freedom = total.powi(2)
        / (first.powi(2) / (a.len() as f64 - 1.0) + second.powi(2) / (b.len() as f64 - 1.0));
    (total.sqrt(), freedom)
}

#[cfg(test)]
mod tests {
    use super::*;

    /*
    The expected numbers are SciPy's:

    from scipy import stats
    a, b = [1.0, 2.0, 4.0], [3.0, 5.0, 6.5]
    print(stats.ttest_rel(b, a).confidence_interval())
    print(stats.ttest_ind(b, a, equal_var=False).confidence_interval())
    */
    #[test]
    fn intervals_equal_those_of_scipy() {
        let a = [(0, 1.0), (1, 2.0), (2, 4.0)];
        let close = |found: Interval, method: Method, expected: [f64; 2]| {
            assert_eq!(found.method, method);
            assert!((found.ends[0] - expected[0]).abs() < 1e-6, "{found:?}");
            assert!((found.ends[1] - expected[1]).abs() < 1e-6, "{found:?}");
        };
        let paired = [(0, 3.0), (1, 5.0), (2, 6.5)];
        close(difference(&a, &paired).unwrap(), Method::Paired, PAIRED);
        let unpaired = [(0, 3.0), (1, 5.0), (7, 6.5)];
        close(difference(&a, &unpaired).unwrap(), Method::Welch, WELCH);
    }

    const PAIRED: [f64; 2] = [1.257931144124835, 3.742068855875165];
    const WELCH: [f64; 2] = [-1.2591137231778577, 6.259113723177856];

    #[test]
    fn one_value_decides_nothing() {
        assert_eq!(difference(&[(0, 1.0)], &[(0, 2.0)]), None);
    }

    #[test]
    fn values_without_spread_decide_nothing() {
        let first = [(0, 0.970), (1, 0.972)];
        let second = [(0, 0.972), (1, 0.974)];
        assert_eq!(difference(&first, &second), None);
    }

    #[test]
    fn a_seed_that_occurs_twice_is_no_pair() {
        let first = [(0, 1.0), (0, 1.5), (1, 2.0)];
        let second = [(0, 3.0), (0, 3.1), (1, 4.0)];
        assert_eq!(difference(&first, &second).unwrap().method, Method::Welch);
    }
}
