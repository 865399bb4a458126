//! Intervals of two means by resampling, which assume no law of the values.

use super::contrast::Contrast;
use super::difference::{LEVEL, Method};
use super::estimate::quantile;
use super::mean;
use crate::random::Streams;
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal};

/// The fewest values of each sample that are resampled: of five, even the range holds the centre in less than
/// 95 % of cases.
pub const FEWEST_RESAMPLED: usize = 6;

/// How often the samples are drawn anew.
const RESAMPLES: usize = 4_999;

/// Two means by resampling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resampled {
    /// The 95 % interval of the second mean minus the first.
    pub difference: Option<[f64; 2]>,
    /// That of the second over the first, where all values are above zero.
    pub ratio: Option<[f64; 2]>,
}

/// Bias-corrected and accelerated intervals (Efron 1987, "Better bootstrap confidence intervals"), widened for few
/// values as Student's are (Hesterberg 2015, "What teachers should know about the bootstrap", sec. 5.3): pairs are
/// drawn together, samples of other seeds apart. None of fewer than [`FEWEST_RESAMPLED`] values.
pub fn resampled(contrast: &Contrast, streams: Streams) -> Option<Resampled> {
    let smaller = contrast.first().len().min(contrast.second().len());
    if smaller < FEWEST_RESAMPLED {
        return None;
    }
    let draws = draws(contrast, streams);
    let level = expanded(contrast)?;
    let interval = |of: &dyn Fn(f64, f64) -> f64| {
        let observed = of(mean(contrast.first()), mean(contrast.second()));
        let values = draws.iter().map(|[first, second]| of(*first, *second));
        bca(
            observed,
            values.collect(),
            &without_one(contrast, of),
            level,
        )
    };
    let is_positive = contrast.is_positive();
    Some(Resampled {
        difference: interval(&|first, second| second - first),
        ratio: is_positive
            .then(|| interval(&|first, second| second / first))
            .flatten(),
    })
}

/// One minus the confidence at which the interval of a mean of so few normal values is as wide as Student's.
fn expanded(contrast: &Contrast) -> Option<f64> {
    let freedom = contrast.freedom();
    let quantile = contrast.student()?.inverse_cdf(1.0 - 0.5 * LEVEL);
    let factor = ((freedom + 1.0) / freedom).sqrt();
    Some(2.0 * Normal::standard().cdf(-factor * quantile))
}

/// The two means of every draw.
fn draws(contrast: &Contrast, streams: Streams) -> Vec<[f64; 2]> {
    let mut rng = streams.stream("compare.bootstrap", 0);
    let (first, second) = (contrast.first(), contrast.second());
    let mut sum = |values: &[&[f64]]| -> Vec<f64> {
        let count = values[0].len();
        let mut sums = vec![0.0; values.len()];
        for _ in 0..count {
            let drawn = rng.random_range(0..count);
            for (sum, values) in sums.iter_mut().zip(values) {
                *sum += values[drawn] / count as f64;
            }
        }
        sums
    };
    let draw = |_| match contrast.method() {
        Method::Paired => {
            let means = sum(&[first, second]);
            [means[0], means[1]]
        }
        Method::Welch => [sum(&[first])[0], sum(&[second])[0]],
    };
    (0..RESAMPLES).map(draw).collect()
}

/// The statistic without one value, for each value of each sample; pairs are one sample.
fn without_one(contrast: &Contrast, of: &dyn Fn(f64, f64) -> f64) -> Vec<Vec<f64>> {
    let without = |values: &[f64]| -> Vec<f64> {
        let (count, all) = (values.len() as f64, mean(values));
        let others = values
            .iter()
            .map(|value| all + (all - value) / (count - 1.0));
        others.collect()
    };
    let (first, second) = (without(contrast.first()), without(contrast.second()));
    let all = [mean(contrast.first()), mean(contrast.second())];
    match contrast.method() {
        Method::Paired => {
            let pairs = first.iter().zip(&second);
            vec![pairs.map(|(first, second)| of(*first, *second)).collect()]
        }
        Method::Welch => vec![
            first.iter().map(|first| of(*first, all[1])).collect(),
            second.iter().map(|second| of(all[0], *second)).collect(),
        ],
    }
}

