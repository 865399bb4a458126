//! Gradient descent, plain and with heavy-ball or Nesterov momentum.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::Compute;
use crate::config::Momentum;
use crate::params::{Layout, Parameters, SavedState};
use std::sync::Arc;

/// `v ← μv + g`, without dampening and with `v = g` in the first step; `θ ← θ − ηv`, or `θ − η(g + μv)`
/// where it looks ahead (Sutskever et al. 2013, eq. 3 and 4, in the form in which the gradient is taken
/// at the parameters themselves). `g` contains the gradient `λθ` of an L2 penalty.
pub(super) struct Descent {
    momentum: Momentum,
    decay: Decay,
    velocity: Option<Parameters>,
    steps: u64,
}

const VELOCITY: &str = "velocity";

impl Descent {
    pub fn new(momentum: Momentum, decay: Decay) -> Self {
        Self {
            momentum,
            decay,
            velocity: None,
            steps: 0,
        }
    }

    fn has_momentum(&self) -> bool {
        self.momentum.coefficient > 0.0
    }

    /// The direction of the step, negated.
    fn direction(&mut self, gradient: Parameters) -> Parameters {
        if !self.has_momentum() {
            return gradient;
        }
        let coefficient = self.momentum.coefficient;
        let velocity = match self.velocity.take() {
            Some(velocity) => gradient.clone().plus_scaled(coefficient, velocity),
            None => gradient.clone(),
        };
        self.velocity = Some(velocity.clone());
        match self.momentum.nesterov {
            true => gradient.plus_scaled(coefficient, velocity),
            false => velocity,
        }
    }
}

impl UpdateRule for Descent {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let direction = self.direction(gradient);
        self.steps += 1;
        Ok(parameters.plus_scaled(-input.learning_rate, direction))
    }

    fn save(&self) -> Result<SavedState, String> {
        SavedState::of(self.steps, &[(VELOCITY, self.velocity.as_ref())])
    }

    fn load(
        &mut self,
        mut state: SavedState,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        if self.has_momentum() {
            self.velocity = state.take(VELOCITY, layout, compute)?;
        }
        self.steps = state.finish()?;
        Ok(())
    }
}
