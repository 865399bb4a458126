//! Update rules over whole parameter vectors, and learning-rate schedules.
//!
//! The rules are written out here because their constants must have the precision of the run: `1 − β₂`
//! in f32 is off by 1e-5, which in an f64 run is the error of every step.

mod adagrad;
mod adam;
mod decay;
mod descent;
mod normalised;
mod perturbed;
mod reach;
mod rmsprop;
mod schedule;
mod sign;

pub use reach::{Reach, is_part_of};
pub use schedule::Schedule;

use crate::backend::Compute;
use crate::config::{
    Config, LabelNoise, MeanSquare, Method, Moments, Momentum, Optimizer, SignMomentum,
};
use crate::measure::StepRule;
use crate::params::{Layout, Parameters, SavedState};
use crate::random::Streams;
use adagrad::{Adagrad, AdagradNorm};
use adam::Adam;
use burn::tensor::Tensor;
use decay::Decay;
use descent::Descent;
use normalised::{LossNormalised, Normalised};
use perturbed::Perturbed;
use rmsprop::RmsProp;
use sign::Sign;
use std::sync::Arc;

/// A fresh update rule for parameters of a layout on a device; what it draws comes from these streams.
///
/// Weight decay is an L2 penalty added to the gradient (and to the loss, where the rule uses that), except in
/// AdamW, where it is decoupled (Loshchilov & Hutter 2019, algorithm 2).
pub fn init(
    config: &Optimizer,
    layout: &Layout,
    streams: Streams,
    compute: &Compute,
) -> Box<dyn UpdateRule> {
    let decay = Decay::new(config, layout);
    match config.method {
        Method::Sgd(momentum) | Method::Gd(momentum) => Box::new(Descent::new(momentum, decay)),
        Method::PerturbedGd(jumps) => Box::new(Perturbed::new(jumps, decay, streams, compute)),
        Method::NormalizedSgd => Box::new(Normalised::new(decay)),
        Method::LossNormalizedSgd => Box::new(LossNormalised::new(decay)),
        Method::SignSgd(momentum) => Box::new(Sign::new(momentum, decay)),
        Method::Adam(moments) => Box::new(Adam::with_penalty(moments, decay)),
        Method::AdamW(moments) => Box::new(Adam::with_decoupled_decay(moments, decay)),
        Method::RmsProp(constants) => Box::new(RmsProp::new(constants, decay)),
        Method::Adagrad(constants) => Box::new(Adagrad::new(constants, decay)),
        Method::AdagradNorm(constants) => Box::new(AdagradNorm::new(constants, decay, layout)),
    }
}

/// What a step makes of the loss, for conditions on steps; with what the update rule divides the gradient by, where
/// that is known.
pub fn step_rule<'a>(config: &Config, preconditioner: Option<&'a [f64]>) -> StepRule<'a> {
    let rule = of_gradient(&config.optimizer, preconditioner);
    match why_no_plain_gradient(config) {
        Some(reason) => StepRule::Other {
            momentum: rule.momentum(),
            reason,
        },
        None => rule,
    }
}

/// Why steps follow something else than the gradient of the training loss and its penalty, with the noise of
/// batches or injected noise at most.
fn why_no_plain_gradient(config: &Config) -> Option<&'static str> {
    let redraws = matches!(config.label_noise, Some(LabelNoise::Redraw(_)));
    let cases = [
        (
            config.sharpness_aware.is_some(),
            "the condition is for steps along the gradient; those of SAM follow it at another point, \
             which moves their threshold (Long & Bartlett 2024)",
        ),
        (
            config.gradient_penalty.is_some(),
            "the condition is for steps along the gradient; those with a gradient penalty μ see H + μH² at \
             a minimum",
        ),
        (
            config.train.clip.is_some(),
            "the condition is for steps along the gradient; clipped ones are shorter wherever the bound acts",
        ),
        (
            config.train.svag.is_some(),
            "the condition is for steps along the gradient of one batch; those of SVAG combine two, with \
             more noise",
        ),
        (
            matches!(config.optimizer.method, Method::AdamW(_))
                && decays_in_part(&config.optimizer),
            "weight decay beside the gradient acts on a part of the parameters only, and the condition is for one \
             that acts on all",
        ),
        (
            redraws,
            "the condition is for steps along the gradient; redrawn labels make its mean that of another \
             loss",
        ),
    ];
    let found = cases.into_iter().find(|(is_so, _)| *is_so);
    found.map(|(_, why)| why)
}