/// The interval between two quantiles of resampled values, chosen so that bias and skewness are allowed for (Efron &
/// Tibshirani 1993, "An introduction to the bootstrap", eq. 14.9-14.15; several samples as in Davison & Hinkley 1997,
/// eq. 5.25). `without` are the statistic's values without one value of each sample. None where all draws lie on one
/// side of what was observed.
fn bca(observed: f64, mut values: Vec<f64>, without: &[Vec<f64>], level: f64) -> Option<[f64; 2]> {
    values.sort_by(f64::total_cmp);
    let count = values.len() as f64;
    let below = values.partition_point(|value| *value < observed);
    let up_to = values.partition_point(|value| *value <= observed);
    let normal = Normal::standard();
    let bias = normal.inverse_cdf((below + up_to) as f64 / (2.0 * count));
    let acceleration = acceleration(without);
    let end = |share: f64| {
        let moved = bias + normal.inverse_cdf(share);
        let share = normal.cdf(bias + moved / (1.0 - acceleration * moved));
        quantile(&values, share)
    };
    let ends = [end(0.5 * level), end(1.0 - 0.5 * level)];
    let is_known = bias.is_finite() && acceleration.is_finite();
    (is_known && ends.iter().all(|end| end.is_finite())).then_some(ends)
}

fn acceleration(without: &[Vec<f64>]) -> f64 {
    let sum = |power: i32| -> f64 {
        let of_sample = |values: &Vec<f64>| {
            let count = values.len() as f64;
            let centre = mean(values);
            let influences = values.iter().map(|value| (count - 1.0) * (centre - value));
            influences
                .map(|influence| influence.powi(power))
                .sum::<f64>()
                / count.powi(power)
        };
        without.iter().map(of_sample).sum()
    };
    sum(3) / (6.0 * sum(2).powf(1.5))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{A, B, C, contrast};
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    /*
    The levels are those of normal quantiles as far out as Student's; 400,000 resamples leave ±0.3 % of the width.

    level = lambda n: 1 - 2 * stats.norm.cdf(-np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    difference = lambda a, b, axis=-1: b.mean(axis=axis) - a.mean(axis=axis)
    ratio = lambda a, b, axis=-1: b.mean(axis=axis) / a.mean(axis=axis)
    for of in difference, ratio:
        for second, paired, n in (b, True, 8), (np.append(c, 9.0), False, 6):
            print(stats.bootstrap((a, second), of, paired=paired, vectorized=True, n_resamples=400_000, batch=20_000,
                                  confidence_level=level(n), method="BCa", rng=0).confidence_interval)
    */
    #[test]
    fn intervals_are_near_those_of_scipy() {
        let unpaired: Vec<f64> = C.iter().copied().chain([9.0]).collect();
        let cases = [
            (contrast(&A, &B, true), [1.175, 2.425], [1.446_9, 2.235]),
            (
                contrast(&A, &unpaired, false),
                [0.85, 5.954],
                [1.256_3, 4.073],
            ),
        ];
        for (contrast, difference, ratio) in cases {
            let found = resampled(&contrast, Streams::new(0)).unwrap();
            let pairs = [(found.difference, difference), (found.ratio, ratio)];
            for (found, expected) in pairs {
                let found = found.unwrap();
                let width = expected[1] - expected[0];
                for (found, expected) in found.iter().zip(expected) {
                    // The tails hold a hundredth of 4,999 draws.
                    assert!(
                        (found - expected).abs() < 0.06 * width,
                        "{found} {expected}"
                    );
                }
            }
            assert_eq!(resampled(&contrast, Streams::new(0)), Some(found));
        }
    }

    #[test]
    fn five_values_are_not_resampled() {
        assert_eq!(
            resampled(&contrast(&A[..5], &C, true), Streams::new(0)),
            None
        );
    }

    #[test]
    fn values_without_spread_have_no_interval() {
        let found = resampled(&contrast(&[1.0; 6], &[2.0; 6], true), Streams::new(0)).unwrap();
        assert_eq!((found.difference, found.ratio), (None, None));
    }

    /// Of ten pairs, normal and log-normal.
    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        const REPETITIONS: usize = 300;
        let mut rng = Streams::new(4).stream("test", 0);
        let mut held = [0usize; 2];
        for _ in 0..REPETITIONS {
            let normal: [f64; 10] = std::array::from_fn(|_| StandardNormal.sample(&mut rng));
            let skewed = normal.map(f64::exp);
            for (held, (values, truth)) in
                held.iter_mut().zip([(normal, 0.0), (skewed, 0.5f64.exp())])
            {
                let found = resampled(&contrast(&[0.0; 10], &values, true), Streams::new(0));
                let [low, high] = found.unwrap().difference.unwrap();
                *held += usize::from(low <= truth && truth <= high);
            }
        }
        let share = held.map(|held| held as f64 / REPETITIONS as f64);
        println!("{share:?}");
        assert!(share[0] > 0.91 && share[1] > 0.82, "{share:?}");
    }
}
