//! Scores of predicted probabilities.

use super::predicted::{Predicted, negative_log_likelihood, softmax};
use crate::measure::measurement::Measurement;
use crate::statistics::{mean, stated_error};

/// Bins of equal width in confidence, as by Guo et al. 2017.
pub(super) const BINS: usize = 15;

/// Which score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Score {
    /// `−ln p_y`.
    LogLikelihood,
    /// `Σ_k (p_k − 1[k = y])²`.
    Brier,
    /// `Σ_b n_b/n |conf_b − acc_b|` over bins.
    Expected,
    /// `Σ_b n_b/n ((conf_b − acc_b)² − s_b²/n_b)` over bins, `s_b²` being the variance within the bin of confidence
    /// minus accuracy.
    DebiasedSquare,
}

/// A prediction and what became of it.
#[derive(Clone, Copy, Debug)]
struct Prediction {
    sample: usize,
    confidence: f64,
    /// The distance of the largest probability from the next one.
    lead: f64,
    is_right: bool,
}

impl Prediction {
    fn of(sample: usize, logits: &[f64], label: usize, temperature: f64) -> Self {
        let probabilities = softmax(logits, temperature);
        let confidence = crate::extremes::largest(probabilities.iter().copied());
        let predicted = probabilities.iter().position(|p| *p == confidence);
        let others = probabilities.iter().enumerate();
        let others = others.filter(|(class, _)| Some(*class) != predicted);
        Self {
            sample,
            confidence,
            lead: confidence - crate::extremes::largest(others.map(|(_, p)| *p)),
            is_right: predicted == Some(label),
        }
    }

    fn bin(self) -> usize {
        ((self.confidence * BINS as f64) as usize).min(BINS - 1)
    }

    /// Confidence minus accuracy.
    fn excess(self) -> f64 {
        self.confidence - f64::from(u8::from(self.is_right))
    }

    /// Whether a move of probabilities by so much may put it into another bin or change what it predicts.
    fn may_jump(self, moved: f64) -> bool {
        let in_bins = self.confidence * BINS as f64;
        let to_edge = (in_bins - in_bins.round()).abs() / BINS as f64;
        to_edge <= moved || self.lead <= 2.0 * moved
    }
}

/// A score with one value for every sample, whose mean it is.
pub(super) struct Scored {
    score: Score,
    values: Vec<f64>,
    value: f64,
    predictions: Vec<Prediction>,
}

impl Scored {
    /// A score of all samples, each at a temperature of its own.
    pub fn of(predicted: &Predicted, temperatures: &[f64], score: Score) -> Self {
        match score {
            Score::LogLikelihood => Self::mean_of(predicted, score, |sample, logits, label| {
                negative_log_likelihood(logits, label, temperatures[sample])
            }),
            Score::Brier => Self::mean_of(predicted, score, |sample, logits, label| {
                let probabilities = softmax(logits, temperatures[sample])
                    .into_iter()
                    .enumerate();
                let squares = probabilities.map(|(class, probability)| {
                    (probability - f64::from(u8::from(class == label))).powi(2)
                });
                squares.sum()
            }),
            Score::Expected | Score::DebiasedSquare => {
                let predictions = (0..predicted.samples()).flat_map(|sample| {
                    let rows = predicted.of_sample(sample);
                    rows.map(move |(logits, label)| {
                        Prediction::of(sample, logits, label, temperatures[sample])
                    })
                });
                Self::binned(predicted.samples(), predictions.collect(), score)
            }
        }
    }

    /// The mean over positions, for every sample.
    fn mean_of(
        predicted: &Predicted,
        score: Score,
        of: impl Fn(usize, &[f64], usize) -> f64,
    ) -> Self {
        let values = (0..predicted.samples()).map(|sample| {
            let rows = predicted.of_sample(sample);
            let values: Vec<f64> = rows
                .map(|(logits, label)| of(sample, logits, label))
                .collect();
            mean(&values)
        });
        let values: Vec<f64> = values.collect();
        Self {
            score,
            value: mean(&values),
            values,
            predictions: Vec::new(),
        }
    }

    /// Over bins. The value of a sample is its share of the derivative: with `d_b` the mean excess in its bin, the
    /// expected error is the mean of `sign(d_b) · excess`, and the squared one to first order that of
    /// `2 d_b · excess`.
    fn binned(samples: usize, predictions: Vec<Prediction>, score: Score) -> Self {
        let mut bins: Vec<Vec<f64>> = vec![Vec::new(); BINS];
        for prediction in &predictions {
            bins[prediction.bin()].push(prediction.excess());
        }
        let count = predictions.len() as f64;
        let of_bin = |bin: &Vec<f64>| match (score, bin.len()) {
            (_, 0) => 0.0,
            (Score::Expected, size) => size as f64 / count * mean(bin).abs(),
            // A single sample tells no variance; all of its square is chance.
            (_, 1) => 0.0,
            (_, size) => {
                let chance = crate::statistics::variance(bin) / size as f64;
                size as f64 / count * (mean(bin).powi(2) - chance)
            }
        };
        let value = bins.iter().map(of_bin).sum();
        let positions = count / samples as f64;
        let mut values = vec![0.0; samples];
        for prediction in &predictions {
            let excess = mean(&bins[prediction.bin()]);
            let slope = match score {
                Score::Expected => excess.signum(),
                _ => 2.0 * excess,
            };
            values[prediction.sample] += slope * prediction.excess() / positions;
        }
        Self {
            score,
            values,
            value,
            predictions,
        }
    }

    /// The row, for outputs that rounding has moved against each other by at most so much.
    pub fn row(&self, name: &str, predicted: &Predicted, moved: f64) -> Measurement {
        let row = Measurement::new(name, self.value)
            .over(predicted.samples())
            .with_stderr(stated_error(&self.values));
        let row = match moved > 0.0 {
            true => row.with_rounding(self.rounding(moved)),
            false => row,
        };
        let note = match self.score {
            Score::Expected => Some(format!(
                "{:.2e} of it would be expected of a calibrated network with these bins",
                self.expected_of_calibrated()
            )),
            _ => None,
        };
        Measurement { note, ..row }
    }

    /// What moves of the outputs can change: a log-likelihood by as much, each probability `p` by at most half of
    /// `2p(1 − p)` times that, so a Brier score by no more than as much, and a confidence by a quarter. A
    /// prediction near the edge of a bin or a tie may jump.
    fn rounding(&self, moved: f64) -> f64 {
        match self.score {
            Score::LogLikelihood | Score::Brier => moved,
            Score::Expected | Score::DebiasedSquare => {
                let jumping = self.predictions.iter().filter(|one| one.may_jump(moved));
                moved + 2.0 * jumping.count() as f64 / self.predictions.len() as f64
            }
        }
    }

    /// The expected calibration error of a network whose labels are drawn from its own probabilities: in each bin
    /// `E|N(0, s²)| = s √(2/π)` with `s² = Σ p(1 − p) / n_b²`.
    pub fn expected_of_calibrated(&self) -> f64 {
        let mut variances = [0.0; BINS];
        for prediction in &self.predictions {
            variances[prediction.bin()] += prediction.confidence * (1.0 - prediction.confidence);
        }
        let deviations = variances.iter().map(|variance| variance.sqrt());
        (2.0 / std::f64::consts::PI).sqrt() * deviations.sum::<f64>()
            / self.predictions.len() as f64
    }
}
