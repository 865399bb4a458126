//! What a network does on a set of samples.

use super::failure::Failure;
use super::measurement::Measurement;
use crate::backend::read;
use crate::objective::{Chunks, Loss, Objective};
use crate::params::Parameters;
use crate::statistics::{mean, stated_error};

/// The function's behaviour on every sample of a set.
#[derive(Clone, Debug)]
pub struct Evaluated {
    losses: Vec<f64>,
    outputs: Vec<f64>,
    /// Outputs in a row.
    width: usize,
    answers: Answers,
}

/// What was to be predicted, and how well it was.
#[derive(Clone, Debug)]
enum Answers {
    /// Classes.
    Classes {
        /// The output margin of each sample, at each of its positions.
        margins: Vec<f64>,
        /// The share of each sample's positions that are right.
        right: Vec<f64>,
    },
    /// Numbers, of the outputs' shape.
    Numbers(Vec<f64>),
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
        let width = data
            .batches()
            .first()
            .map_or(1, |batch| batch.targets.dims()[1]);
        let answers = match data.labels() {
            Some(labels) => classified(objective.loss(), &outputs, width, labels, data.positions()),
            None => {
                let mut targets = Vec::with_capacity(outputs.len());
                for batch in data.batches() {
                    targets.extend(read(&batch.targets).map_err(Failure::device)?);
                }
                Answers::Numbers(targets)
            }
        };
        if outputs.iter().any(|output: &f64| !output.is_finite()) {
            // Comparisons with NaN are silently false, so no prediction or margin would be right.
            return Err(Failure::not_finite("the network's outputs are not finite"));
        }
        Ok(Self {
            losses,
            outputs,
            width,
            answers,
        })
    }

    /// The output margin of every sample, at each of its positions.
    ///
    /// # Errors
    ///
    /// Where numbers are to be predicted.
    pub fn margins(&self) -> Result<&[f64], Failure> {
        match &self.answers {
            Answers::Classes { margins, .. } => Ok(margins),
            Answers::Numbers(_) => Err(Failure::no_classes()),
        }
    }

    /// The numbers that were to be predicted, of the shape of the outputs; none where that are classes.
    pub fn targets(&self) -> Option<&[f64]> {
        match &self.answers {
            Answers::Classes { .. } => None,
            Answers::Numbers(targets) => Some(targets),
        }
    }

    /// Outputs in a row.
    pub fn width(&self) -> usize {
        self.width
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
    ///
    /// # Errors
    ///
    /// Where numbers are to be predicted.
    pub fn accuracy(&self, name: &str) -> Result<Measurement, Failure> {
        match &self.answers {
            Answers::Classes { right, .. } => Ok(share(name, right, right.len())),
            Answers::Numbers(_) => Err(Failure::no_classes()),
        }
    }

    /// The root of the mean, over samples and outputs, of the squared errors. Its error is that of the mean of the
    /// squares, to first order.
    ///
    /// # Errors
    ///
    /// Where classes are to be predicted.
    pub fn root_mean_square(&self, name: &str) -> Result<Measurement, Failure> {
        self.targets().ok_or_else(Failure::no_numbers)?;
        // The loss of a sample is half the sum of its squares.
        let scale = 2.0 / self.width as f64;
        let squares: Vec<f64> = self.losses.iter().map(|loss| scale * loss).collect();
        let value = mean(&squares).sqrt();
        let error = match value > 0.0 {
            true => stated_error(&squares) / (2.0 * value),
            false => 0.0,
        };
        Ok(Measurement::new(name, value)
            .over(self.losses.len())
            .with_stderr(error))
    }

    /// The coefficient of determination `1 − Σ(t − z)² / Σ(t − t̄)²` of each output, its mean over outputs. Its error
    /// is that of a ratio of means over the same independent samples, to first order.
    ///
    /// # Errors
    ///
    /// Where classes are to be predicted, or the targets of an output are all the same.
    pub fn determination(&self, name: &str) -> Result<Measurement, Failure> {
        let targets = self.targets().ok_or_else(Failure::no_numbers)?;
        let width = self.width.max(1);
        let samples = targets.len() / width;
        let mut influences = vec![0.0; samples];
        let mut value = 0.0;
        for output in 0..width {
            let own = |of: &[f64]| {
                of[output..]
                    .iter()
                    .step_by(width)
                    .copied()
                    .collect::<Vec<_>>()
            };
            let (wanted, found) = (own(targets), own(&self.outputs));
            let centre = mean(&wanted);
            let spread: Vec<f64> = wanted.iter().map(|t| (t - centre).powi(2)).collect();
            let squares = wanted.iter().zip(&found).map(|(t, z)| (t - z).powi(2));
            let squares: Vec<f64> = squares.collect();
            let (variance, left) = (mean(&spread), mean(&squares));
            if variance == 0.0 {
                return Err(Failure::not_defined(
                    "the targets of an output are the same for all samples",
                ));
            }
            value += (1.0 - left / variance) / width as f64;
            for ((influence, square), spread) in influences.iter_mut().zip(&squares).zip(&spread) {
                *influence += (left / variance * spread - square) / (variance * width as f64);
            }
        }
        Ok(Measurement::new(name, value)
            .over(samples)
            .with_stderr(stated_error(&influences)))
    }

    /// Test loss minus training loss; the standard errors of independent means add in squares.
    pub fn gap(name: &str, train: &Self, test: &Self) -> Measurement {
        let error = stated_error(&train.losses).hypot(stated_error(&test.losses));
        Measurement::new(name, test.mean_loss() - train.mean_loss())
            .over(test.losses.len())
            .with_stderr(error)
    }
}

