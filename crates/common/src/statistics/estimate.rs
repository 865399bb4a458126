//! A number with its 95 % interval, however it came about: computed, averaged over seeds, fitted.

use super::{mean, standard_error, variance};
use crate::random::Streams;
use rand::RngExt;
use statrs::distribution::{Beta, ContinuousCDF, Normal, StudentsT};
use std::cmp::Ordering;

/// One minus the confidence of every interval.
const LEVEL: f64 = 0.05;

/// The fewest values of which a spread is believed.
const FEWEST: usize = 3;

/// How a number and its interval came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Computed once; the interval is the error of the computation.
    Exact,
    /// The mean over seeds, with Student's interval.
    Mean,
    /// The median over seeds, with the interval of order statistics.
    Median,
    /// A share of trials, with the interval of Clopper & Pearson.
    Proportion,
    /// The least step from one arm to the next, over seeds, with simultaneous intervals.
    SmallestStep,
    /// The slope of a least-squares line, with Student's interval.
    Slope,
    /// Kendall's rank correlation, with the interval of Fieller, Hartley & Pearson.
    RankCorrelation,
    /// A statistic of resampled values, with the interval of their quantiles.
    Bootstrap,
}

impl Method {
    /// In words, as a table says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Exact => "computed once",
            Self::Mean => "mean",
            Self::Median => "median",
            Self::Proportion => "share",
            Self::SmallestStep => "smallest step between arms",
            Self::Slope => "slope of a fit",
            Self::RankCorrelation => "rank correlation",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// A number with an interval that holds the truth in 95 % of cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The lower end of its interval; −∞ where nothing is known.
    pub low: f64,
    /// The upper end of its interval; ∞ where nothing is known.
    pub high: f64,
    /// Of how many values it was made.
    pub n: usize,
    /// How it came about.
    pub method: Method,
}

impl Estimate {
    /// A number that was computed once, right to `error`.
    pub fn exact(value: f64, error: f64) -> Self {
        let error = error.abs();
        Self {
            value,
            low: value - error,
            high: value + error,
            n: 1,
            method: Method::Exact,
        }
    }

    /// The mean of independent values, with Student's interval; without one of fewer than three.
    pub fn mean(values: &[f64]) -> Self {
        let width = if values.len() < FEWEST {
            f64::INFINITY
        } else {
            let freedom = values.len() as f64 - 1.0;
            student(freedom, LEVEL) * standard_error(values)
        };
        Self::around(mean(values), width, values.len(), Method::Mean)
    }

    /// The mean of `second − first`, pair by pair.
    ///
    /// # Panics
    ///
    /// Where there are not equally many of both.
    pub fn difference(first: &[f64], second: &[f64]) -> Self {
        Self::mean(&differences(first, second))
    }

    /// The median of independent values, with the narrowest symmetric pair of order statistics that holds the
    /// median of all in at least 95 % of cases (David & Nagaraja 2003, "Order statistics", sec. 7.1); six values are
    /// the fewest for that.
    pub fn median(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let (low, high) = match rank_below_median(count) {
            Some(rank) if !sorted.iter().any(|value| value.is_nan()) => {
                (sorted[rank], sorted[count - 1 - rank])
            }
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        };
        Self {
            value: median_of_sorted(&sorted),
            low,
            high,
            n: count,
            method: Method::Median,
        }
    }

    /// The share of `successes` among `trials`, with the interval of Clopper & Pearson (1934).
    pub fn proportion(successes: usize, trials: usize) -> Self {
        let (hits, all) = (successes as f64, trials as f64);
        let quantile = |a: f64, b: f64, level: f64| {
            Beta::new(a, b).map_or(f64::NAN, |beta| beta.inverse_cdf(level))
        };
        let low = match successes {
            0 => 0.0,
            _ => quantile(hits, all - hits + 1.0, LEVEL / 2.0),
        };
        let high = if successes == trials {
            1.0
        } else {
            quantile(hits + 1.0, all - hits, 1.0 - LEVEL / 2.0)
        };
        Self {
            value: hits / all,
            low,
            high,
            n: trials,
            method: Method::Proportion,
        }
    }

