//! Means of independent values, functions of such means, and their errors.
//!
//! A standard error estimated from few values is itself uncertain, so that ±2 of it would cover the truth
//! less often than the 95 % everybody reads into it. [`stated_error`] therefore widens it:
//! by Student's quantiles ([`coverage_factor`]) and by the sample's skewness (`skewness_factor`).

pub mod bootstrap;
pub mod chains;
pub mod contrast;
pub mod correction;
pub mod difference;
pub mod effect;
pub mod equivalence;
pub mod estimate;
pub mod rank;
pub mod ratio;
mod sample;
#[cfg(test)]
mod testing;
pub mod trend;
pub mod verdict;

pub use estimate::{Estimate, Method};
pub use verdict::{Rule, Verdict};

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> f64 {
    // Relative to the first value, so that equal values have exactly that mean and no variance.
    let Some(&first) = values.first() else {
        return f64::NAN;
    };
    first + values.iter().map(|value| value - first).sum::<f64>() / values.len() as f64
}

/// The sample variance, with `n − 1` in the denominator.
pub fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

/// The standard error of the mean of independent values.
pub fn standard_error(values: &[f64]) -> f64 {
    (variance(values) / values.len() as f64).sqrt()
}

/// The standard error of the mean of independent values, widened so that one and two of it cover about 68 %
/// and 95 %, from few and from skewed values too; NaN from fewer than two.
pub fn stated_error(values: &[f64]) -> f64 {
    standard_error(values)
        * coverage_factor(values.len() as f64 - 1.0)
        * skewness_factor(values.len(), skewness(values))
}

/// By how much an error with so many degrees of freedom is widened: the ratio of Student's quantile to the
/// normal one at 85 % two-sided. One and two of the widened error then cover 70.9 % and 93.5 % with 5
/// degrees of freedom, 69.1 % and 94.8 % with 15, where Student's law holds; unwidened it would be 63.7 % and
/// 89.8 %, 66.7 % and 93.6 %.
///
/// Student's quantile is that of Fisher's expansion in one over the degrees of freedom (Abramowitz & Stegun 1972,
/// 26.7.5), good to four digits from 5 and to 3 % with a single one.
pub fn coverage_factor(degrees_of_freedom: f64) -> f64 {
    /// The normal quantile at the upper end of a two-sided interval of 85 %.
    const Z: f64 = 1.439_531_470_938_456;
    if degrees_of_freedom.is_nan() || degrees_of_freedom <= 0.0 {
        return f64::NAN;
    }
    let square = Z * Z;
    // Over z, in powers of z², from the lowest on.
    let polynomial = |coefficients: &[f64]| {
        let from_highest = coefficients.iter().rev();
        from_highest.fold(0.0, |sum, coefficient| sum * square + coefficient)
    };
    let terms = [
        polynomial(&[1.0, 1.0]) / 4.0,
        polynomial(&[3.0, 16.0, 5.0]) / 96.0,
        polynomial(&[-15.0, 17.0, 19.0, 3.0]) / 384.0,
        polynomial(&[-945.0, -1920.0, 1482.0, 776.0, 79.0]) / 92_160.0,
    ];
    terms
        .iter()
        .rev()
        .fold(0.0, |sum, term| (sum + term) / degrees_of_freedom)
        + 1.0
}

/// By how much a standard error of a mean of `count` values is widened for their skewness `γ`: an interval of
/// two errors covers too little by `2·φ(2)·2·(7/6)·γ²/n`, which 1.17 `γ²/n` more width makes good, and one of a
/// single error by nothing (Hall 1983, "Inverting an Edgeworth expansion", eq. 3.2). One factor serves
/// both, so a part of that is taken, of what `γ²` is beyond the variance of the skewness of normal numbers.
fn skewness_factor(count: usize, skewness: f64) -> f64 {
    const SHARE: f64 = 0.7;
    let number = count as f64;
    let of_normal = 6.0 * (number - 2.0) / ((number + 1.0) * (number + 3.0));
    1.0 + SHARE * (skewness * skewness - of_normal).max(0.0) / number
}

