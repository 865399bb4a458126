//! The objective: a network and a loss, and what can be computed of their mean over samples.

mod at_point;
mod batch;
mod inputs;
mod loss;
mod parts;
mod per_sample;
mod reference;
mod sample_gradients;
mod subset;

#[cfg(test)]
pub(crate) mod tests;

pub use at_point::AtPoint;
pub use batch::{Batch, Chunks};
pub use loss::Loss;
pub use per_sample::Outputs;

use crate::backend::Compute;
use crate::dual::Dual;
use crate::model::{Conditions, Dropout, Network, NormMode, Pass};
use crate::params::{DualParameters, Parameters};
use burn::tensor::Tensor;
use parts::{Part, joined, summed};
use std::sync::Arc;

/// A network, the loss on its outputs, and the backend that computes them.
///
/// It is a function of the parameters alone: what else outputs depend on, running statistics and
/// the masks of dropout, is part of it ([`Conditions`]) and does not move.
#[derive(Clone)]
pub struct Objective {
    network: Arc<dyn Network>,
    loss: Loss,
    compute: Compute,
    conditions: Conditions,
}

/// What one mini-batch gives a training step.
pub struct TrainingGradient {
    /// The weighted loss, one element.
    pub loss: Tensor<1>,
    /// Its gradient.
    pub gradient: Parameters,
    /// The running statistics after this batch.
    pub statistics: Parameters,
}

/// Per-sample losses and outputs of one batch.
pub struct Evaluation {
    /// `[batch, 1]`.
    pub losses: Tensor<2>,
    /// `[batch · positions, outputs]`.
    pub outputs: Tensor<2>,
}

impl Objective {
    /// Joins a network and a loss; no batch has been seen, and dropout is off.
    pub fn new(network: Arc<dyn Network>, loss: Loss, compute: Compute) -> Self {
        let blueprint = network.blueprint();
        let statistics = Parameters::from_host(
            blueprint.statistics(),
            blueprint.initial_statistics(),
            &compute,
        );
        Self {
            network,
            loss,
            compute,
            conditions: Conditions {
                statistics,
                norm_mode: NormMode::Eval,
                dropout: Dropout::Off,
            },
        }
    }

    /// The same objective under other conditions.
    pub fn under(&self, conditions: Conditions) -> Self {
        Self {
            conditions,
            ..self.clone()
        }
    }

    /// What outputs depend on besides parameters and inputs.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// How normalisation layers behave, if the network has any whose behaviour can change.
    pub fn norm_mode(&self) -> Option<NormMode> {
        let applies = self.network.has_statistics();
        applies.then_some(self.conditions.norm_mode)
    }

    /// Whether the loss of a sample depends on that sample alone, so that it has a gradient of
    /// its own. It does not where a batch is normalised by its own statistics.
    pub fn samples_are_independent(&self) -> bool {
        self.norm_mode() != Some(NormMode::Batch)
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
        let (losses, outputs) = self
            .over_parts(batch, |part| {
                let pass = self.pass(DualParameters::plain(parameters), part);
                let (losses, outputs) = self.forward(pass, part);
                (losses.value, outputs.value)
            })
            .into_iter()
            .unzip();
        Evaluation {
            losses: joined(losses),
            outputs: joined(outputs),
        }
    }

    /// The same objective by running statistics that are estimated anew at these parameters: the means, over the
    /// samples of some batches, of the means and variances that each batch has by itself (as PyTorch's
    /// `torch.optim.swa_utils.update_bn` estimates them, which weighs batches alike). The batches should be as large
    /// as those of training, whose variances the network knows. A network without running statistics is what it was.
    pub fn with_statistics_at(&self, parameters: &Parameters, data: &Chunks) -> Self {
        let mut conditions = Conditions {
            norm_mode: NormMode::Batch,
            ..self.conditions.clone()
        };
        let mut seen = 0;
        for batch in data
            .batches()
            .iter()
            .filter(|_| self.network.has_statistics())
        {
            seen += batch.samples();
            let weight = batch.samples() as f64 / seen as f64;
            let plain = DualParameters::plain(parameters);
            let mut pass = Pass::new(plain, &conditions, &self.compute, false);
            self.network.forward(&mut pass, batch.inputs.clone());
            conditions.statistics = pass.into_averages(weight);
        }
        self.under(Conditions {
            norm_mode: self.conditions.norm_mode,
            ..conditions
        })
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
        let step = self.training_gradient(parameters, batch, weight);
        (step.loss, step.gradient)
    }

