//! The objective: a network and a loss, and what can be computed of their mean over samples.

mod batch;
mod loss;

#[cfg(test)]
pub(crate) mod tests;

pub use batch::{Batch, Chunks};
pub use loss::Loss;

use crate::backend::Compute;
use crate::dual::Dual;
use crate::model::Network;
use crate::params::{DualParameters, Parameters};
use burn::tensor::Tensor;

/// A network, the loss on its outputs, and the backend that computes them.
pub struct Objective {
    network: Box<dyn Network>,
    loss: Loss,
    compute: Compute,
}

/// Per-sample losses and outputs of one batch.
pub struct Evaluation {
    /// `[batch, 1]`.
    pub losses: Tensor<2>,
    /// `[batch, outputs]`.
    pub outputs: Tensor<2>,
}

impl Objective {
    /// Joins a network and a loss.
    pub fn new(network: Box<dyn Network>, loss: Loss, compute: Compute) -> Self {
        Self {
            network,
            loss,
            compute,
        }
    }

    /// The network.
    pub fn network(&self) -> &dyn Network {
        self.network.as_ref()
    }

    /// The loss on the network's outputs.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The backend all tensors of this objective live on.
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// The losses and outputs of a batch, without any derivative.
    pub fn evaluate(&self, parameters: &Parameters, batch: &Batch) -> Evaluation {
        let (losses, outputs) = self.forward(
            DualParameters::plain(parameters),
            batch.inputs.clone(),
            batch.targets.clone(),
        );
        Evaluation {
            losses: losses.value,
            outputs: outputs.value,
        }
    }

    /// `weight · Σᵢ ℓᵢ` over the batch, and its gradient.
    ///
    /// With `weight = 1 / batch` this is the mini-batch loss; with `1 / n`, a chunk's share of the
    /// mean over `n` samples.
    pub fn loss_and_gradient(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        weight: f64,
    ) -> (Tensor<1>, Parameters) {
        let tracked = parameters.tracked();
        let losses = self.tracked_losses(DualParameters::plain(&tracked), batch);
        let loss = losses.value.sum().mul_scalar(weight);
        let gradient = gradient_of(&loss, &tracked);
        (loss.without_autodiff(), gradient)
    }

    /// `weight · Σᵢ ∇²ℓᵢ(θ) v` over the batch, exactly, by reverse over forward: the reverse pass
    /// differentiates the directional derivative `∇L·v` that the dual forward pass yields.
    pub fn hessian_vector_product(
        &self,
        parameters: &Parameters,
        direction: &Parameters,
        batch: &Batch,
        weight: f64,
    ) -> Parameters {
        let tracked = parameters.tracked();
        let direction = direction.untracked();
        let losses = self.tracked_losses(DualParameters::along(&tracked, &direction), batch);
        match losses.tangent {
            Some(slopes) => gradient_of(&slopes.sum().mul_scalar(weight), &tracked),
            None => zeros_like(parameters),
        }
    }

    /// The directional derivatives `gᵢ·v` of the samples' losses, `[batch, 1]`, by one forward
    /// pass; no per-sample gradient is formed.
    pub fn loss_slopes(
        &self,
        parameters: &Parameters,
        direction: &Parameters,
        batch: &Batch,
    ) -> Tensor<2> {
        let (losses, _) = self.forward(
            DualParameters::along(parameters, direction),
            batch.inputs.clone(),
            batch.targets.clone(),
        );
        losses.tangent.unwrap_or_else(|| losses.value.zeros_like())
    }

    /// `Σᵢ wᵢ ∇ℓᵢ` over the batch for weights `[batch, 1]`.
    pub fn weighted_gradient(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        weights: Tensor<2>,
    ) -> Parameters {
        let tracked = parameters.tracked();
        let losses = self.tracked_losses(DualParameters::plain(&tracked), batch);
        gradient_of(&(losses.value * weights.autodiff()).sum(), &tracked)
    }

    /// `weight · Σᵢ Jᵢᵀ Hᵢ Jᵢ v` over the batch, with `Jᵢ` the Jacobian of the outputs and `Hᵢ` the
    /// Hessian of the loss in the outputs (Schraudolph, "Fast curvature matrix-vector products for
    /// second-order gradient descent", Neural Computation 14(7), 2002).
    pub fn gauss_newton_product(
        &self,
        parameters: &Parameters,
        direction: &Parameters,
        batch: &Batch,
        weight: f64,
    ) -> Parameters {
        let along = DualParameters::along(parameters, direction);
        let outputs = self.network.forward(&along, batch.inputs.clone());
        let Some(slopes) = outputs.tangent else {
            return zeros_like(parameters);
        };
        let curved = self.loss_curvature_product(outputs.value, slopes, batch);
        let tracked = parameters.tracked();
        let outputs = self.network.forward(
            &DualParameters::plain(&tracked),
            batch.inputs.clone().autodiff(),
        );
        let scalar = (outputs.value * curved.autodiff()).sum().mul_scalar(weight);
        gradient_of(&scalar, &tracked)
    }

    /// `Hᵢ żᵢ` for every sample, `Hᵢ` being the Hessian of the loss in the outputs.
    fn loss_curvature_product(
        &self,
        outputs: Tensor<2>,
        slopes: Tensor<2>,
        batch: &Batch,
    ) -> Tensor<2> {
        let leaf = outputs.autodiff().require_grad();
        let dual = Dual::new(leaf.clone(), Some(slopes.autodiff()));
        let losses = self.loss.per_sample(dual, batch.targets.clone().autodiff());
        let zeros = || leaf.clone().without_autodiff().zeros_like();
        match losses.tangent {
            Some(slope) if slope.is_tracked() => {
                let mut gradients = slope.sum().backward();
                leaf.grad_remove(&mut gradients).unwrap_or_else(zeros)
            }
            _ => zeros(),
        }
    }

    /// The losses of a batch in a reverse-mode graph.
    fn tracked_losses(&self, parameters: DualParameters<'_>, batch: &Batch) -> Dual<2> {
        let (inputs, targets) = (batch.inputs.clone(), batch.targets.clone());
        self.forward(parameters, inputs.autodiff(), targets.autodiff())
            .0
    }

    fn forward(
        &self,
        parameters: DualParameters<'_>,
        inputs: Tensor<2>,
        targets: Tensor<2>,
    ) -> (Dual<2>, Dual<2>) {
        let outputs = self.network.forward(&parameters, inputs);
        (self.loss.per_sample(outputs.clone(), targets), outputs)
    }
}

/// The gradient of a tracked scalar with respect to tracked parameters; blocks it does not depend
/// on have gradient zero.
fn gradient_of(scalar: &Tensor<1>, parameters: &Parameters) -> Parameters {
    if !scalar.is_tracked() {
        return zeros_like(parameters);
    }
    let mut gradients = scalar.backward();
    let tensors = parameters
        .tensors()
        .iter()
        .map(|tensor| {
            tensor
                .grad_remove(&mut gradients)
                .unwrap_or_else(|| tensor.clone().without_autodiff().zeros_like())
        })
        .collect();
    Parameters::from_tensors(parameters.layout(), tensors)
}

fn zeros_like(parameters: &Parameters) -> Parameters {
    let tensors = parameters
        .tensors()
        .iter()
        .map(|tensor| tensor.clone().without_autodiff().zeros_like())
        .collect();
    Parameters::from_tensors(parameters.layout(), tensors)
}