    /// The least of the mean differences from one arm to the next, where every arm has a value for each seed. Its
    /// interval holds the least true difference: the ends are the least of the ends of simultaneous intervals
    /// (Bonferroni), so that a step is above zero only where all are.
    ///
    /// # Panics
    ///
    /// Where there are not equally many of every arm.
    pub fn smallest_step(arms: &[Vec<f64>]) -> Self {
        let steps = arms.len().saturating_sub(1).max(1) as f64;
        let each = arms.windows(2).map(|pair| {
            let values = differences(&pair[0], &pair[1]);
            let width = if values.len() < FEWEST {
                f64::INFINITY
            } else {
                let freedom = values.len() as f64 - 1.0;
                student(freedom, LEVEL / steps) * standard_error(&values)
            };
            Self::around(mean(&values), width, values.len(), Method::SmallestStep)
        });
        each.reduce(|least, step| Self {
            value: least.value.min(step.value),
            low: least.low.min(step.low),
            high: least.high.min(step.high),
            ..least
        })
        .unwrap_or(Self::around(f64::NAN, f64::NAN, 0, Method::SmallestStep))
    }

    /// The slope of the least-squares line through points with independent errors of one size. For a power law, give
    /// the logarithms.
    pub fn slope(x: &[f64], y: &[f64]) -> Self {
        let count = x.len();
        let (x_mean, y_mean) = (mean(x), mean(y));
        let square: f64 = x.iter().map(|x| (x - x_mean).powi(2)).sum();
        let product: f64 = x
            .iter()
            .zip(y)
            .map(|(x, y)| (x - x_mean) * (y - y_mean))
            .sum();
        let slope = product / square;
        let residuals = x.iter().zip(y);
        let left: f64 = residuals
            .map(|(x, y)| (y - y_mean - slope * (x - x_mean)).powi(2))
            .sum();
        let freedom = count as f64 - 2.0;
        let width = if count < FEWEST {
            f64::INFINITY
        } else {
            student(freedom, LEVEL) * (left / freedom / square).sqrt()
        };
        Self::around(slope, width, count, Method::Slope)
    }

    /// Kendall's τ-b of pairs, with an interval by its transform artanh τ, whose variance is near 0.437/(n − 4)
    /// (Fieller, Hartley & Pearson 1957, "Tests for rank correlation coefficients I", Biometrika 44).
    pub fn rank_correlation(x: &[f64], y: &[f64]) -> Self {
        let tau = kendall(x, y);
        let count = x.len();
        let width = if count > 5 {
            // Student's quantile instead of the normal one: of eight pairs that covers 96 % and not 93 %.
            student(count as f64 - 2.0, LEVEL) * (0.437 / (count as f64 - 4.0)).sqrt()
        } else {
            f64::INFINITY
        };
        // A perfect order has no finite transform: it is taken as one exchange short of it.
        let most = 1.0 - 2.0 / (count * count.saturating_sub(1)).max(3) as f64;
        let transformed = tau.clamp(-most, most).atanh();
        Self {
            value: tau,
            low: (transformed - width).tanh().min(tau),
            high: (transformed + width).tanh().max(tau),
            n: count,
            method: Method::RankCorrelation,
        }
    }

    /// A statistic of `count` independent things, by the quantiles of its values over resamples (Efron & Tibshirani
    /// 1993, "An introduction to the bootstrap", chapter 13), taken as far out as Student's interval of as many normal
    /// values is wide (Hesterberg 2015, "What teachers should know about the bootstrap", sec. 5.3). `of` gets the indices
    /// of the things that are taken.
    pub fn bootstrap(
        count: usize,
        resamples: usize,
        streams: Streams,
        of: impl Fn(&[usize]) -> f64,
    ) -> Self {
        let all: Vec<usize> = (0..count).collect();
        let mut rng = streams.stream("bootstrap", 0);
        let mut values: Vec<f64> = (0..resamples)
            .map(|_| {
                let drawn: Vec<usize> = (0..count).map(|_| rng.random_range(0..count)).collect();
                of(&drawn)
            })
            .collect();
        values.sort_by(f64::total_cmp);
        let freedom = count as f64 - 1.0;
        let width = student(freedom, LEVEL) * ((freedom + 1.0) / freedom).sqrt();
        let outside = Normal::standard().cdf(-width);
        let ends = [outside, 1.0 - outside].map(|share| quantile(&values, share));
        Self {
            value: of(&all),
            low: ends[0],
            high: ends[1],
            n: count,
            method: Method::Bootstrap,
        }
    }

