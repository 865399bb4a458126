//! Descent along the signs of the gradient.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::Compute;
use crate::config::SignMomentum;
use crate::params::{Layout, Parameters, SavedState};
use std::sync::Arc;

/// signSGD, and Signum with momentum (Bernstein et al. 2018, "signSGD: compressed optimisation for non-convex
/// problems", algorithms 1 and 2): `θ ← θ − η sign(v)` with `v ← μv + g`, whose sign is that of their mean
/// `m ← μm + (1 − μ)g`. The sign of 0 is 0.
pub(super) struct Sign {
    momentum: f64,
    decay: Decay,
    velocity: Option<Parameters>,
    steps: u64,
}

const VELOCITY: &str = "velocity";

impl Sign {
    pub fn new(momentum: SignMomentum, decay: Decay) -> Self {
        Self {
            momentum: momentum.coefficient,
            decay,
            velocity: None,
            steps: 0,
        }
    }
}

impl UpdateRule for Sign {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let mut direction = self.decay.penalised(input.gradient, &parameters);
        if self.momentum > 0.0 {
            if let Some(velocity) = self.velocity.take() {
                direction = direction.plus_scaled(self.momentum, velocity);
            }
            self.velocity = Some(direction.clone());
        }
        self.steps += 1;
        Ok(parameters.plus_scaled(-input.learning_rate, direction.signs()))
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
        if self.momentum > 0.0 {
            self.velocity = state.take(VELOCITY, layout, compute)?;
        }
        self.steps = state.finish()?;
        Ok(())
    }
}
