//! Update rules over whole parameter vectors, and learning-rate schedules.
//!
//! The rules are written out here because their constants must have the precision of the run: `1 − β₂`
//! in f32 is off by 1e-5, which in an f64 run is the error of every step.

mod adam;
mod descent;
mod schedule;

pub use schedule::Schedule;

use crate::backend::Compute;
use crate::config::{Method, Moments, Optimizer};
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

/// What an update rule makes of a gradient, for conditions on steps; with what it divides the gradient by, where
/// that is known.
pub fn step_rule<'a>(config: &Optimizer, preconditioner: Option<&'a [f64]>) -> StepRule<'a> {
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
