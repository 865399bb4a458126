//! Update rules over whole parameter vectors, and learning-rate schedules.
//!
//! The rules are written out here because their constants must have the precision of the run: `1 − β₂`
//! in f32 is off by 1e-5, which in an f64 run is the error of every step.

mod adam;
mod descent;
mod schedule;

pub use schedule::Schedule;

use crate::backend::Compute;
use crate::config::{Config, LabelNoise, Method, Moments, Optimizer};
use crate::measure::StepRule;
use crate::params::{Layout, Parameters, SavedState};
use adam::Adam;
use descent::Descent;
use std::sync::Arc;

/// A fresh update rule.
///
/// Weight decay is an L2 penalty added to the gradient, except in AdamW, where it is decoupled
/// (Loshchilov & Hutter 2019, algorithm 2).
pub fn init(config: &Optimizer) -> Box<dyn UpdateRule> {
    let decay = config.weight_decay;
    match config.method {
        Method::Sgd(momentum) | Method::Gd(momentum) => Box::new(Descent::new(momentum, decay)),
        Method::Adam(moments) => Box::new(Adam::new(moments).with_penalty(decay)),
        Method::AdamW(moments) => Box::new(Adam::new(moments).with_decoupled_decay(decay)),
    }
}

/// What a step makes of the loss, for conditions on steps; with what the update rule divides the gradient by, where
/// that is known.
pub fn step_rule<'a>(config: &Config, preconditioner: Option<&'a [f64]>) -> StepRule<'a> {
    let rule = of_gradient(&config.optimizer, preconditioner);
    match why_no_plain_gradient(config) {
        Some(why) => StepRule::OtherGradient {
            momentum: rule.momentum(),
            why,
        },
        None => rule,
    }
}

/// Why steps follow something else than the gradient of the training loss, with the noise of batches or
/// injected noise at most.
fn why_no_plain_gradient(config: &Config) -> Option<&'static str> {
    let redraws = matches!(config.label_noise, Some(LabelNoise::Redraw(_)));
    let cases = [
        (
            config.sam.is_some(),
            "the condition is for steps along the gradient; those of SAM follow it at another point, \
             which moves their threshold (Long & Bartlett 2024)",
        ),
        (
            config.gradient_penalty.is_some(),
            "the condition is for steps along the gradient; those with a gradient penalty μ see H + μH² at \
             a minimum",
        ),
        (
            config.clip.is_some(),
            "the condition is for steps along the gradient; clipped ones are shorter wherever the bound acts",
        ),
        (
            config.train.svag.is_some(),
            "the condition is for steps along the gradient of one batch; those of SVAG combine two, with \
             more noise",
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

/// What an update rule makes of a gradient.
fn of_gradient<'a>(config: &Optimizer, preconditioner: Option<&'a [f64]>) -> StepRule<'a> {
    let of_adam = |moments: Moments, [penalty, decay]: [f64; 2]| StepRule::Adaptive {
        momentum: moments.beta1,
        penalty,
        decay,
        preconditioner,
    };
    match config.method {
        Method::Sgd(momentum) | Method::Gd(momentum) => StepRule::Descent {
            momentum: momentum.coefficient,
            is_nesterov: momentum.nesterov,
            penalty: config.weight_decay,
        },
        Method::Adam(moments) => of_adam(moments, [config.weight_decay, 0.0]),
        Method::AdamW(moments) => of_adam(moments, [0.0, config.weight_decay]),
    }
}

/// An update rule with its state.
pub trait UpdateRule {
    /// The parameters after one step along `gradient`, both of one layout.
    fn step(
        &mut self,
        learning_rate: f64,
        parameters: Parameters,
        gradient: Parameters,
    ) -> Parameters;

    /// What a step divides the gradient by, for each parameter, as of the last step; none for rules that do
    /// not divide it, and before the first step.
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
