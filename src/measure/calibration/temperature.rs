//! The temperature of a softmax (Guo et al. 2017, "On calibration of modern neural networks", sec. 4.2).

use super::predicted::{Predicted, softmax};
use crate::measure::failure::Failure;
use crate::random::StreamRng;
use crate::statistics::stated_error;
use rand::seq::SliceRandom;

/// The range in which inverse temperatures are looked for.
const COLDEST: f64 = 1e3;
const HOTTEST: f64 = 1e-3;

/// Halvings of that range, in logarithms: the last digit of a 64-bit number.
const HALVINGS: usize = 60;

/// A temperature with what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    /// The temperature.
    pub temperature: f64,
    /// Its standard error over draws of the samples, whether the model holds or not.
    pub standard_error: f64,
    /// By how much it moves, at most, per unit by which outputs move against each other, to first order.
    pub sensitivity: f64,
}

/// What the mean log-likelihood over some samples does when the inverse temperature `β` moves.
struct Slopes {
    /// `E_p z − z_y` of every sample, the mean over its positions: the slope of its loss in `β`.
    first: Vec<f64>,
    /// The mean variance of `z` under the predicted probabilities: the slope's slope.
    second: f64,
    /// The mean over samples of 1 plus the range of `z` times `β`, which bounds what a slope moves by.
    range: f64,
}

impl Slopes {
    fn at(predicted: &Predicted, samples: &[usize], inverse: f64) -> Self {
        let mut slopes = Self {
            first: Vec::with_capacity(samples.len()),
            second: 0.0,
            range: 0.0,
        };
        for &sample in samples {
            let (mut first, mut positions) = (0.0, 0.0);
            let (mut second, mut range) = (0.0, 0.0);
            for (logits, label) in predicted.of_sample(sample) {
                let probabilities = softmax(logits, 1.0 / inverse);
                // Relative to the label's logit, so that no large numbers are subtracted.
                let apart = || logits.iter().map(|logit| logit - logits[label]);
                let mean: f64 = apart().zip(&probabilities).map(|(z, p)| p * z).sum();
                let squares = apart()
                    .zip(&probabilities)
                    .map(|(z, p)| p * (z - mean).powi(2));
                first += mean;
                second += squares.sum::<f64>();
                let ends = (
                    crate::extremes::largest(apart()),
                    crate::extremes::smallest(apart()),
                );
                range += 1.0 + inverse * (ends.0 - ends.1);
                positions += 1.0;
            }
            slopes.first.push(first / positions);
            slopes.second += second / positions / samples.len() as f64;
            slopes.range += range / positions / samples.len() as f64;
        }
        slopes
    }

    fn mean(&self) -> f64 {
        self.first.iter().sum::<f64>() / self.first.len() as f64
    }
}

/// The temperature that minimises the negative log-likelihood of some samples, which is convex in its inverse.
///
/// # Errors
///
/// Where no temperature does: all samples are right, and the colder the better, or they are no better than chance.
pub(super) fn fitted(predicted: &Predicted, samples: &[usize]) -> Result<Fit, Failure> {
    let slope = |inverse: f64| Slopes::at(predicted, samples, inverse).mean();
    let (mut low, mut high) = (HOTTEST.ln(), COLDEST.ln());
    if slope(COLDEST) <= 0.0 {
        return Err(Failure::not_found(
            "the colder the more likely are the labels: the samples it is fitted on are all right",
        ));
    }
    if slope(HOTTEST) >= 0.0 {
        return Err(Failure::not_found(
            "the hotter the more likely are the labels: the outputs are no better than chance",
        ));
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        match slope(middle.exp()) > 0.0 {
            true => high = middle,
            false => low = middle,
        }
    }
    let inverse = (0.5 * (low + high)).exp();
    let slopes = Slopes::at(predicted, samples, inverse);
    // T = 1/β, so that dT = dβ/β².
    let per_slope = 1.0 / (slopes.second * inverse * inverse);
    Ok(Fit {
        temperature: 1.0 / inverse,
        standard_error: stated_error(&slopes.first) * per_slope,
        sensitivity: slopes.range * per_slope,
    })
}

/// For every sample, the temperature fitted on the half of the samples that it is not in.
pub(super) fn of_other_halves(
    predicted: &Predicted,
    rng: &mut StreamRng,
) -> Result<Vec<f64>, Failure> {
    let mut order: Vec<usize> = (0..predicted.samples()).collect();
    if order.len() < 2 {
        return Err(Failure::not_known("a single test sample has no halves"));
    }
    order.shuffle(rng);
    let (one, other) = order.split_at(order.len() / 2);
    let mut temperatures = vec![0.0; order.len()];
    for (judged, fitted_on) in [(one, other), (other, one)] {
        // In the order of the data, so that sums do not depend on the draw's order.
        let mut fitted_on = fitted_on.to_vec();
        fitted_on.sort_unstable();
        let temperature = fitted(predicted, &fitted_on)?.temperature;
        for &sample in judged {
            temperatures[sample] = temperature;
        }
    }
    Ok(temperatures)
}
