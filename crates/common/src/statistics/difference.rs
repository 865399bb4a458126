//! Tests of differences of means, and how many values they take.

use super::contrast::Contrast;
pub use super::sample::{FEWEST, Method, Sample};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A difference of two means with what is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// The second mean minus the first.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Its 95 % interval, of this difference alone.
    pub interval: Option<[f64; 2]>,
    /// The two-sided p-value of no difference.
    pub p: Option<f64>,
    /// How it was tested.
    pub method: Method,
}

/// The share of tables in which a verdict may be false, and one minus the confidence of intervals.
pub const LEVEL: f64 = 0.05;

/// `mean(second) − mean(first)`: by the differences of pairs where both samples have the same
/// seeds, each once; else Welch's. None where a sample has fewer than [`FEWEST`] values. Interval
/// and p-value are missing where the values show no spread to judge by (a few accuracies on a grid
/// can coincide).
pub fn difference(first: &Sample, second: &Sample) -> Option<Difference> {
    Contrast::new(first, second).map(|contrast| Difference::of(&contrast))
}

impl Difference {
    /// That of two samples.
    pub fn of(contrast: &Contrast) -> Self {
        let (value, error) = contrast.difference(1.0);
        let has_spread = contrast.against(1.0).is_some();
        let student = contrast.student().filter(|_| has_spread);
        Self {
            value,
            error,
            interval: student.map(|student| {
                let half = student.inverse_cdf(1.0 - 0.5 * LEVEL) * error;
                [value - half, value + half]
            }),
            p: student.map(|student| 2.0 * student.sf((value / error).abs())),
            method: contrast.method(),
        }
    }
}

/// The difference that is decided half of the time by so many seeds in each group, when it is the
/// clearest of so many tests: in standard deviations of the pairs' differences, or of one group.
pub fn decidable(seeds: usize, tests: usize, method: Method) -> f64 {
    let seeds = seeds as f64;
    let variance = match method {
        Method::Paired => 1.0 / seeds,
        Method::Welch => 2.0 / seeds,
    };
    StudentsT::new(0.0, 1.0, seeds - 1.0).map_or(f64::INFINITY, |student| {
        student.inverse_cdf(1.0 - 0.5 * LEVEL / tests.max(1) as f64) * variance.sqrt()
    })
}

/// The fewest seeds in each group that decide a difference of so many standard deviations half of
/// the time; see [`decidable`].
pub fn seeds_needed(difference: f64, tests: usize, method: Method) -> usize {
    let mut seeds = FEWEST;
    while decidable(seeds, tests, method) > difference {
        seeds += 1;
    }
    seeds
}

#[cfg(test)]
mod tests {
    use super::*;

    /*
    The expected numbers are SciPy's:

    import numpy as np
    from scipy import stats
    a = np.array([1.0, 2.0, 4.0])
    test = stats.ttest_rel([3.0, 5.0, 6.5], a)
    print(test.confidence_interval(), test.pvalue)
    for b in np.array([3.0, 5.0, 6.5]), np.array([3.0, 5.0, 6.5, 4.0, 3.5]):
        error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
        value, freedom = b.mean() - a.mean(), min(len(a), len(b)) - 1
        half = stats.t.ppf(0.975, freedom) * error
        print(value - half, value + half, 2 * stats.t.sf(value / error, freedom))
    for n in 3, 10:
        print(stats.t.ppf(1 - 0.025 / 55, n - 1) * np.array([1 / n, 2 / n])**0.5)
    */
    const PAIRED: ([f64; 2], f64) = ([1.257931144124835, 3.742068855875165], 0.013072457560346515);
    const WELCH: ([f64; 2], f64) = ([-3.2815158847767507, 8.28151588477675], 0.2038826613485871);
    const UNEVEN: ([f64; 2], f64) = ([-2.572977317120912, 6.706310650454245], 0.19534787038845486);

    #[test]
    fn intervals_and_p_values_equal_those_of_scipy() {
        let a = [(0, 1.0), (1, 2.0), (2, 4.0)];
        let close = |second: &Sample, method: Method, (ends, p): ([f64; 2], f64)| {
            let found = difference(&a, second).unwrap();
            assert_eq!(found.method, method);
            let interval = found.interval.unwrap();
            assert!((interval[0] - ends[0]).abs() < 1e-6, "{found:?}");
            assert!((interval[1] - ends[1]).abs() < 1e-6, "{found:?}");
            assert!((found.p.unwrap() - p).abs() < 1e-9, "{found:?}");
        };
        close(&[(0, 3.0), (1, 5.0), (2, 6.5)], Method::Paired, PAIRED);
        close(&[(0, 3.0), (1, 5.0), (7, 6.5)], Method::Welch, WELCH);
        let uneven = [(0, 3.0), (1, 5.0), (2, 6.5), (3, 4.0), (4, 3.5)];
        close(&uneven, Method::Welch, UNEVEN);
    }

    #[test]
    fn what_seeds_decide_is_the_quantile_of_scipy() {
        let expected = [
            (3, 19.135483857448406, 27.061660793774966),
            (10, 1.5335148471890603, 2.1687174949952737),
        ];
        for (seeds, paired, welch) in expected {
            assert!((decidable(seeds, 55, Method::Paired) - paired).abs() < 1e-5);
            assert!((decidable(seeds, 55, Method::Welch) - welch).abs() < 1e-5);
        }
        assert_eq!(seeds_needed(1.54, 55, Method::Paired), 10);
        assert_eq!(seeds_needed(1.53, 55, Method::Paired), 11);
        assert_eq!(seeds_needed(50.0, 55, Method::Paired), 3);
    }

    #[test]
    fn two_values_decide_nothing() {
        assert_eq!(
            difference(&[(0, 1.0), (1, 1.1)], &[(0, 2.0), (1, 2.2)]),
            None
        );
    }

    #[test]
    fn values_without_spread_have_no_p_value() {
        let first = [(0, 0.970), (1, 0.972), (2, 0.974)];
        let second = [(0, 0.972), (1, 0.974), (2, 0.976)];
        let found = difference(&first, &second).unwrap();
        assert_eq!((found.p, found.interval), (None, None));
    }

    #[test]
    fn a_seed_that_occurs_twice_is_no_pair() {
        let first = [(0, 1.0), (0, 1.5), (1, 2.0)];
        let second = [(0, 3.0), (0, 3.1), (1, 4.0)];
        assert_eq!(difference(&first, &second).unwrap().method, Method::Welch);
    }
}
