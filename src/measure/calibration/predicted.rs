//! The logits of some samples, with their labels.

use crate::measure::failure::Failure;
use crate::objective::Loss;

/// Logits and labels, a row for each position of each sample.
pub(super) struct Predicted {
    logits: Vec<f64>,
    classes: usize,
    labels: Vec<u8>,
    positions: usize,
}

impl Predicted {
    /// From the outputs of a network that was trained with a loss; a single output of the logistic loss is the
    /// difference of two logits.
    ///
    /// # Errors
    ///
    /// Where the loss makes no probabilities of outputs, or there are no samples.
    pub fn new(
        loss: Loss,
        outputs: &[f64],
        labels: &[u8],
        samples: usize,
    ) -> Result<Self, Failure> {
        if labels.is_empty() || samples == 0 {
            return Err(Failure::not_known("there are no test samples"));
        }
        let width = outputs.len() / labels.len();
        let logits = match (loss, width) {
            (Loss::CrossEntropy, _) => outputs.to_vec(),
            (Loss::Logistic, 1) => outputs.iter().flat_map(|&output| [0.0, output]).collect(),
            _ => {
                return Err(Failure::not_defined(format!(
                    "the outputs of a network trained with the {loss} loss are no logits of probabilities"
                )));
            }
        };
        Ok(Self {
            classes: logits.len() / labels.len(),
            logits,
            labels: labels.to_vec(),
            positions: labels.len() / samples,
        })
    }

    pub fn samples(&self) -> usize {
        self.labels.len() / self.positions
    }

    /// Logits and label at each position of a sample.
    pub fn of_sample(&self, sample: usize) -> impl Iterator<Item = (&[f64], usize)> {
        let rows = sample * self.positions..(sample + 1) * self.positions;
        rows.map(|row| {
            let logits = &self.logits[row * self.classes..(row + 1) * self.classes];
            (logits, usize::from(self.labels[row]))
        })
    }
}

/// The probabilities of logits over a temperature.
pub(super) fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let top = crate::extremes::largest(logits.iter().copied());
    let weights = logits
        .iter()
        .map(|logit| ((logit - top) / temperature).exp());
    let weights: Vec<f64> = weights.collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// `−ln p_y`, from differences of logits, so that a probability near 1 keeps its digits.
pub(super) fn negative_log_likelihood(logits: &[f64], label: usize, temperature: f64) -> f64 {
    let top = crate::extremes::largest(logits.iter().copied());
    let first = logits.iter().position(|logit| *logit == top).unwrap_or(0);
    let others = logits
        .iter()
        .enumerate()
        .filter(|(class, _)| *class != first);
    let rest: f64 = others
        .map(|(_, logit)| ((logit - top) / temperature).exp())
        .sum();
    rest.ln_1p() + (top - logits[label]) / temperature
}
