//! The losses of single samples, on outputs as they are or normalised, with the gradient of their sum.

use super::parts::{joined, summed};
use super::{Batch, Objective, gradient_of};
use crate::dual::Dual;
use crate::params::{DualParameters, Parameters};
use burn::tensor::Tensor;
use std::ops::Add;

/// What the loss sees of a network's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// The outputs themselves.
    Raw,
    /// The outputs of each sample, or of each of its positions, centred and divided by their Euclidean norm (Andriushchenko et
    /// al. 2023, "A modern look at the relationship between sharpness and generalization", sec. 3:
    /// a loss can then not be made flat by making the outputs large).
    Normalised,
}

/// The smallest norm outputs are divided by, so that equal outputs stay finite.
const SMALLEST_NORM: f64 = 1e-10;

impl Outputs {
    fn of(self, outputs: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Raw => outputs,
            Self::Normalised => {
                let centred = outputs.clone() - outputs.mean_dim(1);
                let square = (centred.clone() * centred.clone()).sum_dim(1);
                // Bounded before the root, whose slope at 0 is infinite.
                centred / square.clamp_min(SMALLEST_NORM * SMALLEST_NORM).sqrt()
            }
        }
    }
}

impl Objective {
    /// The loss of every sample of a batch, `[batch, 1]`.
    pub fn losses(&self, parameters: &Parameters, batch: &Batch, outputs: Outputs) -> Tensor<2> {
        let evaluation = self.evaluate(parameters, batch);
        match outputs {
            Outputs::Raw => evaluation.losses,
            Outputs::Normalised => {
                let normalised = Dual::constant(outputs.of(evaluation.outputs));
                self.loss
                    .per_sample(normalised, batch.targets.clone(), batch.samples())
                    .value
            }
        }
    }

    /// The loss of every sample, `[batch, 1]`, and the gradient of `weight` times their sum.
    ///
    /// The losses come back one by one so that their mean can be taken in f64, where it resolves
    /// smaller changes than the device's own sum.
    pub fn losses_and_gradient(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        weight: f64,
        outputs: Outputs,
    ) -> (Tensor<2>, Parameters) {
        let terms = self.over_parts(batch, |part| {
            let tracked = parameters.tracked();
            let mut pass = self.tracked_pass(DualParameters::plain(&tracked), part);
            let Batch { inputs, targets } = part.batch.clone();
            let raw = self.network.forward(&mut pass, inputs.autodiff());
            let seen = Dual::constant(outputs.of(raw.value));
            let samples = part.batch.samples();
            let losses = self
                .loss
                .per_sample(seen, targets.autodiff(), samples)
                .value;
            let total = losses.clone().sum().mul_scalar(weight);
            (losses.without_autodiff(), gradient_of(&total, &tracked))
        });
        let (losses, gradients): (Vec<_>, Vec<_>) = terms.into_iter().unzip();
        (joined(losses), summed(gradients, Add::add))
    }
}