/// The third standardised moment; 0 of equal values.
fn skewness(values: &[f64]) -> f64 {
    let mean = mean(values);
    let moment = |power: i32| {
        let powers = values.iter().map(|value| (value - mean).powi(power));
        powers.sum::<f64>() / values.len() as f64
    };
    let square = moment(2);
    if square > 0.0 {
        moment(3) / square.powf(1.5)
    } else {
        0.0
    }
}

/// A function of means of `count` values, without the bias of first order that a function which is not linear
/// has, by the jackknife (Quenouille 1956; Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 10).
/// `of` gets the index of the value to leave out, or none.
pub fn jackknife(count: usize, of: impl Fn(Option<usize>) -> f64) -> f64 {
    let without: Vec<f64> = (0..count).map(|index| of(Some(index))).collect();
    let all = of(None);
    all - (count as f64 - 1.0) * (mean(&without) - all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use rand_distr::{Distribution, StandardNormal};

    fn leave_out(values: &[f64], left_out: Option<usize>) -> Vec<f64> {
        let kept = values.iter().enumerate();
        let kept = kept.filter(|(index, _)| Some(*index) != left_out);
        kept.map(|(_, value)| *value).collect()
    }

    #[test]
    fn the_jackknife_takes_the_bias_off_a_square() {
        // (mean)² is too large by s²/n on average; with it taken off, what is left is unbiased.
        let values = [1.0, 2.0, 3.0, 6.0];
        let value = jackknife(4, |left_out| mean(&leave_out(&values, left_out)).powi(2));
        assert!((value - (9.0 - variance(&values) / 4.0)).abs() < 1e-13);
    }

    #[test]
    fn the_standard_error_uses_the_sample_variance() {
        let values = [1.0, 2.0, 3.0, 6.0];
        assert_eq!(mean(&values), 3.0);
        assert_eq!(standard_error(&[0.1; 3]), 0.0);
        assert_eq!(stated_error(&[0.1; 3]), 0.0);
        assert!(stated_error(&[1.0]).is_nan());
        assert!(mean(&[]).is_nan());
        assert!((variance(&values) - 14.0 / 3.0).abs() < 1e-15);
        assert!((standard_error(&values) - (14.0f64 / 12.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn the_factor_is_that_of_student_s_tables() {
        // Quantiles at 0.925: 1.6994 with 5 degrees of freedom, 1.5172 with 15, 1.4395 in the limit
        // (scipy.stats.t.ppf(0.925, [5, 15, 1e9])).
        assert!((coverage_factor(5.0) - 1.6994 / 1.4395).abs() < 1e-4);
        assert!((coverage_factor(15.0) - 1.5172 / 1.4395).abs() < 1e-4);
        assert!((coverage_factor(1e9) - 1.0).abs() < 1e-8);
        // Cauchy's, 4.1653.
        assert!((coverage_factor(1.0) / (4.1653 / 1.4395) - 1.0).abs() < 0.04);
        assert!(coverage_factor(0.0).is_nan());
    }

    #[test]
    fn stated_errors_cover_what_they_say_from_few_and_from_skewed_values() {
        const REPETITIONS: usize = 20_000;
        let mut rng = Streams::new(5).stream("test", 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        // Six normal values; forty squares of normal values, whose skewness is √8.
        for (count, power, mean_of_all) in [(6, 1, 0.0), (40, 2, 1.0)] {
            let mut within = [0.0; 2];
            for _ in 0..REPETITIONS {
                let values: Vec<f64> = (0..count).map(|_| normal().powi(power)).collect();
                let distance = (mean(&values) - mean_of_all).abs() / stated_error(&values);
                within[0] += f64::from(u8::from(distance <= 1.0)) / REPETITIONS as f64;
                within[1] += f64::from(u8::from(distance <= 2.0)) / REPETITIONS as f64;
            }
            // One factor cannot be right for both from six values: 0.72 and 0.94.
            assert!((within[0] - 0.68).abs() <= 0.045, "{count}: {within:?}");
            assert!((within[1] - 0.95).abs() <= 0.025, "{count}: {within:?}");
        }
    }
}