/// Whether weight decay acts on a part of the parameters only.
fn decays_in_part(config: &Optimizer) -> bool {
    config.weight_decay > 0.0 && !config.weight_decay_excludes.is_empty()
}

/// Whether steps see the whole Hessian, and weight decay acts on all parameters, if there is any.
pub fn reaches_all(config: &Config) -> bool {
    config.train.frozen.is_none() && !decays_in_part(&config.optimizer)
}

/// What an update rule makes of a gradient.
fn of_gradient<'a>(config: &Optimizer, preconditioner: Option<&'a [f64]>) -> StepRule<'a> {
    let penalty = config.weight_decay;
    let descent = |Momentum {
                       coefficient,
                       nesterov,
                   }| StepRule::Descent {
        momentum: coefficient,
        is_nesterov: nesterov,
        penalty,
    };
    let adaptive = |momentum, [penalty, decay]: [f64; 2]| StepRule::Adaptive {
        momentum,
        penalty,
        decay,
        preconditioner,
    };
    match config.method {
        Method::Sgd(momentum) | Method::Gd(momentum) => descent(momentum),
        // Between its jumps.
        Method::PerturbedGd(_) => descent(Momentum {
            coefficient: 0.0,
            nesterov: false,
        }),
        Method::Adam(Moments { beta1, .. }) => adaptive(beta1, [penalty, 0.0]),
        Method::AdamW(Moments { beta1, .. }) => adaptive(beta1, [0.0, penalty]),
        Method::RmsProp(MeanSquare { momentum, .. }) => adaptive(momentum, [penalty, 0.0]),
        Method::Adagrad(_) | Method::AdagradNorm(_) => adaptive(0.0, [penalty, 0.0]),
        Method::NormalizedSgd => StepRule::Other {
            momentum: 0.0,
            reason: "a normalised step is as long where the gradient is small, so that no minimum is stable",
        },
        Method::SignSgd(SignMomentum { coefficient }) => StepRule::Other {
            momentum: coefficient,
            reason: "a step along signs is as long where the gradient is small, so that no minimum is stable",
        },
        Method::LossNormalizedSgd => StepRule::Other {
            momentum: 0.0,
            reason: "a step over the loss has a rate without bound where the loss goes to 0",
        },
    }
}

/// What a step is made of.
pub struct StepInput {
    /// Steps made before.
    pub step: u64,
    /// The learning rate.
    pub learning_rate: f64,
    /// The loss that the gradient is of; a tensor of one number.
    pub loss: Tensor<1>,
    /// The gradient, of the layout of the parameters.
    pub gradient: Parameters,
}

/// An update rule with its state. Each update is proportional to the learning rate.
pub trait UpdateRule {
    /// The parameters after one step.
    ///
    /// # Errors
    ///
    /// The device's message where a number that the step depends on cannot be read.
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String>;

    /// What a step divides the mean gradient by, for each parameter, as of the last step; none for rules that
    /// do not divide it, and before the first step.
    ///
    /// # Errors
    ///
    /// The device's message where the state cannot be read.
    fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        Ok(None)
    }

    /// Everything the next step depends on.
    ///
    /// # Errors
    ///
    /// The device's message where the state cannot be read.
    fn save(&self) -> Result<SavedState, String>;

    /// Takes up a saved state for parameters of this layout.
    ///
    /// # Errors
    ///
    /// A sentence on what the state lacks or has too much.
    fn load(
        &mut self,
        state: SavedState,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String>;
}

#[cfg(test)]
mod tests;
