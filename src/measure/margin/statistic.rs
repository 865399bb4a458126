//! What is told of a list of margins.

use super::super::Measurement;
use crate::statistics::{mean, stated_error};

/// One number about a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    /// The smallest value; exact for the list, no estimate for others.
    Min,
    /// The mean, with its standard error.
    Mean,
    /// A quantile, with its standard error.
    Quantile(f64),
}

impl Statistic {
    /// Splits a measure's name into what the list holds and what is told of it; the smallest value
    /// where the name does not say.
    pub fn of_name(name: &str) -> (&str, Self) {
        let (list, last) = name.rsplit_once('.').unwrap_or((name, ""));
        match last {
            "min" => (list, Self::Min),
            "mean" => (list, Self::Mean),
            "p10" => (list, Self::Quantile(0.1)),
            "median" => (list, Self::Quantile(0.5)),
            _ => (name, Self::Min),
        }
    }

    /// The number, as a row.
    pub fn of(self, name: &str, values: &[f64]) -> Measurement {
        let row = match self {
            Self::Min => {
                Measurement::new(name, values.iter().copied().fold(f64::INFINITY, f64::min))
            }
            Self::Mean => Measurement::new(name, mean(values)).with_stderr(stated_error(values)),
            Self::Quantile(probability) => quantile(name, values, probability),
        };
        row.over(values.len())
    }
}

/// A quantile. Its standard error is a quarter of the distance between the order statistics two binomial
/// standard deviations, `√(n p (1−p))`, to either side, which assumes nothing about the distribution
/// (David & Nagaraja, "Order Statistics", §7.1). From those at one standard deviation two errors would
/// cover 90 % from 60 values, from these they cover 94 %.
fn quantile(name: &str, values: &[f64], probability: f64) -> Measurement {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let spread = (count * probability * (1.0 - probability)).sqrt();
    let place = (count - 1.0) * probability;
    // Ranks end at the list's ends; the distance is then scaled to what was asked for.
    let low = (place - 2.0 * spread).max(0.0);
    let high = (place + 2.0 * spread).min(count - 1.0);
    let per_rank = (at_rank(&sorted, high) - at_rank(&sorted, low)) / (high - low);
    Measurement::new(name, at_rank(&sorted, place)).with_stderr(spread * per_rank)
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
        assert!((median.stderr.unwrap() - (101.0f64 / 4.0).sqrt()).abs() < 1e-12);
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
    }

    #[test]
    fn names_tell_the_statistic() {
        let of = Statistic::of_name;
        assert_eq!(of("margin.min"), ("margin", Statistic::Min));
        assert_eq!(of("margin.spectral"), ("margin.spectral", Statistic::Min));
        let p10 = Statistic::Quantile(0.1);
        assert_eq!(of("margin.spectral.p10"), ("margin.spectral", p10));
    }
}
