//! Descent on the loss and its squared gradient.

use super::step_loss::StepLoss;
use super::{GradientOracle, Position};
use crate::objective::TrainingGradient;

/// The gradient of `L + ½μ‖∇L‖²`, which is `g + μHg`: exact, by one product with the Hessian of the same
/// samples (Barrett & Dherin 2021, "Implicit gradient regularization", sec. 4, explicit regularisation).
///
/// The loss it tells is `L`.
pub(super) struct GradientPenalty<'a> {
    loss: StepLoss<'a>,
    strength: f64,
}

impl<'a> GradientPenalty<'a> {
    pub fn new(loss: StepLoss<'a>, strength: f64) -> Self {
        Self { loss, strength }
    }
}

impl GradientOracle for GradientPenalty<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let terms = self.loss.terms(at.step);
        let found = self.loss.gradient_of(at, &terms);
        let product = self.loss.hessian_product(at, &terms, &found.gradient);
        TrainingGradient {
            gradient: found.gradient.plus_scaled(self.strength, product),
            ..found
        }
    }
}
