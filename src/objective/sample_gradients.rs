//! Sizes of the gradients of single samples, and roots of the loss's curvature in the outputs.

use super::{Batch, Objective};
use crate::backend::BackendKind;
use crate::params::Parameters;
use crate::workers;
use burn::tensor::Tensor;

impl Objective {
    /// `Σᵢ ‖∇ℓᵢ − m‖²` over the samples of a batch, a tensor of one number; the mean is taken off before
    /// squares are formed. It takes a pass for every sample: as much arithmetic as one gradient of the batch.
    ///
    /// Where samples depend on each other ([`Objective::samples_are_independent`]) it is of no use.
    pub fn squared_deviations(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        mean: &Parameters,
    ) -> Tensor<1> {
        self.sum_over_samples(batch, |sample, _| {
            let (_, gradient) = self.loss_and_gradient(parameters, sample, 1.0);
            (gradient - mean.clone()).squared_norm()
        })
    }

    /// `Σᵢ ‖Jᵢᵀ cᵢ‖²` over the samples of a batch for coefficients `c` of its outputs' shape, a tensor of one
    /// number.
    pub fn squared_output_gradients(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        coefficients: &Tensor<2>,
    ) -> Tensor<1> {
        let rows = batch.positions();
        self.sum_over_samples(batch, |sample, index| {
            let own = coefficients.clone().narrow(0, index * rows, rows);
            self.gradient_of_outputs(parameters, sample, own)
                .squared_norm()
        })
    }

    /// `√Hᵢ vᵢ` for every sample, a matrix with `√Hᵢ √Hᵢᵀ = Hᵢ` being a root of the Hessian of the loss in
    /// the outputs; outputs and vectors are `[batch · positions, outputs]`.
    pub fn curvature_root_product(
        &self,
        outputs: Tensor<2>,
        batch: &Batch,
        vectors: Tensor<2>,
    ) -> Tensor<2> {
        let targets = batch.targets.clone();
        let roots = self.loss.curvature_root(outputs, targets, vectors);
        // The loss of a sample is a mean over its positions.
        roots.div_scalar((batch.positions() as f64).sqrt())
    }

    /// The sum of what `term` makes of every sample and its place, on all cores of a processor.
    fn sum_over_samples(
        &self,
        batch: &Batch,
        term: impl Fn(&Batch, usize) -> Tensor<1> + Sync,
    ) -> Tensor<1> {
        let of_sample = |index: usize| term(&batch.sample(index), index);
        let terms = match self.compute.kind {
            BackendKind::Cpu | BackendKind::NdArray => workers::map(batch.samples(), of_sample),
            BackendKind::Wgpu => (0..batch.samples()).map(of_sample).collect(),
        };
        Tensor::cat(terms, 0).sum()
    }
}
