//! The operators that a batch stands for at fixed parameters: its Hessian, its Gauss-Newton matrix, and
//! the gradients of its samples as a matrix.

use super::parts::{Part, joined};
use super::{Batch, Objective, gradient_of, zeros_like};
use crate::model::{Allowance, KnownProducts};
use crate::params::{DualParameters, Parameters};
use burn::tensor::Tensor;

/// A batch and the parameters at which it is looked at.
pub struct AtPoint<'a> {
    objective: &'a Objective,
    parameters: &'a Parameters,
    batch: &'a Batch,
    /// One for every part, or none where nothing is kept.
    known: Vec<KnownProducts>,
}

impl<'a> AtPoint<'a> {
    pub(super) fn new(
        objective: &'a Objective,
        parameters: &'a Parameters,
        batch: &'a Batch,
    ) -> Self {
        Self {
            objective,
            parameters,
            batch,
            known: Vec::new(),
        }
    }

    /// For many products: keeps what they have in common, as far as the allowance reaches. Results are
    /// the same, bit by bit.
    pub fn remembering(self, allowance: &Allowance) -> Self {
        let parts = self.objective.count_of_parts(self.batch.samples());
        let maps = self.objective.network.linear_maps().len();
        let known = |_| KnownProducts::new(maps, allowance.clone());
        Self {
            known: (0..parts).map(known).collect(),
            ..self
        }
    }

    /// `weight · Σᵢ ∇²ℓᵢ(θ) v` over the batch, exactly, by reverse over forward: the reverse pass
    /// differentiates the directional derivative `∇L·v` that the dual forward pass yields.
    pub fn hessian_vector_product(&self, direction: &Parameters, weight: f64) -> Parameters {
        let parameters = self.parameters;
        self.objective.sum_over_parts(self.batch, |part| {
            let tracked = parameters.tracked();
            let direction = direction.untracked();
            let along = DualParameters::along(&tracked, &direction);
            let pass = self.objective.tracked_pass(along, part);
            let mut pass = pass.knowing(self.known(part));
            let losses = self.objective.tracked_losses(&mut pass, part);
            match losses.tangent {
                Some(slopes) => gradient_of(&slopes.sum().mul_scalar(weight), &tracked),
                None => zeros_like(parameters),
            }
        })
    }

    /// The directional derivatives `gᵢ·v` of the samples' losses, `[batch, 1]`, by one forward
    /// pass; no per-sample gradient is formed.
    pub fn loss_slopes(&self, direction: &Parameters) -> Tensor<2> {
        joined(self.objective.over_parts(self.batch, |part| {
            let along = DualParameters::along(self.parameters, direction);
            let pass = self.objective.pass(along, part).knowing(self.known(part));
            let (losses, _) = self.objective.forward(pass, part);
            losses.tangent.unwrap_or_else(|| losses.value.zeros_like())
        }))
    }

    /// `Σᵢ wᵢ ∇ℓᵢ` over the batch for weights `[batch, 1]`.
    pub fn weighted_gradient(&self, weights: Tensor<2>) -> Parameters {
        let parameters = self.parameters;
        self.objective.sum_over_parts(self.batch, |part| {
            let tracked = parameters.tracked();
            let plain = DualParameters::plain(&tracked);
            let mut pass = self.objective.tracked_pass(plain, part);
            let losses = self.objective.tracked_losses(&mut pass, part);
            let weights = part.rows_of(&weights).autodiff();
            gradient_of(&(losses.value * weights).sum(), &tracked)
        })
    }

    /// `weight · Σᵢ Jᵢᵀ Hᵢ Jᵢ v` over the batch, with `Jᵢ` the Jacobian of the outputs and `Hᵢ` the
    /// Hessian of the loss in the outputs (Schraudolph, "Fast curvature matrix-vector products for
    /// second-order gradient descent", Neural Computation 14(7), 2002).
    pub fn gauss_newton_product(&self, direction: &Parameters, weight: f64) -> Parameters {
        let parameters = self.parameters;
        self.objective.sum_over_parts(self.batch, |part| {
            let inputs = &part.batch.inputs;
            let along = DualParameters::along(parameters, direction);
            let mut along = self.objective.pass(along, part).knowing(self.known(part));
            let outputs = self.objective.network.forward(&mut along, inputs.clone());
            let Some(slopes) = outputs.tangent else {
                return zeros_like(parameters);
            };
            let curved = self
                .objective
                .loss_curvature_product(outputs.value, slopes, &part.batch);
            let tracked = parameters.tracked();
            let plain = DualParameters::plain(&tracked);
            let mut plain = self.objective.tracked_pass(plain, part);
            let outputs = self
                .objective
                .network
                .forward(&mut plain, inputs.clone().autodiff());
            let scalar = (outputs.value * curved.autodiff()).sum().mul_scalar(weight);
            gradient_of(&scalar, &tracked)
        })
    }

    /// What earlier passes with a direction have left for a part; those without one may round
    /// otherwise, because a layer can have a kernel of its own for them.
    fn known(&self, part: &Part) -> Option<&KnownProducts> {
        self.known.get(part.index)
    }
}

impl AsRef<Batch> for AtPoint<'_> {
    fn as_ref(&self) -> &Batch {
        self.batch
    }
}
