//! What is told of a list of margins.

use super::failure::{Failure, FailureKind};
use super::measurement::{Error, Measurement};
use crate::extremes::smallest;
use crate::statistics::{mean, stated_error};

/// One number about a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The smallest value; exact for the list, no estimate for others.
    Min,
    /// The mean, with its standard error.
    Mean,
    /// A quantile, with its standard error.
    Quantile(f64),
}

impl Statistic {
    /// The number, as a row. Infinite values have their place in the order as they are; where the
    /// number itself is then infinite, or a value is NaN, the row says so instead.
    pub fn of(self, name: &str, values: &[f64]) -> Measurement {
        if let Some(failure) = self.why_none(values) {
            return Measurement::failed(name, failure).over(values.len());
        }
        let row = |value: f64| Measurement::new(name, value).over(values.len());
        match self {
            Self::Min => row(smallest(values.iter().copied())).with_error(Error::Exact),
            Self::Mean => row(mean(values)).with_stderr(stated_error(values)),
            Self::Quantile(probability) => {
                let (value, stderr) = quantile(values, probability);
                row(value).with_stderr(stderr)
            }
        }
    }

    /// The number alone; not finite where there is none.
    pub fn value(self, values: &[f64]) -> f64 {
        match self {
            Self::Min => smallest(values.iter().copied()),
            Self::Mean => mean(values),
            Self::Quantile(probability) => at_probability(&sorted(values), probability),
        }
    }

    /// Why a list has no such number.
    fn why_none(self, values: &[f64]) -> Option<Failure> {
        let count = |is: fn(&f64) -> bool| values.iter().filter(|value| is(value)).count();
        let (all, unknown) = (values.len(), count(|value| value.is_nan()));
        if all == 0 {
            return Some(Failure::not_known("there are no samples"));
        }
        if unknown > 0 {
            return Some(Failure::not_finite(format!(
                "{unknown} of the {all} values are not finite (NaN)"
            )));
        }
        (!self.value(values).is_finite()).then(|| {
            let reason = format!(
                "of the {all} samples {} are infinitely far from where another class wins, as far as \
                 was found, and {} infinitely far beyond",
                count(|value| *value == f64::INFINITY),
                count(|value| *value == f64::NEG_INFINITY)
            );
            Failure::new(FailureKind::NotDefined, reason)
        })
    }
}

/// A quantile. Its standard error is a quarter of the distance between the order statistics two binomial
/// standard deviations, `√(n p (1−p))`, to either side, which assumes nothing about the distribution
/// (David & Nagaraja, "Order Statistics", §7.1). From those at one standard deviation two errors would
/// cover 90 % from 60 values, from these they cover 94 %.
fn quantile(values: &[f64], probability: f64) -> (f64, f64) {
    let sorted = sorted(values);
    let count = sorted.len() as f64;
    let spread = (count * probability * (1.0 - probability)).sqrt();
    let place = (count - 1.0) * probability;
    // Ranks end where the numbers do; the distance is then scaled to what was asked for.
    let first = sorted.partition_point(|value| *value == f64::NEG_INFINITY);
    let end = sorted.partition_point(|value| *value < f64::INFINITY);
    let low = (place - 2.0 * spread).max(first as f64);
    let high = (place + 2.0 * spread).min(end as f64 - 1.0);
    let per_rank = (at_rank(&sorted, high) - at_rank(&sorted, low)) / (high - low);
    (at_rank(&sorted, place), spread * per_rank)
}

/// In ascending order.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The value below which a share of a sorted list lies.
fn at_probability(sorted: &[f64], probability: f64) -> f64 {
    at_rank(sorted, (sorted.len() as f64 - 1.0) * probability)
}

/// The value at a fractional rank of a sorted list, interpolated linearly, clamped at its ends.
fn at_rank(sorted: &[f64], rank: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let rank = rank.clamp(0.0, last as f64);
    let below = rank.floor() as usize;
    let share = rank - below as f64;
    if share == 0.0 {
        // No product with a neighbour that may be infinite.
        return sorted[below];
    }
    sorted[below] * (1.0 - share) + sorted[(below + 1).min(last)] * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_and_their_error_comes_from_order_statistics() {
        let values: Vec<f64> = (0..101).rev().map(f64::from).collect();
        let median = Statistic::Quantile(0.5).of("margin.median", &values);
        assert_eq!((median.value, median.samples), (Some(50.0), Some(101)));
        // √(101 · ¼) ranks to either side of a list with unit steps.
        assert!((median.stderr().unwrap() - (101.0f64 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(Statistic::Quantile(0.1).of("", &values).value, Some(10.0));
        assert_eq!(Statistic::Min.of("", &values).value, Some(0.0));
        assert_eq!(Statistic::Mean.of("", &values).value, Some(50.0));
    }

    #[test]
    fn what_no_number_was_found_for_counts_as_large() {
        let values = [3.0, f64::INFINITY, 1.0, 2.0, f64::INFINITY];
        assert_eq!(Statistic::Quantile(0.5).of("", &values).value, Some(3.0));
        let lost = [f64::INFINITY, f64::INFINITY, 1.0];
        assert_eq!(Statistic::Quantile(0.5).of("", &lost).value, None);
        assert_eq!(Statistic::Min.of("", &[]).value, None);
        // Half-way between a number and an infinity, or between two: no number.
        let halves = [1.0, f64::INFINITY, f64::INFINITY, 2.0];
        assert_eq!(Statistic::Quantile(0.5).of("", &halves).value, None);
        let both = [f64::NEG_INFINITY, f64::INFINITY];
        assert_eq!(Statistic::Quantile(0.5).of("", &both).value, None);
    }

    #[test]
    fn the_error_of_a_quantile_comes_from_the_numbers_next_to_it() {
        // The median of 100 is at rank 49.5, and 5 ranks to either side are a standard deviation:
        // 50 to 100 are infinite, so that only those below are left.
        let values = |last: f64| -> Vec<f64> {
            let numbers = (0..100).map(f64::from);
            numbers
                .map(|x| if x > last { f64::INFINITY } else { x })
                .collect()
        };
        let all = Statistic::Quantile(0.5).of("", &values(100.0));
        let few = Statistic::Quantile(0.5).of("", &values(50.0));
        assert_eq!((all.value, few.value), (Some(49.5), Some(49.5)));
        assert!((all.stderr().unwrap() - 5.0).abs() < 1e-12);
        assert!((few.stderr().unwrap() - 5.0).abs() < 1e-12);
    }

    #[test]
    fn an_infinite_statistic_says_of_how_many_samples() {
        let values = [f64::INFINITY, f64::INFINITY, 1.0, f64::NEG_INFINITY];
        let reason = |statistic: Statistic| statistic.of("margin", &values).failure.unwrap().reason;
        insta::assert_snapshot!(reason(Statistic::Mean), @"of the 4 samples 2 are infinitely far from where another class wins, as far as was found, and 1 infinitely far beyond");
        assert_eq!(reason(Statistic::Min), reason(Statistic::Mean));
    }

    #[test]
    fn what_is_not_a_number_is_never_passed_over() {
        let values = [1.0, f64::NAN, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        for statistic in [Statistic::Min, Statistic::Mean, Statistic::Quantile(0.1)] {
            let row = statistic.of("margin", &values);
            assert_eq!((row.value, row.samples), (None, Some(10)), "{statistic:?}");
            assert!(row.is_not_finite());
        }
    }
}
