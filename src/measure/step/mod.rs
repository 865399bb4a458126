//! What the last step of training did: how far the loss and the gradient are from what the point before it
//! said they would be, and where gradient and step point.
//!
//! All are about the loss over the samples that are measured, at the two ends of the step, whatever the
//! step was made of (a batch, a moving mean, a perturbed gradient).

mod alignment;
mod change;

#[cfg(test)]
mod tests;

use super::declaration::{Family, Measure, ProductLaw, RoundingLaw, Take};
use super::failure::Failure;
use super::session::Session;
use super::subject::LastStep;
use crate::curvature::Matrix;
use crate::reparam::MapKind;

pub(super) const FAMILY: Family = &[
    of_step(
        "step.length",
        "Euclidean length of the last step",
        |session, name| session.step_length(name),
    ),
    of_step(
        "step.descent_ratio",
        "fall of the training loss in the last step over the fall that its gradient promised; 1 - learning rate g'Hg / 2|g|^2 for gradient descent on a quadratic",
        |session, name| session.descent_ratio(name),
    )
    .of_whole()
    // Both ends of the step are mapped, and so is the step between them.
    .invariant(MapKind::ALL),
    of_step(
        "step.quadratic_error",
        "change of the training loss in the last step less that of its quadratic model before it, over the sizes of the model's two terms",
        |session, name| session.quadratic_error(name),
    )
    .of_whole()
    .costing_products()
    .multiplying(&[Matrix::Hessian])
    .invariant(MapKind::ALL),
    of_step(
        "step.gradient_predictiveness",
        "distance of the gradients of the training loss after and before the last step",
        |session, name| session.gradient_predictiveness(name),
    )
    .from("Santurkar et al. 2018, \"How does batch normalization help optimization?\", sec. 3.1"),
    of_step(
        "step.smoothness",
        "that distance over the length of the step, an effective curvature",
        |session, name| session.smoothness(name),
    )
    .from("Santurkar et al. 2018, sec. 3.1, effective beta-smoothness"),
    of_step(
        "step.gradient_cosine",
        "cosine of the gradients of the training loss after and before the last step",
        |session, name| session.cosine_of_successive(name),
    )
    .rounded(RoundingLaw::Cosine),
    of_step(
        "step.batch_cosine",
        "cosine of the gradient that the last step was given, of its batch, with that of the training loss before it",
        |session, name| session.cosine_of_batch(name),
    )
    .rounded(RoundingLaw::Cosine),
    of_step(
        "step.update_cosine",
        "cosine of the last step with the direction of steepest descent of the training loss before it",
        |session, name| session.cosine_of_update(name),
    )
    .rounded(RoundingLaw::Cosine),
    along_top(
        "step.gradient_alignment",
        "squared cosine of the gradient with the leading eigenvector of the Hessian",
        |session, name| session.gradient_in_top(name, 1),
    ),
    along_top(
        "step.gradient_energy",
        "share of the squared gradient in the space of the five leading eigenvectors of the Hessian",
        |session, name| session.gradient_in_top(name, 5),
    )
    .from("Gur-Ari, Roberts & Dyer 2018, \"Gradient descent happens in a tiny subspace\""),
    along_top(
        "step.update_alignment",
        "squared cosine of the last step with the leading eigenvector of the Hessian",
        |session, name| session.update_in_top(name, 1),
    )
    .of_last_step(),
    along_top(
        "step.update_energy",
        "share of the squared length of the last step in the space of the five leading eigenvectors of the Hessian",
        |session, name| session.update_in_top(name, 5),
    )
    .of_last_step()
    .from("Gur-Ari, Roberts & Dyer 2018"),
];

const fn of_step(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .passes()
        .of_block()
        .of_last_step()
}

const fn along_top(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_block()
        .multiplying(&[Matrix::Hessian])
        .rounded(RoundingLaw::Product(ProductLaw {
            gradients: 2,
            ..ProductLaw::PLAIN
        }))
}

impl<'a> Session<'a> {
    fn last_step(&self) -> Result<LastStep<'a>, Failure> {
        self.subject.last_step.ok_or_else(|| {
            Failure::not_known(
                "there is no last step: it is known while training only, by a hook, after the first step",
            )
        })
    }
}
