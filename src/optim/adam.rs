//! Adam and AdamW.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::Compute;
use crate::config::Moments;
use crate::params::{Layout, Parameters, SavedState};
use std::sync::Arc;

/// Adam (Kingma & Ba 2015, algorithm 1): `m ← β₁m + (1 − β₁)g`, `v ← β₂v + (1 − β₂)g²`, both corrected
/// for having started from 0 by `1 − βᵗ`, and `θ ← θ − η m̂ / (√v̂ + ε)`.
pub(super) struct Adam {
    constants: Moments,
    decay: Decay,
    is_decoupled: bool,
    moments: Option<[Parameters; 2]>,
    steps: u64,
}

const NAMES: [&str; 2] = ["first_moment", "second_moment"];

impl Adam {
    /// Adds the gradient `λθ` of an L2 penalty to every gradient.
    pub fn with_penalty(constants: Moments, decay: Decay) -> Self {
        Self {
            constants,
            decay,
            is_decoupled: false,
            moments: None,
            steps: 0,
        }
    }

    /// Shrinks the parameters by `ηλ` of themselves beside every step (AdamW).
    pub fn with_decoupled_decay(constants: Moments, decay: Decay) -> Self {
        Self {
            is_decoupled: true,
            ..Self::with_penalty(constants, decay)
        }
    }
}

impl UpdateRule for Adam {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let Moments {
            beta1,
            beta2,
            epsilon,
        } = self.constants;
        let rate = input.learning_rate;
        let (gradient, parameters) = match self.is_decoupled {
            true => (input.gradient, self.decay.shrunk(parameters, rate)),
            false => (
                self.decay.penalised(input.gradient, &parameters),
                parameters,
            ),
        };
        let square = gradient.clone().squared();
        let [first, second] = match self.moments.take() {
            Some([first, second]) => [
                first.scaled(beta1).plus_scaled(1.0 - beta1, gradient),
                second.scaled(beta2).plus_scaled(1.0 - beta2, square),
            ],
            None => [gradient.scaled(1.0 - beta1), square.scaled(1.0 - beta2)],
        };
        self.moments = Some([first.clone(), second.clone()]);
        self.steps += 1;
        // Powers by real exponents: there is no largest number of steps.
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let root = second.root().scaled(correction(beta2).sqrt().recip());
        let direction = first.quotient(root.shifted(epsilon));
        Ok(parameters.plus_scaled(-rate / correction(beta1), direction))
    }

    /// `(1 − β₁ᵗ) (√(v / (1 − β₂ᵗ)) + ε)`: the step is `−ηm` divided by it (Cohen et al. 2022, "Adaptive
    /// gradient methods at the edge of stability", eq. 3).
    fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        let Some([_, second]) = &self.moments else {
            return Ok(None);
        };
        let Moments {
            beta1,
            beta2,
            epsilon,
        } = self.constants;
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let [first, root] = [correction(beta1), correction(beta2).sqrt()];
        let second = second.to_host()?;
        let entries = second.iter().map(|v| first * (v.sqrt() / root + epsilon));
        Ok(Some(entries.collect()))
    }

    fn save(&self) -> Result<SavedState, String> {
        let vector = |index: usize| self.moments.as_ref().map(|moments| &moments[index]);
        SavedState::of(self.steps, &[(NAMES[0], vector(0)), (NAMES[1], vector(1))])
    }

    fn load(
        &mut self,
        mut state: SavedState,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        let [first, second] = NAMES.map(|name| state.take(name, layout, compute));
        self.moments = first?.zip(second?).map(|(first, second)| [first, second]);
        self.steps = state.finish()?;
        Ok(())
    }
}
