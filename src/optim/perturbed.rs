//! Gradient descent that jumps at random where the gradient is small.

use super::decay::Decay;
use super::{StepInput, UpdateRule};
use crate::backend::{Compute, read};
use crate::config::Perturbation;
use crate::params::{Layout, Parameters, SavedState};
use crate::random::{StreamRng, Streams};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Perturbed gradient descent (Jin et al. 2021, "On nonconvex optimization for machine learning", algorithm 4):
/// where `‖g‖ ≤ ε` and none of the last `T` steps was a jump, `θ ← θ − ηξ` with `ξ` uniform in the ball of
/// radius `r`; otherwise `θ ← θ − ηg`. A jump is a step of its own here: the next one follows the gradient at
/// where it has led.
pub(super) struct Perturbed {
    constants: Perturbation,
    decay: Decay,
    streams: Streams,
    compute: Compute,
    /// Steps made up to and with the last jump; 0 before the first.
    jumped: u64,
}

/// The name of the stream of jumps, numbered by the step.
const STREAM: &str = "perturbation";

impl Perturbed {
    pub fn new(constants: Perturbation, decay: Decay, streams: Streams, compute: &Compute) -> Self {
        Self {
            constants,
            decay,
            streams,
            compute: compute.clone(),
            jumped: 0,
        }
    }

    fn may_jump(&self, step: u64) -> bool {
        let interval = self.constants.perturbation_interval as u64;
        self.jumped == 0 || step - self.jumped >= interval
    }
}

impl UpdateRule for Perturbed {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let gradient = self.decay.penalised(input.gradient, &parameters);
        let rate = input.learning_rate;
        let is_small = self.may_jump(input.step)
            && read(&gradient.norm())?[0] <= self.constants.gradient_threshold;
        if !is_small {
            return Ok(parameters.plus_scaled(-rate, gradient));
        }
        self.jumped = input.step + 1;
        let mut rng = self.streams.stream(STREAM, input.step);
        let layout = parameters.layout().clone();
        let jump = in_ball(&mut rng, layout.len(), self.constants.perturbation_radius);
        let jump = Parameters::from_host(&layout, &jump, &self.compute);
        Ok(parameters.plus_scaled(-rate, jump))
    }

    fn save(&self) -> Result<SavedState, String> {
        SavedState::of(self.jumped, &[])
    }

    fn load(&mut self, state: SavedState, _: &Arc<Layout>, _: &Compute) -> Result<(), String> {
        self.jumped = state.finish()?;
        Ok(())
    }
}

/// A point of the ball of a radius around 0, every one equally likely: a direction of normal numbers, at a
/// distance whose power of the dimension is uniform.
fn in_ball(rng: &mut StreamRng, dimension: usize, radius: f64) -> Vec<f64> {
    let direction: Vec<f64> = (0..dimension).map(|_| StandardNormal.sample(rng)).collect();
    let norm = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
    let share: f64 = rng.random();
    let distance = radius * share.powf((dimension as f64).recip());
    direction.iter().map(|x| distance / norm * x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share of a ball within half its radius is `2⁻ᵈ`, and a coordinate has the variance `r² / (d + 2)`.
    #[test]
    fn jumps_fill_the_ball_evenly() {
        for dimension in [1, 3] {
            let count = 20_000;
            let points: Vec<Vec<f64>> = (0..count)
                .map(|index| in_ball(&mut Streams::new(0).stream("test", index), dimension, 2.0))
                .collect();
            let norm = |point: &Vec<f64>| point.iter().map(|x| x * x).sum::<f64>().sqrt();
            assert!(points.iter().all(|point| norm(point) <= 2.0));
            let within = points.iter().filter(|point| norm(point) <= 1.0).count();
            let share = 0.5_f64.powi(dimension as i32);
            let deviation = (share * (1.0 - share) / count as f64).sqrt();
            assert!((within as f64 / count as f64 - share).abs() < 5.0 * deviation);
            let variance = points.iter().map(|point| point[0] * point[0]).sum::<f64>();
            let expected = 4.0 / (dimension as f64 + 2.0);
            assert!((variance / count as f64 / expected - 1.0).abs() < 0.05);
        }
    }
}
