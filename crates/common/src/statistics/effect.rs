//! Differences of means in standard deviations.

use super::contrast::Contrast;
use super::difference::{LEVEL, Method};
use super::{mean, variance};
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::{gamma_lr, ln_gamma};

/// A difference in standard deviations, without the bias of few values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effect {
    /// Hedges' g.
    pub g: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
}

/// Hedges' g (Hedges 1981, "Distribution theory for Glass's estimator of effect size", eq. 6e): of pairs the mean
/// difference over the standard deviation of the differences, else the difference of the means over the pooled standard
/// deviation of the two samples; both without their bias from few values. The interval is exact for normal values: the
/// effects for which the noncentral t distribution does not reject the t-statistic that was found (Steiger & Fouladi
/// 1997); of unlike spreads it is as good as their pooling. None without a spread to judge by.
pub fn hedges_g(contrast: &Contrast) -> Option<Effect> {
    let (value, error) = contrast.against(1.0)?;
    let [first, second] = [contrast.first(), contrast.second()];
    let counts = [first.len() as f64, second.len() as f64];
    // The t-statistic over `scale` is the difference in standard deviations.
    let (t, freedom, scale) = match contrast.method() {
        Method::Paired => (value / error, counts[0] - 1.0, counts[0].sqrt()),
        Method::Welch => {
            let freedom = counts[0] + counts[1] - 2.0;
            let squares =
                (counts[0] - 1.0) * variance(first) + (counts[1] - 1.0) * variance(second);
            let scale = (counts[0] * counts[1] / (counts[0] + counts[1])).sqrt();
            let difference = mean(second) - mean(first);
            let deviation = (squares / freedom).sqrt();
            (difference / deviation * scale, freedom, scale)
        }
    };
    let end = |share: f64| noncentrality(t, freedom, share).map(|found| found / scale);
    Some(Effect {
        g: unbiased(freedom) * t / scale,
        interval: [end(1.0 - 0.5 * LEVEL)?, end(0.5 * LEVEL)?],
    })
}

/// What a difference in estimated standard deviations is multiplied by to be right on average.
fn unbiased(freedom: f64) -> f64 {
    (ln_gamma(0.5 * freedom) - ln_gamma(0.5 * (freedom - 1.0))).exp() / (0.5 * freedom).sqrt()
}

/// The noncentrality at which a t-statistic is at most `t` in this share of cases.
fn noncentrality(t: f64, freedom: f64, share: f64) -> Option<f64> {
    let excess = |noncentrality: f64| noncentral_t(t, freedom, noncentrality) - share;
    let step = 3.0 + 3.0 * t.abs() / (2.0 * freedom).sqrt();
    let (mut low, mut high) = (t - step, t + step);
    // The share falls as the noncentrality grows.
    for _ in 0..40 {
        match (excess(low) > 0.0, excess(high) < 0.0) {
            (true, true) => break,
            (false, _) => low -= step,
            (_, false) => high += step,
        }
    }
    let (mut at_low, mut at_high) = (excess(low), excess(high));
    if !(at_low > 0.0 && at_high < 0.0) {
        return None;
    }
    // The Illinois algorithm: a secant whose idle end counts half.
    for _ in 0..60 {
        let between = (low * at_high - high * at_low) / (at_high - at_low);
        let found = excess(between);
        if found.abs() < 1e-12 || high - low < 1e-9 * (1.0 + between.abs()) {
            return Some(between);
        }
        if found > 0.0 {
            (low, at_low, at_high) = (between, found, 0.5 * at_high);
        } else {
            (high, at_high, at_low) = (between, found, 0.5 * at_low);
        }
    }
    Some(0.5 * (low + high))
}

/// The probability that `(Z + δ)/S ≤ t`, with a standard normal `Z` and `S²` a χ² over its degrees of freedom: the
/// noncentral t distribution, integrated over whichever of the two leaves a smooth integrand. The trapezoidal rule is
/// good to nine digits for it.
fn noncentral_t(t: f64, freedom: f64, noncentrality: f64) -> f64 {
    /// Below it, integrals are over the spread.
    const STEEP: f64 = 3.0;
    if t < 0.0 {
        return 1.0 - noncentral_t(-t, freedom, -noncentrality);
    }
    if t < STEEP {
        over_spread(t, freedom, noncentrality)
    } else {
        over_normal(t, freedom, noncentrality)
    }
}

/// `∫ φ(z) P(S ≥ (z + δ)/t) dz`. The integrand begins to fall at `z = −δ`, with a kink where there are few degrees of
/// freedom: so that is a point of the grid, which is fine then.
fn over_normal(t: f64, freedom: f64, noncentrality: f64) -> f64 {
    const END: f64 = 8.5;
    const FEW: f64 = 6.0;
    let most = if freedom < FEW { 0.03 } else { 0.25 };
    let step = (0.5 * t / (2.0 * freedom).sqrt()).clamp(0.02, most);
    let density = (2.0 * std::f64::consts::PI).sqrt().recip();
    let at = |index: i32| {
        let distance = f64::from(index) * step;
        let z = distance - noncentrality;
        let spread = distance / t;
        let below = match spread > 0.0 {
            true => gamma_lr(0.5 * freedom, 0.5 * freedom * spread * spread),
            false => 0.0,
        };
        density * (-0.5 * z * z).exp() * (1.0 - below)
    };
    let [first, last] = [-END, END].map(|end| ((end + noncentrality) / step) as i32);
    step * (first..=last).map(at).sum::<f64>()
}