    /// The same times a factor.
    pub fn times(self, factor: f64) -> Self {
        let ends = [self.low * factor, self.high * factor];
        Self {
            value: self.value * factor,
            low: ends[0].min(ends[1]),
            high: ends[0].max(ends[1]),
            ..self
        }
    }

    /// Half the width of the interval.
    pub fn error(&self) -> f64 {
        (self.high - self.low) / 2.0
    }

    fn around(value: f64, width: f64, n: usize, method: Method) -> Self {
        // What is not a number says nothing.
        let width = if width.is_nan() || value.is_nan() {
            f64::INFINITY
        } else {
            width
        };
        Self {
            value,
            low: if width.is_finite() {
                value - width
            } else {
                f64::NEG_INFINITY
            },
            high: if width.is_finite() {
                value + width
            } else {
                f64::INFINITY
            },
            n,
            method,
        }
    }
}

/// The middle value; the mean of the two in the middle of an even number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

/// A quantile of ascending values, between the two nearest.
pub(super) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// Kendall's τ-b: what ties take from the number of pairs is left out of both factors. NaN where all values of one side
/// are equal.
pub fn kendall(x: &[f64], y: &[f64]) -> f64 {
    let (mut agreement, mut pairs_of_x, mut pairs_of_y) = (0.0, 0.0, 0.0);
    let sign = |a: f64, b: f64| match a.partial_cmp(&b) {
        Some(Ordering::Greater) => 1.0,
        Some(Ordering::Less) => -1.0,
        _ => 0.0,
    };
    for (i, (x_i, y_i)) in x.iter().zip(y).enumerate() {
        for (x_j, y_j) in x.iter().zip(y).take(i) {
            let (of_x, of_y): (f64, f64) = (sign(*x_i, *x_j), sign(*y_i, *y_j));
            agreement += of_x * of_y;
            pairs_of_x += of_x.abs();
            pairs_of_y += of_y.abs();
        }
    }
    agreement / (pairs_of_x * pairs_of_y).sqrt()
}

fn differences(first: &[f64], second: &[f64]) -> Vec<f64> {
    assert_eq!(first.len(), second.len(), "pairs need equally many of both");
    first.iter().zip(second).map(|(a, b)| b - a).collect()
}

/// Student's two-sided quantile.
fn student(freedom: f64, level: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |law| law.inverse_cdf(1.0 - level / 2.0))
}

/// How many of `count` ascending values lie outside the interval at each end; none where even the whole range holds the
/// median too seldom.
fn rank_below_median(count: usize) -> Option<usize> {
    // The chance that at most `rank` of the values lie below the median is that of as many heads of coins.
    let mut term = 0.5f64.powi(i32::try_from(count).ok()?);
    let mut below = term;
    let mut last = None;
    let mut rank = 0;
    while 2.0 * below <= LEVEL && rank < count {
        last = Some(rank);
        term *= (count - rank) as f64 / (rank + 1) as f64;
        below += term;
        rank += 1;
    }
    last
}

