//! Which loss, what it wants as targets, and what its outputs predict.

pub use crate::config::Loss;

use crate::dual::{self, Dual};
use crate::extremes::largest;
use burn::tensor::Tensor;

impl Loss {
    /// How many outputs the network needs for `classes` classes.
    pub fn outputs(self, classes: usize) -> usize {
        match self {
            Loss::Logistic | Loss::Exponential if classes == 2 => 1,
            _ => classes,
        }
    }

    /// The loss of every one of `samples` samples, `[samples, 1]`, on outputs and targets
    /// `[samples · positions, outputs]`: the mean over the sample's positions.
    pub fn per_sample(self, outputs: Dual<2>, targets: Tensor<2>, samples: usize) -> Dual<2> {
        let [rows, _] = outputs.dims();
        let losses = match self {
            Loss::CrossEntropy => dual::cross_entropy(outputs, targets),
            Loss::Square => dual::half_square(outputs, targets),
            Loss::Logistic => dual::logistic(outputs, targets),
            Loss::Exponential => dual::exponential(outputs, targets),
        };
        if rows == samples {
            return losses;
        }
        losses.reshape([samples, rows / samples]).mean_dim(1)
    }

    /// The row of targets of a label: one-hot, or signs.
    pub fn target(self, label: u8, classes: usize) -> impl Iterator<Item = f64> {
        let (off, outputs) = match self {
            Loss::CrossEntropy | Loss::Square => (0.0, classes),
            Loss::Logistic | Loss::Exponential => (-1.0, self.outputs(classes)),
        };
        // With one output, class 1 is the positive one.
        let first = classes - outputs;
        (first..classes).map(move |class| {
            if class == usize::from(label) {
                1.0
            } else {
                off
            }
        })
    }

    /// The class that one sample's outputs predict: the first of the largest, as `argmax` of
    /// PyTorch and NumPy has it, or for a single output whether it is positive.
    pub fn predicts(self, outputs: &[f64]) -> usize {
        if let [output] = outputs {
            return usize::from(*output > 0.0);
        }
        let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let is_largest = |output: &f64| *output == largest;
        outputs.iter().position(is_largest).unwrap_or_default()
    }

    /// The output margin of one sample: how far the label's output is above the largest other
    /// one (`z_y − max_{k≠y} z_k`), or `±z` for a single output. Positive where the prediction
    /// is right, 0 at a tie; NaN where any output is.
    pub fn margin(self, outputs: &[f64], label: u8) -> f64 {
        if let [output] = outputs {
            return if label == 1 { *output } else { -output };
        }
        let label = usize::from(label);
        let rival = outputs
            .iter()
            .enumerate()
            .filter(|&(class, _)| class != label)
            .map(|(_, &output)| output);
        outputs[label] - largest(rival)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_one_hot_or_signs() {
        let row = |loss: Loss, label, classes| loss.target(label, classes).collect::<Vec<_>>();
        assert_eq!(row(Loss::CrossEntropy, 1, 3), [0.0, 1.0, 0.0]);
        assert_eq!(row(Loss::Logistic, 2, 3), [-1.0, -1.0, 1.0]);
        assert_eq!(row(Loss::Exponential, 0, 2), [-1.0]);
        assert_eq!(row(Loss::Exponential, 1, 2), [1.0]);
    }

    #[test]
    fn the_first_of_equal_outputs_is_predicted() {
        assert_eq!(Loss::CrossEntropy.predicts(&[0.5, 3.0, 3.0]), 1);
        assert_eq!(Loss::CrossEntropy.predicts(&[0.0, 0.0]), 0);
        assert_eq!(Loss::Logistic.predicts(&[0.0]), 0);
        assert_eq!(Loss::Logistic.predicts(&[0.1]), 1);
    }

    #[test]
    fn margins_are_positive_where_the_prediction_is_right() {
        assert_eq!(Loss::CrossEntropy.margin(&[0.5, 3.0, 1.0], 1), 2.0);
        assert_eq!(Loss::CrossEntropy.margin(&[0.5, 3.0, 1.0], 2), -2.0);
        assert_eq!(Loss::Logistic.margin(&[-0.5], 0), 0.5);
        assert_eq!(Loss::Logistic.margin(&[-0.5], 1), -0.5);
        for place in 0..3 {
            let mut outputs = [0.5, 3.0, 1.0];
            outputs[place] = f64::NAN;
            assert!(Loss::CrossEntropy.margin(&outputs, 1).is_nan());
        }
    }
}
