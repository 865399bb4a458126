//! Intervals of differences of means.

use crate::statistics::{mean, standard_error, variance};
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;

/// Values by seed.
pub type Sample = BTreeMap<u64, f64>;

/// Two-sided confidence of the intervals.
const CONFIDENCE: f64 = 0.95;

/// The 95 % interval of `mean(second) − mean(first)`: from the differences of pairs where both
/// samples have the same seeds (paired t-test), else Welch's. None where a sample has fewer than
/// two values.
pub fn difference(first: &Sample, second: &Sample) -> Option<[f64; 2]> {
    if first.len() < 2 || second.len() < 2 {
        return None;
    }
    let values = |sample: &Sample| sample.values().copied().collect::<Vec<_>>();
    let (a, b) = (values(first), values(second));
    let (error, freedom) = if first.keys().eq(second.keys()) {
        let pairs: Vec<f64> = a.iter().zip(&b).map(|(a, b)| b - a).collect();
        (standard_error(&pairs), pairs.len() as f64 - 1.0)
    } else {
        welch(&a, &b)
    };
    let centre = mean(&b) - mean(&a);
    let half = if error > 0.0 {
        let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
        student.inverse_cdf(0.5 + 0.5 * CONFIDENCE) * error
    } else {
        0.0
    };
    Some([centre - half, centre + half])
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

    fn sample(values: &[(u64, f64)]) -> Sample {
        values.iter().copied().collect()
    }

    /*
    The expected numbers are SciPy's:

    from scipy import stats
    a, b = [1.0, 2.0, 4.0], [3.0, 5.0, 6.5]
    print(stats.ttest_rel(b, a).confidence_interval())
    print(stats.ttest_ind(b, a, equal_var=False).confidence_interval())
    */
    #[test]
    fn intervals_equal_those_of_scipy() {
        let a = sample(&[(0, 1.0), (1, 2.0), (2, 4.0)]);
        let close = |found: [f64; 2], expected: [f64; 2]| {
            assert!((found[0] - expected[0]).abs() < 1e-6, "{found:?}");
            assert!((found[1] - expected[1]).abs() < 1e-6, "{found:?}");
        };
        let paired = sample(&[(0, 3.0), (1, 5.0), (2, 6.5)]);
        close(difference(&a, &paired).unwrap(), PAIRED);
        let unpaired = sample(&[(0, 3.0), (1, 5.0), (7, 6.5)]);
        close(difference(&a, &unpaired).unwrap(), WELCH);
    }

    const PAIRED: [f64; 2] = [1.257931144124835, 3.742068855875165];
    const WELCH: [f64; 2] = [-1.2591137231778577, 6.259113723177856];

    #[test]
    fn one_value_decides_nothing() {
        assert_eq!(difference(&sample(&[(0, 1.0)]), &sample(&[(0, 2.0)])), None);
    }

    #[test]
    fn equal_values_give_an_interval_of_a_point() {
        let a = sample(&[(0, 1.0), (1, 1.0)]);
        let b = sample(&[(0, 3.0), (1, 3.0)]);
        assert_eq!(difference(&a, &b), Some([2.0, 2.0]));
    }
}
