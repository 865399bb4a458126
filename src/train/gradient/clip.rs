//! Gradients that are bounded before a step follows them.

use super::{GradientOracle, Position};
use crate::config::Clip;
use crate::objective::TrainingGradient;
use crate::params::{Parameters, Parts};

/// Added to a norm that is divided by, as PyTorch does.
const BESIDE_NORM: f64 = 1e-6;

/// The gradient of another oracle, bounded as PyTorch's `clip_grad_norm_` and `clip_grad_value_` do: by
/// norm it becomes `g min(1, c / (‖g‖ + 1e-6))` (Pascanu, Mikolov & Bengio 2013, "On the difficulty of training
/// recurrent neural networks", algorithm 1), by value every entry is moved into `[−c, c]`. Weight decay is no part
/// of it.
pub(super) struct Clipped<'a> {
    inner: Box<dyn GradientOracle + 'a>,
    clip: Clip,
}

impl<'a> Clipped<'a> {
    pub fn new(inner: Box<dyn GradientOracle + 'a>, clip: Clip) -> Self {
        Self { inner, clip }
    }
}

impl GradientOracle for Clipped<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let found = self.inner.gradient(at);
        let mut gradient = found.gradient;
        if let Some(bound) = self.clip.norm {
            gradient = within_norm(gradient, bound);
        }
        if let Some(bound) = self.clip.value {
            gradient = gradient.clamped(bound);
        }
        TrainingGradient { gradient, ..found }
    }

    fn save(&self, parts: &mut Parts) -> Result<(), String> {
        self.inner.save(parts)
    }

    fn load(&mut self, parts: &mut Parts) -> Result<(), String> {
        self.inner.load(parts)
    }
}

fn within_norm(gradient: Parameters, bound: f64) -> Parameters {
    let norm = gradient.squared_norm().sqrt();
    let factor = norm.add_scalar(BESIDE_NORM).recip().mul_scalar(bound);
    gradient.times(&factor.clamp_max(1.0))
}
