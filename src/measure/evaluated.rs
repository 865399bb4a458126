//! What a network does on a set of samples.

use super::failure::Failure;
use super::measurement::Measurement;
use crate::backend::read;
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;
use crate::statistics::{mean, stated_error};

/// The function's behaviour on every sample of a set.
#[derive(Clone, Debug)]
pub struct Evaluated {
    losses: Vec<f64>,
    margins: Vec<f64>,
    right: Vec<f64>,
    outputs: Vec<f64>,
}

impl Evaluated {
    /// Runs the network over the chunks.
    ///
    /// # Errors
    ///
    /// Where outputs are not finite, or the device failed.
    pub fn run(
        objective: &Objective,
        parameters: &Parameters,
        data: &Chunks,
    ) -> Result<Self, Failure> {
        let (mut losses, mut outputs) = (Vec::new(), Vec::new());
        for batch in data.batches() {
            let evaluation = objective.evaluate(parameters, batch);
            losses.extend(read(&evaluation.losses).map_err(Failure::device)?);
            outputs.extend(read(&evaluation.outputs).map_err(Failure::device)?);
        }
        let width = outputs.len() / data.labels().len().max(1);
        let positions = data.labels().len() / losses.len().max(1);
        let loss = objective.loss();
        let rows = || outputs.chunks(width.max(1)).zip(data.labels());
        let margins = rows().map(|(outputs, &label)| loss.margin(outputs, label));
        let is_right = |(outputs, &label): (&[f64], &u8)| {
            f64::from(u8::from(loss.predicts(outputs) == usize::from(label)))
        };
        let (margins, is_right): (_, Vec<f64>) =
            (margins.collect(), rows().map(is_right).collect());
        if outputs.iter().any(|output: &f64| !output.is_finite()) {
            // Comparisons with NaN are silently false, so no prediction or margin would be right.
            return Err(Failure::not_finite("the network's outputs are not finite"));
        }
        Ok(Self {
            losses,
            margins,
            right: is_right.chunks(positions.max(1)).map(mean).collect(),
            outputs,
        })
    }

    /// The output margin of every sample, at each of its positions.
    pub fn margins(&self) -> &[f64] {
        &self.margins
    }

    /// The outputs of all samples, one row after another, one for each position.
    pub fn outputs(&self) -> &[f64] {
        &self.outputs
    }

    /// The loss of every sample.
    pub fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// The mean loss, weighted by samples.
    pub fn mean_loss(&self) -> f64 {
        mean(&self.losses)
    }

    /// The mean loss; its standard error is that of a mean over independent samples.
    pub fn loss(&self, name: &str) -> Measurement {
        Measurement::new(name, self.mean_loss())
            .over(self.losses.len())
            .with_stderr(stated_error(&self.losses))
    }

    /// The share of labels predicted; at a tie, the first of the largest outputs is the
    /// prediction. Samples with several positions count by the share of theirs: only whole samples
    /// are independent.
    pub fn accuracy(&self, name: &str) -> Measurement {
        share(name, &self.right, self.right.len())
    }

    /// Test loss minus training loss; the standard errors of independent means add in squares.
    pub fn gap(name: &str, train: &Self, test: &Self) -> Measurement {
        let error = stated_error(&train.losses).hypot(stated_error(&test.losses));
        Measurement::new(name, test.mean_loss() - train.mean_loss())
            .over(test.losses.len())
            .with_stderr(error)
    }
}

/// The mean of what is right of as many `samples`, each with one value or one for each of its positions. Its error
/// is as if one more sample had been right and one more wrong (Laplace's rule of succession): 500 samples that are
/// all right leave room for one in some hundred that is not.
pub(super) fn share(name: &str, right: &[f64], samples: usize) -> Measurement {
    let positions = (right.len() / samples.max(1)).max(1);
    let mut right: Vec<f64> = right.chunks(positions).map(mean).collect();
    let share = mean(&right);
    right.extend([0.0, 1.0]);
    Measurement::new(name, share)
        .over(samples)
        .with_stderr(stated_error(&right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::coverage_factor;

    fn evaluated(losses: &[f64], right: &[f64]) -> Evaluated {
        Evaluated {
            losses: losses.to_vec(),
            margins: Vec::new(),
            right: right.to_vec(),
            outputs: Vec::new(),
        }
    }

    #[test]
    fn loss_and_accuracy_carry_the_standard_error_of_a_mean() {
        let set = evaluated(&[1.0, 2.0, 3.0, 6.0], &[1.0, 0.0, 0.0, 1.0]);
        let loss = set.loss("loss.train");
        assert_eq!(loss.value, Some(3.0));
        assert_eq!(loss.stderr(), Some(stated_error(&[1.0, 2.0, 3.0, 6.0])));
        let accuracy = set.accuracy("accuracy.train");
        assert_eq!(accuracy.value, Some(0.5));
        // Three of six with the two that are added.
        let expected = (0.25f64 / 5.0).sqrt() * coverage_factor(5.0);
        assert!((accuracy.stderr().unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn samples_that_are_all_right_leave_an_error() {
        let row = evaluated(&[], &[1.0; 500]).accuracy("accuracy.test");
        assert_eq!(row.value, Some(1.0));
        // One wrong of 502, whose skewness of √500 widens what a variance of 1/502 gives.
        let error = row.stderr().unwrap();
        assert!((0.002..0.004).contains(&error), "{error}");
    }

    #[test]
    fn accuracy_is_a_share_of_positions_whose_error_comes_from_whole_samples() {
        let row = evaluated(&[0.0; 2], &[0.75, 0.25]).accuracy("accuracy.test");
        assert_eq!((row.value, row.samples), (Some(0.5), Some(2)));
        // 0.75, 0.25, 0 and 1: a variance of 0.625/3.
        let expected = (0.625f64 / 3.0 / 4.0).sqrt() * coverage_factor(3.0);
        assert!((row.stderr().unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn the_gap_is_test_minus_train() {
        let (train, test) = (evaluated(&[1.0, 1.0], &[]), evaluated(&[2.0, 4.0], &[]));
        let gap = Evaluated::gap("gap.loss", &train, &test);
        assert_eq!(gap.value, Some(2.0));
        assert_eq!(gap.stderr(), Some(stated_error(&[2.0, 4.0])));
    }

    #[test]
    fn what_is_not_finite_becomes_a_reason() {
        let row = evaluated(&[f64::NAN, 1.0], &[]).loss("loss.train");
        assert_eq!(row.value, None);
        assert!(row.reason().unwrap().contains("not finite"));
    }
}
