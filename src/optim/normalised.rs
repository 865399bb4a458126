//! Descent whose steps do not shrink with the gradient: over its norm, or over the loss.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::{Compute, smallest};
use crate::params::{Layout, Parameters, SavedState};
use std::sync::Arc;

/// Normalised gradient descent (Nesterov 1984; Hazan, Levy & Shalev-Shwartz 2015, algorithm 1):
/// `θ ← θ − ηg / ‖g‖`. Where the gradient is 0 it stays.
pub(super) struct Normalised {
    decay: Decay,
    steps: u64,
}

impl Normalised {
    pub fn new(decay: Decay) -> Self {
        Self { decay, steps: 0 }
    }
}

impl UpdateRule for Normalised {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let norm = gradient.norm();
        let least = smallest(&norm);
        self.steps += 1;
        let direction = gradient.times(&norm.clamp_min(least).recip());
        Ok(parameters.plus_scaled(-input.learning_rate, direction))
    }

    fn save(&self) -> Result<SavedState, String> {
        SavedState::of(self.steps, &[])
    }

    fn load(&mut self, state: SavedState, _: &Arc<Layout>, _: &Compute) -> Result<(), String> {
        self.steps = state.finish()?;
        Ok(())
    }
}

/// Gradient descent with the rate `η / L(θ)` (Nacson et al. 2019, "Convergence of gradient descent on separable
/// data", sec. 3; Lyu & Li 2020, sec. 5): it maximises the margin at the rate of `1 / √t` to `1 / t` rather than
/// `1 / log t`. With weight decay it descends the loss with its penalty, over that.
pub(super) struct LossNormalised {
    decay: Decay,
    steps: u64,
}

impl LossNormalised {
    pub fn new(decay: Decay) -> Self {
        Self { decay, steps: 0 }
    }
}

impl UpdateRule for LossNormalised {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let loss = self.decay.penalised_loss(input.loss, &parameters);
        // A loss that has underflown to 0 has no gradient left either.
        let least = smallest(&loss);
        self.steps += 1;
        let direction = gradient.times(&loss.clamp_min(least).recip());
        Ok(parameters.plus_scaled(-input.learning_rate, direction))
    }

    fn save(&self) -> Result<SavedState, String> {
        SavedState::of(self.steps, &[])
    }

    fn load(&mut self, state: SavedState, _: &Arc<Layout>, _: &Compute) -> Result<(), String> {
        self.steps = state.finish()?;
        Ok(())
    }
}
