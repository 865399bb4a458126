//! The bound in numbers: divergence from the priors, what is set aside, and the mean of the draws from above.

use std::f64::consts::PI;

/// One minus the probability with which the bound holds, over training samples and draws.
pub(super) const DELTA: f64 = 0.05;

/// How finely the grid of prior widths is spaced.
pub(super) const FINENESS: f64 = 100.0;

/// The share of [`DELTA`] with which the error under noise is above the bound that its draws give on it.
pub(super) const OF_SAMPLING: f64 = 0.5;

/// `ln 1/δ'` with the probability `δ'` set aside for the draws.
pub(super) fn certainty() -> f64 {
    -(OF_SAMPLING * DELTA).ln()
}

/// An upper bound on the mean of random numbers between 0 and 1 by betting (Waudby-Smith & Ramdas 2024,
/// "Estimating means of bounded random variables by betting", §4): if the mean is `m`, the capital
/// `Π (1 + s (m − xᵢ))` of somebody who stakes `s` each time is 1 on average, so above `e^c` with a probability
/// of at most `e^−c` (Markov). The bound is the least `m` for which it is. A stake must be chosen without
/// these numbers; unlike Chernoff's bound (Langford & Caruana 2001) this one gets better where they spread
/// little. `of` is the number of numbers for which these stand.
pub(super) fn upper_mean(values: &[f64], stake: f64, certainty: f64, of: usize) -> f64 {
    let share = of as f64 / values.len() as f64;
    let exceeds = |mean: f64| {
        let gains = values.iter().map(|value| (stake * (mean - value)).ln_1p());
        share * gains.sum::<f64>() > certainty
    };
    // No capital may become negative, whatever the numbers.
    let (mut below, mut above) = ((1.0 - 1.0 / stake).max(0.0), 1.0);
    if !exceeds(above) {
        return 1.0;
    }
    for _ in 0..60 {
        let middle = 0.5 * (below + above);
        if exceeds(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above
}

/// The stake that would have been best for the draws by which the deviation was chosen, had there been `of`.
pub(super) fn best_stake(values: &[f64], of: usize) -> f64 {
    const STAKES: std::ops::RangeInclusive<i32> = -8..=16;
    let stakes = STAKES.map(|exponent| (0.5 * f64::from(exponent)).exp2());
    let bound = |stake: f64| upper_mean(values, stake, certainty(), of);
    let best = stakes.map(|stake| (bound(stake), stake));
    best.min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(1.0, |(_, stake)| stake)
}

/// `KL(N(θ, σ²I) ‖ N(θ₀, λ²I))` in `dimension` dimensions at a squared distance `‖θ − θ₀‖²`.
pub(super) fn kullback_leibler(dimension: usize, deviation: f64, width: f64, distance: f64) -> f64 {
    let ratio = (deviation / width).powi(2);
    0.5 * (dimension as f64 * (ratio - 1.0 - ratio.ln()) + distance / width.powi(2))
}

/// The divergence from the prior of the grid that is best for a posterior, and the probability `δ_j`
/// that is set aside for it.
pub(super) fn divergence(dimension: usize, deviation: f64, distance: f64) -> (f64, f64) {
    // Without the grid the best width would be this.
    let best = deviation.powi(2) + distance / dimension as f64;
    let place = -FINENESS * best.ln();
    let candidates = [place.floor().max(1.0), place.ceil().max(1.0)];
    candidates
        .map(|j| {
            let width = (-0.5 * j / FINENESS).exp();
            let failure = 6.0 * (1.0 - OF_SAMPLING) * DELTA / (PI * j).powi(2);
            (
                kullback_leibler(dimension, deviation, width, distance),
                failure,
            )
        })
        .into_iter()
        .min_by(|a, b| (a.0 - a.1.ln()).total_cmp(&(b.0 - b.1.ln())))
        .unwrap_or((f64::INFINITY, (1.0 - OF_SAMPLING) * DELTA))
}

/// How far the bound is above the training error.
pub(super) fn excess(divergence: f64, failure: f64, samples: usize) -> f64 {
    let samples = samples as f64;
    let penalty = divergence + (2.0 * samples.sqrt() / failure).ln();
    (penalty / (2.0 * samples)).sqrt()
}
