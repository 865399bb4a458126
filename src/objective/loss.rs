//! Which loss, what it wants as targets, and what its outputs predict.

use crate::data::Dataset;
use crate::dual::{self, Dual};
use crate::extremes::largest;
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, softmax};

words! {
    /// The loss that is minimised (`train.loss`).
    Loss {
        /// Cross-entropy in nats; the default.
        #[default]
        CrossEntropy = "cross_entropy",
        /// ½ · mean over samples of the sum over outputs of the squared error.
        Square = "square",
        /// The logistic loss.
        Logistic = "logistic",
        /// The exponential loss.
        Exponential = "exponential",
    }
}

impl Loss {
    /// How many outputs the network needs for `classes` classes.
    pub fn outputs(self, classes: usize) -> usize {
        match self {
            Loss::Logistic | Loss::Exponential if classes == 2 => 1,
            _ => classes,
        }
    }

    /// How many outputs the network needs for a data set: one for each number that is to be predicted, or those
    /// for its classes.
    pub fn outputs_for(self, dataset: &Dataset) -> usize {
        let numbers = dataset.outputs();
        numbers.unwrap_or_else(|| self.outputs(dataset.classes()))
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

    /// `√H v` for rows `v` of the outputs' shape, with a matrix `√H √Hᵀ = H` for the Hessian `H` of the loss
    /// of each row in its outputs. That of cross-entropy, `diag(p) − ppᵀ`, has the root `(I − p1ᵀ) diag(√p)`,
    /// since `p` sums to 1; the others are diagonal.
    pub fn curvature_root(
        self,
        outputs: Tensor<2>,
        targets: Tensor<2>,
        vectors: Tensor<2>,
    ) -> Tensor<2> {
        match self {
            Loss::CrossEntropy => {
                let probabilities = softmax(outputs, 1);
                let weighed = probabilities.clone().sqrt() * vectors;
                weighed.clone() - probabilities * weighed.sum_dim(1)
            }
            Loss::Square => vectors,
            // σ(z) σ(−z), and t² = 1.
            Loss::Logistic => {
                let slope = sigmoid(outputs.clone()) * sigmoid(outputs.neg());
                slope.sqrt() * vectors
            }
            Loss::Exponential => (outputs * targets).mul_scalar(-0.5).exp() * vectors,
        }
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

    /// How far outputs have moved, as far as the loss is concerned: the norm for which
    /// [`Loss::largest_change`] holds. What is added to all outputs alike moves no cross-entropy.
    pub fn size_of_move(self, moves: impl Iterator<Item = f64> + Clone) -> f64 {
        match self {
            Loss::CrossEntropy => largest(moves.clone()) + largest(moves.map(|x| -x)),
            Loss::Square => moves.map(|x| x * x).sum::<f64>().sqrt(),
            Loss::Logistic | Loss::Exponential => largest(moves.map(f64::abs)),
        }
    }

    /// The most by which a loss can change when its outputs move by so much.
    ///
    /// With `d` the size of the move: where differences of outputs change by `d` at most, the
    /// cross-entropy `log(1 + S)` changes by at most `log(1 + q (e^d − 1)) ≤ q (e^d − 1)` with
    /// `q = S / (1 + S) = 1 − e^−ℓ`, and by no more than `d`; half a square by
    /// `√(2ℓ) d + d² / 2`; terms of the logistic and the exponential loss by at most `e^d − 1` times
    /// themselves. All of these are concave in `ℓ`, so they hold for means of losses too.
    pub fn largest_change(self, loss: f64, move_of_outputs: f64) -> f64 {
        let growth = move_of_outputs.exp_m1();
        match self {
            Loss::CrossEntropy => (-(-loss).exp_m1() * growth).min(move_of_outputs),
            Loss::Square => ((2.0 * loss).sqrt() + 0.5 * move_of_outputs) * move_of_outputs,
            Loss::Logistic | Loss::Exponential => loss * growth,
        }
    }

    /// The smallest move of outputs that explains a change of a loss: [`Loss::largest_change`] backwards.
    pub fn smallest_move(self, loss: f64, change: f64) -> f64 {
        match self {
            Loss::CrossEntropy => (change / -(-loss).exp_m1()).ln_1p(),
            Loss::Square => (2.0 * (loss + change)).sqrt() - (2.0 * loss).sqrt(),
            Loss::Logistic | Loss::Exponential => (change / loss).ln_1p(),
        }
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

    #[test]
    fn no_move_of_the_outputs_changes_a_loss_by_more_than_its_bound() {
        use crate::backend::{Compute, Precision, read};
        use crate::random::Streams;
        use rand::RngExt;
        let compute = Compute::cpu(Precision::F64);
        let mut rng = Streams::new(0).stream("moves", 0);
        for round in 0..400 {
            let scale = [0.1, 1.0, 10.0, 30.0][round % 4];
            let size = [1e-6, 1e-3, 0.3, 3.0][round / 4 % 4];
            let outputs: [f64; 3] = std::array::from_fn(|_| scale * rng.random_range(-1.0..1.0));
            let moves: [f64; 3] = std::array::from_fn(|_| size * rng.random_range(-1.0..1.0));
            for loss in [
                Loss::CrossEntropy,
                Loss::Square,
                Loss::Logistic,
                Loss::Exponential,
            ] {
                let targets: Vec<f64> = loss.target(1, 3).collect();
                let at = |outputs: &[f64]| {
                    let outputs = Dual::constant(compute.tensor(outputs, [1, 3]));
                    let losses = loss.per_sample(outputs, compute.tensor(&targets, [1, 3]), 1);
                    read(&losses.value).unwrap()[0]
                };
                let before = at(&outputs);
                let after = at(&std::array::from_fn::<f64, 3, _>(|k| outputs[k] + moves[k]));
                let size = loss.size_of_move(moves.iter().copied());
                let bound = loss.largest_change(before, size) + 1e-12 * before;
                assert!(
                    (after - before).abs() <= bound,
                    "{loss}: {before} {after} {bound}"
                );
                let change = loss.largest_change(before, size);
                if change < size {
                    let back = loss.smallest_move(before, change);
                    assert!((back / size - 1.0).abs() < 1e-6, "{loss}: {back} {size}");
                }
            }
        }
    }
}