    /// As [`Objective::loss_and_gradient`], with what the normalisation layers saw of the batch.
    pub fn training_gradient(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        weight: f64,
    ) -> TrainingGradient {
        let terms = self.over_parts(batch, |part| {
            let tracked = parameters.tracked();
            let mut pass = self.tracked_pass(DualParameters::plain(&tracked), part);
            let losses = self.tracked_losses(&mut pass, part);
            let loss = losses.value.sum().mul_scalar(weight);
            TrainingGradient {
                gradient: gradient_of(&loss, &tracked),
                loss: loss.without_autodiff(),
                statistics: pass.into_statistics(),
            }
        });
        summed(terms, |sum, term| TrainingGradient {
            loss: sum.loss + term.loss,
            gradient: sum.gradient + term.gradient,
            // Only a batch that stays whole moves them.
            statistics: sum.statistics,
        })
    }

    /// `∇ Σᵢₖ cᵢₖ zᵢₖ` in the parameters, over the outputs `z` of a batch, with coefficients `c` of
    /// their shape `[batch · positions, outputs]`.
    pub fn gradient_of_outputs(
        &self,
        parameters: &Parameters,
        batch: &Batch,
        coefficients: Tensor<2>,
    ) -> Parameters {
        // In the place of the targets, so that each part gets those of its own samples.
        let batch = Batch {
            inputs: batch.inputs.clone(),
            targets: coefficients,
        };
        self.sum_over_parts(&batch, |part| {
            let tracked = parameters.tracked();
            let mut pass = self.tracked_pass(DualParameters::plain(&tracked), part);
            let Batch { inputs, targets } = part.batch.clone();
            let outputs = self.network.forward(&mut pass, inputs.autodiff());
            gradient_of(&(outputs.value * targets.autodiff()).sum(), &tracked)
        })
    }

    /// The batch at these parameters, as the operators it stands for.
    pub fn at<'a>(&'a self, parameters: &'a Parameters, batch: &'a Batch) -> AtPoint<'a> {
        AtPoint::new(self, parameters, batch)
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
        let targets = batch.targets.clone().autodiff();
        let losses = self.loss.per_sample(dual, targets, batch.samples());
        let zeros = || leaf.clone().without_autodiff().zeros_like();
        match losses.tangent {
            Some(slope) if slope.is_tracked() => {
                let mut gradients = slope.sum().backward();
                leaf.grad_remove(&mut gradients).unwrap_or_else(zeros)
            }
            _ => zeros(),
        }
    }

    fn pass<'a>(&'a self, parameters: DualParameters<'a>, part: &Part) -> Pass<'a> {
        Pass::new(parameters, &self.conditions, &self.compute, false).from_sample(part.first)
    }

    /// A pass in a reverse-mode graph.
    fn tracked_pass<'a>(&'a self, parameters: DualParameters<'a>, part: &Part) -> Pass<'a> {
        Pass::new(parameters, &self.conditions, &self.compute, true).from_sample(part.first)
    }

    /// The losses of samples in a reverse-mode graph.
    fn tracked_losses(&self, pass: &mut Pass<'_>, part: &Part) -> Dual<2> {
        let Batch { inputs, targets } = part.batch.clone();
        let outputs = self.network.forward(pass, inputs.autodiff());
        self.loss
            .per_sample(outputs, targets.autodiff(), part.batch.samples())
    }

    /// Losses and outputs of samples, without a graph.
    fn forward(&self, mut pass: Pass<'_>, part: &Part) -> (Dual<2>, Dual<2>) {
        let Batch { inputs, targets } = part.batch.clone();
        let outputs = self.network.forward(&mut pass, inputs);
        let losses = self
            .loss
            .per_sample(outputs.clone(), targets, part.batch.samples());
        (losses, outputs)
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