/// Margins and what is right of the outputs for labels, of so many positions for each sample.
fn classified(
    loss: Loss,
    outputs: &[f64],
    width: usize,
    labels: &[u8],
    positions: usize,
) -> Answers {
    let rows = || outputs.chunks(width.max(1)).zip(labels);
    let margins = rows().map(|(outputs, &label)| loss.margin(outputs, label));
    let is_right = |(outputs, &label): (&[f64], &u8)| {
        f64::from(u8::from(loss.predicts(outputs) == usize::from(label)))
    };
    let (margins, is_right): (_, Vec<f64>) = (margins.collect(), rows().map(is_right).collect());
    Answers::Classes {
        margins,
        right: is_right.chunks(positions.max(1)).map(mean).collect(),
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
            outputs: Vec::new(),
            width: 1,
            answers: Answers::Classes {
                margins: Vec::new(),
                right: right.to_vec(),
            },
        }
    }

    #[test]
    fn loss_and_accuracy_carry_the_standard_error_of_a_mean() {
        let set = evaluated(&[1.0, 2.0, 3.0, 6.0], &[1.0, 0.0, 0.0, 1.0]);
        let loss = set.loss("loss.train");
        assert_eq!(loss.value, Some(3.0));
        assert_eq!(loss.stderr(), Some(stated_error(&[1.0, 2.0, 3.0, 6.0])));
        let accuracy = set.accuracy("accuracy.train").unwrap();
        assert_eq!(accuracy.value, Some(0.5));
        // Three of six with the two that are added.
        let expected = (0.25f64 / 5.0).sqrt() * coverage_factor(5.0);
        assert!((accuracy.stderr().unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn samples_that_are_all_right_leave_an_error() {
        let row = evaluated(&[], &[1.0; 500])
            .accuracy("accuracy.test")
            .unwrap();
        assert_eq!(row.value, Some(1.0));
        // One wrong of 502, whose skewness of √500 widens what a variance of 1/502 gives.
        let error = row.stderr().unwrap();
        assert!((0.002..0.004).contains(&error), "{error}");
    }

    #[test]
    fn accuracy_is_a_share_of_positions_whose_error_comes_from_whole_samples() {
        let row = evaluated(&[0.0; 2], &[0.75, 0.25])
            .accuracy("accuracy.test")
            .unwrap();
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

    /// Predictions of numbers, with their losses.
    fn predicted(targets: &[f64], outputs: &[f64], width: usize) -> Evaluated {
        let squares = targets.chunks(width).zip(outputs.chunks(width));
        let loss = |(t, z): (&[f64], &[f64])| {
            0.5 * t.iter().zip(z).map(|(t, z)| (t - z).powi(2)).sum::<f64>()
        };
        Evaluated {
            losses: squares.map(loss).collect(),
            outputs: outputs.to_vec(),
            width,
            answers: Answers::Numbers(targets.to_vec()),
        }
    }

    /// scikit-learn 1.9.1: `r2_score([3, -0.5, 2, 7], [2.5, 0.0, 2, 8])` and `root_mean_squared_error` of the same;
    /// of two outputs `r2_score([[0.5, 1], [-1, 1], [7, -6]], [[0, 2], [-1, 2], [8, -5]])`, the mean over outputs.
    #[test]
    fn regression_is_judged_as_by_scikit_learn() {
        let set = predicted(&[3.0, -0.5, 2.0, 7.0], &[2.5, 0.0, 2.0, 8.0], 1);
        let row = set.determination("r2.test").unwrap();
        assert!((row.value.unwrap() - 0.9486081370449679).abs() < 1e-15);
        let row = set.root_mean_square("rmse.test").unwrap();
        assert!((row.value.unwrap() - 0.6123724356957945).abs() < 1e-15);
        let targets = [0.5, 1.0, -1.0, 1.0, 7.0, -6.0];
        let set = predicted(&targets, &[0.0, 2.0, -1.0, 2.0, 8.0, -5.0], 2);
        let row = set.determination("r2.test").unwrap();
        assert!(
            (row.value.unwrap() - 0.9368005266622779).abs() < 1e-15,
            "{row:?}"
        );
        assert_eq!(row.samples, Some(3));
        // Five squared errors of 1, one of 0 and one of 1/4, of six: 4.25 / 6.
        let row = set.root_mean_square("rmse.test").unwrap();
        assert!((row.value.unwrap() - (4.25f64 / 6.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn classes_have_no_coefficient_of_determination_and_numbers_no_accuracy() {
        let set = evaluated(&[1.0], &[1.0]);
        let kind = |found: Result<Measurement, Failure>| found.unwrap_err().kind;
        let expected = crate::measure::FailureKind::NotDefined;
        assert_eq!(kind(set.determination("r2.test")), expected);
        assert_eq!(kind(set.root_mean_square("rmse.test")), expected);
        let set = predicted(&[1.0, 1.0], &[0.0, 2.0], 1);
        assert_eq!(kind(set.accuracy("accuracy.test")), expected);
        assert!(
            set.margins()
                .unwrap_err()
                .reason
                .contains("there are no classes")
        );
        // Targets that are all the same leave nothing to explain.
        assert_eq!(kind(set.determination("r2.test")), expected);
    }

    /// The stated errors are those of many draws of the samples.
    #[test]
    fn errors_of_regression_cover_what_other_samples_would_give() {
        use crate::random::Streams;
        use rand_distr::{Distribution, StandardNormal};
        let mut rng = Streams::new(5).stream("regression", 0);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let (mut found, mut stated) = ([Vec::new(), Vec::new()], [0.0; 2]);
        for _ in 0..400 {
            let targets: Vec<f64> = (0..200).map(|_| normal()).collect();
            let outputs: Vec<f64> = targets.iter().map(|t| 0.8 * t + 0.5 * normal()).collect();
            let set = predicted(&targets, &outputs, 1);
            let rows = [
                set.determination("").unwrap(),
                set.root_mean_square("").unwrap(),
            ];
            for (place, row) in rows.iter().enumerate() {
                found[place].push(row.value.unwrap());
                stated[place] += row.stderr().unwrap() / 400.0;
            }
        }
        for (found, stated) in found.iter().zip(stated) {
            let centre = mean(found);
            let squares: Vec<f64> = found.iter().map(|x| (x - centre).powi(2)).collect();
            let spread = mean(&squares).sqrt();
            assert!((stated / spread - 1.0).abs() < 0.15, "{stated} {spread}");
        }
    }
}
