//! A mean of the weights over training, as a second solution to measure.

use super::{Position, Problem};
use crate::config::{Average as Kind, MovingAverage};
use crate::params::{Parameters, Parts, SavedState};

/// The average's name among the parts of a checkpoint.
const AVERAGE: &str = "average";

const PARAMETERS: &str = "parameters";
const STATISTICS: &str = "statistics";

/// What counts batches among the running statistics, by PyTorch's name.
const COUNTER: &str = "num_batches_tracked";

/// The exponential moving average `a ← a + (1 − β)(θ − a)` of the weights after each step, which begins as the
/// weights themselves; of the running statistics of normalisation layers likewise.
///
/// So the statistics are means of what the layers of the averaged networks saw, not what those of the averaged
/// one see: where that matters, measure by the batch.
pub(super) struct Average<'a> {
    constants: MovingAverage,
    problem: &'a Problem,
    /// Parameters and running statistics, once they differ from those of the run.
    mean: Option<[Parameters; 2]>,
    /// Steps that are in it.
    steps: u64,
}

impl<'a> Average<'a> {
    /// The average that a problem asks for, before the first step.
    pub fn new(problem: &'a Problem) -> Option<Self> {
        match problem.config.average {
            Kind::None => None,
            Kind::Ema(constants) => Some(Self {
                constants,
                problem,
                mean: None,
                steps: 0,
            }),
        }
    }

    /// Takes a step of the run into the average.
    pub fn follow(&mut self, before: &Position, after: &Position) {
        if after.step <= self.constants.start {
            return;
        }
        let of = |at: &Position| [at.parameters.clone(), at.statistics.clone()];
        let [parameters, statistics] = self.mean.take().unwrap_or_else(|| of(before));
        let [new_parameters, new_statistics] = of(after);
        let share = 1.0 - self.constants.decay;
        let layout = statistics.layout().clone();
        let is_mean = |place: usize| !layout.blocks()[place].name.ends_with(COUNTER);
        let change = new_statistics.clone() - statistics.clone();
        self.mean = Some([
            parameters
                .clone()
                .plus_scaled(share, new_parameters - parameters),
            statistics
                .plus_scaled_in(is_mean, share, &change)
                .plus_scaled_in(|place| !is_mean(place), 1.0, &change),
        ]);
        self.steps += 1;
    }

    /// The average as a position of the run.
    pub fn at(&self, position: &Position) -> Position {
        match &self.mean {
            None => position.clone(),
            Some([parameters, statistics]) => Position {
                step: position.step,
                parameters: parameters.clone(),
                statistics: statistics.clone(),
            },
        }
    }

    /// Adds what the next averages depend on.
    ///
    /// # Errors
    ///
    /// The device's message where it cannot be read.
    pub fn save(&self, parts: &mut Parts) -> Result<(), String> {
        let vector = |index: usize| self.mean.as_ref().map(|mean| &mean[index]);
        let vectors = [(PARAMETERS, vector(0)), (STATISTICS, vector(1))];
        let state = SavedState::of(self.steps, &vectors)?;
        parts.insert(AVERAGE.to_owned(), state);
        Ok(())
    }

    /// Takes up what it has saved, and takes it out.
    ///
    /// # Errors
    ///
    /// A sentence on what is missing or does not fit.
    pub fn load(&mut self, parts: &mut Parts) -> Result<(), String> {
        let mut state = parts.remove(AVERAGE).unwrap_or_default();
        let blueprint = self.problem.objective.network().blueprint();
        let compute = self.problem.compute();
        let parameters = state.take(PARAMETERS, blueprint.parameters(), compute)?;
        let statistics = state.take(STATISTICS, blueprint.statistics(), compute)?;
        self.mean = parameters
            .zip(statistics)
            .map(|(parameters, statistics)| [parameters, statistics]);
        self.steps = state.finish()?;
        Ok(())
    }
}
