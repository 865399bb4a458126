//! Update rules over whole parameter vectors, and learning-rate schedules.
//!
//! The rules are written out here because their constants must have the precision of the run: `1 − β₂`
//! in f32 is off by 1e-5, which in an f64 run is the error of every step.

mod adam;
mod descent;
mod schedule;

pub use schedule::Schedule;

use crate::backend::Compute;
use crate::config::{Method, Optimizer};
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

/// An update rule with its state.
pub trait UpdateRule {
    /// The parameters after one step along `gradient`, both of one layout.
    fn step(
        &mut self,
        learning_rate: f64,
        parameters: Parameters,
        gradient: Parameters,
    ) -> Parameters;

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
