//! RMSProp.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::Compute;
use crate::config::MeanSquare;
use crate::params::{Layout, Parameters, SavedState};
use std::sync::Arc;

/// RMSProp (Tieleman & Hinton 2012, lecture 6.5) in PyTorch's form: `v ← αv + (1 − α)g²`, and with
/// `P = √v + ε` the step is `θ ← θ − ηb` along `b ← μb + P⁻¹g`. Centered (Graves 2013, eq. 38-40), it is
/// `P = √(v − m²) + ε` with `m ← αm + (1 − α)g`.
pub(super) struct RmsProp {
    constants: MeanSquare,
    decay: Decay,
    square: Option<Parameters>,
    mean: Option<Parameters>,
    velocity: Option<Parameters>,
    steps: u64,
}

const SQUARE: &str = "mean_square";
const MEAN: &str = "mean_gradient";
const VELOCITY: &str = "velocity";

impl RmsProp {
    pub fn new(constants: MeanSquare, decay: Decay) -> Self {
        Self {
            constants,
            decay,
            square: None,
            mean: None,
            velocity: None,
            steps: 0,
        }
    }

    /// `P`, if a step has been made.
    fn divisor(&self) -> Option<Parameters> {
        let square = self.square.clone()?;
        let variance = match &self.mean {
            // Rounding may leave less than nothing.
            Some(mean) => (square - mean.clone().squared()).at_least(0.0),
            None => square,
        };
        Some(variance.root().shifted(self.constants.epsilon))
    }
}

/// `αm + (1 − α)x`, where `m` begins at 0.
fn moved(mean: Option<Parameters>, alpha: f64, next: Parameters) -> Parameters {
    match mean {
        Some(mean) => mean.scaled(alpha).plus_scaled(1.0 - alpha, next),
        None => next.scaled(1.0 - alpha),
    }
}

impl UpdateRule for RmsProp {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let MeanSquare {
            alpha,
            momentum,
            centered,
            ..
        } = self.constants;
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let square = gradient.clone().squared();
        self.square = Some(moved(self.square.take(), alpha, square));
        if centered {
            self.mean = Some(moved(self.mean.take(), alpha, gradient.clone()));
        }
        self.steps += 1;
        let mut direction = match self.divisor() {
            Some(divisor) => gradient.quotient(divisor),
            None => gradient,
        };
        if momentum > 0.0 {
            if let Some(velocity) = self.velocity.take() {
                direction = direction.plus_scaled(momentum, velocity);
            }
            self.velocity = Some(direction.clone());
        }
        Ok(parameters.plus_scaled(-input.learning_rate, direction))
    }

    /// `(1 − μ)P`: with a fixed `P` the step is `−η` times a mean `m ← μm + (1 − μ)g`, divided by it.
    fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        let share = 1.0 - self.constants.momentum;
        let divisor = self.divisor().map(|divisor| divisor.scaled(share));
        divisor.map(Parameters::into_host).transpose()
    }

    fn save(&self) -> Result<SavedState, String> {
        let vectors = [
            (SQUARE, self.square.as_ref()),
            (MEAN, self.mean.as_ref()),
            (VELOCITY, self.velocity.as_ref()),
        ];
        SavedState::of(self.steps, &vectors)
    }

    fn load(
        &mut self,
        mut state: SavedState,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        self.square = state.take(SQUARE, layout, compute)?;
        if self.constants.centered {
            self.mean = state.take(MEAN, layout, compute)?;
        }
        if self.constants.momentum > 0.0 {
            self.velocity = state.take(VELOCITY, layout, compute)?;
        }
        self.steps = state.finish()?;
        Ok(())
    }
}
