//! AdaGrad, with a sum of squares for each parameter or one for all.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::{Compute, read};
use crate::config::Accumulator;
use crate::params::{Layout, Parameters, SavedState};
use burn::tensor::Tensor;
use std::sync::Arc;

/// AdaGrad (Duchi, Hazan & Singer 2011, fig. 1, diagonal), as PyTorch has it: `s ← s + g²` and
/// `θ ← θ − ηg / (√s + ε)`.
pub(super) struct Adagrad {
    constants: Accumulator,
    decay: Decay,
    sum: Option<Parameters>,
    steps: u64,
}

const SUM: &str = "sum_of_squares";

impl Adagrad {
    pub fn new(constants: Accumulator, decay: Decay) -> Self {
        Self {
            constants,
            decay,
            sum: None,
            steps: 0,
        }
    }
}

impl UpdateRule for Adagrad {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let square = gradient.clone().squared();
        let sum = match self.sum.take() {
            Some(sum) => sum + square,
            None => square.shifted(self.constants.initial_accumulator),
        };
        self.sum = Some(sum.clone());
        self.steps += 1;
        let direction = gradient.quotient(sum.root().shifted(self.constants.epsilon));
        Ok(parameters.plus_scaled(-input.learning_rate, direction))
    }

    fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        let epsilon = self.constants.epsilon;
        let divisor = self.sum.clone().map(|sum| sum.root().shifted(epsilon));
        divisor.map(Parameters::into_host).transpose()
    }

    fn save(&self) -> Result<SavedState, String> {
        SavedState::of(self.steps, &[(SUM, self.sum.as_ref())])
    }

    fn load(
        &mut self,
        mut state: SavedState,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        self.sum = state.take(SUM, layout, compute)?;
        self.steps = state.finish()?;
        Ok(())
    }
}

/// AdaGrad-Norm (Ward, Wu & Bottou 2019, "AdaGrad stepsizes: sharp convergence over nonconvex landscapes",
/// algorithm 1): `b² ← b² + ‖g‖²` and `θ ← θ − ηg / (b + ε)`.
pub(super) struct AdagradNorm {
    constants: Accumulator,
    decay: Decay,
    parameters: usize,
    /// `b²`, a tensor of one number.
    sum: Option<Tensor<1>>,
    steps: u64,
}

impl AdagradNorm {
    pub fn new(constants: Accumulator, decay: Decay, layout: &Layout) -> Self {
        Self {
            constants,
            decay,
            parameters: layout.len(),
            sum: None,
            steps: 0,
        }
    }
}

impl UpdateRule for AdagradNorm {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let norm = gradient.norm();
        let square = norm.clone() * norm;
        let sum = match self.sum.take() {
            Some(sum) => sum + square,
            None => square.add_scalar(self.constants.initial_accumulator),
        };
        self.sum = Some(sum.clone());
        self.steps += 1;
        let divisor = sum.sqrt().add_scalar(self.constants.epsilon);
        let direction = gradient.times(&divisor.recip());
        Ok(parameters.plus_scaled(-input.learning_rate, direction))
    }

    fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        let Some(sum) = &self.sum else {
            return Ok(None);
        };
        let divisor = read(sum)?[0].sqrt() + self.constants.epsilon;
        Ok(Some(vec![divisor; self.parameters]))
    }

    fn save(&self) -> Result<SavedState, String> {
        let sum = self.sum.as_ref().map(read).transpose()?;
        Ok(SavedState {
            steps: self.steps,
            vectors: sum.map(|sum| (SUM.to_owned(), sum)).into_iter().collect(),
        })
    }

    fn load(
        &mut self,
        mut state: SavedState,
        _: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        let sum = state.take_numbers(SUM, 1)?;
        self.sum = sum.map(|sum| compute.tensor(&sum, [1]));
        self.steps = state.finish()?;
        Ok(())
    }
}
