//! Losses, predictions and margins over a set of samples.

use super::Measurement;
use crate::backend::read;
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;
use crate::statistics::{mean, standard_error};

/// The function's behaviour on every sample of a set.
#[derive(Clone, Debug)]
pub struct Evaluated {
    losses: Vec<f64>,
    margins: Vec<f64>,
    outputs: Vec<f64>,
}

impl Evaluated {
    /// Runs the network over the chunks.
    ///
    /// # Errors
    ///
    /// The device's message where it failed.
    pub fn run(
        objective: &Objective,
        parameters: &Parameters,
        data: &Chunks,
    ) -> Result<Self, String> {
        let (mut losses, mut outputs) = (Vec::new(), Vec::new());
        for batch in data.batches() {
            let evaluation = objective.evaluate(parameters, batch);
            losses.extend(read(&evaluation.losses)?);
            outputs.extend(read(&evaluation.outputs)?);
        }
        let width = outputs.len() / losses.len().max(1);
        let margins: Vec<f64> = outputs
            .chunks(width.max(1))
            .zip(data.labels())
            .map(|(outputs, &label)| objective.loss().margin(outputs, label))
            .collect();
        if outputs.iter().any(|output: &f64| !output.is_finite()) {
            // Comparisons with NaN are silently false, so no prediction or margin would be right.
            return Err("the network's outputs are not finite".to_owned());
        }
        Ok(Self {
            losses,
            margins,
            outputs,
        })
    }

    /// The outputs of all samples, one row after another.
    pub fn outputs(&self) -> &[f64] {
        &self.outputs
    }

    /// The mean loss, weighted by samples.
    pub fn mean_loss(&self) -> f64 {
        mean(&self.losses)
    }

    /// The mean loss; its standard error is that of a mean over independent samples.
    pub fn loss(&self, name: &str) -> Measurement {
        Measurement::new(name, self.mean_loss())
            .with_stderr(standard_error(&self.losses))
            .over(self.losses.len())
    }

    /// The share of samples with a positive margin; a tie counts as wrong.
    pub fn accuracy(&self, name: &str) -> Measurement {
        let correct: Vec<f64> = self
            .margins
            .iter()
            .map(|&margin| f64::from(u8::from(margin > 0.0)))
            .collect();
        Measurement::new(name, mean(&correct))
            .with_stderr(standard_error(&correct))
            .over(correct.len())
    }

    /// Test loss minus training loss; the standard errors of independent means add in squares.
    pub fn gap(name: &str, train: &Self, test: &Self) -> Measurement {
        let error = standard_error(&train.losses).hypot(standard_error(&test.losses));
        Measurement::new(name, test.mean_loss() - train.mean_loss())
            .with_stderr(error)
            .over(test.losses.len())
    }

    /// The smallest margin; exact for the set, no estimate for others.
    pub fn smallest_margin(&self, name: &str) -> Measurement {
        let smallest = self.margins.iter().copied().fold(f64::INFINITY, f64::min);
        Measurement::new(name, smallest).over(self.margins.len())
    }

    /// A quantile of the margins. Its standard error is half the distance between the order
    /// statistics one binomial standard deviation, `√(n p (1−p))`, to either side, which assumes
    /// nothing about the distribution (David & Nagaraja, "Order Statistics", §7.1).
    pub fn margin_quantile(&self, name: &str, probability: f64) -> Measurement {
        let mut sorted = self.margins.clone();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let spread = (count * probability * (1.0 - probability)).sqrt();
        let place = (count - 1.0) * probability;
        // Ranks end at the list's ends; the distance is then scaled to what was asked for.
        let low = (place - spread).max(0.0);
        let high = (place + spread).min(count - 1.0);
        let per_rank = (at_rank(&sorted, high) - at_rank(&sorted, low)) / (high - low);
        let error = spread * per_rank;
        Measurement::new(name, at_rank(&sorted, place))
            .with_stderr(error)
            .over(sorted.len())
    }
}

/// The value at a fractional rank of a sorted list, interpolated linearly, clamped at its ends.
fn at_rank(sorted: &[f64], rank: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let rank = rank.clamp(0.0, last as f64);
    let below = rank.floor() as usize;
    let above = (below + 1).min(last);
    let share = rank - below as f64;
    sorted[below] * (1.0 - share) + sorted[above] * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(losses: &[f64], margins: &[f64]) -> Evaluated {
        Evaluated {
            losses: losses.to_vec(),
            margins: margins.to_vec(),
            outputs: Vec::new(),
        }
    }

    #[test]
    fn loss_and_accuracy_carry_the_standard_error_of_a_mean() {
        let set = evaluated(&[1.0, 2.0, 3.0, 6.0], &[1.0, -1.0, 0.0, 2.0]);
        let loss = set.loss("loss.train");
        assert_eq!(loss.value, Some(3.0));
        // Sample variance 14/3, over n = 4.
        assert!((loss.stderr.unwrap() - (14.0f64 / 12.0).sqrt()).abs() < 1e-15);
        let accuracy = set.accuracy("accuracy.train");
        assert_eq!(accuracy.value, Some(0.5), "a tie counts as wrong");
        assert!((accuracy.stderr.unwrap() - (1.0f64 / 12.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn the_gap_is_test_minus_train() {
        let (train, test) = (evaluated(&[1.0, 1.0], &[]), evaluated(&[2.0, 4.0], &[]));
        let gap = Evaluated::gap("gap.loss", &train, &test);
        assert_eq!(gap.value, Some(2.0));
        assert_eq!(gap.stderr, Some(1.0));
    }

    #[test]
    fn quantiles_interpolate_and_their_error_comes_from_order_statistics() {
        let margins: Vec<f64> = (0..101).rev().map(f64::from).collect();
        let set = evaluated(&[], &margins);
        let median = set.margin_quantile("margin.median", 0.5);
        assert_eq!(median.value, Some(50.0));
        // √(101 · ¼) ranks to either side of a list with unit steps.
        assert!((median.stderr.unwrap() - (101.0f64 / 4.0).sqrt()).abs() < 1e-12);
        assert_eq!(set.margin_quantile("margin.p10", 0.1).value, Some(10.0));
        assert_eq!(set.smallest_margin("margin.min").value, Some(0.0));
    }

    #[test]
    fn what_is_not_finite_becomes_a_reason() {
        let row = evaluated(&[f64::NAN, 1.0], &[1.0, 1.0]).loss("loss.train");
        assert_eq!(row.value, None);
        assert!(row.reason.unwrap().contains("not finite"));
    }
}