/// `∫ f(w) Φ(t eʷ − δ) dw`, with `w` the logarithm of the spread.
fn over_spread(t: f64, freedom: f64, noncentrality: f64) -> f64 {
    const STEP: f64 = 0.02;
    let half = 0.5 * freedom;
    let constant = 2f64.ln() + half * half.ln() - ln_gamma(half);
    let width = (2.0 * freedom).sqrt().recip();
    let [first, last] = [
        -40.0 * width * width - 10.0 * width,
        2.0 * width + 4.0 * width,
    ];
    let step = STEP.min(0.25 * width);
    let normal = Normal::standard();
    let at = |index: i32| {
        let w = f64::from(index) * step;
        let log_density = constant + freedom * w - half * (2.0 * w).exp();
        log_density.exp() * normal.cdf(t * w.exp() - noncentrality)
    };
    step * ((first / step) as i32..=(last / step) as i32)
        .map(at)
        .sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{A, B, C, contrast};
    use super::*;

    /*
    from scipy.special import gammaln
    for t, m, e in (0.3, 2, 1), (2.9, 5, 1), (-1.5, 7, 0.5), (12, 4, 6), (5, 60, 3.5), (0, 3, 0.7):
        print(stats.nct.cdf(t, m, e))
    J = lambda m: np.exp(gammaln(m / 2) - gammaln((m - 1) / 2)) / np.sqrt(m / 2)
    def interval(t, m, scale):
        end = lambda q: optimize.brentq(lambda e: stats.nct.cdf(t, m, e) - q, t - 30, t + 30, xtol=1e-12)
        return end(0.975) / scale, end(0.025) / scale
    d = b - a
    print(J(7) * d.mean() / d.std(ddof=1), interval(d.mean() / d.std(ddof=1) * np.sqrt(8), 7, np.sqrt(8)))
    pooled = np.sqrt((7 * a.var(ddof=1) + 4 * c.var(ddof=1)) / 11)
    e, k = (c.mean() - a.mean()) / pooled, np.sqrt(8 * 5 / 13)
    print(J(11) * e, interval(e * k, 11, k))
    */
    #[test]
    fn the_noncentral_t_distribution_is_that_of_scipy() {
        let cases = [
            (0.3, 2.0, 1.0, 0.233_527_498_562_866_47),
            (2.9, 5.0, 1.0, 0.907_711_988_375_645_9),
            (-1.5, 7.0, 0.5, 0.034_534_648_308_992_21),
            (12.0, 4.0, 6.0, 0.901_653_453_238_561_3),
            (5.0, 60.0, 3.5, 0.911_016_803_789_674_3),
            (0.0, 3.0, 0.7, 0.241_963_652_223_073_03),
        ];
        for (t, freedom, noncentrality, expected) in cases {
            let found = noncentral_t(t, freedom, noncentrality);
            assert!((found - expected).abs() < 1e-9, "{t}: {found} {expected}");
        }
    }

    #[test]
    fn both_integrals_agree_where_either_is_good() {
        for freedom in [2.0, 5.0, 18.0] {
            for noncentrality in [-1.0, 0.5, 3.0, 8.0] {
                let found = [over_normal, over_spread].map(|of| of(3.0, freedom, noncentrality));
                assert!((found[0] - found[1]).abs() < 1e-9, "{freedom}: {found:?}");
            }
        }
    }

    #[test]
    fn effects_and_their_intervals_are_those_of_scipy() {
        let cases = [
            (
                contrast(&A, &B, true),
                2.296_513_018_068_743,
                [1.076_015_020_908_462_2, 4.063_596_319_147_192],
            ),
            (
                contrast(&A, &C, false),
                1.633_170_131_244_617,
                [0.396_599_779_845_130_1, 3.060_403_332_648_055_8],
            ),
        ];
        for (contrast, g, interval) in cases {
            let found = hedges_g(&contrast).unwrap();
            assert!((found.g - g).abs() < 1e-9, "{found:?}");
            for (found, expected) in found.interval.iter().zip(interval) {
                assert!((found - expected).abs() < 1e-7, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_huge_effect_of_three_pairs_has_an_interval() {
        let found = hedges_g(&contrast(&[1.0, 1.1, 1.2], &[90.0, 90.2, 90.4], true)).unwrap();
        let [low, high] = found.interval;
        assert!(low > 0.0 && low < found.g && found.g < high, "{found:?}");
        assert_eq!(hedges_g(&contrast(&[1.0; 3], &[2.0; 3], true)), None);
    }
}
