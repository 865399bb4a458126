//! How many times larger one mean is than another.

use super::contrast::Contrast;
use super::difference::LEVEL;
use super::mean;
use statrs::distribution::ContinuousCDF;

/// The second mean over the first; none where a value is not above zero, because a ratio of such means says nothing.
pub fn ratio(contrast: &Contrast) -> Option<f64> {
    let is_positive = contrast.is_positive();
    is_positive.then(|| mean(contrast.second()) / mean(contrast.first()))
}

/// Its 95 % interval (Fieller 1954, "Some problems in interval estimation"): every ratio `ρ` for which a t-test of
/// `mean(second) − ρ · mean(first)` finds no difference at 5 %. None where a value is not above zero, and where the
/// first mean is so uncertain that no ratio is too large. A lower end below zero is 0, because no ratio is.
pub fn ratio_interval(contrast: &Contrast) -> Option<[f64; 2]> {
    contrast.against(1.0)?;
    ratio(contrast)?;
    let (first, second) = (mean(contrast.first()), mean(contrast.second()));
    let square = contrast.student()?.inverse_cdf(1.0 - 0.5 * LEVEL).powi(2);
    let [of_first, of_second, common] = contrast.variances();
    // aρ² − 2bρ + c ≤ 0.
    let a = first * first - square * of_first;
    let b = first * second - square * common;
    let c = second * second - square * of_second;
    let root = (b * b - a * c).max(0.0).sqrt();
    (a > 0.0).then(|| [((b - root) / a).max(0.0), (b + root) / a])
}

#[cfg(test)]
mod tests {
    use super::super::testing::{A, B, C, contrast};
    use super::*;

    /*
    SciPy's t-tests, turned into intervals of ratios:

    from scipy import stats, optimize
    root = lambda p, low, high: optimize.brentq(lambda r: p(r) - 0.05, low, high, xtol=1e-14)
    paired = lambda r: stats.ttest_rel(b, r * a).pvalue
    print(root(paired, 0.5, 1.7), root(paired, 1.8, 10))
    def welch(r):
        error = np.sqrt(r * r * a.var(ddof=1) / 8 + c.var(ddof=1) / 5)
        return 2 * stats.t.sf(abs(c.mean() - r * a.mean()) / error, 4)
    print(root(welch, 0.5, 1.8), root(welch, 1.9, 10))
    */
    #[test]
    fn intervals_hold_the_ratios_that_a_t_test_of_scipy_lets_stand() {
        let close = |found: [f64; 2], expected: [f64; 2]| {
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        };
        let paired = contrast(&A, &B, true);
        close(
            ratio_interval(&paired).unwrap(),
            [1.482_113_954_874_443, 2.293_839_102_514_719_6],
        );
        assert!((ratio(&paired).unwrap() - 1.787_564_766_839_378_1).abs() < 1e-12);
        let welch = contrast(&A, &C, false);
        close(
            ratio_interval(&welch).unwrap(),
            [1.009_102_177_034_913_3, 3.287_845_367_537_726_4],
        );
    }

    #[test]
    fn a_ratio_of_numbers_of_either_sign_is_none() {
        let found = contrast(&[-1.0, 2.0, 3.0], &[1.0, 2.0, 4.0], true);
        assert_eq!((ratio(&found), ratio_interval(&found)), (None, None));
        // The first mean may be nearly zero.
        let vague = contrast(&[0.01, 0.02, 9.0], &[1.0, 2.0, 4.0], false);
        assert!(ratio(&vague).is_some());
        assert_eq!(ratio_interval(&vague), None);
    }
}
