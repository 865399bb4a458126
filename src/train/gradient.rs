//! Where the gradient of a step comes from.

use super::Problem;
use super::batches::Batches;
use crate::model::{Conditions, Dropout, NormMode};
use crate::objective::{Batch, Chunks, Objective, TrainingGradient};
use crate::params::{Parameters, Parts};

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
/// What a gradient is taken of (which samples, which masks of dropout) is a function of the step alone:
/// asking again at other parameters and the same step is asking about the same function. So an oracle
/// can wrap another one and ask it as often as it likes.
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

/// The oracle of a config: the gradient of a batch, or over all training samples.
///
/// `all` are the training samples on the device, of which the second kind goes through every one.
pub(super) fn oracle<'a>(problem: &'a Problem, all: &Chunks) -> Box<dyn GradientOracle + 'a> {
    if problem.config.train.full_batch {
        let samples = all.clone();
        Box::new(FullGradient { problem, samples })
    } else {
        let batches = Batches::new(problem);
        Box::new(BatchGradient { problem, batches })
    }
}

/// The gradient of the step's batch.
struct BatchGradient<'a> {
    problem: &'a Problem,
    batches: Batches<'a>,
}

impl GradientOracle for BatchGradient<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let batch = self.batches.at(at.step);
        let objective = as_trained(self.problem, &at.statistics, at.step);
        objective.training_gradient(&at.parameters, &batch, 1.0 / batch.samples() as f64)
    }
}

/// The gradient over all training samples, chunk by chunk.
struct FullGradient<'a> {
    problem: &'a Problem,
    samples: Chunks,
}

impl GradientOracle for FullGradient<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let weight = 1.0 / self.samples.samples() as f64;
        let first = at.step * self.samples.batches().len() as u64;
        let mut statistics = at.statistics.clone();
        let mut of_chunk = |(pass, batch): (u64, &Batch)| {
            let objective = as_trained(self.problem, &statistics, pass);
            let term = objective.training_gradient(&at.parameters, batch, weight);
            statistics = term.statistics.clone();
            term
        };
        let chunks = (first..).zip(self.samples.batches());
        chunks
            .map(&mut of_chunk)
            .reduce(|sum, term| TrainingGradient {
                loss: sum.loss + term.loss,
                gradient: sum.gradient + term.gradient,
                statistics: term.statistics,
            })
            .expect("a training set has at least one sample")
    }
}

/// The objective as one pass of training sees it; passes differ in what dropout draws.
fn as_trained(problem: &Problem, statistics: &Parameters, pass: u64) -> Objective {
    problem.objective.under(Conditions {
        statistics: statistics.clone(),
        norm_mode: NormMode::Batch,
        dropout: Dropout::Drawn {
            streams: problem.streams,
            pass,
        },
    })
}