/// The share of the variance of `y` that a least-squares line leaves; 0 of points on a line.
pub fn unexplained(x: &[f64], y: &[f64]) -> f64 {
    let slope = Estimate::slope(x, y).value;
    let left: Vec<f64> = x.iter().zip(y).map(|(x, y)| y - slope * x).collect();
    variance(&left) / variance(y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    #[test]
    fn a_mean_has_student_s_interval() {
        // scipy.stats.t.interval(0.95, 3, loc=3, scale=sem([1, 2, 3, 6]))
        let estimate = Estimate::mean(&[1.0, 2.0, 3.0, 6.0]);
        assert!((estimate.low + 0.437_434_9).abs() < 1e-6, "{estimate:?}");
        assert!((estimate.high - 6.437_434_9).abs() < 1e-6);
        assert_eq!(Estimate::mean(&[1.0, 2.0]).high, f64::INFINITY);
        assert_eq!(Estimate::mean(&[1.0, f64::NAN, 3.0]).high, f64::INFINITY);
    }

    #[test]
    fn the_interval_of_a_median_is_made_of_order_statistics() {
        // Of ten values the second and the ninth: 1 − 2·(1 + 10)/1024 = 97.9 %; of five none.
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let estimate = Estimate::median(&values);
        assert_eq!(
            (estimate.low, estimate.value, estimate.high),
            (2.0, 5.5, 9.0)
        );
        assert_eq!(Estimate::median(&values[..5]).low, f64::NEG_INFINITY);
        assert_eq!(Estimate::median(&values[..6]).low, 1.0);
    }

    #[test]
    fn a_share_has_the_interval_of_clopper_and_pearson() {
        // scipy.stats.binomtest(8, 10).proportion_ci()
        let estimate = Estimate::proportion(8, 10);
        assert!((estimate.low - 0.443_904_5).abs() < 1e-6, "{estimate:?}");
        assert!((estimate.high - 0.974_789_3).abs() < 1e-6);
        assert_eq!(Estimate::proportion(0, 10).low, 0.0);
        assert_eq!(Estimate::proportion(10, 10).high, 1.0);
    }

    #[test]
    fn a_slope_has_the_interval_of_regression() {
        // scipy.stats.linregress([0, 1, 2, 3], [1, 3, 4, 8]): slope 2.2, stderr 0.4242641
        let estimate = Estimate::slope(&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.0, 4.0, 8.0]);
        assert!((estimate.value - 2.2).abs() < 1e-12);
        assert!((estimate.error() - 4.302_652_7 * 0.424_264_1).abs() < 1e-6);
    }

    #[test]
    fn rank_correlation_is_kendall_s() {
        // scipy.stats.kendalltau([1, 2, 3, 4, 5, 6, 6], [2, 1, 4, 3, 6, 5, 7])
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0];
        let y = [2.0, 1.0, 4.0, 3.0, 6.0, 5.0, 7.0];
        let estimate = Estimate::rank_correlation(&x, &y);
        assert!((estimate.value - 0.683_130_1).abs() < 1e-6, "{estimate:?}");
        assert!(estimate.low < 0.68 && 0.69 < estimate.high);
        let perfect = Estimate::rank_correlation(&x[..6], &x[..6]);
        assert_eq!(perfect.value, 1.0);
        assert!(perfect.low < 0.9);
    }

    #[test]
    fn the_smallest_step_is_above_zero_only_where_all_are() {
        let arm = |shift: f64| vec![shift, shift + 0.1, shift + 0.05, shift - 0.1];
        let rising = Estimate::smallest_step(&[arm(0.0), arm(1.0), arm(3.0)]);
        assert!((rising.value - 1.0).abs() < 1e-12 && rising.low > 0.0);
        let falling = Estimate::smallest_step(&[arm(0.0), arm(1.0), arm(0.5)]);
        assert!(falling.high < 0.0);
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        const REPETITIONS: usize = 2_000;
        let mut rng = Streams::new(1).stream("test", 0);
        let mut held = [0usize; 4];
        for _ in 0..REPETITIONS {
            let values: Vec<f64> = (0..8).map(|_| StandardNormal.sample(&mut rng)).collect();
            let others: Vec<f64> = (0..8).map(|_| StandardNormal.sample(&mut rng)).collect();
            let places: Vec<f64> = (0..8).map(f64::from).collect();
            let estimates = [
                Estimate::mean(&values),
                Estimate::median(&values),
                Estimate::slope(&places, &others),
                Estimate::rank_correlation(&values, &others),
            ];
            for (held, estimate) in held.iter_mut().zip(estimates) {
                *held += usize::from(estimate.low <= 0.0 && 0.0 <= estimate.high);
            }
        }
        for held in held {
            let share = held as f64 / REPETITIONS as f64;
            assert!((0.94..=1.0).contains(&share), "{share}");
        }
    }

    #[test]
    fn the_bootstrap_of_a_mean_is_as_wide_as_its_error() {
        let mut rng = Streams::new(2).stream("test", 0);
        let values: Vec<f64> = (0..50).map(|_| StandardNormal.sample(&mut rng)).collect();
        let of = |drawn: &[usize]| mean(&drawn.iter().map(|&i| values[i]).collect::<Vec<_>>());
        let estimate = Estimate::bootstrap(50, 2_000, Streams::new(0), of);
        let expected = 1.96 * standard_error(&values);
        assert!((estimate.error() / expected - 1.0).abs() < 0.1);
        assert_eq!(
            estimate,
            Estimate::bootstrap(50, 2_000, Streams::new(0), of)
        );
    }
}
