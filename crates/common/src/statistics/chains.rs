//! Means over Markov chains, whose values depend on those before them.
//!
//! After Vehtari, Gelman, Simpson, Carpenter & Bürkner 2021, "Rank-normalization, folding, and localization: an
//! improved R̂ for assessing convergence of MCMC", sec. 3, without the ranks.

use super::{coverage_factor, mean, stated_error, variance};

/// What chains of equally many values say of their mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChainSummary {
    /// The mean of all values.
    pub mean: f64,
    /// Its standard error: the larger of that from the spread of the chains' means, and that from the variance and
    /// the autocorrelation of the values.
    pub standard_error: f64,
    /// As many independent values would tell as much.
    pub effective: f64,
    /// The split-R̂ of Gelman & Rubin: how much wider all values are spread than those of half a chain; near 1 where
    /// chains have forgotten where they began.
    pub r_hat: f64,
}

/// Summarises chains of equal length; NaN where they are fewer than two or shorter than four.
pub fn summary(chains: &[Vec<f64>]) -> ChainSummary {
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let halves: Vec<&[f64]> = chains
        .iter()
        .flat_map(|chain| {
            let half = chain.len() / 2;
            [&chain[..half], &chain[chain.len() - half..]]
        })
        .collect();
    let (within, pooled) = variances(&halves);
    let effective = effective_size(&halves, within, pooled);
    let by_autocorrelation = (pooled / effective).sqrt() * coverage_factor(effective - 1.0);
    let across = stated_error(&means);
    ChainSummary {
        mean: mean(&means),
        standard_error: crate::extremes::larger(across, by_autocorrelation),
        effective,
        r_hat: match pooled == 0.0 {
            true => 1.0,
            false => (pooled / within).sqrt(),
        },
    }
}

/// The mean variance within chains, and the estimate of the variance of all values that is too large while chains
/// still differ (eq. 3).
fn variances(chains: &[&[f64]]) -> (f64, f64) {
    let length = chains.first().map_or(0, |chain| chain.len()) as f64;
    let within: Vec<f64> = chains.iter().map(|chain| variance(chain)).collect();
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let within = mean(&within);
    (within, (length - 1.0) / length * within + variance(&means))
}

/// The number of values over one plus twice the sum of their autocorrelations (eq. 10-13), which ends where two
/// neighbours have a negative sum, and whose terms do not grow (Geyer 1992).
fn effective_size(chains: &[&[f64]], within: f64, pooled: f64) -> f64 {
    let length = chains.first().map_or(0, |chain| chain.len());
    let count = (length * chains.len()) as f64;
    if pooled == 0.0 {
        return count;
    }
    let means: Vec<f64> = chains.iter().map(|chain| mean(chain)).collect();
    let correlation = |lag: usize| {
        let covariances = chains.iter().zip(&means).map(|(chain, mean)| {
            let pairs = chain[..length - lag].iter().zip(&chain[lag..]);
            pairs
                .map(|(one, other)| (one - mean) * (other - mean))
                .sum::<f64>()
                / length as f64
        });
        let covariance = covariances.sum::<f64>() / chains.len() as f64;
        // The covariance at no lag has the length in its denominator too.
        1.0 - (within * (length as f64 - 1.0) / length as f64 - covariance) / pooled
    };
    let (mut sum, mut smallest) = (0.0, f64::INFINITY);
    for lag in (0..length.saturating_sub(1)).step_by(2) {
        let pair = match lag {
            0 => 1.0 + correlation(1),
            _ => correlation(lag) + correlation(lag + 1),
        };
        if pair <= 0.0 || pair.is_nan() {
            break;
        }
        smallest = pair.min(smallest);
        sum += smallest;
    }
    // Antithetic chains cannot tell more than this (Vehtari et al., sec. 3.2).
    count / (2.0 * sum - 1.0).max(1.0 / count.log10())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use rand_distr::{Distribution, StandardNormal};

    /// Chains of a Gaussian process whose neighbours have this correlation, and variance 1.
    fn autoregressive(correlation: f64, chains: u64, length: usize, seed: u64) -> Vec<Vec<f64>> {
        let chain = |number| {
            let mut rng = Streams::new(seed).stream("test", number);
            let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
            let mut value = normal();
            let mut next = || {
                value = correlation * value + (1.0 - correlation * correlation).sqrt() * normal();
                value
            };
            (0..length).map(|_| next()).collect()
        };
        (0..chains).map(chain).collect()
    }

    #[test]
    fn the_effective_size_is_that_of_the_autocorrelation() {
        for correlation in [0.0, 0.5, 0.9] {
            let found = summary(&autoregressive(correlation, 10, 4000, 1));
            let expected = 40_000.0 * (1.0 - correlation) / (1.0 + correlation);
            assert!(
                (found.effective / expected - 1.0).abs() < 0.25,
                "{correlation} {found:?}"
            );
            assert!((found.r_hat - 1.0).abs() < 0.01, "{found:?}");
        }
    }

    #[test]
    fn the_error_of_the_mean_covers_it() {
        let mut within = [0.0; 2];
        const REPETITIONS: u64 = 400;
        for seed in 0..REPETITIONS {
            let found = summary(&autoregressive(0.9, 10, 200, seed));
            let distance = found.mean.abs() / found.standard_error;
            within[0] += f64::from(u8::from(distance <= 1.0)) / REPETITIONS as f64;
            within[1] += f64::from(u8::from(distance <= 2.0)) / REPETITIONS as f64;
        }
        // The larger of two estimates covers a little more than either.
        assert!((0.66..0.84).contains(&within[0]), "{within:?}");
        assert!((0.94..1.0).contains(&within[1]), "{within:?}");
    }

    #[test]
    fn chains_that_have_not_met_or_still_drift_show_it() {
        let mut apart = autoregressive(0.5, 4, 500, 2);
        apart[0].iter_mut().for_each(|value| *value += 3.0);
        assert!(summary(&apart).r_hat > 1.3);
        let mut drifting = autoregressive(0.5, 4, 500, 3);
        for chain in &mut drifting {
            let length = chain.len() as f64;
            for (place, value) in chain.iter_mut().enumerate() {
                *value += 5.0 * place as f64 / length;
            }
        }
        assert!(summary(&drifting).r_hat > 1.3);
    }

    #[test]
    fn equal_values_have_no_error() {
        let chains: Vec<Vec<f64>> = (0..3).map(|_| vec![2.0; 10]).collect();
        let found = summary(&chains);
        assert_eq!(
            (found.mean, found.standard_error, found.r_hat),
            (2.0, 0.0, 1.0)
        );
    }
}
