//! Sharpness-aware steps.

use super::ascent::Ascent;
use super::step_loss::{StepLoss, Term, summed};
use super::{GradientOracle, Position};
use crate::config::{self, FinalRadius, RadiusPath};
use crate::objective::TrainingGradient;
use std::f64::consts::PI;

/// The gradient after a move up the loss (Foret et al. 2021, algorithm 1), by two gradients of the same
/// samples. With micro-batches each of them moves on its own, and the step follows the mean of their
/// gradients (m-SAM, sec. 4.1).
///
/// Loss and running statistics are those of the first pass, at the parameters themselves: the second is at
/// parameters that the network never has.
pub(super) struct SharpnessAware<'a> {
    loss: StepLoss<'a>,
    ascent: Ascent,
    radius: Radius,
    /// Whether the terms of a step move each on its own.
    apart: bool,
}

impl<'a> SharpnessAware<'a> {
    pub fn new(loss: StepLoss<'a>, keys: &config::SharpnessAware) -> Self {
        Self {
            ascent: Ascent::new(keys),
            radius: Radius {
                first: keys.rho,
                path: keys.path,
                steps: loss.problem().total_steps(),
            },
            apart: keys.batch.is_some(),
            loss,
        }
    }

    fn of_group(&self, at: &Position, group: &[Term]) -> TrainingGradient {
        let here = self.loss.gradient_of(at, group);
        let radius = self.radius.at(at.step);
        let moved = Position {
            parameters: self.ascent.moved(&at.parameters, here.gradient, radius),
            ..at.clone()
        };
        TrainingGradient {
            loss: here.loss,
            gradient: self.loss.gradient_of(&moved, group).gradient,
            statistics: here.statistics,
        }
    }
}

impl GradientOracle for SharpnessAware<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let terms = self.loss.terms(at.step);
        let together = if self.apart { 1 } else { terms.len() };
        let mut at = at.clone();
        let groups = terms.chunks(together).map(|group| {
            let found = self.of_group(&at, group);
            at.statistics = found.statistics.clone();
            found
        });
        summed(groups)
    }
}

/// The radius as a function of the step.
struct Radius {
    first: f64,
    path: RadiusPath,
    /// Steps of the whole run.
    steps: u64,
}

impl Radius {
    /// The radius of the step with this index, the first being 0.
    fn at(&self, step: u64) -> f64 {
        let last = self.steps.saturating_sub(1).max(1);
        let progress = (step as f64 / last as f64).min(1.0);
        let between = |FinalRadius { value }: FinalRadius, gone: f64| {
            self.first + gone * (value - self.first)
        };
        match self.path {
            RadiusPath::Constant => self.first,
            RadiusPath::Linear(end) => between(end, progress),
            RadiusPath::Cosine(end) => between(end, 0.5 * (1.0 - (PI * progress).cos())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_radius_goes_from_the_first_step_to_the_last() {
        let radii = |path| {
            let radius = Radius {
                first: 0.2,
                path,
                steps: 101,
            };
            [0, 50, 100, 200].map(|step| radius.at(step))
        };
        let end = FinalRadius { value: 0.1 };
        assert_eq!(radii(RadiusPath::Constant), [0.2; 4]);
        for path in [RadiusPath::Linear(end), RadiusPath::Cosine(end)] {
            for (found, expected) in radii(path).into_iter().zip([0.2, 0.15, 0.1, 0.1]) {
                assert!((found - expected).abs() < 1e-15, "{found}");
            }
        }
    }
}
