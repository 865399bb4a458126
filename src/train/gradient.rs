//! Where the gradient of a step comes from.

mod ascent;
mod clip;
mod label_noise;
mod noise;
mod penalty;
mod sharpness_aware;
mod step_loss;

#[cfg(test)]
mod tests;

use super::Problem;
use crate::config::Config;
use crate::objective::{Chunks, TrainingGradient};
use crate::params::{Parameters, Parts};
use clip::Clipped;
use noise::NoisyGradient;
use penalty::GradientPenalty;
use sharpness_aware::SharpnessAware;
use step_loss::StepLoss;

/// Where training stands between two steps.
#[derive(Clone, Debug)]
pub struct Position {
    /// Steps made.
    pub step: u64,
    /// The parameters.
    pub parameters: Parameters,
    /// The running statistics of normalisation layers.
    pub statistics: Parameters,
}

/// Gives the gradient that a step follows.
///
/// What a gradient is taken of (which samples, which masks of dropout, which noise) is a function of the step
/// alone: asking again at other parameters and the same step is asking about the same function. So an oracle
/// can wrap another one and ask it as often as it likes, and none here has a state.
pub trait GradientOracle {
    /// Loss and gradient at a position, and the running statistics after the pass.
    fn gradient(&mut self, at: &Position) -> TrainingGradient;

    /// Adds what the next gradient depends on besides the position, each part under a name of its own.
    ///
    /// # Errors
    ///
    /// The device's message where it cannot be read.
    fn save(&self, _parts: &mut Parts) -> Result<(), String> {
        Ok(())
    }

    /// Takes up what it has saved, and takes it out.
    ///
    /// # Errors
    ///
    /// A sentence on what is missing or does not fit.
    fn load(&mut self, _parts: &mut Parts) -> Result<(), String> {
        Ok(())
    }
}

/// The oracle of a config: the gradient of the loss of a step, or what the config makes of it.
///
/// `all` are the training samples on the device, of which a step over all of them goes through every one.
pub(super) fn oracle<'a>(problem: &'a Problem, all: &Chunks) -> Box<dyn GradientOracle + 'a> {
    let config = &problem.config;
    let loss = StepLoss::new(problem, all);
    let followed: Box<dyn GradientOracle + 'a> = match config {
        Config {
            sharpness_aware: Some(keys),
            ..
        } => Box::new(SharpnessAware::new(loss, keys)),
        Config {
            gradient_penalty: Some(penalty),
            ..
        } => Box::new(GradientPenalty::new(loss, penalty.strength)),
        Config {
            noise: Some(noise), ..
        } => Box::new(NoisyGradient::new(loss, *noise)),
        _ => Box::new(loss),
    };
    match config.train.clip {
        clip if clip.is_some() => Box::new(Clipped::new(followed, clip)),
        _ => followed,
    }
}
